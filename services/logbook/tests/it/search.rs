//! Searching for words: each engine finds the same, in the order of writing, and nobody finds what they may not read.

use serde_json::{Value, json};

use super::facility::Facility;

/// Where each is written, by whom, and what it says.
const ENTRIES: [(&str, &str, &str); 15] = [
    ("20", "alice", "Beam is back, at 200 mA"),
    ("20", "alice", "Calibration of the detector: 12.5 keV"),
    ("20", "alice", "the beam dump was opened"),
    ("20", "alice", "Größe der Probe: 5 µm"),
    ("20", "bob", "scan_0003 aborted; beam lost"),
    ("21", "alice", "other investigation, same beam"),
    ("21", "alice", "dump the data, then beam"),
    ("20", "alice", "放射光のビーム"),
    ("20", "alice", "пучок вернулся"),
    ("20", "alice", "<p>beam &amp; <b>optics</b> aligned</p>"),
    ("20", "alice", "is the beam back? it's not"),
    ("22", "program", "late message about beam"),
    ("BL07", "program", "shutter closed at the instrument, no beam"),
    ("", "program", "machine: beam lost"),
    ("20", "alice", "shifted at 2026-01-02T03:04:05Z, 20260304T050607"),
];

/// What is asked, and the places above of what is found by alice, bob and carol.
type Found = &'static [usize];
const QUESTIONS: [(&str, [Found; 3]); 20] = [
    ("beam", [&[13, 10, 9, 6, 5, 4, 2, 0], &[13, 10, 9, 4, 2, 0], &[13, 12, 11, 10, 9, 6, 5, 4, 2, 0]]),
    ("BEAM lost", [&[13, 4], &[13, 4], &[13, 4]]),
    ("\"beam is back\"", [&[0], &[0], &[0]]),
    ("\"beam dump\"", [&[2], &[2], &[2]]),
    ("beam dump", [&[6, 2], &[2], &[6, 2]]),
    ("calib*", [&[1], &[1], &[1]]),
    ("calib", [&[], &[], &[]]),
    ("\"detector 12\"", [&[1], &[1], &[1]]),
    ("12.5", [&[1], &[1], &[1]]),
    ("scan_00*", [&[4], &[4], &[4]]),
    ("grosse", [&[3], &[3], &[3]]),
    ("ビーム", [&[7], &[7], &[7]]),
    ("ПУЧОК", [&[8], &[8], &[8]]),
    ("optics", [&[9], &[9], &[9]]),
    ("amp", [&[], &[], &[]]),
    ("\"the beam ba*\"", [&[10], &[10], &[10]]),
    ("2026-01-02", [&[14], &[14], &[14]]),
    ("03:04:05", [&[14], &[14], &[14]]),
    ("2026-01-02T03:04:05Z", [&[14], &[14], &[14]]),
    ("20260304", [&[14], &[14], &[14]]),
];

#[tokio::test]
async fn words_phrases_and_beginnings_are_found_in_all_logbooks_that_one_may_read() {
    let mut cases = 0;
    for f in Facility::start_all().await {
        let mut ids = Vec::new();
        for (place, who, text) in ENTRIES {
            let html = text.starts_with('<');
            let mut entry = json!({"type": "annotation", "category": "comment",
                "content": [{"format": if html { "html" } else { "plainText" }, "text": text}]});
            let path = if who == "program" {
                entry["type"] = json!(if place.is_empty() { "broadcast" } else { "notification" });
                let target = match place {
                    "" => String::new(),
                    "BL07" => "?instrumentName=BL07".to_owned(),
                    id => format!("?investigationId={id}&instrumentName=BL07"),
                };
                format!("/dataacquisition/program/notification{target}")
            } else {
                format!("/logbook/{}/event?investigationId={place}", f.log_in(who).await)
            };
            ids.push(f.expect_success("POST", &path, Some(&entry)).await["_id"].as_str().unwrap().to_owned());
        }
        let search = async |session: &str, question: &str, more: &str| {
            let question: String = encode_url(question);
            f.expect_success("GET", &format!("/logbook/{session}/search?search={question}{more}"), None).await
        };
        let places = |answer: &Value| -> Vec<usize> {
            let hits = answer["hits"].as_array().unwrap().iter();
            hits.map(|hit| ids.iter().position(|id| hit["event"]["_id"] == **id).unwrap()).collect()
        };
        let sessions = [f.log_in("alice").await, f.log_in("bob").await, f.log_in("carol").await];
        for (question, expected) in QUESTIONS {
            for (session, expected) in sessions.iter().zip(expected) {
                let answer = search(session, question, "").await;
                assert_eq!(places(&answer), expected, "{question}");
                assert_eq!((&answer["next"], &answer["complete"]), (&Value::Null, &json!(true)));
                cases += 1;
            }
        }
        let [alice, ..] = &sessions;
        let first = search(alice, "beam", "&limit=3").await;
        assert_eq!(places(&first), [13, 10, 9]);
        assert_eq!(
            (first["hits"][0]["book"].as_str(), first["hits"][1]["book"].as_str()),
            (Some("facility"), Some("investigation/20"))
        );
        let second = search(alice, "beam", &format!("&limit=3&before={}", first["next"].as_str().unwrap())).await;
        assert_eq!(places(&second), [6, 5, 4]);
        assert_eq!(places(&search(alice, "beam", "&investigationId=21").await), [6, 5]);
        assert_eq!(places(&search(alice, "beam", "&types=broadcast").await), [13]);
        let excerpt = &search(alice, "\"is back\"", "").await["hits"][0]["excerpts"];
        assert_eq!(
            *excerpt,
            json!([[{"text": "Beam ", "hit": false}, {"text": "is back", "hit": true}, {"text": ", at 200 mA", "hit": false}]])
        );

        // What is changed, hidden or moved is found as it is now.
        let change = json!({"event": {"_id": ids[0], "type": "annotation", "category": "comment",
            "content": [{"format": "plainText", "text": "Light is back"}]}});
        f.expect_success("PUT", &format!("/logbook/{alice}/event?investigationId=20"), Some(&change)).await;
        assert_eq!(places(&search(alice, "light", "").await), [0]);
        assert_eq!(places(&search(alice, "\"beam is back\"", "").await), Vec::<usize>::new());
        f.expect_success("PUT", &format!("/logbook/{alice}/event/remove?investigationId=20&search=dump"), None).await;
        assert_eq!(places(&search(alice, "dump", "").await), [6]);
        let dan = f.log_in("dan").await;
        assert_eq!(places(&search(&dan, "beam", "").await), [13], "an outsider: what is the facility's");
        assert_eq!(
            f.send_json("GET", &format!("/logbook/{dan}/search?search=beam&investigationId=20"), None).await.0,
            403
        );
        let move_all = "/dataacquisition/program/events/move?sourceInvestigationId=20&destinationInvestigationId=21";
        f.expect_success("POST", move_all, None).await;
        let bob = &sessions[1];
        assert_eq!(
            places(&search(bob, "optics", "").await),
            Vec::<usize>::new(),
            "bob is no member of where it is now"
        );
        assert_eq!(places(&search(alice, "optics", "").await), [9]);
        for (question, text) in
            [("", "search must have at least one word"), ("%22%2A%22", "search must have at least one word")]
        {
            let refused = f.send_json("GET", &format!("/logbook/{alice}/search?search={question}"), None).await;
            assert_eq!(refused, (400, text.to_owned()));
        }
        f.app.stop().await;
    }
    println!("{cases} questions");
}

/// As it stands in an address.
fn encode_url(text: &str) -> String {
    text.bytes().fold(String::new(), |url, b| format!("{url}%{b:02X}"))
}
