//! The templates of the page.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use minijinja::Value;
use service_kit::Problem;
use service_kit::pages::PageTemplates;

static TEMPLATES: LazyLock<PageTemplates> = LazyLock::new(|| {
    PageTemplates::new(&[
        ("layout.html", include_str!("../../page/layout.html")),
        ("login.html", include_str!("../../page/login.html")),
        ("account.html", include_str!("../../page/account.html")),
        ("admin_menu.html", include_str!("../../page/admin_menu.html")),
        ("admin_accounts.html", include_str!("../../page/admin_accounts.html")),
        ("admin_keys.html", include_str!("../../page/admin_keys.html")),
        ("admin_logins.html", include_str!("../../page/admin_logins.html")),
        ("to_provider.html", include_str!("../../page/to_provider.html")),
        ("logged_out.html", include_str!("../../page/logged_out.html")),
    ])
});

/// A page from its template.
pub fn render_page(status: StatusCode, name: &str, values: Value) -> Result<HttpResponse, Problem> {
    TEMPLATES.render(status, name, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_can_be_read() {
        assert_eq!(TEMPLATES.find_error(), None);
    }
}
