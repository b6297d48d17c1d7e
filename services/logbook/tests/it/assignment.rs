//! Where entries of programs end up that name what the catalogue does not have, and what keys for some instruments may do.

use serde_json::{Value, json};
use service_kit::sha256_hex;
use testkit::wait_until;

use super::facility::{EMBARGO, Facility, OTHER, SETTINGS};

fn build_note() -> Value {
    json!({"type": "notification", "category": "info", "content": [{"format": "plainText", "text": "scan"}]})
}

fn find_warning(entry: &Value) -> &str {
    entry["warning"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn what_the_catalogue_does_not_have_is_kept_with_a_warning() {
    for f in Facility::start_all().await {
        let (admin, carol) = (f.log_in("admin").await, f.log_in("carol").await);
        let send = async |query: &str| {
            f.expect_success("POST", &format!("/dataacquisition/program/notification?{query}"), Some(&build_note()))
                .await
        };
        // A program waits a tenth of a second, and ICAT may take longer at first.
        let unknown = wait_until("ICAT has said in time that there is no such instrument", async || {
            let sent = send("instrumentName=BL77").await;
            sent["warning"].is_string().then_some(sent)
        })
        .await;
        assert!(find_warning(&unknown).contains("no instrument BL77"), "{unknown}");
        assert_eq!(unknown["instrumentName"], "BL77", "it is kept all the same");
        let known = wait_until("ICAT has said in time that there is one", async || {
            let sent = send("instrumentName=bl07").await;
            sent["warning"].is_null().then_some(sent)
        })
        .await;
        assert!(known.get("warning").is_none(), "{known}");
        let several = send("instrumentName=BL07,BL08").await;
        assert!(find_warning(&several).contains("only the first counts: BL07"), "{several}");
        assert_eq!(several["instrumentName"], "BL07");

        let lost = wait_until("ICAT has said in time that there is no such investigation", async || {
            let sent = send("investigationId=999999&instrumentName=BL07").await;
            find_warning(&sent).contains("no investigation 999999").then_some(sent)
        })
        .await;
        assert_eq!((&lost["investigationId"], &lost["instrumentName"]), (&json!(null), &json!("BL07")));
        let at_instrument =
            f.expect_success("GET", &format!("/logbook/{carol}/event?instrumentName=BL07&limit=1000"), None).await;
        assert!(at_instrument.as_array().unwrap().iter().any(|entry| entry["_id"] == lost["_id"]));
        let by_name = wait_until("the proposal is known", async || {
            let sent = send("investigationId=999999&investigationName=ZZ-123&instrumentName=BL07").await;
            (sent["investigationId"] == EMBARGO).then_some(sent)
        })
        .await;
        assert!(find_warning(&by_name).contains("that of the proposal"), "{by_name}");
        // By its name alone: one that is not there, not at this instrument, not at that time, or closed.
        for (query, words) in [
            ("investigationName=ZZ-999&instrumentName=BL07", "no investigation ZZ-999 at BL07"),
            ("investigationName=ZZ-123&instrumentName=BL08", "no investigation ZZ-123 at BL08"),
            ("investigationName=ZZ-100&instrumentName=BL07", "ZZ-100 is released"),
        ] {
            let sent = wait_until("ICAT has said in time what it has", async || {
                let sent = send(query).await;
                find_warning(&sent).contains(words).then_some(sent)
            })
            .await;
            assert_eq!(sent["investigationId"], json!(null), "{query}: {sent}");
            assert!(find_warning(&sent).contains("kept in the logbook of the instrument"), "{sent}");
        }
        let no_number = send("investigationId=abc&instrumentName=BL07").await;
        assert!(find_warning(&no_number).contains("must be a number"), "{no_number}");

        // Without an instrument it is for administrators, and so is what is attached to it.
        let photo = json!({"base64": "data:text/plain;base64,MTIz"});
        let nowhere =
            f.expect_success("POST", "/dataacquisition/program/base64?investigationId=999999", Some(&photo)).await;
        let file = nowhere["file"][0].as_str().unwrap();
        for (who, expected) in [("dan", 403), ("alice", 403), ("carol", 403), ("admin", 200)] {
            let session = f.log_in(who).await;
            let path = format!("/resource/{session}/file/download?resourceId={file}");
            assert_eq!(f.send_bytes("GET", &path, None).await.0, expected, "{who}");
            let text =
                json!({"event": {"_id": nowhere["_id"], "type": "attachment", "category": "file", "title": who}});
            assert_eq!(
                f.send_json("PUT", &format!("/logbook/{session}/event"), Some(&text)).await.0,
                expected,
                "{who} writes"
            );
        }
        assert_eq!(
            f.expect_success("GET", &format!("/logbook/{admin}/event/count"), None).await,
            0,
            "not for everybody"
        );
        f.app.stop().await;
    }
}

#[tokio::test]
async fn a_key_for_some_instruments_writes_nowhere_else() {
    let key = |name: &str, instruments: &str| {
        format!(
            "[[identity.api_keys]]\nname = \"{name}\"\nsha256 = \"{}\"\nuser = \"simple/robot\"\n\
             instruments = {instruments}\nscopes = [\"logbook:write\", \"logbook:read\"]\nexpires = \"2030-01-01T00:00:00Z\"\n",
            sha256_hex(name)
        )
    };
    let keys = [key("one", "[\"BL07\"]"), key("two", "[\"BL07\", \"BL08\"]"), key("other", "[\"BL08\"]")].concat();
    for f in Facility::all_with(&format!("{SETTINGS}{keys}")).await {
        let robot = f.create_entities(&json!([{"User": {"name": "simple/robot"}}])).await[0];
        f.create_entities(
            &json!([{"InvestigationUser": {"investigation": {"id": EMBARGO}, "user": {"id": robot}, "role": "r"}}]),
        )
        .await;
        let send = async |key: &str, query: &str| {
            f.send_json("POST", &format!("/dataacquisition/{key}/notification?{query}"), Some(&build_note())).await
        };
        for (key, query) in
            [("one", "instrumentName=bl07"), ("two", "instrumentName=BL08"), ("two", "instrumentName=BL07,BL99")]
        {
            let (status, text) = send(key, query).await;
            assert_eq!(status, 200, "{key} {query}: {text}");
        }
        for (key, query) in [
            ("one", "instrumentName=BL08"),
            ("one", "instrumentName=BL08,BL07"),
            ("one", "investigationName=ZZ-123&instrumentName=BL08"),
            ("one", ""),
            ("two", "investigationName=ZZ-123"),
            ("other", &format!("instrumentName=BL07&investigationId={EMBARGO}")),
        ] {
            let (status, text) = send(key, query).await;
            assert!(status == 403 && text.contains("only"), "{key} {query}: {status} {text}");
        }
        // One instrument goes without saying.
        let bound = wait_until("ICAT has said in time where it belongs", async || {
            let (status, to_text) = send("one", "investigationName=ZZ-123").await;
            assert_eq!(status, 200, "{to_text}");
            let sent: Value = serde_json::from_str(&to_text).unwrap();
            (sent["investigationId"] == EMBARGO).then_some(sent)
        })
        .await;
        assert_eq!(bound["instrumentName"], "BL07");
        let named = format!("investigationId={EMBARGO}&instrumentName=BL07");
        wait_until("ICAT has said in time where the investigation is", async || {
            let (status, to_text) = send("one", &named).await;
            assert_eq!(status, 200, "{to_text}");
            let sent: Value = serde_json::from_str(&to_text).unwrap();
            (sent["investigationId"] == EMBARGO).then_some(())
        })
        .await;
        // An investigation at another instrument, named together with an instrument of the key.
        wait_until("ICAT has said in time that it is elsewhere", async || {
            let (status, to_text) = send("other", &format!("investigationId={EMBARGO}&instrumentName=BL08")).await;
            if status == 200 {
                let sent: Value = serde_json::from_str(&to_text).unwrap();
                assert_eq!(
                    sent["investigationId"],
                    json!(null),
                    "nobody says yet where it is: it stays at the instrument"
                );
            }
            (status == 403).then_some(())
        })
        .await;
        let moving = format!("sourceInvestigationId={EMBARGO}&destinationInvestigationId={OTHER}");
        assert_eq!(f.send_json("POST", &format!("/dataacquisition/other/events/move?{moving}"), None).await.0, 403);
        // By the ways of people too.
        let comment = json!({"type": "annotation", "category": "comment", "content": []});
        for (key, expected) in [("one", 200), ("other", 403)] {
            let path = format!("/logbook/{key}/event?investigationId={EMBARGO}");
            let (status, text) = f.send_json("POST", &path, Some(&comment)).await;
            assert_eq!(status, expected, "{key}: {text}");
        }
        assert_eq!(
            f.send_json(
                "POST",
                "/dataacquisition/one/events/move?sourceInvestigationId=20&destinationInvestigationId=21",
                None
            )
            .await
            .0,
            200
        );
        f.app.stop().await;
    }
}
