//! Failures as pages for people.

use service_kit::ErrorFormat;
use service_kit::pages::render_error_page;

pub const PAGE_ERRORS: ErrorFormat = ErrorFormat::new("page", |failed| render_error_page(failed, "To the search"));
