//! Markdown and plain text as HTML. What is no tag that an entry may have is text, so that `mean <I> = 300, if a<b and c>d`
//! keeps its words; the HTML is still cleaned before it is stored, as everything that people send.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use html5ever::tokenizer::{Tag as HtmlTag, TagKind, Token, TokenSink, TokenSinkResult};
use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, TextMergeStream};
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{RenderConfig, Storage, push_mathml};

use crate::domain::entry_html;
use crate::domain::html_tokens::tokenize_html;

/// Elements without an end tag.
const VOID: [&str; 5] = ["br", "col", "hr", "img", "wbr"];
/// Bytes of a text whose marks are read. The worst of this length takes seconds, most of them for the cleaning of three times as
/// much HTML. A longer one is text, or refused, depending on where it comes from.
pub const MAX_MARKDOWN: usize = 256 << 10;
/// Bytes of a formula.
const MAX_FORMULA: usize = 4_000;
/// Formulas of a text that are set, and bytes of their `MathML`, which has many times the length of its source; the rest stays
/// text.
const MAX_FORMULAS: usize = 500;
const MOST_MATHML: usize = 256 << 10;
/// Commands that define others: a few of them make a formula of any size.
const DEFINING: [&str; 6] = ["\\def", "\\let", "\\futurelet", "\\newcommand", "\\renewcommand", "\\providecommand"];

/// `CommonMark` with tables, strikethrough, task lists and formulas (`$…$`, `$$…$$`) as HTML, which is not yet harmless. Line
/// breaks are kept, and bare addresses become links.
pub fn render_markdown(text: &str) -> String {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS | Options::ENABLE_MATH;
    let mut out = Rendered::default();
    for event in TextMergeStream::new(Parser::new_ext(text, options)) {
        out.add_event(event);
    }
    let mut html = String::with_capacity(text.len() * 3 / 2);
    pulldown_cmark::html::push_html(&mut html, out.events.into_iter());
    html
}

/// Text without marks as HTML: escaped, with links for bare addresses unless it is very long.
pub fn render_plain(text: &str) -> String {
    let mut html = String::with_capacity(text.len() * 5 / 4);
    let events = if text.len() > MAX_MARKDOWN { vec![Event::Text(text.into())] } else { link_addresses(text) };
    pulldown_cmark::html::push_html(&mut html, events.into_iter());
    html
}

#[derive(Default)]
struct Rendered<'a> {
    events: Vec<Event<'a>>,
    /// Where tags without their ends are among the events of the paragraph (or heading, or cell) that is being read.
    open_tags: Vec<(usize, String)>,
    /// The text of an HTML block that is being read.
    block: Option<String>,
    /// Links, images and blocks of code around: what is within is no address.
    opaque: usize,
    /// Number of formulas that were rendered, and the bytes of their `MathML`.
    formulas: usize,
    mathml: usize,
}

impl<'a> Rendered<'a> {
    /// Adds a formula as `MathML`. Text that is not a formula after all, as in `5$ or 6$`, stays as it was written.
    fn add_formula(&mut self, source: &str, mode: DisplayMode) {
        let is_wanted = !source.trim().is_empty() && self.formulas < MAX_FORMULAS && self.mathml < MOST_MATHML;
        self.events.push(match is_wanted.then(|| render_formula(source, mode)).flatten() {
            Some(html) => {
                self.formulas += 1;
                self.mathml += html.len();
                Event::InlineHtml(html.into())
            }
            None if mode == DisplayMode::Block => Event::Text(format!("$${source}$$").into()),
            None => Event::Text(format!("${source}$").into()),
        });
    }

    fn add_event(&mut self, event: Event<'a>) {
        if let Some(block) = &mut self.block {
            match event {
                Event::End(TagEnd::HtmlBlock) => {
                    let block = std::mem::take(block);
                    self.block = None;
                    self.add_block(block);
                }
                Event::Html(text) | Event::InlineHtml(text) | Event::Text(text) => block.push_str(&text),
                _ => {}
            }
            return;
        }
        match event {
            Event::Start(Tag::HtmlBlock) => self.block = Some(String::new()),
            Event::Start(tag) => {
                self.opaque += usize::from(is_opaque(tag.to_end()));
                self.events.push(Event::Start(tag));
            }
            Event::End(end) => {
                self.opaque -= usize::from(is_opaque(end));
                if is_leaf(end) {
                    // What has no end stays text.
                    self.open_tags.clear();
                }
                self.events.push(Event::End(end));
            }
            Event::Text(text) if self.opaque == 0 => {
                self.events.extend(link_addresses(&text).into_iter().map(into_owned));
            }
            Event::SoftBreak => self.events.push(Event::HardBreak),
            Event::InlineMath(source) => self.add_formula(&source, DisplayMode::Inline),
            Event::DisplayMath(source) => self.add_formula(&source, DisplayMode::Block),
            Event::InlineHtml(tag) | Event::Html(tag) => self.add_tag(tag),
            // Check boxes are removed when the HTML is sanitized.
            Event::TaskListMarker(is_done) => self.events.push(Event::Text(if is_done { "☑ " } else { "☐ " }.into())),
            event => self.events.push(event),
        }
    }

    /// Adds a tag within text. It counts as text until it is closed.
    fn add_tag(&mut self, source: CowStr<'a>) {
        let place = self.events.len();
        let tags = parse_tags(&source);
        let [tag] = tags.as_slice() else { return self.events.push(Event::Text(source)) };
        let name = tag.name.to_string();
        if !is_allowed(tag) {
            return self.events.push(Event::Text(source));
        }
        if tag.kind == TagKind::StartTag && VOID.contains(&name.as_str()) {
            return self.events.push(Event::InlineHtml(source));
        }
        self.events.push(Event::Text(source));
        if tag.kind == TagKind::StartTag {
            self.open_tags.push((place, name));
        } else if self.open_tags.last().is_some_and(|(_, open)| *open == name)
            && let Some((start, _)) = self.open_tags.pop()
        {
            for place in [start, place] {
                if let Event::Text(source) = &self.events[place] {
                    self.events[place] = Event::InlineHtml(source.clone());
                }
            }
        }
    }

    /// A block of HTML is kept if every tag in it is allowed and closed.
    fn add_block(&mut self, block: String) {
        if is_balanced(&parse_tags(&block)) && !block.trim_start().starts_with("<!") {
            return self.events.push(Event::Html(block.into()));
        }
        self.events.push(Event::Start(Tag::Paragraph));
        for (n, line) in block.trim_end().lines().enumerate() {
            if n > 0 {
                self.events.push(Event::HardBreak);
            }
            self.events.extend(link_addresses(line).into_iter().map(into_owned));
        }
        self.events.push(Event::End(TagEnd::Paragraph));
    }
}

fn is_opaque(end: TagEnd) -> bool {
    matches!(end, TagEnd::Link | TagEnd::Image | TagEnd::CodeBlock)
}

/// Whether only text and marks of text are in it.
fn is_leaf(end: TagEnd) -> bool {
    matches!(end, TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::TableCell | TagEnd::Item)
}

fn into_owned<'b>(event: Event<'_>) -> Event<'b> {
    event.into_static()
}

/// Text whose bare addresses of the web and of mail are links.
fn link_addresses(text: &str) -> Vec<Event<'_>> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url, LinkKind::Email]);
    let mut events = Vec::new();
    for span in finder.spans(text) {
        let part = span.as_str();
        let link_type = match span.kind() {
            Some(LinkKind::Url) if ["http://", "https://"].iter().any(|scheme| part.starts_with(scheme)) => {
                LinkType::Autolink
            }
            Some(LinkKind::Email) => LinkType::Email,
            _ => {
                events.push(Event::Text(part.into()));
                continue;
            }
        };
        let link = Tag::Link { link_type, dest_url: part.into(), title: "".into(), id: "".into() };
        events.extend([Event::Start(link), Event::Text(part.into()), Event::End(TagEnd::Link)]);
    }
    events
}

/// `None` if it cannot be read.
fn render_formula(source: &str, mode: DisplayMode) -> Option<String> {
    if source.len() > MAX_FORMULA || DEFINING.iter().any(|command| source.contains(command)) {
        return None;
    }
    let mut annotation = String::new();
    pulldown_cmark_escape::escape_html(&mut annotation, source).ok()?;
    // A panic of the parser means that the formula cannot be read; the request continues.
    catch_unwind(AssertUnwindSafe(|| {
        let storage = Storage::new();
        let events: Vec<_> = pulldown_latex::Parser::new(source, &storage).collect::<Result<_, _>>().ok()?;
        let mut html = String::new();
        let config = RenderConfig { display_mode: mode, annotation: Some(&annotation), ..RenderConfig::default() };
        let events = events.into_iter().map(Ok::<_, std::fmt::Error>);
        push_mathml(&mut html, events, config).ok()?;
        Some(html)
    }))
    .ok()?
}

/// The tags of a piece of HTML.
fn parse_tags(html: &str) -> Vec<HtmlTag> {
    tokenize_html(html, Tags::default()).0.into_inner()
}

#[derive(Default)]
struct Tags(RefCell<Vec<HtmlTag>>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        if let Token::TagToken(tag) = token {
            self.0.borrow_mut().push(tag);
        }
        TokenSinkResult::Continue
    }
}

fn is_allowed(tag: &HtmlTag) -> bool {
    entry_html::is_allowed(&tag.name, tag.attrs.iter().map(|attribute| &*attribute.name.local))
}

/// Whether each tag may stay and each start has its end.
fn is_balanced(tags: &[HtmlTag]) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in tags {
        if !is_allowed(tag) {
            return false;
        }
        match tag.kind {
            TagKind::StartTag if VOID.contains(&&*tag.name) => {}
            TagKind::StartTag => open.push(&tag.name),
            TagKind::EndTag if open.pop() == Some(&*tag.name) => {}
            TagKind::EndTag => return false,
        }
    }
    open.is_empty() && !tags.is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render_trimmed(text: &str) -> String {
        entry_html::sanitize_html(&render_markdown(text)).trim().to_owned()
    }

    #[test]
    fn only_so_many_formulas_are_set() {
        let html = render_markdown(&"$x$ ".repeat(MAX_FORMULAS + 3));
        assert_eq!(html.matches("<math").count(), MAX_FORMULAS);
        assert_eq!(html.matches("$x$").count(), 3);
        assert!(!render_markdown(&"$".repeat(10_000)).contains("<math"), "nothing is no formula");
    }

    #[test]
    fn what_is_no_allowed_tag_is_text() {
        for (text, expected) in [
            ("mean <I> = 300, if a<b and c>d", "<p>mean &lt;I&gt; = 300, if a&lt;b and c&gt;d</p>"),
            ("H<sub>2</sub>O<br>and <u>so <b>on</b></u>", "<p>H<sub>2</sub>O<br>and <u>so <b>on</b></u></p>"),
            ("<b>crossed <i>over</b> here</i>", "<p>&lt;b&gt;crossed <i>over&lt;/b&gt; here</i></p>"),
            ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
            ("a <img src=x onerror=alert(1)> b", "<p>a &lt;img src=x onerror=alert(1)&gt; b</p>"),
            ("<I> = 300\n<J> = 2", "<p>&lt;I&gt; = 300<br>\n&lt;J&gt; = 2</p>"),
            ("<table>\n<tr><td>1</td></tr>\n</table>", "<table>\n<tbody><tr><td>1</td></tr>\n</tbody></table>"),
            ("<table>\n<tr><td>a <x>\n", "<p>&lt;table&gt;<br>\n&lt;tr&gt;&lt;td&gt;a &lt;x&gt;</p>"),
            ("<!-- so -->", "<p>&lt;!-- so --&gt;</p>"),
            ("a <!-- so --> b", "<p>a &lt;!-- so --&gt; b</p>"),
        ] {
            assert_eq!(render_trimmed(text), expected, "{text}");
        }
    }

    #[test]
    fn lines_stay_and_addresses_are_links() {
        let link = |address: &str, text: &str| format!("<a href=\"{address}\" rel=\"noopener noreferrer\">{text}</a>");
        assert_eq!(render_trimmed("one\ntwo"), "<p>one<br>\ntwo</p>");
        let address = "https://example.org/a?b=1&c=2";
        let escaped = address.replace('&', "&amp;");
        assert_eq!(render_trimmed(&format!("see {address}.")), format!("<p>see {}.</p>", link(&escaped, &escaped)));
        assert_eq!(
            render_trimmed("mail a.b@example.org"),
            format!("<p>mail {}</p>", link("mailto:a.b@example.org", "a.b@example.org"))
        );
        assert_eq!(render_trimmed("[x](https://example.org)"), format!("<p>{}</p>", link("https://example.org", "x")));
        assert_eq!(render_trimmed("`https://example.org`"), "<p><code>https://example.org</code></p>");
        assert_eq!(render_trimmed("ftp://example.org"), "<p>ftp://example.org</p>");
        assert_eq!(render_plain("<a> https://x.org"), "&lt;a&gt; <a href=\"https://x.org\">https://x.org</a>");
        assert_eq!(render_trimmed("1986. A year"), "<ol start=\"1986\">\n<li>A year</li>\n</ol>");
        assert_eq!(render_trimmed("- [x] a\n- [ ] b"), "<ul>\n<li>☑ a</li>\n<li>☐ b</li>\n</ul>");
        assert_eq!(render_trimmed("**a** ~~b~~"), "<p><strong>a</strong> <del>b</del></p>");
    }

    #[test]
    fn formulas_are_set_and_what_is_none_stays() {
        let html = render_trimmed("so $\\frac{a}{b} < x^2$ holds");
        for part in ["<math", "<mfrac>", "<msup>", "application/x-tex\">\\frac{a}{b} &lt; x^2</annotation>"] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert!(render_trimmed("$$\\sum_{i=0}^n x_i$$").contains("display=\"block\""));
        assert_eq!(render_trimmed("it costs $5 or $6"), "<p>it costs $5 or $6</p>");
        for none in ["$\\frac{a}$", "$\\def\\a{\\a\\a}\\a$", "$\\unknown x$"] {
            assert_eq!(render_trimmed(none), format!("<p>{none}</p>"));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// No text is ever lost.
        #[test]
        fn no_word_is_lost(words in prop::collection::vec(
            prop::sample::select(vec!["<", ">", "</", "<b", "<I>", "&", "\"", "'", "=", "/", "$x$", "$", "word", "a b", "<!--", "-->", "<td>", "<![CDATA["]),
            1..12,
        )) {
            let text = words.join(" ");
            let plain = crate::domain::plain_text::render_plain_text(&render_trimmed(&text));
            prop_assert_eq!(plain.matches("word").count(), text.matches("word").count(), "{} became {}", text, plain);
        }

        #[test]
        fn no_formula_is_the_end_of_a_request(source in "[\\\\a-z{}^_&$ \\[\\]0-9]{0,40}") {
            let _ = render_formula(&source, DisplayMode::Inline);
        }
    }
}
