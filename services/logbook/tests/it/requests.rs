//! What is sent for each operation of the table, and what comes back.

use serde_json::{Value, json};

use super::institute::{IMAGE, Institute, Place, build_entry, entry_title, find_owner};

pub struct Answer {
    pub status: u16,
    pub media_type: String,
    pub location: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Institute {
    /// What an operation of a role answers in a place.
    pub async fn send_operation(&self, role: &str, operation: &str, place: &Place) -> Vec<Answer> {
        let (c, selector) = (&self.credentials[role], &place.selector);
        let logbook = |rest: &str| format!("/logbook/{c}/{rest}?{selector}");
        let key = (find_owner(role).to_owned(), place.name);
        let (entry_id, tag_id) = (&self.entries[&key], &self.tags[&key]);
        let search = format!("&limit=1000&search={}", entry_title(find_owner(role)).replace(' ', "%20"));
        let text = entry_title(find_owner(role));
        let (method, path, body) = match operation {
            "list" => ("GET", logbook("event") + "&limit=1000", None),
            "count" => ("GET", logbook("event/count"), None),
            "dates" => ("GET", logbook("event/dates"), None),
            "page" => ("GET", logbook("event/page") + "&_id=" + entry_id, None),
            "tags" => ("GET", logbook("tag"), None),
            "records" => ("GET", logbook("records"), None),
            "download" => ("GET", format!("/resource/{c}/file/download?resourceId={}", place.file), None),
            "create" => ("POST", logbook("event"), Some(build_entry(place, &text))),
            "update" => {
                let event = json!({"_id": entry_id, "type": "annotation", "category": "comment", "title": text,
                    "content": [{"format": "plainText", "text": "changed"}]});
                let query = place.investigation.map(|id| format!("?investigationId={id}")).unwrap_or_default();
                ("PUT", format!("/logbook/{c}/event{query}"), Some(json!({"event": event})))
            }
            "remove" => ("PUT", logbook("event/remove") + &search, None),
            "restore" => ("PUT", logbook("event/restore") + &search, None),
            "retag" => ("PATCH", logbook("events"), Some(json!({"eventIds": [entry_id], "tags": [{"name": "beam"}]}))),
            "photo" => ("POST", logbook("event/createfrombase64"), Some(json!({"base64": IMAGE}))),
            "create-tag" => ("POST", logbook("tag"), Some(json!({"name": format!("new of {role}")}))),
            "update-tag" => ("PUT", logbook("tag") + "&tagId=" + tag_id, Some(json!({"color": "#2e7d32"}))),
            "datafile" => ("GET", logbook("datafile/open") + &format!("&path=/data/{}.h5", place.name), None),
            "stats-count" => ("GET", format!("/logbook/{c}/stats/count?startDate=2026-01-12&endDate=2026-01-12"), None),
            "stats-investigation" => {
                ("GET", format!("/logbook/{c}/stats/investigation?startDate=2026-01-12&endDate=2026-01-12"), None)
            }
            "fill" => ("PUT", format!("/actions/{c}/logbook/instrumentname"), None),
            "banner" => ("GET", "/messages".to_owned(), None),
            "set-banner" => {
                ("PUT", format!("/messages/{c}/information"), Some(json!({"type": "INFORMATION", "message": "m"})))
            }
            "preferences" => ("GET", format!("/users/{c}/preferences"), None),
            "set-preferences" => {
                ("PUT", format!("/users/{c}/preferences"), Some(json!({"username": "x", "pagination": []})))
            }
            "upload" => return vec![self.upload_file(&format!("/resource/{c}/file/upload?{selector}")).await],
            "move" => {
                let (home, spare) = (self.home, place.spare);
                let path = |from: i64, to: i64| {
                    format!(
                        "/dataacquisition/{c}/events/move?sourceInvestigationId={from}&destinationInvestigationId={to}"
                    )
                };
                let out = self.send_request("POST", &path(spare, home), None).await;
                return vec![out, self.send_request("POST", &path(home, spare), None).await];
            }
            program => {
                let (path, body) = as_program(c, program, place).unwrap_or_else(|| panic!("no operation {program}"));
                ("POST", path, Some(body))
            }
        };
        vec![self.send_request(method, &path, body.as_ref()).await]
    }

    /// The same address with a credential in a header, and something else in the path.
    pub async fn send_with(&self, header: (&str, &str), path: &str) -> Answer {
        read_answer(self.http.get(format!("{}{path}", self.f.app.public)).header(header.0, header.1)).await
    }

    pub async fn send_request(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let request = self.http.request(method.parse().unwrap(), format!("{}{path}", self.f.app.public));
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_string()),
            None => request,
        };
        read_answer(request).await
    }

    async fn upload_file(&self, path: &str) -> Answer {
        let body = "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\nabc\r\n--x--\r\n";
        let request = self.http.post(format!("{}{path}", self.f.app.public)).body(body);
        read_answer(request.header("content-type", "multipart/form-data; boundary=x")).await
    }
}

/// Address and body of what a program sends for a place.
pub fn as_program(key: &str, operation: &str, place: &Place) -> Option<(String, Value)> {
    let proposal = if place.investigation.is_some() { format!("P-{}", place.name) } else { "P-unknown".to_owned() };
    let kind = if place.name == "facility" { "broadcast" } else { "notification" };
    let message = json!({"type": kind, "category": "info", "content": []});
    let by_name = format!("/logbook/{key}/investigation/name/{proposal}/instrument/name/BL07/event");
    let query = |named: String| match (place.name, place.investigation) {
        ("facility", _) => String::new(),
        (_, None) => "instrumentName=BL07".to_owned(),
        (_, Some(_)) => named,
    };
    let id = place.investigation.unwrap_or_default();
    let by_id = query(format!("investigationId={id}&instrumentName=BL07"));
    let named = query(format!("investigationName={proposal}&instrumentName=BL07"));
    Some(match operation {
        "by-name" => (by_name, message),
        "image-by-name" => (by_name + "/createfrombase64", json!({"base64": IMAGE})),
        "notification" => (format!("/dataacquisition/{key}/notification?{by_id}"), message),
        "base64" => (format!("/dataacquisition/{key}/base64?{named}"), json!({"base64": IMAGE})),
        _ => return None,
    })
}

async fn read_answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let header = |name| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let (status, media_type, location) = (answer.status().as_u16(), header("content-type"), header("location"));
    Answer { status, media_type, location, bytes: answer.bytes().await.unwrap().into() }
}
