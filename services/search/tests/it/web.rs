//! `/search/app`: login, rights, escaping, facets as links, pages, mistakes at the box, and downloads.

use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde_json::json;
use service_kit::{ErrorFormat, Listener, Mount, RequestCredential, Running, ServiceDef};
use testkit::wait_until;

use crate::facility::Facility;

/// Stands for the download service: says who asks for what.
const DOWNLOAD: ServiceDef = ServiceDef {
    name: "download",
    build: |_| {
        let send = async |request: actix_web::HttpRequest| {
            let credential = RequestCredential::find_bearer(&request)?.map(|found| found.text).unwrap_or_default();
            if request.query_string() == "datafileIds=404" {
                let refused = json!({"code": "NotFoundException", "message": "The file <x> is missing"});
                return Ok(actix_web::HttpResponse::NotFound().json(refused));
            }
            let body = format!("{} {credential}", request.query_string());
            let headers = ("content-disposition", "attachment; filename=\"files.zip\"");
            Ok::<_, service_kit::Problem>(actix_web::HttpResponse::Ok().insert_header(headers).body(body))
        };
        let mount = Mount::new("/ids", Listener::Public, ErrorFormat::PLAIN_TEXT).get("/getData", send);
        Box::pin(std::future::ready(Ok(Running { mounts: vec![mount], workers: Vec::new() })))
    },
    ..ServiceDef::EMPTY
};
const LOGBOOK: ServiceDef = ServiceDef { name: "logbook", ..ServiceDef::EMPTY };

/// A browser without a script.
struct Visitor<'f> {
    facility: &'f Facility,
    /// Follows no redirects.
    http: Client,
    cookie: String,
}

impl Facility {
    fn visit_without_session(&self) -> Visitor<'_> {
        let http = Client::builder().redirect(Policy::none()).build().unwrap();
        Visitor { facility: self, http, cookie: String::new() }
    }

    async fn visit_page(&self, name: &str) -> Visitor<'_> {
        Visitor { cookie: format!("undulator-session={}", self.log_in(name).await), ..self.visit_without_session() }
    }
}

impl Visitor<'_> {
    async fn send(&self, method: Method, address: &str, form: &[(&str, &str)]) -> Response {
        let url = format!("{}{address}", self.facility.app.public);
        let request =
            self.http.request(method.clone(), url).header("cookie", &self.cookie).header("accept", "text/html");
        let request = if method == Method::POST { request.form(form) } else { request };
        request.send().await.unwrap()
    }

    /// Status and text of a page.
    async fn open(&self, address: &str) -> (u16, String) {
        let response = self.send(Method::GET, address, &[]).await;
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn open_found(&self, address: &str) -> String {
        let (status, page) = self.open(address).await;
        assert_eq!(status, 200, "{address}: {page}");
        page
    }
}

/// The addresses of links, as a browser reads them.
fn list_links(page: &str) -> Vec<String> {
    let links = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links.map(|link| link.replace("&#x2f;", "/").replace("&amp;", "&")).collect()
}

fn find_link<'p>(links: &'p [String], part: &str) -> &'p str {
    links.iter().find(|link| link.contains(part)).unwrap_or_else(|| panic!("no link with {part}: {links:#?}"))
}

fn count_hits(page: &str) -> usize {
    page.matches("<li class=\"hit\">").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_login_serves_the_pages_of_all_services() {
    for facility in Facility::start_all().await {
        let mut visitor = facility.visit_without_session();
        let start = visitor.open_found("/").await;
        assert!(list_links(&start).contains(&"/search/app".to_owned()), "{start}");
        let response = visitor.send(Method::GET, "/search", &[]).await;
        assert_eq!(response.headers()["location"], "/search/app");
        let response = visitor.send(Method::GET, "/search/app?q=a%20b&in=datasets", &[]).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'; script-src 'self'"), "{policy}");
        let page = response.text().await.unwrap();
        assert!(page.contains("type=\"password\""), "{page}");
        assert!(page.contains("value=\"&#x2f;search&#x2f;app?q=a%20b&amp;in=datasets\""), "{page}");

        let form =
            |next: &'static str| [("plugin", "simple"), ("username", "alice"), ("password", "x"), ("next", next)];
        let response = visitor.send(Method::POST, "/search/app/login", &form("/search/app?q=a%20b")).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["location"]),
            (303, &"/search/app?q=a%20b".parse().unwrap())
        );
        let cookie = response.headers()["set-cookie"].to_str().unwrap();
        let (value, rules) = cookie.split_once("; ").unwrap();
        assert_eq!(rules, "HttpOnly; SameSite=Lax; Path=/");
        visitor.cookie = value.to_owned();
        let response = visitor.send(Method::POST, "/search/app/login", &form("https://elsewhere.example/")).await;
        assert_eq!(response.headers()["location"], "/search/app");

        let page = visitor.open_found("/search/app").await;
        assert!(page.contains("alice") && !page.contains(value.split_once('=').unwrap().1), "{page}");
        let url = format!("{}/search/app/logout", facility.app.public);
        let foreign = visitor.http.post(url).header("cookie", &visitor.cookie).header("sec-fetch-site", "same-site");
        assert_eq!(foreign.send().await.unwrap().status(), 403);
        let response = visitor.send(Method::POST, "/search/app/logout", &[]).await;
        assert!(response.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
        // The service hears of the end of a session by an event.
        wait_until("the page asks for a login", async || {
            let (_, page) = visitor.open("/search/app").await;
            page.contains("type=\"password\"").then_some(())
        })
        .await;
        assert_eq!(visitor.open("/search/app/complete?text=/").await.0, 401);
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_a_row_runs() {
    for mut facility in Facility::start_all().await {
        let evil = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";
        let file = json!({"name": evil, "location": format!("/data/{evil}/{evil}"), "description": format!("{evil} beam"),
            "doi": "javascript:alert(1)", "dataset": {"id": facility.ids["embargo/d0"]}});
        facility.create_row("evil", "Datafile", file).await;
        facility.wait_for_rows("datafile", json!({}), 19).await;
        let alice = facility.visit_page("alice").await;
        for address in [
            "/search/app",
            "/search/app?q=beam",
            "/search/app?dir=/data",
            "/search/app?q=%3Cscript%3Ealert(1)%3C/script%3E",
            "/search/app?f=instrument.name:%3Cimg%20src%3Dx%3E",
            "/search/app?dir=%22%3E%3Cimg%20src%3Dx%3E&from=%22%3E%3Cimg%20src%3Dx%3E",
        ] {
            let (_, page) = alice.open(address).await;
            assert!(!page.contains("<img") && !page.contains("<script>"), "{address}: {page}");
            assert!(!list_links(&page).iter().any(|link| link.starts_with("javascript")), "{address}: {page}");
        }
        let page = alice.open_found("/search/app?q=beam").await;
        assert!(page.contains("&lt;script&gt;alert") && page.contains("<mark>beam</mark>"), "{page}");
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_see_what_they_may_read_with_counts() {
    for facility in Facility::start_all().await {
        facility.wait_for_rows("datafile", json!({}), 18).await;
        let (alice, dan) = (facility.visit_page("alice").await, facility.visit_page("dan").await);
        let page = dan.open_found("/search/app").await;
        assert!(page.contains("Datafiles <span class=\"count\">6</span>"), "{page}");
        assert!(page.contains("Datasets <span class=\"count\">2</span>"), "{page}");
        assert!(page.contains("Investigations <span class=\"count\">1</span>"), "{page}");
        assert!(page.contains("released") && !page.contains("embargo") && !page.contains("BL08"), "{page}");
        assert!(page.contains("What you can type"), "{page}");
        let page = dan.open_found("/search/app?dir=/data/embargo").await;
        assert!(page.contains("Nothing was found") && page.contains("Search without the condition Folder"), "{page}");

        let page = alice.open_found("/search/app?q=scan_0.nxs").await;
        assert_eq!(count_hits(&page), 4);
        let links = list_links(&page);
        let narrowed = alice.open_found(find_link(&links, "f=instrument.name:BL07")).await;
        assert_eq!(count_hits(&narrowed), 4);
        let links = list_links(&narrowed);
        let chip = narrowed.contains("Remove Instrument: BL07");
        assert!(chip && links.contains(&"/search/app?q=scan_0.nxs".to_owned()), "{links:#?}");
        // A row leads to its folder, its dataset and its investigation.
        let folder = alice.open_found(find_link(&links, "dir=/data/embargo/d1")).await;
        assert_eq!(count_hits(&folder), 1);
        assert!(folder.contains("All folders") && folder.contains("aria-current=\"location\""), "{folder}");
        let dataset = alice.open_found("/search/app?f=investigation.name:embargo&f=visitId:1&f=dataset.name:d1").await;
        assert_eq!(count_hits(&dataset), 3);
        let investigations = alice.open_found("/search/app?q=lysozyme&in=investigations").await;
        assert!(investigations.contains("<mark>Lysozyme</mark> embargo"), "{investigations}");
        // Another value of the same field can be chosen as well.
        let bob = facility.visit_page("root").await;
        let page = bob.open_found("/search/app?f=instrument.name:BL08").await;
        assert!(page.contains("6 datafiles"), "{page}");
        let both = bob.open_found(find_link(&list_links(&page), "f=instrument.name:BL08&f=instrument.name:BL07")).await;
        assert!(both.contains("18 datafiles"), "{both}");
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_the_files_of_its_number() {
    for mut facility in Facility::start_all().await {
        for (key, location) in [("in", "rel/y.nxs"), ("below", "rel/a*b/y.nxs"), ("elsewhere", "/data/rel/y.nxs")] {
            let file = json!({"name": key, "location": location, "dataset": {"id": facility.ids["embargo/d0"]}});
            facility.create_row(key, "Datafile", file).await;
        }
        facility.wait_for_rows("datafile", json!({}), 21).await;
        let alice = facility.visit_page("alice").await;
        let page = alice.open_found("/search/app").await;
        assert!(page.contains("title=\"rel\"><span dir=\"auto\">rel</span> <span class=\"count\">2</span>"), "{page}");
        let page = alice.open_found("/search/app?dir=rel").await;
        assert_eq!(count_hits(&page), 2, "not the files of another folder with this name");
        let below = find_link(&list_links(&page), "dir=rel/a%2Ab").to_owned();
        assert_eq!(count_hits(&alice.open_found(&below).await), 1);
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_has_pages() {
    for facility in Facility::start_all().await {
        let more: Vec<serde_json::Value> = (0..30)
            .map(|n| {
                json!({"Datafile": {"name": format!("page_{n:02}.nxs"), "location": format!("/pages/page_{n:02}.nxs"),
                    "dataset": {"id": facility.ids["embargo/d0"]}}})
            })
            .collect();
        facility.write_entities(&json!(more)).await;
        facility.wait_for_rows("datafile", json!({}), 48).await;
        let alice = facility.visit_page("alice").await;
        let first = alice.open_found("/search/app?dir=/pages&sort=name").await;
        assert!(count_hits(&first) == 25 && first.contains("30 datafiles"), "{first}");
        let links = list_links(&first);
        let next = find_link(&links, "cursor=");
        assert!(next.contains("dir=/pages") && next.contains("sort=name"), "{next}");
        let second = alice.open_found(next).await;
        assert!(
            count_hits(&second) == 5 && second.contains("page_29.nxs") && !second.contains("page_24.nxs"),
            "{second}"
        );
        assert!(list_links(&second).contains(&"/search/app?dir=/pages&sort=name".to_owned()));
        assert!(!list_links(&second).iter().any(|link| link.contains("cursor=")), "{second}");
        facility.app.clock.advance_seconds(301);
        assert!(alice.open_found(next).await.contains("has changed since the first page"));
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_stand_at_the_box() {
    for facility in Facility::start_all().await {
        facility.wait_for_rows("datafile", json!({}), 18).await;
        let alice = facility.visit_page("alice").await;
        for (address, expected) in [
            ("/search/app?q=a+AND", "Search term could not be parsed"),
            ("/search/app?q=colour:red", "colour"),
            ("/search/app?from=yesterday", "`yesterday` is not a day"),
            ("/search/app?cursor=x", "the cursor is not that of this search"),
            ("/search/app?f=colour:red", "possible are"),
        ] {
            let (status, page) = alice.open(address).await;
            assert_eq!(status, 400, "{address}: {page}");
            let mistake = page.split("role=\"alert\">").nth(1).unwrap_or_else(|| panic!("{address}: {page}"));
            assert!(mistake.split("</p>").next().unwrap().contains(expected), "{address}: {mistake}");
            let is_in_box = page.contains("aria-invalid=\"true\" aria-describedby=\"mistake\"");
            assert_eq!(is_in_box, address.contains("?q="), "{address}: {page}");
            assert_eq!(page.contains("Correct it in the box"), is_in_box, "{address}: {page}");
        }
        let page = alice.open_found("/search/app?q=nothinghasthis").await;
        let expected = "/search/app?q=nothinghasthis%2A";
        assert!(page.contains("Nothing was found") && list_links(&page).contains(&expected.to_owned()), "{page}");
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_and_values_are_completed() {
    for mut facility in Facility::start_all().await {
        for (key, location) in [("blank", "/data/my run (1)/x.nxs"), ("store", "s3://bucket/raw/x.nxs")] {
            let file = json!({"name": key, "location": location, "dataset": {"id": facility.ids["embargo/d0"]}});
            facility.create_row(key, "Datafile", file).await;
        }
        facility.wait_for_rows("datafile", json!({}), 20).await;
        let (alice, dan) = (facility.visit_page("alice").await, facility.visit_page("dan").await);
        for (visitor, text, expected) in [
            (&alice, "lysozyme%20AND%20/data/em", json!(["lysozyme AND /data/embargo/"])),
            (&alice, "/DATA/", json!(["/data/embargo/", "\"/data/my run (1)/\"", "/data/released/"])),
            (&alice, "a%20%22/data/my%20r", json!(["a \"/data/my run (1)/\""])),
            (&alice, "%22/data/my%20run%20(1)/%22", json!([])),
            (&dan, "/data/", json!(["/data/released/"])),
            (&alice, "a%20instrument.name:b", json!(["a instrument.name:BL07", "a instrument.name:BL08"])),
            (&alice, "type.name:&in=datasets", json!(["type.name:raw"])),
            (&alice, "type.name:", json!([])),
            (&alice, "/data/&in=datasets", json!([])),
            (&alice, "user.name:a", json!([])),
            (&alice, "data", json!([])),
            (&alice, "", json!([])),
        ] {
            let (status, answer) = visitor.open(&format!("/search/app/complete?text={text}")).await;
            let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
            assert_eq!((status, answer), (200, expected), "{text}");
        }
        // Folders whose separators are not those of other paths.
        let page = alice.open_found("/search/app?dir=s3:").await;
        assert!(list_links(&page).contains(&"/search/app?dir=s3://bucket".to_owned()), "{page}");
        let page = alice.open_found("/search/app?dir=/").await;
        assert!(list_links(&page).contains(&"/search/app?dir=/data".to_owned()), "{page}");
        facility.app.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_downloaded_without_a_session_in_an_address() {
    for facility in Facility::start_all_with(&[DOWNLOAD, LOGBOOK]).await {
        facility.wait_for_rows("datafile", json!({}), 18).await;
        let alice = facility.visit_page("alice").await;
        let session = alice.cookie.split_once('=').unwrap().1;
        let page = alice.open_found("/search/app?dir=/data/embargo/d0&sort=name").await;
        let ids: Vec<String> = (0..3).map(|n| facility.ids[&format!("embargo/d0/scan_{n}.nxs")].to_string()).collect();
        assert!(page.contains(&format!("name=\"shown\" value=\"{}\"", ids.join(","))), "{page}");
        assert!(page.contains("Download selected") && page.contains("Download these 3"), "{page}");
        let logbook = format!("/logbook/app/investigation/{}", facility.ids["embargo"]);
        assert!(list_links(&page).contains(&logbook), "{page}");
        let shown = ids.join(",");
        for (more, expected) in [(("id", ids[1].as_str()), ids[1].clone()), (("all", "true"), ids.join("%2C"))] {
            let form = [("in", "datafiles"), ("shown", shown.as_str()), more];
            let response = alice.send(Method::POST, "/search/app/download", &form).await;
            assert_eq!(response.status(), 200);
            assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"files.zip\"");
            assert_eq!(response.text().await.unwrap(), format!("datafileIds={expected} {session}"));
        }
        let form = [("in", "datasets"), ("id", "7")];
        let response = alice.send(Method::POST, "/search/app/download", &form).await;
        assert_eq!(response.text().await.unwrap(), format!("datasetIds=7 {session}"));
        for (form, status, text) in [
            (vec![("in", "datafiles"), ("shown", "1,2")], 400, "nothing is selected"),
            (vec![("in", "datafiles"), ("id", "404")], 404, "The file &lt;x&gt; is missing"),
        ] {
            let response = alice.send(Method::POST, "/search/app/download", &form).await;
            assert_eq!(response.status().as_u16(), status);
            let page = response.text().await.unwrap();
            assert!(page.contains(text), "{page}");
        }
        facility.app.stop().await;
    }
    for facility in Facility::start_all().await {
        facility.wait_for_rows("datafile", json!({}), 18).await;
        let alice = facility.visit_page("alice").await;
        let page = alice.open_found("/search/app").await;
        assert!(!page.contains("Download") && !page.contains("Logbook"), "neither service is here: {page}");
        let response = alice.send(Method::POST, "/search/app/download", &[("in", "datafiles"), ("id", "1")]).await;
        assert_eq!(response.status(), 404);
        facility.app.stop().await;
    }
}
