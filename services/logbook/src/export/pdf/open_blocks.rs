//! Blocks within blocks while they are read: lists, quotes and tables whose ends have not come.

use typesetting::{Block, Cell, Inline, Item, List, Table};

enum Frame {
    Quote(Vec<Block>),
    List(List),
    Item(Item),
    Table {
        rows: Vec<Row>,
        /// Columns and rows that the cell takes that is being read.
        cell: (usize, usize),
        /// Images within a table follow it.
        after: Vec<Block>,
    },
}

struct Row {
    cells: Vec<Cell>,
    is_in_head: bool,
    /// Whether no cell is one of data.
    has_only_headings: bool,
}

impl Row {
    fn new(is_in_head: bool) -> Self {
        Self { cells: Vec::new(), is_in_head, has_only_headings: true }
    }
}

#[derive(Default)]
pub struct Frames {
    blocks: Vec<Block>,
    open: Vec<Frame>,
}

impl Frames {
    pub fn is_table(&self) -> bool {
        matches!(self.open.last(), Some(Frame::Table { .. }))
    }

    pub fn open_quote(&mut self) {
        self.open.push(Frame::Quote(Vec::new()));
    }

    /// With the number of the first item, if they have numbers. Negative ones become 0.
    pub fn open_list(&mut self, start: Option<i64>) {
        let start = start.map(|start| u64::try_from(start).unwrap_or(0));
        self.open.push(Frame::List(List { start, items: Vec::new() }));
    }

    pub fn open_item(&mut self, number: Option<i64>) {
        let number = number.map(|number| u64::try_from(number).unwrap_or(0));
        self.open.push(Frame::Item(Item { number, blocks: Vec::new() }));
    }

    pub fn open_table(&mut self) {
        self.open.push(Frame::Table { rows: Vec::new(), cell: (1, 1), after: Vec::new() });
    }

    pub fn open_row(&mut self, is_in_head: bool) {
        if let Some(Frame::Table { rows, .. }) = self.open.last_mut() {
            rows.push(Row::new(is_in_head));
        }
    }

    pub fn open_cell(&mut self, columns: usize, rows: usize) {
        if let Some(Frame::Table { cell, .. }) = self.open.last_mut() {
            *cell = (columns, rows);
        }
    }

    pub fn end_cell(&mut self, content: Vec<Inline>, is_heading: bool) {
        let Some(Frame::Table { rows: all, cell: (columns, rows), .. }) = self.open.last_mut() else { return };
        if all.is_empty() {
            all.push(Row::new(false));
        }
        if let Some(row) = all.last_mut() {
            row.has_only_headings &= is_heading;
            row.cells.push(Cell { columns: *columns, rows: *rows, content });
        }
    }

    /// Adds a block to what is innermost.
    pub fn push(&mut self, block: Block) {
        match self.open.last_mut() {
            None => self.blocks.push(block),
            Some(Frame::Quote(blocks) | Frame::Item(Item { blocks, .. })) => blocks.push(block),
            Some(Frame::List(list)) => list.items.push(Item { number: None, blocks: vec![block] }),
            Some(Frame::Table { after, .. }) => after.push(block),
        }
    }

    /// Ends what is innermost.
    pub fn close(&mut self) {
        match self.open.pop() {
            Some(Frame::Quote(blocks)) if !blocks.is_empty() => self.push(Block::Quote(blocks)),
            Some(Frame::List(list)) if !list.items.is_empty() => self.push(Block::List(list)),
            Some(Frame::Item(item)) => match self.open.last_mut() {
                Some(Frame::List(list)) => list.items.push(item),
                // An item without a list.
                _ if item.blocks.is_empty() => {}
                _ => self.push(Block::List(List { start: None, items: vec![item] })),
            },
            Some(Frame::Table { rows, after, .. }) => {
                if let Some(table) = table(rows) {
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

/// The rows at the top that are in `thead`, or a first one of headings only, are the header.
fn table(mut rows: Vec<Row>) -> Option<Table> {
    rows.retain(|row| !row.cells.is_empty());
    let in_head = rows.iter().take_while(|row| row.is_in_head).count();
    let header_rows = if in_head == 0 { usize::from(rows.first()?.has_only_headings) } else { in_head };
    Some(Table { header_rows, rows: rows.into_iter().map(|row| row.cells).collect() })
}
