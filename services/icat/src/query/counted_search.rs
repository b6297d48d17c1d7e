//! Searches that counters of datafiles answer: COUNT and SUM of sizes of the datafiles of datasets or investigations.
//!
//! `SELECT COUNT(f) FROM Datafile f WHERE f.dataset.investigation.name = 'A'` depends on investigations alone. So it is the sum of
//! their counters, and no datafile is read. An owner of counters that a join yields several times is added as many times.

use icat_client::schema::{Entity, ToOne};

use super::parent_rewrite::{joins_parent, lift_to_parent};
use super::tree::{Aggregate, Expr, Origin, Path, SearchQuery, SelectBody, Source, Step, Var};

/// What a column of the search contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountedColumn {
    Files,
    Size,
    /// A path that the search groups by, by its index.
    Group(usize),
}

/// A search of datafiles as a search of the rows that own counters.
#[derive(Debug, Clone)]
pub struct CountedSearch {
    pub columns: Vec<CountedColumn>,
    /// What the groups are sorted by, and whether it is descending.
    pub order: Vec<(CountedColumn, bool)>,
    /// Whether each owner counts once, however often a join yields it.
    pub is_distinct: bool,
    /// The variable of the owners.
    pub var: Var,
    pub owner: &'static Entity,
    /// The relations from datafiles to the owners.
    pub path: Vec<&'static ToOne>,
    /// Selects the owners; with what the search groups by.
    pub body: SelectBody,
    /// How many relations lead to datasets and investigations that the search reads on the way, which must be visible in the
    /// strict form.
    pub joined: Vec<usize>,
}

/// An aggregate of datafiles.
struct CountedAggregate {
    column: CountedColumn,
    distinct: bool,
    files: Var,
}

impl CountedSearch {
    /// The search with datasets as the owners of counters, if there is one.
    pub fn from_search(search: &SearchQuery) -> Option<Self> {
        let body = &search.body;
        let is_grouped = !body.group_by.is_empty();
        let one_row =
            body.order_by.is_empty() && body.limit.is_none_or(|(offset, count)| offset == 0 && count != Some(0));
        if body.distinct || body.having.is_some() || !search.includes.is_empty() || !(is_grouped || one_row) {
            return None;
        }
        let selected: Vec<&Expr> = search.columns.iter().map(|column| &column.expr).collect();
        let counted: Vec<CountedAggregate> = selected.iter().filter_map(|expr| find_counted(expr)).collect();
        let first = counted.first()?;
        if body.entity_of(first.files).name != "Datafile" || counted.iter().any(|other| other.files != first.files) {
            return None;
        }
        let find_column = |expr: &Expr| match find_counted(expr) {
            Some(counted) if counted.files == first.files => Some(counted.column),
            Some(_) => None,
            None => find_group(expr, &body.group_by).map(CountedColumn::Group),
        };
        let body = start_from(body, first.files)?;
        let repeats = body.sources.iter().any(leads_to_many);
        let is_distinct = repeats && counted.iter().any(|counted| counted.distinct);
        if is_distinct && (is_grouped || !counted.iter().all(|counted| counted.distinct)) {
            return None;
        }
        let order = body.order_by.iter().map(|(expr, descending)| Some((find_column(expr)?, *descending)));
        let files = Self {
            columns: selected.into_iter().map(find_column).collect::<Option<_>>()?,
            order: order.collect::<Option<_>>()?,
            is_distinct,
            var: first.files,
            owner: body.entity_of(first.files),
            path: Vec::new(),
            body,
            joined: Vec::new(),
        };
        files.lift("dataset")
    }

    /// The search with investigations as the owners, if it does not depend on datasets.
    pub fn by_investigation(&self) -> Option<Self> {
        self.lift("investigation")
    }

    /// Whether all owners are selected, as one row.
    pub fn selects_everything(&self) -> bool {
        self.body.filter.is_none() && self.body.sources.len() == 1 && self.body.group_by.is_empty()
    }

    /// Whether a column is a group that consists of owners or their attributes.
    pub fn is_of_owner(&self, column: CountedColumn) -> bool {
        let CountedColumn::Group(index) = column else { return false };
        matches!(self.body.group_by.get(index), Some(Expr::Path(path)) if path.var == self.var && path.steps.is_empty())
    }

    fn lift(&self, relation: &str) -> Option<Self> {
        let relation = self.owner.find_to_one(relation)?;
        let body = lift_to_parent(&self.body, self.var, relation)?;
        let mut joined = self.joined.clone();
        if joins_parent(&self.body, self.var, relation) {
            joined.push(self.path.len() + 1);
        }
        let path = self.path.iter().copied().chain([relation]).collect();
        Some(Self { owner: relation.target(), path, body, joined, ..self.clone() })
    }
}

fn find_counted(expr: &Expr) -> Option<CountedAggregate> {
    let Expr::Aggregate { function, distinct, argument, .. } = expr else { return None };
    let Expr::Path(Path { var, steps, field }) = argument.as_ref() else { return None };
    if !steps.is_empty() {
        return None;
    }
    let is_row = field.is_none_or(|field| field.name == "id");
    let column = match (function, field) {
        (Aggregate::Count, _) if is_row => CountedColumn::Files,
        (Aggregate::Count, Some(field)) if !distinct && !field.nullable => CountedColumn::Files,
        (Aggregate::Sum, Some(field)) if !distinct && field.name == "fileSize" => CountedColumn::Size,
        _ => return None,
    };
    Some(CountedAggregate { column, distinct: *distinct, files: *var })
}

fn find_group(expr: &Expr, group_by: &[Expr]) -> Option<usize> {
    let Expr::Path(path) = expr else { return None };
    group_by.iter().position(|group| matches!(group, Expr::Path(group) if group.is_same_as(path)))
}

fn leads_to_many(source: &Source) -> bool {
    matches!(&source.origin, Origin::Join { steps, .. } if steps.iter().any(|step| matches!(step, Step::Many(_))))
}

/// The relation in the other direction, if the schema has it.
fn invert_step(step: Step) -> Option<Step> {
    match step {
        Step::Many(many) => Some(Step::One(many.inverse())),
        Step::One(one) => one.target().many.iter().find(|many| std::ptr::eq(many.inverse(), one)).map(Step::Many),
    }
}

/// The same select with `var` as its root: `Dataset d JOIN d.datafiles f` becomes `Datafile f JOIN f.dataset d`.
fn start_from(body: &SelectBody, var: Var) -> Option<SelectBody> {
    let find = |var: Var| body.sources.iter().find(|source| source.var == var);
    let mut sources = vec![Source { origin: Origin::Root, ..find(var)?.clone() }];
    let mut here = find(var)?;
    while let Origin::Join { from, steps, left: false } = &here.origin {
        let back = steps.iter().rev().map(|step| invert_step(*step)).collect::<Option<_>>()?;
        let origin = Origin::Join { from: here.var, steps: back, left: false };
        here = find(*from)?;
        sources.push(Source { origin, ..here.clone() });
    }
    let is_inverted = |source: &Source| sources.iter().any(|turned| turned.var == source.var);
    let others: Vec<Source> = body.sources.iter().filter(|source| !is_inverted(source)).cloned().collect();
    let has_one_root =
        matches!(here.origin, Origin::Root) && !others.iter().any(|source| matches!(source.origin, Origin::Root));
    sources.extend(others);
    has_one_root.then(|| SelectBody { sources, ..body.clone() })
}
