#!/usr/bin/env bash
# ring 0.17.14 with cargo 1.95: its build script asks cargo to run it again when CARGO_MANIFEST_DIR, CARGO_PKG_NAME or
# CARGO_PKG_VERSION_* change. Cargo compares the variables of its own environment, and `cargo run` sets these for the
# program that it starts. So a program that is started by `cargo run` and calls cargo (an xtask) makes it compile ring,
# rustls and everything above them anew, and the next cargo from a shell compiles them again. Expected: a build in which
# no file changed compiles nothing; cargo sets these variables for build scripts itself, and those values did not change.
# Why it matters: code generators that ask the built program for its OpenAPI document cost minutes at each run; the
# remedy is to remove the variables from the inner command.
# Seen: nothing is compiled in a second build from the shell, ring in one from a program under `cargo run`, and ring once
# more in the next one from the shell.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir -p app/src outer/src
cat >app/Cargo.toml <<'TOML'
[package]
name = "app"
version = "0.1.0"
edition = "2024"
[dependencies]
ring = "=0.17.14"
TOML
echo 'fn main() {}' >app/src/main.rs
cat >outer/Cargo.toml <<'TOML'
[package]
name = "outer"
version = "0.1.0"
edition = "2024"
TOML
cat >outer/src/main.rs <<'RUST'
fn main() {
    let status = std::process::Command::new("cargo").args(["build", "--verbose", "--manifest-path", "app/Cargo.toml"]).status();
    assert!(status.unwrap().success());
}
RUST
cargo --version
compiled() { if grep -q 'Compiling ring' "$1"; then echo "$2: ring is compiled"; else echo "$2: nothing to compile"; fi; }
cargo build --manifest-path app/Cargo.toml 2>first.log
cargo build --verbose --manifest-path app/Cargo.toml 2>again.log
cargo run --quiet --manifest-path outer/Cargo.toml 2>inner.log
cargo build --verbose --manifest-path app/Cargo.toml 2>after.log
{
  compiled first.log "first build"
  compiled again.log "second build"
  compiled inner.log "build by a program under cargo run"
  compiled after.log "next build from the shell"
} | tee seen.txt
grep --only-matching 'Dirty ring.*' inner.log
[ "$(cat seen.txt)" = "first build: ring is compiled
second build: nothing to compile
build by a program under cargo run: ring is compiled
next build from the shell: ring is compiled" ]
