//! The rules that follow from the membership of a user.

use jiff::Timestamp;

use super::{Decision, Permission};
use crate::membership::Membership;

/// How the field writes "principal investigator" in `InvestigationUser.role`, compared without case.
const PRINCIPAL_INVESTIGATOR_ROLES: [&str; 4] =
    ["PI", "PRINCIPAL INVESTIGATOR", "PRINCIPAL_INVESTIGATOR", "PRINCIPAL_EXPERIMENTER"];

/// Whether the membership of a user gives a permission for an investigation.
pub fn decide_by_membership(
    permission: Permission,
    investigation: i64,
    membership: &Membership,
    now: Timestamp,
) -> Decision {
    if !membership.seen {
        return Decision::deny(format!("there is no Investigation {investigation} that can be seen"));
    }
    let member = || match membership.roles.first() {
        Some(role) => Some(format!("InvestigationUser of {investigation} with the role {role}")),
        None if membership.in_group => {
            Some(format!("in a group of Investigation {investigation} (InvestigationGroup)"))
        }
        None if membership.is_scientist => Some(format!("InstrumentScientist of an instrument of {investigation}")),
        None => None,
    };
    let released = membership.is_released(now);
    match permission {
        Permission::ReadInvestigation(_)
        | Permission::ReadLogbook(_)
        | Permission::ReadDataset(_)
        | Permission::ReadDatafile(_) => match (member(), membership.released_at) {
            (Some(rule), _) => Decision::allow(rule),
            (None, Some(at)) if released => Decision::allow(format!("Investigation {investigation} was released {at}")),
            _ => Decision::deny(format!(
                "neither InvestigationUser, InvestigationGroup nor InstrumentScientist of {investigation}, and it is not released"
            )),
        },
        Permission::WriteLogbook(_) => match member() {
            Some(_) if released => {
                Decision::deny(format!("Investigation {investigation} is released: its logbook is closed"))
            }
            Some(rule) => Decision::allow(rule),
            None => Decision::deny(format!("neither member nor instrument scientist of {investigation}")),
        },
        Permission::MintFor(_) => {
            let role = membership
                .roles
                .iter()
                .find(|role| PRINCIPAL_INVESTIGATOR_ROLES.iter().any(|name| role.eq_ignore_ascii_case(name)));
            role.map_or_else(
                || Decision::deny(format!("not principal investigator of {investigation}")),
                |role| Decision::allow(format!("InvestigationUser of {investigation} with the role {role}")),
            )
        }
        Permission::Administer | Permission::ReadInstrumentLogbook(_) | Permission::WriteInstrumentLogbook(_) => {
            Decision::deny("only administrators")
        }
    }
}

/// Whether a user has a permission for an instrument: its instrument scientists do.
pub fn decide_for_instrument(id: i64, serves: bool) -> Decision {
    if serves {
        Decision::allow(format!("InstrumentScientist of Instrument {id}"))
    } else {
        Decision::deny(format!("not InstrumentScientist of Instrument {id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visible_investigation() -> Membership {
        Membership { seen: true, ..Membership::default() }
    }

    fn decide_and_explain(permission: Permission, membership: &Membership) -> (bool, String) {
        let decision = decide_by_membership(permission, 7, membership, "2026-01-12T09:00:00Z".parse().unwrap());
        (decision.allowed, decision.rule)
    }

    #[test]
    fn each_fact_allows_what_it_should_and_names_itself() {
        let member = Membership { roles: vec!["Investigator".to_owned()], ..visible_investigation() };
        let principal = Membership { roles: vec!["Principal Investigator".to_owned()], ..visible_investigation() };
        let group = Membership { in_group: true, ..visible_investigation() };
        let scientist = Membership { is_scientist: true, ..visible_investigation() };
        let released =
            |membership: Membership| Membership { released_at: "2026-01-12T09:00:00Z".parse().ok(), ..membership };
        let embargo = Membership { released_at: "2026-01-12T09:00:01Z".parse().ok(), ..visible_investigation() };
        let (read, write, mint) = (Permission::ReadDatafile(1), Permission::WriteLogbook(7), Permission::MintFor(7));
        let table = [
            (&member, [true, true, false]),
            (&principal, [true, true, true]),
            (&group, [true, true, false]),
            (&scientist, [true, true, false]),
            (&released(visible_investigation()), [true, false, false]),
            (&released(member.clone()), [true, false, false]),
            (&released(principal.clone()), [true, false, true]),
            (&embargo, [false, false, false]),
            (&visible_investigation(), [false, false, false]),
            (&Membership { seen: false, ..principal.clone() }, [false, false, false]),
        ];
        for (membership, expected) in table {
            assert_eq!(
                [read, write, mint].map(|permission| decide_and_explain(permission, membership).0),
                expected,
                "{membership:?}"
            );
        }
        assert_eq!(decide_and_explain(read, &member).1, "InvestigationUser of 7 with the role Investigator");
        assert_eq!(
            decide_and_explain(read, &released(visible_investigation())).1,
            "Investigation 7 was released 2026-01-12T09:00:00Z"
        );
        assert_eq!(
            decide_and_explain(write, &released(member)).1,
            "Investigation 7 is released: its logbook is closed"
        );
    }
}
