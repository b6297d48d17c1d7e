//! `/logbook/app`: the logbook for people without a portal. Rendered here; its one script adds what HTML cannot do.
//!
//! The session is in a cookie that no script reads, and with which no other site can send a form.

mod assets;
mod attachment;
mod entry;
mod entry_form;
mod entry_view;
mod error_page;
mod export;
mod fragment;
mod home;
mod investigation_list;
mod logbook;
mod logbook_path;
mod login;
pub mod pages;
mod search;
mod stream;
mod templates;
mod upload;

use service_kit::Mount;
use service_kit::pages::page_mount;

use crate::http::PAGE_ADDRESS;
use crate::state::State;

pub fn create_mount(state: &State) -> Mount {
    let mount = page_mount(PAGE_ADDRESS, error_page::PAGE_ERRORS);
    state
        .identity
        .accept_credentials(state.register(mount), &[])
        .get("", home::show_home)
        .post("/login", login::log_in)
        .post("/logout", login::log_out)
        .get("/find", search::show_results)
        .get("/assets/{name}", assets::send_asset)
        .get("/file/{id}", attachment::send_attachment)
        .get("/{level}/{id}", logbook::show_logbook)
        .post("/{level}/{id}", entry_form::create_entry)
        .get("/{level}/{id}/entries", fragment::show_entries)
        .get("/{level}/{id}/live", stream::stream_entries)
        .get("/{level}/{id}/export", export::export_logbook)
        .get("/{level}/{id}/entry/{entry}", entry::show_entry)
        .post("/{level}/{id}/entry/{entry}", entry::update_entry)
        .post("/{level}/{id}/entry/{entry}/remove", entry::hide_entry)
        .post("/{level}/{id}/entry/{entry}/restore", entry::restore_entry)
        .post("/{level}/{id}/file", upload::attach_file)
        .without_timeout()
}
