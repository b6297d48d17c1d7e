//! `undulator find`: what it prints, how it follows pages, and how it fails.

use std::process::Stdio;

use serde_json::Value;
use testkit::Backend;

use crate::search_facility::{FILES, Facility, Outcome, run_prepared};

impl Facility {
    /// Runs a search of alice that must end with this exit code.
    async fn find(&self, arguments: &[&str], code: i32) -> Outcome {
        let login = ["find", "--url", &self.app.public, "--user", "db/alice", "--password-file", "password"];
        self.run_command(&[&login[..], arguments].concat(), code).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_printed_as_paths() {
    let facility = Facility::start(&Backend::Sqlite).await;
    let found = facility.find(&["/data/**/second/scan_*.nxs", "--sort", "name"], 0).await;
    let paths = ["/data/MX-1/second/scan_0000.nxs", "/data/MX-1/second/scan_0001.nxs"];
    assert_eq!(found.list_lines(), paths, "those of MX-2 are none of her business");
    assert_eq!(found.errors, "2 datafiles found\n");

    let some = facility.find(&["--limit", "2", "--sort", "largest"], 0).await;
    assert_eq!(some.list_lines(), ["/data/MX-1/first/scan_1097.nxs", "/data/MX-1/first/scan_1096.nxs"]);
    assert_eq!(some.errors, "2 of 1100 datafiles shown; --all shows all\n");
    assert_eq!(facility.find(&[], 0).await.list_lines().len(), 100, "without --limit");

    let all = facility.find(&["--all", "--sort", "name"], 0).await;
    let mut paths = all.list_lines();
    assert_eq!(paths.len(), FILES);
    paths.dedup();
    assert_eq!(paths.len(), FILES, "each once");
    assert!(all.errors.contains("finding: 1000 of 1100") && all.errors.ends_with("1100 datafiles found\n"));
    let most = facility.find(&["--limit", "1050"], 0).await;
    assert_eq!(
        (most.list_lines().len(), most.errors.as_str()),
        (1050, "1050 of 1100 datafiles shown; --all shows all\n")
    );

    let nul = facility.find(&["/data/MX-1/second", "--print0", "--sort", "name"], 0).await;
    assert_eq!(nul.output, "/data/MX-1/second/scan_0000.nxs\0/data/MX-1/second/scan_0001.nxs\0");
    let none = facility.find(&["/nowhere"], 0).await;
    assert_eq!((none.output.as_str(), none.errors.as_str()), ("", "0 datafiles found\n"));
    facility.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_are_those_of_the_service() {
    let facility = Facility::start(&Backend::Sqlite).await;
    for (arguments, expected) in [
        (&[][..], FILES),
        (&["--text", "name:scan_0001.nxs"], 2),
        (&["--after", "2026-01-11"], FILES / 2),
        (&["--before", "2026-01-11"], FILES / 2),
        (&["--after", "2026-01-10", "--before", "2026-01-12"], FILES),
        (&["--before", "2026-01-10"], 0),
        (&["--before", "2026-01-10T12:00:00Z"], 0),
        (&["--param", "temperature:3..5degC"], 1),
        (&["--param", "temperature:..10K"], 0),
        (&["--param", "temperature"], 1),
        (&["--where", "instrument.name=ID29"], FILES),
        (&["--where", "instrument.name=ID30"], 0),
        (&["--where", "dataset.name=second", "--where", "dataset.name=third"], 2),
        (&["--mine", "/data/MX-1/second"], 2),
        (&["--target", "datasets"], 2),
        (&["--target", "investigations", "--text", "lysozyme"], 1),
    ] {
        let counted = facility.find(&[arguments, &["--count"]].concat(), 0).await;
        assert_eq!(counted.output, format!("{expected}\n"), "{arguments:?}");
    }
    assert_eq!(facility.find(&["--count", "--limit", "5"], 0).await.output, format!("{FILES}\n"), "of all results");
    let counted = facility.find(&["--count", "--json"], 0).await.parse_json();
    assert_eq!(counted, serde_json::json!({"total": FILES, "isTotalLowerBound": false}));
    facility.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn results_are_lines_for_people_and_json_for_programs() {
    let facility = Facility::start(&Backend::Sqlite).await;
    let datasets = facility.find(&["--target", "datasets", "--sort", "smallest"], 0).await;
    let lines = datasets.list_lines();
    assert_eq!(lines.len(), 2);
    for (line, words) in lines
        .iter()
        .zip([["2026-01-10", "MX-1", "second", "2 files, 1.00 KiB"], ["2026-01-10", "MX-1", "first", "1098 files"]])
    {
        assert!(words.iter().all(|word| line.contains(word)), "{line}");
    }
    let investigations = facility.find(&["--target", "investigations"], 0).await;
    let line = investigations.output;
    assert!(["MX-1", "ID29", "1100 files", "Lysozyme MX-1"].iter().all(|word| line.contains(word)), "{line}");

    let json = facility.find(&["/data/MX-1/second", "--sort", "name", "--json"], 0).await;
    let hits: Vec<Value> = json.list_lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(hits.len(), 2);
    let names = [&hits[0]["name"], &hits[0]["dataset"]["name"], &hits[0]["investigation"]["visitId"]];
    assert_eq!(names, ["scan_0000.nxs", "second", "1"]);
    facility.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_and_refusals_have_their_exit_codes() {
    let facility = Facility::start(&Backend::Sqlite).await;
    let url = facility.app.public.clone();
    for (arguments, reason) in [
        (&["--text", "a AND"][..], "Search term could not be parsed"),
        (&["--where", "colour=red"], "possible are"),
        (&["--where", "colour"], "instrument.name=ID29"),
        (&["--param", "temperature:4"], "temperature:4..4K"),
        (&["--param", "temperature:10..4"], "the smaller number first"),
        (&["--after", "yesterday"], "2025-01-31"),
        (&["/data", "--target", "datasets"], "only datafiles have paths"),
        (&["--json", "--print0"], "cannot be used together"),
        (&["--limit", "0"], "--limit"),
        (&["--limit", "3", "--all"], "cannot be used with"),
        (&["--sort", "colour"], "smallest"),
        (&["/data/a.nxs", "/data/b.nxs"], "unexpected argument"),
    ] {
        let refused = facility.find(arguments, 2).await;
        assert!(refused.errors.contains(reason) && refused.output.is_empty(), "{arguments:?}: {}", refused.errors);
    }
    let without_session = facility.run_command(&["find", "--url", &url], 2).await;
    assert!(without_session.errors.contains("ICAT_SESSION_ID"), "{}", without_session.errors);
    let nowhere = facility.run_command(&["find", "--user", "db/alice"], 2).await;
    assert!(nowhere.errors.contains("--url"), "{}", nowhere.errors);

    let mut command = facility.prepare_command(&["find", "--url", &url, "--count"]);
    command.env("ICAT_SESSION_ID", facility.log_in_as_alice().await);
    assert_eq!(run_prepared(command, 0).await.output, format!("{FILES}\n"));
    std::fs::write(facility.file_path("session"), "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10\n").unwrap();
    let expired = facility.run_command(&["find", "--url", &url, "--session-file", "session"], 1).await;
    assert!(expired.errors.contains("log in again") && !expired.errors.contains("5b0c1c8e"), "{}", expired.errors);
    let elsewhere = ["find", "--search-url", &format!("{url}/elsewhere"), "--session-file", "session"];
    let elsewhere = facility.run_command(&elsewhere, 1).await;
    assert!(elsewhere.errors.contains("--search-url"), "{}", elsewhere.errors);
    facility.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let facility = Facility::start(&Backend::Sqlite).await;
    let login = ["find", "--all", "--url", &facility.app.public, "--user", "db/alice", "--password-file", "password"];
    let mut command = facility.prepare_command(&login);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(running.stdout.take());
    let done = running.wait_with_output().await.unwrap();
    let errors = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(0), "{errors}");
    assert!(!errors.contains("found") && !errors.contains("shown"), "not all was printed: {errors}");
    facility.app.stop().await;
}
