//! The REST interface on each engine, byte for byte: the answers of icat.server 6.2 to the same requests, except for times in
//! UTC and the differences listed in docs/src/compatibility.

use testkit::{TestApp, list_backends};

use crate::rest_client::{AUTHENTICATOR, Client};

#[tokio::test]
async fn entities_are_created_read_changed_and_deleted() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[icat::SERVICE, AUTHENTICATOR], "").await;
        let session = Client::log_in(&app, "simple").await;
        let client = Client { app, session };
        let c = &client;
        let root = client.session.as_str();

        let facility = r#"[{"Facility":{"name":"SRC","daysUntilRelease":90}},{"Grouping":{"name":"bl-id29"}}]"#;
        assert_eq!(c.write_entities(root, facility).await, (200, "[1,2]".to_owned()));
        assert_eq!(
            c.write_entities(root, r#"{"InvestigationType":{"name":"MX","facility":{"id":1}}}"#).await,
            (200, "[3]".to_owned())
        );
        assert_eq!(
            c.write_entities(root, r#"{"DatasetType":{"name":"raw","facility":{"id":1}}}"#).await,
            (200, "[4]".to_owned())
        );
        assert_eq!(c.write_entities(root, "[]").await, (200, "[]".to_owned()));
        let nested = r#"{"Investigation":{"facility":{"id":1},"type":{"id":3},"name":"MX-2500","visitId":"1","title":"t",
            "startDate":"2026-02-01T08:00:00.000+01:00","keywords":[{"name":"k1"},{"name":"k2"}],
            "datasets":[{"name":"align","type":{"id":4},"datafiles":[{"name":"a.h5","fileSize":1024}]}]}}"#;
        assert_eq!(c.write_entities(root, nested).await, (200, "[5]".to_owned()), "the top-level id only");

        let stamps = r#""createId":"simple/root","createTime":"2026-01-12T09:00:00.000Z","modId":"simple/root","modTime":"2026-01-12T09:00:00.000Z""#;
        let grouping = format!(
            r#"[{{"Grouping":{{"id":2,{stamps},"investigationGroups":[],"name":"bl-id29","rules":[],"userGroups":[]}}}}]"#
        );
        c.assert_found("SELECT g FROM Grouping g WHERE g.name LIKE 'bl-%' ORDER BY g.name", &grouping).await;
        c.assert_found("Grouping [name = 'bl-id29']", &grouping).await;
        c.assert_found(
            "SELECT k.name, k.investigation.startDate FROM Keyword k ORDER BY k.name",
            r#"[["k1","2026-02-01T07:00:00.000Z"],["k2","2026-02-01T07:00:00.000Z"]]"#,
        )
        .await;
        c.assert_found("SELECT d.complete FROM Dataset d", "[false]").await;
        c.assert_found("SELECT d.location FROM Datafile d", "[null]").await;
        c.assert_found(
            "SELECT MIN(d.fileSize), MAX(d.fileSize), COUNT(d), AVG(d.fileSize) FROM Datafile d",
            "[[1024,1024,1,1024.0]]",
        )
        .await;
        c.assert_found("SELECT SUM(d.fileSize) FROM Datafile d WHERE d.id = 0", "[null]").await;
        c.assert_found("SELECT MIN(d.id), COUNT(d.id) FROM Datafile d WHERE d.dataset.id = 0", "[[null,0]]").await;
        c.assert_found("COUNT(Datafile) <-> Dataset [name = 'align']", "[1]").await;
        c.assert_found("0,1 Keyword.name ORDER BY name", r#"["k1"]"#).await;
        let keyword = format!(
            r#"[{{"Keyword":{{"id":6,{stamps},"investigation":{{"id":5,{stamps},"dataCollectionInvestigations":[],"datasets":[],"fileCount":0,"fileSize":0,"fundingReferences":[],"investigationFacilityCycles":[],"investigationGroups":[],"investigationInstruments":[],"investigationUsers":[],"keywords":[],"name":"MX-2500","parameters":[],"publications":[],"samples":[],"shifts":[],"startDate":"2026-02-01T07:00:00.000Z","studyInvestigations":[],"title":"t","type":{{"id":3,{stamps},"investigations":[],"name":"MX"}},"visitId":"1"}},"name":"k1"}}}}]"#
        );
        c.assert_found("SELECT k FROM Keyword k WHERE k.id = 6 INCLUDE k.investigation i, i.type", &keyword).await;
        let got = (200, keyword.trim_matches(['[', ']']).to_owned());
        assert_eq!(c.get_entities(root, "Keyword k INCLUDE k.investigation i, i.type", Some(6)).await, got);

        c.assert_refused(
            r#"[{"Grouping":{"name":"ok"}},{"Grouping":{}}]"#,
            412,
            r#"{"code":"VALIDATION","message":"Grouping: name cannot be null.","offset":1}"#,
        )
        .await;
        let long = format!(r#"{{"Grouping":{{"name":"{}"}}}}"#, "n".repeat(300));
        c.assert_refused(
            &long,
            412,
            r#"{"code":"VALIDATION","message":"Grouping: name cannot have length > 255","offset":0}"#,
        )
        .await;
        c.assert_refused(
            r#"{"Investigation":{"id":5,"type":null}}"#,
            412,
            r#"{"code":"VALIDATION","message":"Investigation: type cannot be null.","offset":0}"#,
        )
        .await;
        c.assert_refused(r#"{"DatasetType":{"name":"raw","facility":{"id":1}}}"#, 412, r#"{"code":"OBJECT_ALREADY_EXISTS","message":"DatasetType exists with facility = 'Facility:1', name = 'raw'","offset":0}"#).await;
        c.assert_refused(
            r#"[{"Grouping":{"name":"g"}},{"Grouping":{"name":"g"}}]"#,
            412,
            r#"{"code":"OBJECT_ALREADY_EXISTS","message":"Grouping exists with name = 'g'","offset":1}"#,
        )
        .await;
        c.assert_refused(
            r#"{"Dataset":{"id":8,"colour":"red"}}"#,
            400,
            r#"{"code":"BAD_PARAMETER","message":"Field colour not found in Dataset","offset":0}"#,
        )
        .await;
        c.assert_refused(
            r#"{"Dataset":{"id":8,"startDate":"2026-01-12"}}"#,
            400,
            r#"{"code":"BAD_PARAMETER","message":"Badly formatted date \"2026-01-12\"","offset":0}"#,
        )
        .await;
        c.assert_refused(
            r#"{"Datset":{}}"#,
            400,
            r#"{"code":"BAD_PARAMETER","message":"Datset is not an ICAT entity","offset":0}"#,
        )
        .await;
        c.assert_refused(
            r#"{"Datafile":[{"name":"a"}]}"#,
            400,
            r#"{"code":"BAD_PARAMETER","message":"Unexpected array found in JSON [{\"name\":\"a\"}]","offset":0}"#,
        )
        .await;
        c.assert_refused(
            r#"{"Dataset":{"name":"x","investigation":{"id":99}}}"#,
            404,
            r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"Investigation[id:99] not found.","offset":0}"#,
        )
        .await;
        c.assert_found("SELECT COUNT(g) FROM Grouping g", "[1]").await;

        client.app.clock.advance_seconds(60);
        assert_eq!(
            c.write_entities(root, r#"{"Dataset":{"id":8,"description":"ok","complete":true,"sample":null}}"#).await,
            (200, "[]".to_owned())
        );
        c.assert_found(
            "SELECT d.complete, d.description, d.modTime, d.createTime FROM Dataset d",
            r#"[[true,"ok","2026-01-12T09:01:00.000Z","2026-01-12T09:00:00.000Z"]]"#,
        )
        .await;
        c.assert_found("SELECT i.modTime FROM Investigation i", r#"["2026-01-12T09:00:00.000Z"]"#).await;
        assert_eq!(
            c.write_entities(root, r#"{"Dataset":{"id":8,"datafiles":[{"name":"b.h5"}]}}"#).await,
            (200, "[]".to_owned())
        );
        c.assert_found("SELECT d.name FROM Datafile d ORDER BY d.name", r#"["a.h5","b.h5"]"#).await;

        let missing = r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"Dataset[id:999] not found."}"#;
        assert_eq!(c.get_entities(root, "Dataset", Some(999)).await, (404, missing.to_owned()));
        let ada = Client::log_in(&client.app, "db").await;
        let denied = r#"{"code":"INSUFFICIENT_PRIVILEGES","message":"READ access to this Dataset is not allowed."}"#;
        assert_eq!(c.get_entities(&ada, "Dataset", Some(8)).await, (403, denied.to_owned()));
        assert_eq!(c.get_entities(&ada, "SELECT d FROM Dataset d", None).await, (200, "[]".to_owned()));
        assert_eq!(c.get_entities(&ada, "SELECT COUNT(d) FROM Dataset d", None).await, (200, "[0]".to_owned()));
        let denied = r#"{"code":"INSUFFICIENT_PRIVILEGES","message":"CREATE access to this Grouping is not allowed.","offset":0}"#;
        assert_eq!(c.write_entities(&ada, r#"{"Grouping":{"name":"mine"}}"#).await, (403, denied.to_owned()));

        // A rule applies as soon as it is stored, and a public step shows what a search hides.
        assert_eq!(
            c.write_entities(root, r#"{"Rule":{"crudFlags":"R","what":"Investigation [name = 'MX-2500']"}}"#).await.0,
            200
        );
        let include = "SELECT i FROM Investigation i INCLUDE i.keywords";
        assert!(c.get_entities(&ada, include, None).await.1.contains(r#""keywords":[],"#));
        assert_eq!(
            c.write_entities(root, r#"{"PublicStep":{"origin":"Investigation","field":"keywords"}}"#).await.0,
            200
        );
        assert!(c.get_entities(&ada, include, None).await.1.contains(r#""name":"k2""#));
        assert_eq!(c.get_entities(&ada, "SELECT k FROM Keyword k", None).await.1, "[]");

        let missing = r#"{"code":"NO_SUCH_OBJECT_FOUND","message":"Grouping[id:999] not found.","offset":1}"#;
        assert_eq!(
            c.delete_entities(r#"[{"Grouping":{"id":2}},{"Grouping":{"id":999}}]"#).await,
            (404, missing.to_owned())
        );
        c.assert_found("SELECT COUNT(g) FROM Grouping g", "[1]").await;
        assert_eq!(c.delete_entities(r#"{"Investigation":{"id":5}}"#).await, (204, String::new()));
        for kind in ["Investigation", "Dataset", "Datafile", "Keyword"] {
            c.assert_found(&format!("SELECT COUNT(e) FROM {kind} e"), "[0]").await;
        }
        client.app.stop().await;
    }
}

#[tokio::test]
async fn sessions_live_until_they_are_ended_or_expire() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[icat::SERVICE, AUTHENTICATOR], "").await;
        let session = Client::log_in(&app, "db").await;
        let url = format!("{}/icat/session/{session}", app.public);
        let ask = async |method: &str| {
            let answer = app.http.request(method.parse().unwrap(), &url).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        assert_eq!(ask("GET").await, (200, r#"{"userName":"db/ada","remainingMinutes":120.0}"#.to_owned()));
        app.clock.advance_seconds(60 * 60);
        assert_eq!(ask("GET").await, (200, r#"{"userName":"db/ada","remainingMinutes":60.0}"#.to_owned()));
        assert_eq!(ask("PUT").await, (204, String::new()));
        app.clock.advance_seconds(119 * 60);
        assert_eq!(ask("GET").await.0, 200);
        let user = app.http.get(format!("{}/icat/user/db/ada", app.public)).send().await.unwrap();
        assert_eq!(user.text().await.unwrap(), r#"{"loggedIn":true}"#);
        app.clock.advance_seconds(2 * 60);
        let expired = format!(r#"{{"code":"SESSION","message":"Session id:{session} has expired"}}"#);
        assert_eq!(ask("GET").await, (403, expired.clone()));
        assert_eq!(ask("PUT").await, (403, expired), "an expired session stays expired");
        assert_eq!(ask("DELETE").await, (204, String::new()));
        let unknown = format!(r#"{{"code":"SESSION","message":"Unable to find user by sessionid: {session}"}}"#);
        assert_eq!(ask("GET").await, (403, unknown.clone()));
        assert_eq!(ask("DELETE").await, (403, unknown));
        let form = [("json", r#"{"plugin":"typo"}"#)];
        let typo = app.http.post(format!("{}/icat/session", app.public)).form(&form).send().await.unwrap();
        assert_eq!(
            typo.text().await.unwrap(),
            r#"{"code":"SESSION","message":"Authenticator mnemonic typo not recognised"}"#
        );
        let form = [("json", r#"{"plugin":"anon"}"#)];
        let foreign = app.http.post(format!("{}/icat/session", app.public)).form(&form).send().await.unwrap();
        assert_eq!(foreign.status(), 500);
        let nonsense = r#"{"code":"INTERNAL","message":"The authenticator of type anon answered something that is not its protocol"}"#;
        assert_eq!(foreign.text().await.unwrap(), nonsense);
        app.stop().await;
    }
}
