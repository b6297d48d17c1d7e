//! Rows of rules, public steps and group memberships.

use service_kit::{DbError, Tx};

pub const VERSION: &str = "SELECT n FROM rule_version";
pub const BUMP: &str = "UPDATE rule_version SET n = n + 1";
pub const RULES: &str = "SELECT id, crudflags, what, grouping_id FROM rule_ ORDER BY id";
pub const PUBLIC_STEPS: &str = "SELECT origin, field FROM publicstep";
pub const VERSION_AND_MEMBERSHIPS: &str = "SELECT v.n, u.id, g.group_id FROM rule_version v \
    LEFT JOIN user_ u ON u.name = $1 LEFT JOIN usergroup g ON g.user_id = u.id";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 5] = [VERSION, BUMP, RULES, PUBLIC_STEPS, VERSION_AND_MEMBERSHIPS];

/// A stored rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    pub id: i64,
    /// Letters of `CRUD`.
    pub flags: String,
    pub what: String,
    /// `None` means everybody.
    pub grouping: Option<i64>,
}

/// The version of the rules; incremented with every change of a rule or public step.
pub async fn get_rule_version(tx: &mut Tx) -> Result<i64, DbError> {
    tx.fetch_one(VERSION, &[]).await?.get("n")
}

pub async fn bump_rule_version(tx: &mut Tx) -> Result<(), DbError> {
    tx.execute(BUMP, &[]).await.map(drop)
}

pub async fn list_rules(tx: &mut Tx) -> Result<Vec<RuleRow>, DbError> {
    let row = |row: &service_kit::Row| {
        Ok(RuleRow {
            id: row.get("id")?,
            flags: row.get("crudflags")?,
            what: row.get("what")?,
            grouping: row.get("grouping_id")?,
        })
    };
    tx.fetch_all(RULES, &[]).await?.iter().map(row).collect()
}

/// Origin entity and relation of each public step.
pub async fn list_public_steps(tx: &mut Tx) -> Result<Vec<(String, String)>, DbError> {
    let rows = tx.fetch_all(PUBLIC_STEPS, &[]).await?;
    rows.iter().map(|row| Ok((row.get("origin")?, row.get("field")?))).collect()
}

/// The row of a user and the groups that the user is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memberships {
    /// `None` if the user has no row.
    pub user_id: Option<i64>,
    pub groups: Vec<i64>,
}

/// The version of the rules and the memberships of a user.
pub async fn find_version_and_memberships(tx: &mut Tx, user_name: &str) -> Result<(i64, Memberships), DbError> {
    let mut version = None;
    let mut found = Memberships::default();
    for row in tx.fetch_all(VERSION_AND_MEMBERSHIPS, &[user_name.into()]).await? {
        version = Some(row.get("n")?);
        found.user_id = row.get("id")?;
        found.groups.extend(row.get::<Option<i64>>("group_id")?);
    }
    Ok((version.ok_or(DbError::NoRow)?, found))
}
