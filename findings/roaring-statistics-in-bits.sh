#!/usr/bin/env bash
# roaring 0.12.0: `RoaringBitmap::statistics()` gives the memory of bitset containers in bits, in a field that is documented as
# bytes: 65,536 for each container, which has 8,192 bytes.
# Why it matters: whoever limits a cache of bitmaps by these figures, as a service with sets of visible rows does, keeps an
# eighth of what fits.
# Seen for a container with 32,768 scattered values: n_bytes_bitset_containers 65536, serialized_size 8208.
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
roaring = "=0.12.0"
TOML
cat >"$dir/src/main.rs" <<'RUST'
use roaring::RoaringBitmap;

fn main() {
    let bitmap: RoaringBitmap = (0..65_536).step_by(2).collect();
    let statistics = bitmap.statistics();
    println!(
        "{} bitset container(s), n_bytes_bitset_containers {}, serialized_size {}",
        statistics.n_bitset_containers, statistics.n_bytes_bitset_containers, bitmap.serialized_size()
    );
}
RUST
out=$(cd "$dir" && cargo run --quiet 2>&1) || { echo "$out"; exit 1; }
echo "$out"
[ "$out" = "1 bitset container(s), n_bytes_bitset_containers 65536, serialized_size 8208" ]
