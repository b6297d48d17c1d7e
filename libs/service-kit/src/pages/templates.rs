//! Templates of pages, which escape everything that is not marked as sanitized HTML.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use minijinja::{Environment, Value};

use crate::problem::Problem;

/// The templates of a service, in a `LazyLock`.
pub struct PageTemplates(Result<Environment<'static>, minijinja::Error>);

impl PageTemplates {
    /// Templates by their names, which end with `.html`. One that cannot be parsed is reported when a page is rendered.
    pub fn new(templates: &[(&'static str, &'static str)]) -> Self {
        Self(parse_templates(templates))
    }

    /// A page, which browsers do not store.
    pub fn render(&self, status: StatusCode, name: &str, values: Value) -> Result<HttpResponse, Problem> {
        let templates = self.0.as_ref().map_err(|e| Problem::internal(e.to_string()))?;
        let page = templates.get_template(name).and_then(|template| template.render(values));
        Ok(HttpResponse::build(status)
            .insert_header(("content-type", "text/html; charset=utf-8"))
            .insert_header(("cache-control", "no-store"))
            .body(page.map_err(Problem::internal)?))
    }

    /// What is wrong with a template, for tests.
    pub fn find_error(&self) -> Option<String> {
        self.0.as_ref().err().map(ToString::to_string)
    }
}

fn parse_templates(templates: &[(&'static str, &'static str)]) -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    for (name, text) in templates {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}
