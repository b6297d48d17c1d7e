//! Failures as pages for people.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use minijinja::HtmlEscape;

use super::percent_encode_segment;
use crate::error_format::{FailedRequest, http_status};

/// What failed, with a link to the start of the page, whose text is `home`, and, where the user can remove the cause, a link to
/// that, from which they come back. Not from a template: a page that cannot be rendered ends here too.
pub fn render_error_page(failed: &FailedRequest<'_>, home: &str) -> HttpResponse {
    let status = http_status(failed.problem.code);
    let title = status.canonical_reason().unwrap_or_default();
    let address = format!("/{}", failed.mount_name);
    let start = address.as_str();
    let remedy = failed.problem.remedy.as_ref().map_or_else(String::new, |remedy| {
        // The address of a form that was sent cannot be opened again.
        let next = percent_encode_segment(failed.page.unwrap_or(start));
        let separator = if remedy.address.contains('?') { '&' } else { '?' };
        let link = format!("{}{separator}next={next}", remedy.address);
        format!("<p><a class=\"main\" href=\"{}\">Log in again</a></p>", HtmlEscape(&link))
    });
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <link rel=\"stylesheet\" href=\"{address}/assets/app.css\"></head><body><main>\
         <h1>{title}</h1><p class=\"problem\">{}</p>{remedy}<p><a href=\"{address}\">{home}</a></p>\
         <p class=\"hint\">Request {}</p></main></body></html>",
        HtmlEscape(&failed.problem.detail),
        HtmlEscape(failed.request_id)
    );
    HttpResponse::build(status).content_type(ContentType::html()).body(body)
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;
    use crate::error_format::ErrorFormat;
    use crate::problem::{Code, Problem};

    const PAGE_ERRORS: ErrorFormat = ErrorFormat::new("page", |failed| render_error_page(failed, "To the start"));

    async fn render_page(code: Code, detail: &str) -> (u16, String) {
        let problem = Problem::new(code, "sample/sample", detail);
        let failed = FailedRequest { problem: &problem, request_id: "<1>", mount_name: "sample/app", page: None };
        let response = PAGE_ERRORS.render(&failed);
        assert_eq!(response.headers().get("content-type").unwrap(), "text/html; charset=utf-8");
        let status = response.status().as_u16();
        (status, String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap())
    }

    /// Whoever can remove the cause is led there, and back to the page; from a form, whose address cannot be opened again, to the start.
    #[tokio::test]
    async fn a_page_leads_to_the_remedy_and_back() {
        for (page, remedy, link) in [
            (
                Some("/sample/app/7?q=a&b"),
                "/login?acr_values=mfa",
                "/login?acr_values=mfa&amp;next=%2Fsample%2Fapp%2F7%3Fq%3Da%26b",
            ),
            (None, "/login", "/login?next=%2Fsample%2Fapp"),
        ] {
            let problem = Problem::new(Code::Unauthenticated, "sample/level", "log in").with_remedy(remedy);
            let failed = FailedRequest { problem: &problem, request_id: "1", mount_name: "sample/app", page };
            let body = to_bytes(PAGE_ERRORS.render(&failed).into_body()).await.unwrap();
            let link = format!("href=\"{}\"", link.replace('/', "&#x2f;"));
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains(&link), "{link} in {body}");
        }
    }

    /// Pages have the statuses of problem details, and what they say is escaped.
    #[tokio::test]
    async fn a_page_says_what_failed() {
        for (code, detail, status, shown) in [
            (Code::Forbidden, "<b> & members", 403, "&lt;b&gt; &amp; members"),
            (Code::NoRoute, "there is nothing at this address", 404, "there is nothing at this address"),
            (Code::OutcomeUnknown, "look before you send it again", 503, "look before you send it again"),
        ] {
            let (found, page) = render_page(code, detail).await;
            assert_eq!(found, status);
            assert!(page.contains(shown) && page.contains("Request &lt;1&gt;"), "{page}");
            assert!(page.contains("href=\"/sample/app/assets/app.css\"") && page.contains(">To the start<"), "{page}");
        }
    }
}
