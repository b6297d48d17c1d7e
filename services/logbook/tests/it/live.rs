//! What is written is seen at once by whoever listens, and by whoever comes back.

use serde_json::{Value, json};
use testkit::wait_for;

use super::facility::Facility;

/// A stream of events as a browser reads it.
struct Listener {
    answer: reqwest::Response,
    text: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: i64,
    name: String,
    data: Value,
}

impl Listener {
    async fn open(f: &Facility, path: &str, last: Option<i64>) -> Self {
        let mut request = f.app.http.get(format!("{}{path}", f.app.public));
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { answer, text: String::new() }
    }

    /// The next event with data; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        wait_for("the next event", async {
            loop {
                let text = std::mem::take(&mut self.text);
                if let Some((block, rest)) = text.split_once("\n\n") {
                    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                    let event = field("data:").map(|data| Event {
                        id: field("id:").map_or(-1, |id| id.parse().unwrap()),
                        name: field("event:").unwrap().to_owned(),
                        data: serde_json::from_str(data).unwrap(),
                    });
                    rest.clone_into(&mut self.text);
                    match event {
                        Some(event) => return Some(event),
                        None => continue,
                    }
                }
                self.text = text;
                let piece = self.answer.chunk().await.unwrap()?;
                self.text.push_str(std::str::from_utf8(&piece).unwrap());
            }
        })
        .await
    }

    async fn next_names(&mut self, count: usize) -> Vec<(i64, String)> {
        let mut names = Vec::new();
        for _ in 0..count {
            let event = self.next().await.unwrap();
            names.push((event.id, event.name));
        }
        names
    }
}

fn to_names(events: &[(i64, &str)]) -> Vec<(i64, String)> {
    events.iter().map(|(id, name)| (*id, (*name).to_owned())).collect()
}

#[tokio::test]
async fn listeners_see_records_as_they_are_written_and_what_they_missed() {
    for f in Facility::start_all().await {
        let (alice, carol, dan) = (f.log_in("alice").await, f.log_in("carol").await, f.log_in("dan").await);
        let stream = |session: &str, query: &str| format!("/logbook/{session}/events/stream?{query}");
        let mut all = Listener::open(&f, &stream(&alice, "investigationId=20"), None).await;
        let mut comments =
            Listener::open(&f, &stream(&alice, "investigationId=20&types=annotation-comment"), None).await;
        let mut beamline = Listener::open(&f, &stream(&carol, "instrumentName=bl07"), None).await;
        for listener in [&mut all, &mut comments, &mut beamline] {
            assert_eq!(listener.next_names(1).await, to_names(&[(0, "ready")]));
        }

        let write = async |category: &str, text: &str| -> String {
            let entry =
                json!({"type": "annotation", "category": category, "content": [{"format": "plainText", "text": text}]});
            let made =
                f.expect_success("POST", &format!("/logbook/{alice}/event?investigationId=20"), Some(&entry)).await;
            made["_id"].as_str().unwrap().to_owned()
        };
        let first = write("comment", "one").await;
        let event = all.next().await.unwrap();
        assert_eq!((event.id, event.name.as_str(), &event.data["book"]), (1, "created", &json!("investigation/20")));
        assert_eq!(event.data["entries"][0]["content"][0]["text"], "one");
        write("info", "two").await;
        write("comment", "three").await;
        let change =
            json!({"event": {"_id": first, "type": "annotation", "category": "comment", "content": [{"text": "1"}]}});
        f.expect_success("PUT", &format!("/logbook/{alice}/event?investigationId=20"), Some(&change)).await;
        let tags = json!({"eventIds": [first], "tags": [{"name": "beam"}]});
        f.expect_success("PATCH", &format!("/logbook/{alice}/events?investigationId=20"), Some(&tags)).await;
        f.expect_success("PUT", &format!("/logbook/{alice}/event/remove?investigationId=20&tags=beam"), None).await;
        let rest = [(2, "created"), (3, "created"), (4, "changed"), (5, "tagged"), (6, "removed")];
        assert_eq!(all.next_names(4).await, to_names(&rest[..4]));
        let removed = all.next().await.unwrap();
        assert_eq!((&removed.data["entries"], &removed.data["gone"]), (&json!([]), &json!([first])));
        let matching = [(1, "created"), (3, "created"), (4, "changed"), (5, "tagged"), (6, "removed")];
        assert_eq!(comments.next_names(5).await, to_names(&matching), "an info is nothing for who wants comments");

        // The instrument sees its own entries and those of its investigations, in one order.
        let notification = json!({"type": "notification", "category": "info", "content": [{"text": "shutter"}]});
        f.expect_success("POST", "/dataacquisition/program/notification?instrumentName=BL07", Some(&notification))
            .await;
        f.expect_success("POST", "/dataacquisition/program/notification?instrumentName=BL08", Some(&notification))
            .await;
        assert_eq!(beamline.next_names(6).await.last().unwrap(), &(6, "removed".to_owned()));
        let own = beamline.next().await.unwrap();
        assert_eq!((own.id, &own.data["book"], &own.data["record"]), (7, &json!("instrument/bl07"), &json!(1)));

        // Who comes back gets what they missed, and then what comes.
        let mut again = Listener::open(&f, &stream(&alice, "investigationId=20"), Some(3)).await;
        assert_eq!(again.next_names(4).await, to_names(&[(3, "ready"), (4, "changed"), (5, "tagged"), (6, "removed")]));
        let mut again = Listener::open(&f, &stream(&alice, "investigationId=20&after=5"), None).await;
        assert_eq!(again.next_names(2).await, to_names(&[(5, "ready"), (6, "removed")]));
        write("comment", "four").await;
        assert_eq!(again.next_names(1).await, to_names(&[(7, "created")]));
        let mut lost = Listener::open(&f, &stream(&alice, "investigationId=20"), Some(99)).await;
        assert_eq!(lost.next_names(1).await, to_names(&[(7, "reset")]));

        assert_eq!(f.send_json("GET", &stream(&dan, "investigationId=20"), None).await.0, 403);
        assert_eq!(f.send_json("GET", &stream(&dan, "instrumentName=BL07"), None).await.0, 403);
        // A stop does not wait for listeners.
        f.app.stop().await;
        assert_eq!(all.next().await.map(|event| event.id), Some(7));
        assert_eq!(all.next().await, None);
    }
}
