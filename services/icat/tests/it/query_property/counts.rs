//! Random counts of datafiles that depend on their datasets and investigations, which counters may answer.

use icat_client::schema::{FieldKind, ToMany, ToOne};
use rand::RngExt as _;

use super::generator::{Generator, KINDS, find_entity};
use super::model::{Aggregate, Condition, Operand, Path, Query, Selected, Source};

impl Generator {
    /// COUNT and SUM of datafiles, sometimes for each of their datasets or investigations, starting from any of the three.
    pub fn random_count_of_files(&mut self) -> Query {
        let (from, files) = match self.rng.random_range(0..4) {
            0 => (vec![Source::Root(find_entity("Datafile"))], 0),
            1 => (vec![Source::Root(find_entity("Dataset")), join_many(0, "Dataset", "datafiles")], 1),
            2 => {
                let datasets = join_many(0, "Investigation", "datasets");
                (vec![Source::Root(find_entity("Investigation")), datasets, join_many(1, "Dataset", "datafiles")], 2)
            }
            _ => {
                let dataset = Source::One { from: 0, relation: find_to_one("Datafile", "dataset"), left: false };
                let investigation =
                    Source::One { from: 1, relation: find_to_one("Dataset", "investigation"), left: false };
                (vec![Source::Root(find_entity("Datafile")), dataset, investigation], 0)
            }
        };
        let mut query = Query {
            distinct: false,
            select: Vec::new(),
            from,
            cond: None,
            group: Vec::new(),
            having: None,
            order: Vec::new(),
            limit: None,
        };
        let investigation = (0..query.from.len()).find(|var| query.entity_of(*var).name == "Investigation");
        if let Some(from) = investigation.filter(|_| self.is_chosen(40)) {
            let relation = find_to_many("Investigation", "investigationUsers");
            query.from.push(Source::Many { from, relation, left: self.is_chosen(30) });
        }
        if self.is_chosen(60) {
            query.cond = Some(self.random_condition_on_ancestors(&query, files));
        }
        if self.is_chosen(40) {
            let path = self.random_path_to_ancestor(&query, files).0;
            query.group.push(path.clone());
            query.select.push(Selected::Path(path));
        }
        for _ in 0..self.rng.random_range(1..3) {
            let path = |field| Path { var: files, steps: Vec::new(), field };
            query.select.push(match self.rng.random_range(0..4) {
                0 => Selected::Aggregate(Aggregate::CountDistinct, path(None)),
                1 => Selected::Aggregate(Aggregate::Count, path(self.pick_from(&[Some("id"), Some("name")]))),
                2 => Selected::Aggregate(Aggregate::Count, path(None)),
                _ => Selected::Aggregate(Aggregate::Sum, path(Some("fileSize"))),
            });
        }
        query
    }

    fn random_condition_on_ancestors(&mut self, query: &Query, files: usize) -> Condition {
        if self.is_chosen(30) {
            let (left, right) = (
                Box::new(self.random_condition_on_ancestors(query, files)),
                Box::new(self.random_condition_on_ancestors(query, files)),
            );
            return if self.is_chosen(50) { Condition::And(left, right) } else { Condition::Or(left, right) };
        }
        let (path, kind) = self.random_path_to_ancestor(query, files);
        match kind {
            FieldKind::String if self.is_chosen(40) => Condition::Like(path, "%a%".to_owned(), self.is_chosen(30)),
            FieldKind::Boolean => Condition::IsNull(path, self.is_chosen(50)),
            _ if self.is_chosen(20) => Condition::IsNull(path, self.is_chosen(50)),
            kind => {
                let operator = self.pick_from(&["=", "<>", "<", ">="]);
                Condition::Compare(path, operator, Operand::Literal(self.random_literal(kind)))
            }
        }
    }

    /// A path from the datafiles to their dataset or further, or from a variable that is not the datafiles.
    fn random_path_to_ancestor(&mut self, query: &Query, files: usize) -> (Path, FieldKind) {
        let var = self.rng.random_range(0..query.from.len());
        let (mut here, mut steps) = (query.entity_of(var), Vec::new());
        while (var == files && steps.is_empty()) || self.is_chosen(35) {
            let ones: Vec<&'static ToOne> = here.one.iter().filter(|one| KINDS.contains(&one.target)).collect();
            let one = match here.name {
                "Datafile" => find_to_one("Datafile", "dataset"),
                _ if ones.is_empty() => break,
                _ => self.pick_from(&ones),
            };
            steps.push(one);
            here = one.target();
        }
        if here.fields.is_empty() || self.is_chosen(25) {
            return (Path { var, steps, field: Some("id") }, FieldKind::Long);
        }
        let field = &here.fields[self.rng.random_range(0..here.fields.len())];
        (Path { var, steps, field: Some(field.name) }, field.kind)
    }
}

fn join_many(from: usize, entity: &str, name: &str) -> Source {
    Source::Many { from, relation: find_to_many(entity, name), left: false }
}

fn find_to_many(entity: &str, name: &str) -> &'static ToMany {
    find_entity(entity).find_to_many(name).unwrap()
}

fn find_to_one(entity: &str, name: &str) -> &'static ToOne {
    find_entity(entity).find_to_one(name).unwrap()
}
