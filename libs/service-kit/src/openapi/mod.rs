//! `OpenAPI` documents: one per service, and all of a process as one. The page under `/docs` needs nothing from
//! elsewhere.

mod problems;
mod start_page;

use std::sync::Arc;

use actix_web::http::header::{ACCEPT, ContentType, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value, json};
use thiserror::Error;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::Config as Page;

pub use self::problems::{
    ApiKey, BEARER, Bearer, BodyFailures, CallerFailures, CommonFailures, Failure, IcatFailures, plain_text_response,
    response_entry, unauthenticated_response, with_retry_after,
};
pub use self::start_page::StartLink;
use self::start_page::{CONTENT_SECURITY_POLICY, Summary, first_sentence, render_start_page};
use crate::error_format::ErrorFormat;
use crate::http::{Listener, Mount};
use crate::problem::{Code, Problem};

const COMPONENTS: &str = "#/components/";
/// What services name themselves; schemes of security are the suite's.
const NAMED: [&str; 6] = ["schemas", "responses", "parameters", "requestBodies", "headers", "examples"];
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Two documents that cannot be one.
#[derive(Debug, Error)]
pub enum OpenApiError {
    #[error("two services describe {0}")]
    Collision(String),
    #[error("two services describe the security scheme {0} differently")]
    SecurityScheme(String),
    #[error("the start page cannot be written")]
    StartPage(#[source] Problem),
    #[error("an OpenAPI document is no JSON")]
    Json(#[from] serde_json::Error),
}

/// The document of a service that has no routes of its own.
pub fn empty_document() -> OpenApi {
    OpenApi::default()
}

/// One document of several services: names of schemas and operations carry the service's name in front, and its
/// operations have its name as their tag. `server` is the URL at which clients reach them; `/` is where the document is.
pub fn merge_documents(documents: &[(&str, OpenApi)], server: &str) -> Result<Value, OpenApiError> {
    let (mut paths, mut components) = (Map::new(), Map::new());
    let (mut tags, mut schemes) = (Vec::new(), Map::new());
    for (service, document) in documents {
        let mut document = serde_json::to_value(document)?;
        prefix_names(&mut document, service);
        for (name, scheme) in take_object(&mut document, "/components/securitySchemes") {
            merge_security_scheme(&mut schemes, name, scheme)?;
        }
        for (path, item) in take_object(&mut document, "/paths") {
            let known = paths.entry(&path).or_insert_with(|| json!({}));
            for (method, mut operation) in into_object(item) {
                if known.get(&method).is_some() {
                    return Err(OpenApiError::Collision(format!("{} {path}", method.to_uppercase())));
                }
                if METHODS.contains(&method.as_str()) {
                    operation["tags"] = json!([service]);
                }
                known[method.as_str()] = operation;
            }
        }
        for kind in NAMED {
            for (name, component) in take_object(&mut document, &format!("/components/{kind}")) {
                // One service's names are unique already; two services with one name would show here.
                let known = components.entry(kind).or_insert_with(|| json!({}));
                if known.get(format!("{service}_{name}")).is_some() {
                    return Err(OpenApiError::Collision(format!("{kind}/{service}_{name}")));
                }
                known[format!("{service}_{name}")] = component;
            }
        }
        tags.push(json!({"name": service, "description": document["info"]["description"]}));
    }
    if let Some(bearer) = schemes.get_mut("bearer") {
        bearer["description"] = BEARER.0.into();
    }
    components.insert("securitySchemes".to_owned(), schemes.into());
    Ok(json!({
        "openapi": "3.1.0",
        "info": {"title": "Undulator", "version": env!("CARGO_PKG_VERSION"),
                 "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": server}],
        "tags": tags,
        "paths": paths,
        "components": components,
    }))
}

/// Schemes are the suite's: services may describe one in words of their own, but not as another scheme.
fn merge_security_scheme(
    schemes: &mut Map<String, Value>,
    name: String,
    mut scheme: Value,
) -> Result<(), OpenApiError> {
    if let Some(known) = schemes.get(&name) {
        scheme["description"] = known["description"].clone();
        return if *known == scheme { Ok(()) } else { Err(OpenApiError::SecurityScheme(name)) };
    }
    schemes.insert(name, scheme);
    Ok(())
}

fn take_object(document: &mut Value, pointer: &str) -> Map<String, Value> {
    document.pointer_mut(pointer).map(Value::take).map_or_else(Map::new, into_object)
}

fn into_object(value: Value) -> Map<String, Value> {
    if let Value::Object(map) = value { map } else { Map::new() }
}

/// Puts the service's name in front of operation ids and references to components.
fn prefix_names(value: &mut Value, service: &str) {
    match value {
        Value::Object(map) => {
            for (key, value) in map.iter_mut() {
                match (key.as_str(), &mut *value) {
                    ("operationId", Value::String(id)) => *id = format!("{service}_{id}"),
                    ("$ref", Value::String(target)) => {
                        let name = target.strip_prefix(COMPONENTS).and_then(|rest| rest.split_once('/'));
                        if let Some((kind, name)) = name {
                            *target = format!("{COMPONENTS}{kind}/{service}_{name}");
                        }
                    }
                    _ => prefix_names(value, service),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| prefix_names(item, service)),
        _ => {}
    }
}

struct Documents {
    merged: String,
    page: Arc<Page<'static>>,
    services: Vec<&'static str>,
    start_page: String,
}

/// `/`, `/openapi.json` and `/docs/`. Without a `public_url` the document's server is where the document was read.
pub(crate) fn build_mounts(
    documents: &[(&'static str, OpenApi)],
    site: &str,
    public_url: &str,
    pages: &[StartLink],
) -> Result<Vec<Mount>, OpenApiError> {
    let summaries: Vec<Summary> = documents
        .iter()
        .map(|(name, document)| {
            let description = document.info.description.as_deref().unwrap_or(&document.info.title);
            Summary { name, summary: first_sentence(description) }
        })
        .collect();
    let documents = Arc::new(Documents {
        start_page: render_start_page(site, pages, &summaries).map_err(OpenApiError::StartPage)?,
        merged: merge_documents(documents, if public_url.is_empty() { "/" } else { public_url })?.to_string(),
        // Without the badge that a server elsewhere would draw.
        page: Arc::new(Page::from("/openapi.json").validator_url("none")),
        services: documents.iter().map(|(name, _)| *name).collect(),
    });
    let mount = |prefix: &'static str| {
        Mount::new(prefix, Listener::Public, ErrorFormat::PROBLEM_DETAILS).state(Arc::clone(&documents)).cors()
    };
    Ok(vec![
        mount("/")
            .header("content-security-policy", CONTENT_SECURITY_POLICY)
            .header("vary", "accept")
            .get("", get_start_page),
        mount("/openapi.json").get("", get_document).compressed(),
        mount("/docs")
            .header(
                "content-security-policy",
                "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
            )
            .get("", async || HttpResponse::SeeOther().insert_header((LOCATION, "/docs/")).finish())
            .get("/{file:.*}", get_docs_file),
    ])
}

/// A page for browsers, which ask for HTML, and JSON for everybody else.
async fn get_start_page(request: HttpRequest, documents: web::Data<Documents>) -> HttpResponse {
    let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") {
        return HttpResponse::Ok().content_type(ContentType::html()).body(documents.start_page.clone());
    }
    HttpResponse::Ok().json(json!({
        "name": "Undulator",
        "version": env!("CARGO_PKG_VERSION"),
        "services": documents.services,
        "openapi": "/openapi.json",
        "docs": "/docs/",
    }))
}

async fn get_document(documents: web::Data<Documents>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(documents.merged.clone())
}

async fn get_docs_file(documents: web::Data<Documents>, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&file, Arc::clone(&documents.page))
        .map_err(|e| Problem::internal(e.to_string()))?
        .ok_or_else(|| Problem::new(Code::NotFound, "no-route", "there is nothing at this address"))?;
    Ok(HttpResponse::Ok().content_type(found.content_type).body(found.bytes.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample_document(path: &str, schema: &str) -> OpenApi {
        serde_json::from_value(json!({
            "openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {path: {"get": {"operationId": "read", "responses": {"200": {"description": "ok", "content":
                {"application/json": {"schema": {"$ref": format!("{COMPONENTS}schemas/{schema}")}}}}}}}},
            "components": {"schemas": {schema: {"type": "object"}}},
        }))
        .unwrap()
    }

    #[test]
    fn merging_keeps_names_apart_and_refuses_a_path_described_twice() {
        let all = merge_documents(&[("a", sample_document("/a", "Thing")), ("b", sample_document("/b", "Thing"))], "/")
            .unwrap();
        assert_eq!(all["paths"]["/a"]["get"]["operationId"], "a_read");
        let target = &all["paths"]["/b"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        assert_eq!(target, "#/components/schemas/b_Thing");
        assert_eq!(all["components"]["schemas"].as_object().unwrap().len(), 2);
        let twice =
            merge_documents(&[("a", sample_document("/a", "Thing")), ("b", sample_document("/a", "Other"))], "/")
                .unwrap_err();
        assert_eq!(twice.to_string(), "two services describe GET /a");
    }

    #[test]
    fn security_schemes_are_one_for_all_services_and_never_two_under_one_name() {
        let with = |path: &str, scheme: Value| {
            let mut document = serde_json::to_value(sample_document(path, "Thing")).unwrap();
            document["components"]["securitySchemes"] = json!({"bearer": scheme});
            serde_json::from_value::<OpenApi>(document).unwrap()
        };
        let bearer = |text: &str| json!({"type": "http", "scheme": "bearer", "description": text});
        let all = merge_documents(&[("a", with("/a", bearer("one"))), ("b", with("/b", bearer("two")))], "https://x")
            .unwrap();
        assert_eq!(all["components"]["securitySchemes"], json!({"bearer": bearer(BEARER.0)}));
        assert_eq!(all["servers"], json!([{"url": "https://x"}]));
        let basic = json!({"type": "http", "scheme": "basic"});
        let differing =
            merge_documents(&[("a", with("/a", bearer("one"))), ("b", with("/b", basic))], "/").unwrap_err();
        assert_eq!(differing.to_string(), "two services describe the security scheme bearer differently");
    }
}
