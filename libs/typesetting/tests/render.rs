//! Documents as files: what stands in them, and that nothing that a user writes is more than text.

mod latex;

use std::sync::LazyLock;

use proptest::prelude::*;
use typesetting::{
    Block, Cell, Document, Formula, Inline, Item, List, MathmlReader, RecordHeader, Script, Style, Table, Typesetter,
};

use self::latex::parse_latex;

static TYPESETTER: LazyLock<Typesetter> = LazyLock::new(Typesetter::with_embedded_fonts);

fn document_of(blocks: Vec<Block>) -> Document {
    Document {
        title: "Logbook of MA-1".to_owned(),
        subtitle: vec!["Part 1 of 1".to_owned()],
        creator: "Test".to_owned(),
        language: None,
        blocks,
    }
}

fn render_blocks(blocks: Vec<Block>) -> Vec<u8> {
    TYPESETTER.render_pdf(&document_of(blocks)).expect("documents can be rendered")
}

fn plain_inlines(text: &str) -> Vec<Inline> {
    vec![Inline::plain(text)]
}

fn plain_paragraph(text: &str) -> Block {
    Block::Paragraph(plain_inlines(text))
}

fn count_occurrences(pdf: &[u8], what: &str) -> usize {
    pdf.windows(what.len()).filter(|part| *part == what.as_bytes()).count()
}

fn count_pages(pdf: &[u8]) -> usize {
    count_occurrences(pdf, "/Type/Page/") + count_occurrences(pdf, "/Type/Page\n")
}

/// A formula if the text is LaTeX.
fn formula_or_text(text: &str) -> Vec<Inline> {
    vec![parse_latex(text, false).map_or_else(|| Inline::plain(text), Inline::Formula)]
}

/// Every kind of block and of text.
fn every_kind_of_block(text: &str) -> Vec<Block> {
    let styles = [0, 1, 2, 4, 8, 16, 32, 64, 26, 127].map(|bits| Style {
        strong: bits & 1 > 0,
        emphasis: bits & 2 > 0,
        strike: bits & 4 > 0,
        underline: bits & 8 > 0,
        code: bits & 16 > 0,
        mark: bits & 32 > 0,
        script: if bits & 64 > 0 { Script::Superscript } else { Script::Subscript },
        link: (bits & 2 > 0).then(|| "https://example.org/".to_owned()),
    });
    let styled: Vec<Inline> = styles.into_iter().map(|style| Inline::Text(text.to_owned(), style)).collect();
    let row = || vec![Cell::from(plain_inlines(text)), Cell { columns: 2, rows: 2, content: plain_inlines(text) }];
    let header = RecordHeader { heading: text.to_owned(), notes: vec![text.to_owned()], title: Some(text.to_owned()) };
    let item = Item { number: Some(7), blocks: vec![plain_paragraph(text), Block::Code(text.to_owned())] };
    vec![
        Block::Section(text.to_owned()),
        Block::RecordHeader(header),
        Block::Heading(1, plain_inlines(text)),
        Block::Paragraph(styled),
        Block::Paragraph(formula_or_text(text)),
        Block::List(List { start: None, items: vec![item.clone()] }),
        Block::List(List { start: Some(3), items: vec![item.clone(), Item { number: None, ..item }] }),
        Block::Quote(vec![plain_paragraph(text), Block::Rule, Block::PageBreak]),
        Block::Code(text.to_owned()),
        Block::Table(Table { header_rows: 1, rows: vec![row(), row(), row()] }),
        Block::Rule,
        Block::PageBreak,
        plain_paragraph(text),
    ]
}

#[test]
fn a_file_is_a_tagged_pdf_with_its_title_and_no_date() {
    let file = render_blocks(Vec::new());
    assert!(file.starts_with(b"%PDF-1.7") && file.trim_ascii_end().ends_with(b"%%EOF"));
    assert!(count_occurrences(&file, "Logbook of MA-1") > 0 && count_occurrences(&file, "/MarkInfo") == 1);
    assert_eq!(count_occurrences(&file, "/CreationDate"), 0);
    assert_eq!(count_pages(&file), 1);
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let make = || render_blocks(every_kind_of_block("Η δέσμη · Образец · žluťoučký 漢 x^2"));
    assert_eq!(make(), make());
}

#[test]
fn scripts_that_no_font_has_are_boxes_beside_text_of_the_other_direction() {
    for text in ["\u{fb30}a \u{10a0c}", "\u{10f30}0 \u{1e5ee}"] {
        assert_eq!(count_pages(&render_blocks(vec![plain_paragraph(text)])), 1, "{text:?}");
    }
}

#[test]
fn sections_have_bookmarks_and_records_none() {
    let header = RecordHeader { heading: "10:00:00  alice".to_owned(), ..RecordHeader::default() };
    let day =
        |day: &str| [Block::Section(day.to_owned()), Block::RecordHeader(header.clone()), plain_paragraph("text")];
    let file = render_blocks([day("2026-01-12"), day("2026-01-13")].concat());
    assert_eq!(count_occurrences(&file, "/Outlines"), 2, "its type, and where the file names it");
    assert_eq!(count_occurrences(&file, "/Title(2026-01-1"), 2);
    assert_eq!(count_occurrences(&file, "/Title(10:00"), 0);
}

#[test]
fn a_long_block_goes_over_pages() {
    let lines = "a line\n".repeat(500);
    let rows: Vec<Vec<Cell>> =
        (0..200).map(|n| vec![plain_inlines(&n.to_string()).into(), plain_inlines("a word").into()]).collect();
    assert!((8..14).contains(&count_pages(&render_blocks(vec![plain_paragraph(&lines)]))));
    assert!((6..14).contains(&count_pages(&render_blocks(vec![Block::Code(lines)]))));
    assert!((4..9).contains(&count_pages(&render_blocks(vec![Block::Table(Table { header_rows: 1, rows })]))));
    let wide = vec![vec![Cell::from(plain_inlines("a")), plain_inlines(&"word ".repeat(3000)).into()]];
    assert!(count_pages(&render_blocks(vec![Block::Table(Table { header_rows: 0, rows: wide })])) > 2);
}

#[test]
fn links_of_the_web_can_be_clicked_and_others_not() {
    let link =
        |address: &str| Inline::Text("a".to_owned(), Style { link: Some(address.to_owned()), ..Style::default() });
    let file = render_blocks(vec![Block::Paragraph(vec![link("https://x.org/a"), link("/etc"), link("javascript:x")])]);
    assert_eq!(count_occurrences(&file, "/URI(https://x.org/a)"), 1);
    assert_eq!(count_occurrences(&file, "/Subtype/Link"), 1);
}

#[test]
fn formulas_are_set_in_the_font_for_them() {
    let all = [
        r"\frac{a+b}{2} = \sqrt[3]{x_1^2} \pm \left( \frac{1}{2} \right)",
        r"\sum_{i=0}^{n} \alpha_i \int_0^\infty e^{-x^2}\,dx = \lim_{n \to \infty} a_n",
        r"\begin{pmatrix} a & b \\ c & d \end{pmatrix} \hat{x} \vec{v} \overline{ab} \underbrace{x+y}_{n}",
        r"f(x) = \begin{cases} 1 & x > 0 \\ 0 & \text{otherwise} \end{cases}",
        r"\mathbf{B} \mathcal{L} \mathbb{R} \mathrm{eV} \not= \binom{n}{k} \sin\theta",
        r"\begin{aligned} a &= b \\ &= c \end{aligned}",
    ];
    for latex in all {
        for is_display in [false, true] {
            let formula = parse_latex(latex, is_display).unwrap_or_else(|| panic!("{latex}"));
            let file = render_blocks(vec![Block::Paragraph(vec![Inline::Formula(formula)])]);
            assert!(count_occurrences(&file, "Asana-Math") > 0, "{latex}");
        }
    }
}

#[test]
fn deep_documents_are_rendered() {
    let mut blocks = vec![Block::Paragraph(formula_or_text(r"\frac{1}{\frac{1}{\sqrt{\sqrt{x^{2^{2}}}}}}"))];
    for n in 0..100 {
        let item = Item { number: None, blocks: blocks.clone() };
        blocks = match n % 3 {
            0 => vec![Block::Quote(blocks)],
            1 => vec![Block::List(List { start: None, items: vec![item] })],
            _ => vec![Block::List(List { start: Some(1), items: vec![item] })],
        };
    }
    assert_eq!(count_pages(&render_blocks(blocks)), 1);
    let deep = format!("{}x{}", "\\sqrt{".repeat(9), "}".repeat(9));
    let cell = Cell::from(formula_or_text(&deep));
    let mut blocks = vec![Block::Table(Table { header_rows: 0, rows: vec![vec![cell]] })];
    for _ in 0..8 {
        blocks = vec![Block::List(List { start: Some(1), items: vec![Item { number: Some(2), blocks }] })];
    }
    assert!(count_occurrences(&render_blocks(blocks), "Asana-Math") > 0);
}

#[test]
fn markup_of_typst_is_text() {
    // Each of them would end the rendering, or change the file, if it were markup.
    let texts = [
        "#panic(\"x\")",
        "#while true {}",
        "#read(\"/etc/passwd\")",
        "#import \"@preview/cetz:0.4.0\"",
        "#pagebreak()",
        "] #panic() [",
        "\" #panic() \"",
        "*a* _b_ `c` $#panic()$ = d <e> @f /* g",
        "\\iftypst#panic()\\fi",
        "\\#panic()",
    ];
    for text in texts {
        let blocks: Vec<Block> =
            every_kind_of_block(text).into_iter().filter(|block| *block != Block::PageBreak).collect();
        assert!(count_pages(&render_blocks(blocks)) < 4, "{text}");
    }
}

/// Pieces that mean something to Typst, and any others.
fn typst_like_text() -> impl Strategy<Value = String> {
    let signs = "[#\\[\\]{}()$*_`\"'<>@=~/\\\\+:;.,-]{1,6}";
    let words = prop::sample::select(vec![
        "#panic()",
        "#let x = ",
        "#set page(",
        "#show: ",
        "#include ",
        "#eval(",
        "*/",
        "//",
        "/*",
        "```",
        "$$",
        "\\frac",
        "\\sqrt{",
        "^{",
    ]);
    prop_oneof![3 => signs, 2 => words.prop_map(str::to_owned), 2 => "\\PC{0,30}", 1 => any::<String>(), 1 => "[a-zא-ת0-9]{60,200}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_text_is_rendered_and_does_nothing(pieces in proptest::collection::vec(typst_like_text(), 0..8), title in any::<String>()) {
        let text = pieces.concat();
        let document = Document { title: title.clone(), subtitle: vec![title], ..document_of(every_kind_of_block(&text)) };
        let file = TYPESETTER.render_pdf(&document);
        prop_assert!(file.is_ok(), "{:?}", file.err());
        prop_assert_eq!(count_occurrences(&file.unwrap(), "/JavaScript"), 0);
    }
}
