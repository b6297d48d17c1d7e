//! Searches that counters of datafiles answer: COUNT and SUM of sizes of the datafiles of datasets or investigations.
//!
//! `SELECT COUNT(f) FROM Datafile f WHERE f.dataset.investigation.name = 'A'` depends on investigations alone. So it is the sum of
//! their counters, and no datafile is read.

use icat_client::schema::{Entity, ToOne};

use super::parent_rewrite::{joins_parent, lift_to_parent};
use super::tree::{Aggregate, Expr, Origin, Path, SearchQuery, SelectBody, Step, Var};

/// What a column of the search adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    Files,
    Size,
}

/// A search of datafiles as a search of the rows that own counters.
#[derive(Debug, Clone)]
pub struct CountedSearch {
    pub counted: Vec<Counted>,
    /// The variable of the owners.
    pub var: Var,
    pub owner: &'static Entity,
    /// The relations from datafiles to the owners.
    pub path: Vec<&'static ToOne>,
    /// Selects the owners.
    pub body: SelectBody,
    /// How many relations lead to datasets and investigations that the search reads on the way, which must be visible in the
    /// strict form.
    pub joined: Vec<usize>,
}

impl CountedSearch {
    /// The search with datasets as the owners of counters, if there is one.
    pub fn from_search(search: &SearchQuery) -> Option<Self> {
        let body = &search.body;
        let plain = !body.distinct
            && body.group_by.is_empty()
            && body.having.is_none()
            && body.order_by.is_empty()
            && body.limit.is_none_or(|(offset, count)| offset == 0 && count != Some(0))
            && search.includes.is_empty();
        let mut roots = body.sources.iter().filter(|source| matches!(source.origin, Origin::Root));
        let (Some(root), None, true) = (roots.next(), roots.next(), plain) else { return None };
        let joins_one = body.sources.iter().all(|source| match &source.origin {
            Origin::Root => true,
            Origin::Join { steps, left, .. } => !left && steps.iter().all(|step| matches!(step, Step::One(_))),
        });
        if root.entity.name != "Datafile" || !joins_one {
            return None;
        }
        let counted =
            search.columns.iter().map(|column| find_counted(&column.expr, root.var)).collect::<Option<_>>()?;
        let files = Self {
            counted,
            var: root.var,
            owner: root.entity,
            path: Vec::new(),
            body: body.clone(),
            joined: Vec::new(),
        };
        files.lift("dataset")
    }

    /// The search with investigations as the owners, if it does not depend on datasets.
    pub fn by_investigation(&self) -> Option<Self> {
        self.lift("investigation")
    }

    /// Whether all owners are selected.
    pub fn selects_everything(&self) -> bool {
        self.body.filter.is_none() && self.body.sources.len() == 1
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

fn find_counted(expr: &Expr, files: Var) -> Option<Counted> {
    let Expr::Aggregate { function, distinct, argument, .. } = expr else { return None };
    let Expr::Path(Path { var, steps, field }) = argument.as_ref() else { return None };
    if *var != files || !steps.is_empty() {
        return None;
    }
    match (function, field.map(|field| field.name)) {
        (Aggregate::Count, None | Some("id")) => Some(Counted::Files),
        (Aggregate::Sum, Some("fileSize")) if !distinct => Some(Counted::Size),
        _ => None,
    }
}
