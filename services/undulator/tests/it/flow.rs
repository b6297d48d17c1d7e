//! One user over HTTP: login, search, download, resumption and logout, and the events that other services receive.

use std::path::Path;

use reqwest::header::{CONTENT_RANGE, ETAG, IF_RANGE, RANGE};
use serde_json::Value;
use testkit::wait_until;

use crate::processes::log_in;

const FILE: &str = "MX-1/scan/frames.h5";
const SIZE: u32 = 300_000;
/// Where the first transfer ended.
const CUT: usize = 123_457;

/// Root addresses for users; several may be the same process.
pub struct Addresses {
    pub auth: String,
    pub icat: String,
    pub download: String,
    pub probe: String,
}

/// Runs the whole flow; `files` is the storage of download.
pub async fn run_user_flow(name: &str, http: &reqwest::Client, addresses: &Addresses, files: &Path) {
    let bytes = make_file(files);
    let session = log_in(http, &addresses.auth).await;
    let user = User { http, addresses, session };
    user.fill_catalogue().await;

    let found = user.search_entities("SELECT f.id FROM Datafile f WHERE f.dataset.investigation.name = 'MX-1'").await;
    let datafile = found[0].as_i64().unwrap();
    user.check_download(datafile, &bytes).await;

    let created = user.wait_for_effect("Investigation", "created").await;
    let ended = http.delete(format!("{}/session/{}", addresses.auth, user.session)).send().await.unwrap();
    assert_eq!(ended.status(), 200);
    user.wait_for_effect("Session", "ended").await;
    let dead = http.get(format!("{}/icat/session/{}", addresses.icat, user.session)).send().await.unwrap();
    assert_eq!(dead.status(), 403);
    println!("{name}: logged in, found datafile {datafile}, {SIZE} bytes in two parts, event {created}, logged out");
}

fn make_file(files: &Path) -> Vec<u8> {
    let bytes: Vec<u8> = (0..SIZE).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect();
    let path = files.join(FILE);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, &bytes).unwrap();
    bytes
}

struct User<'w> {
    http: &'w reqwest::Client,
    addresses: &'w Addresses,
    session: String,
}

impl User<'_> {
    async fn create_entity(&self, entities: &str) -> i64 {
        let form = [("sessionId", self.session.as_str()), ("entities", entities)];
        let answer = self.http.post(format!("{}/icat/entityManager", self.addresses.icat)).form(&form).send().await;
        let answer = answer.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Vec<i64>>(&text).unwrap()[0]
    }

    async fn fill_catalogue(&self) {
        let facility = self.create_entity(r#"{"Facility":{"name":"SRC"}}"#).await;
        let of_facility =
            |kind: &str, name: &str| format!(r#"{{"{kind}":{{"name":"{name}","facility":{{"id":{facility}}}}}}}"#);
        let kind = self.create_entity(&of_facility("InvestigationType", "MX")).await;
        let raw = self.create_entity(&of_facility("DatasetType", "raw")).await;
        self.create_entity(&format!(
            r#"{{"Investigation":{{"facility":{{"id":{facility}}},"type":{{"id":{kind}}},"name":"MX-1","visitId":"1",
                "title":"t","datasets":[{{"name":"scan","type":{{"id":{raw}}},
                "datafiles":[{{"name":"frames.h5","fileSize":{SIZE},"location":"{FILE}"}}]}}]}}}}"#
        ))
        .await;
    }

    async fn search_entities(&self, query: &str) -> Vec<Value> {
        let parameters = [("sessionId", self.session.as_str()), ("query", query)];
        let url = format!("{}/icat/entityManager", self.addresses.icat);
        self.http.get(url).query(&parameters).send().await.unwrap().json().await.unwrap()
    }

    /// Whole, and again with the second part asked for by itself.
    async fn check_download(&self, datafile: i64, bytes: &[u8]) {
        let url = format!("{}/ids/getData", self.addresses.download);
        let id = datafile.to_string();
        let request = || self.http.get(&url).query(&[("sessionId", self.session.as_str()), ("datafileIds", &id)]);
        let whole = request().send().await.unwrap();
        let status = whole.status();
        let received = whole.bytes().await.unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&received));
        assert!(received == bytes, "the file as it lies there");

        // Weak for as long as a second change of the file could go unseen, and then no range holds for it.
        let strong = async || {
            let tag = request().send().await.unwrap().headers()[ETAG].clone();
            (!tag.as_bytes().starts_with(b"W/")).then_some(tag)
        };
        let tag = wait_until("the file has a strong validator", strong).await;
        let rest = request().header(RANGE, format!("bytes={CUT}-")).header(IF_RANGE, tag).send().await.unwrap();
        assert_eq!(rest.status(), 206);
        assert_eq!(rest.headers()[CONTENT_RANGE], format!("bytes {CUT}-{}/{SIZE}", SIZE - 1));
        assert!([&bytes[..CUT], &rest.bytes().await.unwrap()].concat() == bytes, "both parts together");
    }

    /// Waits until the probe has stored an effect; the id of its event.
    async fn wait_for_effect(&self, entity: &str, verb: &str) -> String {
        let url = format!("{}/probe/effects", self.addresses.probe);
        wait_until(&format!("{entity} {verb} arrives"), async || {
            let page: Value = self.http.get(&url).send().await.unwrap().json().await.unwrap();
            let mut effects = page["effects"].as_array().unwrap().iter();
            let effect = effects.find(|effect| effect["entity"] == entity && effect["verb"] == verb)?;
            Some(effect["eventId"].as_str().unwrap().to_owned())
        })
        .await
    }
}
