//! Prepared selections: the same bytes in every range and after a restart, until they expire or a file changes.

use events::messages::download::{Outcome, SelectionPrepared, TransferFinished};
use futures_util::future::join;
use service_kit::DbError;
use testkit::{list_backends, wait_until};
use tokio::sync::Semaphore;

use crate::facility::{DATASET, Facility, SESSION};

fn generate_content(seed: usize, size: usize) -> Vec<u8> {
    (0..size).map(|y| u8::try_from((y * 31 + seed * 7 + y / 251) % 256).unwrap()).collect()
}

#[tokio::test]
async fn ends_of_transfers_wait_for_a_database_that_takes_nothing() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "[database]\nlock_timeout = \"100ms\"\n").await;
    facility.create_file("a.h5", &generate_content(1, 1_000), true).await;
    let id = facility.prepare_dataset().await;
    let (taken, done) = (Semaphore::new(0), Semaphore::new(0));
    let holding = facility.app.db("download").write(async |tx| {
        tx.execute("UPDATE id_sequence SET next = next", &[]).await?;
        taken.add_permits(1);
        done.acquire().await.unwrap().forget();
        Ok::<_, DbError>(())
    });
    let downloading = async {
        taken.acquire().await.unwrap().forget();
        for _ in 0..2 {
            assert_eq!(facility.get(&format!("/ids/getData?preparedId={id}"), &[]).await.status, 200);
        }
        let failed = "undulator_download_reports_failed_total";
        wait_until("it is not stored", async || facility.app.metric(failed).await.filter(|failed| *failed > 0.0)).await;
        done.add_permits(1);
    };
    join(holding, downloading).await.0.unwrap();
    let told = async || facility.app.recorded_events::<TransferFinished>().await.len();
    wait_until("both are stored after all", async || (told().await == 2).then_some(())).await;
    for (metric, expected) in [("waiting", 0.0), ("dropped_total", 0.0)] {
        let shown = facility.app.metric(&format!("undulator_download_reports_{metric}")).await;
        assert_eq!(shown, Some(expected), "{metric}");
    }
    facility.app.stop().await;
}

#[tokio::test]
async fn ranges_are_slices_across_a_restart_and_events_tell_of_both() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        facility.create_file("a.h5", &generate_content(1, 100_000), true).await;
        facility.create_file("b.h5", &generate_content(2, 70_000), true).await;
        let id = facility.prepare_dataset().await;
        for (format, length) in [("zip", 170_306), ("tar", 172_544)] {
            let url = format!("/ids/getData?preparedId={id}&format={format}");
            let head = facility.send_request("HEAD", &url, &[], Vec::new()).await;
            let whole = facility.get(&url, &[]).await;
            assert_eq!((head.status, whole.status), (200, 200));
            assert_eq!(head.header("content-length"), whole.body.len().to_string());
            assert_eq!(whole.body.len(), length, "{format}");
            let etag = whole.header("etag").to_owned();
            for (first, last) in [(0, 0), (17, 99_999), (99_990, 170_000), (170_000, 170_305)] {
                let range = format!("bytes={first}-{last}");
                let part = facility.get(&url, &[("range", &range), ("if-range", &etag)]).await;
                assert_eq!(part.status, 206, "{format} {range}");
                assert!(part.body == whole.body[first..=last], "{format} {range}");
            }
        }
        let size = facility.get(&format!("/ids/getSize?preparedId={id}"), &[]).await;
        assert_eq!(size.text(), "170000");
        facility.app.drain().await;
        let prepared = facility.app.recorded_events::<SelectionPrepared>().await;
        assert_eq!(prepared.len(), 1);
        assert_eq!((prepared[0].subject.as_str(), prepared[0].files, prepared[0].bytes), ("db/ada", 2, 170_000));
        let finished = wait_until("each transfer is told", async || {
            let finished = facility.app.recorded_events::<TransferFinished>().await;
            (finished.len() == 10).then_some(finished)
        })
        .await;
        assert!(finished.iter().all(|event| event.subject == "db/ada" && event.outcome() == Outcome::Complete));
        let bytes: i64 = finished.iter().map(|event| event.bytes).sum();
        assert_eq!(bytes, 170_306 + 172_544 + 2 * (1 + 99_983 + 70_011 + 306));

        let url = format!("/ids/getData?preparedId={id}");
        let before = facility.get(&url, &[]).await;
        let Facility { app, files, dir } = facility;
        let facility = Facility { app: app.restart().await, files, dir };
        // The catalogue of the test forgets; a prepared selection needs it only to see whether its datafiles exist.
        facility.create_file("a.h5-again", b"", true).await;
        facility.create_file("b.h5-again", b"", true).await;
        let after = facility.get(&url, &[]).await;
        assert_eq!(before.header("etag"), after.header("etag"));
        assert!(before.body == after.body);
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn a_selection_ends_when_it_expires_and_when_a_file_changes() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        facility.create_file("a.h5", &generate_content(1, 1000), true).await;
        let (kept, expired) = (facility.prepare_dataset().await, facility.prepare_dataset().await);
        let path = facility.files.join("here/a.h5");
        let data = |id: &str| format!("/ids/getData?preparedId={id}");
        assert_eq!(facility.get(&data(&kept), &[]).await.status, 200);
        std::fs::write(&path, generate_content(3, 1000)).unwrap();
        for _ in 0..2 {
            let refused = facility.get(&data(&kept), &[("range", "bytes=10-")]).await;
            assert_eq!(refused.status, 404);
            assert_eq!(
                refused.text(),
                r#"{"code":"NotFoundException","message":"The file of Datafile[id:1] has changed since this selection was prepared; prepare it again and start over"}"#
            );
        }
        let other = facility.get(&format!("/ids/isPrepared?preparedId={expired}"), &[]).await;
        assert_eq!(other.status, 404, "the same list of files is the same for everybody");
        // The catalogue still has the old checksum, which the first reader finds out, and the next selection knows.
        let believing = facility.prepare_dataset().await;
        assert_eq!(facility.get(&data(&believing), &[]).await.status, 404);
        let fresh = facility.prepare_dataset().await;
        assert_eq!(facility.get(&data(&fresh), &[]).await.status, 200);
        facility.app.clock.advance_seconds(31 * 24 * 3600);
        let refused = facility.get(&data(&fresh), &[]).await;
        assert_eq!(refused.status, 404);
        assert!(refused.text().contains("has expired; prepare the selection again"), "{}", refused.text());
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn the_end_of_an_archive_without_checksums_comes_once_they_are_read() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "[download]\nhash_at_once = \"1KiB\"\n").await;
        facility.create_file("a.h5", &generate_content(1, 300_000), false).await;
        facility.create_file("b.h5", &generate_content(2, 5), true).await;
        let query = format!("sessionId={SESSION}&datasetIds=4");
        let url = format!("/ids/getData?{query}");
        let early = facility.get(&url, &[("range", "bytes=-200")]).await;
        assert_eq!((early.status, early.header("retry-after")), (503, "2"), "{}", early.text());
        assert!(early.text().contains("DataNotOnlineException"));
        let end = wait_until("the checksums are known", async || {
            let answer = facility.get(&url, &[("range", "bytes=-200")]).await;
            (answer.status == 206).then_some(answer.body)
        })
        .await;
        let whole = facility.get(&url, &[]).await;
        assert!(whole.body.ends_with(&end));
        let again = facility.get(&url, &[]).await;
        assert!(again.body == whole.body, "knowing the checksums does not change where they stand");
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn addresses_of_single_files_open_without_a_session_for_a_while() {
    for backend in list_backends() {
        let facility = Facility::start(&backend, "").await;
        facility.create_file("a & b.h5", &generate_content(1, 1000), true).await;
        let id = facility.prepare_dataset().await;
        let list = facility.get(&format!("/ids/getData?preparedId={id}&format=json"), &[]).await;
        let list: Vec<serde_json::Value> = serde_json::from_slice(&list.body).unwrap();
        let url = list[0]["url"].as_str().unwrap();
        assert_eq!((&list[0]["path"], &list[0]["size"]), (&"ids/SUN/MX-1/1/scan/a & b.h5".into(), &1000.into()));
        let offset = usize::try_from(list[0]["offset"].as_u64().unwrap()).unwrap();
        let whole = facility.get(&format!("/ids/getData?preparedId={id}"), &[]).await;
        assert!(whole.body[offset..].starts_with(&generate_content(1, 1000)));
        let metalink = facility.get(&format!("/ids/getData?preparedId={id}&format=metalink"), &[]).await;
        assert_eq!(metalink.header("content-type"), "application/metalink4+xml");
        assert!(metalink.text().contains(r#"<file name="ids/SUN/MX-1/1/scan/a &amp; b.h5"><size>1000</size>"#));
        let part = facility.get(url, &[("range", "bytes=10-19")]).await;
        assert!(part.status == 206 && part.body == generate_content(1, 1000)[10..20]);
        let forged = format!("{}x", url.trim_end_matches(|c: char| c.is_ascii_alphanumeric()));
        assert_eq!(facility.get(&forged, &[]).await.status, 403);
        facility.app.clock.advance_seconds(13 * 3600);
        assert_eq!(facility.get(url, &[]).await.status, 403);
        facility.app.stop().await;
    }
}

#[tokio::test]
async fn ids_that_are_given_again_are_not_asked_for_again() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    facility.create_file("a.h5", &generate_content(1, 10), true).await;
    facility.create_file("b.h5", &generate_content(2, 20), true).await;
    let asked = async |call: &str, ids: &str| {
        let before = facility.count_searches().await;
        let url = format!("{}/ids/{call}", facility.app.public);
        let form = [("sessionId", SESSION), ("investigationIds", ids), ("datasetIds", "4,4"), ("datafileIds", ids)];
        let answer = if call == "prepareData" {
            facility.app.http.post(url).form(&form).send().await.unwrap()
        } else {
            facility.app.http.get(url).query(&form).send().await.unwrap()
        };
        assert_eq!(answer.status(), 200, "{call}");
        (facility.count_searches().await - before, answer.text().await.unwrap())
    };
    let again = ["1"; 1000].join(",");
    for call in ["prepareData", "getStatus", "getSize"] {
        let (once, often) = (asked(call, "1").await, asked(call, &again).await);
        assert!(once.0 > 0 && once.0 == often.0, "{call}: {} and {} questions", once.0, often.0);
        assert!(call == "prepareData" || once.1 == often.1);
    }
    let zip = facility.get(&format!("/ids/getData?sessionId={SESSION}&datafileIds=1,1"), &[]).await;
    assert!(zip.body.starts_with(b"PK"), "two ids are not one alone");
    facility.app.stop().await;
}

/// Without ids, ids.server accepts every UUID as a session; a credential in the header is always verified.
#[tokio::test]
async fn an_invalid_bearer_is_refused_also_without_ids() {
    const UNKNOWN: &str = "00000000-0000-0000-0000-000000000000";
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    let methods = [
        ("GET", "getSize"),
        ("GET", "getDatafileIds"),
        ("GET", "getStatus"),
        ("GET", "getData"),
        ("POST", "prepareData"),
        ("POST", "reset"),
        ("DELETE", "delete"),
    ];
    for (method, call) in methods {
        let ask = async |session: Option<&str>, bearer: Option<&str>| {
            let parameter = session.map(|session| format!("sessionId={session}")).unwrap_or_default();
            let is_form = method == "POST";
            let query = if is_form { String::new() } else { format!("?{parameter}") };
            let bearer = bearer.map(|bearer| format!("Bearer {bearer}"));
            let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
            headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
            let body = if is_form { parameter.into_bytes() } else { Vec::new() };
            facility.send_request(method, &format!("/ids/{call}{query}"), &headers, body).await.status
        };
        let empty = if ["reset", "delete"].contains(&call) { 204 } else { 200 };
        assert_eq!(ask(Some(UNKNOWN), None).await, empty, "{call}");
        assert_eq!(ask(None, Some(SESSION)).await, empty, "{call}");
        assert_eq!(ask(Some(UNKNOWN), Some(SESSION)).await, empty, "{call}");
        for session in [None, Some(SESSION)] {
            for wrong in [UNKNOWN, "x", "a.b.c"] {
                assert_eq!(ask(session, Some(wrong)).await, 403, "{call} {wrong}");
            }
        }
    }
    facility.app.stop().await;
}

#[tokio::test]
async fn every_file_of_an_archive_can_be_unpacked_beside_the_others() {
    let facility = Facility::start(&testkit::Backend::Sqlite, "").await;
    for (id, name) in [(1, "."), (2, ".."), (3, "logs"), (4, "logs/beam.csv")] {
        let location = format!("here/{id}");
        std::fs::create_dir_all(facility.files.join("here")).unwrap();
        std::fs::write(facility.files.join(&location), b"x").unwrap();
        let row = serde_json::json!({"name": name, "location": location, "fileSize": 1, "dataset": {"id": DATASET}});
        let entities = serde_json::json!([{"Datafile": row}]).to_string();
        let url = format!("{}/icat/entityManager", facility.app.public);
        facility.app.http.post(url).form(&[("entities", entities)]).send().await.unwrap();
    }
    let id = facility.prepare_dataset().await;
    let list = facility.get(&format!("/ids/getData?preparedId={id}&format=json"), &[]).await;
    let list: Vec<serde_json::Value> = serde_json::from_slice(&list.body).unwrap();
    let paths: Vec<&str> = list.iter().map(|file| file["path"].as_str().unwrap()).collect();
    let folder = "ids/SUN/MX-1/1/scan";
    assert_eq!(paths, ["_", "_ (2)", "logs (2)", "logs/beam.csv"].map(|name| format!("{folder}/{name}")));
    facility.app.stop().await;
}
