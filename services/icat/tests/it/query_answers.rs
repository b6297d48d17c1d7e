//! Conversions of values and forms of queries by icat.server's database and `EclipseLink`, with the same answers on each
//! engine. All recorded answers of icat.server are compared in `tests/interop/icat`.

use serde_json::{Value, json};

use crate::cloner_and_port::import_dump;
use crate::rest_client::Client;

/// `{}` stands for the id of dataset `scan`.
#[tokio::test]
async fn values_are_converted_as_in_icat_server() {
    for c in Client::start_on_each_engine("").await {
        assert_eq!(import_dump(&c, &json!({"sessionId": c.session}), include_str!("facility.port")).await.0, 204);
        c.create_entities(r#"[{"Grouping":{"name":"%_"}},{"Grouping":{"name":"a\\b"}},{"Grouping":{"name":"7x"}}]"#)
            .await;
        let id = c.search_rows(&c.session, "SELECT d.id FROM Dataset d").await[0].as_i64().unwrap();
        let digits = i64::try_from(id.to_string().len()).unwrap();
        let cases: Vec<(&str, Value)> = vec![
            ("SELECT d.name FROM Dataset d WHERE d.id = '{}'", json!(["scan"])),
            ("SELECT d.name FROM Dataset d WHERE d.id IN ('{}', '0')", json!(["scan"])),
            ("SELECT d.name FROM Dataset d WHERE d.id BETWEEN '{}' AND '{}'", json!(["scan"])),
            ("Dataset.name [id = '{}']", json!(["scan"])),
            ("Dataset.name [id IN ('{}')]", json!(["scan"])),
            ("SELECT f.name FROM Datafile f WHERE f.fileSize = '5'", json!(["a"])),
            ("SELECT f.name FROM Datafile f WHERE f.fileSize > '4.5'", json!(["a"])),
            ("SELECT d.name FROM Dataset d WHERE d.complete = 1", json!(["scan"])),
            ("SELECT d.name FROM Dataset d WHERE d.complete = 'true'", json!(["scan"])),
            ("SELECT d.name FROM Dataset d WHERE d.complete = 'false'", json!([])),
            ("SELECT a.name FROM Application a WHERE a.version = 1", json!(["a"])),
            ("Application.name [version IN (1, 2)]", json!(["a"])),
            ("SELECT f.name FROM Datafile f WHERE f.fileSize IN (NULL)", json!([])),
            ("SELECT f.name FROM Datafile f WHERE f.fileSize = NULL", json!(["b"])),
            ("SELECT f.name FROM Datafile f WHERE f.fileSize <> NULL", json!(["a"])),
            ("SELECT f.name FROM Datafile f WHERE f.fileSize > NULL", json!([])),
            ("SELECT d.name FROM Dataset d WHERE d.id LIKE '{}%'", json!(["scan"])),
            ("SELECT a.name FROM Application a WHERE a.version LIKE 1", json!(["a"])),
            ("SELECT UPPER(d.id) FROM Dataset d", json!([id.to_string()])),
            ("SELECT LENGTH(d.id) FROM Dataset d", json!([digits])),
            ("SELECT CONCAT(d.name, 1) FROM Dataset d", json!(["scan1"])),
            ("SELECT ABS(g.name) FROM Grouping g WHERE g.name = '7x'", json!([7.0])),
            ("SELECT SUM(g.name) FROM Grouping g", json!([7.0])),
            ("SELECT g.name FROM Grouping g WHERE g.name LIKE '%\\_'", json!(["%_"])),
            ("SELECT g.name FROM Grouping g WHERE g.name LIKE 'a\\b'", json!([])),
            ("SELECT g.name FROM Grouping g WHERE g.name LIKE 'a\\\\b'", json!(["a\\b"])),
            ("SELECT g.name FROM Grouping g WHERE g.name LIKE CONCAT('a', '\\\\', 'b')", json!(["a\\b"])),
            ("SELECT g.name FROM Grouping g WHERE g.name LIKE '!%!_' ESCAPE '!'", json!(["%_"])),
            ("SELECT d.name FROM Dataset d WHERE d.id = 99999999999999999999", json!([])),
            ("SELECT AVG(d.id) FROM Dataset d WHERE d.id < 0", json!([null])),
            ("SELECT f.fileSize / 2 FROM Datafile f WHERE f.name = 'a'", json!([2])),
            ("SELECT f.fileSize / 3.0 FROM Datafile f WHERE f.name = 'a'", json!([1.6667])),
            ("SELECT f.name FROM Datafile f WHERE f.fileSize / 2 > 2", json!(["a"])),
            ("SELECT r.what FROM Rule r WHERE r.restricted = TRUE", json!(["Dataset [name = 'x']"])),
            ("SELECT COUNT(r) FROM Rule r WHERE r.restricted = FALSE", json!([2])),
        ];
        for (query, expected) in cases {
            let query = query.replace("{}", &id.to_string());
            assert_eq!(c.search_rows(&c.session, &query).await, expected, "{query}");
        }
        c.app.stop().await;
    }
}

/// Overflows, where `SQLite` alone would continue with the largest integer or a floating-point number.
#[tokio::test]
async fn numbers_that_are_too_large_are_refused_on_each_engine() {
    const MOST: &str = "9223372036854775807";
    for c in Client::start_on_each_engine("").await {
        assert_eq!(import_dump(&c, &json!({"sessionId": c.session}), include_str!("facility.port")).await.0, 204);
        c.create_entities(
            r#"[{"Grouping":{"name":"1e100"}},{"Grouping":{"name":"1e999"}},{"Grouping":{"name":"1e-999"}}]"#,
        )
        .await;
        for query in [
            format!("SELECT (f.fileSize + 1) * {MOST} FROM Datafile f WHERE f.name = 'a'"),
            format!("SELECT f.fileSize + {MOST} FROM Datafile f WHERE f.name = 'a'"),
            format!("SELECT -f.fileSize - {MOST} FROM Datafile f WHERE f.name = 'a'"),
            format!("SELECT f.fileSize / 2 * {MOST} FROM Datafile f WHERE f.name = 'a'"),
            format!("SELECT f.name FROM Datafile f WHERE f.fileSize * {MOST} > 0"),
            format!("SELECT f.name FROM Datafile f ORDER BY f.fileSize * {MOST}"),
            format!("SELECT SUM(f.fileSize * {MOST}) FROM Datafile f"),
            format!("SELECT SUM(f.fileSize + {MOST} - 5) FROM Datafile f, Rule r"),
            format!("SELECT ABS(-{MOST} - 1 + f.fileSize - f.fileSize) FROM Datafile f WHERE f.name = 'a'"),
            "SELECT f.fileSize * 1e308 * 10 FROM Datafile f WHERE f.name = 'a'".to_owned(),
        ] {
            let (status, answer) = c.get_entities(&c.session, &query, None).await;
            assert_eq!(status, 400, "{query}: {answer}");
            assert!(answer.contains("BAD_PARAMETER") && answer.contains("out of range"), "{query}: {answer}");
        }
        for (query, expected) in [
            (format!("SELECT f.fileSize - 5 + {MOST} FROM Datafile f WHERE f.name = 'a'"), json!([i64::MAX])),
            (format!("SELECT 4 - f.fileSize - {MOST} FROM Datafile f WHERE f.name = 'a'"), json!([i64::MIN])),
            (format!("SELECT (4 - f.fileSize - {MOST}) / 2 * 2 FROM Datafile f WHERE f.name = 'a'"), json!([i64::MIN])),
            (format!("SELECT f.name FROM Datafile f WHERE f.fileSize - 5 + {MOST} >= 9223372036854775808"), json!([])),
            (
                format!("SELECT f.name FROM Datafile f WHERE f.fileSize - 5 + {MOST} < 9223372036854775808"),
                json!(["a"]),
            ),
            (format!("SELECT f.name FROM Datafile f WHERE 4 - f.fileSize - {MOST} >= -1e19"), json!(["a"])),
            ("SELECT f.fileSize + 1 FROM Datafile f WHERE f.name = 'b'".to_owned(), json!([null])),
            ("SELECT ABS(g.name) FROM Grouping g WHERE g.name LIKE '1e1%'".to_owned(), json!([1e100])),
            ("SELECT ABS(g.name) FROM Grouping g WHERE g.name = '1e999'".to_owned(), json!([f64::MAX])),
            ("SELECT ABS(g.name) FROM Grouping g WHERE g.name = '1e-999'".to_owned(), json!([0.0])),
        ] {
            assert_eq!(c.search_rows(&c.session, &query).await, expected, "{query}");
        }
        c.assert_found("SELECT -f.name FROM Datafile f WHERE f.name = 'a'", "[0.0]").await;
        c.app.stop().await;
    }
}

#[tokio::test]
async fn forms_mean_what_they_mean_in_icat_server() {
    for c in Client::start_on_each_engine("").await {
        assert_eq!(import_dump(&c, &json!({"sessionId": c.session}), include_str!("facility.port")).await.0, 204);
        let names = |value: Value| -> Vec<String> {
            let rows = value.as_array().unwrap().iter();
            rows.map(|row| row["Investigation"]["name"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let cases: Vec<(&str, Value)> = vec![
            ("SELECT f.name FROM Datafile f ORDER BY f.name LIMIT 0, 0", json!(["a", "b"])),
            ("SELECT f.name FROM Datafile f ORDER BY f.name LIMIT 1, 0", json!(["b"])),
            ("0,0 Datafile.name ORDER BY name DESC", json!(["b", "a"])),
            ("SELECT f.name, f.fileSize FROM Datafile f ORDER BY 1 DESC", json!([["b", null], ["a", 5]])),
            ("SELECT f.name, f.fileSize FROM Datafile f ORDER BY 2", json!([["a", 5], ["b", null]])),
            ("SELECT DISTINCT d.name FROM Dataset d JOIN d.datafiles f ORDER BY f.name", json!(["scan", "scan"])),
            (
                "SELECT d.name, f.name, COUNT(f) FROM Dataset d JOIN d.datafiles f GROUP BY d.name",
                json!([["scan", "a", 2]]),
            ),
            (
                "SELECT i.facility.name, i.title, MAX(i.name) FROM Investigation i GROUP BY 1",
                json!([["SRC", "t", "MX-2"]]),
            ),
            ("SELECT f.name, COUNT(f) FROM Datafile f", json!([["a", 2]])),
            ("SELECT NULL FROM Facility f", json!([null])),
            ("SELECT f.name FROM Datafile f HAVING COUNT(f) > 1", json!(["a"])),
            ("SELECT f.name FROM Datafile f HAVING COUNT(f) > 2", json!([])),
            ("SELECT NULL FROM Datafile f HAVING COUNT(f) > 1", json!([null])),
            ("SELECT NULL FROM Datafile f HAVING COUNT(f) > 2", json!([])),
            ("SELECT TRUE FROM Datafile f HAVING COUNT(f) > 1", json!([true])),
            ("SELECT 5 FROM Datafile f WHERE f.name = 'x' HAVING COUNT(f) = 0", json!([5])),
            ("SELECT (SELECT COUNT(d) FROM Datafile d) FROM Facility f", json!([2])),
            ("SELECT f.name FROM Datafile f WHERE FUNCTION('LENGTH', f.name) = 1 ORDER BY f.name", json!(["a", "b"])),
        ];
        for (query, expected) in cases {
            assert_eq!(c.search_rows(&c.session, query).await, expected, "{query}");
        }
        let objects = c.search_rows(&c.session, "SELECT OBJECT(i) FROM Investigation i ORDER BY i.name").await;
        assert_eq!(names(objects), ["MX-1", "MX-2"]);
        let least = c.search_rows(&c.session, "SELECT i FROM Investigation i HAVING COUNT(i) > 1").await;
        assert_eq!(names(least), ["MX-1"]);
        c.app.stop().await;
    }
}
