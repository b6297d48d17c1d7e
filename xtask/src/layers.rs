//! Which layer of a service may use which.
//!
//! | layer | modules | may use |
//! |---|---|---|
//! | domain | `domain`, `error` | itself; neither actix nor sqlx, and `domain` no `Problem` |
//! | store | `store` | domain |
//! | features | every other module | features, store, domain |
//! | HTTP | the modules in [`HTTP`] | everything below, itself, and `state`; not another module of HTTP |
//! | assembly | `lib.rs`, `state`, `openapi` (the list of operations) | everything |

use crate::imports::ImportGraph;
use crate::parsed::{ModulePath, ParsedCrate};

/// Modules that answer requests.
const HTTP: &[&str] = &["api", "authn_plugins", "compat", "routes", "web"];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Domain,
    Store,
    Feature,
    Http,
    Assembly,
}

fn layer_of(module: &ModulePath) -> Layer {
    match module.first().map(String::as_str) {
        None | Some("openapi" | "state") => Layer::Assembly,
        Some("domain" | "error") => Layer::Domain,
        Some("store") => Layer::Store,
        Some(name) if HTTP.contains(&name) => Layer::Http,
        Some(_) => Layer::Feature,
    }
}

/// Whether a module of one layer may use one of another. Handlers take components from `state`; what the operations share
/// stands beside them, and the list of operations uses them.
fn may_use(user: &ModulePath, used: &ModulePath) -> bool {
    match (layer_of(user), layer_of(used)) {
        (Layer::Assembly, _) => true,
        (Layer::Http, Layer::Assembly) => used.first().is_some_and(|name| name == "state"),
        // A folder of HTTP has the document of its operations beside it.
        (Layer::Http, Layer::Http) => {
            user.first() == used.first() || user.first().is_some_and(|name| name == "openapi")
        }
        (user, used) => used <= user,
    }
}

/// Imports that go up.
pub fn find_upward_imports(parsed: &ParsedCrate, graph: &ImportGraph) -> Vec<String> {
    let mut breaches = Vec::new();
    for (user, used) in graph.edges.iter().enumerate().flat_map(|(user, all)| all.iter().map(move |used| (user, *used)))
    {
        let (user, used) = (&parsed.files[user], &parsed.files[used]);
        if !may_use(&user.module, &used.module) {
            let layers = (layer_of(&user.module), layer_of(&used.module));
            breaches.push(format!(
                "{}: {:?} must not use {:?} ({})",
                user.path.display(),
                layers.0,
                layers.1,
                used.path.display()
            ));
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str) -> ModulePath {
        path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn imports_go_down() {
        for (user, used, expected) in [
            ("api::create", "entries", true),
            ("api::create", "store::entries", true),
            ("api::create", "state", true),
            ("api::create", "web::page", false),
            ("web::page", "api::create", false),
            ("openapi", "routes::create", true),
            ("routes::create", "openapi", false),
            ("entries", "store::entries", true),
            ("entries", "attachments", true),
            ("entries", "api::create", false),
            ("entries", "state", false),
            ("export::pdf", "", false),
            ("store::entries", "domain::entry", true),
            ("store::entries", "entries", false),
            ("domain::entry", "domain::filter", true),
            ("domain::entry", "error", true),
            ("domain::entry", "store::entries", false),
            ("state", "entries", true),
            ("", "api", true),
        ] {
            assert_eq!(may_use(&module(user), &module(used)), expected, "{user} uses {used}");
        }
    }
}
