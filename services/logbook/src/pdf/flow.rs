//! What stands below each other in the column: headings, paragraphs, lists, code and images.

use super::fonts::Letter;
use super::image::Picture;
use super::page::{BLACK, COLUMN, Color, GREY, HALF, LEFT, PALE, Pages, SHADE};
use super::{Cover, Printed, Span, lines};

/// How text looks, in points.
#[derive(Clone, Copy)]
pub struct Look {
    pub size: f32,
    pub leading: f32,
    pub color: Color,
}

const BODY: Look = Look { size: 9.5, leading: 13.5, color: BLACK };
const SMALL: Look = Look { size: 8.0, leading: 11.0, color: GREY };
const CODE: Look = Look { size: 8.0, leading: 11.0, color: BLACK };

/// Between blocks.
const GAP: f32 = 4.5;

/// A step to the right in lists.
const STEP: f32 = 15.0;

/// Deeper items would have no room.
const MAX_STEPS: u8 = 10;

/// Text with its fonts chosen.
pub struct Typeset {
    pub letters: Vec<Letter>,
    pub links: Vec<String>,
}

pub fn typeset(pages: &Pages, spans: &[Span]) -> Typeset {
    let mut set = Typeset { letters: Vec::new(), links: Vec::new() };
    for span in spans {
        let safe = span.link.as_deref().and_then(super::links::safe);
        set.links.extend(safe.clone());
        let link = if safe.is_some() { set.links.len() } else { 0 };
        set.letters.extend(pages.fonts.letters(span, link));
    }
    set
}

/// Lines of text within a width. `of_line` is told where each begins, before it is drawn.
fn paragraph(
    pages: &mut Pages,
    spans: &[Span],
    x: f32,
    width: f32,
    look: Look,
    mut of_line: impl FnMut(&mut Pages, f32),
) {
    let set = typeset(pages, spans);
    for line in lines::broken(&set.letters, width / look.size) {
        let y = pages.take(look.leading);
        of_line(pages, y);
        pages.line(x, baseline(y, look), look.size, look.color, &set.letters[line], &set.links);
    }
}

/// Where letters stand in a line that begins at `y`.
pub fn baseline(y: f32, look: Look) -> f32 {
    y + look.leading / 2.0 + look.size * 0.36
}

fn nothing(_: &mut Pages, _: f32) {}

pub fn cover(pages: &mut Pages, cover: &Cover) {
    let large = Look { size: 18.0, leading: 24.0, color: BLACK };
    paragraph(pages, &[Span::bold(cover.title)], LEFT, COLUMN, large, nothing);
    paragraph(pages, &[Span::plain(cover.subtitle)], LEFT, COLUMN, Look { color: GREY, ..BODY }, nothing);
    pages.skip(6.0);
    let y = pages.take(1.0);
    pages.filled(LEFT, y, COLUMN, 1.0, GREY);
    pages.skip(2.0);
}

/// A band with who wrote when, then title and tags. It is never the last thing of a page.
pub fn heading_of(pages: &mut Pages, entry: &Printed) {
    const INSET: f32 = 5.0;
    let look = Look { size: 8.5, leading: 16.0, color: BLACK };
    pages.skip(14.0);
    pages.need(58.0);
    paragraph(pages, &[Span::bold(&entry.heading)], LEFT + INSET, COLUMN - 2.0 * INSET, look, |pages, y| {
        pages.filled(LEFT, y, COLUMN, look.leading, SHADE);
    });
    pages.skip(3.0);
    if let Some(note) = &entry.note {
        let note = Span { italic: true, ..Span::plain(note) };
        paragraph(pages, &[note], LEFT, COLUMN, SMALL, nothing);
    }
    if !entry.tags.is_empty() {
        let tags = format!("Tags: {}", entry.tags.join(", "));
        paragraph(pages, &[Span::plain(&tags)], LEFT, COLUMN, SMALL, nothing);
    }
    if let Some(title) = entry.title.as_deref().filter(|title| !title.trim().is_empty()) {
        let look = Look { size: 11.5, leading: 16.0, color: BLACK };
        pages.skip(2.0);
        paragraph(pages, &[Span::bold(title)], LEFT, COLUMN, look, nothing);
        pages.skip(1.0);
    }
}

pub fn text(pages: &mut Pages, spans: &[Span]) {
    paragraph(pages, spans, LEFT, COLUMN, BODY, nothing);
    pages.skip(GAP);
}

pub fn heading(pages: &mut Pages, level: u8, spans: &[Span]) {
    let size = match level {
        0 | 1 => 13.0,
        2 => 12.0,
        3 => 11.0,
        _ => 10.0,
    };
    let look = Look { size, leading: size * 1.4, color: BLACK };
    let spans: Vec<_> = spans.iter().map(|span| Span { bold: true, ..span.clone() }).collect();
    pages.skip(GAP);
    pages.need(look.leading + 2.0 * BODY.leading);
    paragraph(pages, &spans, LEFT, COLUMN, look, nothing);
    pages.skip(2.0);
}

pub fn item(pages: &mut Pages, depth: u8, marker: &str, spans: &[Span]) {
    let indent = f32::from(depth.clamp(1, MAX_STEPS)) * STEP;
    let mut marker = typeset(pages, &[Span::plain(marker)]).letters;
    paragraph(pages, spans, LEFT + indent, COLUMN - indent, BODY, |pages, y| {
        // The first line takes it.
        let marker = std::mem::take(&mut marker);
        let x = LEFT + indent - 4.0 - lines::width(&marker) * BODY.size;
        pages.line(x.max(LEFT / 2.0), baseline(y, BODY), BODY.size, GREY, &marker, &[]);
    });
    pages.skip(2.0);
}

pub fn code(pages: &mut Pages, code: &str) {
    const INSET: f32 = 6.0;
    let code = Span { mono: true, ..Span::plain(&code.replace('\t', "    ")) };
    let edge = |pages: &mut Pages| {
        let y = pages.hang(3.0);
        pages.filled(LEFT, y, COLUMN, 3.0, SHADE);
    };
    pages.skip(2.0);
    pages.need(3.0 + CODE.leading);
    edge(pages);
    paragraph(pages, &[code], LEFT + INSET, COLUMN - 2.0 * INSET, CODE, |pages, y| {
        pages.filled(LEFT, y, COLUMN, CODE.leading, SHADE);
    });
    edge(pages);
    pages.skip(GAP);
}

/// Never larger than the column and half a page.
pub fn image(pages: &mut Pages, picture: Option<&Picture>) {
    let Some(picture) = picture else {
        return text(pages, &[Span { italic: true, ..Span::plain("[image cannot be shown]") }]);
    };
    let scale = (COLUMN / picture.width).min(HALF / picture.height).min(1.0);
    let (width, height) = ((picture.width * scale).max(1.0), (picture.height * scale).max(1.0));
    pages.skip(2.0);
    pages.image(LEFT, width, height, picture);
    pages.skip(GAP + 2.0);
}

pub fn rule(pages: &mut Pages) {
    let y = pages.take(9.0);
    pages.filled(LEFT, y + 3.0, COLUMN, 0.6, PALE);
}
