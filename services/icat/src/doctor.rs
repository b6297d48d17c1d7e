//! Checks of `doctor` on the rules of this catalogue: what each strict setting of `catalogue.authorization` would change, and
//! which rules grant nothing because they cannot be parsed.

use std::collections::BTreeSet;
use std::fmt;

use icat_client::StoredKinds;
use icat_client::schema;
use service_kit::problem::format_error_chain;
use service_kit::{Db, DbError, DoctorCtx};

use crate::config::{Config, SERVICE_NAME, Strictness};
use crate::query::{ParseContext, Rule, parse_rule};
use crate::store::entities;
use crate::store::rules::{self, RuleRow};

/// Entity types that queries of portals and services join.
const JOINED_BY_PORTALS: [&str; 14] = [
    "Dataset",
    "Datafile",
    "Facility",
    "Grouping",
    "Instrument",
    "InstrumentScientist",
    "Investigation",
    "InvestigationGroup",
    "InvestigationInstrument",
    "InvestigationType",
    "InvestigationUser",
    "Sample",
    "User",
    "UserGroup",
];

/// The findings on the stored rules, which `doctor` prints and `serve` logs.
pub async fn check_stored_rules(ctx: DoctorCtx) -> Vec<service_kit::Finding> {
    const WHAT: &str = "rules of the catalogue";
    // A catalogue that was never started has no rules yet; invalid settings are reported elsewhere.
    let Some(db) = ctx.database(SERVICE_NAME) else { return Vec::new() };
    let Ok(config) = Config::from_settings(&ctx.config) else { return Vec::new() };
    match check_authorization(db, &config).await {
        Ok(findings) if findings.is_empty() => vec![service_kit::Finding::ok(WHAT, "are understood")],
        Ok(findings) => {
            findings.iter().map(|finding| service_kit::Finding::warning(WHAT, finding.to_string())).collect()
        }
        Err(e) => {
            vec![service_kit::Finding::from_result(WHAT, Err(format!("cannot be read: {}", format_error_chain(&e))))]
        }
    }
}

/// Tells the checks of the reader account which entity types have rows, so that a missing right differs from an empty table.
pub async fn share_stored_kinds(ctx: DoctorCtx) {
    // Read errors are reported by the checks themselves.
    if let Some(db) = ctx.database(SERVICE_NAME)
        && let Ok(kinds) = list_stored_kinds(db).await
    {
        ctx.process.get_or_init(|| StoredKinds::from_kinds(kinds));
    }
}

async fn list_stored_kinds(db: &Db) -> Result<Vec<&'static str>, DbError> {
    let mut tx = db.read().await?;
    let mut kinds = Vec::new();
    for entity in schema::all_entities() {
        if !entities::list_ids_after(&mut tx, entity, i64::MIN, 1).await?.is_empty() {
            kinds.push(entity.name);
        }
    }
    Ok(kinds)
}

/// Something that an administrator should know about the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The setting that it concerns.
    pub setting: &'static str,
    /// One or two sentences.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.setting, self.text)
    }
}

struct ParsedRule<'r> {
    row: &'r RuleRow,
    rule: Rule,
}

impl ParsedRule<'_> {
    fn grants_read(&self) -> bool {
        self.row.flags.bytes().any(|flag| flag.eq_ignore_ascii_case(&b'R'))
    }

    /// Whether it applies to whole rows and to everybody.
    fn is_for_everybody(&self) -> bool {
        self.row.grouping.is_none() && self.rule.attribute.is_none()
    }
}

/// Checks the stored rules. The catalogue's database must have been migrated.
pub async fn check_authorization(db: &Db, config: &Config) -> Result<Vec<Finding>, DbError> {
    let rows = rules::list_rules(&mut db.read().await?).await?;
    Ok(find_problems(&rows, config))
}

fn find_problems(rows: &[RuleRow], config: &Config) -> Vec<Finding> {
    let Ok(time_zone) = config.parse_time_zone() else { return Vec::new() };
    let parse = ParseContext { time_zone };
    let mut parsed = Vec::with_capacity(rows.len());
    let mut findings = Vec::new();
    for row in rows {
        match parse_rule(&row.what, &parse) {
            Ok(rule) => parsed.push(ParsedRule { row, rule }),
            Err(e) => findings.push(Finding {
                setting: "rules",
                text: format!("rule {} grants nothing, because it cannot be parsed: {e}", row.id),
            }),
        }
    }
    let authorization = config.authorization;
    findings.extend(check_conditions(&parsed, authorization.conditions));
    findings.extend(check_public_tables(&parsed, authorization.public_tables, authorization.join_rules));
    findings.extend(check_join_rules(&parsed, authorization.join_rules));
    findings
}

/// Entity types of which portals would find only a part or nothing, if conditions saw only what the user may read.
fn check_conditions(rules: &[ParsedRule<'_>], reach: Strictness) -> Option<Finding> {
    if reach == Strictness::Strict {
        return None;
    }
    let readable = |name: &str| {
        let about: Vec<&ParsedRule<'_>> =
            rules.iter().filter(|parsed| parsed.rule.entity.name == name && parsed.grants_read()).collect();
        let all = about.iter().any(|parsed| parsed.is_for_everybody() && !parsed.rule.restricted);
        (all, about.is_empty())
    };
    let partly: Vec<&str> = JOINED_BY_PORTALS.into_iter().filter(|name| readable(name) == (false, false)).collect();
    let never: Vec<&str> = JOINED_BY_PORTALS.into_iter().filter(|name| readable(name).1).collect();
    if partly.is_empty() && never.is_empty() {
        return None;
    }
    let mut text = "with \"strict\", queries that join other kinds find only what rules let the user read".to_owned();
    for (kinds, means) in [(never, "no rule lets anybody read"), (partly, "rules let users read a part of")] {
        if !kinds.is_empty() {
            text.push_str("; ");
            text.push_str(means);
            text.push(' ');
            text.push_str(&kinds.join(", "));
        }
    }
    Some(Finding { setting: "catalogue.authorization.conditions", text })
}

/// Tables that are public in icat.server because of a rule that does not grant READ.
fn check_public_tables(rules: &[ParsedRule<'_>], reach: Strictness, join_rules: Strictness) -> Option<Finding> {
    let restricts = |rule: &Rule| if join_rules == Strictness::Strict { rule.restricted } else { rule.conditional };
    let whole: Vec<&ParsedRule<'_>> =
        rules.iter().filter(|parsed| parsed.is_for_everybody() && !restricts(&parsed.rule)).collect();
    let public: BTreeSet<&str> =
        whole.iter().filter(|parsed| parsed.grants_read()).map(|parsed| parsed.rule.entity.name).collect();
    let tables: Vec<String> = whole
        .iter()
        .filter(|parsed| !parsed.grants_read() && !public.contains(parsed.rule.entity.name))
        .map(|parsed| format!("{} (rule {}, {})", parsed.rule.entity.name, parsed.row.id, parsed.row.flags))
        .collect();
    let what = match reach {
        Strictness::Compatible => {
            "with \"strict\", these would no longer be public, because their rule does not grant READ"
        }
        Strictness::Strict => {
            "in icat.server these are public, here they are not, because their rule does not grant READ"
        }
    };
    (!tables.is_empty()).then(|| Finding {
        setting: "catalogue.authorization.public_tables",
        text: format!("{what}: {}", tables.join(", ")),
    })
}

/// Rules that restrict by joins alone.
fn check_join_rules(rules: &[ParsedRule<'_>], reach: Strictness) -> Option<Finding> {
    let found = rules.iter().filter(|parsed| parsed.rule.restricted && !parsed.rule.conditional);
    let found: Vec<String> = found.map(|parsed| format!("{} ({})", parsed.row.id, parsed.row.what)).collect();
    let what = match reach {
        Strictness::Compatible => "with \"strict\", these rules would restrict; now they grant every row",
        Strictness::Strict => "in icat.server these rules grant every row, here only those that their joins reach",
    };
    (!found.is_empty()).then(|| Finding {
        setting: "catalogue.authorization.join_rules",
        text: format!("{what}: {}", found.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AuthorizationConfig;

    fn test_config(authorization: AuthorizationConfig) -> Config {
        Config {
            root_user_names: Vec::new(),
            lifetime_minutes: 1,
            max_entities: 1,
            time_zone: "UTC".to_owned(),
            authorization,
            authn_url: String::new(),
            authn: Vec::new(),
        }
    }

    fn rule_row(id: i64, flags: &str, what: &str) -> RuleRow {
        RuleRow { id, flags: flags.to_owned(), what: what.to_owned(), grouping: None }
    }

    #[test]
    fn each_finding_names_the_setting_and_the_rules() {
        let mut rows: Vec<RuleRow> = (100..).zip(JOINED_BY_PORTALS).map(|(id, name)| rule_row(id, "R", name)).collect();
        assert_eq!(find_problems(&rows, &test_config(AuthorizationConfig::COMPATIBLE)), []);
        rows.retain(|row| !matches!(row.what.as_str(), "User" | "Sample"));
        rows.push(rule_row(1, "R", "User [name = :user]"));
        rows.push(rule_row(2, "CU", "Sample"));
        rows.push(rule_row(3, "R", "Job <-> Application"));
        rows.push(rule_row(4, "R", "Nonsense"));
        let texts = |authorization| -> Vec<String> {
            find_problems(&rows, &test_config(authorization)).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            texts(AuthorizationConfig::COMPATIBLE),
            [
                "rules: rule 4 grants nothing, because it cannot be parsed: Nonsense is not an ICAT entity",
                "catalogue.authorization.conditions: with \"strict\", queries that join other kinds find only what rules let \
                 the user read; no rule lets anybody read Sample; rules let users read a part of User",
                "catalogue.authorization.public_tables: with \"strict\", these would no longer be public, because their rule \
                 does not grant READ: Sample (rule 2, CU)",
                "catalogue.authorization.join_rules: with \"strict\", these rules would restrict; now they grant every row: \
                 3 (Job <-> Application)",
            ]
        );
        assert_eq!(texts(AuthorizationConfig::STRICT).len(), 3);
    }
}
