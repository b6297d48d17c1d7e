//! API keys: what may be asked of one, and whether it is valid.

use std::time::Duration;

use identity::SCOPES;
use serde::Serialize;
use service_kit::Micros;
use utoipa::ToSchema;

use super::client_id::ClientId;
use super::login::ANONYMOUS_USER_NAME;

const MAX_USER_NAME_BYTES: usize = 255;
const MAX_INSTRUMENTS: usize = 100;
const MAX_INSTRUMENT_BYTES: usize = 255;
/// An id has 36 hexadecimal digits and hyphens.
const ID_LENGTH: usize = 36;

/// What a key is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyTerms {
    pub name: String,
    /// The ICAT user that it acts for.
    pub user_name: String,
    pub scopes: Vec<String>,
    /// The instruments that it may write for; empty: every instrument.
    pub instruments: Vec<String>,
    pub expires_at: Micros,
}

impl ApiKeyTerms {
    /// The terms without duplicates, or what is wrong with them.
    pub fn check_terms(mut self, now: Micros, max_lifetime: Duration) -> Result<Self, String> {
        check_name(&self.name)?;
        let is_plain = |text: &str, max_bytes: usize| {
            !text.trim().is_empty() && text.len() <= max_bytes && !text.chars().any(char::is_control)
        };
        if !is_plain(&self.user_name, MAX_USER_NAME_BYTES) {
            return Err(format!(
                "the user must be an ICAT user name such as db/alice, of at most {MAX_USER_NAME_BYTES} bytes"
            ));
        }
        if self.user_name == ANONYMOUS_USER_NAME {
            return Err("a key acts for a user who logs in, and not for everybody".to_owned());
        }
        let known = SCOPES.join(", ");
        if self.scopes.is_empty() {
            return Err(format!("the key needs at least one scope (scopes: {known})"));
        }
        if let Some(unknown) = self.scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
            return Err(format!("there is no scope `{unknown}` (scopes: {known})"));
        }
        if self.instruments.len() > MAX_INSTRUMENTS
            || self.instruments.iter().any(|name| !is_plain(name, MAX_INSTRUMENT_BYTES))
        {
            return Err(format!(
                "instruments must be at most {MAX_INSTRUMENTS} names; leave them out for a key without restriction"
            ));
        }
        if self.expires_at <= now {
            return Err("the key would have expired already".to_owned());
        }
        let latest = now + max_lifetime;
        if self.expires_at > latest {
            let latest = latest.to_timestamp();
            return Err(format!("the key must expire at {latest} or before (auth.api_key_max_lifetime)"));
        }
        keep_first_of_each(&mut self.scopes);
        keep_first_of_each(&mut self.instruments);
        Ok(self)
    }
}

/// A name is not taken for an id where either may stand.
fn check_name(name: &str) -> Result<(), String> {
    let is_like_id = name.len() == ID_LENGTH && name.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if ClientId::parse(name).is_none() || is_like_id {
        let text =
            "the name must have 1 to 64 letters, digits, dots, underscores and hyphens, and must not look like an id";
        return Err(text.to_owned());
    }
    Ok(())
}

fn keep_first_of_each(texts: &mut Vec<String>) {
    let mut kept: Vec<String> = Vec::with_capacity(texts.len());
    for text in texts.drain(..) {
        if !kept.contains(&text) {
            kept.push(text);
        }
    }
    *texts = kept;
}

/// Whether a key is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApiKeyState {
    Valid,
    Expired,
    Revoked,
}

impl ApiKeyState {
    pub fn at(now: Micros, expires_at: Micros, revoked_at: Option<Micros>) -> Self {
        if revoked_at.is_some() {
            Self::Revoked
        } else if expires_at <= now {
            Self::Expired
        } else {
            Self::Valid
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn terms() -> ApiKeyTerms {
        ApiKeyTerms {
            name: "beamline.id29".to_owned(),
            user_name: "simple/id29".to_owned(),
            scopes: vec!["logbook:write".to_owned(), "read".to_owned(), "read".to_owned()],
            instruments: vec!["ID29".to_owned(), "ID29".to_owned()],
            expires_at: Micros::from_i64(10 * DAY),
        }
    }

    fn check_for_ten_days(terms: ApiKeyTerms) -> Result<ApiKeyTerms, String> {
        terms.check_terms(Micros::from_i64(0), Duration::from_hours(240))
    }

    #[test]
    fn terms_lose_their_duplicates() {
        let checked = check_for_ten_days(terms()).unwrap();
        assert_eq!(
            (checked.scopes, checked.instruments),
            (vec!["logbook:write".to_owned(), "read".to_owned()], vec!["ID29".to_owned()])
        );
    }

    #[test]
    fn wrong_terms_are_refused_with_what_is_right() {
        let wrong = |change: fn(&mut ApiKeyTerms)| {
            let mut terms = terms();
            change(&mut terms);
            check_for_ten_days(terms).unwrap_err()
        };
        let scopes = "(scopes: read, logbook:read, logbook:write, doi:mint, admin)";
        assert_eq!(
            wrong(|t| t.scopes.push("logbok:write".into())),
            format!("there is no scope `logbok:write` {scopes}")
        );
        assert_eq!(wrong(|t| t.scopes.clear()), format!("the key needs at least one scope {scopes}"));
        for change in [
            (|t| t.name.clear()) as fn(&mut ApiKeyTerms),
            |t| t.name = "two words".into(),
            |t| t.name = "x".repeat(65),
            |t| t.name = "5b0c1c8e-6f57-4c7e-9d55-0f2d4a7b9c10".into(),
        ] {
            assert!(wrong(change).starts_with("the name must have"));
        }
        for change in [(|t| t.user_name = " ".into()) as fn(&mut ApiKeyTerms), |t| t.user_name.push('\0')] {
            assert!(wrong(change).starts_with("the user must be"));
        }
        assert!(wrong(|t| t.user_name = "anon/anon".into()).contains("not for everybody"));
        assert!(wrong(|t| t.instruments.push(String::new())).starts_with("instruments must be"));
        assert!(wrong(|t| t.expires_at = Micros::from_i64(0)).contains("expired already"));
        assert!(
            wrong(|t| t.expires_at = Micros::from_i64(10 * DAY + 1))
                .contains("must expire at 1970-01-11T00:00:00Z or before")
        );
    }

    #[test]
    fn a_revoked_key_is_revoked_also_after_its_end() {
        let at = |now, revoked: Option<i64>| {
            ApiKeyState::at(Micros::from_i64(now), Micros::from_i64(5), revoked.map(Micros::from_i64)).as_str()
        };
        assert_eq!(
            [at(4, None), at(5, None), at(4, Some(1)), at(6, Some(1))],
            ["valid", "expired", "revoked", "revoked"]
        );
    }
}
