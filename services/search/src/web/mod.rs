//! `/search/app`: the search for people without a portal. Every search is an address that can be kept and sent on; it contains
//! no secret, because the session is in a cookie that no script reads. The one script completes paths in the box.

mod assets;
mod complete;
mod download;
mod error_page;
mod facet_view;
mod folder_view;
mod hit_view;
mod login;
mod number_format;
mod page_query;
pub mod pages;
mod result_view;
mod search;
mod templates;

use std::sync::Arc;

use service_kit::pages::page_mount;
use service_kit::{ErrorFormat, Listener, Mount};

use self::error_page::PAGE_ERRORS;
use self::pages::Pages;

/// The address of the page.
pub const PAGE_ADDRESS: &str = "/search/app";

pub fn build_mounts(pages: Arc<Pages>) -> Vec<Mount> {
    let page = page_mount(PAGE_ADDRESS, PAGE_ERRORS)
        .state(pages)
        .get("", search::show_search)
        .post("/login", login::log_in)
        .post("/logout", login::log_out)
        .get("/complete", complete::complete_text)
        .post("/download", download::send_files)
        .get("/assets/{name}", assets::send_asset);
    let start = Mount::new("/search", Listener::Public, ErrorFormat::PROBLEM_DETAILS).get("", search::redirect_to_page);
    vec![page, start]
}
