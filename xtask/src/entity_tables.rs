//! The tables of the catalogue's entities as SQL, and the migration from one version of them to the next.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::icat_schema::{column_name, is_nullable, list_items, list_key, text_member};

const HEADER: &str = "\
-- The tables of the entities after all migrations, and the values of enumerated columns, which store the position of a
-- value. Made by `cargo xtask gen`, which compares it with the ICAT schema to write the next migration.
";
const MIGRATION_HEADER: &str = "-- Made by `cargo xtask gen` from changes of the ICAT schema.\n";

/// The tables of an ICAT schema, in portable SQL: `{text}` becomes each engine's text column ordered by bytes, and
/// `{primary_key}` its id, which is the row id on `SQLite`.
pub fn render_tables(schema: &Value) -> String {
    let mut out = HEADER.to_owned();
    for (name, values) in schema["enums"].as_object().into_iter().flatten() {
        let values: Vec<&str> = values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let _infallible = writeln!(out, "{ENUM}{name}: {}", values.join(", "));
    }
    for entity in list_items(schema, "entities") {
        let table = text_member(entity, "table").to_lowercase();
        let unique: Vec<String> = list_key(entity, "uniqueColumns").iter().map(|c| c.to_lowercase()).collect();
        let lines = render_columns(schema, entity, &unique);
        let _infallible = writeln!(out, "\n{}", render_table(&table, &lines));
        for one in list_items(entity, "one") {
            let column = column_name(one);
            if unique.first() != Some(&column) {
                let _infallible = writeln!(out, "CREATE INDEX {table}_{column} ON {table} ({column});");
            }
        }
    }
    out
}

fn render_columns(schema: &Value, entity: &Value, unique: &[String]) -> Vec<String> {
    let mut lines = vec![
        "id {primary_key}".to_owned(),
        "create_id {text} NOT NULL".to_owned(),
        "create_time BIGINT NOT NULL".to_owned(),
        "mod_id {text} NOT NULL".to_owned(),
        "mod_time BIGINT NOT NULL".to_owned(),
        "rev BIGINT NOT NULL DEFAULT 1".to_owned(),
    ];
    for field in list_items(entity, "fields") {
        let kind = match text_member(field, "type") {
            "String" => "{text}",
            "Double" => "DOUBLE PRECISION",
            _ => "BIGINT",
        };
        let is_boolean = text_member(field, "type") == "Boolean";
        let default = if is_boolean { " NOT NULL DEFAULT 0" } else { render_not_null(field) };
        lines.push(format!("{} {kind}{default}", column_name(field)));
    }
    for one in list_items(entity, "one") {
        let target = text_member(one, "target");
        let target = list_items(schema, "entities")
            .find(|entity| text_member(entity, "name") == target)
            .unwrap_or_else(|| panic!("the schema has no {target}"));
        let target = text_member(target, "table").to_lowercase();
        lines.push(format!("{} BIGINT{} REFERENCES {target} (id)", column_name(one), render_not_null(one)));
    }
    if !unique.is_empty() {
        lines.push(format!("{UNIQUE}({})", unique.join(", ")));
    }
    lines
}

fn render_not_null(member: &Value) -> &'static str {
    if is_nullable(member) { "" } else { " NOT NULL" }
}

fn render_table(table: &str, lines: &[impl AsRef<str>]) -> String {
    let lines: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    format!("CREATE TABLE {table} (\n    {}\n);", lines.join(",\n    "))
}

const ENUM: &str = "-- enum ";
const UNIQUE: &str = "UNIQUE ";

/// What [`render_tables`] has rendered.
#[derive(Default)]
struct Tables<'t> {
    /// Values by name.
    enums: BTreeMap<&'t str, Vec<&'t str>>,
    /// In the order of the text, so that a table comes after those that it refers to.
    tables: Vec<Table<'t>>,
    indexes: Vec<&'t str>,
}

struct Table<'t> {
    name: &'t str,
    /// Columns and the unique key.
    lines: Vec<&'t str>,
}

impl<'t> Tables<'t> {
    fn parse(sql: &'t str) -> Self {
        let mut parsed = Self::default();
        for line in sql.lines() {
            if let Some((name, values)) = line.strip_prefix(ENUM).and_then(|line| line.split_once(": ")) {
                parsed.enums.insert(name, values.split(", ").collect());
            } else if let Some(name) = line.strip_prefix("CREATE TABLE ").and_then(|line| line.strip_suffix(" (")) {
                parsed.tables.push(Table { name, lines: Vec::new() });
            } else if line.starts_with("CREATE INDEX ") {
                parsed.indexes.push(line);
            } else if let (Some(line), Some(table)) = (line.strip_prefix("    "), parsed.tables.last_mut()) {
                table.lines.push(line.strip_suffix(',').unwrap_or(line));
            }
        }
        parsed
    }

    fn find_table(&self, name: &str) -> Option<&Table<'t>> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// The column of a line; `UNIQUE` for the key.
fn line_name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

/// The migration that makes the tables of `wanted` from those of `recorded`; `None` if they are the same. The error names
/// every change that needs a migration by hand.
pub fn plan_migration(recorded: &str, wanted: &str) -> Result<Option<String>, String> {
    let (old, new) = (Tables::parse(recorded), Tables::parse(wanted));
    let mut refused = find_removals(&old, &new);
    let (mut tables, mut columns) = (Vec::new(), Vec::new());
    for table in &new.tables {
        let Some(known) = old.find_table(table.name) else {
            tables.push(format!("\n{}\n", render_table(table.name, &table.lines)));
            continue;
        };
        for line in table.lines.iter().filter(|line| !known.lines.contains(line)) {
            let name = format!("{}.{}", table.name, line_name(line));
            let earlier = known.lines.iter().find(|known| line_name(known) == line_name(line));
            if let Some(earlier) = earlier {
                refused.push(format!("{name} changed from `{earlier}` to `{line}`"));
            } else if line.starts_with(UNIQUE) {
                refused.push(format!("{} has a new unique key", table.name));
            } else if line.contains("NOT NULL") && !line.contains("DEFAULT") {
                refused.push(format!("{name} is new and not nullable, so that existing rows have no value for it"));
            } else {
                columns.push(format!("ALTER TABLE {} ADD COLUMN {line};\n", table.name));
            }
        }
    }
    if !refused.is_empty() {
        return Err(refused.join("\n"));
    }
    let indexes = new.indexes.iter().filter(|index| !old.indexes.contains(index)).map(|index| format!("{index}\n"));
    let statements: String = tables.into_iter().chain(columns).chain(indexes).collect();
    Ok(if statements.is_empty() { None } else { Some(format!("{MIGRATION_HEADER}{statements}")) })
}

/// What the new tables lack, and enumerated values that would get another meaning.
fn find_removals(old: &Tables<'_>, new: &Tables<'_>) -> Vec<String> {
    let mut removals = Vec::new();
    for table in &old.tables {
        let Some(present) = new.find_table(table.name) else {
            removals.push(format!("the table {} was removed", table.name));
            continue;
        };
        let is_gone = |line: &&&str| !present.lines.iter().any(|present| line_name(present) == line_name(line));
        let gone = table.lines.iter().filter(is_gone);
        removals.extend(gone.map(|line| format!("{}.{} was removed", table.name, line_name(line))));
    }
    let gone = old.indexes.iter().filter(|index| !new.indexes.contains(index));
    removals.extend(gone.map(|index| format!("removed: {index}")));
    for (name, values) in &old.enums {
        // An unused enum may go; its columns would be reported as removed.
        if new.enums.get(name).is_some_and(|present| !present.starts_with(values)) {
            removals.push(format!("values of {name} were removed or moved; new ones come last"));
        }
    }
    removals
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn create_schema() -> Value {
        json!({
            "enums": {"State": ["NEW", "DONE"]},
            "entities": [
                {"name": "Facility", "table": "FACILITY", "uniqueColumns": [["NAME"]],
                 "fields": [{"column": "NAME", "type": "String", "nullable": false}]},
                {"name": "Sample", "table": "SAMPLE",
                 "fields": [{"column": "STATE", "type": "enum", "enum": "State"}],
                 "one": [{"column": "FACILITY_ID", "target": "Facility", "nullable": false}]},
            ],
        })
    }

    /// The migration after a change of the schema.
    fn plan_change(change: impl FnOnce(&mut Value)) -> Result<Option<String>, String> {
        let mut changed = create_schema();
        change(&mut changed);
        plan_migration(&render_tables(&create_schema()), &render_tables(&changed))
    }

    fn push(list: &mut Value, item: Value) {
        list.as_array_mut().unwrap().push(item);
    }

    #[test]
    fn the_same_schema_needs_no_migration() {
        assert_eq!(plan_change(|_| {}), Ok(None));
        assert_eq!(plan_change(|schema| push(&mut schema["enums"]["State"], json!("FAILED"))), Ok(None));
    }

    #[test]
    fn new_columns_tables_and_indexes_are_added() {
        let migration = plan_change(|schema| {
            let fields = &mut schema["entities"][0]["fields"];
            push(fields, json!({"column": "URL", "type": "String"}));
            push(fields, json!({"column": "OPEN", "type": "Boolean"}));
            schema["entities"][0]["one"] = json!([{"column": "PARENT_ID", "target": "Facility"}]);
            let key = json!([["SAMPLE_ID", "NAME"]]);
            let fields = json!([{"column": "NAME", "type": "String", "nullable": false}]);
            let one = json!([
                {"column": "SAMPLE_ID", "target": "Sample", "nullable": false},
                {"column": "FACILITY_ID", "target": "Facility"},
            ]);
            let puck = json!({"name": "Puck", "table": "PUCK", "uniqueColumns": key, "fields": fields, "one": one});
            push(&mut schema["entities"], puck);
        });
        let expected = "\
-- Made by `cargo xtask gen` from changes of the ICAT schema.

CREATE TABLE puck (
    id {primary_key},
    create_id {text} NOT NULL,
    create_time BIGINT NOT NULL,
    mod_id {text} NOT NULL,
    mod_time BIGINT NOT NULL,
    rev BIGINT NOT NULL DEFAULT 1,
    name {text} NOT NULL,
    sample_id BIGINT NOT NULL REFERENCES sample (id),
    facility_id BIGINT REFERENCES facility (id),
    UNIQUE (sample_id, name)
);
ALTER TABLE facility ADD COLUMN url {text};
ALTER TABLE facility ADD COLUMN open BIGINT NOT NULL DEFAULT 0;
ALTER TABLE facility ADD COLUMN parent_id BIGINT REFERENCES facility (id);
CREATE INDEX facility_parent_id ON facility (parent_id);
CREATE INDEX puck_facility_id ON puck (facility_id);
";
        assert_eq!(migration.unwrap().unwrap(), expected);
    }

    #[test]
    fn other_changes_are_refused() {
        let refused = |change: fn(&mut Value)| plan_change(change).unwrap_err();
        let name = |schema: &mut Value| schema["entities"][0]["fields"][0]["nullable"] = json!(true);
        assert_eq!(refused(name), "facility.name changed from `name {text} NOT NULL` to `name {text}`");
        let required = |schema: &mut Value| {
            push(&mut schema["entities"][1]["fields"], json!({"column": "N", "type": "Long", "nullable": false}));
        };
        assert_eq!(refused(required), "sample.n is new and not nullable, so that existing rows have no value for it");
        assert_eq!(refused(|schema| schema["entities"][1]["fields"] = json!([])), "sample.state was removed");
        assert_eq!(refused(|schema| schema["entities"][0]["uniqueColumns"] = json!([])), "facility.UNIQUE was removed");
        let key = |schema: &mut Value| schema["entities"][1]["uniqueColumns"] = json!([["STATE"]]);
        assert_eq!(refused(key), "sample has a new unique key");
        let gone = |schema: &mut Value| drop(schema["entities"].as_array_mut().unwrap().pop());
        assert!(refused(gone).starts_with("the table sample was removed"));
        let moved = |schema: &mut Value| schema["enums"]["State"] = json!(["DONE", "NEW"]);
        assert_eq!(refused(moved), "values of State were removed or moved; new ones come last");
    }
}
