//! `/auth/app`: the page where people log in, with a button for each identity provider and a form for passwords. It needs no
//! script. Its look can be changed by a style sheet of the facility.

mod assets;
mod log_in;
mod log_out;
mod login_form;
mod show_login;
mod templates;
mod visitor;

use std::sync::Arc;

use service_kit::Mount;
use service_kit::pages::page_mount;

use crate::error_format::PAGE_ERRORS;
use crate::state::State;

pub fn build_mount(state: &Arc<State>) -> Mount {
    page_mount("/auth/app", PAGE_ERRORS)
        .state(Arc::clone(state))
        .get("", show_login::show_login)
        .post("/login", log_in::log_in)
        .post("/logout", log_out::log_out)
        .get("/assets/{name}", assets::send_asset)
}
