//! Which searches counters of datafiles answer. That the answers are right is tested with random queries (`query_property`).

use icat::query::{Access, ParseContext, Plan, QueryEnvironment, compile_search, parse_search};
use jiff::tz::TimeZone;
use serde_json::json;
use service_kit::{Engine, Micros};

use crate::rest_client::Client;

const COUNTED: [&str; 22] = [
    "SELECT COUNT(f) FROM Datafile f",
    "SELECT COUNT(f.name), SUM(f.fileSize) FROM Datafile f",
    "SELECT COUNT(DISTINCT f) FROM Datafile f WHERE f.dataset.id = 7",
    "COUNT(Datafile) <-> Dataset [id=7]",
    "SELECT SUM(f.fileSize) FROM Datafile f WHERE f.dataset.investigation.name = 'A' AND f.dataset.investigation.visitId = '1'",
    "SELECT COUNT(f) FROM Datafile f WHERE f.dataset.investigation.facility.name = 'F'",
    "SELECT COUNT(f) FROM Datafile f WHERE f.dataset.type.name = 'raw' AND f.dataset.name LIKE 'scan%'",
    "SELECT COUNT(f) FROM Datafile f JOIN f.dataset d LEFT JOIN d.parameters p WHERE p.numericValue > 5",
    "SELECT COUNT(f) FROM Datafile f JOIN f.dataset.investigation.investigationInstruments ii WHERE ii.instrument.name = 'ID01'",
    "SELECT COUNT(DISTINCT f) FROM Datafile f JOIN f.dataset.investigation.investigationUsers u WHERE u.user.name = 'x'",
    "COUNT(Datafile) <-> Dataset <-> Investigation <-> InvestigationInstrument <-> Instrument [name = 'ID01']",
    "SELECT SUM(f.fileSize) FROM Investigation i JOIN i.investigationInstruments ii JOIN i.datasets d JOIN d.datafiles f WHERE ii.instrument.id = 7",
    "SELECT COUNT(f) FROM Dataset d JOIN d.datafiles f WHERE d.investigation.id = 7",
    "SELECT COUNT(f), SUM(f.fileSize) FROM Investigation i, i.datasets d, d.datafiles f WHERE i.id IN (7, 8)",
    "SELECT COUNT(f) FROM Facility x JOIN x.instruments n JOIN n.investigationInstruments ii JOIN ii.investigation i JOIN i.datasets d JOIN d.datafiles f",
    "SELECT f.dataset.id, COUNT(f) FROM Datafile f WHERE f.dataset.investigation.id = 7 GROUP BY f.dataset.id",
    "SELECT d.name, COUNT(f), SUM(f.fileSize) FROM Datafile f JOIN f.dataset d GROUP BY d.name ORDER BY COUNT(f) DESC, d.name LIMIT 0, 10",
    "SELECT i.name, i.visitId, SUM(f.fileSize) FROM Investigation i JOIN i.datasets d JOIN d.datafiles f GROUP BY i.name, i.visitId",
    "SELECT f.dataset.type.name, COUNT(f) FROM Datafile f GROUP BY f.dataset.type.name",
    "SELECT ii.instrument.name, COUNT(f) FROM Datafile f JOIN f.dataset.investigation.investigationInstruments ii GROUP BY ii.instrument.name",
    "SELECT COUNT(f) FROM Datafile f WHERE f.dataset.id BETWEEN 5 AND 9 LIMIT 0, 1",
    "SELECT COUNT(f) FROM Datafile f WHERE f.dataset.investigation.releaseDate < CURRENT_TIMESTAMP",
];

/// Each depends on datafiles, or counts something else.
const NOT_COUNTED: [&str; 16] = [
    "SELECT COUNT(f) FROM Datafile f WHERE f.name = 'a' AND f.dataset.id = 7",
    "SELECT COUNT(f.location) FROM Datafile f",
    "SELECT COUNT(DISTINCT f.name) FROM Datafile f",
    "SELECT SUM(DISTINCT f.fileSize) FROM Datafile f",
    "SELECT MAX(f.fileSize) FROM Datafile f",
    "SELECT COUNT(d) FROM Dataset d JOIN d.datafiles f",
    "SELECT COUNT(f) FROM Datafile f JOIN f.parameters p",
    "SELECT COUNT(f) FROM Datafile f LEFT JOIN f.dataset d",
    "SELECT COUNT(f) FROM Dataset d LEFT JOIN d.datafiles f",
    "SELECT COUNT(f), COUNT(DISTINCT f) FROM Datafile f JOIN f.dataset.investigation.investigationUsers u",
    "SELECT COUNT(f), COUNT(g) FROM Dataset d JOIN d.datafiles f JOIN d.datafiles g",
    "SELECT f.datafileFormat.name, COUNT(f) FROM Datafile f GROUP BY f.datafileFormat.name",
    "SELECT d.name, COUNT(f) FROM Datafile f JOIN f.dataset d GROUP BY d.name HAVING COUNT(f) > 5",
    "SELECT COUNT(f) FROM Datafile f, Facility x",
    "SELECT COUNT(f) FROM Datafile f WHERE f.dataset.investigation.investigationUsers IS EMPTY OR f.fileSize > 5",
    "SELECT COUNT(f) FROM Datafile f LIMIT 1, 1",
];

#[test]
fn conditions_on_ancestors_are_answered_from_counters() {
    let ctx = ParseContext { time_zone: TimeZone::UTC };
    let env = QueryEnvironment {
        user: "db/x",
        now: Micros::from_i64(1),
        start_of_today: Micros::from_i64(0),
        engine: Engine::Sqlite,
        row_cap: 100,
        strict: true,
        granted_user: None,
    };
    for (is_counted, text) in COUNTED.map(|text| (true, text)).into_iter().chain(NOT_COUNTED.map(|text| (false, text)))
    {
        let search = parse_search(text, &ctx).unwrap_or_else(|e| panic!("{text}: {e}"));
        let plan = compile_search(&search, &|_| Access::All, &env).expect(text);
        let Plan::Run(statement) = plan else { panic!("{text}: {plan:?}") };
        assert_eq!(statement.sql.contains("datafile_counter"), is_counted, "{text}\n{}", statement.sql);
    }
}

/// The counters of deleted files stay for a while, as differences that add up to 0.
#[tokio::test]
async fn a_group_without_files_is_missing() {
    for c in Client::start_on_each_engine("").await {
        c.create_entities(
            r#"[{"Facility":{"name":"F","investigationTypes":[{"name":"t"}],"datasetTypes":[{"name":"raw"}]}}]"#,
        )
        .await;
        let id =
            async |entity: &str| c.search_rows(&c.session, &format!("SELECT x.id FROM {entity} x")).await[0].clone();
        let (facility, kind) = (id("Facility").await, id("InvestigationType").await);
        let investigation = json!([{"Investigation": {"name": "A", "visitId": "1", "title": "t",
            "facility": {"id": facility}, "type": {"id": kind}}}]);
        c.create_entities(&investigation.to_string()).await;
        let (investigation, kind) = (id("Investigation").await, id("DatasetType").await);
        let dataset = |name: &str, files: &[Option<i64>]| {
            let files = (0..).zip(files).map(|(n, size)| json!({"name": format!("{name}{n}"), "fileSize": size}));
            json!({"Dataset": {"name": name, "investigation": {"id": investigation}, "type": {"id": kind},
                "datafiles": files.collect::<Vec<_>>()}})
        };
        let datasets =
            [dataset("a", &[Some(5), None]), dataset("b", &[None]), dataset("c", &[Some(7)]), dataset("d", &[])];
        c.create_entities(&json!(datasets).to_string()).await;
        let gone = c.search_rows(&c.session, "SELECT f.id FROM Datafile f WHERE f.dataset.name = 'c'").await[0].clone();
        assert_eq!(c.delete_entities(&json!([{"Datafile": {"id": gone}}]).to_string()).await.0, 204);
        for (query, expected) in [
            (
                "SELECT d.name, COUNT(f), SUM(f.fileSize) FROM Datafile f JOIN f.dataset d GROUP BY d.name ORDER BY d.name",
                json!([["a", 2, 5], ["b", 1, null]]),
            ),
            (
                "SELECT d.name, SUM(f.fileSize) FROM Dataset d JOIN d.datafiles f GROUP BY d.name ORDER BY SUM(f.fileSize) DESC",
                json!([["a", 5], ["b", null]]),
            ),
            (
                "SELECT d.name FROM Dataset d JOIN d.datafiles f GROUP BY d.name ORDER BY COUNT(f), d.name LIMIT 1, 1",
                json!(["a"]),
            ),
            ("SELECT COUNT(f) FROM Datafile f JOIN f.dataset d WHERE d.name IN ('c', 'd') GROUP BY d.id", json!([])),
        ] {
            assert_eq!(c.search_rows(&c.session, query).await, expected, "{query}");
        }
        c.app.stop().await;
    }
}
