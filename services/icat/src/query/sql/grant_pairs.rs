//! Writes the select that fills a set of granted rows.

use super::{SqlWriter, join_parts};
use crate::query::environment::QueryEnvironment;
use crate::query::grant_select::{GrantSelect, PairSelect, SourceTable};
use crate::query::rule::Rule;
use crate::query::tree::{Origin, Path};

/// The select of the set that keeps the rows of a rule ready; `None` if the rule cannot or need not be a set. Rules with the same
/// condition have the same select, whatever entities they are about.
pub fn compile_grant(rule: &Rule, env: &QueryEnvironment<'_>) -> Option<GrantSelect> {
    let PairSelect { body, user } = PairSelect::from_rule(rule)?;
    let root = body.sources.iter().find(|source| matches!(source.origin, Origin::Root))?;
    let mut writer = SqlWriter::new(*env);
    let mut frame = writer.build_from_clause(&body, None);
    let row = writer.write_path(&mut frame, &Path { var: root.var, steps: Vec::new(), field: None });
    let mut conditions = vec!["1 = 1".to_owned()];
    let user_id = match &user {
        None => "CAST(0 AS BIGINT)".to_owned(),
        Some(user) => {
            let id = writer.write_path(&mut frame, user);
            conditions.push(format!("{id} IS NOT NULL"));
            id
        }
    };
    conditions.extend(body.filter.as_ref().map(|cond| format!("({})", writer.write_condition(&mut frame, cond))));
    if writer.can_fail || writer.is_too_large() {
        return None;
    }
    let conditions = join_parts(&conditions, " AND ").unwrap_or_default();
    let tables = writer.write_tables(&frame);
    let sql = format!("SELECT DISTINCT {user_id} AS user_id, {row} AS row_id FROM {tables} WHERE {conditions}");
    let sources = frame.tables.iter().map(|(entity, alias)| {
        let is_used = |column: &&str| find_word(&sql, &format!("{alias}.{column}"));
        let keys = entity.one.iter().map(|one| one.column).filter(is_used);
        let columns: Vec<String> = entity
            .fields
            .iter()
            .map(|field| field.column)
            .filter(is_used)
            .chain(keys.clone())
            .map(str::to_owned)
            .collect();
        let has_foreign_key = keys.count() > 0;
        SourceTable { entity: entity.name.to_owned(), alias: alias.clone(), columns, has_foreign_key }
    });
    let sources = sources.collect();
    Some(GrantSelect { entity: root.entity, for_everybody: user.is_none(), sql, params: writer.params, sources })
}

/// Whether a name occurs in SQL, and not only as the beginning or end of another name.
fn find_word(sql: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    sql.match_indices(name).any(|(at, _)| !sql[..at].ends_with(is_part) && !sql[at + name.len()..].starts_with(is_part))
}
