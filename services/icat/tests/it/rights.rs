//! Rights for writing: what each operation requires, with icat.server's texts.

use serde_json::json;

use crate::cloner_and_port::export_dump;
use crate::rest_client::Client;

fn refused_answer(access: &str, entity: &str) -> (u16, String) {
    let message = format!("{access} access to this {entity} is not allowed.");
    let body = format!(r#"{{"code":"INSUFFICIENT_PRIVILEGES","message":"{message}","offset":0}}"#);
    (403, body)
}

/// A facility with two investigations, and a session of ada, whom no rule mentions yet.
async fn create_facility(c: &Client) -> String {
    c.create_entities(
        r#"[{"Facility":{"name":"SRC"}},{"Grouping":{"name":"staff"}},{"User":{"name":"db/ada"}},{"User":{"name":"db/bob"}}]"#,
    )
    .await;
    c.create_entities(r#"[{"InvestigationType":{"name":"MX","facility":{"id":1}}},{"DatasetType":{"name":"raw","facility":{"id":1}}}]"#)
        .await;
    let investigation = |name: &str| {
        json!({"Investigation": {"name": name, "visitId": "1", "title": "t", "facility": {"id": 1}, "type": {"id": 5},
            "datasets": [{"name": "scan", "type": {"id": 6}}]}})
    };
    let ids = c.create_entities(&json!([investigation("MX-1"), investigation("MX-2")]).to_string()).await;
    assert_eq!(ids, [7, 9]);
    Client::log_in(&c.app, "db").await
}

async fn create_rule(c: &Client, flags: &str, what: &str) -> i64 {
    c.create_entities(&json!({"Rule": {"crudFlags": flags, "what": what}}).to_string()).await[0]
}

#[tokio::test]
async fn creating_needs_create_on_every_row_and_rules_see_what_is_not_committed() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        let dataset = |name: &str, investigation: i64| {
            format!(
                r#"{{"Dataset":{{"name":"{name}","type":{{"id":6}},"investigation":{{"id":{investigation}}},"datafiles":[{{"name":"f"}}]}}}}"#
            )
        };
        assert_eq!(
            c.write_entities(&ada, &dataset("a", 7)).await,
            refused_answer("CREATE", "Datafile"),
            "children are asked first"
        );
        create_rule(&c, "C", "Datafile").await;
        assert_eq!(c.write_entities(&ada, &dataset("a", 7)).await, refused_answer("CREATE", "Dataset"));
        create_rule(&c, "C", "Dataset <-> Investigation [name = 'MX-1']").await;
        assert_eq!(c.write_entities(&ada, &dataset("a", 9)).await, refused_answer("CREATE", "Dataset"));
        assert_eq!(
            c.search_rows(&c.session, "SELECT COUNT(d) FROM Datafile d").await,
            json!([0]),
            "nothing is half-written"
        );
        assert_eq!(c.write_entities(&ada, &dataset("a", 7)).await.0, 200);
        // The rules are those from before the request, even for a user who may write rules.
        create_rule(&c, "CRUD", "Rule").await;
        let both = r#"[{"Rule":{"crudFlags":"C","what":"Grouping"}},{"Grouping":{"name":"g"}}]"#;
        let (status, body) = c.write_entities(&ada, both).await;
        assert_eq!((status, body.contains("\"offset\":1")), (403, true), "{body}");
        assert_eq!(c.write_entities(&ada, r#"{"Rule":{"crudFlags":" c ","what":"Grouping"}}"#).await.0, 200);
        assert_eq!(c.write_entities(&ada, r#"{"Grouping":{"name":"g"}}"#).await.0, 200, "from the next request on");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn updating_needs_update_on_the_row_or_a_rule_for_each_attribute() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        let update = |members: &str| format!(r#"{{"Dataset":{{"id":8,{members}}}}}"#);
        let description = update(r#""description":"x""#);
        assert_eq!(c.write_entities(&ada, &description).await, refused_answer("UPDATE", "Dataset"));
        create_rule(&c, "U", "SELECT d.description FROM Dataset d WHERE d.complete = FALSE").await;
        assert_eq!(c.write_entities(&ada, &description).await, (200, "[]".to_owned()));
        let both = update(r#""description":"y","doi":"10.1/x""#);
        assert_eq!(
            c.write_entities(&ada, &both).await,
            refused_answer("UPDATE", "Dataset"),
            "every attribute needs a rule"
        );
        create_rule(&c, "U", "SELECT d.doi FROM Dataset d").await;
        assert_eq!(c.write_entities(&ada, &both).await.0, 200);
        let children = update(r#""description":"z","datafiles":[{"name":"f"}]"#);
        assert_eq!(
            c.write_entities(&ada, &children).await,
            refused_answer("UPDATE", "Dataset"),
            "children need the whole row"
        );
        c.create_entities(&update(r#""complete":true"#)).await;
        assert_eq!(
            c.write_entities(&ada, &description).await,
            refused_answer("UPDATE", "Dataset"),
            "the row as it is before"
        );

        create_rule(&c, "U", "Dataset").await;
        let same = update(r#""investigation":{"id":7},"description":"q""#);
        assert_eq!(c.write_entities(&ada, &same).await.0, 200, "a key that stays the same is no new key");
        let moved = update(r#""investigation":{"id":9},"name":"moved""#);
        assert_eq!(
            c.write_entities(&ada, &moved).await,
            refused_answer("DELETE", "Dataset").replace_in_body("access", "access implied by UPDATE")
        );
        create_rule(&c, "D", "Dataset").await;
        assert_eq!(c.write_entities(&ada, &moved).await, refused_answer("CREATE", "Dataset"));
        create_rule(&c, "C", "Dataset <-> Investigation [name = 'MX-2']").await;
        assert_eq!(c.write_entities(&ada, &moved).await.0, 200);
        let nested = r#"{"Dataset":{"id":8,"type":{"id":6,"name":"other"}}}"#;
        assert_eq!(
            c.write_entities(&ada, nested).await,
            refused_answer("UPDATE", "DatasetType"),
            "what is named may be changed by rule only"
        );
        assert_eq!(
            c.write_entities(&ada, r#"{"Dataset":{"id":8,"type":{"id":6}}}"#).await.0,
            200,
            "naming alone changes nothing"
        );
        c.app.stop().await;
    }
}

trait ReplaceInBody {
    fn replace_in_body(self, from: &str, to: &str) -> Self;
}

impl ReplaceInBody for (u16, String) {
    /// The same answer with a part of its text replaced.
    fn replace_in_body(self, from: &str, to: &str) -> Self {
        (self.0, self.1.replacen(from, to, 1))
    }
}

#[tokio::test]
async fn deleting_needs_delete_on_the_row_and_all_that_goes_with_it() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        let delete = async |entities: &str| {
            let parameters = [("sessionId", ada.as_str()), ("entities", entities)];
            let url = format!("{}/icat/entityManager", c.app.public);
            let answer = c.app.http.delete(url).query(&parameters).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let investigation = r#"{"Investigation":{"id":7}}"#;
        assert_eq!(delete(investigation).await, refused_answer("DELETE", "Investigation"));
        create_rule(&c, "D", "Investigation").await;
        assert_eq!(delete(investigation).await, refused_answer("DELETE", "Dataset"));
        create_rule(&c, "D", "Dataset <-> Investigation [name = 'MX-1']").await;
        assert_eq!(delete(r#"{"Investigation":{"id":9}}"#).await, refused_answer("DELETE", "Dataset"));
        let twice = r#"[{"Investigation":{"id":7}},{"Dataset":{"id":8}}]"#;
        let missing = r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"Dataset[id:8] not found.","offset":1}"#;
        assert_eq!(delete(twice).await, (404, missing.to_owned()), "it goes with the first");
        assert_eq!(delete(investigation).await, (204, String::new()));
        assert_eq!(c.search_rows(&c.session, "SELECT d.id FROM Dataset d").await, json!([10]));
        c.app.stop().await;
    }
}

/// A condition on unreadable data finds nothing; icat.server's behaviour is available for facilities that depend on it.
#[tokio::test]
async fn conditions_cannot_probe_what_is_not_readable() {
    let strict_conditions = "[catalogue.authorization]\nconditions = \"strict\"\n";
    for (settings, strict) in [(strict_conditions, true), ("", false)] {
        for c in Client::start_on_each_engine(settings).await {
            let ada = create_facility(&c).await;
            create_rule(&c, "R", "Facility").await;
            create_rule(&c, "R", "Dataset").await;
            let seen = |yes: serde_json::Value| if strict { json!([]) } else { yes };
            let rows = async |query: &str| c.search_rows(&ada, query).await;
            assert_eq!(
                rows("SELECT f.name FROM Facility f, User u WHERE u.name LIKE 'db/b%'").await,
                seen(json!(["SRC"]))
            );
            assert_eq!(
                rows("SELECT f.name FROM Facility f WHERE EXISTS (SELECT u FROM User u WHERE u.name = 'db/bob')").await,
                seen(json!(["SRC"]))
            );
            assert_eq!(
                rows("SELECT f.name FROM Facility f WHERE f.investigations IS NOT EMPTY").await,
                seen(json!(["SRC"]))
            );
            assert_eq!(rows("SELECT d.id FROM Dataset d WHERE d.investigation.name = 'MX-2'").await, seen(json!([10])));
            assert_eq!(
                rows("SELECT d.id FROM Dataset d ORDER BY d.investigation.name DESC").await,
                seen(json!([10, 8]))
            );
            assert_eq!(
                rows("SELECT d.id FROM Dataset d WHERE d.investigation.id = 9").await,
                json!([10]),
                "its own column"
            );
            let left = "SELECT d.id, COUNT(i) FROM Dataset d LEFT JOIN d.investigation i GROUP BY d.id ORDER BY d.id";
            if strict {
                create_rule(&c, "R", "Investigation [name = 'MX-2']").await;
                assert_eq!(rows(left).await, json!([[8, 0], [10, 1]]), "what is not readable is not there");
                assert_eq!(rows("SELECT d.id FROM Dataset d WHERE d.investigation.name LIKE 'MX%'").await, json!([10]));
            }
            c.app.stop().await;
        }
    }
}

/// Each gap of icat.server has its own setting.
#[tokio::test]
async fn what_makes_a_table_public_and_what_restricts_are_settings_of_their_own() {
    let all = "[catalogue.authorization]\nconditions = \"compatible\"\n";
    let flags = format!("{all}public_tables = \"compatible\"\n");
    let joins = format!("{all}join_rules = \"compatible\"\n");
    for (settings, any_flags, joins_are_nothing) in [("", false, false), (&flags, true, false), (&joins, false, true)] {
        for c in Client::start_on_each_engine(settings).await {
            let ada = create_facility(&c).await;
            create_rule(&c, "C", "Grouping").await;
            let groupings = c.search_rows(&ada, "SELECT g.name FROM Grouping g").await;
            assert_eq!(groupings, if any_flags { json!(["staff"]) } else { json!([]) }, "{settings}");
            create_rule(&c, "R", "SELECT d FROM Dataset d JOIN d.datafiles f").await;
            let datasets = c.search_rows(&ada, "SELECT COUNT(d) FROM Dataset d").await;
            assert_eq!(datasets, if joins_are_nothing { json!([2]) } else { json!([0]) }, "{settings}");
            c.app.stop().await;
        }
    }
}

/// A sub-select in the SELECT list shows data, so rights apply to it whatever conditions may see.
#[tokio::test]
async fn a_sub_select_shows_only_what_is_readable() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        create_rule(&c, "R", "Facility").await;
        let query = "SELECT (SELECT MAX(u.name) FROM User u) FROM Facility f";
        assert_eq!(c.search_rows(&ada, query).await, json!([null]));
        assert_ne!(c.search_rows(&c.session, query).await, json!([null]));
        create_rule(&c, "R", "User [name = :user]").await;
        assert_eq!(c.search_rows(&ada, query).await, json!(["db/ada"]));
        c.app.stop().await;
    }
}

/// Children of hidden rows are exported without references to them, and rows that occur several times in an answer count
/// each time.
#[tokio::test]
async fn exports_and_includes_keep_to_what_is_readable_and_allowed() {
    let strict_conditions = "[catalogue.authorization]\nconditions = \"strict\"\n";
    for settings in ["", strict_conditions] {
        for c in Client::start_on_each_engine(settings).await {
            let ada = create_facility(&c).await;
            create_rule(&c, "R", "Dataset").await;
            let (status, dump) = export_dump(&c, &json!({"sessionId": ada, "query": "Dataset"})).await;
            assert_eq!((status, dump.contains("MX-2")), (200, false), "{dump}");
            let far = format!("SELECT f FROM Facility f INCLUDE f{}", ".investigations.facility".repeat(10));
            let (status, body) = c.get_entities(&c.session, &far, None).await;
            assert_eq!((status, body.len() < 5_000_000), (200, true), "{status} {}", body.len());
            let wider = format!("{far}.users");
            assert_eq!(c.get_entities(&c.session, &wider, None).await.0, 400, "longer than 20");
            c.app.stop().await;
        }
        let few = format!("[catalogue]\nmax_entities = 1000\n{settings}");
        for c in Client::start_on_each_engine(&few).await {
            create_facility(&c).await;
            let far = format!("SELECT f FROM Facility f INCLUDE f{}", ".investigations.facility".repeat(10));
            let too_many = r#"{"code":"VALIDATION","message":"attempt to return more than 1000 entities"}"#;
            assert_eq!(c.get_entities(&c.session, &far, None).await, (412, too_many.to_owned()));
            let one = far.replace("SELECT f FROM Facility f", "Facility f");
            assert_eq!(c.get_entities(&c.session, &one, Some(1)).await.0, 412);
            c.app.stop().await;
        }
    }
}

#[tokio::test]
async fn what_would_be_allowed_can_be_asked() {
    for c in Client::start_on_each_engine("").await {
        let ada = create_facility(&c).await;
        create_rule(&c, "CR", "Dataset <-> Investigation [name = 'MX-1']").await;
        let ask = async |access: &str, entity: &str| {
            c.post_form("/icat/isAccessAllowed", &[("sessionId", &ada), ("accessType", access), ("entity", entity)])
                .await
        };
        let (yes, no) =
            ((200, r#"{"isAccessAllowed":true}"#.to_owned()), (200, r#"{"isAccessAllowed":false}"#.to_owned()));
        assert_eq!(ask("READ", r#"{"Dataset":{"id":8}}"#).await, yes);
        assert_eq!(ask("read", r#"{"Dataset":{"id":10}}"#).await, no);
        assert_eq!(ask("UPDATE", r#"{"Dataset":{"id":8}}"#).await, no);
        let new = |investigation: i64| {
            format!(r#"{{"Dataset":{{"name":"n","type":{{"id":6}},"investigation":{{"id":{investigation}}}}}}}"#)
        };
        assert_eq!(ask("CREATE", &new(7)).await, yes);
        assert_eq!(ask("CREATE", &new(9)).await, no);
        assert_eq!(c.search_rows(&c.session, "SELECT COUNT(d) FROM Dataset d").await, json!([2]), "nothing is kept");
        let missing = r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"Dataset[id:999] not found."}"#;
        assert_eq!(ask("READ", r#"{"Dataset":{"id":999}}"#).await, (404, missing.to_owned()));
        assert_eq!(ask("EAT", r#"{"Dataset":{"id":8}}"#).await.0, 400);
        c.app.stop().await;
    }
}

/// `{}` stands for the name of an investigation. Each expression fails on its row, on both engines or only on `PostgreSQL`.
const FAILING: [(&str, bool); 24] = [
    (
        "SELECT i.id FROM Investigation i WHERE CASE WHEN i.name = '{}' THEN 9223372036854775807 ELSE 0 END + 1 > 0",
        true,
    ),
    (
        "SELECT i.id FROM Investigation i WHERE ABS(CASE WHEN i.name = '{}' THEN -9223372036854775807 ELSE 0 END - 1) > 0",
        true,
    ),
    (
        "SELECT i.id FROM Investigation i WHERE NOT (CASE WHEN i.name = '{}' THEN 9223372036854775807 ELSE 0 END + 1 > 0)",
        true,
    ),
    ("SELECT i.id FROM Investigation i WHERE i.name = '{}' AND i.id + 9223372036854775807 > 0", true),
    ("SELECT i.id + 9223372036854775807 FROM Investigation i WHERE i.name = '{}'", true),
    ("SELECT COUNT(i) FROM Investigation i WHERE i.name = '{}' AND i.id * 9223372036854775807 > 0", true),
    ("SELECT i.id FROM Investigation i WHERE i.name = '{}' AND i.id / 2 * 1e308 * 1e308 > 0", false),
    ("SELECT i.id FROM Investigation i WHERE i.name = '{}' AND MOD(i.id + 9223372036854775807, 2) = 0", true),
    (
        "SELECT i.id FROM Investigation i WHERE i.name LIKE CASE WHEN i.name = '{}' THEN 'M!' ELSE 'M' END ESCAPE '!'",
        false,
    ),
    ("SELECT i.id FROM Investigation i WHERE i.name = '{}' ORDER BY i.id + 9223372036854775807", true),
    (
        "SELECT i.name FROM Investigation i GROUP BY i.name HAVING i.name = '{}' AND LENGTH(i.name) + 9223372036854775807 > 0",
        true,
    ),
    ("SELECT COUNT(i) FROM Investigation i WHERE i.name = '{}' GROUP BY i.id + 9223372036854775807", true),
    ("SELECT SUM(i.id + 9223372036854775807) FROM Investigation i WHERE i.name = '{}'", true),
    ("SELECT d.id FROM Dataset d WHERE d.investigation.name = '{}' AND d.id + 9223372036854775807 > 0", true),
    ("SELECT d.id FROM Dataset d JOIN d.investigation i WHERE i.name = '{}' AND i.id + 9223372036854775807 > 0", true),
    (
        "SELECT d.id FROM Dataset d LEFT JOIN d.investigation i WHERE i.name = '{}' AND i.id + 9223372036854775807 > 0",
        true,
    ),
    ("SELECT f.id FROM Facility f, Investigation i WHERE i.name = '{}' AND f.id + 9223372036854775807 > 0", true),
    (
        "SELECT f.id FROM Facility f WHERE EXISTS (SELECT i FROM Investigation i WHERE i.name = '{}' AND i.id + 9223372036854775807 > 0)",
        true,
    ),
    (
        "SELECT i.id FROM Investigation i WHERE EXISTS (SELECT f FROM Facility f WHERE i.name = '{}' AND f.id + 9223372036854775807 > 0)",
        true,
    ),
    (
        "SELECT f.id FROM Facility f WHERE f.id IN (SELECT i.id + 9223372036854775807 FROM Investigation i WHERE i.name = '{}')",
        true,
    ),
    (
        "SELECT f.id FROM Facility f WHERE f.id < ANY (SELECT i.id + 9223372036854775807 FROM Investigation i WHERE i.name = '{}')",
        true,
    ),
    (
        "SELECT f.id FROM Facility f WHERE (SELECT SUM(i.id + 9223372036854775807) FROM Investigation i WHERE i.name = '{}') > 0",
        true,
    ),
    (
        "SELECT f.id FROM Facility f WHERE f.id > ALL (SELECT i.id + 9223372036854775807 FROM Investigation i WHERE i.name = '{}' GROUP BY i.id + 9223372036854775807)",
        true,
    ),
    ("SELECT i FROM Investigation i WHERE i.name = '{}' AND i.id + 9223372036854775807 > 0 INCLUDE i.datasets", true),
];

/// An error on a hidden row would reveal its data.
#[tokio::test]
async fn errors_say_nothing_about_rows_that_are_not_readable() {
    let strict_conditions = "[catalogue.authorization]\nconditions = \"strict\"\n";
    for (backend, c) in testkit::list_backends().into_iter().zip(Client::start_on_each_engine(strict_conditions).await)
    {
        let ada = create_facility(&c).await;
        create_rule(&c, "R", "Facility").await;
        create_rule(&c, "R", "Investigation [name = 'MX-1']").await;
        create_rule(&c, "R", "Dataset <-> Investigation [name = 'MX-1']").await;
        // A rule that fails itself fails for every query.
        create_rule(&c, "R", "SELECT t FROM DatasetType t WHERE t.id + 9223372036854775807 > 0").await;
        let answer = async |query: &str, name: &str| c.get_entities(&ada, &query.replace("{}", name), None).await;
        let mut wrong = String::new();
        for (query, on_both) in FAILING {
            // SQLite has infinite numbers, and accepts any pattern.
            let fails = on_both || !matches!(backend, testkit::Backend::Sqlite);
            let (own, hidden, none) =
                (answer(query, "MX-1").await, answer(query, "MX-2").await, answer(query, "MX-3").await);
            if (own.0 == 400) != fails || hidden.0 != 200 || hidden != none {
                wrong += &format!("{query}\n  readable {own:?}\n  hidden {hidden:?}\n  none {none:?}\n");
            }
        }
        assert_eq!(wrong, "", "{backend:?}");
        for query in [
            "SELECT t.id FROM DatasetType t WHERE t.name = '{}'",
            "SELECT t.id FROM DatasetType t WHERE t.name LIKE '{}'",
        ] {
            assert_eq!(answer(query, "raw").await, answer(query, "MX-3").await, "{query}");
        }
        c.app.stop().await;
    }
}
