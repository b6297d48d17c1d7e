//! What operations need besides a login (`[[identity.required_levels]]`), and the refusal that says how to get it (RFC 9470).

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use service_kit::config::{Core, RequiredLevelConfig};
use service_kit::pages::percent_encode_segment;
use service_kit::{ClientAddress, Clock, Code, ConfigError, Ctx, Problem};

use crate::SCOPES;
use crate::login_level::{LevelFault, LoginLevel, RequiredLevel};

/// The page of auth where a login begins again.
const LOGIN_PAGE: &str = "/auth/app";
/// The parameter of that page for the methods that are enough.
const METHODS: &str = "amr_values";

/// Knows what the operations of each scope demand of the login of a user.
pub struct RequiredLevels {
    clock: Arc<dyn Clock>,
    rules: Vec<Rule>,
}

struct Rule {
    scopes: Vec<String>,
    level: RequiredLevel,
    except_networks: Vec<IpNet>,
}

impl fmt::Debug for RequiredLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequiredLevels({} rules)", self.rules.len())
    }
}

/// What a login lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingLevel {
    fault: LevelFault,
    required: RequiredLevel,
}

impl RequiredLevels {
    /// An error if the settings name a scope that does not exist.
    pub fn new(ctx: &Ctx) -> Result<Arc<Self>, ConfigError> {
        Self::check_settings(&ctx.config.core)?;
        let rules = &ctx.config.core.identity.required_levels;
        let clock = Arc::clone(&ctx.clock);
        Ok(Arc::new(Self { clock, rules: rules.iter().map(to_rule).collect() }))
    }

    /// An error if the settings name a scope that does not exist.
    pub fn check_settings(config: &Core) -> Result<(), ConfigError> {
        check_scopes(&config.identity.required_levels)
    }

    /// Every login is enough.
    #[cfg(test)]
    pub fn none(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, rules: Vec::new() })
    }

    /// Whether a login is enough for the operations of a scope. `client` is where the request comes from; if that is not known, no
    /// network is exempt.
    pub fn check_level(
        &self,
        scope: &str,
        level: &LoginLevel,
        client: Option<ClientAddress>,
    ) -> Result<(), MissingLevel> {
        let now = self.clock.now().as_second();
        let demanding = self.rules.iter().filter(|rule| rule.applies(scope, client));
        for Rule { level: required, .. } in demanding {
            let met = required.check_level(level, now);
            met.map_err(|fault| MissingLevel { fault, required: required.clone() })?;
        }
        Ok(())
    }
}

/// Refuses scopes that no operation has: their demands would be forgotten in silence.
fn check_scopes(rules: &[RequiredLevelConfig]) -> Result<(), ConfigError> {
    let unknown = rules.iter().flat_map(|rule| &rule.scopes).find(|scope| !SCOPES.contains(&scope.as_str()));
    unknown.map_or(Ok(()), |scope| {
        let known = SCOPES.join(", ");
        Err(ConfigError(format!("identity.required_levels: there is no scope `{scope}`, only {known}")))
    })
}

fn to_rule(config: &RequiredLevelConfig) -> Rule {
    let RequiredLevelConfig { scopes, acr, amr, max_age, except_networks } = config.clone();
    Rule { scopes, level: RequiredLevel { acr, amr, max_age }, except_networks }
}

impl Rule {
    fn applies(&self, scope: &str, client: Option<ClientAddress>) -> bool {
        let is_exempt = client.is_some_and(|ClientAddress(address)| {
            let address = address.to_canonical();
            self.except_networks.iter().any(|network| network.contains(&address))
        });
        !is_exempt && self.scopes.iter().any(|listed| listed == scope)
    }
}

impl MissingLevel {
    /// What is missing and what to do.
    pub fn render_text(&self) -> String {
        let RequiredLevel { acr, amr, max_age } = &self.required;
        match self.fault {
            LevelFault::SecondFactor if amr.is_empty() => {
                format!(
                    "this needs a login with a second factor: one of the levels {}; log in again with it",
                    acr.join(", ")
                )
            }
            LevelFault::SecondFactor if acr.is_empty() => {
                format!(
                    "this needs a login with a second factor: one of the methods {}; log in again with it",
                    amr.join(", ")
                )
            }
            LevelFault::SecondFactor => format!(
                "this needs a login with a second factor: one of the levels {} or of the methods {}; log in again with it",
                acr.join(", "),
                amr.join(", ")
            ),
            LevelFault::NoAuthTime | LevelFault::AuthTimeLater | LevelFault::TooOld => {
                let seconds = max_age.unwrap_or_default().as_secs();
                format!("this needs a login that is at most {} old; log in again", render_seconds(seconds))
            }
        }
    }

    /// What a login must be asked for, with the names that a challenge has for it (RFC 9470, 3). It has none for methods.
    fn list_parameters(&self) -> Vec<(&'static str, String)> {
        let RequiredLevel { acr, amr, max_age } = &self.required;
        let join = |name, values: &[String]| (!values.is_empty()).then(|| (name, values.join(" ")));
        let age = max_age.map(|age| ("max_age", age.as_secs().to_string()));
        [join("acr_values", acr), join(METHODS, amr), age].into_iter().flatten().collect()
    }
}

impl From<MissingLevel> for Problem {
    /// RFC 9470, 3.
    fn from(missing: MissingLevel) -> Self {
        let text = missing.render_text();
        let slug = match missing.fault {
            LevelFault::SecondFactor => "identity/mfa_required",
            LevelFault::NoAuthTime | LevelFault::AuthTimeLater | LevelFault::TooOld => "identity/login_too_old",
        };
        let parameters = missing.list_parameters();
        let named = parameters.iter().filter(|(name, _)| *name != METHODS);
        let named: Vec<String> = named.map(|(name, value)| format!(", {name}=\"{value}\"")).collect();
        let challenge = format!(
            "Bearer error=\"insufficient_user_authentication\", error_description=\"{text}\"{}",
            named.concat()
        );
        let to_query = |(name, value): &(&str, String)| format!("&{name}={}", percent_encode_segment(value));
        let query: Vec<String> = parameters.iter().map(to_query).collect();
        Self::new(Code::Unauthenticated, slug, text)
            .with_header("www-authenticate", challenge)
            .with_remedy(format!("{LOGIN_PAGE}?again=1{}", query.concat()))
    }
}

/// In the largest unit that is exact.
fn render_seconds(seconds: u64) -> String {
    match seconds {
        _ if seconds > 0 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ if seconds > 0 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use service_kit::Micros;
    use testkit::ManualClock;

    use super::*;

    fn required_levels(scopes: &[&str], level: RequiredLevel, networks: &[&str]) -> RequiredLevels {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        let except_networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let clock = ManualClock::starting_at(Micros::default());
        RequiredLevels { clock, rules: vec![Rule { scopes, level, except_networks }] }
    }

    fn mfa() -> RequiredLevel {
        let max_age = Some(Duration::from_mins(15));
        RequiredLevel { acr: vec!["mfa".to_owned(), "hw".to_owned()], amr: vec!["otp".to_owned()], max_age }
    }

    #[test]
    fn scopes_are_demanding_outside_of_the_exempt_networks() {
        let levels = required_levels(&["admin"], mfa(), &["10.0.0.0/8"]);
        let plain = LoginLevel::default();
        let is_enough = |scope, client: Option<&str>| {
            let client = client.map(|address| ClientAddress(address.parse().unwrap()));
            levels.check_level(scope, &plain, client).is_ok()
        };
        assert!(is_enough("read", None) && is_enough("admin", Some("10.1.2.3")));
        assert!(is_enough("admin", Some("::ffff:10.1.2.3")), "as a dual-stack listener sees it");
        assert!(!is_enough("admin", Some("11.1.2.3")) && !is_enough("admin", None));
        let met = LoginLevel { acr: Some("hw".to_owned()), auth_time: Some(0), ..LoginLevel::default() };
        assert!(levels.check_level("admin", &met, None).is_ok());
    }

    #[test]
    fn the_refusal_says_which_login_is_enough() {
        let levels = required_levels(&["admin"], mfa(), &[]);
        let problem = Problem::from(levels.check_level("admin", &LoginLevel::default(), None).unwrap_err());
        let detail = "this needs a login with a second factor: one of the levels mfa, hw or of the methods otp; log in again with it";
        assert_eq!((problem.slug, problem.detail.as_str()), ("identity/mfa_required", detail));
        let challenge = format!(
            "Bearer error=\"insufficient_user_authentication\", error_description=\"{detail}\", acr_values=\"mfa hw\", \
             max_age=\"900\""
        );
        assert_eq!(problem.headers, [("www-authenticate", challenge)]);
        assert_eq!(problem.remedy.unwrap().address, "/auth/app?again=1&acr_values=mfa%20hw&amr_values=otp&max_age=900");

        let old = LoginLevel { acr: Some("mfa".to_owned()), auth_time: Some(-931), ..LoginLevel::default() };
        let problem = Problem::from(levels.check_level("admin", &old, None).unwrap_err());
        assert_eq!(problem.slug, "identity/login_too_old");
        assert_eq!(problem.detail, "this needs a login that is at most 15 min old; log in again");
    }

    #[test]
    fn a_scope_that_does_not_exist_is_an_error() {
        let entry = |scope: &str| RequiredLevelConfig {
            scopes: vec!["admin".to_owned(), scope.to_owned()],
            acr: vec!["mfa".to_owned()],
            amr: Vec::new(),
            max_age: None,
            except_networks: Vec::new(),
        };
        assert!(check_scopes(&[entry("doi:mint")]).is_ok());
        let text = check_scopes(&[entry("mint")]).unwrap_err().0;
        assert!(text.contains("no scope `mint`, only read, logbook:read"), "{text}");
    }

    #[test]
    fn ages_are_shown_in_the_largest_unit() {
        assert_eq!(
            (render_seconds(7200), render_seconds(900), render_seconds(90)),
            ("2 h".into(), "15 min".into(), "90 s".into())
        );
    }
}
