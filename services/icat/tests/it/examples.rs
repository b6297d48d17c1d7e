//! A sequence of requests to the REST interface of icat.server 6.2, compared byte for byte. Times are in UTC; ids follow from
//! the sequence.

use serde_json::json;

use crate::rest_client::{AUTHENTICATOR, Client};

/// The base fields after the id.
const BASE: &str = r#""createId":"simple/root","createTime":"2026-01-12T09:00:00.000Z","modId":"simple/root","modTime":"2026-01-12T09:00:00.000Z""#;

/// `B(n)` stands for the base fields of row n.
fn expand_base_fields(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("B(") {
        let (id, after) = after.split_once(')').unwrap();
        out += &format!("{before}\"id\":{id},{BASE}");
        rest = after;
    }
    out + rest
}

async fn start_filled_catalogues(settings: &str) -> Vec<Client> {
    let all = Client::start_on_each_engine(settings).await;
    for c in &all {
        c.create_entities(r#"{"Facility":{"name":"SRC","daysUntilRelease":90}}"#).await;
        c.create_entities(
            r#"[{"InvestigationType":{"name":"MX","facility":{"id":1}}},{"DatasetType":{"name":"raw","facility":{"id":1}}},
                {"DatasetType":{"name":"align","facility":{"id":1}}},{"Grouping":{"name":"bl-id29"}},{"Grouping":{"name":"bl-id30"}},
                {"User":{"name":"db/ada","fullName":"Ada L."}}]"#,
        )
        .await;
        c.create_entities(r#"{"UserGroup":{"grouping":{"id":5},"user":{"id":7}}}"#).await;
        let investigation = json!({"Investigation": {"facility": {"id": 1}, "type": {"id": 2}, "name": "MX-2417", "visitId": "1",
            "title": "Lysozyme at low dose", "startDate": "2026-01-12T08:00:00.000+01:00", "keywords": [{"name": "lysozyme"}]}});
        assert_eq!(c.create_entities(&investigation.to_string()).await, [9]);
        let dataset = json!([
            {"Dataset": {"name": "align", "type": {"id": 4}, "investigation": {"id": 9}, "complete": true,
                "startDate": "2026-01-12T08:05:00.000Z", "datafiles": [{"name": "a", "fileSize": 7}, {"name": "b", "fileSize": 9}]}},
            {"Dataset": {"name": "scan-001", "type": {"id": 3}, "investigation": {"id": 9}, "location": "/data/id29/32"}},
            {"ParameterType": {"name": "energy", "units": "keV", "facility": {"id": 1}, "valueType": "NUMERIC",
                "minimumNumericValue": 73.2}}]);
        assert_eq!(c.create_entities(&dataset.to_string()).await, [11, 14, 15]);
    }
    all
}

#[tokio::test]
async fn sessions_open_and_unknown_addresses_answer_501() {
    for c in Client::start_on_each_engine("").await {
        let get = async |path: &str| {
            let answer = c.app.http.get(format!("{}/icat{path}", c.app.public)).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let login = async |json: &str| c.post_form("/icat/session", &[("json", json)]).await;
        let (status, body) = login(r#"{"plugin":"db","credentials":[{"username":"ada"},{"password":"x1"}]}"#).await;
        let id = body.strip_prefix(r#"{"sessionId":""#).and_then(|rest| rest.strip_suffix(r#""}"#)).unwrap();
        assert_eq!((status, id.len()), (200, 36));
        assert_eq!(get(&format!("/session/{id}")).await.0, 200);
        let typo = r#"{"code":"SESSION","message":"Authenticator mnemonic typo not recognised"}"#;
        assert_eq!(login(r#"{"plugin":"typo","credentials":[]}"#).await, (403, typo.to_owned()));
        let absent = r#"{"code":"BAD_PARAMETER","message":"json must not be null"}"#;
        assert_eq!(c.post_form("/icat/session", &[]).await, (400, absent.to_owned()));
        let (status, body) = get("/version").await;
        assert!(status == 200 && body.starts_with(r#"{"version":"6.2"#), "{body}");
        let unknown = r#"{"code":"NOT_IMPLEMENTED","message":"Operation not implemented by this ICAT server."}"#;
        for path in [
            "/nothing",
            "/jpql?sessionId=x&query=y",
            "/sleep/1",
            "/search/documents",
            "/facet/documents",
            "/lucene/data",
        ] {
            assert_eq!(get(path).await, (501, unknown.to_owned()), "{path}");
        }
        for path in [
            "/icat/waitMillis",
            "/icat/lucene/db",
            "/icat/lucene/db/Dataset",
            "/icat/lucene/db/Dataset/1",
            "/icat/ICAT",
        ] {
            assert_eq!(c.post_form(path, &[]).await, (501, unknown.to_owned()), "{path}");
        }
        let nobody = r#"{"code":"SESSION","message":"Session Id cannot be null or empty."}"#;
        assert_eq!(get("/entityManager?query=Dataset").await, (403, nobody.to_owned()));
        let no_query = r#"{"code":"BAD_PARAMETER","message":"query is not set"}"#;
        assert_eq!(get("/entityManager").await, (400, no_query.to_owned()), "the query is missed before the session");
        c.app.stop().await;
    }
}

#[tokio::test]
async fn searches_answer_byte_for_byte() {
    let none = r#""dataCollectionInvestigations":[],"datasets":[],"fileCount":0,"fileSize":0,"fundingReferences":[],"investigationFacilityCycles":[],"investigationGroups":[],"investigationInstruments":[],"investigationUsers":[],"keywords":[],"name":"MX-2417","parameters":[],"publications":[],"samples":[],"shifts":[],"startDate":"2026-01-12T07:00:00.000Z","studyInvestigations":[],"title":"Lysozyme at low dose""#;
    let examples = [
        ("SELECT g FROM Grouping g WHERE g.name LIKE 'bl-%' ORDER BY g.name", r#"[{"Grouping":{B(5),"investigationGroups":[],"name":"bl-id29","rules":[],"userGroups":[]}},{"Grouping":{B(6),"investigationGroups":[],"name":"bl-id30","rules":[],"userGroups":[]}}]"#.to_owned()),
        ("SELECT g FROM Grouping g WHERE g.name = 'x'", "[]".to_owned()),
        ("SELECT d.name FROM Dataset d WHERE d.investigation.id = 9 ORDER BY d.name LIMIT 0, 2", r#"["align","scan-001"]"#.to_owned()),
        // The only investigation has two datasets, but is one row to skip.
        ("SELECT i.name FROM Investigation i WHERE i.datasets IS NOT EMPTY ORDER BY i.id LIMIT 1, 5", "[]".to_owned()),
        ("SELECT d.complete FROM Dataset d WHERE d.id = 14", "[false]".to_owned()),
        ("SELECT p.valueType FROM ParameterType p WHERE p.name = 'energy'", r#"["NUMERIC"]"#.to_owned()),
        ("SELECT d.id, d.name, d.location, d.startDate FROM Dataset d WHERE d.investigation.id = 9 ORDER BY d.id", r#"[[11,"align",null,"2026-01-12T08:05:00.000Z"],[14,"scan-001","/data/id29/32",null]]"#.to_owned()),
        ("SELECT d.location FROM Dataset d ORDER BY d.id", r#"[null,"/data/id29/32"]"#.to_owned()),
        ("SELECT COUNT(d) FROM Dataset d", "[2]".to_owned()),
        ("SELECT MIN(d.id), MAX(d.id), COUNT(d.id) FROM Datafile d WHERE d.dataset.id = 11", "[[12,13,2]]".to_owned()),
        ("SELECT MIN(d.id), MAX(d.id), COUNT(d.id) FROM Datafile d WHERE d.dataset.id = 14", "[[null,null,0]]".to_owned()),
        ("SELECT SUM(d.fileSize) FROM Datafile d WHERE d.id = 0", "[null]".to_owned()),
        ("SELECT AVG(p.minimumNumericValue) FROM ParameterType p", "[73.2]".to_owned()),
        ("SELECT d.type.name, COUNT(d) FROM Dataset d GROUP BY d.type.name ORDER BY d.type.name", r#"[["align",1],["raw",1]]"#.to_owned()),
        ("0,2 Dataset.name ORDER BY name [complete = TRUE] <-> Investigation [name = 'MX-2417']", r#"["align"]"#.to_owned()),
        ("COUNT(Datafile) <-> Dataset [id = 11]", "[2]".to_owned()),
        ("Grouping [name = 'bl-id29']", r#"[{"Grouping":{B(5),"investigationGroups":[],"name":"bl-id29","rules":[],"userGroups":[]}}]"#.to_owned()),
        ("SELECT k FROM Keyword k WHERE k.id = 10 INCLUDE k.investigation i, i.type", format!(r#"[{{"Keyword":{{B(10),"investigation":{{B(9),{none},"type":{{B(2),"investigations":[],"name":"MX"}},"visitId":"1"}},"name":"lysozyme"}}}}]"#)),
        ("SELECT g FROM Grouping g WHERE g.id = 5 INCLUDE g.userGroups.user", r#"[{"Grouping":{B(5),"investigationGroups":[],"name":"bl-id29","rules":[],"userGroups":[{B(8),"user":{B(7),"dataPublicationUsers":[],"fullName":"Ada L.","instrumentScientists":[],"investigationUsers":[],"name":"db/ada","studies":[],"userGroups":[]}}]}}]"#.to_owned()),
        ("SELECT g, g.name FROM Grouping g WHERE g.id = 5", r#"[[{"Grouping":{B(5),"investigationGroups":[],"name":"bl-id29","rules":[],"userGroups":[]}},"bl-id29"]]"#.to_owned()),
    ];
    for c in start_filled_catalogues("").await {
        for (query, body) in &examples {
            assert_eq!(c.get_entities(&c.session, query, None).await, (200, expand_base_fields(body)), "{query}");
        }
        let got = expand_base_fields(
            r#"{"InvestigationType":{B(2),"facility":{B(1),"applications":[],"dataPublicationTypes":[],"dataPublications":[],"datafileFormats":[],"datasetTypes":[],"daysUntilRelease":90,"facilityCycles":[],"instruments":[],"investigationTypes":[],"investigations":[],"name":"SRC","parameterTypes":[],"sampleTypes":[]},"investigations":[],"name":"MX"}}"#,
        );
        for query in [
            "InvestigationType INCLUDE Facility",
            "InvestigationType t INCLUDE t.facility",
            "InvestigationType INCLUDE 1",
        ] {
            assert_eq!(c.get_entities(&c.session, query, Some(2)).await, (200, got.clone()), "{query}");
        }
        c.app.stop().await;
    }
}

#[tokio::test]
async fn refused_reads_answer_byte_for_byte() {
    let ada_sees_nothing = [
        ("SELECT d FROM Dataset d", "[]"),
        ("SELECT COUNT(d) FROM Dataset d", "[0]"),
        ("SELECT SUM(d.fileSize) FROM Dataset d", "[]"),
    ];
    let errors = [
        (
            "SELECT f FROM Facility f WHERE f.name = \"X\"",
            "Unexpected character '\\\"' near \\\"e = \\\"X\\\"\\\" in state NONE for string: SELECT f FROM Facility f WHERE f.name = \\\"X\\\"",
        ),
        ("SELECT f FROM Facility f LIMIT 10", "Attempt to read beyond end"),
        ("SELECT f FROM Facility f LIMIT 0,10 x", "No more input expected at token x in , 10 < x > "),
        ("SELECT g FROM Facility f", "idVar 'G' referenced in the SELECT clause is not defined in the FROM clause."),
        ("SELECT f FROM Facilty f", "No information to determine type of Facilty in the FROM clause"),
        (
            "SELECT i FROM Investigation i INCLUDE i.datasets, i.datasets.type",
            "INCLUDE clause contains redundant path to datasets",
        ),
        (
            "SELECT f.name, f.id FROM Facility f INCLUDE f.instruments",
            "INCLUDE is only valid for one quantity in the SELECT clause",
        ),
        ("Dataset INCLUDE User", "Unable to reach User in list of INCLUDES."),
    ];
    for c in start_filled_catalogues("[catalogue]\nmax_entities = 12\n").await {
        let missing = r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"Dataset[id:999] not found."}"#;
        assert_eq!(c.get_entities(&c.session, "Dataset", Some(999)).await, (404, missing.to_owned()));
        let ada = Client::log_in(&c.app, "db").await;
        let denied = r#"{"code":"INSUFFICIENT_PRIVILEGES","message":"READ access to this Dataset is not allowed."}"#;
        assert_eq!(c.get_entities(&ada, "Dataset", Some(11)).await, (403, denied.to_owned()));
        let unknown = r#"{"code":"BAD_PARAMETER","message":"Datset is not an ICAT entity"}"#;
        assert_eq!(c.get_entities(&c.session, "Datset", Some(1)).await, (400, unknown.to_owned()));
        for (query, body) in ada_sees_nothing {
            assert_eq!(c.get_entities(&ada, query, None).await, (200, body.to_owned()), "{query}");
        }
        for (query, message) in errors {
            let body = format!(r#"{{"code":"BAD_PARAMETER","message":"{message}"}}"#);
            assert_eq!(c.get_entities(&c.session, query, None).await, (400, body), "{query}");
        }
        // Numbers out of range are an error of the query, not of the server.
        for query in [
            "SELECT f FROM Facility f WHERE f.daysUntilRelease * 9223372036854775807 * 9223372036854775807 > 1",
            "SELECT f FROM Facility f WHERE ABS(-9223372036854775807 - 1) = f.id",
            "SELECT SUM(f.id * 9223372036854775807) FROM Datafile f",
        ] {
            let (status, body) = c.get_entities(&c.session, query, None).await;
            assert!(status == 200 || (status == 400 && body.contains("BAD_PARAMETER")), "{query}: {status} {body}");
        }
        // Included entities that the user may not read are left out, relation by relation.
        c.create_entities(r#"[{"Rule":{"crudFlags":"R","what":"Grouping"}}]"#).await;
        let include = "SELECT g FROM Grouping g WHERE g.id = 5 INCLUDE g.userGroups.user";
        let without = |groups: &str| {
            expand_base_fields(&format!(
                r#"[{{"Grouping":{{B(5),"investigationGroups":[],"name":"bl-id29","rules":[],"userGroups":[{groups}]}}}}]"#
            ))
        };
        assert_eq!(c.get_entities(&ada, include, None).await, (200, without("")));
        c.create_entities(r#"[{"Rule":{"crudFlags":"R","what":"UserGroup"}}]"#).await;
        assert_eq!(c.get_entities(&ada, include, None).await, (200, without("{B(8)}")));

        let files: Vec<_> =
            (0..20).map(|n| json!({"Datafile": {"name": format!("f{n}"), "dataset": {"id": 14}}})).collect();
        c.create_entities(&json!(files).to_string()).await;
        let too_many = r#"{"code":"VALIDATION","message":"attempt to process more than 12 entities"}"#;
        assert_eq!(c.get_entities(&c.session, "SELECT d FROM Datafile d", None).await, (412, too_many.to_owned()));
        let too_many = r#"{"code":"VALIDATION","message":"attempt to return more than 12 entities"}"#;
        assert_eq!(
            c.get_entities(&c.session, "SELECT d FROM Dataset d INCLUDE d.datafiles", None).await,
            (412, too_many.to_owned())
        );
        c.app.stop().await;
    }
}

#[tokio::test]
async fn writes_answer_byte_for_byte() {
    for c in start_filled_catalogues("").await {
        let root = c.session.as_str();
        let types = r#"[{"DatasetType":{"name":"sum","facility":{"id":1}}},{"Grouping":{"name":"bl-id31"}}]"#;
        assert_eq!(c.write_entities(root, types).await, (200, "[16,17]".to_owned()));
        assert_eq!(
            c.write_entities(root, r#"{"Grouping":{"name":"bl-id32"}}"#).await,
            (200, "[18]".to_owned()),
            "a bare object"
        );
        assert_eq!(c.write_entities(root, "[]").await, (200, "[]".to_owned()));
        let nested = r#"{"Investigation":{"facility":{"id":1},"type":{"id":2},"name":"MX-2500","visitId":"1","title":"t","startDate":"2026-02-01T08:00:00.000Z","keywords":[{"name":"k1"},{"name":"k2"}],"datasets":[{"name":"align","type":{"id":16},"datafiles":[{"name":"a.h5","fileSize":1024}]}]}}"#;
        assert_eq!(c.write_entities(root, nested).await, (200, "[19]".to_owned()));
        assert_eq!(
            c.search_rows(root, "SELECT COUNT(k) FROM Keyword k WHERE k.investigation.id = 19").await,
            json!([2])
        );
        assert_eq!(
            c.search_rows(root, "SELECT f.fileSize FROM Datafile f WHERE f.dataset.investigation.id = 19").await,
            json!([1024])
        );
        let update = r#"{"Dataset":{"id":11,"description":"ok","complete":true,"sample":null}}"#;
        assert_eq!(c.write_entities(root, update).await, (200, "[]".to_owned()));
        assert_eq!(
            c.write_entities(root, r#"{"Dataset":{"id":11,"datafiles":[{"name":"b.h5"}]}}"#).await,
            (200, "[]".to_owned())
        );
        let mixed = r#"[{"Dataset":{"id":11,"doi":"10.1/x"}},{"Grouping":{"name":"n"}}]"#;
        let (status, body) = c.write_entities(root, mixed).await;
        assert!(status == 200 && body.starts_with('[') && !body.contains(','), "{body}");

        let invalid =
            |text: &str, offset: usize| format!(r#"{{"code":"VALIDATION","message":"{text}","offset":{offset}}}"#);
        c.assert_refused(
            r#"[{"Grouping":{"name":"ok"}},{"Grouping":{}}]"#,
            412,
            &invalid("Grouping: name cannot be null.", 1),
        )
        .await;
        let long = json!({"Grouping": {"name": "n".repeat(300)}}).to_string();
        c.assert_refused(&long, 412, &invalid("Grouping: name cannot have length > 255", 0)).await;
        c.assert_refused(
            r#"{"Investigation":{"id":9,"type":null}}"#,
            412,
            &invalid("Investigation: type cannot be null.", 0),
        )
        .await;

        let exists = |text: &str, offset: usize| {
            format!(r#"{{"code":"OBJECT_ALREADY_EXISTS","message":"{text}","offset":{offset}}}"#)
        };
        c.assert_refused(types, 412, &exists("DatasetType exists with facility = 'Facility:1', name = 'sum'", 0)).await;
        c.assert_refused(
            r#"[{"Grouping":{"name":"g"}},{"Grouping":{"name":"g"}}]"#,
            412,
            &exists("Grouping exists with name = 'g'", 1),
        )
        .await;
        let user_group = r#"{"UserGroup":{"grouping":{"id":5},"user":{"id":7}}}"#;
        c.assert_refused(
            user_group,
            412,
            &exists("UserGroup exists with user = 'User[name=db/ada]', grouping = 'Grouping:5'", 0),
        )
        .await;
        let twins = r#"{"Facility":{"name":"NEW","investigationTypes":[{"name":"c"},{"name":"c"}]}}"#;
        let (status, body) = c.write_entities(root, twins).await;
        assert!(status == 412 && body.contains("InvestigationType exists with name = 'c', facility = 'id:"), "{body}");
        assert_eq!(c.search_rows(root, "SELECT COUNT(f) FROM Facility f").await, json!([1]), "nothing of it is kept");

        let bad = |text: &str| format!(r#"{{"code":"BAD_PARAMETER","message":"{text}","offset":0}}"#);
        let (status, body) = c.write_entities(root, "rubbish").await;
        assert!(status == 400 && body.contains(" in json rubbish\",\"offset\":0}"), "{body}");
        c.assert_refused(
            r#"{"Datafile":[{"name":"a"}]}"#,
            400,
            &bad(r#"Unexpected array found in JSON [{\"name\":\"a\"}]"#),
        )
        .await;
        c.assert_refused(r#"{"Dataset":{"id":11,"colour":"red"}}"#, 400, &bad("Field colour not found in Dataset"))
            .await;
        c.assert_refused(
            r#"{"Dataset":{"id":11,"startDate":"2026-01-12"}}"#,
            400,
            &bad(r#"Badly formatted date \"2026-01-12\""#),
        )
        .await;
        c.assert_refused(r#"{"Datset":{}}"#, 400, &bad("Datset is not an ICAT entity")).await;
        let nothing = r#"{"code":"BAD_PARAMETER","message":"entities is not set"}"#;
        assert_eq!(c.post_form("/icat/entityManager", &[("sessionId", root)]).await, (400, nothing.to_owned()));

        let missing = r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"Dataset[id:999] not found.","offset":1}"#;
        assert_eq!(
            c.delete_entities(r#"[{"Dataset":{"id":11}},{"Dataset":{"id":999}}]"#).await,
            (404, missing.to_owned())
        );
        let only = r#"{"code":"BAD_PARAMETER","message":"entity must have only the id value specified in json {\"Dataset\":{\"id\":11,\"name\":\"x\"}}","offset":0}"#;
        assert_eq!(c.delete_entities(r#"{"Dataset":{"id":11,"name":"x"}}"#).await, (400, only.to_owned()));
        assert_eq!(c.delete_entities(r#"[{"Dataset":{"id":11}},{"Dataset":{"id":14}}]"#).await, (204, String::new()));
        c.app.stop().await;
    }
}

/// The list of authenticators comes from the settings, their credentials from the authenticators.
#[tokio::test]
async fn properties_list_the_authenticators() {
    let settings = "[catalogue]\nauthn = [{ mnemonic = \"db\", url = \"self\", friendly = \"Local account\" }]\n";
    for backend in testkit::list_backends() {
        let app = testkit::TestApp::start_on(&backend, &[icat::SERVICE, AUTHENTICATOR], settings).await;
        let answer = app.http.get(format!("{}/icat/properties", app.public)).send().await.unwrap();
        let expected = r#"{"maxEntities":10000,"lifetimeMinutes":120,"authenticators":[{"mnemonic":"db","keys":[{"name":"username"},{"name":"password","hide":true}],"friendly":"Local account"}],"containerType":"Undulator"}"#;
        assert_eq!(answer.text().await.unwrap(), expected);
        app.stop().await;
    }
}
