//! Tables: columns as wide as what stands in them, as far as there is room; rows may go on over the end of a page.

use super::flow::{Look, Typeset, baseline, typeset};
use super::page::{BLACK, COLUMN, LEFT, PALE, Pages};
use super::{Span, flow, lines};

const LOOK: Look = Look { size: 8.5, leading: 11.5, color: BLACK };

/// Around what stands in a cell.
const INSET: f32 = 4.0;

const STROKE: f32 = 0.6;

/// More columns would be too narrow to read.
const MAX_COLUMNS: usize = 16;

/// A row that is lower than this stays together.
const TOGETHER: f32 = 150.0;

pub fn table(pages: &mut Pages, rows: &[Vec<Vec<Span>>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    if columns > MAX_COLUMNS {
        return rows.iter().for_each(|row| as_text(pages, row));
    }
    let widths = widths(pages, rows, columns);
    pages.skip(2.0);
    for row in rows {
        draw(pages, row, &widths);
    }
    pages.skip(7.0);
}

fn as_text(pages: &mut Pages, row: &[Vec<Span>]) {
    let spans: Vec<_> = row.join(&Span::plain(" | "));
    flow::text(pages, &spans);
}

/// Of each column, without its insets. Those that need less than a fair share get what they need.
fn widths(pages: &Pages, rows: &[Vec<Vec<Span>>], columns: usize) -> Vec<f32> {
    let mut needs = vec![LOOK.size; columns];
    for row in rows {
        for (need, cell) in needs.iter_mut().zip(row) {
            let letters = typeset(pages, cell).letters;
            let lines = letters.split(|letter| letter.c == '\n');
            *need = lines.map(|line| lines::width(line) * LOOK.size + 0.5).fold(*need, f32::max);
        }
    }
    shares(&needs, COLUMN - 2.0 * INSET * count(columns))
}

#[expect(clippy::cast_precision_loss, reason = "a few columns")]
fn count(columns: usize) -> f32 {
    columns as f32
}

fn shares(needs: &[f32], room: f32) -> Vec<f32> {
    let mut order: Vec<_> = (0..needs.len()).collect();
    order.sort_by(|a, b| needs[*a].total_cmp(&needs[*b]));
    let mut shares = vec![0.0; needs.len()];
    let mut left = room;
    for (done, column) in order.iter().enumerate() {
        shares[*column] = needs[*column].min(left / count(needs.len() - done));
        left -= shares[*column];
    }
    shares
}

fn draw(pages: &mut Pages, row: &[Vec<Span>], widths: &[f32]) {
    let sets: Vec<Typeset> = row.iter().map(|cell| typeset(pages, cell)).collect();
    let broken: Vec<_> =
        sets.iter().zip(widths).map(|(set, width)| lines::broken(&set.letters, width / LOOK.size)).collect();
    let height = broken.iter().map(Vec::len).max().unwrap_or(1);
    let all = count(height) * LOOK.leading + 2.0 * INSET;
    pages.need(if all < TOGETHER { all } else { 2.0 * (LOOK.leading + INSET) });
    edge(pages, widths, true);
    for at in 0..height {
        let is_new_page = pages.needs_turn(LOOK.leading);
        let y = pages.take(LOOK.leading);
        if is_new_page {
            stroke(pages, widths, y);
        }
        sides(pages, widths, y, LOOK.leading);
        let mut x = LEFT + INSET;
        for ((set, lines), width) in sets.iter().zip(&broken).zip(widths) {
            if let Some(line) = lines.get(at) {
                pages.line(x, baseline(y, LOOK), LOOK.size, LOOK.color, &set.letters[line.clone()], &set.links);
            }
            x += width + 2.0 * INSET;
        }
    }
    edge(pages, widths, false);
}

/// The inset above or below what stands in a row, with the line that ends it.
fn edge(pages: &mut Pages, widths: &[f32], is_above: bool) {
    let y = if is_above { pages.take(INSET - 1.0) } else { pages.hang(INSET - 1.0) };
    sides(pages, widths, y, INSET - 1.0);
    stroke(pages, widths, if is_above { y } else { y + INSET - 1.0 });
}

fn stroke(pages: &mut Pages, widths: &[f32], y: f32) {
    let across = widths.iter().map(|width| width + 2.0 * INSET).sum::<f32>();
    pages.filled(LEFT, y, across + STROKE, STROKE, PALE);
}

fn sides(pages: &mut Pages, widths: &[f32], y: f32, height: f32) {
    let mut x = LEFT;
    pages.filled(x, y, STROKE, height, PALE);
    for width in widths {
        x += width + 2.0 * INSET;
        pages.filled(x, y, STROKE, height, PALE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrow_columns_get_what_they_need_and_wide_ones_share() {
        assert_eq!(shares(&[10.0, 500.0, 20.0, 500.0], 230.0), [10.0, 100.0, 20.0, 100.0]);
        assert_eq!(shares(&[10.0, 20.0], 230.0), [10.0, 20.0]);
        assert!(shares(&[], 230.0).is_empty());
    }
}
