//! The ICAT user of a token of an issuer, as authn.oidc 2.0.1 documents it: a claim with a name, or with a mechanism and a name.

use super::provider_claims::ProviderClaims;
use super::provider_user::{NameFault, NameFormat, ProviderUser, parse_name, require_no_root_name};

/// A name, and the mechanism before it in the ICAT user name; `None` if the name stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUser {
    pub mechanism: Option<String>,
    pub name: String,
}

impl IssuerUser {
    /// Splits an ICAT user name.
    pub fn from_user_name(user_name: &str) -> Self {
        match user_name.split_once('/') {
            Some((mechanism, name)) => Self { mechanism: Some(mechanism.to_owned()), name: name.to_owned() },
            None => Self { mechanism: None, name: user_name.to_owned() },
        }
    }

    /// The ICAT user name.
    pub fn to_user_name(&self) -> String {
        match &self.mechanism {
            Some(mechanism) => format!("{mechanism}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// How the users of an issuer are called.
#[derive(Debug, Clone, Copy)]
pub struct IssuerNameRules<'a> {
    pub mechanism: &'a str,
    pub claim: &'a str,
    /// Whether a token without the claim is refused; otherwise its user is called as `sub` says.
    pub is_claim_required: bool,
    /// Whether the mechanism stands before a name without one.
    pub prepends_mechanism: bool,
    /// Those that a claim `mechanism/name` may name.
    pub claim_mechanisms: &'a [String],
    pub format: NameFormat,
    /// ICAT user names that no claim may give.
    pub root_names: &'a [String],
}

impl IssuerNameRules<'_> {
    pub fn find_user(&self, claims: &ProviderClaims) -> Result<IssuerUser, NameFault> {
        let user = match claims.get(self.claim) {
            Some(value) => self.parse_claim(value.as_str().ok_or(NameFault::NotText)?)?,
            None if self.is_claim_required => return Err(NameFault::Missing),
            None => self.parse_user(Some(self.mechanism), claims.get_text("sub").ok_or(NameFault::Missing)?)?,
        };
        require_no_root_name(&user.to_user_name(), self.root_names)?;
        Ok(user)
    }

    fn parse_claim(&self, text: &str) -> Result<IssuerUser, NameFault> {
        match text.split_once('/') {
            Some((mechanism, name)) if self.claim_mechanisms.iter().any(|allowed| allowed == mechanism) => {
                self.parse_user(Some(mechanism), name)
            }
            // A slash is refused.
            _ => self.parse_user(self.prepends_mechanism.then_some(self.mechanism), text),
        }
    }

    fn parse_user(&self, mechanism: Option<&str>, text: &str) -> Result<IssuerUser, NameFault> {
        match mechanism {
            Some(mechanism) => {
                let ProviderUser { mechanism, name } = ProviderUser::parse(mechanism, text, self.format, &[])?;
                Ok(IssuerUser { mechanism: Some(mechanism), name })
            }
            None => Ok(IssuerUser { mechanism: None, name: parse_name(text, self.format)? }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn find_user(rules: &IssuerNameRules<'_>, claims: Value) -> Result<String, NameFault> {
        rules.find_user(&serde_json::from_value(claims).unwrap()).map(|user| user.to_user_name())
    }

    #[test]
    fn a_claim_names_a_user_with_or_without_its_mechanism() {
        let (claim_mechanisms, root_names) = (["ldap".to_owned()], ["ldap/root".to_owned(), "root".to_owned()]);
        let rules = IssuerNameRules {
            mechanism: "oidc",
            claim: "icat_user",
            is_claim_required: true,
            prepends_mechanism: true,
            claim_mechanisms: &claim_mechanisms,
            format: NameFormat::Plain,
            root_names: &root_names,
        };
        let claim = |value: Value| json!({"icat_user": value, "sub": "f:1"});
        assert_eq!(find_user(&rules, claim(json!("ada"))).unwrap(), "oidc/ada");
        assert_eq!(find_user(&rules, claim(json!("ldap/ada"))).unwrap(), "ldap/ada");
        for (value, fault) in [
            (json!("db/ada"), NameFault::Slash),
            (json!("/ada"), NameFault::Slash),
            (json!("ada/"), NameFault::Slash),
            (json!("ldap/ada/b"), NameFault::Slash),
            (json!("ldap/"), NameFault::Empty),
            (json!("ldap/root"), NameFault::RootName),
            (json!(7), NameFault::NotText),
            (json!("x".repeat(300)), NameFault::TooLong),
        ] {
            assert_eq!(find_user(&rules, claim(value.clone())), Err(fault), "{value}");
        }
        let subject = json!({"sub": "f:1"});
        assert_eq!(find_user(&rules, subject.clone()), Err(NameFault::Missing));
        let lenient = IssuerNameRules { is_claim_required: false, prepends_mechanism: false, ..rules };
        assert_eq!(find_user(&lenient, subject).unwrap(), "oidc/f:1");
        assert_eq!(find_user(&lenient, claim(json!("ada"))).unwrap(), "ada");
        assert_eq!(find_user(&lenient, claim(json!("Root"))), Err(NameFault::RootName));
        assert_eq!(find_user(&lenient, claim(json!("x".repeat(256)))), Err(NameFault::TooLong));
        assert_eq!(find_user(&lenient, json!({})), Err(NameFault::Missing));
    }
}
