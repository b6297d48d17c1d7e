//! A second, naive implementation of queries and rules: nested loops over small tables in memory, without SQL or code of the
//! compiler. Slow, and simple enough to be evidently correct.

use std::collections::{BTreeMap, BTreeSet};

use icat_client::schema::{Entity, ToMany, ToOne};

use super::model::{Aggregate, Condition, Data, Operand, Path, Query, Selected, Source, Term, Value};

pub struct World<'d> {
    pub data: &'d Data,
    pub user: &'d str,
    pub now: i64,
    /// In the strict form, which rows are visible.
    pub visible: Option<&'d dyn Fn(&'static Entity, i64) -> bool>,
}

/// One combination of rows; `None` where a LEFT JOIN found nothing.
type Env = Vec<Option<(&'static Entity, i64)>>;

impl World<'_> {
    fn is_visible(&self, entity: &'static Entity, id: i64) -> bool {
        self.visible.is_none_or(|visible| visible(entity, id))
    }

    fn member_value(&self, entity: &Entity, id: i64, name: &str) -> Value {
        if name == "id" {
            return Value::Int(id);
        }
        self.data.0[entity.name][&id].get(name).cloned().unwrap_or(Value::Null)
    }

    fn follow_relation(&self, from: (&'static Entity, i64), one: &'static ToOne) -> Option<(&'static Entity, i64)> {
        match self.member_value(from.0, from.1, one.name) {
            Value::Int(id) if self.is_visible(one.target(), id) => Some((one.target(), id)),
            _ => None,
        }
    }

    fn child_ids(&self, parent: i64, many: &'static ToMany) -> Vec<i64> {
        let rows = self.data.0.get(many.target).into_iter().flatten();
        let own = rows.filter(|(_, row)| row.get(many.mapped_by) == Some(&Value::Int(parent))).map(|(id, _)| *id);
        own.filter(|id| self.is_visible(many.target(), *id)).collect()
    }

    fn combine_rows(&self, query: &Query) -> Vec<Env> {
        let mut envs: Vec<Env> = vec![Vec::new()];
        for (var, source) in query.from.iter().enumerate() {
            let entity = query.entity_of(var);
            let mut next = Vec::new();
            for env in envs {
                let found: Vec<i64> = match source {
                    Source::Root(entity) => {
                        let ids = self.data.0.get(entity.name).into_iter().flatten().map(|(id, _)| *id);
                        ids.filter(|id| self.is_visible(entity, *id)).collect()
                    }
                    Source::One { from, relation, .. } => env[*from]
                        .and_then(|row| self.follow_relation(row, relation))
                        .map(|(_, id)| id)
                        .into_iter()
                        .collect(),
                    Source::Many { from, relation, .. } => {
                        env[*from].map(|(_, id)| self.child_ids(id, relation)).unwrap_or_default()
                    }
                };
                let left = matches!(source, Source::One { left: true, .. } | Source::Many { left: true, .. });
                if found.is_empty() && left {
                    next.push(env.iter().copied().chain([None]).collect());
                }
                next.extend(
                    found.into_iter().map(|id| env.iter().copied().chain([Some((entity, id))]).collect::<Env>()),
                );
            }
            envs = next;
        }
        envs
    }

    /// The row that the first `steps` relations of a path lead to.
    fn follow_path(&self, env: &Env, path: &Path, steps: usize) -> Option<(&'static Entity, i64)> {
        path.steps[..steps].iter().try_fold(env[path.var]?, |row, one| self.follow_relation(row, one))
    }

    /// The number of relations of a path that are inner joins; a foreign key is read without a join.
    fn joined_steps(path: &Path) -> usize {
        let by_key = path.field.is_none_or(|field| field == "id");
        if by_key { path.steps.len().saturating_sub(1) } else { path.steps.len() }
    }

    fn path_value(&self, env: &Env, path: &Path) -> Value {
        if let Some((last, before)) = path.steps.split_last()
            && Self::joined_steps(path) == before.len()
        {
            // A foreign key is a value of its row, whether or not its target is visible.
            let row = self.follow_path(env, path, before.len());
            return row.map_or(Value::Null, |(entity, id)| self.member_value(entity, id, last.name));
        }
        let row = self.follow_path(env, path, path.steps.len());
        row.map_or(Value::Null, |(entity, id)| self.member_value(entity, id, path.field.unwrap_or("id")))
    }

    /// The ids of the rows that a rule covers.
    pub fn rows_of_rule(&self, rule: &Query) -> BTreeSet<i64> {
        let Selected::Path(path) = &rule.select[0] else { panic!("rules select rows") };
        let id = |env: &Env| match self.path_value(env, path) {
            Value::Int(id) => Some(id),
            _ => None,
        };
        self.matching_rows(rule).iter().filter_map(id).collect()
    }

    fn matching_rows(&self, query: &Query) -> Vec<Env> {
        let paths = query.collect_paths();
        let reaches = |env: &Env, path: &Path| {
            let joined = Self::joined_steps(path);
            joined == 0 || self.follow_path(env, path, joined).is_some()
        };
        let mut envs = self.combine_rows(query);
        envs.retain(|env| paths.iter().all(|path| reaches(env, path)));
        envs.retain(|env| query.cond.as_ref().is_none_or(|cond| self.evaluate_condition(env, cond) == Some(true)));
        envs
    }

    /// All rows of the answer; `readable` says which ids of a kind the user may read.
    pub fn evaluate_query(&self, query: &Query, readable: &dyn Fn(&'static Entity, i64) -> bool) -> Vec<Vec<Value>> {
        let mut envs = self.matching_rows(query);
        for selected in &query.select {
            let (Selected::Path(path) | Selected::Aggregate(_, path)) = selected;
            let row = Path { field: None, ..path.clone() };
            let entity = query.entity_to_authorize(path);
            let by_key = !path.steps.is_empty() && Self::joined_steps(path) < path.steps.len();
            if self.visible.is_some() && !by_key {
                continue;
            }
            envs.retain(|env| match self.path_value(env, &row) {
                Value::Int(id) => readable(entity, id),
                // A user who may read everything also sees NULL.
                _ => readable(entity, 0),
            });
        }
        if !query.group.is_empty() {
            let mut groups: BTreeMap<Vec<Value>, Vec<Env>> = BTreeMap::new();
            for env in envs {
                groups
                    .entry(query.group.iter().map(|path| self.path_value(&env, path)).collect())
                    .or_default()
                    .push(env);
            }
            let first = Path { var: 0, steps: Vec::new(), field: None };
            let holds = |envs: &Vec<Env>| {
                query.having.is_none_or(|(operator, n)| {
                    let counted = self.evaluate_aggregate(envs, &Selected::Aggregate(Aggregate::Count, first.clone()));
                    compare_values(&counted, operator, &Value::Int(n)) == Some(true)
                })
            };
            let row = |(key, envs): (Vec<Value>, Vec<Env>)| {
                let rest =
                    query.select[key.len()..].iter().map(|s| self.evaluate_aggregate(&envs, s)).collect::<Vec<_>>();
                key.into_iter().chain(rest).collect()
            };
            return groups.into_iter().filter(|(_, envs)| holds(envs)).map(row).collect();
        }
        if query.select.iter().any(|s| matches!(s, Selected::Aggregate(..))) {
            return vec![query.select.iter().map(|s| self.evaluate_aggregate(&envs, s)).collect()];
        }
        envs.sort_by(|a, b| {
            let keys = query.order.iter().map(|(path, descending)| {
                let (a, b) = (self.path_value(a, path), self.path_value(b, path));
                // NULL stands last either way.
                match (&a, &b) {
                    (Value::Null, _) | (_, Value::Null) => a.cmp(&b),
                    _ if *descending => b.cmp(&a),
                    _ => a.cmp(&b),
                }
            });
            keys.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
        });
        let mut rows: Vec<Vec<Value>> = Vec::new();
        for env in &envs {
            let row = query.select.iter().map(|s| match s {
                Selected::Path(path) | Selected::Aggregate(_, path) => self.path_value(env, path),
            });
            let row: Vec<Value> = row.collect();
            if !query.distinct || !rows.contains(&row) {
                rows.push(row);
            }
        }
        match query.limit {
            // 0 is no limit.
            Some((offset, 0)) => rows.into_iter().skip(offset).collect(),
            Some((offset, count)) => rows.into_iter().skip(offset).take(count).collect(),
            None => rows,
        }
    }

    fn evaluate_aggregate(&self, envs: &[Env], selected: &Selected) -> Value {
        let Selected::Aggregate(function, path) = selected else { panic!("aggregates stand alone") };
        let values: Vec<Value> =
            envs.iter().map(|env| self.path_value(env, path)).filter(|v| *v != Value::Null).collect();
        let number = |n: usize| Value::Int(i64::try_from(n).unwrap());
        match function {
            Aggregate::Count => number(values.len()),
            Aggregate::CountDistinct => number(values.into_iter().collect::<BTreeSet<_>>().len()),
            Aggregate::Min => values.into_iter().min().unwrap_or(Value::Null),
            Aggregate::Max => values.into_iter().max().unwrap_or(Value::Null),
            Aggregate::Sum if values.is_empty() => Value::Null,
            Aggregate::Sum => Value::Int(values.iter().map(|v| if let Value::Int(n) = v { *n } else { 0 }).sum()),
        }
    }

    /// True, false, or unknown.
    fn evaluate_condition(&self, env: &Env, cond: &Condition) -> Option<bool> {
        match cond {
            Condition::And(a, b) => match (self.evaluate_condition(env, a), self.evaluate_condition(env, b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Condition::Or(a, b) => match (self.evaluate_condition(env, a), self.evaluate_condition(env, b)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Condition::Not(a) => self.evaluate_condition(env, a).map(|holds| !holds),
            Condition::Compare(path, operator, operand) => {
                let other = match operand {
                    Operand::Path(path) => self.path_value(env, path),
                    Operand::Literal(value) => value.clone(),
                    Operand::User => Value::Text(self.user.to_owned()),
                    Operand::Now => Value::Int(self.now),
                };
                compare_values(&self.path_value(env, path), operator, &other)
            }
            Condition::IsNull(path, negated) => Some((self.path_value(env, path) == Value::Null) != *negated),
            Condition::In(path, list, negated) => {
                let value = self.path_value(env, path);
                (value != Value::Null).then(|| list.contains(&value) != *negated)
            }
            Condition::Between(path, low, high) => {
                let value = self.path_value(env, path);
                (value != Value::Null).then(|| *low <= value && value <= *high)
            }
            Condition::Like(path, pattern, negated) => match self.path_value(env, path) {
                Value::Text(text) => Some(matches_pattern(&text, pattern) != *negated),
                _ => None,
            },
            Condition::IsEmpty(var, many, negated) => {
                let children = env[*var].map(|(_, id)| self.child_ids(id, many)).unwrap_or_default();
                Some(children.is_empty() != *negated)
            }
            Condition::Exists(var, many, field, operator, literal) => {
                let children = env[*var].map(|(_, id)| self.child_ids(id, many)).unwrap_or_default();
                let fulfils = |id: &i64| {
                    compare_values(&self.member_value(many.target(), *id, field), operator, literal) == Some(true)
                };
                Some(children.iter().any(fulfils))
            }
            Condition::Quantified(path, operator, all, var, many, field) => {
                let value = self.path_value(env, path);
                let children = env[*var].map(|(_, id)| self.child_ids(id, many)).unwrap_or_default();
                let outcomes: Vec<Option<bool>> = children
                    .iter()
                    .map(|id| compare_values(&value, operator, &self.member_value(many.target(), *id, field)))
                    .collect();
                let decided = outcomes.contains(&Some(!all));
                if decided {
                    Some(!all)
                } else if outcomes.contains(&None) {
                    None
                } else {
                    Some(*all)
                }
            }
            Condition::Member(member, var, many, negated) => {
                let children = env[*var].map(|(_, id)| self.child_ids(id, many)).unwrap_or_default();
                match env[*member] {
                    Some((_, id)) => Some(children.contains(&id) != *negated),
                    None if children.is_empty() => Some(*negated),
                    None => None,
                }
            }
            Condition::Terms(left, operator, right) => {
                compare_values(&self.evaluate_term(env, left), operator, &self.evaluate_term(env, right))
            }
        }
    }

    fn evaluate_term(&self, env: &Env, term: &Term) -> Value {
        let int = |a: &Term| match self.evaluate_term(env, a) {
            Value::Int(n) => Some(n),
            _ => None,
        };
        let text = |a: &Term| match self.evaluate_term(env, a) {
            Value::Text(text) => Some(text),
            _ => None,
        };
        let both = |a: &Term, b: &Term, join: fn(i64, i64) -> i64| Some(join(int(a)?, int(b)?));
        let number = |n: Option<i64>| n.map_or(Value::Null, Value::Int);
        let string = |s: Option<String>| s.map_or(Value::Null, Value::Text);
        match term {
            Term::Path(path) => self.path_value(env, path),
            Term::Literal(value) => value.clone(),
            Term::Add(a, b) => number(both(a, b, |a, b| a + b)),
            Term::Subtract(a, b) => number(both(a, b, |a, b| a - b)),
            Term::Multiply(a, b) => number(both(a, b, |a, b| a * b)),
            Term::Negative(a) => number(int(a).map(|n| -n)),
            Term::Abs(a) => number(int(a).map(i64::abs)),
            Term::Mod(a, divisor) => number(int(a).and_then(|n| n.checked_rem(*divisor))),
            Term::Length(a) => number(text(a).and_then(|text| i64::try_from(text.chars().count()).ok())),
            Term::Upper(a) => string(text(a).map(|text| text.to_ascii_uppercase())),
            Term::Lower(a) => string(text(a).map(|text| text.to_ascii_lowercase())),
            Term::Concat(a, b) => string(text(a).and_then(|a| Some(a + &text(b)?))),
            Term::Substring(a, first, count) => {
                let skipped = usize::try_from((*first).max(1) - 1).unwrap();
                let taken = usize::try_from((*count).max(0)).unwrap();
                string(text(a).map(|text| text.chars().skip(skipped).take(taken).collect()))
            }
            Term::Trim(leading, trailing, c, a) => string(text(a).map(|text| {
                let text = if *leading { text.trim_start_matches(*c) } else { &text };
                if *trailing { text.trim_end_matches(*c) } else { text }.to_owned()
            })),
            Term::Locate(what, a) => number(text(a).map(|text| {
                let before = text.find(what).map(|at| text[..at].chars().count() + 1);
                i64::try_from(before.unwrap_or(0)).unwrap()
            })),
            Term::Coalesce(a, b) => match self.evaluate_term(env, a) {
                Value::Null => self.evaluate_term(env, b),
                value => value,
            },
            Term::NullIf(a, b) => {
                let (a, b) = (self.evaluate_term(env, a), self.evaluate_term(env, b));
                if compare_values(&a, "=", &b) == Some(true) { Value::Null } else { a }
            }
            Term::Size(var, many) => {
                let children = env[*var].map(|(_, id)| self.child_ids(id, many)).unwrap_or_default();
                Value::Int(i64::try_from(children.len()).unwrap())
            }
            Term::MaxOf(var, many, field) => {
                let children = env[*var].map(|(_, id)| self.child_ids(id, many)).unwrap_or_default();
                let values = children.iter().map(|id| self.member_value(many.target(), *id, field));
                values.filter(|value| *value != Value::Null).max().unwrap_or(Value::Null)
            }
            Term::Case(cond, a, b) => {
                self.evaluate_term(env, if self.evaluate_condition(env, cond) == Some(true) { a } else { b })
            }
        }
    }
}

fn compare_values(a: &Value, operator: &str, b: &Value) -> Option<bool> {
    if *a == Value::Null || *b == Value::Null {
        return None;
    }
    Some(match operator {
        "=" => a == b,
        "<>" => a != b,
        "<" => a < b,
        "<=" => a <= b,
        ">" => a > b,
        ">=" => a >= b,
        other => panic!("no operator {other}"),
    })
}

fn matches_pattern(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => (0..=text.len())
            .filter(|at| text.is_char_boundary(*at))
            .any(|at| matches_pattern(&text[at..], rest.as_str())),
        Some(c) => {
            // The backslash makes the next character stand for itself.
            let (c, is_any) = if c == '\\' { (rest.next().unwrap_or(c), false) } else { (c, c == '_') };
            let mut text = text.chars();
            text.next().is_some_and(|t| is_any || c == t) && matches_pattern(text.as_str(), rest.as_str())
        }
    }
}
