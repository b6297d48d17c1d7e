//! What opens an attachment without a session: the address that stands in shown HTML, for its file, for an hour; and the
//! places where a session or key may stand besides the path.

use serde_json::Value;

use super::institute::{Institute, Place, list_roles};

/// The address of a picture as a list shows it to somebody; `None` for whoever may not read.
async fn find_signed_address(institute: &Institute, role: &str, place: &Place) -> Option<String> {
    let path = format!("/logbook/{}/event?{}&limit=1000", institute.credentials[role], place.selector);
    let answer = institute.send_request("GET", &path, None).await;
    if answer.status != 200 {
        assert!(!answer.to_text().contains("/resource/"), "{}", answer.to_text());
        return None;
    }
    let entries: Vec<Value> = serde_json::from_slice(&answer.bytes).unwrap();
    let found =
        entries.iter().find(|entry| entry["file"][0] == place.picture.as_str()).expect("the entry with the picture");
    let html = found["content"][0]["text"].as_str().unwrap();
    let address = html.split('"').nth(1).unwrap();
    let credential = institute.credentials[role].as_str();
    assert!(address.starts_with("/resource/") && !html.contains(credential), "{html}");
    Some(address.to_owned())
}

async fn request_status(institute: &Institute, method: &str, path: &str) -> u16 {
    institute.send_request(method, path, None).await.status
}

#[tokio::test]
async fn an_address_in_shown_html_opens_its_file_for_an_hour_and_nothing_else() {
    for institute in Institute::start_all().await {
        let (mut opened, mut refused) = (0, 0);
        for place in &institute.places {
            for role in list_roles() {
                let Some(address) = find_signed_address(&institute, role, place).await else { continue };
                let answer = institute.send_request("GET", &address, None).await;
                assert_eq!((answer.status, answer.media_type.as_str()), (200, "image/png"), "{role} {}", place.name);
                opened += 1;
                // Whoever says who they are is asked for their own rights: the address does not count then.
                let outsider = format!("Bearer {}", institute.credentials["outsider"]);
                let own = institute.send_with(("authorization", &outsider), &address).await.status;
                assert_eq!(
                    own,
                    if matches!(place.name, "released" | "facility") { 200 } else { 403 },
                    "{}",
                    place.name
                );
                for other in institute.places.iter().flat_map(|other| [&other.file, &other.picture]) {
                    if *other != place.picture {
                        let path = address.replace(&place.picture, other);
                        assert_eq!(
                            request_status(&institute, "GET", &path).await,
                            403,
                            "{role} {} {other}",
                            place.name
                        );
                        refused += 1;
                    }
                }
            }
        }
        assert!(opened > institute.places.len() && refused > opened, "{opened} {refused}");
        let place = &institute.places[1];
        let address = find_signed_address(&institute, "member", place).await.unwrap();
        let ticket = address.split('/').nth(2).unwrap();
        let selector = &place.selector;
        let elsewhere = [
            ("GET", format!("/logbook/{ticket}/event?{selector}")),
            ("GET", format!("/logbook/{ticket}/event/count?{selector}")),
            ("GET", format!("/logbook/{ticket}/records?{selector}")),
            ("GET", format!("/logbook/{ticket}/tag?{selector}")),
            ("GET", format!("/logbook/{ticket}/datafile/open?{selector}&path=/data/during.h5")),
            ("PUT", format!("/logbook/{ticket}/event/remove?{selector}")),
            ("POST", format!("/resource/{ticket}/file/upload?{selector}")),
            ("POST", format!("/dataacquisition/{ticket}/notification?{selector}")),
            ("PUT", format!("/actions/{ticket}/logbook/instrumentname")),
            ("GET", format!("/users/{ticket}/preferences")),
        ];
        for (method, path) in &elsewhere {
            assert_eq!(request_status(&institute, method, path).await, 401, "{method} {path}");
        }
        let bearer = format!("Bearer {ticket}");
        assert_eq!(institute.send_with(("authorization", &bearer), &address).await.status, 401, "nor in a header");
        let parts: Vec<&str> = ticket.split('.').collect();
        let flipped = if parts[2].starts_with('A') { "B" } else { "A" };
        let forged = [
            format!("{}.{}.{flipped}{}", parts[0], parts[1], &parts[2][1..]),
            format!("{}.{}.", parts[0], parts[1]),
            // {"typ":"JWT","alg":"none"}
            format!("eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIn0.{}.", parts[1]),
        ];
        for ticket in &forged {
            let path = format!("/resource/{ticket}/file/download?resourceId={}", place.picture);
            assert_eq!(request_status(&institute, "GET", &path).await, 401, "{ticket}");
        }
        institute.f.app.clock.advance_seconds(3599);
        assert_eq!(request_status(&institute, "GET", &address).await, 200);
        institute.f.app.clock.advance_seconds(1);
        assert_eq!(request_status(&institute, "GET", &address).await, 403, "for an hour");
        println!("{opened} addresses opened, {refused} refused for another file, {} elsewhere", elsewhere.len());
        institute.f.app.stop().await;
    }
}

#[tokio::test]
async fn a_credential_in_a_header_counts_and_the_path_then_does_not() {
    for institute in Institute::start_all().await {
        let mut wrong = Vec::new();
        for role in list_roles() {
            let credential = &institute.credentials[role];
            let headers = [("authorization", format!("Bearer {credential}")), ("x-api-key", credential.clone())];
            for place in &institute.places {
                let paths = |credential: &str| {
                    [
                        format!("/logbook/{credential}/event/count?{}", place.selector),
                        format!("/resource/{credential}/file/download?resourceId={}", place.file),
                    ]
                };
                for (own, other) in paths(credential).iter().zip(paths(&institute.credentials["administrator"])) {
                    let wanted = request_status(&institute, "GET", own).await;
                    for (name, value) in &headers {
                        let found = institute.send_with((name, value), &other).await.status;
                        if found != wanted {
                            wrong.push(format!("{role} {name} {} {own}: {wanted} in the path, {found}", place.name));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), wrong.join("\n"));
        institute.f.app.stop().await;
    }
}
