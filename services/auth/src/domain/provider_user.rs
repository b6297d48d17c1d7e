//! The ICAT user name of somebody whom an identity provider knows.

use std::fmt;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use super::provider_claims::ProviderClaims;

/// Of an ICAT user name with its mechanism, in characters (the schema of ICAT 6: `User.name` is VARCHAR(255)).
const MAX_CHARS: usize = 255;
/// ORCID's `sub` was an address for some time.
const ORCID_ADDRESS: &str = "https://orcid.org/";
const ORCID_DIGITS: usize = 16;

/// Whether a text can be the name of a provider or a mechanism, which stand in addresses: letters, digits, `-` and `_`.
pub fn is_plain_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// How a claim becomes a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NameFormat {
    /// As it is.
    #[default]
    Plain,
    /// In small letters, for providers that do not keep the case of a login name.
    Lowercase,
    /// In capitals, for catalogues whose names are so.
    Uppercase,
    /// An ORCID iD, with or without its address; its check digit must be right.
    Orcid,
}

/// Why a claim is no user name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameFault {
    Missing,
    NotText,
    Empty,
    TooLong,
    Slash,
    ControlCharacter,
    NoOrcid,
    /// The name of an administrator, which no claim may give.
    RootName,
    /// Another user of a provider came with this name first.
    OfSomebodyElse,
    /// The local account with this name is locked or removed.
    AccountClosed,
}

impl NameFault {
    /// The word in metrics, logs and the audit log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "user_name_missing",
            Self::NotText => "user_name_not_text",
            Self::Empty => "user_name_empty",
            Self::TooLong => "user_name_long",
            Self::Slash => "user_name_slash",
            Self::ControlCharacter => "user_name_control",
            Self::NoOrcid => "user_name_no_orcid",
            Self::RootName => "root_name",
            Self::OfSomebodyElse => "user_name_of_another",
            Self::AccountClosed => "account_closed",
        }
    }
}

/// A mechanism and a name, which together are an ICAT user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderUser {
    pub mechanism: String,
    pub name: String,
}

impl fmt::Display for ProviderUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mechanism, self.name)
    }
}

impl ProviderUser {
    /// Splits an ICAT user name such as `ldap/ada`; `None` if it has no mechanism.
    pub fn from_user_name(user_name: &str) -> Option<Self> {
        let (mechanism, name) = user_name.split_once('/')?;
        let is_whole =
            is_plain_name(mechanism) && parse_name(name, NameFormat::Plain).is_ok_and(|parsed| parsed == name);
        is_whole.then(|| Self { mechanism: mechanism.to_owned(), name: name.to_owned() })
    }

    /// The user with this name at a provider; `root_names` are those that it cannot give.
    pub fn parse(mechanism: &str, text: &str, format: NameFormat, root_names: &[String]) -> Result<Self, NameFault> {
        let user = Self { mechanism: mechanism.to_owned(), name: parse_name(text, format)? };
        let user_name = user.to_string();
        if user_name.chars().count() > MAX_CHARS {
            return Err(NameFault::TooLong);
        }
        require_no_root_name(&user_name, root_names)?;
        Ok(user)
    }
}

/// How the users of a provider are called.
#[derive(Debug, Clone)]
pub struct NameRules<'a> {
    pub mechanism: &'a str,
    /// The claim that has the name.
    pub claim: &'a str,
    pub format: NameFormat,
    /// ICAT user names that no claim may give.
    pub root_names: &'a [String],
}

impl NameRules<'_> {
    /// The user of a token. The name is in normalization form C and without blanks around it, so that what looks the same is the
    /// same account.
    pub fn find_user(&self, claims: &ProviderClaims) -> Result<ProviderUser, NameFault> {
        let claim = claims.get(self.claim).ok_or(NameFault::Missing)?;
        let text = claim.as_str().ok_or(NameFault::NotText)?;
        ProviderUser::parse(self.mechanism, text, self.format, self.root_names)
    }
}

/// A name without a mechanism, in normalization form C and without blanks around it.
pub fn parse_name(text: &str, format: NameFormat) -> Result<String, NameFault> {
    let plain: String = text.trim().nfc().collect();
    let name = match format {
        NameFormat::Plain => plain,
        NameFormat::Lowercase => plain.to_lowercase().nfc().collect(),
        NameFormat::Uppercase => plain.to_uppercase().nfc().collect(),
        NameFormat::Orcid => parse_orcid(&plain).ok_or(NameFault::NoOrcid)?,
    };
    if name.is_empty() {
        Err(NameFault::Empty)
    } else if name.chars().count() > MAX_CHARS {
        Err(NameFault::TooLong)
    } else if name.contains('/') {
        Err(NameFault::Slash)
    } else if name.chars().any(is_invisible) {
        Err(NameFault::ControlCharacter)
    } else {
        Ok(name)
    }
}

/// Control characters, and those that change the direction of text or have no width: two names with them look the same.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
}

/// An ORCID iD with a right check digit (ISO 7064, MOD 11-2).
fn parse_orcid(text: &str) -> Option<String> {
    let id = text.strip_prefix(ORCID_ADDRESS).unwrap_or(text);
    let is_grouped = id.len() == 19 && id.bytes().enumerate().all(|(at, b)| (at % 5 == 4) == (b == b'-'));
    let digits: Vec<u8> = id.bytes().filter(|b| *b != b'-').collect();
    let (check, rest) = digits.split_last()?;
    if !is_grouped || digits.len() != ORCID_DIGITS || !rest.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let total = rest.iter().fold(0, |total, digit| (total + u32::from(digit - b'0')) * 2 % 11);
    let expected = match (12 - total) % 11 {
        10 => b'X',
        number => b'0' + u8::try_from(number).ok()?,
    };
    (*check == expected).then(|| id.to_owned())
}

/// Whoever can choose a claim could otherwise become an administrator. Names are compared without case, because some databases
/// do.
pub fn require_no_root_name(user_name: &str, root_names: &[String]) -> Result<(), NameFault> {
    let user_name = user_name.to_lowercase();
    let is_root = root_names.iter().any(|root| root.to_lowercase() == user_name);
    if is_root { Err(NameFault::RootName) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn find_user(format: NameFormat, claim: &Value) -> Result<String, NameFault> {
        let root_names = ["oidc/Root".to_owned(), "db/root".to_owned()];
        let rules = NameRules { mechanism: "oidc", claim: "name", format, root_names: &root_names };
        rules.find_user(&serde_json::from_value(json!({"name": claim})).unwrap()).map(|user| user.to_string())
    }

    #[test]
    fn a_name_is_one_plain_text() {
        let plain = |claim: Value| find_user(NameFormat::Plain, &claim);
        assert_eq!(plain(json!(" Ada ")).unwrap(), "oidc/Ada");
        assert_eq!(plain(json!("jose\u{301}")).unwrap(), "oidc/jos\u{e9}");
        assert_eq!(plain(json!("x".repeat(250))).unwrap().len(), 255);
        for (claim, fault) in [
            (json!(7), NameFault::NotText),
            (json!(null), NameFault::NotText),
            (json!(["ada"]), NameFault::NotText),
            (json!("  "), NameFault::Empty),
            (json!("db/root"), NameFault::Slash),
            (json!("a\u{0}b"), NameFault::ControlCharacter),
            (json!("a\nb"), NameFault::ControlCharacter),
            (json!("a\u{200b}b"), NameFault::ControlCharacter),
            (json!("a\u{202e}b"), NameFault::ControlCharacter),
            (json!("x".repeat(251)), NameFault::TooLong),
            (json!("root"), NameFault::RootName),
            (json!("ROOT"), NameFault::RootName),
        ] {
            assert_eq!(plain(claim.clone()), Err(fault), "{claim}");
        }
        let rules = NameRules { mechanism: "oidc", claim: "name", format: NameFormat::Plain, root_names: &[] };
        assert_eq!(rules.find_user(&ProviderClaims::default()), Err(NameFault::Missing));
    }

    #[test]
    fn small_letters_are_kept_composed() {
        assert_eq!(find_user(NameFormat::Lowercase, &json!("ADA")).unwrap(), "oidc/ada");
        let turkish = find_user(NameFormat::Lowercase, &json!("\u{130}")).unwrap();
        assert_eq!(turkish, turkish.nfc().collect::<String>());
    }

    #[test]
    fn an_orcid_has_a_right_check_digit() {
        // The examples of ORCID's documentation.
        for valid in ["0000-0002-1825-0097", "https://orcid.org/0000-0001-5109-3700", "0000-0002-1694-233X"] {
            let expected = format!("oidc/{}", valid.trim_start_matches(ORCID_ADDRESS));
            assert_eq!(find_user(NameFormat::Orcid, &json!(valid)).unwrap(), expected);
        }
        for wrong in [
            "0000-0002-1825-0098",
            "0000-0002-1694-233x",
            "0000000218250097",
            "0000-0002-1825-009",
            "",
            "ada",
            "----0000-0002-1825-00",
        ] {
            assert_eq!(find_user(NameFormat::Orcid, &json!(wrong)), Err(NameFault::NoOrcid), "{wrong}");
        }
    }
}
