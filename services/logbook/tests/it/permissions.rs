//! Who may do what, cell by cell of a table that was written before the code.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::bodies;
use super::institute::{Institute, Place, list_roles};
use super::requests::Answer;

/// Success, or the status of a failure and words that stand in its sentence.
fn parse_outcome(word: &str) -> Option<(u16, &'static str)> {
    Some(match word {
        "ok" | "late" => return None,
        "who" => (401, ""),
        "no" => (403, "not allowed: "),
        "scope" => (403, "lacks the scope"),
        "key" => (403, "for programs"),
        "session" => (403, "with a session"),
        "none" => (404, "no datafile"),
        "closed" => (422, "is closed"),
        other => panic!("no outcome {other}"),
    })
}

fn parse_lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(',').collect())
}

/// Bodies by operation.
fn list_bodies() -> BTreeMap<&'static str, &'static str> {
    let rows: Vec<_> = parse_lines(include_str!("operations.csv")).collect();
    let numbers: BTreeSet<u8> = rows.iter().filter_map(|row| row[1].parse().ok()).collect();
    assert_eq!(numbers, (1..=27).collect(), "all of ICAT+");
    assert_eq!(rows.iter().filter(|row| !row[1].is_empty()).count(), 28, "the last number stands for two");
    rows.iter().map(|row| (row[0], row[2])).collect()
}

type Row = (&'static str, &'static str, [&'static str; 6]);

/// Roles, operations and what is expected in each place; each pair stands in the table once.
fn read_table() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for row in parse_lines(include_str!("permissions.csv")) {
        let expected: [&str; 6] = row[2..].try_into().unwrap_or_else(|_| panic!("six places in {row:?}"));
        for role in row[0].split(' ') {
            rows.extend(row[1].split(' ').map(|operation| (role, operation, expected)));
        }
    }
    let pairs: BTreeSet<_> = rows.iter().map(|(role, operation, _)| (*role, *operation)).collect();
    assert_eq!(pairs.len(), rows.len(), "a pair stands twice");
    let roles: BTreeSet<_> = rows.iter().map(|(role, ..)| *role).collect();
    let all = list_bodies();
    let missing: Vec<_> = roles
        .iter()
        .flat_map(|role| all.keys().map(move |operation| (*role, *operation)))
        .filter(|pair| !pairs.contains(pair))
        .collect();
    assert!(missing.is_empty() && pairs.len() == roles.len() * all.len(), "not in the table: {missing:?}");
    rows
}

/// What is wrong with an answer.
async fn describe_mismatch(
    institute: &Institute,
    row: &Row,
    place: &Place,
    word: &str,
    class: &str,
    answer: &Answer,
) -> Option<String> {
    let text = answer.to_text();
    if let Some((status, words)) = parse_outcome(word) {
        let apart = word != "no" || !text.contains("lacks the scope");
        let right = answer.status == status && text.contains(words) && apart;
        return (!right || !bodies::is_sentence(&answer.media_type, &answer.bytes)).then_some(text);
    }
    let success = if class == "redirect" { 302 } else { 200 };
    if answer.status != success || !bodies::is_of_class(class, &answer.media_type, &answer.bytes) {
        return Some(text);
    }
    if class == "redirect" {
        return (!answer.location.starts_with("http://viewer.test/?file=")).then(|| answer.location.clone());
    }
    let (role, operation, _) = row;
    match *operation {
        "list" | "update" | "remove" | "restore" | "retag" => {
            (!text.contains(&institute.entry_of(role, place))).then(|| format!("without the entry: {text}"))
        }
        "create" | "photo" | "upload" | "by-name" | "image-by-name" | "notification" | "base64" => {
            let stored = institute.is_stored_in(place, word == "late", answer).await;
            (!stored).then(|| format!("stored elsewhere: {text}"))
        }
        _ => None,
    }
}

/// All cells of some roles; those that do not hold, and how many there were.
async fn check_rows(institute: &Institute, roles: &[&str], rows: &[Row]) -> (usize, Vec<String>) {
    let classes = list_bodies();
    let (mut cells, mut failures) = (0, Vec::new());
    for row in rows.iter().filter(|(role, ..)| roles.contains(role)) {
        let (role, operation, expected) = row;
        for (place, word) in institute.places.iter().zip(expected) {
            if *word == "-" {
                continue;
            }
            cells += 1;
            for answer in institute.send_operation(role, operation, place).await {
                if let Some(found) = describe_mismatch(institute, row, place, word, classes[operation], &answer).await {
                    let found: String = found.chars().take(150).collect();
                    failures.push(format!("{role} {operation} {}: {word}, but {} {found}", place.name, answer.status));
                }
            }
        }
    }
    (cells, failures)
}

#[tokio::test]
async fn every_cell_of_the_table_holds() {
    let started = Instant::now();
    let rows = read_table();
    let roles = list_roles();
    assert_eq!(rows.len(), roles.len() * list_bodies().len(), "everybody stands in the table");
    let mut wrong = Vec::new();
    for (engine, institute) in ["SQLite", "PostgreSQL"].into_iter().zip(Institute::start_all().await) {
        // Each has entries of its own to change, so they do not meet.
        let (first, rest) = roles.split_at(roles.len() / 4);
        let (second, rest) = rest.split_at(rest.len() / 3);
        let (third, fourth) = rest.split_at(rest.len() / 2);
        let (a, b, c, d) = tokio::join!(
            check_rows(&institute, first, &rows),
            check_rows(&institute, second, &rows),
            check_rows(&institute, third, &rows),
            check_rows(&institute, fourth, &rows)
        );
        let all = [a, b, c, d];
        let cells: usize = all.iter().map(|(cells, _)| cells).sum();
        println!("{engine}: {cells} cells of {} roles and {} operations", roles.len(), list_bodies().len());
        wrong.extend(all.into_iter().flat_map(|(_, failures)| failures).map(|failure| format!("{engine} {failure}")));
        institute.f.app.stop().await;
    }
    println!("{:.1} s", started.elapsed().as_secs_f64());
    assert!(wrong.is_empty(), "{} answers are not as the table says:\n{}", wrong.len(), wrong.join("\n"));
}
