#!/usr/bin/env bash
# tantivy 0.27.0: with the feature `stopwords` and without `stemmer`, the crate does not compile, because the filter of stop words
# uses `Language`, which only exists with `stemmer`. Both features are independent in its manifest.
# Why it matters: a service with stemming of its own, for example with Porter's first stemmer for the compatibility with Lucene,
# switches the stemmer off and keeps the stop words.
# Seen: error[E0432]: unresolved import `super::Language`.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/src"
echo 'fn main() {}' >"$dir/src/main.rs"
manifest() { # features
  cat >"$dir/Cargo.toml" <<TOML
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
tantivy = { version = "=0.27.0", default-features = false, features = [$1] }
TOML
}
manifest '"mmap", "stopwords", "stemmer"'
(cd "$dir" && cargo check --quiet) || { echo "with both features it does not compile either"; exit 1; }
manifest '"mmap", "stopwords"'
if out=$(cd "$dir" && cargo check --quiet 2>&1); then
  echo "it compiles now"
  exit 1
fi
grep -A 3 'unresolved import' <<<"$out"
