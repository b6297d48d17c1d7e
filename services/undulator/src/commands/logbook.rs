//! `undulator logbook verify FILE`

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use logbook::verify::verify as verified;
use service_kit::cli::{Failure, result};

/// Checks exported records; `-` reads them from stdin. Needs no settings and no database.
pub fn verify(file: &Path, json: bool) -> Result<(), Failure> {
    let export: Box<dyn BufRead> = if file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let opened = File::open(file).map_err(|e| Failure::Failed(format!("{}: {e}", file.display())))?;
        Box::new(BufReader::new(opened))
    };
    let head = verified(export).map_err(|e| Failure::of(&e))?;
    let sentence = format!("{}: {} records are whole; the last is {}", head.book, head.records, head.head);
    result(json, &head, &sentence)
}
