//! The first rows in the order of an attribute, such as the newest files.
//!
//! Who may read one row in a hundred finds the newest fifty quickly by looking at rows in the order of an index, whatever the size
//! of the catalogue. Who may read little would look at all rows. So the search first looks at a limited number of rows, and only
//! if they do not suffice it sorts all rows that the user may read.
//!
//! Whether the user may read a row is looked up in a list of all ancestors that the user may read, if they are few. A long list
//! takes longer to make than looking up the ancestors of each row, of which there are not many if the user may read much.

use std::sync::Arc;

use icat_client::schema::{Entity, FieldKind};

use super::ordering::is_never_null;
use super::{AccessLookup, Scope, SqlWriter};
use crate::query::environment::QueryEnvironment;
use crate::query::rule::{Access, Rule};
use crate::query::statement::{FirstRows, Param};
use crate::query::tree::{Condition, Expr, Literal, Origin, Path, SearchQuery};

/// Rows that are looked at in the order of an index.
const ROWS_LOOKED_AT: i64 = 10_000;
/// The most rows that decide about others, such as investigations, of which a list is made.
const MAX_LISTED_ROWS: i64 = 1_000;
/// The most rows that are looked for in this way.
const MAX_ROWS: u64 = 500;

/// The attribute that decides the order, and whether it is descending.
struct OrderKey<'s> {
    path: &'s Path,
    descending: bool,
}

/// The statement that looks at the first rows; `None` if the search is not of this kind.
pub fn compile_first_rows(
    search: &SearchQuery,
    access: AccessLookup<'_>,
    env: &QueryEnvironment<'_>,
) -> Option<FirstRows> {
    let key = find_order_key(search)?;
    let entity = search.body.entity_of(key.path.var);
    let (offset, Some(count)) = search.body.limit? else { return None };
    if count == 0 || offset.saturating_add(count) > MAX_ROWS.min(env.row_cap) || !has_index(entity, key.path) {
        return None;
    }
    let Access::Rules(rules) = access(entity) else { return None };
    let mut writer = SqlWriter::new(*env);
    let bound = writer.write_bound(search, &key);
    let mut frame = writer.build_from_clause(&search.body, None);
    let row = frame.find_alias(key.path.var);
    let column = writer.write_path(&mut frame, key.path);
    let visible = writer.write_visible(&format!("{row}.id"), &rules);
    let (sign, furthest) = if key.descending { (">=", i64::MIN) } else { ("<=", i64::MAX) };
    let furthest = writer.bind_parameter(Param::I64(furthest));
    let condition = format!("{column} {sign} COALESCE(({bound}), {furthest}) AND ({visible}) IS TRUE");
    let written = writer.write_search(&mut frame, search, vec![condition]).ok()?;
    if writer.can_fail || writer.exceeds_limits() {
        return None;
    }
    Some(FirstRows { sql: written.sql, params: writer.params, count: usize::try_from(count).ok()? })
}

/// A search of rows of one entity, restricted by nothing but comparisons of the attribute that decides the order.
fn find_order_key(search: &SearchQuery) -> Option<OrderKey<'_>> {
    let body = &search.body;
    let [source] = body.sources.as_slice() else { return None };
    let grouped = body.distinct || !body.group_by.is_empty() || body.having.is_some();
    let of_row = |path: &Path| path.var == source.var && path.steps.is_empty();
    let selects_row = search.columns.iter().all(|column| matches!(&column.expr, Expr::Path(path) if of_row(path)));
    let (Expr::Path(path), descending) = body.order_by.first()? else { return None };
    let ordered_by_row = body.order_by.iter().all(|(expr, _)| matches!(expr, Expr::Path(path) if of_row(path)));
    let is_number = path.field.is_none_or(|field| matches!(field.kind, FieldKind::Date | FieldKind::Long));
    let fits = matches!(source.origin, Origin::Root)
        && !grouped
        && selects_row
        && ordered_by_row
        && is_number
        && is_never_null(&body.order_by[0].0, body)
        && body.filter.as_ref().is_none_or(|cond| compares_only(cond, path));
    fits.then_some(OrderKey { path, descending: *descending })
}

fn compares_only(cond: &Condition, key: &Path) -> bool {
    match cond {
        Condition::And(parts) => parts.iter().all(|part| compares_only(part, key)),
        Condition::Compare { left: Expr::Path(path), right: Expr::Literal(Literal::I64(_)), .. } => {
            path.is_same_as(key)
        }
        _ => false,
    }
}

/// Whether rows can be read in the order of an attribute.
fn has_index(entity: &Entity, path: &Path) -> bool {
    match path.field.map(|field| field.name) {
        None | Some("id") => true,
        Some("modTime") => matches!(entity.name, "Datafile" | "Dataset" | "Investigation"),
        _ => false,
    }
}

impl SqlWriter<'_> {
    /// The condition that the user may read a row. As an operand it is neither joined nor does it replace the index that gives the
    /// order.
    fn write_visible(&mut self, row_id: &str, rules: &[Arc<Rule>]) -> String {
        self.scope = Scope::FewRows;
        let looked_up = self.rules_condition(row_id, rules);
        self.scope = Scope::WholeTables;
        let listed = self.rules_condition(row_id, rules);
        let Some(deciding) = self.deciding_rows(rules) else { return looked_up };
        let (limit, most) = (MAX_LISTED_ROWS + 1, MAX_LISTED_ROWS);
        let is_short = format!("(SELECT COUNT(*) FROM ({deciding} LIMIT {limit}) deciding) <= {most}");
        format!("CASE WHEN {is_short} THEN {listed} ELSE {looked_up} END")
    }

    /// A select of the attribute of the last row that is looked at.
    fn write_bound(&mut self, search: &SearchQuery, key: &OrderKey<'_>) -> String {
        let mut frame = self.build_from_clause(&search.body, None);
        let column = self.write_path(&mut frame, key.path);
        let filter = search.body.filter.as_ref().map(|cond| self.write_condition(&mut frame, cond));
        let filter = filter.map(|cond| format!(" WHERE {cond}")).unwrap_or_default();
        let direction = if key.descending { "DESC" } else { "ASC" };
        let rows = self.bind_parameter(Param::I64(ROWS_LOOKED_AT - 1));
        format!(
            "SELECT {column} FROM {}{filter} ORDER BY {column} {direction} LIMIT 1 OFFSET {rows}",
            self.write_tables(&frame)
        )
    }
}
