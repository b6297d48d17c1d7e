//! Time and memory of long documents: `cargo run --profile dev-fast -p typesetting --example long_documents 10000 500`
//! renders 10,000 records in parts of 500. Without a second number all are one part.

#[path = "../tests/latex/mod.rs"]
mod latex;

use std::fs;
use std::time::Instant;

use typesetting::{Block, Cell, Document, Formula, Inline, MathmlReader, RecordHeader, Table, Typesetter};

use self::latex::parse_latex;

/// What people write: some lines each, now and then a table or a formula.
fn sample_record(n: usize) -> Vec<Block> {
    let header = RecordHeader {
        heading: format!(
            "2026-01-12 {:02}:{:02}:{:02}  Alice Liddell  alice  annotation comment",
            n / 3600 % 24,
            n / 60 % 60,
            n % 60
        ),
        notes: vec!["Tags: beam, sample".to_owned()],
        title: n.is_multiple_of(4).then(|| format!("Scan {n}")),
    };
    let text = format!(
        "Scan {n}: the beam was stable at 12.4 keV, flux 3.2e11 photons/s; the sample was moved to x = {n}.25 mm. "
    );
    let mut blocks = vec![Block::RecordHeader(header), Block::Paragraph(vec![Inline::plain(text.repeat(2))])];
    if n.is_multiple_of(10) {
        let row = |n: usize| -> Vec<Cell> {
            (0..4).map(|column| vec![Inline::plain(format!("{}.{column}", n * 17))].into()).collect()
        };
        blocks.push(Block::Table(Table { header_rows: 1, rows: (n..n + 5).map(row).collect() }));
    }
    if n.is_multiple_of(20) {
        let formula = parse_latex(r"\frac{I}{I_0} = e^{-\mu d}", false).map(Inline::Formula);
        blocks.push(Block::Paragraph([Inline::plain("with ")].into_iter().chain(formula).collect()));
    }
    blocks
}

/// The most memory that the process had, in MB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|number| number.parse::<usize>().ok());
    let records = numbers.next().unwrap_or(10_000);
    let of_part = numbers.next().unwrap_or(records).max(1);
    let started = Instant::now();
    let typesetter = Typesetter::with_system_fonts();
    println!("fonts in {:.2?}, {} MB", started.elapsed(), peak_memory());
    let started = Instant::now();
    let (mut bytes, mut longest) = (0, started.elapsed());
    let all: Vec<usize> = (0..records).collect();
    for part in all.chunks(of_part) {
        let started = Instant::now();
        let blocks = part.iter().flat_map(|n| sample_record(*n)).collect();
        let document = Document { title: "Logbook of MA-1234".to_owned(), blocks, ..Document::default() };
        match typesetter.render_pdf(&document) {
            Ok(pdf) => bytes += pdf.len(),
            Err(e) => return println!("{e}"),
        }
        longest = longest.max(started.elapsed());
    }
    println!(
        "{records} records in parts of {of_part}: {:.1?}, longest part {longest:.1?}, {} MB in memory at most, {} kB of files",
        started.elapsed(),
        peak_memory(),
        bytes / 1024
    );
}
