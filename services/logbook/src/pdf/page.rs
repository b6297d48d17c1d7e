//! Pages: what is drawn on the current one, and when the next begins. Lengths are points, from the upper left corner.

use krilla::action::{Action, LinkAction};
use krilla::annotation::{LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect, Size};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::text::KrillaGlyph;

use super::fonts::{Fonts, Letter};
use super::image::Picture;
use super::lines;
use super::{Error, Span};

/// A4.
const WIDTH: f32 = 595.28;
const HEIGHT: f32 = 841.89;

pub const LEFT: f32 = 56.7;
pub const COLUMN: f32 = WIDTH - 2.0 * LEFT;
const TOP: f32 = 62.0;
const BOTTOM: f32 = HEIGHT - 60.0;

/// The tallest that an image gets.
pub const HALF: f32 = (BOTTOM - TOP) / 2.0;

/// Red, green and blue.
pub type Color = [u8; 3];

pub const BLACK: Color = [0x1a, 0x1a, 0x1a];
pub const GREY: Color = [0x6b, 0x72, 0x7c];
pub const BLUE: Color = [0x1d, 0x4f, 0x91];
pub const PALE: Color = [0xc9, 0xce, 0xd6];
pub const SHADE: Color = [0xf3, 0xf4, 0xf6];

enum Mark {
    Line { x: f32, baseline: f32, size: f32, color: Color, letters: Vec<Letter> },
    Box { x: f32, y: f32, width: f32, height: f32, color: Color },
    Image { x: f32, y: f32, width: f32, height: f32, picture: Picture },
}

/// The file as far as it is drawn, and the page that is being filled.
pub struct Pages {
    pub fonts: Fonts,
    file: krilla::Document,
    title: Vec<Letter>,
    marks: Vec<Mark>,
    links: Vec<(Rect, String)>,
    number: usize,
    /// Where the next thing goes on this page.
    y: f32,
}

impl Pages {
    pub fn new(title: &str, file: krilla::Document) -> Result<Self, Error> {
        let fonts = Fonts::load()?;
        let title = fonts.letters(&Span::plain(title), 0).filter(|letter| letter.c != '\n').collect();
        Ok(Self { fonts, file, title, marks: Vec::new(), links: Vec::new(), number: 1, y: TOP })
    }

    /// Begins a page if less than this is left of the current one. An empty page is taken as it is.
    pub fn need(&mut self, height: f32) {
        if self.needs_turn(height) {
            self.turn();
        }
    }

    pub fn needs_turn(&self, height: f32) -> bool {
        self.y + height > BOTTOM && !self.is_top()
    }

    fn is_top(&self) -> bool {
        self.y <= TOP
    }

    /// Takes a strip over the whole width, on the next page if this has no room for it, and gives its upper edge.
    pub fn take(&mut self, height: f32) -> f32 {
        self.need(height);
        self.hang(height)
    }

    /// The same for what must not part from the line above; it may reach into the margin.
    pub fn hang(&mut self, height: f32) -> f32 {
        let y = self.y;
        self.y += height;
        y
    }

    /// Empty space, of which the top of a page needs none.
    pub fn skip(&mut self, height: f32) {
        if !self.is_top() {
            self.y += height;
        }
    }

    pub fn filled(&mut self, x: f32, y: f32, width: f32, height: f32, color: Color) {
        self.marks.push(Mark::Box { x, y, width, height, color });
    }

    pub fn image(&mut self, x: f32, width: f32, height: f32, picture: &Picture) {
        let y = self.take(height);
        self.marks.push(Mark::Image { x, y, width, height, picture: picture.clone() });
    }

    /// A line of text; its links are addresses of `links`.
    pub fn line(&mut self, x: f32, baseline: f32, size: f32, color: Color, letters: &[Letter], links: &[String]) {
        let mut at = x;
        for run in letters.chunk_by(|a, b| a.link == b.link) {
            let width = lines::width(run) * size;
            if let Some(address) = run[0].link.checked_sub(1).and_then(|link| links.get(link)) {
                self.mark_link(at, baseline, size, width, address);
            }
            at += width;
        }
        self.marks.push(Mark::Line { x, baseline, size, color, letters: letters.to_vec() });
    }

    fn mark_link(&mut self, x: f32, baseline: f32, size: f32, width: f32, address: &str) {
        self.filled(x, baseline + size * 0.14, width, 0.4, BLUE);
        if let Some(place) = Rect::from_xywh(x, baseline - size * 0.9, width, size * 1.2) {
            self.links.push((place, address.to_owned()));
        }
    }

    /// Draws the page and begins the next.
    fn turn(&mut self) {
        self.head_and_foot();
        let settings = PageSettings::from_wh(WIDTH, HEIGHT).unwrap_or_default();
        let mut page = self.file.start_page_with(settings);
        let mut surface = page.surface();
        for mark in self.marks.drain(..) {
            draw(&mut surface, &self.fonts, mark);
        }
        surface.finish();
        for (place, address) in self.links.drain(..) {
            let target = Target::Action(Action::Link(LinkAction::new(address)));
            page.add_annotation(LinkAnnotation::new(place, target).into());
        }
        page.finish();
        self.number += 1;
        self.y = TOP;
    }

    fn head_and_foot(&mut self) {
        const SIZE: f32 = 8.0;
        let number: Vec<_> = self.fonts.letters(&Span::plain(&self.number.to_string()), 0).collect();
        let x = (WIDTH - lines::width(&number) * SIZE) / 2.0;
        self.line(x, HEIGHT - 34.0, SIZE, GREY, &number, &[]);
        // The first page begins with the title.
        if self.number > 1 {
            let first = lines::broken(&self.title, COLUMN / SIZE).swap_remove(0);
            let title = self.title[first].to_vec();
            self.line(LEFT, 40.0, SIZE, GREY, &title, &[]);
            self.filled(LEFT, 46.0, COLUMN, 0.5, PALE);
        }
    }

    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        self.turn();
        self.file.finish().map_err(|e| Error::File(e.to_string()))
    }
}

fn draw(surface: &mut Surface, fonts: &Fonts, mark: Mark) {
    match mark {
        Mark::Line { x, baseline, size, color, letters } => {
            draw_line(surface, fonts, Point::from_xy(x, baseline), size, color, &letters);
        }
        Mark::Box { x, y, width, height, color } => {
            let mut path = PathBuilder::new();
            if let Some(rect) = Rect::from_xywh(x, y, width, height) {
                path.push_rect(rect);
            }
            if let Some(path) = path.finish() {
                surface.set_fill(Some(of(color)));
                surface.draw_path(&path);
            }
        }
        Mark::Image { x, y, width, height, picture } => {
            let (size, transform) = picture.placed(x, y, width, height);
            if let Some(size) = Size::from_wh(size.0, size.1) {
                surface.push_transform(&transform);
                surface.draw_image(picture.image, size);
                surface.pop();
            }
        }
    }
}

fn draw_line(surface: &mut Surface, fonts: &Fonts, from: Point, size: f32, color: Color, letters: &[Letter]) {
    let mut at = from;
    for run in letters.chunk_by(|a, b| a.face == b.face && (a.link == 0) == (b.link == 0)) {
        let mut text = String::with_capacity(run.len());
        let glyphs: Vec<_> = run
            .iter()
            .map(|letter| {
                let start = text.len();
                text.push(if letter.c.is_whitespace() { ' ' } else { letter.c });
                KrillaGlyph::new(letter.glyph, letter.width, 0.0, 0.0, 0.0, start..text.len(), None)
            })
            .collect();
        surface.set_fill(Some(of(if run[0].link == 0 { color } else { BLUE })));
        surface.draw_glyphs(at, &glyphs, fonts.font(run[0].face), &text, size, false);
        at.x += lines::width(run) * size;
    }
}

fn of([red, green, blue]: Color) -> Fill {
    Fill { paint: rgb::Color::new(red, green, blue).into(), ..Fill::default() }
}
