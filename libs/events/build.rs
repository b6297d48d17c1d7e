//! Types of the events from `proto/`, one module per producer.

use std::io::{Error, Result};
use std::path::Path;

#[rustfmt::skip]
const PRODUCERS: &[&str] = &[
    "auth",
    "download",
    "icat",
    "logbook",
    // The next producer goes here.
];

fn main() -> Result<()> {
    // Asked when it runs: a compiled script may be shared by several checkouts.
    let here =
        std::env::var_os("CARGO_MANIFEST_DIR").ok_or_else(|| Error::other("cargo says no CARGO_MANIFEST_DIR"))?;
    let root = Path::new(&here).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let files: Vec<_> =
        PRODUCERS.iter().map(|producer| root.join(format!("undulator/events/v1/{producer}.proto"))).collect();
    let descriptors = protox::compile(files, [root]).map_err(Error::other)?;
    // For those who show the content of any event.
    prost_build::Config::new().type_attribute(".", "#[derive(serde::Serialize)]").compile_fds(descriptors)
}
