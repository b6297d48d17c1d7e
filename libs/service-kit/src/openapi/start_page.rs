//! The page at `/` for people: what runs here, and where to go.

use minijinja::{Environment, context};

use crate::problem::Problem;

/// What the start page may load: nothing but its own style.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/// A page of a service that the start page leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartLink {
    /// Absolute, such as `/logbook/app`.
    pub path: &'static str,
    pub text: &'static str,
}

/// A service and, in a sentence, what it is.
#[derive(Debug, Clone)]
pub struct Summary {
    pub name: &'static str,
    pub summary: String,
}

pub fn render_start_page(site: &str, pages: &[StartLink], services: &[Summary]) -> Result<String, Problem> {
    let mut environment = Environment::new();
    environment.add_template("start_page.html", include_str!("start_page.html")).map_err(Problem::internal)?;
    let template = environment.get_template("start_page.html").map_err(Problem::internal)?;
    let site = if site.is_empty() { "Undulator" } else { site };
    let pages: Vec<_> = pages.iter().map(|page| context! { path => page.path, text => page.text }).collect();
    let services: Vec<_> =
        services.iter().map(|service| context! { name => service.name, summary => service.summary.as_str() }).collect();
    let values = context! { site, pages, services, version => env!("CARGO_PKG_VERSION") };
    template.render(values).map_err(Problem::internal)
}

/// The first sentence of a document's description.
pub fn first_sentence(text: &str) -> String {
    let paragraph = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    match paragraph.split_once(". ") {
        Some((first, _)) => format!("{first}."),
        None => paragraph,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_escapes_the_site_and_links_to_pages() {
        let services = [Summary { name: "logbook", summary: first_sentence("The logbook. More.\n\nEven more.") }];
        let page =
            render_start_page("<SUN> & co", &[StartLink { path: "/logbook/app", text: "Logbook" }], &services).unwrap();
        assert!(page.contains("<h1>&lt;SUN&gt; &amp; co</h1>"), "{page}");
        assert!(page.contains(r#"<a href="&#x2f;logbook&#x2f;app">Logbook</a>"#), "{page}");
        assert!(page.contains("<strong>logbook</strong>: The logbook.</li>"), "{page}");
    }
}
