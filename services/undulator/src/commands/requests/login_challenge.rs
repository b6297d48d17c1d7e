//! The refusal of a login that is not enough for an operation (RFC 9470, 3).

use super::sanitize_text;

const ERROR: &str = "insufficient_user_authentication";

/// What the login must be.
#[derive(Debug, PartialEq, Eq)]
pub struct LoginChallenge {
    /// Separated by blanks.
    acr_values: Option<String>,
    /// In seconds.
    max_age: Option<u32>,
}

impl LoginChallenge {
    /// Reads `WWW-Authenticate`; `None` for another challenge.
    pub fn parse(header: &str) -> Option<Self> {
        let find_parameter = |name: &str| {
            let (_, rest) = header.split_once(&format!("{name}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        (find_parameter("error")? == ERROR).then(|| Self {
            acr_values: find_parameter("acr_values"),
            max_age: find_parameter("max_age").and_then(|seconds| seconds.parse().ok()),
        })
    }

    /// Options of `undulator login`, with a blank before each. Levels that a shell would not take as they are stay out.
    pub fn build_options(&self) -> String {
        let is_plain = |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:/".contains(&b));
        let levels = self.acr_values.as_deref().unwrap_or_default().split_whitespace();
        let levels: Vec<String> = levels.filter(is_plain).map(|level| format!(" --acr {level}")).collect();
        let age = self.max_age.map(|seconds| format!(" --max-age {seconds}s")).unwrap_or_default();
        sanitize_text(&format!("{}{age}", levels.concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_becomes_the_options_of_a_login() {
        let options = |header: &str| LoginChallenge::parse(header).map(|challenge| challenge.build_options());
        let begin = "Bearer error=\"insufficient_user_authentication\", error_description=\"log in again\"";
        for (header, expected) in [
            (format!("{begin}, acr_values=\"mfa hw\", max_age=\"900\""), Some(" --acr mfa --acr hw --max-age 900s")),
            (format!("{begin}, max_age=\"60\""), Some(" --max-age 60s")),
            (format!("{begin}, acr_values=\"$(reboot) urn:mfa\", max_age=\"x\""), Some(" --acr urn:mfa")),
            (begin.to_owned(), Some("")),
            ("Bearer".to_owned(), None),
            ("Bearer error=\"invalid_token\", acr_values=\"mfa\"".to_owned(), None),
        ] {
            assert_eq!(options(&header).as_deref(), expected, "{header}");
        }
    }
}
