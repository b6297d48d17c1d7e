//! Query plans of common queries on large tables: each access to a large table uses an index. Exceptions are listed here with
//! their reasons.

use std::collections::BTreeSet;
use std::sync::Arc;

use icat::grants::{GrantSets, synchronize_grants};
use icat::query::{
    Access, ParseContext, Plan, QueryEnvironment, Rule, Statement, compile_deciding_selects, compile_filter,
    compile_search, parse_rule, parse_search,
};
use icat_client::schema::{Entity, find_entity};
use jiff::tz::TimeZone;
use service_kit::{Db, DbError, Engine, Micros};

use crate::query_property::store_rules;
use crate::statements::run_statement;

/// Tables that grow with a facility. The others (users, instruments, types, rules) may be scanned.
const LARGE: [&str; 7] = [
    "datafile",
    "dataset",
    "investigation",
    "investigationuser",
    "investigationinstrument",
    "grant_row",
    "datafile_counter",
];

/// Searches, with the names used in failures and in the exceptions below.
const SEARCHES: [(&str, &str); 14] = [
    ("by id", "SELECT f FROM Datafile f WHERE f.id = 777"),
    ("by key", "SELECT f FROM Datafile f WHERE f.dataset.id = 77 AND f.name = 'x'"),
    (
        "of a dataset",
        "SELECT f FROM Datafile f WHERE f.dataset.id = 77 INCLUDE f.dataset.investigation, f.datafileFormat",
    ),
    ("of a visit", "Datafile <-> Dataset <-> Investigation [name = 'MX-77' AND visitId = '1' AND facility.id = 1]"),
    ("count", "SELECT COUNT(f) FROM Datafile f"),
    ("count of an investigation", "SELECT COUNT(f) FROM Datafile f WHERE f.dataset.investigation.id = 77"),
    (
        "size of a visit",
        "SELECT SUM(f.fileSize) FROM Datafile f JOIN f.dataset.investigation i WHERE i.name = 'MX-77' AND i.visitId = '1' \
         AND i.facility.id = 1",
    ),
    (
        "count of an instrument",
        "SELECT COUNT(f) FROM Datafile f JOIN f.dataset.investigation.investigationInstruments ii WHERE ii.instrument.name = 'ID7'",
    ),
    (
        "distinct count of an instrument",
        "SELECT COUNT(DISTINCT f) FROM Investigation i JOIN i.investigationInstruments ii JOIN i.datasets d JOIN d.datafiles f \
         WHERE ii.instrument.name = 'ID7'",
    ),
    (
        "size of datasets by name",
        "SELECT COUNT(f), SUM(f.fileSize) FROM Datafile f WHERE f.dataset.investigation.id = 77 AND f.dataset.name LIKE 'd7%'",
    ),
    (
        "counts of the datasets of an investigation",
        "SELECT d.name, COUNT(f) FROM Dataset d JOIN d.datafiles f WHERE d.investigation.id = 77 GROUP BY d.name ORDER BY d.name",
    ),
    (
        "counts of visits",
        "SELECT i.visitId, COUNT(f) FROM Datafile f JOIN f.dataset.investigation i WHERE i.name = 'MX-77' AND i.facility.id = 1 \
         GROUP BY i.visitId",
    ),
    ("newest 50", "SELECT f FROM Datafile f ORDER BY f.modTime DESC, f.id DESC LIMIT 0, 50"),
    (
        "changed since",
        "SELECT f.id, f.modTime FROM Datafile f WHERE f.modTime >= '2026-01-12 09:59:00' ORDER BY f.modTime, f.id",
    ),
];

/// Engine, query, user, and the table that is scanned. An entry that no longer applies fails the test.
const WHOLE: [(&str, &str, &str, &str); 7] = [
    // An instrument has one in twenty of the investigations.
    ("SQLite", "distinct count of an instrument", "root", "investigationinstrument"),
    ("SQLite", "distinct count of an instrument", "member", "investigationinstrument"),
    ("PostgreSQL", "distinct count of an instrument", "member", "investigationinstrument"),
    // There are only three times as many counters.
    ("PostgreSQL", "count", "member", "datafile_counter"),
    // For few datasets PostgreSQL builds a hash of those that the member may read.
    ("PostgreSQL", "newest 50", "member", "dataset"),
    ("PostgreSQL", "newest 50", "member, first rows", "dataset"),
    ("PostgreSQL", "changed since", "member", "dataset"),
];

/// The rules of members, instrument scientists and released data, as in the demo facility.
const RULES: [(&str, [&str; 3]); 3] = [
    (
        "Datafile",
        [
            "Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
            "SELECT f FROM Datafile f JOIN f.dataset.investigation.investigationInstruments ii JOIN ii.instrument.instrumentScientists s WHERE s.user.name = :user",
            "SELECT f FROM Datafile f WHERE f.dataset.investigation.releaseDate < CURRENT_TIMESTAMP",
        ],
    ),
    (
        "Dataset",
        [
            "Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
            "SELECT d FROM Dataset d JOIN d.investigation.investigationInstruments ii JOIN ii.instrument.instrumentScientists s WHERE s.user.name = :user",
            "SELECT d FROM Dataset d WHERE d.investigation.releaseDate < CURRENT_TIMESTAMP",
        ],
    ),
    (
        "Investigation",
        [
            "Investigation <-> InvestigationUser <-> User [name = :user]",
            "SELECT i FROM Investigation i JOIN i.investigationInstruments ii JOIN ii.instrument.instrumentScientists s WHERE s.user.name = :user",
            "SELECT i FROM Investigation i WHERE i.releaseDate < CURRENT_TIMESTAMP",
        ],
    ),
];

/// 2026-01-12 10:00 UTC.
const NOW: i64 = 1_768_212_000_000_000;
const STAMPS: &str = "create_id, create_time, mod_id, mod_time";

/// 20,000 datafiles in 5,000 datasets of 2,500 investigations with four members and one instrument each.
async fn fill_tables(db: &Db) {
    let series = |up_to: u32, table: &str, columns: &str, values: &str| {
        format!(
            "WITH RECURSIVE s (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM s WHERE n < {up_to}) \
             INSERT INTO {table} (id, {STAMPS}, {columns}) \
             SELECT n, 'x', {NOW} - n * 1000000, 'x', {NOW} - n * 1000000, {values} FROM s"
        )
    };
    let statements = [
        series(1, "facility", "name", "'F'"),
        series(500, "user_", "name", "'db/user' || n"),
        series(20, "instrument", "name, facility_id", "'ID' || n, 1"),
        series(60, "instrumentscientist", "instrument_id, user_id", "n % 20 + 1, n"),
        series(1, "investigationtype", "name, facility_id", "'MX', 1"),
        series(1, "datasettype", "name, facility_id", "'raw', 1"),
        series(
            2500,
            "investigation",
            "name, visit_id, title, releasedate, facility_id, type_id",
            &format!("'MX-' || n, '1', 't', CASE WHEN n % 50 = 0 THEN 1 ELSE {NOW} + 1000000 END, 1, 1"),
        ),
        series(10_000, "investigationuser", "role, investigation_id, user_id", "'Member', n % 2500 + 1, n % 499 + 1"),
        series(2500, "investigationinstrument", "investigation_id, instrument_id", "n, n % 20 + 1"),
        series(5000, "dataset", "name, investigation_id, type_id", "'d' || n, n % 2500 + 1, 1"),
        series(20_000, "datafile", "name, dataset_id", "'f' || n, n % 5000 + 1"),
        "DELETE FROM datafile_counter".to_owned(),
        count_files("2", "f.dataset_id", "datafile f"),
        count_files("1", "d.investigation_id", "datafile f JOIN dataset d ON d.id = f.dataset_id"),
        count_files("0", "0", "datafile f"),
    ];
    db.write(async |tx| {
        for sql in &statements {
            tx.execute(sql, &[]).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

fn count_files(level: &str, owner: &str, tables: &str) -> String {
    let group = if level == "0" { String::new() } else { format!(" GROUP BY {owner}") };
    format!(
        "INSERT INTO datafile_counter (level, owner_id, id, files, sized_files, size_high, size_low) \
         SELECT {level}, {owner}, 0, COUNT(*), 0, 0, 0 FROM {tables}{group}"
    )
}

/// `PostgreSQL` would run it by itself soon; `SQLite` works without it.
async fn analyze_tables(db: &Db) {
    if db.engine() == Engine::Postgres {
        db.write(async |tx| tx.execute("ANALYZE", &[]).await).await.unwrap();
    }
}

/// The large tables that a statement scans, and the plan.
async fn find_full_scans(db: &Db, statement: &Statement) -> (BTreeSet<&'static str>, String) {
    let word = if db.engine() == Engine::Sqlite { "EXPLAIN QUERY PLAN" } else { "EXPLAIN" };
    let explained = Statement::new(format!("{word} {}", statement.sql), statement.params.clone());
    let rows = run_statement(db, &explained).await.unwrap_or_else(|e| panic!("{}: {e}", statement.sql));
    let place = if db.engine() == Engine::Sqlite { 3 } else { 0 };
    let lines: Vec<String> = rows.iter().map(|row| row.get_at(place).unwrap()).collect();
    let sorts = lines.iter().any(|line| line.contains("Sort  (") || line.contains("FOR ORDER BY"));
    // Reading rows in the order of an index up to a limit is no full scan.
    let walks = statement.sql.contains("ORDER BY") && !sorts;
    let mut whole = BTreeSet::new();
    for (n, line) in lines.iter().enumerate() {
        let (scanned, by_index) = match db.engine() {
            Engine::Sqlite => {
                let Some(rest) = line.strip_prefix("SCAN ") else { continue };
                (
                    find_scanned_table(rest.split(' ').next().unwrap_or_default(), &statement.sql),
                    line.contains(" INDEX "),
                )
            }
            Engine::Postgres => {
                let Some((how, rest)) = line.split_once(" on ").filter(|(how, _)| how.contains("Scan")) else {
                    continue;
                };
                // The index scan of a bitmap is a node below.
                let seeks =
                    lines[n + 1..].iter().take_while(|next| !next.contains("->")).any(|l| l.contains("Index Cond"));
                if how.contains("Bitmap") || seeks {
                    continue;
                }
                (rest.split(' ').next().map(str::to_owned), how.contains("using"))
            }
        };
        let large = LARGE.iter().find(|large| scanned.as_deref() == Some(**large));
        whole.extend(large.filter(|_| !(by_index && walks)));
    }
    (whole, lines.join("\n"))
}

/// The table of an alias; plans of `SQLite` name aliases.
fn find_scanned_table(alias: &str, sql: &str) -> Option<String> {
    let words: Vec<&str> = sql.split([' ', '(', ')']).filter(|word| !word.is_empty()).collect();
    let at = words.array_windows().find(|[table, word]| *word == alias && LARGE.contains(table));
    at.map(|[table, _]| (*table).to_owned())
}

fn parse_rules_of(entity: &Entity, ctx: &ParseContext, sets: &GrantSets) -> Vec<Arc<Rule>> {
    let texts = RULES.iter().find(|(name, _)| *name == entity.name).map(|(_, texts)| texts);
    let parse = |text: &&str| {
        let rule = parse_rule(text, ctx).expect(text);
        let set = sets.find_set(&rule);
        Arc::new(rule.with_grant(set))
    };
    texts.into_iter().flatten().map(parse).collect()
}

#[tokio::test]
async fn common_queries_use_indexes() {
    let ctx = ParseContext { time_zone: TimeZone::UTC };
    let mut found = BTreeSet::new();
    let mut engines = BTreeSet::new();
    for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
        engines.insert(test.engine);
        let db = &test.db;
        fill_tables(db).await;
        store_rules(db, RULES.iter().flat_map(|(_, texts)| texts.iter().copied())).await;
        synchronize_grants(db, &ctx).await.unwrap();
        let sets = GrantSets::load(&mut db.read().await.unwrap()).await.unwrap();
        analyze_tables(db).await;
        let access = |entity: &'static Entity| match parse_rules_of(entity, &ctx, &sets) {
            rules if rules.is_empty() => Access::All,
            rules => Access::Rules(rules),
        };
        let env = QueryEnvironment {
            user: "db/user7",
            now: Micros::from_i64(NOW),
            start_of_today: Micros::from_i64(0),
            engine: db.engine(),
            row_cap: 10_001,
            strict: true,
            granted_user: Some(7),
        };
        let mut statements: Vec<(&str, &str, Statement)> = Vec::new();
        for (name, text) in SEARCHES {
            let search = parse_search(text, &ctx).expect(text);
            for who in ["root", "member"] {
                let plan = compile_search(&search, &|e| if who == "root" { Access::All } else { access(e) }, &env);
                let Ok(Plan::Run(statement)) = plan else { panic!("{text}: {plan:?}") };
                if let Some(first) = &statement.first_rows {
                    statements.push((
                        name,
                        "member, first rows",
                        Statement::new(first.sql.clone(), first.params.clone()),
                    ));
                }
                if let Some(rows) = &statement.whole_rows {
                    let sql = rows.to_sql(db.engine(), 1000);
                    let who = if who == "root" { "root, whole rows" } else { "member, whole rows" };
                    statements.push((name, who, Statement::new(sql, statement.params.clone())));
                }
                statements.push((name, who, statement));
            }
        }
        // The filters of INCLUDE and of writes: whether rows with known ids may be read.
        for (name, ids) in [("one row", 1), ("hundred rows", 100)] {
            for entity in ["Datafile", "Dataset", "Investigation"].map(|name| find_entity(name).unwrap()) {
                let ids: Vec<i64> = (1..=ids).collect();
                let rules = parse_rules_of(entity, &ctx, &sets);
                statements.push((name, "member", compile_filter(entity, &rules, &ids, &env)));
                let writing = QueryEnvironment { granted_user: None, ..env };
                statements.push((name, "writer", compile_filter(entity, &rules, &ids, &writing)));
            }
        }
        // The lists of what a user may read.
        for entity in ["Datafile", "Dataset", "Investigation"].map(|name| find_entity(name).unwrap()) {
            let compiled = compile_deciding_selects(&parse_rules_of(entity, &ctx, &sets), 5_000_000, &env);
            assert!(compiled.is_complete);
            statements.extend(compiled.selects.into_iter().map(|select| ("readable", "member", select.statement)));
        }
        // A new catalogue has no statistics, and a server updates them while it runs.
        for has_statistics in [false, true] {
            if has_statistics {
                db.update_statistics().await.unwrap();
            }
            for (name, who, statement) in &statements {
                let (whole, plan) = find_full_scans(db, statement).await;
                for table in whole {
                    found.insert((test.engine, *name, *who, table));
                    println!("{} {name}, {who}: {table} is read whole\n{}\n{plan}", test.engine, statement.sql);
                }
            }
        }
        println!("{}: {} statements", test.engine, statements.len());
    }
    let expected: BTreeSet<_> = WHOLE.into_iter().filter(|(engine, ..)| engines.contains(engine)).collect();
    assert_eq!(found, expected, "what is read whole (left: found, right: named in this file)");
}
