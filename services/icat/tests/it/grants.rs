//! What a user may read, over the REST interface with sets of granted rows, and sets under writers at the same time.

use futures_util::future::join_all;
use icat::grants::{find_deviations, rebuild_derived_rows, synchronize_grants};
use icat::query::ParseContext;
use icat::store::Author;
use icat::store::datafile_counters::fold_differences;
use icat::store::entities::{NewRow, delete_rows, insert_rows, new_values, update_row, value_index};
use icat_client::schema::{Entity, find_entity};
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use service_kit::{Db, DbError, Micros, Tx, Val};

use crate::query_property::{new_outbox, store_rules};
use crate::rest_client::Client;

const RULES: [&str; 9] = [
    "Investigation <-> InvestigationUser <-> User [name = :user]",
    "Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
    "Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
    "SELECT i FROM Investigation i JOIN i.investigationInstruments ii JOIN ii.instrument.instrumentScientists s WHERE s.user.name = :user",
    "SELECT d FROM Dataset d JOIN d.investigation.investigationInstruments ii JOIN ii.instrument.instrumentScientists s WHERE s.user.name = :user",
    "SELECT f FROM Datafile f JOIN f.dataset.investigation.investigationInstruments ii JOIN ii.instrument.instrumentScientists s WHERE s.user.name = :user",
    "SELECT i FROM Investigation i WHERE i.releaseDate < CURRENT_TIMESTAMP",
    "SELECT d FROM Dataset d WHERE d.investigation.releaseDate < CURRENT_TIMESTAMP",
    "SELECT f FROM Datafile f WHERE f.dataset.investigation.releaseDate < CURRENT_TIMESTAMP",
];

fn parse_context() -> ParseContext {
    ParseContext { time_zone: TimeZone::UTC }
}

/// The ids of an answer by the names of their entities.
struct Facility {
    investigations: [i64; 2],
    datasets: [i64; 2],
    ada: i64,
    instrument: i64,
}

/// Two investigations with a dataset each, of one and of two files, and a user whom nothing grants anything yet.
async fn create_facility(c: &Client) -> Facility {
    let facility = c.create_entities(r#"{"Facility":{"name":"SRC"}}"#).await[0];
    let within = json!({"id": facility});
    let [ada, kind, raw, instrument] = c
        .create_entities(
            &json!([
                {"User": {"name": "db/ada"}},
                {"InvestigationType": {"name": "MX", "facility": within}},
                {"DatasetType": {"name": "raw", "facility": within}},
                {"Instrument": {"name": "ID01", "facility": within}},
            ])
            .to_string(),
        )
        .await[..]
    else {
        panic!("four ids")
    };
    let (mut investigations, mut datasets) = ([0; 2], [0; 2]);
    for n in 0..2 {
        let investigation = json!({"Investigation": {"name": format!("MX-{n}"), "visitId": "1", "title": "t",
            "facility": within, "type": {"id": kind}}});
        investigations[n] = c.create_entities(&investigation.to_string()).await[0];
        let files: Vec<Value> =
            (0..=n).map(|file| json!({"name": format!("f{file}"), "fileSize": 1_i64 << (32 + file)})).collect();
        let dataset = json!({"Dataset": {"name": "scan", "type": {"id": raw},
            "investigation": {"id": investigations[n]}, "datafiles": files}});
        datasets[n] = c.create_entities(&dataset.to_string()).await[0];
    }
    Facility { investigations, datasets, ada, instrument }
}

/// Asserts what ada sees: the names of investigations, and the number and total size of files, counted in several ways.
async fn assert_seen(c: &Client, session: &str, what: &str, investigations: &[&str], sizes: &[i64]) {
    let names = c.search_rows(session, "SELECT i.name FROM Investigation i ORDER BY i.name").await;
    assert_eq!(names, json!(investigations), "{what}");
    let found = c.search_rows(session, "SELECT f.fileSize FROM Datafile f ORDER BY f.fileSize").await;
    assert_eq!(found, json!(sizes), "{what}: files");
    let newest = c.search_rows(session, "SELECT f.id FROM Datafile f ORDER BY f.modTime DESC LIMIT 0, 1").await;
    assert_eq!(newest.as_array().unwrap().len(), sizes.len().min(1), "{what}: newest");
    let total = if sizes.is_empty() { Value::Null } else { json!(sizes.iter().sum::<i64>()) };
    for from in [
        "FROM Datafile f",
        "FROM Datafile f JOIN f.dataset d JOIN d.investigation i WHERE i.visitId = '1'",
        "FROM Datafile f WHERE f.dataset.name = 'scan'",
        "FROM Datafile f WHERE f.name LIKE 'f%'",
    ] {
        let counted = c.search_rows(session, &format!("SELECT COUNT(f) {from}")).await;
        assert_eq!(counted, json!([sizes.len()]), "{what}: {from}");
        let sum = c.search_rows(session, &format!("SELECT SUM(f.fileSize) {from}")).await;
        assert_eq!(sum, json!([total]), "{what}: {from}");
    }
}

#[tokio::test]
async fn what_a_user_sees_follows_each_change_at_once() {
    const SMALL: i64 = 1 << 32;
    const LARGE: i64 = 1 << 33;
    for c in Client::start_on_each_engine("").await {
        let Facility { investigations, datasets, ada, instrument } = create_facility(&c).await;
        let session = Client::log_in(&c.app, "db").await;
        for what in RULES {
            c.create_entities(&json!({"Rule": {"crudFlags": "R", "what": what}}).to_string()).await;
        }
        synchronize_grants(c.app.db("icat"), &parse_context()).await.unwrap();
        assert_seen(&c, &session, "nothing granted", &[], &[]).await;

        let member = json!({"InvestigationUser": {"role": "PI", "user": {"id": ada}, "investigation": {"id": investigations[0]}}});
        let member = c.create_entities(&member.to_string()).await[0];
        assert_seen(&c, &session, "a member", &["MX-0"], &[SMALL]).await;
        let file = json!({"Datafile": {"name": "f9", "fileSize": 5, "dataset": {"id": datasets[0]}}});
        let file = c.create_entities(&file.to_string()).await[0];
        assert_seen(&c, &session, "a new file", &["MX-0"], &[5, SMALL]).await;
        c.create_entities(&json!({"Datafile": {"id": file, "fileSize": 7}}).to_string()).await;
        assert_seen(&c, &session, "another size", &["MX-0"], &[7, SMALL]).await;
        let moved = |dataset: i64, to: i64, name: &str| {
            json!({"Dataset": {"id": dataset, "name": name, "investigation": {"id": to}}}).to_string()
        };
        c.create_entities(&json!({"Dataset": {"id": datasets[1], "name": "other"}}).to_string()).await;
        c.create_entities(&moved(datasets[0], investigations[1], "scan")).await;
        assert_seen(&c, &session, "a moved dataset", &["MX-0"], &[]).await;
        c.create_entities(
            &json!({"Dataset": {"id": datasets[1], "name": "scan", "investigation": {"id": investigations[0]}}})
                .to_string(),
        )
        .await;
        assert_seen(&c, &session, "datasets exchanged", &["MX-0"], &[SMALL, LARGE]).await;

        let other = json!({"InvestigationUser": {"id": member, "investigation": {"id": investigations[1]}}});
        c.create_entities(&other.to_string()).await;
        assert_seen(&c, &session, "member of the other one", &["MX-1"], &[7, SMALL]).await;
        let scientist = json!({"Instrument": {"id": instrument, "instrumentScientists": [{"user": {"id": ada}}],
            "investigationInstruments": [{"investigation": {"id": investigations[0]}}]}});
        c.create_entities(&scientist.to_string()).await;
        assert_seen(&c, &session, "scientist", &["MX-0", "MX-1"], &[7, SMALL, SMALL, LARGE]).await;
        c.delete_entities(&json!({"InvestigationUser": {"id": member}}).to_string()).await;
        assert_seen(&c, &session, "no member", &["MX-0"], &[SMALL, LARGE]).await;
        c.delete_entities(&json!({"Instrument": {"id": instrument}}).to_string()).await;
        assert_seen(&c, &session, "no instrument", &[], &[]).await;

        let release = |date: &str| json!({"Investigation": {"id": investigations[1], "releaseDate": date}}).to_string();
        c.create_entities(&release("2000-01-01T00:00:00Z")).await;
        assert_seen(&c, &session, "released", &["MX-1"], &[7, SMALL]).await;
        c.delete_entities(&json!({"Dataset": {"id": datasets[0]}}).to_string()).await;
        assert_seen(&c, &session, "a deleted dataset", &["MX-1"], &[]).await;
        c.create_entities(&release("2900-01-01T00:00:00Z")).await;
        assert_seen(&c, &session, "embargo", &[], &[]).await;
        c.app.stop().await;
    }
}

/// A row of an entity; members that are not named have their defaults.
fn new_row(entity: &Entity, id: i64, members: &[(&str, Val)]) -> NewRow {
    let mut values = new_values(entity);
    for (name, val) in members {
        values[value_index(entity, name).unwrap()] = val.clone();
    }
    NewRow { id, values }
}

const USERS: i64 = 4;
const INVESTIGATIONS: i64 = 3;
const DATASETS: i64 = 4;
/// Ids from which each writer takes its own.
const FIRST_FREE: i64 = 1_000;

async fn store_small_facility(db: &Db) {
    let text = |text: &str| Val::from(text);
    let stored = async |tx: &mut Tx| {
        let author = Author::new("x", Micros::from_i64(0));
        let mut insert = async |name: &str, id: i64, members: &[(&str, Val)]| {
            let entity = find_entity(name).unwrap();
            insert_rows(tx, entity, vec![new_row(entity, id, members)], &author).await
        };
        insert("Facility", 1, &[("name", text("F"))]).await?;
        for user in 1..=USERS {
            insert("User", user, &[("name", text(&format!("db/{user}")))]).await?;
        }
        insert("InvestigationType", 1, &[("name", text("t")), ("facility", 1.into())]).await?;
        insert("DatasetType", 1, &[("name", text("t")), ("facility", 1.into())]).await?;
        insert("Instrument", 1, &[("name", text("ID01")), ("facility", 1.into())]).await?;
        for id in 1..=INVESTIGATIONS {
            let members = [
                ("name", text(&format!("MX-{id}"))),
                ("visitId", text("1")),
                ("title", text("t")),
                ("facility", 1.into()),
                ("type", 1.into()),
            ];
            insert("Investigation", id, &members).await?;
        }
        for id in 1..=DATASETS {
            let members = [("name", text(&format!("d{id}"))), ("investigation", 1.into()), ("type", 1.into())];
            insert("Dataset", id, &members).await?;
        }
        Ok::<_, DbError>(())
    };
    Author::new("x", Micros::from_i64(0)).run_transaction(db, &new_outbox(), stored).await.unwrap();
}

/// Random changes of one writer, each in a transaction of its own.
async fn change_rows(db: &Db, writer: i64, changes: i64) {
    let mut rng = StdRng::seed_from_u64(u64::try_from(writer).unwrap());
    let mut own: Vec<(&'static Entity, i64)> = Vec::new();
    for n in 0..changes {
        let id = FIRST_FREE + writer * 10_000 + n;
        let mut pick = |up_to: i64| rng.random_range(1..=up_to);
        let (action, user, investigation, dataset) = (pick(8), pick(USERS), pick(INVESTIGATIONS), pick(DATASETS));
        let author = Author::new("x", Micros::from_i64(0));
        let own_row = if own.is_empty() { None } else { Some(own.len() - 1) };
        let inserted: Option<(&str, Vec<(&str, Val)>)> = match action {
            1 | 2 => Some((
                "InvestigationUser",
                vec![
                    ("role", Val::from(format!("r{id}"))),
                    ("user", user.into()),
                    ("investigation", investigation.into()),
                ],
            )),
            3 | 4 => Some((
                "Datafile",
                vec![("name", Val::from(format!("f{id}"))), ("dataset", dataset.into()), ("fileSize", id.into())],
            )),
            _ => None,
        };
        let work = async |tx: &mut Tx| match (&inserted, action) {
            (Some((name, members)), _) => {
                let entity = find_entity(name).unwrap();
                insert_rows(tx, entity, vec![new_row(entity, id, members)], &author).await
            }
            (None, 5) => {
                let entity = find_entity("Dataset").unwrap();
                let at = value_index(entity, "investigation").unwrap();
                update_row(tx, entity, dataset, &[(at, investigation.into())], &author).await
            }
            _ => match own_row.map(|at| own[at]) {
                Some((entity, id)) => delete_rows(tx, entity, &[id], &author).await,
                None => Ok(()),
            },
        };
        author.run_transaction(db, &new_outbox(), work).await.unwrap();
        match inserted {
            Some((name, _)) => own.push((find_entity(name).unwrap(), id)),
            None if action != 5 => drop(own.pop()),
            None => {}
        }
    }
}

#[tokio::test]
async fn writers_at_the_same_time_leave_exact_sets_and_counters() {
    for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
        let db = &test.db;
        store_small_facility(db).await;
        store_rules(db, RULES.into_iter()).await;
        let writers = join_all((0..8).map(|writer| change_rows(db, writer, 40)));
        // Sets are added, and counters added up, while rows change.
        let others = async {
            synchronize_grants(db, &parse_context()).await.unwrap();
            db.write(async |tx| fold_differences(tx).await).await.unwrap();
        };
        tokio::join!(writers, others);
        assert_eq!(find_deviations(db).await.unwrap(), Vec::<String>::new(), "{}", test.engine);
    }
}

#[tokio::test]
async fn what_another_program_changed_is_found_and_repaired() {
    for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
        let db = &test.db;
        store_small_facility(db).await;
        store_rules(db, RULES.into_iter()).await;
        change_rows(db, 0, 40).await;
        synchronize_grants(db, &parse_context()).await.unwrap();
        assert_eq!(find_deviations(db).await.unwrap(), Vec::<String>::new(), "{}", test.engine);
        let foreign = [
            "DELETE FROM investigationuser",
            "UPDATE datafile SET filesize = filesize + 1 WHERE id = (SELECT MAX(id) FROM datafile)",
        ];
        db.write(async |tx| {
            for sql in foreign {
                tx.execute(sql, &[]).await?;
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        let found = find_deviations(db).await.unwrap();
        let sets = found.iter().filter(|line| line.contains("should not be there")).count();
        assert_eq!((sets, found.len()), (1, 4), "{}: {found:#?}", test.engine);
        rebuild_derived_rows(db, &parse_context()).await.unwrap();
        assert_eq!(find_deviations(db).await.unwrap(), Vec::<String>::new(), "{}", test.engine);
    }
}
