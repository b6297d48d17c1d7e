//! Where users of an identity provider log out there as well (`OpenID` Connect RP-Initiated Logout 1.0, 2).

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use oauth2::url::Url;
use serde::Serialize;
use service_kit::find_server_root;
use service_kit::pages::render_policy_with_form_target;

use crate::state::State;

/// What the page shows of it.
#[derive(Serialize)]
pub struct ProviderLogoutView {
    provider: String,
    address: String,
    client_id: String,
    /// Where the provider leads back to.
    return_to: String,
    /// Tells the provider who asks, in a form, so that it is in no address. Without it the page has a link, because not every provider
    /// accepts forms, and the provider asks the user.
    id_token: Option<String>,
    /// The address with the parameters of the link.
    link: String,
    /// The content security policy of the page.
    #[serde(skip)]
    pub policy: Option<HeaderValue>,
}

impl ProviderLogoutView {
    /// `None` if the login with this mechanism did not come from a provider, or its logout page is not known now. `session` is that of the
    /// page, which has not ended yet.
    pub async fn find_for_login(
        state: &State,
        request: &HttpRequest,
        mechanism: &str,
        session: Option<String>,
    ) -> Option<Self> {
        let provider = state.providers.find_by_name(mechanism)?;
        let address = provider.find_logout_endpoint().await.unwrap_or_else(|e| {
            tracing::info!(error = %e, "the logout page of an identity provider is not known");
            None
        })?;
        let id_token = state.logins.find_id_token(session?).await.unwrap_or_else(|e| {
            tracing::warn!(error = %e, "the ID token of a login is not known; the identity provider will ask the user");
            None
        });
        let (client_id, return_to) = (&provider.settings.client_id, format!("{}/auth/app", find_server_root(request)));
        Some(Self {
            provider: provider.settings.display_name().to_owned(),
            link: build_link(address.clone(), client_id, &return_to),
            policy: id_token.as_ref().and_then(|_| build_policy(&address)),
            address: address.into(),
            client_id: client_id.clone(),
            return_to,
            id_token: id_token.map(|token| token.expose().to_owned()),
        })
    }
}

fn build_link(mut address: Url, client_id: &str, return_to: &str) -> String {
    address.query_pairs_mut().append_pair("client_id", client_id).append_pair("post_logout_redirect_uri", return_to);
    address.into()
}

fn build_policy(address: &Url) -> Option<HeaderValue> {
    HeaderValue::from_str(&render_policy_with_form_target(&address.origin().ascii_serialization())).ok()
}
