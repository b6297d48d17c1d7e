//! `cargo xtask gen`: files made from others. With `--check` nothing is written and a difference is a failure.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

use serde_json::Value;

use crate::services::{self, ALL_IN_ONE};

const SCHEMA: &str = "libs/icat-client/schema/icat-6.2.json";
const ENTITIES: &str = "libs/icat-client/src/entities.rs";
const MIGRATION: &str = "services/icat/migrations/0001_entities.sql";

/// Makes every generated file; the names of those that differ from what is there.
pub fn run(root: &Path, check: bool) -> io::Result<Vec<String>> {
    let schema: Value = serde_json::from_str(&fs::read_to_string(root.join(SCHEMA))?)?;
    let mut changed = Vec::new();
    let mut put = |file: &str, text: &str| {
        let path = root.join(file);
        if fs::read_to_string(&path).is_ok_and(|present| present == text) {
            return Ok(());
        }
        changed.push(file.to_owned());
        if check { Ok(()) } else { fs::write(&path, text) }
    };
    put(ENTITIES, &entities(&schema))?;
    put(MIGRATION, &migration(&schema))?;
    // After the sources, from which the program is built.
    for service in services::list_names(root)? {
        put(&format!("services/{service}/openapi.json"), &openapi(root, &service)?)?;
    }
    Ok(changed)
}

/// What the all-in-one program prints of one service: asking it keeps this crate free of the services.
fn openapi(root: &Path, service: &str) -> io::Result<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--quiet", "--profile", "dev-fast", "-p", ALL_IN_ONE, "--", "openapi", service]);
    // `cargo run` tells this program about its own package. Build scripts watch such variables (ring's does), and cargo
    // would compile ring and everything that uses it anew, here and in the next build.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    let output = command.current_dir(root).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("`{ALL_IN_ONE} openapi {service}` failed: {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}

fn items<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is a string in {value}"))
}

fn nullable(value: &Value) -> bool {
    value["nullable"].as_bool().unwrap_or(true)
}

fn entities(schema: &Value) -> String {
    let mut out = String::from(
        "//! Made by `cargo xtask gen` from `schema/icat-6.2.json`; do not edit.\n\n\
         use crate::schema::{Entity, EnumDef, Field, FieldKind, ToMany, ToOne};\n\n",
    );
    for (name, values) in schema["enums"].as_object().into_iter().flatten() {
        let values: Vec<&str> = values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let constant = constant_name(name);
        let _ = writeln!(
            out,
            "#[rustfmt::skip]\nstatic {constant}: EnumDef = EnumDef {{ name: {name:?}, values: &{values:?} }};"
        );
    }
    out.push_str("\n#[rustfmt::skip]\npub static ENTITIES: &[Entity] = &[\n");
    for entity in items(schema, "entities") {
        let table = text(entity, "table").to_lowercase();
        let _ = writeln!(out, "    Entity {{\n        name: {:?},\n        table: {table:?},", text(entity, "name"));
        out.push_str("        fields: &[\n");
        for field in items(entity, "fields") {
            let _ = writeln!(
                out,
                "            Field {{ name: {:?}, column: {:?}, kind: {}, length: {}, nullable: {} }},",
                text(field, "name"),
                text(field, "column").to_lowercase(),
                kind(field),
                field["length"].as_u64().unwrap_or(0),
                nullable(field)
            );
        }
        out.push_str("        ],\n        one: &[\n");
        for one in items(entity, "one") {
            let _ = writeln!(
                out,
                "            ToOne {{ name: {:?}, column: {:?}, target: {:?}, nullable: {} }},",
                text(one, "name"),
                text(one, "column").to_lowercase(),
                text(one, "target"),
                nullable(one)
            );
        }
        out.push_str("        ],\n        many: &[\n");
        for many in items(entity, "many") {
            let _ = writeln!(
                out,
                "            ToMany {{ name: {:?}, target: {:?}, mapped_by: {:?} }},",
                text(many, "name"),
                text(many, "target"),
                text(many, "mappedBy")
            );
        }
        let unique: Vec<&str> = key(entity, "unique");
        let _ = writeln!(out, "        ],\n        unique: &{unique:?},\n    }},");
    }
    out.push_str("];\n");
    out
}

/// The members of an entity's one unique key, in the order of its columns.
fn key<'v>(entity: &'v Value, which: &str) -> Vec<&'v str> {
    items(entity, which)
        .take(1)
        .flat_map(|key| key.as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect()
}

fn kind(field: &Value) -> String {
    match text(field, "type") {
        "enum" => format!("FieldKind::Enum(&{})", constant_name(text(field, "enum"))),
        known @ ("String" | "Long" | "Integer" | "Double" | "Boolean" | "Date") => format!("FieldKind::{known}"),
        unknown => panic!("{SCHEMA} has a field of unknown type {unknown}"),
    }
}

/// `StudyStatus` becomes `STUDY_STATUS`.
fn constant_name(name: &str) -> String {
    let mut out = String::new();
    for (n, c) in name.chars().enumerate() {
        if n > 0 && c.is_uppercase() {
            out.push('_');
        }
        out.extend(c.to_uppercase());
    }
    out
}

/// One table per entity, in portable SQL; `{text}` becomes each engine's text column ordered by bytes.
fn migration(schema: &Value) -> String {
    let mut out = String::from(
        "-- Made by `cargo xtask gen` from the ICAT 6.2 schema. Times are microseconds UTC, booleans 0 or 1, enumerated\n\
         -- values their place in the schema's list; rev counts the changes of a row.\n",
    );
    for entity in items(schema, "entities") {
        let table = text(entity, "table").to_lowercase();
        let mut lines = vec![
            "id BIGINT PRIMARY KEY".to_owned(),
            "create_id {text} NOT NULL".to_owned(),
            "create_time BIGINT NOT NULL".to_owned(),
            "mod_id {text} NOT NULL".to_owned(),
            "mod_time BIGINT NOT NULL".to_owned(),
            "rev BIGINT NOT NULL DEFAULT 1".to_owned(),
        ];
        for field in items(entity, "fields") {
            let column = text(field, "column").to_lowercase();
            let sql = match text(field, "type") {
                "String" => "{text}",
                "Double" => "DOUBLE PRECISION",
                _ => "BIGINT",
            };
            let default = if text(field, "type") == "Boolean" { " NOT NULL DEFAULT 0" } else { not_null(field) };
            lines.push(format!("{column} {sql}{default}"));
        }
        for one in items(entity, "one") {
            let target = items(schema, "entities")
                .find(|e| text(e, "name") == text(one, "target"))
                .map_or_else(|| panic!("{SCHEMA} has no {}", text(one, "target")), |e| text(e, "table").to_lowercase());
            let column = text(one, "column").to_lowercase();
            lines.push(format!("{column} BIGINT{} REFERENCES {target} (id)", not_null(one)));
        }
        let unique: Vec<String> = key(entity, "uniqueColumns").iter().map(|c| c.to_lowercase()).collect();
        if !unique.is_empty() {
            lines.push(format!("UNIQUE ({})", unique.join(", ")));
        }
        let _ = writeln!(out, "\nCREATE TABLE {table} (\n    {}\n);", lines.join(",\n    "));
        for one in items(entity, "one") {
            let column = text(one, "column").to_lowercase();
            if unique.first() != Some(&column) {
                let _ = writeln!(out, "CREATE INDEX {table}_{column} ON {table} ({column});");
            }
        }
    }
    out
}

fn not_null(member: &Value) -> &'static str {
    if nullable(member) { "" } else { " NOT NULL" }
}
