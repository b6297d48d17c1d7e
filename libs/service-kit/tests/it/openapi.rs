//! One document and one page for all services of a process, and nothing of them comes from elsewhere.

use serde_json::{Value, json};
use service_kit::openapi::StartLink;
use service_kit::{Config, Server, ServiceDef, Sources};
use testkit::TestApp;
use utoipa::openapi::OpenApi;

const ONE: ServiceDef = ServiceDef { name: "one", openapi: || document("/one"), ..ServiceDef::EMPTY };
const TWO: ServiceDef = ServiceDef { name: "two", openapi: || document("/two"), ..ServiceDef::EMPTY };
const TWIN: ServiceDef = ServiceDef { name: "twin", openapi: || document("/one"), ..ServiceDef::EMPTY };

fn document(path: &str) -> OpenApi {
    serde_json::from_value(json!({
        "openapi": "3.1.0",
        "info": {"title": "t", "version": "1", "description": format!("what {path} does")},
        "paths": {path: {"get": {"operationId": "read", "tags": ["x"], "responses": {"200": {
            "description": "ok",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
        }}}}},
        "components": {"schemas": {"Thing": {"type": "object"}}},
    }))
    .unwrap()
}

#[tokio::test]
async fn the_document_of_a_process_is_that_of_all_its_services() {
    let app = TestApp::start(&[ONE, TWO], "").await;
    let answer = app.http.get(format!("{}/openapi.json", app.public)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    let document: Value = answer.json().await.unwrap();
    let operation = |service: &str| {
        json!({"get": {"tags": [service], "operationId": format!("{service}_read"), "responses": {"200": {
            "description": "ok",
            "content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{service}_Thing")}}},
        }}}})
    };
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"], json!({"/one": operation("one"), "/two": operation("two")}));
    let thing = json!({"type": "object"});
    assert_eq!(document["components"]["schemas"], json!({"one_Thing": thing, "two_Thing": thing}));
    let tag = |service: &str| json!({"name": service, "description": format!("what /{service} does")});
    assert_eq!(document["tags"], json!([tag("one"), tag("two")]));

    let index: Value = app.http.get(format!("{}/", app.public)).send().await.unwrap().json().await.unwrap();
    assert_eq!(index["services"], json!(["one", "two"]));
    assert_eq!((&index["openapi"], &index["docs"]), (&json!("/openapi.json"), &json!("/docs/")));
    app.stop().await;
}

#[tokio::test]
async fn two_services_that_describe_one_operation_do_not_start() {
    let dir = tempfile::tempdir().unwrap();
    let toml = "[http]\nbind = \"127.0.0.1:0\"\ninternal_bind = \"127.0.0.1:0\"\n";
    let config = Config::from_toml(&[], toml).unwrap().with_setting("data_dir", dir.path()).unwrap();
    let outcome = Server::start(&[ONE, TWIN], &config, Sources::default()).await;
    assert_eq!(outcome.err().expect("refused").to_string(), "two services describe GET /one");
}

/// The values of `href` and `src` in a page, and of `url(…)` and `@import` in a style sheet.
fn find_references(text: &str) -> Vec<String> {
    let quoted = |name: &str| {
        let start = format!("{name}=\"");
        let parts = text.split(&start).skip(1);
        parts.map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let urls =
        text.split("url(").skip(1).map(|rest| rest.split(')').next().unwrap().trim_matches(['"', '\'']).to_owned());
    let imports = text.split("@import").skip(1).map(|rest| rest.split(';').next().unwrap().to_owned());
    quoted("href").into_iter().chain(quoted("src")).chain(urls).chain(imports).collect()
}

#[test]
fn references_are_found() {
    let text = r#"<link href="https://a/x"><script src="y"> @import "z"; a { b: url('//c/d') }"#;
    assert_eq!(find_references(text), ["https://a/x", "y", "//c/d", " \"z\""]);
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let app = TestApp::start(&[ONE, TWO], "").await;
    // As one connection of a browser: what the page names is asked of the place it came from.
    let get = async |path: &str| {
        let answer = app.http.get(format!("{}{path}", app.public)).send().await.unwrap();
        let header = |name: &str| answer.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
        let (status, media_type) = (answer.status().as_u16(), header("content-type").unwrap_or_default());
        assert_eq!(
            header("content-security-policy").as_deref(),
            Some("default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"),
            "{path}: the browser is told to refuse everything else"
        );
        (status, media_type, answer.bytes().await.unwrap())
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();

    let (status, media_type, page) = get("/docs/").await;
    assert_eq!((status, media_type.as_str()), (200, "text/html"));
    let named = find_references(&text(&page));
    println!("{named:?}");
    let of = |end: &str| named.iter().filter(|name| name.ends_with(end)).count();
    assert!(of(".css") > 0 && of(".js") > 1 && of(".png") > 0, "{named:?}");
    let mut initializers = 0;
    for name in &named {
        let file = name.trim_start_matches("./");
        assert!(!file.contains(':') && !file.contains('/'), "{name} is elsewhere");
        let (status, media_type, content) = get(&format!("/docs/{file}")).await;
        assert_eq!(status, 200, "{name}");
        let end = file.rsplit('.').next().unwrap();
        let expected = [("css", "text/css"), ("js", "text/javascript"), ("png", "image/png")];
        assert!(expected.contains(&(end, media_type.as_str())), "{name}: {media_type}");
        if end == "css" {
            let foreign: Vec<_> =
                find_references(&text(&content)).into_iter().filter(|r| !r.starts_with("data:")).collect();
            assert!(foreign.is_empty(), "{name}: {foreign:?}");
        }
        if file.contains("initializer") {
            initializers += 1;
            let content = text(&content);
            assert!(content.contains("\"url\": \"/openapi.json\""), "{content}");
            assert!(content.contains("\"validatorUrl\": \"none\""), "no badge from validator.swagger.io: {content}");
            assert!(!content.contains("http://") && !content.contains("https://"), "{content}");
        }
    }
    assert_eq!(initializers, 1);

    let (status, ..) = get("/docs/nothing.js").await;
    assert_eq!(status, 404);
    let away = app.http.get(format!("{}/docs", app.public)).send().await.unwrap();
    assert_eq!(away.url().path(), "/docs/", "the address without the slash leads there");
    app.stop().await;
}

#[tokio::test]
async fn the_start_page_leads_to_what_runs_here() {
    const PAGED: ServiceDef = ServiceDef { pages: &[StartLink { path: "/one/page", text: "Page of one" }], ..ONE };
    let app = TestApp::start(&[PAGED, TWO], "site = \"Sun & Co\"").await;
    let ask = async |accept: &str| {
        let answer = app.http.get(format!("{}/", app.public)).header("accept", accept).send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        (kind, policy, answer.text().await.unwrap())
    };
    let (kind, policy, page) = ask("text/html,application/xhtml+xml,*/*;q=0.8").await;
    assert_eq!(kind, "text/html; charset=utf-8");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    for part in
        ["<h1>Sun &amp; Co</h1>", ">Page of one</a>", "<strong>two</strong>: what &#x2f;two does", "href=\"/docs/\""]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (kind, _, json) = ask("*/*").await;
    assert_eq!(kind, "application/json");
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["services"], json!(["one", "two"]));
    app.stop().await;
}
