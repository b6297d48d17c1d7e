//! Templates, which escape everything that is not marked as sanitized HTML.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use minijinja::{Environment, Value};
use service_kit::Problem;

static TEMPLATES: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    for (name, text) in [
        ("layout.html", include_str!("../../page/layout.html")),
        ("login.html", include_str!("../../page/login.html")),
        ("home.html", include_str!("../../page/home.html")),
        ("book.html", include_str!("../../page/book.html")),
        ("entry.html", include_str!("../../page/entry.html")),
        ("editor.html", include_str!("../../page/editor.html")),
        ("single.html", include_str!("../../page/single.html")),
        ("found.html", include_str!("../../page/found.html")),
        ("fragment.html", include_str!("../../page/fragment.html")),
    ] {
        templates.add_template(name, text)?;
    }
    Ok(templates)
});

/// A page from its template.
pub fn render_page(status: StatusCode, name: &str, values: Value) -> Result<HttpResponse, Problem> {
    let templates = TEMPLATES.as_ref().map_err(|e| Problem::internal(e.to_string()))?;
    let text = templates.get_template(name).and_then(|template| template.render(values)).map_err(Problem::internal)?;
    Ok(HttpResponse::build(status)
        .insert_header(("content-type", "text/html; charset=utf-8"))
        .insert_header(("cache-control", "no-store"))
        .body(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        assert!(TEMPLATES.is_ok(), "{:?}", TEMPLATES.as_ref().err());
    }
}
