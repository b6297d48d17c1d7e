//! Nested blocks that are not closed yet: lists, quotes and tables.

use typesetting::{Block, Cell, Inline, Item, List, Table};

enum OpenBlock {
    Quote(Vec<Block>),
    List(List),
    Item(Item),
    Table {
        rows: Vec<Row>,
        /// Columns and rows that the current cell spans.
        cell: (usize, usize),
        /// Images within the table are placed after it.
        after: Vec<Block>,
    },
}

struct Row {
    cells: Vec<Cell>,
    is_in_head: bool,
    /// Whether all cells are headings.
    has_only_headings: bool,
}

impl Row {
    fn new(is_in_head: bool) -> Self {
        Self { cells: Vec::new(), is_in_head, has_only_headings: true }
    }
}

#[derive(Default)]
pub struct OpenBlocks {
    blocks: Vec<Block>,
    open: Vec<OpenBlock>,
}

impl OpenBlocks {
    pub fn is_table(&self) -> bool {
        matches!(self.open.last(), Some(OpenBlock::Table { .. }))
    }

    pub fn open_quote(&mut self) {
        self.open.push(OpenBlock::Quote(Vec::new()));
    }

    /// Opens a list, with the number of the first item if it is numbered. Negative numbers become 0.
    pub fn open_list(&mut self, start: Option<i64>) {
        let start = start.map(|start| u64::try_from(start).unwrap_or(0));
        self.open.push(OpenBlock::List(List { start, items: Vec::new() }));
    }

    pub fn open_item(&mut self, number: Option<i64>) {
        let number = number.map(|number| u64::try_from(number).unwrap_or(0));
        self.open.push(OpenBlock::Item(Item { number, blocks: Vec::new() }));
    }

    pub fn open_table(&mut self) {
        self.open.push(OpenBlock::Table { rows: Vec::new(), cell: (1, 1), after: Vec::new() });
    }

    pub fn open_row(&mut self, is_in_head: bool) {
        if let Some(OpenBlock::Table { rows, .. }) = self.open.last_mut() {
            rows.push(Row::new(is_in_head));
        }
    }

    pub fn open_cell(&mut self, columns: usize, rows: usize) {
        if let Some(OpenBlock::Table { cell, .. }) = self.open.last_mut() {
            *cell = (columns, rows);
        }
    }

    pub fn end_cell(&mut self, content: Vec<Inline>, is_heading: bool) {
        let Some(OpenBlock::Table { rows: all, cell: (columns, rows), .. }) = self.open.last_mut() else { return };
        if all.is_empty() {
            all.push(Row::new(false));
        }
        if let Some(row) = all.last_mut() {
            row.has_only_headings &= is_heading;
            row.cells.push(Cell { columns: *columns, rows: *rows, content });
        }
    }

    /// Adds a block to the innermost open block.
    pub fn push(&mut self, block: Block) {
        match self.open.last_mut() {
            None => self.blocks.push(block),
            Some(OpenBlock::Quote(blocks) | OpenBlock::Item(Item { blocks, .. })) => blocks.push(block),
            Some(OpenBlock::List(list)) => list.items.push(Item { number: None, blocks: vec![block] }),
            Some(OpenBlock::Table { after, .. }) => after.push(block),
        }
    }

    /// Closes the innermost open block.
    pub fn close(&mut self) {
        match self.open.pop() {
            Some(OpenBlock::Quote(blocks)) if !blocks.is_empty() => self.push(Block::Quote(blocks)),
            Some(OpenBlock::List(list)) if !list.items.is_empty() => self.push(Block::List(list)),
            Some(OpenBlock::Item(item)) => match self.open.last_mut() {
                Some(OpenBlock::List(list)) => list.items.push(item),
                // An item outside a list.
                _ if item.blocks.is_empty() => {}
                _ => self.push(Block::List(List { start: None, items: vec![item] })),
            },
            Some(OpenBlock::Table { rows, after, .. }) => {
                if let Some(table) = build_table(rows) {
                    self.push(Block::Table(table));
                }
                for block in after {
                    self.push(block);
                }
            }
            _ => {}
        }
    }

    pub fn finish(mut self) -> Vec<Block> {
        while !self.open.is_empty() {
            self.close();
        }
        self.blocks
    }
}

/// The number of header rows: those in `thead`, or a first row with only headings.
fn build_table(mut rows: Vec<Row>) -> Option<Table> {
    rows.retain(|row| !row.cells.is_empty());
    let in_head = rows.iter().take_while(|row| row.is_in_head).count();
    let header_rows = if in_head == 0 { usize::from(rows.first()?.has_only_headings) } else { in_head };
    Some(Table { header_rows, rows: rows.into_iter().map(|row| row.cells).collect() })
}
