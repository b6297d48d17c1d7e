use proptest::prelude::*;
use typesetting::{Block, Cell, Image, Inline, Item, List, Style, Table};

use crate::domain::entry_html;
use crate::export::pdf::blocks::blocks_of_text;
use crate::export::pdf::html::blocks_of_html;
use crate::markup::markdown::render_markdown;

fn render_html(html: &str) -> Vec<Block> {
    blocks_of_html(html, &mut |_| None)
}

fn plain_inlines(text: &str) -> Vec<Inline> {
    vec![Inline::plain(text)]
}

fn plain_paragraph(text: &str) -> Block {
    Block::Paragraph(plain_inlines(text))
}

fn styled_text(text: &str, style: Style) -> Inline {
    Inline::Text(text.to_owned(), style)
}

fn strong_text(text: &str) -> Inline {
    styled_text(text, Style { strong: true, ..Style::default() })
}

#[test]
fn html_becomes_blocks() {
    let link = Style { link: Some("https://x.org/".to_owned()), ..Style::default() };
    assert_eq!(
        render_html(
            "<h2>A  b</h2>\n<p>one <b>two</b>\n<a href=\"https://x.org/\">three</a><br>four</p> <p>&nbsp;</p><hr>"
        ),
        [
            Block::Heading(2, plain_inlines("A b")),
            Block::Paragraph(vec![
                Inline::plain("one "),
                strong_text("two"),
                Inline::plain(" "),
                styled_text("three", link),
                Inline::plain("\nfour"),
            ]),
            Block::Rule,
        ]
    );
    assert_eq!(render_html("<pre>x\n  y\n</pre>"), [Block::Code("x\n  y".to_owned())]);
    assert_eq!(
        render_html("<blockquote><p>a</p>b</blockquote>"),
        [Block::Quote(vec![plain_paragraph("a"), plain_paragraph("b")])]
    );
}

#[test]
fn marks_keep_their_form() {
    let style = Style::default;
    assert_eq!(
        render_html("<del>a</del><code>b</code><u>c</u><mark>d</mark>10<sup>-3</sup>H<sub>2</sub>"),
        [Block::Paragraph(vec![
            styled_text("a", Style { strike: true, ..style() }),
            styled_text("b", Style { code: true, ..style() }),
            styled_text("c", Style { underline: true, ..style() }),
            styled_text("d", Style { mark: true, ..style() }),
            Inline::plain("10"),
            styled_text("-3", Style { script: typesetting::Script::Superscript, ..style() }),
            Inline::plain("H"),
            styled_text("2", Style { script: typesetting::Script::Subscript, ..style() }),
        ])]
    );
}

#[test]
fn lists_are_within_each_other() {
    let item = |blocks: Vec<Block>| Item { number: None, blocks };
    let inner = List {
        start: Some(3),
        items: vec![item(vec![plain_paragraph("b"), plain_paragraph("c")]), item(vec![plain_paragraph("d")])],
    };
    assert_eq!(
        render_html("<ul><li>a<ol start=\"3\"><li><p>b</p><p>c</p></li><li>d</li></ol></li></ul>"),
        [Block::List(List { start: None, items: vec![item(vec![plain_paragraph("a"), Block::List(inner)])] })]
    );
    assert_eq!(
        render_html("<ol><li value=\"1986\">A year</li></ol>"),
        [Block::List(List {
            start: Some(1),
            items: vec![Item { number: Some(1986), blocks: vec![plain_paragraph("A year")] }]
        })]
    );
}

#[test]
fn tables_know_their_headers_and_spans() {
    let cells = |texts: &[&str]| texts.iter().map(|text| Cell::from(plain_inlines(text))).collect::<Vec<_>>();
    let table = |header_rows, rows| [Block::Table(Table { header_rows, rows })];
    assert_eq!(
        render_html(
            "<table><tbody><tr><th>a</th><td>b<br>c</td></tr><tr><td><p>d</p><p>e</p></td><td></td></tr></tbody></table>"
        ),
        table(
            0,
            vec![
                vec![vec![strong_text("a")].into(), plain_inlines("b\nc").into()],
                vec![plain_inlines("d\ne").into(), Vec::new().into()]
            ]
        )
    );
    let head = vec![Cell::from(vec![strong_text("a")]), vec![strong_text("b")].into()];
    assert_eq!(
        render_html(
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>"
        ),
        table(1, vec![head.clone(), cells(&["1", "2"])])
    );
    assert_eq!(
        render_html("<table><tr><th>a</th><th>b</th></tr><tr><td colspan=\"2\" rowspan=\"x\">1</td></tr></table>"),
        table(1, vec![head, vec![Cell { columns: 2, rows: 1, content: plain_inlines("1") }]])
    );
}

#[test]
fn formulas_are_those_of_markdown_as_on_the_page() {
    let formulas = |source: &str| match render_html(source).as_slice() {
        [Block::Paragraph(inlines)] => inlines
            .iter()
            .map(|inline| if matches!(inline, Inline::Formula(_)) { 'f' } else { 't' })
            .collect::<String>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(formulas("a <math><mfrac><mi>a</mi><mn>2</mn></mfrac></math> b"), "tft");
    let of_markdown = |text: &str| formulas(&entry_html::sanitize_html(&render_markdown(text)));
    assert_eq!(of_markdown("mean $I_0 < 3$, `$x$`, costs $5 and $6"), "tfttt");
    assert_eq!(of_markdown("so $\\unknown x$ stays"), "t");
    assert_eq!(formulas("<p>mean $I_0 &lt; 3$, $$x$$</p>"), "t");
    let text = "mean $I_0 < 3$ and $$\\frac{1}{2}$$, $HOME/$USER, \\$5";
    assert_eq!(blocks_of_text(text), [plain_paragraph(text)]);
}

#[test]
fn images_are_asked_for_by_their_address_and_named_when_there_is_none() {
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
    let image = Image::decode(GIF).unwrap();
    let source = "a<img src=\"/resource/file/665f1c2ab7d0e84c1a2bf001\">b<img src=\"/resource/file/665f1c2ab7d0e84c1a2bf002\" alt=\"c.png\"><img src=\"/resource/file/../x\">";
    let mut asked = Vec::new();
    let blocks = blocks_of_html(source, &mut |address| {
        asked.push(address.to_owned());
        address.ends_with("001").then(|| image.clone())
    });
    let figure = Block::Figure(typesetting::Figure { image: image.clone(), description: "image".to_owned() });
    assert_eq!(blocks, [plain_paragraph("a"), figure, plain_paragraph("b[c.png][image]")]);
    assert_eq!(asked, ["/resource/file/665f1c2ab7d0e84c1a2bf001", "/resource/file/665f1c2ab7d0e84c1a2bf002"]);
    let within = "<table><tr><td>x<img src=\"/resource/file/665f1c2ab7d0e84c1a2bf001\"></td></tr></table>";
    let blocks = blocks_of_html(within, &mut |_| Some(image.clone()));
    assert!(matches!(blocks.as_slice(), [Block::Table(_), Block::Figure(_)]), "{blocks:?}");
}

#[test]
fn texts_keep_their_lines() {
    assert_eq!(blocks_of_text("\r\n a\r\n  b\n\n"), [plain_paragraph(" a\n  b")]);
    assert_eq!(blocks_of_text(" \n"), []);
}

#[test]
fn deep_and_wide_html_is_read_in_time() {
    let deep = format!("{}a{}", "<div><b>".repeat(50_000), "</b></div>".repeat(50_000));
    assert_eq!(render_html(&deep).len(), 1);
    assert!(!render_html(&"<li><td></p><table>x".repeat(20_000)).is_empty());
    assert_eq!(render_html(&"<math><mrow>".repeat(20_000)).len(), 0);
}

/// Pieces that make HTML of any kind, well-formed or not.
fn html_piece() -> impl Strategy<Value = String> {
    let tags = "(/?(p|b|i|a|ul|ol|li|table|thead|tr|td|th|pre|code|br|hr|img|h3|blockquote|sup|sub|math|mfrac|mrow|mi|div|dd))";
    prop_oneof![
        4 => tags.prop_map(|tag| format!("<{tag}>")),
        3 => "\\PC{0,30}",
        1 => any::<String>(),
        1 => "[a-z]{100,400}",
        1 => Just("<img src=\"/resource/file/665f1c2ab7d0e84c1a2bf001\">".to_owned()),
        1 => Just("<td colspan=\"3\" rowspan=\"99\">".to_owned()),
        1 => Just("<ol start=\"9223372036854775807\">".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_html_gives_a_file(pieces in proptest::collection::vec(html_piece(), 0..25)) {
        static TYPESETTER: std::sync::LazyLock<typesetting::Typesetter> =
            std::sync::LazyLock::new(typesetting::Typesetter::with_embedded_fonts);
        let document = typesetting::Document { blocks: render_html(&pieces.concat()), ..typesetting::Document::default() };
        let file = TYPESETTER.render_pdf(&document);
        prop_assert!(file.is_ok(), "{:?}", file.err());
    }
}
