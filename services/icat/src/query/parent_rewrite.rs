//! Rewrites a select as a select of ancestors.
//!
//! `Datafile <-> Dataset <-> Investigation [name = 'A']` restricts datafiles by their dataset alone, and datasets by their
//! investigation alone. So the covered datafiles follow from a set of investigations, which is the same for rules on datasets
//! and investigations, can be kept ready, and is much smaller.

use icat_client::schema::ToOne;

use crate::query::tree::{Condition, Expr, Origin, Path, SelectBody, Source, Step, Var};

/// Rewrites a select of rows as a select of their furthest ancestors that decide alone. Returns the relations to the ancestor,
/// none if the rows themselves decide.
pub fn select_by_ancestor(body: &SelectBody, row: Var) -> (Vec<&'static ToOne>, SelectBody) {
    let (mut path, mut select) = (Vec::new(), body.clone().select_variable(row));
    while let Some((relation, parents)) = select_by_parent(&select, row) {
        path.push(relation);
        select = parents;
    }
    (path, select)
}

/// The relation to the parent and a select of the parents; `None` if the rule restricts its rows in another way too.
fn select_by_parent(body: &SelectBody, row: Var) -> Option<(&'static ToOne, SelectBody)> {
    let is_root = |source: &Source| source.var == row && matches!(source.origin, Origin::Root);
    body.sources.iter().find(|source| is_root(source))?;
    let relation = body.sources.iter().find_map(|source| match &source.origin {
        Origin::Join { from, steps, left: false } if *from == row => match steps.first() {
            Some(Step::One(one)) => Some(*one),
            _ => None,
        },
        _ => None,
    });
    let relation = relation.or_else(|| find_first_relation(body.filter.as_ref()?, row))?;
    Some((relation, lift_to_parent(body, row, relation)?))
}

/// Rewrites a select of rows as a select of the rows that a relation leads to, which takes over the variable; `None` if it depends
/// on the rows in another way.
pub fn lift_to_parent(body: &SelectBody, row: Var, relation: &'static ToOne) -> Option<SelectBody> {
    // The parent takes over the variable of the row.
    let parent = row;
    let mut same: Vec<Var> = Vec::new();
    let mut sources = vec![Source { var: parent, entity: relation.target(), origin: Origin::Root }];
    for source in &body.sources {
        match &source.origin {
            Origin::Root if source.var == row => {}
            Origin::Join { from, steps, left } if *from == row => {
                let (Some(Step::One(first)), false) = (steps.first(), *left) else { return None };
                if first.name != relation.name {
                    return None;
                }
                if steps.len() == 1 {
                    same.push(source.var);
                } else {
                    let origin = Origin::Join { from: parent, steps: steps[1..].to_vec(), left: false };
                    sources.push(Source { origin, ..source.clone() });
                }
            }
            Origin::Join { from, steps, left } => {
                let from = if same.contains(from) { parent } else { *from };
                sources.push(Source {
                    origin: Origin::Join { from, steps: steps.clone(), left: *left },
                    ..source.clone()
                });
            }
            Origin::Root => sources.push(source.clone()),
        }
    }
    let (mut filter, mut group_by) = (body.filter.clone(), body.group_by.clone());
    let mut fits = true;
    let mut lift = |path: &mut Path| {
        if same.contains(&path.var) {
            path.var = parent;
        } else if path.var == row {
            match path.steps.split_first() {
                Some((first, rest)) if first.name == relation.name => {
                    // The id of the parent is read from the foreign key. If that is NULL there is no parent, but the
                    // condition may still hold, as `d.sample.id IS NULL` does.
                    let is_key = rest.is_empty() && path.field.is_none_or(|field| field.name == "id");
                    fits &= !(is_key && relation.nullable);
                    path.steps = rest.to_vec();
                }
                _ => fits = false,
            }
        }
    };
    filter.as_mut().map_or(Some(()), |cond| cond.visit_paths_mut(&mut lift))?;
    group_by.iter_mut().try_for_each(|expr| expr.visit_paths_mut(&mut lift))?;
    let selected = vec![Expr::Path(Path { var: parent, steps: Vec::new(), field: None })];
    fits.then(|| SelectBody { sources, filter, group_by, selected, limit: body.limit, ..SelectBody::default() })
}

/// Whether a select reads the row that a relation leads to, and not only the foreign key.
pub fn joins_parent(body: &SelectBody, row: Var, relation: &'static ToOne) -> bool {
    let joined = body.sources.iter().any(|source| match &source.origin {
        Origin::Join { from, steps, .. } => {
            *from == row && matches!(steps.first(), Some(Step::One(one)) if one.name == relation.name)
        }
        Origin::Root => false,
    });
    let mut reads = joined;
    let mut visit = |path: &mut Path| {
        let starts_here = path.var == row && path.steps.first().is_some_and(|first| first.name == relation.name);
        let is_key = path.steps.len() == 1 && path.field.is_none_or(|field| field.name == "id");
        reads |= starts_here && !is_key;
    };
    // A sub-select, at which this stops, is not lifted anyway.
    let _stopped = body.filter.clone().and_then(|mut cond| cond.visit_paths_mut(&mut visit));
    let _stopped = body.group_by.clone().iter_mut().try_for_each(|expr| expr.visit_paths_mut(&mut visit));
    reads
}

/// The first relation of the first path in a condition that starts at the row.
fn find_first_relation(cond: &Condition, row: Var) -> Option<&'static ToOne> {
    let mut found = None;
    cond.clone().visit_paths_mut(&mut |path| {
        if path.var == row {
            found = found.or_else(|| path.steps.first().copied());
        }
    })?;
    found
}

/// Whether a filter selects few rows, by an id or by a foreign key.
pub fn is_narrow_filter(filter: Option<&Condition>) -> bool {
    let is_key = |expr: &Expr| matches!(expr, Expr::Path(path) if path.field.is_none_or(|field| field.name == "id"));
    match filter {
        Some(Condition::And(parts)) => parts.iter().any(|part| is_narrow_filter(Some(part))),
        Some(Condition::Compare { left, operator, right }) => {
            operator.as_sql() == "=" && (is_key(left) || is_key(right))
        }
        Some(Condition::In { value, negated: false, .. } | Condition::InSelect { value, negated: false, .. }) => {
            is_key(value)
        }
        _ => false,
    }
}
