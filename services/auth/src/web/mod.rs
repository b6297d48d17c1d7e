//! `/auth/app`: the page where people log in, with a button for each identity provider and a form for passwords, and where those who
//! are logged in see their account; `/auth/app/admin` is for administrators. The pages need no script. Their look can be changed by a style sheet of the facility.

mod account_page;
mod administration;
mod assets;
mod change_password;
mod end_other_logins;
mod end_own_login;
mod link_account;
mod log_in;
mod log_out;
mod login_form;
mod logins_view;
mod provider_logout;
mod show_login;
mod templates;
mod unlink_account;

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
        .post("/password", change_password::change_password)
        .post("/logins/end", end_own_login::end_login)
        .post("/logins/end-others", end_other_logins::end_other_logins)
        .post("/links/{provider}", link_account::start_link)
        .post("/links/{provider}/remove", unlink_account::remove_link)
        .get("/admin", administration::show_accounts::show_accounts)
        .post("/admin/accounts", administration::create_account::create_account)
        .post("/admin/accounts/password", administration::set_password::set_password)
        .post("/admin/accounts/{change}", administration::change_account::change_account)
        .get("/admin/logins", administration::show_logins::show_logins)
        .post("/admin/logins/end", administration::end_logins::end_logins)
        .get("/admin/keys", administration::show_keys::show_keys)
        .post("/admin/keys", administration::create_key::create_key)
        .post("/admin/keys/revoke", administration::revoke_key::revoke_key)
        .get("/assets/{name}", assets::send_asset)
}
