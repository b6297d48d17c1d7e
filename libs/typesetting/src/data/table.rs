//! Tables: each cell at its place, each column as wide as what stands in it, as far as there is room.

use serde_json::{Value, json};

use super::COLUMN;
use super::text::{encode_inlines, is_gap, is_right_to_left, is_wide};
use crate::document::{Cell, Inline, Table};

/// Of the text, in points; smaller where a table has no room otherwise.
const SIZE: f32 = 8.5;
const SMALLEST: f32 = 5.0;

/// On both sides of what stands in a cell, with the line.
const INSETS: f32 = 9.0;

/// More columns would be too narrow to read; such a table becomes lines of text.
const MAX_COLUMNS: usize = 24;

/// A row with fewer characters, or lines, stays together.
const SHORT_ROW: usize = 600;
const FEW_LINES: usize = 10;

/// A table as a block, none if it is empty, or blocks of text.
pub fn encode_table(table: &Table) -> Vec<Value> {
    let header_rows = table.header_rows.min(table.rows.len());
    let Some(grid) = Grid::place_cells(&table.rows, header_rows) else {
        return table.rows.iter().map(|row| as_text(row)).collect();
    };
    if grid.columns == 0 {
        return Vec::new();
    }
    let (size, widths) = grid.fit_columns();
    let row = |row: &Vec<Placed>| Value::Array(row.iter().map(|cell| cell.to_value(size, &widths)).collect());
    let mut rows: Vec<Value> = grid.rows.iter().map(row).collect();
    let body = rows.split_off(header_rows.min(rows.len()));
    vec![json!({"kind": "table", "size": size, "columns": widths, "header": rows, "rows": body})]
}

fn as_text(row: &[Cell]) -> Value {
    let cells: Vec<&[Inline]> = row.iter().map(|cell| cell.content.as_slice()).collect();
    super::with_content(json!({"kind": "paragraph"}), &cells.join(&Inline::plain(" | ")))
}

/// A cell at its place, from which no other one takes away; without content where a row had none.
struct Placed<'a> {
    x: usize,
    columns: usize,
    rows: usize,
    content: &'a [Inline],
    stays_together: bool,
}

impl Placed<'_> {
    fn to_value(&self, size: f32, widths: &[f32]) -> Value {
        let width = widths[self.x..self.x + self.columns].iter().sum::<f32>() - INSETS;
        let (word, _) = widths_of(self.content);
        let mut encoded = json!({"content": encode_inlines(self.content, long_word(word, width / size))});
        let spans = [("columns", self.columns), ("rows", self.rows)];
        for (name, span) in spans.into_iter().filter(|(_, span)| *span > 1) {
            encoded[name] = span.into();
        }
        if !self.stays_together {
            encoded["breakable"] = true.into();
        }
        if is_right_to_left(self.content) {
            encoded["rtl"] = true.into();
        }
        encoded
    }
}

struct Grid<'a> {
    columns: usize,
    /// The cells that begin in each row, from the left, so that they and those from above fill it.
    rows: Vec<Vec<Placed<'a>>>,
}

impl<'a> Grid<'a> {
    /// Places cells as HTML does (HTML Standard, "Forming a table"), without overlaps and gaps; `None` if there are too
    /// many columns.
    fn place_cells(rows: &'a [Vec<Cell>], header_rows: usize) -> Option<Self> {
        let mut taken = vec![0usize; MAX_COLUMNS];
        let mut placed: Vec<Vec<Placed>> = Vec::with_capacity(rows.len());
        for (y, row) in rows.iter().enumerate() {
            let end = if y < header_rows { header_rows } else { rows.len() };
            let (mut out, mut x) = (Vec::new(), 0);
            for cell in row {
                while taken.get(x).is_some_and(|rows| *rows > 0) {
                    x += 1;
                }
                (x < MAX_COLUMNS).then_some(())?;
                let free = taken[x..].iter().take_while(|rows| **rows == 0).count();
                let columns = cell.columns.clamp(1, free);
                let rows = cell.rows.clamp(1, end - y);
                taken[x..x + columns].fill(rows);
                out.push(Placed { x, columns, rows, content: &cell.content, stays_together: stays_together(row) });
                x += columns;
            }
            for rows in &mut taken {
                *rows = rows.saturating_sub(1);
            }
            placed.push(out);
        }
        let right = |cell: &Placed| cell.x + cell.columns;
        let columns = placed.iter().flatten().map(right).max().unwrap_or(0);
        let mut grid = Self { columns, rows: placed };
        grid.fill_gaps();
        Some(grid)
    }

    /// Gives each place that is free an empty cell.
    fn fill_gaps(&mut self) {
        let mut taken = vec![0usize; self.columns];
        for row in &mut self.rows {
            let mut full = Vec::with_capacity(row.len());
            let mut cells = std::mem::take(row).into_iter().peekable();
            let mut x = 0;
            while x < self.columns {
                if let Some(cell) = cells.next_if(|cell| cell.x == x) {
                    taken[x..x + cell.columns].fill(cell.rows);
                    x += cell.columns;
                    full.push(cell);
                } else {
                    if taken[x] == 0 {
                        taken[x] = 1;
                        full.push(Placed { x, columns: 1, rows: 1, content: &[], stays_together: true });
                    }
                    x += 1;
                }
            }
            for rows in &mut taken {
                *rows -= 1;
            }
            *row = full;
        }
    }

    /// The size of the text, and the widths of the columns in points.
    fn fit_columns(&self) -> (f32, Vec<f32>) {
        let (mut least, mut wanted) = (vec![1.0f32; self.columns], vec![1.0f32; self.columns]);
        for cell in self.rows.iter().flatten().filter(|cell| cell.columns == 1) {
            let (word, line) = widths_of(cell.content);
            least[cell.x] = least[cell.x].max(word);
            wanted[cell.x] = wanted[cell.x].max(line);
        }
        let room = COLUMN - INSETS * to_count(self.columns);
        let needed = least.iter().sum::<f32>();
        let size = (room / needed).clamp(SMALLEST, SIZE);
        let widths = if needed * size > room {
            // Words have to break.
            fair_shares(&least, room / size)
        } else {
            let wishes: Vec<f32> = wanted.iter().zip(&least).map(|(wanted, least)| wanted - least).collect();
            let more = fair_shares(&wishes, room / size - needed);
            least.iter().zip(more).map(|(least, more)| least + more).collect()
        };
        (size, widths.into_iter().map(|width| width * size + INSETS).collect())
    }
}

/// How many characters of a word fit, given the width of the longest word and that of the cell in ems.
fn long_word(word: f32, width: f32) -> usize {
    /// Of a wide letter.
    const EM_OF_LETTER: f32 = 0.7;
    if word <= width + 0.01 {
        return usize::MAX;
    }
    // Each piece is half of it.
    let mut letters = 2;
    while to_count(letters / 2 + 1) * EM_OF_LETTER <= width && letters < 200 {
        letters += 2;
    }
    letters
}

fn stays_together(row: &[Cell]) -> bool {
    let texts = row.iter().flat_map(|cell| &cell.content).filter_map(|inline| match inline {
        Inline::Text(text, _) => Some(text),
        Inline::Formula(_) => None,
    });
    let (letters, lines) = texts
        .fold((0, 0), |(letters, lines), text| (letters + text.chars().count(), lines + text.matches('\n').count()));
    letters < SHORT_ROW && lines < FEW_LINES && row.iter().all(|cell| cell.rows <= FEW_LINES)
}

/// Of the longest word and of the longest line, in ems.
fn widths_of(content: &[Inline]) -> (f32, f32) {
    let (mut longest_word, mut longest_line, mut word, mut line) = (0.0f32, 0.0f32, 0.0f32, 0.0f32);
    for inline in content {
        match inline {
            Inline::Text(text, style) => {
                let factor = if style.code {
                    1.1
                } else if style.strong {
                    1.08
                } else {
                    1.0
                };
                for c in text.chars() {
                    let width = width_of(c) * factor;
                    line = if c == '\n' { 0.0 } else { line + width };
                    // A dash stays with the word before it.
                    let is_end = is_gap(c);
                    word = if is_end && (c.is_whitespace() || is_wide(c)) { 0.0 } else { word + width };
                    longest_word = longest_word.max(if is_wide(c) { width } else { word });
                    longest_line = longest_line.max(line);
                    if is_end {
                        word = 0.0;
                    }
                }
            }
            Inline::Formula(formula) => {
                let width = to_count(formula.length()) * 0.5;
                line += width;
                longest_word = longest_word.max(width);
                longest_line = longest_line.max(line);
            }
        }
    }
    (longest_word, longest_line)
}

/// About as wide as in Open Sans, rather more.
fn width_of(c: char) -> f32 {
    match c {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' | ' ' => 0.3,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.95,
        c if is_wide(c) => 1.02,
        c if c.is_uppercase() => 0.72,
        _ => 0.6,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few columns or characters")]
fn to_count(n: usize) -> f32 {
    n as f32
}

/// Parts of what there is: those that need less than a fair share get what they need, and all the more if something is
/// left over for nobody.
fn fair_shares(needs: &[f32], room: f32) -> Vec<f32> {
    let mut order: Vec<_> = (0..needs.len()).collect();
    order.sort_by(|a, b| needs[*a].total_cmp(&needs[*b]));
    let mut shares = vec![0.0; needs.len()];
    let mut left = room.max(0.0);
    for (done, column) in order.iter().enumerate() {
        shares[*column] = needs[*column].min(left / to_count(needs.len() - done));
        left -= shares[*column];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_cell(text: &str) -> Cell {
        vec![Inline::plain(text)].into()
    }

    fn spanning_cell(columns: usize, rows: usize) -> Cell {
        Cell { columns, rows, content: Vec::new() }
    }

    fn grid_shape(rows: &[Vec<Cell>], header_rows: usize) -> Vec<Vec<(usize, usize, usize)>> {
        let grid = Grid::place_cells(rows, header_rows).unwrap();
        grid.rows.iter().map(|row| row.iter().map(|cell| (cell.x, cell.columns, cell.rows)).collect()).collect()
    }

    #[test]
    fn narrow_columns_get_what_they_need_and_wide_ones_share() {
        assert_eq!(fair_shares(&[10.0, 500.0, 20.0, 500.0], 230.0), [10.0, 100.0, 20.0, 100.0]);
        assert_eq!(fair_shares(&[10.0, 20.0], 230.0), [10.0, 20.0]);
        assert!(fair_shares(&[], 230.0).is_empty());
    }

    #[test]
    fn cells_take_the_next_free_place_and_gaps_are_filled() {
        let rows = vec![vec![spanning_cell(2, 2), text_cell("a")], vec![text_cell("b")], vec![text_cell("c")]];
        let wanted = vec![vec![(0, 2, 2), (2, 1, 1)], vec![(2, 1, 1)], vec![(0, 1, 1), (1, 1, 1), (2, 1, 1)]];
        assert_eq!(grid_shape(&rows, 0), wanted);
        // A cell ends with the table, and a head keeps its cells.
        assert_eq!(grid_shape(&[vec![spanning_cell(1, 99)], vec![]], 0), vec![vec![(0, 1, 2)], vec![]]);
        assert_eq!(
            grid_shape(&[vec![spanning_cell(1, 99)], vec![text_cell("a")]], 1),
            vec![vec![(0, 1, 1)], vec![(0, 1, 1)]]
        );
        assert_eq!(grid_shape(&[vec![spanning_cell(1000, 1)], vec![text_cell("a")]], 0)[0], [(0, MAX_COLUMNS, 1)]);
        assert!(grid_shape(&[vec![], vec![]], 0).concat().is_empty());
    }

    #[test]
    fn numbers_have_room_and_text_gets_smaller_before_words_break() {
        let row = |columns: usize| vec![(0..columns).map(|_| text_cell("1234567.891")).collect::<Vec<_>>()];
        let few = row(5);
        let (size, widths) = Grid::place_cells(&few, 0).unwrap().fit_columns();
        assert!((size - SIZE).abs() < 0.01 && widths.iter().sum::<f32>() <= COLUMN);
        let many = row(9);
        let (size, widths) = Grid::place_cells(&many, 0).unwrap().fit_columns();
        assert!((SMALLEST..SIZE).contains(&size) && widths.iter().sum::<f32>() <= COLUMN + 0.1, "{size} {widths:?}");
        let encoded = json!(encode_table(&Table { header_rows: 0, rows: row(9) })).to_string();
        assert!(encoded.contains("\"1234567.891\""));
        let encoded = json!(encode_table(&Table { header_rows: 0, rows: row(24) })).to_string();
        assert!(!encoded.contains("\"1234567.891\""));
        let text = encode_table(&Table { header_rows: 0, rows: row(25) });
        assert!(
            text.len() == 1 && text[0]["kind"] == "paragraph" && text[0]["content"].as_array().unwrap().len() == 49
        );
    }
}
