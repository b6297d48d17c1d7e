#!/usr/bin/env bash
# sqlx 0.9.0 with SQLite: once SQLite has rolled a transaction back by itself, as it does when the disk is full
# (SQLITE_FULL), the connection goes back to its pool with a transaction depth of 1. Every later `begin_with` on it fails,
# also after there is room again. With a pool of one writer, which is usual with SQLite, the program never writes again until
# it is restarted.
# Seen: the second and third transaction fail with "attempted to call begin_with at non-zero transaction depth" although
# the limit on the size of the file, which stands for the disk here, was lifted before them.
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
sqlx = { version = "=0.9.0", default-features = false, features = ["runtime-tokio", "sqlite"] }
tokio = { version = "1", features = ["macros", "rt"] }
TOML
cat >"$dir/src/main.rs" <<'RUST'
use sqlx::sqlite::SqlitePoolOptions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), sqlx::Error> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    sqlx::query("CREATE TABLE piece (bytes BLOB)").execute(&pool).await?;
    sqlx::query("PRAGMA max_page_count = 10").execute(&pool).await?;

    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    let full = sqlx::query("INSERT INTO piece VALUES (zeroblob(1000000))").execute(&mut *tx).await;
    println!("full: {}", full.unwrap_err());
    println!("rollback: {:?}", tx.rollback().await.map_err(|e| e.to_string()));

    sqlx::query("PRAGMA max_page_count = 1000000").execute(&pool).await?;
    for _ in 0..2 {
        match pool.begin_with("BEGIN IMMEDIATE").await {
            Ok(_) => println!("later: ok"),
            Err(e) => println!("later: {e}"),
        }
    }
    Ok(())
}
RUST
out=$(cd "$dir" && cargo run --quiet 2>&1) || { echo "$out"; exit 1; }
echo "$out"
[ "$(grep -c '^later: .*begin_with at non-zero transaction depth' <<<"$out")" -eq 2 ]
