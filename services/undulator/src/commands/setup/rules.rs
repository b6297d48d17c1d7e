//! The preset rules of a new facility; `docs/src/rules.md` explains them.
//!
//! They are written for the strict settings of the catalogue, with which a row that a user may not read is invisible in
//! all queries: a user who may read an investigation may also read the rows that queries of portals join with it.

use icat_client::schema;

use super::answers::RuleAnswers;

/// The group whose members may read everything but rules; the reader account is in it.
pub const READERS: &str = "service readers";

/// A rule that grants reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub what: String,
    /// Only for members of [`READERS`].
    pub is_for_readers: bool,
}

/// Tables that everybody may read, also without an account.
const PUBLIC_TABLES: [&str; 12] = [
    "Facility",
    "FacilityCycle",
    "Instrument",
    "InvestigationType",
    "DatasetType",
    "DatafileFormat",
    "ParameterType",
    "PermissibleStringValue",
    "SampleType",
    "Application",
    "Technique",
    "DataPublicationType",
];

/// Kinds of rows that belong to an investigation: the kind, joins that lead out of it, and the path to the
/// investigation.
const OF_INVESTIGATION: [(&str, &str, &str); 20] = [
    ("Investigation", "", "o"),
    ("Dataset", "", "o.investigation"),
    ("Datafile", "", "o.dataset.investigation"),
    ("Sample", "", "o.investigation"),
    ("InvestigationParameter", "", "o.investigation"),
    ("DatasetParameter", "", "o.dataset.investigation"),
    ("DatafileParameter", "", "o.datafile.dataset.investigation"),
    ("SampleParameter", "", "o.sample.investigation"),
    ("InvestigationInstrument", "", "o.investigation"),
    ("InvestigationFacilityCycle", "", "o.investigation"),
    ("InvestigationFunding", "", "o.investigation"),
    ("FundingReference", " JOIN o.investigations x", "x.investigation"),
    ("StudyInvestigation", "", "o.investigation"),
    ("Study", " JOIN o.studyInvestigations x", "x.investigation"),
    ("Keyword", "", "o.investigation"),
    ("Publication", "", "o.investigation"),
    ("Shift", "", "o.investigation"),
    ("DatasetInstrument", "", "o.dataset.investigation"),
    ("DatasetTechnique", "", "o.dataset.investigation"),
    ("RelatedDatafile", "", "o.sourceDatafile.dataset.investigation"),
];

/// The people of an investigation, who are not public because users have mail addresses.
const PEOPLE_OF_INVESTIGATION: [(&str, &str, &str); 5] = [
    ("InvestigationUser", "", "o.investigation"),
    ("InvestigationGroup", "", "o.investigation"),
    ("User", " JOIN o.investigationUsers x", "x.investigation"),
    ("InstrumentScientist", " JOIN o.instrument.investigationInstruments x", "x.investigation"),
    ("User", " JOIN o.instrumentScientists s JOIN s.instrument.investigationInstruments x", "x.investigation"),
];

/// Rules for users to read about themselves, and for scientists of an instrument about each other.
const ONESELF: [&str; 5] = [
    "SELECT o FROM User o WHERE o.name = :user",
    "SELECT o FROM UserGroup o WHERE o.user.name = :user",
    "SELECT o FROM Grouping o JOIN o.userGroups m WHERE m.user.name = :user",
    "SELECT o FROM InstrumentScientist o JOIN o.instrument.instrumentScientists m WHERE m.user.name = :user",
    "SELECT o FROM User o JOIN o.instrumentScientists s JOIN s.instrument.instrumentScientists m WHERE m.user.name = :user",
];

/// Tables that only administrators may read.
const SECRET_TABLES: [&str; 2] = ["Rule", "PublicStep"];

/// Whether it is selected, whether it may see the people of an investigation, and the joins and the condition that lead
/// from an investigation to it.
type Audience = (bool, bool, fn(&str) -> (String, String));

/// The selected rules in a stable order.
pub fn preset_rules(wanted: &RuleAnswers) -> Vec<Rule> {
    let mut texts: Vec<String> = Vec::new();
    if wanted.public_tables {
        texts.extend(PUBLIC_TABLES.map(str::to_owned));
    }
    texts.extend(ONESELF.map(str::to_owned));
    let audiences: [Audience; 4] = [
        (wanted.members, true, |investigation| {
            (format!(" JOIN {investigation}.investigationUsers m"), "m.user.name = :user".to_owned())
        }),
        (wanted.groups, true, |investigation| {
            let joins = format!(" JOIN {investigation}.investigationGroups g JOIN g.grouping.userGroups m");
            (joins, "m.user.name = :user".to_owned())
        }),
        (wanted.instrument_scientists, true, |investigation| {
            let joins =
                format!(" JOIN {investigation}.investigationInstruments i JOIN i.instrument.instrumentScientists m");
            (joins, "m.user.name = :user".to_owned())
        }),
        (wanted.released_data, false, |investigation| {
            (String::new(), format!("{investigation}.releaseDate < CURRENT_TIMESTAMP"))
        }),
    ];
    for (_, with_people, condition) in audiences.into_iter().filter(|(is_wanted, ..)| *is_wanted) {
        let people = if with_people { &PEOPLE_OF_INVESTIGATION[..] } else { &[] };
        for (kind, joins, path) in OF_INVESTIGATION.iter().chain(people) {
            let (further_joins, condition) = condition(path);
            texts.push(format!("SELECT o FROM {kind} o{joins}{further_joins} WHERE {condition}"));
        }
    }
    let for_everybody = texts.into_iter().map(|what| Rule { what, is_for_readers: false });
    let kinds = schema::all_entities().iter().map(|entity| entity.name).filter(|kind| !SECRET_TABLES.contains(kind));
    let for_readers = kinds.map(|kind| Rule { what: kind.to_owned(), is_for_readers: true });
    for_everybody.chain(for_readers).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_understood_and_stands_in_the_docs() {
        let docs = include_str!("../../../../../docs/src/rules.md");
        let parse = icat::query::ParseContext { time_zone: jiff::tz::TimeZone::UTC };
        let rules = preset_rules(&RuleAnswers::default());
        for rule in &rules {
            icat::query::parse_rule(&rule.what, &parse).unwrap_or_else(|e| panic!("{}: {e}", rule.what));
            assert!(rule.is_for_readers || docs.contains(&rule.what), "docs/src/rules.md lacks: {}", rule.what);
        }
        let mut texts: Vec<_> = rules.iter().map(|rule| (&rule.what, rule.is_for_readers)).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), rules.len(), "no rule stands twice");
    }

    #[test]
    fn a_preset_that_is_switched_off_leaves_no_rule() {
        let none = RuleAnswers {
            public_tables: false,
            members: false,
            groups: false,
            instrument_scientists: false,
            released_data: false,
        };
        let rules = preset_rules(&none);
        let open: Vec<_> = rules.iter().filter(|rule| !rule.is_for_readers).map(|rule| rule.what.as_str()).collect();
        assert_eq!(open, ONESELF);
        let unreleased = preset_rules(&RuleAnswers { released_data: false, ..RuleAnswers::default() });
        assert!(unreleased.iter().all(|rule| !rule.what.contains("releaseDate")));
    }
}
