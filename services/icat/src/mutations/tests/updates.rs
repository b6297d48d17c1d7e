//! Updates of many rows in one request.

use super::*;

/// A random list of items, most of them updates of one entity type, some of them wrong.
fn generate_updates(rng: &mut StdRng) -> String {
    let first_kind = rng.random_range(0..9);
    generate_list(rng, first_kind, 0.2, generate_update)
}

fn generate_update(rng: &mut StdRng, kind: usize, faults: bool) -> String {
    let n = rng.random_range(0..6);
    let wrong = (faults && rng.random_bool(0.15)).then_some(n % 3);
    let mut pick = |names: &[&str]| {
        if wrong == Some(0) { "9999999".to_owned() } else { format!("#{}", names[rng.random_range(0..names.len())]) }
    };
    match kind {
        0 => {
            let file = pick(&["x0", "x1", "x2", "x3"]);
            let members = match (wrong, n) {
                (Some(1), _) => format!(r#""location":"{}""#, "l".repeat(300)),
                (Some(2), _) => r#""datafileFormat":{"id":9999999}"#.to_owned(),
                (_, 0) => r#""fileSize":null"#.to_owned(),
                (_, 1) => format!(r#""fileSize":{n},"description":"size""#),
                (_, 2) => r#""description":"only this""#.to_owned(),
                _ => format!(r#""fileSize":{}"#, n + 5_000_000_000_usize),
            };
            format!(r#"{{"Datafile":{{"id":{file},{members}}}}}"#)
        }
        // Keys, which may be those of other rows at that moment.
        1 => format!(r#"{{"Datafile":{{"id":{},"name":"x{}"}}}}"#, pick(&["x0", "x1", "x2"]), n % 3),
        2 => {
            let dataset = pick(&["s0", "s1", "s2"]);
            let members = match (wrong, n) {
                (Some(1), _) => r#""name":null"#.to_owned(),
                (Some(2), _) => r#""type":{"id":9999999}"#.to_owned(),
                (_, 0) => r#""investigation":{"id":#i1}"#.to_owned(),
                (_, 1) => r#""investigation":{"id":#i0,"title":"other"}"#.to_owned(),
                (_, 2) => r#""type":{"id":#dt},"complete":true"#.to_owned(),
                (_, 3) => r#""datafiles":[{"name":"more"}]"#.to_owned(),
                _ => format!(r#""description":"d{n}","investigation":{{"id":#i0}}"#),
            };
            format!(r#"{{"Dataset":{{"id":{dataset},{members}}}}}"#)
        }
        3 | 4 => {
            let investigation = pick(&["i0", "i1", "i2", "i3"]);
            let members = match (wrong, n) {
                (Some(1), _) => r#""title":null"#.to_owned(),
                (Some(2), _) => r#""title":"not for all""#.to_owned(),
                (_, 0) => r#""doi":"10.1/1""#.to_owned(),
                (_, 1) => r#""doi":"10.1/2","releaseDate":null"#.to_owned(),
                (_, 2) => r#""visitId":"1","doi":"10.1/3""#.to_owned(),
                _ => format!(r#""releaseDate":"202{n}-01-01T00:00:00Z""#),
            };
            format!(r#"{{"Investigation":{{"id":{investigation},{members}}}}}"#)
        }
        5 => {
            let number = if wrong == Some(1) { 50 } else { n };
            match pick(&["q0", "q1", "q2"]).as_str() {
                "#q2" => format!(
                    r#"{{"DatasetParameter":{{"id":#q2,"stringValue":"{}"}}}}"#,
                    if number > 5 { "z" } else { "b" }
                ),
                id => format!(r#"{{"DatasetParameter":{{"id":{id},"numericValue":{number}}}}}"#),
            }
        }
        6 => format!(r#"{{"InvestigationUser":{{"id":{},"role":"r{n}"}}}}"#, pick(&["v0", "v1"])),
        7 => format!(r#"{{"Facility":{{"id":#f,"{}":"F"}}}}"#, ["name", "fullName"][n % 2]),
        _ => format!(r#"{{"Datafile":{{"name":"y{n}","fileSize":5,"dataset":{{"id":#s0}}}}}}"#),
    }
}

#[tokio::test]
async fn sets_of_updates_have_the_same_outcome_as_single_items() {
    compare_outcomes(generate_updates).await;
}

fn parse_filled(text: &str, ids: &BTreeMap<String, i64>) -> Vec<EntityWrite> {
    parse_items(&fill_ids(text, ids)).unwrap()
}

async fn try_as_root(db: &Db, items: &[EntityWrite]) -> Outcome {
    try_items(db, items, &create_rights("root", true, db.engine()), true).await
}

/// A row that is updated twice, and keys that are exchanged by way of a third one.
#[tokio::test]
async fn updates_of_one_row_follow_one_another() {
    for test in testkit::create_databases("icat", crate::SERVICE.migrations).await {
        let ids = fill_catalogue(&test.db).await;
        let rename = |id: &str, name: &str| format!(r#"{{"Datafile":{{"id":#{id},"name":"{name}","fileSize":7}}}}"#);
        let size = |id: &str, size: i64| format!(r#"{{"Datafile":{{"id":#{id},"fileSize":{size}}}}}"#);
        let exchange = [rename("x0", "x"), rename("x1", "x0"), rename("x0", "x1")];
        let items = [size("x0", 1), size("x1", 2), size("x0", 3), size("x1", 4), exchange.join(","), size("x2", 9)];
        let items = parse_filled(&format!("[{}]", items.join(",")), &ids);
        let Outcome::Written { rows, changes, .. } = try_as_root(&test.db, &items).await else { panic!("{items:?}") };
        let show = |id: &str| ids[id].to_string();
        let order = ["x0", "x1", "x0", "x1", "x0", "x1", "x0", "x2"].map(show).map(|id| format!("I64(Some({id}))"));
        assert_eq!(changes, [("Datafile Updated".to_owned(), order.to_vec())], "{}", test.engine);
        for (id, name, size) in [("x0", "x1", 7), ("x1", "x0", 7), ("x2", "x2", 9)] {
            let begins = format!("Datafile I64(Some({})) ", ids[id]);
            let row = rows.iter().find(|row| row.starts_with(&begins)).unwrap();
            assert!(row.contains(&format!("{name}\\\"")) && row.contains(&format!("I64(Some({size}))")), "{row}");
        }
    }
}

/// Enough rows for several sets; the rows of a request with an error are as before.
#[tokio::test]
async fn an_error_among_many_updates_has_the_offset_of_its_item() {
    let count = 4_500;
    for test in testkit::create_databases("icat", crate::SERVICE.migrations).await {
        let ids = fill_catalogue(&test.db).await;
        let (rights, author) = (create_rights("root", true, test.db.engine()), Author::new("root", NOW));
        let write = async |items: &[EntityWrite]| {
            let work = async |tx: &mut Tx| {
                let permissions = Permissions { rights: &rights, env: environment(&rights, tx.engine()) };
                write_items(tx, items, &author, &permissions, &parse_context()).await
            };
            author.run_transaction(&test.db, &test_outbox(), work).await
        };
        let update = |n: usize, id: i64| format!(r#"{{"Investigation":{{"id":{id},"summary":"s{n}"}}}}"#);
        let investigations: Vec<String> = (0..count)
            .map(|n| {
                format!(r#"{{"Investigation":{{"name":"m{n}","visitId":"1","title":"t","facility":{{"id":#f}},"type":{{"id":#it}}}}}}"#)
            })
            .collect();
        let created = write(&parse_filled(&format!("[{}]", investigations.join(",")), &ids)).await.unwrap();
        let updates: Vec<String> = created.iter().enumerate().map(|(n, id)| update(n, *id)).collect();
        let started = std::time::Instant::now();
        write(&parse_filled(&format!("[{}]", updates.join(",")), &ids)).await.unwrap();
        println!("{}: {count} updates in {:?}", test.engine, started.elapsed());
        let entity = find_entity("Investigation").unwrap();
        let summary = entities::value_index(entity, "summary").unwrap();
        let stored = entities::list_all(&mut test.db.read().await.unwrap(), entity).await.unwrap();
        for (n, id) in created.iter().enumerate() {
            let row = stored.iter().find(|row| row.id == *id).unwrap();
            assert_eq!(row.values[summary], Val::from(format!("s{n}")));
        }
        for (at, bad, text) in [
            (4_321, r#"{"Investigation":{"id":#i0,"name":"m17"}}"#, "Investigation exists with facility = 'Facility:"),
            (2_600, r#"{"Investigation":{"id":9999999,"title":"x"}}"#, "Investigation[id:9999999] not found."),
            (1_999, r#"{"Investigation":{"id":#i0,"title":null}}"#, "Investigation: title cannot be null."),
            (
                2_000,
                r#"{"Investigation":{"id":#i0,"type":{"id":9999999}}}"#,
                "InvestigationType[id:9999999] not found.",
            ),
        ] {
            let mut updates = updates.clone();
            updates[at] = bad.to_owned();
            match write(&parse_filled(&format!("[{}]", updates.join(",")), &ids)).await {
                Err(Error::AtOffset { offset, source }) => {
                    assert_eq!(offset, at, "{}: {source}", test.engine);
                    assert!(source.to_string().starts_with(text), "{source}");
                }
                other => panic!("{}: {other:?}", test.engine),
            }
        }
        let after = entities::list_all(&mut test.db.read().await.unwrap(), entity).await.unwrap();
        assert_eq!(after, stored, "{}", test.engine);
    }
}
