//! Which groups of the catalogue an identity provider says that a user is in. It decides about groups whose names begin with its
//! prefix, and about no others.

use std::collections::{BTreeMap, BTreeSet};

use super::provider_claims::ProviderClaims;

/// The length of the name of a `Grouping`, in characters (icat.server 6.2).
const MAX_NAME_CHARS: usize = 255;

/// How groups of a provider become groups of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRules {
    /// Where the groups are in the ID token (JSON pointer, RFC 6901).
    pub claim: String,
    /// How the names begin of the groups that the provider decides about.
    pub prefix: String,
    /// Names of groups by their values in the claim; others are named by the prefix and the value.
    pub names: BTreeMap<String, String>,
}

/// The groups of a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClaimedGroups {
    pub names: BTreeSet<String>,
    /// How many have no usable name.
    pub ignored: usize,
}

/// What has to change so that a user is in the groups that are claimed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupChanges {
    /// Names of groups.
    pub added: Vec<String>,
    /// Memberships by their ids, with the names of their groups.
    pub removed: Vec<(i64, String)>,
}

impl GroupRules {
    /// Why the rules cannot be used.
    pub fn check_rules(&self) -> Result<(), String> {
        if !self.claim.starts_with('/') {
            return Err("groups_claim must be a JSON pointer, such as /groups or /realm_access/roles".to_owned());
        }
        if self.prefix.is_empty() {
            return Err(
                "groups_prefix must be set: the provider decides about all groups whose names begin with it".to_owned()
            );
        }
        let wrong = self.names.values().find(|name| !name.starts_with(&self.prefix) || !is_usable(name));
        wrong.map_or(Ok(()), |name| {
            Err(format!(
                "groups: the name `{name}` must begin with groups_prefix, and have at most {MAX_NAME_CHARS} characters"
            ))
        })
    }

    /// The groups of a token: those of a list of texts, or of one text. Without the claim, the user is in none.
    pub fn find_groups(&self, claims: &ProviderClaims) -> ClaimedGroups {
        let name_of = |value: &str| self.names.get(value).cloned().unwrap_or_else(|| format!("{}{value}", self.prefix));
        let all: BTreeSet<String> = claims.list_texts_at(&self.claim).iter().map(|value| name_of(value)).collect();
        let (names, ignored): (BTreeSet<_>, BTreeSet<_>) = all.into_iter().partition(|name| is_usable(name));
        ClaimedGroups { names, ignored: ignored.len() }
    }

    /// What has to change, by the memberships that the user has.
    pub fn find_changes(&self, claimed: &ClaimedGroups, memberships: &[(i64, String)]) -> GroupChanges {
        let has = |wanted: &str| memberships.iter().any(|(_, name)| name == wanted);
        let is_withdrawn = |name: &str| name.starts_with(&self.prefix) && !claimed.names.contains(name);
        GroupChanges {
            added: claimed.names.iter().filter(|name| !has(name)).cloned().collect(),
            removed: memberships.iter().filter(|(_, name)| is_withdrawn(name)).cloned().collect(),
        }
    }
}

fn is_usable(name: &str) -> bool {
    name.chars().count() <= MAX_NAME_CHARS && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn rules() -> GroupRules {
        let names = BTreeMap::from([("boss".to_owned(), "lab-admins".to_owned())]);
        GroupRules { claim: "/realm/roles".to_owned(), prefix: "lab-".to_owned(), names }
    }

    fn find_groups(claims: &Value) -> ClaimedGroups {
        rules().find_groups(&serde_json::from_value(claims.clone()).unwrap())
    }

    #[test]
    fn values_become_names_with_the_prefix() {
        let names = |claims: Value| find_groups(&claims).names.into_iter().collect::<Vec<_>>();
        assert_eq!(names(json!({"realm": {"roles": ["boss", "users", 7, "users"]}})), ["lab-admins", "lab-users"]);
        assert_eq!(names(json!({"realm": {"roles": "users"}})), ["lab-users"]);
        for none in
            [json!({}), json!({"realm": {}}), json!({"realm": {"roles": {"users": true}}}), json!({"roles": ["users"]})]
        {
            assert!(names(none.clone()).is_empty(), "{none}");
        }
        let long = "ä".repeat(252);
        let found = find_groups(&json!({"realm": {"roles": ["a\nb", long, "ä".repeat(251)]}}));
        assert_eq!((found.names.len(), found.ignored), (1, 2));
    }

    #[test]
    fn rules_that_would_decide_about_all_groups_are_refused() {
        assert_eq!(rules().check_rules(), Ok(()));
        let other = BTreeMap::from([("x".to_owned(), "root".to_owned())]);
        for (wrong, says) in [
            (GroupRules { prefix: String::new(), ..rules() }, "groups_prefix must be set"),
            (GroupRules { claim: "roles".to_owned(), ..rules() }, "JSON pointer"),
            (GroupRules { names: other, ..rules() }, "`root` must begin with groups_prefix"),
        ] {
            assert!(wrong.check_rules().unwrap_err().contains(says), "{wrong:?}");
        }
    }

    proptest! {
        /// Whatever is claimed and stored: afterwards the user is in what is claimed, and in the same other groups as before.
        #[test]
        fn changes_make_memberships_equal_to_the_claim(
            claimed in proptest::collection::btree_set("[a-c]{1,2}", 0..5),
            stored in proptest::collection::btree_set("(lab-|other-)[a-c]{1,2}", 0..8),
        ) {
            let stored: Vec<(i64, String)> = (0..).zip(stored).collect();
            let claimed = find_groups(&json!({"realm": {"roles": claimed}}));
            let changes = rules().find_changes(&claimed, &stored);
            let kept = stored.iter().filter(|row| !changes.removed.contains(row)).map(|(_, name)| name.clone());
            let after: BTreeSet<String> = kept.chain(changes.added.clone()).collect();
            let others = stored.iter().filter(|(_, name)| name.starts_with("other-")).map(|(_, name)| name.clone());
            prop_assert_eq!(&after, &others.chain(claimed.names.clone()).collect());
            let now: Vec<(i64, String)> = (0..).zip(after).collect();
            prop_assert_eq!(rules().find_changes(&claimed, &now), GroupChanges::default());
        }
    }
}
