//! The search engine that the tests run with.

use service_kit::Ids as _;
use testkit::{Backend, list_backends};

/// The address of a cluster, if the tests run with OpenSearch: `TESTKIT_SEARCH_ENGINE` says so, and `TESTKIT_OPENSEARCH` where it is.
pub fn find_opensearch() -> Option<String> {
    let variable = |name: &str| std::env::var_os(name).map(|value| value.into_string().unwrap());
    match variable("TESTKIT_SEARCH_ENGINE").as_deref() {
        None | Some("embedded") => None,
        Some("opensearch") => Some(variable("TESTKIT_OPENSEARCH").unwrap()),
        Some(other) => panic!("TESTKIT_SEARCH_ENGINE is {other}, and must be embedded or opensearch"),
    }
}

/// Adds the engine to settings of the service.
pub fn add_engine(settings: &str) -> String {
    find_opensearch().map_or_else(|| settings.to_owned(), |url| add_opensearch(settings, &url))
}

/// Settings with indices of their own in a cluster.
pub fn add_opensearch(settings: &str, url: &str) -> String {
    let prefix = format!("test-{}", service_kit::SystemIds.random_uuid());
    let engine = format!(
        "[search]\nengine = \"opensearch\"\nopensearch_url = \"{url}\"\nopensearch_index_prefix = \"{prefix}\"\n\
         opensearch_replicas = 0\n"
    );
    // Settings of one key, which stand before all sections.
    let first_section = if settings.starts_with('[') { Some(0) } else { settings.find("\n[").map(|end| end + 1) };
    let (keys, sections) = settings.split_at(first_section.unwrap_or(settings.len()));
    let keys = keys.replace("search.", "");
    let has_section = sections.starts_with("[search]\n") || sections.contains("\n[search]\n");
    if keys.is_empty() && has_section {
        return sections.replace("[search]\n", &engine);
    }
    format!("{sections}\n{engine}{keys}\n")
}

/// The databases to test with: one is enough for OpenSearch, which does not know it.
pub fn list_databases() -> Vec<Backend> {
    if find_opensearch().is_some() { vec![Backend::Sqlite] } else { list_backends() }
}
