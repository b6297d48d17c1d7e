use proptest::prelude::*;

use super::*;

/// A page of text, 17 by 24 pixels.
const JPEG: &[u8] = include_bytes!("test.jpg");

fn png(width: u32, height: u32, color: png::ColorType, depth: png::BitDepth) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    let row = (width as usize * color.samples() * depth as usize).div_ceil(8);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0x5a; row * height as usize]).unwrap();
    writer.finish().unwrap();
    out
}

fn gif() -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = gif::Encoder::new(&mut out, 4, 4, &[0, 0, 0, 200, 0, 0]).unwrap();
    encoder.write_frame(&gif::Frame::from_indexed_pixels(3, 2, vec![0, 1, 1, 0, 1, 0], Some(0))).unwrap();
    drop(encoder);
    out
}

fn webp() -> Vec<u8> {
    let mut out = Vec::new();
    image_webp::WebPEncoder::new(&mut out).encode(&[9; 4 * 4 * 4], 4, 4, image_webp::ColorType::Rgba8).unwrap();
    out
}

fn entry(blocks: Vec<Block>) -> Printed {
    let note = Some("edited twice".to_owned());
    let tags = vec!["beam".to_owned()];
    Printed { heading: "2026-01-12 09:14:05  alice".to_owned(), title: Some("Beam".to_owned()), tags, blocks, note }
}

fn pdf(entries: &[Printed]) -> Vec<u8> {
    let mut document = Document::new(&Cover { title: "Logbook of MA-1", subtitle: "Part 1 of 1" });
    for entry in entries {
        document.add(entry);
    }
    document.finish().unwrap()
}

fn count(pdf: &[u8], what: &str) -> usize {
    pdf.windows(what.len()).filter(|part| *part == what.as_bytes()).count()
}

fn pages(pdf: &[u8]) -> usize {
    count(pdf, "/Type/Page/") + count(pdf, "/Type/Page\n")
}

fn html(html: &str) -> Vec<Block> {
    blocks_of_html(html, &mut |_| None)
}

fn plain(text: &str) -> Vec<Span> {
    vec![Span::plain(text)]
}

#[test]
fn a_file_is_a_pdf_with_its_title_and_no_date() {
    let file = pdf(&[]);
    assert!(file.starts_with(b"%PDF-1.7") && file.trim_ascii_end().ends_with(b"%%EOF"));
    assert!(count(&file, "Logbook of MA-1") > 0 && count(&file, "Undulator logbook") > 0);
    assert_eq!(count(&file, "/CreationDate"), 0);
    assert_eq!(pages(&file), 1);
}

#[test]
fn the_same_entries_give_the_same_bytes() {
    let make = || {
        let text = "Η δέσμη · Образец · žluťoučký 漢";
        let image = Block::Image(png(5, 5, png::ColorType::Rgba, png::BitDepth::Eight));
        pdf(&[entry(blocks_of_text(text)), entry(vec![image, Block::Rule])])
    };
    assert_eq!(make(), make());
}

#[test]
fn a_long_entry_goes_over_pages() {
    let lines = "a line\n".repeat(500);
    let rows = vec![vec![plain("a"), plain(&"word ".repeat(3000))]];
    assert_eq!(pages(&pdf(&[entry(blocks_of_text(&lines))])), 10);
    assert!(pages(&pdf(&[entry(vec![Block::Code(lines)])])) > 7);
    assert!(pages(&pdf(&[entry(vec![Block::Table(rows)])])) > 2);
}

#[test]
fn links_of_the_web_can_be_clicked_and_others_not() {
    let file = pdf(&[entry(html("<a href=\"https://x.org/a\">a</a><a href=\"/etc\">b</a>"))]);
    assert_eq!(count(&file, "/URI(https://x.org/a)"), 1);
    assert_eq!(count(&file, "/Subtype/Link"), 1);
}

#[test]
fn images_of_each_kind_are_in_the_file_once() {
    use png::{BitDepth, ColorType};
    let mut images = vec![JPEG.to_vec(), gif(), webp()];
    for color in [ColorType::Grayscale, ColorType::GrayscaleAlpha, ColorType::Rgb, ColorType::Rgba] {
        images.extend([BitDepth::Eight, BitDepth::Sixteen].map(|depth| png(9, 4, color, depth)));
    }
    images
        .extend([png(2, 30_000, ColorType::Rgb, BitDepth::Eight), png(30_000, 2, ColorType::Grayscale, BitDepth::One)]);
    for image in &images {
        let blocks = vec![Block::Image(image.clone()), Block::Image(image.clone())];
        assert_eq!(count(&pdf(&[entry(blocks)]), "/Subtype/Image"), 1);
    }
}

#[test]
fn an_image_that_is_broken_or_too_large_is_told() {
    let large = png(6401, 6401, png::ColorType::Grayscale, png::BitDepth::One);
    let cut = &png(90, 40, png::ColorType::Rgb, png::BitDepth::Eight)[..60];
    for bytes in [large, cut.to_vec(), JPEG[..30].to_vec(), b"GIF89a".to_vec(), Vec::new()] {
        assert_eq!(count(&pdf(&[entry(vec![Block::Image(bytes)])]), "/Subtype/Image"), 0);
    }
}

#[test]
fn html_becomes_blocks() {
    let bold = |text: &str| Span { bold: true, ..Span::plain(text) };
    let link = Some("https://x.org/".to_owned());
    assert_eq!(
        html("<h2>A  b</h2>\n<p>one <b>two</b>\n<a href=\"https://x.org/\">three</a><br>four</p> <p>&nbsp;</p><hr>"),
        [
            Block::Heading(2, plain("A b")),
            Block::Text(vec![
                Span::plain("one "),
                bold("two"),
                Span::plain(" "),
                Span { link, ..Span::plain("three") },
                Span::plain("\nfour"),
            ]),
            Block::Rule,
        ]
    );
    assert_eq!(
        html("<ul><li>a<ol start=\"3\"><li><p>b</p><p>c</p></li><li>d</li></ol></li></ul><pre>x\n  y\n</pre>"),
        [
            Block::ListItem(1, "•".to_owned(), plain("a")),
            Block::ListItem(2, "3.".to_owned(), plain("b")),
            Block::ListItem(2, String::new(), plain("c")),
            Block::ListItem(2, "4.".to_owned(), plain("d")),
            Block::Code("x\n  y".to_owned()),
        ]
    );
    assert_eq!(
        html(
            "<table><tbody><tr><th>a</th><td>b<br>c</td></tr><tr><td><p>d</p><p>e</p></td><td></td></tr></tbody></table>"
        ),
        [Block::Table(vec![vec![vec![bold("a")], plain("b\nc")], vec![plain("d\ne"), vec![]]])]
    );
}

#[test]
fn formulas_and_raised_text_keep_their_meaning() {
    let text = |source: &str| match html(source).as_slice() {
        [Block::Text(spans)] => spans.iter().map(|span| span.text.as_str()).collect::<String>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        text("10<sup>-3</sup> H<sub>2</sub>O T<sub>c</sub> e<sup>a+b</sup> 1<sup>st</sup>"),
        "10⁻³ H₂O T_c e^(a+b) 1st"
    );
    assert_eq!(text("<math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac></math>"), "(a+b)/2");
    assert_eq!(text("<math><msqrt><msup><mi>x</mi><mn>2</mn></msup></msqrt></math>"), "√(x^2)");
    assert_eq!(text("<math><mfrac><mn>1</mn><msqrt><mn>2</mn></msqrt></mfrac></math>"), "1/√(2)");
}

#[test]
fn images_are_asked_for_by_their_address_and_named_when_there_is_none() {
    let source = "a<img src=\"/resource/file/665f1c2ab7d0e84c1a2bf001\">b<img src=\"/resource/file/665f1c2ab7d0e84c1a2bf002\" alt=\"c.png\"><img src=\"/resource/file/../x\">";
    let mut asked = Vec::new();
    let blocks = blocks_of_html(source, &mut |address| {
        asked.push(address.to_owned());
        address.ends_with("001").then(|| vec![1])
    });
    assert_eq!(blocks, [Block::Text(plain("a")), Block::Image(vec![1]), Block::Text(plain("b[c.png][image]"))]);
    assert_eq!(asked, ["/resource/file/665f1c2ab7d0e84c1a2bf001", "/resource/file/665f1c2ab7d0e84c1a2bf002"]);
}

#[test]
fn texts_keep_their_lines() {
    assert_eq!(blocks_of_text("\r\n a\r\n\tb\n\n"), [Block::Text(plain(" a\n    b"))]);
    assert_eq!(blocks_of_text(" \n"), []);
}

#[test]
fn deep_and_wide_html_is_read_in_time() {
    let deep = format!("{}a{}", "<div><b>".repeat(50_000), "</b></div>".repeat(50_000));
    pdf(&[entry(html(&deep)), entry(html(&"<li><td></p><table>x".repeat(20_000)))]);
}

/// Pieces that make HTML of any kind, well-formed or not.
fn piece() -> impl Strategy<Value = String> {
    let tags = "(/?(p|b|i|a|ul|ol|li|table|tr|td|th|pre|code|br|hr|img|h3|blockquote|sup|sub|math|mfrac|mrow|div|dd))";
    prop_oneof![
        4 => tags.prop_map(|tag| format!("<{tag}>")),
        3 => "\\PC{0,30}",
        1 => any::<String>(),
        1 => "[a-z]{100,400}",
        1 => Just("<img src=\"/resource/file/665f1c2ab7d0e84c1a2bf001\">".to_owned()),
        1 => Just("<a href=\"https://x.org/é\">".to_owned()),
        1 => Just("<ol start=\"9223372036854775807\">".to_owned()),
    ]
}

fn images() -> impl Strategy<Value = Vec<u8>> {
    let whole = vec![
        JPEG.to_vec(),
        gif(),
        webp(),
        png(9, 7, png::ColorType::Rgba, png::BitDepth::Eight),
        png(40, 9, png::ColorType::Grayscale, png::BitDepth::Four),
    ];
    let changes = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(whole), changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(
        |(mut bytes, changes, end, is_cut)| {
            for (at, new) in changes {
                let at = at.index(bytes.len());
                bytes[at] = new;
            }
            if is_cut {
                bytes.truncate(end.index(bytes.len()));
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn any_html_gives_a_file(pieces in proptest::collection::vec(piece(), 0..25), image in images()) {
        let blocks = blocks_of_html(&pieces.concat(), &mut |_| Some(image.clone()));
        prop_assert!(pdf(&[entry(blocks)]).starts_with(b"%PDF"));
    }

    #[test]
    fn any_text_gives_a_file(text in any::<String>(), title in any::<String>(), heading in "\\PC{0,200}") {
        let mut entry = entry(blocks_of_text(&text));
        entry.blocks.push(Block::Code(text));
        entry.title = Some(title.clone());
        entry.heading = heading;
        let mut document = Document::new(&Cover { title: &title, subtitle: &entry.heading });
        document.add(&entry);
        prop_assert!(document.finish().is_ok());
    }

    #[test]
    fn any_bytes_that_begin_like_an_image_are_shown_or_told(bytes in images()) {
        prop_assert!(pdf(&[entry(vec![Block::Image(bytes)])]).starts_with(b"%PDF"));
    }
}
