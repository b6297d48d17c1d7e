//! Who may do what, cell by cell of a table that was written before the code.

use std::collections::HashMap;

use serde_json::json;

use super::facility::{EMBARGO, Facility, RELEASED};

#[tokio::test]
async fn every_cell_of_the_table_holds() {
    let cells: Vec<[&str; 4]> = include_str!("permissions.csv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(',').collect::<Vec<_>>().try_into().unwrap())
        .collect();
    for f in Facility::all().await {
        let mut credentials: HashMap<&str, String> = HashMap::new();
        for [who, ..] in &cells {
            if !credentials.contains_key(who) {
                let credential = match *who {
                    "program" | "reader" => (*who).to_owned(),
                    "nobody" => "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10".to_owned(),
                    person => f.login(person).await,
                };
                credentials.insert(who, credential);
            }
        }
        for [who, book, operation, expected] in &cells {
            let credential = &credentials[who];
            let selector = match *book {
                "embargo" => format!("investigationId={EMBARGO}"),
                "released" => format!("investigationId={RELEASED}"),
                "instrument" => "instrumentName=BL07".to_owned(),
                _ => String::new(),
            };
            let entry = json!({"type": "annotation", "category": "comment", "content": [],
                "instrumentName": if *book == "instrument" { json!("BL07") } else { json!(null) }});
            let (status, body) = match *operation {
                "read" => f.ask("GET", &format!("/logbook/{credential}/event?{selector}"), None).await,
                "write" => f.ask("POST", &format!("/logbook/{credential}/event?{selector}"), Some(&entry)).await,
                "hide" => {
                    f.ask("PUT", &format!("/logbook/{credential}/event/remove?{selector}&search=nothing"), None).await
                }
                "tag" => {
                    f.ask(
                        "PATCH",
                        &format!("/logbook/{credential}/events?{selector}"),
                        Some(&json!({"eventIds": [], "tags": []})),
                    )
                    .await
                }
                other => panic!("no operation {other}"),
            };
            let wanted = match *expected {
                "ok" => 200,
                "closed" => 422,
                "no" => 403,
                _ => 401,
            };
            assert_eq!(status, wanted, "{who} {operation} {book}: {body}");
            assert_eq!(status != 200, !body.starts_with(['[', '{']), "a failure is a sentence: {body}");
        }
        f.app.stop().await;
    }
    println!("{} cells", cells.len());
}
