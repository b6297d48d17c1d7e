//! `POST /auth/app/admin/keys`: creates an API key, and shows it once.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use identity::SCOPES;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use service_kit::{Micros, Problem};

use super::show_keys::{KeyForm, KeysPage, NewKeyView, name_scope_field, render_keys};
use crate::api_keys::{ApiKeyError, KeyAdministrator};
use crate::domain::api_key::ApiKeyTerms;
use crate::request_origin::RequestOrigin;
use crate::state::State;

pub async fn create_key(
    state: web::Data<State>,
    origin: RequestOrigin,
    request: HttpRequest,
    fields: web::Form<Vec<(String, String)>>,
) -> Result<HttpResponse, Problem> {
    let administrator = state.page_visitors.require_sending_administrator(&request).await?;
    let find_field = |name: &str| {
        let field = fields.iter().find(|(field, _)| field == name);
        field.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let form = KeyForm {
        name: find_field("name"),
        user: find_field("user"),
        instruments: find_field("instruments"),
        expires: find_field("expires"),
    };
    let chosen = SCOPES.iter().filter(|scope| !find_field(&name_scope_field(scope)).is_empty());
    let chosen_scopes: Vec<String> = chosen.map(|scope| (*scope).to_owned()).collect();
    let by = KeyAdministrator { name: administrator.user_name().to_owned(), origin: origin.0 };
    let created = match parse_terms(&form, &chosen_scopes) {
        Ok(terms) => state.api_keys.create_key(terms, &by).await,
        Err(text) => Err(ApiKeyError::Invalid(text)),
    };
    let problem = match created {
        Ok(created) => {
            let new_key = NewKeyView { name: &created.row.terms.name, text: created.key.expose() };
            let page = KeysPage { new_key: Some(new_key), ..KeysPage::default() };
            return render_keys(&state, StatusCode::CREATED, page).await;
        }
        Err(ApiKeyError::Database(e)) => return Err(e.into()),
        Err(ApiKeyError::Setup(e)) => return Err(Problem::internal(e)),
        Err(refused) => refused.to_string(),
    };
    let page = KeysPage { problem: Some(&problem), form, chosen_scopes, ..KeysPage::default() };
    render_keys(&state, StatusCode::UNPROCESSABLE_ENTITY, page).await
}

fn parse_terms(form: &KeyForm, scopes: &[String]) -> Result<ApiKeyTerms, String> {
    let day: Date = form.expires.parse().map_err(|_| "the key needs a day on which it expires".to_owned())?;
    let expires = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_err(|_| "the day is out of range".to_owned())?;
    let instruments = form.instruments.split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(ApiKeyTerms {
        name: form.name.clone(),
        user_name: form.user.clone(),
        scopes: scopes.to_vec(),
        instruments: instruments.map(str::to_owned).collect(),
        expires_at: Micros::from(expires),
    })
}
