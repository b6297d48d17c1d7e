//! A page of scripts of the world as other programs read it. It needs `pdftotext`, `mutool` and the fonts that
//! `scripts/lib/install.sh` installs.

use std::fs;
use std::path::Path;
use std::process::Command;

use typesetting::{Block, Document, Inline, Style, Table, Typesetter};

/// Each as it is read; none of them has marks that other programs give in another order.
const SCRIPTS: [(&str, &str); 18] = [
    ("Latin", "Größe, naïve façade, Łódź, Çeşme"),
    ("Greek", "Η δέσμη είναι σταθερή"),
    ("Cyrillic", "Пучок стабилен, їжак"),
    ("Arabic", "الحزمة مستقرة"),
    ("Hebrew", "הקרן יציבה"),
    ("Thai", "ลำแสงเสถียร"),
    ("Devanagari", "किरण स्थिर"),
    ("Chinese", "光束稳定，样品已装入"),
    ("Japanese", "ビームは安定しています"),
    ("Korean", "빔이 안정적입니다"),
    ("Georgian", "სხივი სტაბილურია"),
    ("Armenian", "ճառագայթը կայուն է"),
    ("Bengali", "রশ্মি স্থির"),
    ("Tamil", "ஒளி நிலை"),
    ("Ethiopic", "ጨረሩ የተረጋጋ ነው"),
    ("Vietnamese", "Chùm tia ổn định"),
    ("Symbols", "✓ ✗ ☐ ☑ ⚠ → ⇌ ★ ☢ 👍"),
    ("Mathematics", "∑ ∫ √ ∂ ∇ ∈ ℝ ≤ ≠ ≈ ± × 𝛼"),
];

fn run_program(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|e| panic!("{program} is needed, see scripts/lib/install.sh: {e}"));
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn script_samples() -> Document {
    let strong = Style { strong: true, ..Style::default() };
    let lines = SCRIPTS.iter().map(|(_, text)| Block::Paragraph(vec![Inline::plain(*text)]));
    let bold = SCRIPTS.iter().map(|(_, text)| Block::Paragraph(vec![Inline::Text((*text).to_owned(), strong.clone())]));
    let row = |(name, text): &(&str, &str)| vec![vec![Inline::plain(*name)].into(), vec![Inline::plain(*text)].into()];
    let table = Table { header_rows: 0, rows: SCRIPTS.iter().map(row).collect() };
    let blocks = lines.chain(bold).chain([Block::Table(table)]).collect();
    Document { title: "Scripts of the world".to_owned(), blocks, ..Document::default() }
}

#[test]
fn texts_of_many_scripts_are_shown_and_can_be_copied() {
    let typesetter = Typesetter::with_system_fonts();
    let lacking: String =
        SCRIPTS.iter().flat_map(|(_, text)| text.chars()).filter(|c| !typesetter.can_show(*c) && *c != ' ').collect();
    assert_eq!(lacking, "", "fonts are missing, see scripts/lib/install.sh");
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scripts.pdf");
    fs::write(&file, typesetter.render_pdf(&script_samples()).unwrap()).unwrap();
    let path = file.to_str().unwrap();

    // Signs of direction, which are not seen, stand around text from right to left.
    let is_sign = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let text: String = run_program("pdftotext", &["-layout", path, "-"]).chars().filter(|c| !is_sign(*c)).collect();
    // Between signs the reader sees the gaps as too narrow for spaces.
    let without_spaces = |text: &str| text.replace(' ', "");
    for (name, written) in SCRIPTS {
        let written =
            if matches!(name, "Symbols" | "Mathematics") { without_spaces(written) } else { written.to_owned() };
        let found =
            text.lines().filter(|line| line.ends_with(&written) || without_spaces(line).ends_with(&written)).count();
        // krilla 0.8.2 gives two glyphs of Noto Sans Thai Bold the text of both, so that poppler reads one twice.
        let wanted = if name == "Thai" { 2 } else { 3 };
        assert_eq!(found, wanted, "{name}: {written}\n{text}");
    }
    let glyphs = run_program("mutool", &["trace", path]);
    assert!(glyphs.matches("<g ").count() > 500, "{glyphs}");
    assert_eq!(count_missing_glyphs(&glyphs), 0, "glyphs are missing");
}

/// How many glyphs of a trace stand for characters that their font does not have.
fn count_missing_glyphs(glyphs: &str) -> usize {
    glyphs.lines().filter(|line| line.contains("glyph=\".notdef\"")).count()
}

/// Shows too that the search for missing glyphs above finds them.
#[test]
fn what_no_font_has_is_a_box() {
    let document =
        Document { blocks: vec![Block::Paragraph(vec![Inline::plain("a\u{e123}b")])], ..Document::default() };
    let typesetter = Typesetter::with_embedded_fonts();
    assert!(!typesetter.can_show('\u{e123}'));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("box.pdf");
    fs::write(&file, typesetter.render_pdf(&document).unwrap()).unwrap();
    assert_eq!(count_missing_glyphs(&run_program("mutool", &["trace", file.to_str().unwrap()])), 1);
}
