//! `cargo xtask gen`: files made from others. With `--check` nothing is written and a difference is a failure.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

use serde_json::Value;

use crate::entity_tables::{plan_migration, render_tables};
use crate::icat_schema::{column_name, is_nullable, list_items, list_key, text_member};
use crate::migrations;
use crate::services::{self, ALL_IN_ONE};

const SCHEMA: &str = "libs/icat-client/schema/icat-6.2.json";
const ENTITIES: &str = "libs/icat-client/src/entities.rs";
/// The record of what the migrations make.
const TABLES: &str = "services/icat/schema.sql";

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
    put(ENTITIES, &render_entities(&schema))?;
    let tables = render_tables(&schema);
    if let Some(migration) = plan_entity_migration(root, &tables)?
        && !check
    {
        let (file, line) = migrations::next_entity_migration(root)?;
        put(&file, &migration)?;
        println!("{file} is new; add it to the migrations in services/icat/src/lib.rs:\n    {line}");
    }
    put(TABLES, &tables)?;
    // After the sources, from which the program is built.
    for service in services::list_names(root)? {
        put(&format!("services/{service}/openapi.json"), &render_openapi(root, &service)?)?;
    }
    Ok(changed)
}

/// The migration that the entities need since the last one.
fn plan_entity_migration(root: &Path, tables: &str) -> io::Result<Option<String>> {
    let recorded = fs::read_to_string(root.join(TABLES))?;
    plan_migration(&recorded, tables).map_err(|changes| {
        io::Error::other(format!(
            "no migration can be made from {SCHEMA}:\n{changes}\nWrite a migration in services/icat/migrations/ that \
             also converts existing rows, and make the same change in {TABLES}"
        ))
    })
}

/// What the all-in-one program prints of one service: asking it keeps this crate free of the services.
fn render_openapi(root: &Path, service: &str) -> io::Result<String> {
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

fn render_entities(schema: &Value) -> String {
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
    for entity in list_items(schema, "entities") {
        let table = text_member(entity, "table").to_lowercase();
        let _ =
            writeln!(out, "    Entity {{\n        name: {:?},\n        table: {table:?},", text_member(entity, "name"));
        out.push_str("        fields: &[\n");
        for field in list_items(entity, "fields") {
            let _ = writeln!(
                out,
                "            Field {{ name: {:?}, column: {:?}, kind: {}, length: {}, nullable: {} }},",
                text_member(field, "name"),
                column_name(field),
                render_kind(field),
                field["length"].as_u64().unwrap_or(0),
                is_nullable(field)
            );
        }
        out.push_str("        ],\n        one: &[\n");
        for one in list_items(entity, "one") {
            let _ = writeln!(
                out,
                "            ToOne {{ name: {:?}, column: {:?}, target: {:?}, nullable: {} }},",
                text_member(one, "name"),
                column_name(one),
                text_member(one, "target"),
                is_nullable(one)
            );
        }
        out.push_str("        ],\n        many: &[\n");
        for many in list_items(entity, "many") {
            let _ = writeln!(
                out,
                "            ToMany {{ name: {:?}, target: {:?}, mapped_by: {:?} }},",
                text_member(many, "name"),
                text_member(many, "target"),
                text_member(many, "mappedBy")
            );
        }
        let unique: Vec<&str> = list_key(entity, "unique");
        let _ = writeln!(out, "        ],\n        unique: &{unique:?},\n    }},");
    }
    out.push_str("];\n");
    out
}

fn render_kind(field: &Value) -> String {
    match text_member(field, "type") {
        "enum" => format!("FieldKind::Enum(&{})", constant_name(text_member(field, "enum"))),
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
