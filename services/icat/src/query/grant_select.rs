//! Which rules become sets of granted rows, and the select that fills a set.
//!
//! A set holds pairs of a user and a row. It can be kept exact while rows change only if each pair follows from rows that exist:
//! inner joins, and conditions on attributes. A rule that asks for missing rows, for the present time, or for the user in another
//! way than by name stays a condition that is evaluated in each query. So does a rule about the attributes of a row and its
//! ancestors, which is as cheap as looking up a set.

use icat_client::schema::Entity;

use super::rule::Rule;
use super::statement::Param;
use super::tree::{ComparisonOperator, Condition, Expr, LikePattern, Origin, Path, SelectBody, Step};
pub use crate::domain::granted::SourceTable;

/// The select of the pairs of a set.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantSelect {
    /// The entity of the granted rows.
    pub entity: &'static Entity,
    /// Whether the pairs have user 0, because the rule does not ask for the user.
    pub for_everybody: bool,
    /// `SELECT DISTINCT … AS user_id, … AS row_id FROM … WHERE …`; conditions can be appended with AND.
    pub sql: String,
    pub params: Vec<Param>,
    /// The first is the table of the granted rows.
    pub sources: Vec<SourceTable>,
}

/// The select of a rule's set before it is written as SQL: its rows, and the path to the user.
pub struct PairSelect {
    pub body: SelectBody,
    /// `None`: everybody.
    pub user: Option<Path>,
}

impl PairSelect {
    /// `None` if the rule cannot or need not be a set.
    pub fn from_rule(rule: &Rule) -> Option<Self> {
        let mut body = rule.body.clone();
        let mut roots = 0;
        let mut leads_to_many = false;
        for source in &body.sources {
            match &source.origin {
                Origin::Root => roots += 1,
                Origin::Join { left: true, .. } => return None,
                Origin::Join { steps, .. } => leads_to_many |= steps.iter().any(|step| matches!(step, Step::Many(_))),
            }
        }
        if roots != 1 || !leads_to_many || !body.filter.as_ref().is_none_or(is_maintainable) {
            return None;
        }
        let (user, filter) = split_user(&body, body.filter.clone());
        body.filter = filter;
        if body.filter.as_ref().is_some_and(mentions_user) {
            return None;
        }
        Some(Self { body, user })
    }
}

/// Takes the condition `….name = :user` out of the filter; the user's name elsewhere becomes that of the row found.
fn split_user(body: &SelectBody, filter: Option<Condition>) -> (Option<Path>, Option<Condition>) {
    let parts = match filter {
        Some(Condition::And(parts)) => parts,
        Some(cond) => vec![cond],
        None => return (None, None),
    };
    let Some((index, name)) = parts.iter().enumerate().find_map(|(n, part)| Some((n, find_user_name(body, part)?)))
    else {
        return (None, join_conditions(parts));
    };
    let mut rest = parts;
    rest.remove(index);
    for part in &mut rest {
        replace_user(part, &name);
    }
    (Some(Path { field: None, ..name }), join_conditions(rest))
}

fn join_conditions(mut parts: Vec<Condition>) -> Option<Condition> {
    if parts.len() > 1 { Some(Condition::And(parts)) } else { parts.pop() }
}

/// The path to the name of a user that a condition equals with the session's user.
fn find_user_name(body: &SelectBody, cond: &Condition) -> Option<Path> {
    let Condition::Compare { left, operator: ComparisonOperator::Equal, right } = cond else { return None };
    let ((Expr::Path(path), Expr::User) | (Expr::User, Expr::Path(path))) = (left, right) else { return None };
    let entity = path.steps.last().map_or_else(|| body.entity_of(path.var), |one| one.target());
    let is_name = entity.name == "User" && path.field.is_some_and(|field| field.name == "name");
    is_name.then(|| path.clone())
}

/// Whether a pair that satisfies a condition goes on doing so until one of its rows changes.
fn is_maintainable(cond: &Condition) -> bool {
    match cond {
        Condition::And(parts) | Condition::Or(parts) => parts.iter().all(is_maintainable),
        Condition::Not(inner) => is_maintainable(inner),
        Condition::Compare { left, right, .. } => is_plain(left) && is_plain(right),
        Condition::Like { left, pattern, .. } => is_plain(left) && matches!(pattern, LikePattern::Text(_)),
        Condition::Between { value, low, high, .. } => [value, low, high].into_iter().all(is_plain),
        Condition::In { value, list, .. } => is_plain(value) && list.iter().all(is_plain),
        Condition::IsNull { value, .. } => is_plain(value),
        Condition::InSelect { .. }
        | Condition::IsEmpty { .. }
        | Condition::Exists { .. }
        | Condition::Quantified { .. }
        | Condition::MemberOf { .. } => false,
    }
}

/// Whether an expression depends only on attributes of the joined rows, and cannot fail.
fn is_plain(expr: &Expr) -> bool {
    match expr {
        // Who changed a row last and when changes without its attributes.
        Expr::Path(path) => {
            path.field.is_none_or(|field| !matches!(field.name, "createId" | "createTime" | "modId" | "modTime"))
        }
        Expr::Literal(_) | Expr::User => true,
        Expr::Call { function, arguments } => !function.can_fail() && arguments.iter().all(is_plain),
        _ => false,
    }
}

fn mentions_user(cond: &Condition) -> bool {
    let mut found = false;
    visit_expressions(&mut cond.clone(), &mut |expr| found |= matches!(expr, Expr::User));
    found
}

fn replace_user(cond: &mut Condition, name: &Path) {
    visit_expressions(cond, &mut |expr| {
        if matches!(expr, Expr::User) {
            *expr = Expr::Path(name.clone());
        }
    });
}

/// Visits the expressions of a maintainable condition and their arguments.
fn visit_expressions(cond: &mut Condition, visit: &mut impl FnMut(&mut Expr)) {
    match cond {
        Condition::And(parts) | Condition::Or(parts) => {
            for part in parts {
                visit_expressions(part, visit);
            }
        }
        Condition::Not(inner) => visit_expressions(inner, visit),
        Condition::Compare { left, right, .. } => {
            visit_arguments(left, visit);
            visit_arguments(right, visit);
        }
        Condition::Between { value, low, high, .. } => {
            for expr in [value, low, high] {
                visit_arguments(expr, visit);
            }
        }
        Condition::In { value, list, .. } => {
            visit_arguments(value, visit);
            for item in list {
                visit_arguments(item, visit);
            }
        }
        Condition::Like { left: value, .. } | Condition::IsNull { value, .. } => visit_arguments(value, visit),
        Condition::InSelect { .. }
        | Condition::IsEmpty { .. }
        | Condition::Exists { .. }
        | Condition::Quantified { .. }
        | Condition::MemberOf { .. } => {}
    }
}

fn visit_arguments(expr: &mut Expr, visit: &mut impl FnMut(&mut Expr)) {
    visit(expr);
    if let Expr::Call { arguments, .. } = expr {
        for argument in arguments {
            visit_arguments(argument, visit);
        }
    }
}
