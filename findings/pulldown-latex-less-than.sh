#!/usr/bin/env bash
# pulldown-latex 0.8.0: the MathML of a formula with a less-than sign is not well-formed, because `push_mathml` writes the
# sign as it is: `<mo><</mo>`. HTML parsers repair it; a reader of XML, such as Python's ElementTree, refuses the whole
# document.
# Seen for `a < b`: <mo><</mo>, and ElementTree answers "not well-formed". `a \lt b` is no way out: it writes the same.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
cat >"$dir/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
pulldown-latex = "=0.8.0"
TOML
cat >"$dir/src/main.rs" <<'RUST'
use pulldown_latex::{Parser, RenderConfig, Storage, push_mathml};

fn main() {
    for formula in ["a < b", r"a \lt b"] {
        let storage = Storage::new();
        let mut mathml = String::new();
        push_mathml(&mut mathml, Parser::new(formula, &storage), RenderConfig::default()).unwrap();
        println!("{mathml}");
    }
}
RUST
out=$(cd "$dir" && cargo run --quiet 2>&1) || { echo "$out"; exit 1; }
echo "$out"
[ "$(grep -c '<mo[^>]*><</mo>' <<<"$out")" -eq 2 ]
! python3 -c 'import sys, xml.etree.ElementTree as t; t.fromstring(sys.argv[1])' "$(head -n 1 <<<"$out")" 2>/dev/null
