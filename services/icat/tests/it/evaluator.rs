//! A second, naive meaning of queries and rules: nested loops over small tables in memory, no SQL, no code of the
//! engine. Slow, and simple enough to be believed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use icat_client::schema::{Entity, ToMany, ToOne};

/// A value; booleans and times are numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    Int(i64),
    Text(String),
    Null,
}

/// Rows by kind and id, values by member; a to-one relation's value is an id.
#[derive(Debug, Default)]
pub struct Data(pub BTreeMap<&'static str, BTreeMap<i64, HashMap<&'static str, Value>>>);

#[derive(Debug, Clone)]
pub struct Path {
    pub var: usize,
    pub steps: Vec<&'static ToOne>,
    /// `None`: the row itself.
    pub field: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub enum Source {
    Root(&'static Entity),
    One { from: usize, relation: &'static ToOne, left: bool },
    Many { from: usize, relation: &'static ToMany, left: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    CountDistinct,
    Min,
    Max,
    Sum,
}

#[derive(Debug, Clone)]
pub enum Selected {
    Path(Path),
    Aggregate(Aggregate, Path),
}

#[derive(Debug, Clone)]
pub enum Operand {
    Path(Path),
    Literal(Value),
    User,
    Now,
}

#[derive(Debug, Clone)]
pub enum Cond {
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
    Not(Box<Cond>),
    Compare(Path, &'static str, Operand),
    IsNull(Path, bool),
    In(Path, Vec<Value>, bool),
    Between(Path, Value, Value),
    /// Pattern of plain characters, `%` and `_`.
    Like(Path, String, bool),
    IsEmpty(usize, &'static ToMany, bool),
    /// Some row of the relation's kind that belongs to the variable fulfils the comparison of one of its attributes.
    Exists(usize, &'static ToMany, &'static str, &'static str, Value),
    /// A path against all (or any) values of an attribute of the rows that belong to the variable.
    Quantified(Path, &'static str, bool, usize, &'static ToMany, &'static str),
    /// Whether the first variable's row belongs to the second's.
    Member(usize, usize, &'static ToMany, bool),
    Terms(Term, &'static str, Term),
}

/// What has a value and is more than a path.
#[derive(Debug, Clone)]
pub enum Term {
    Path(Path),
    Literal(Value),
    Add(Box<Term>, Box<Term>),
    Subtract(Box<Term>, Box<Term>),
    Multiply(Box<Term>, Box<Term>),
    Negative(Box<Term>),
    Abs(Box<Term>),
    /// The divisor; 0 gives NULL.
    Mod(Box<Term>, i64),
    Length(Box<Term>),
    Upper(Box<Term>),
    Lower(Box<Term>),
    Concat(Box<Term>, Box<Term>),
    /// First character from 1, and how many.
    Substring(Box<Term>, i64, i64),
    /// Which ends (leading, trailing) lose which character.
    Trim(bool, bool, char, Box<Term>),
    Locate(&'static str, Box<Term>),
    Coalesce(Box<Term>, Box<Term>),
    NullIf(Box<Term>, Box<Term>),
    Size(usize, &'static ToMany),
    /// The largest value of an attribute of the rows that belong to the variable.
    MaxOf(usize, &'static ToMany, &'static str),
    Case(Box<Cond>, Box<Term>, Box<Term>),
}

#[derive(Debug, Clone)]
pub struct Query {
    pub distinct: bool,
    pub select: Vec<Selected>,
    pub from: Vec<Source>,
    pub cond: Option<Cond>,
    /// Paths to group by, which are the first that are selected.
    pub group: Vec<Path>,
    /// COUNT of the first variable must compare so.
    pub having: Option<(&'static str, i64)>,
    /// Attributes of the first variable, ended by its id.
    pub order: Vec<(Path, bool)>,
    pub limit: Option<(usize, usize)>,
}

pub struct World<'d> {
    pub data: &'d Data,
    pub user: &'d str,
    pub now: i64,
    /// In the strict form: rows that do not count as present are nowhere to be met.
    pub visible: Option<&'d dyn Fn(&'static Entity, i64) -> bool>,
}

/// One combination of rows; `None` where a LEFT JOIN found nothing.
type Env = Vec<Option<(&'static Entity, i64)>>;

impl Query {
    pub fn entity(&self, var: usize) -> &'static Entity {
        match &self.from[var] {
            Source::Root(entity) => entity,
            Source::One { relation, .. } => relation.target(),
            Source::Many { relation, .. } => relation.target(),
        }
    }

    /// What the user must be allowed to read for a selected path.
    pub fn authorised(&self, path: &Path) -> &'static Entity {
        path.steps.last().map_or_else(|| self.entity(path.var), |one| one.target())
    }

    fn paths(&self) -> Vec<&Path> {
        let selected = self.select.iter().map(|s| match s {
            Selected::Path(path) | Selected::Aggregate(_, path) => path,
        });
        let mut paths: Vec<&Path> = selected.chain(self.order.iter().map(|(path, _)| path)).collect();
        if let Some(cond) = &self.cond {
            cond.paths(&mut paths);
        }
        paths
    }
}

impl Cond {
    fn paths<'c>(&'c self, paths: &mut Vec<&'c Path>) {
        match self {
            Self::And(a, b) | Self::Or(a, b) => {
                a.paths(paths);
                b.paths(paths);
            }
            Self::Not(a) => a.paths(paths),
            Self::Compare(path, _, Operand::Path(other)) => paths.extend([path, other]),
            Self::Terms(left, _, right) => {
                left.paths(paths);
                right.paths(paths);
            }
            Self::Compare(path, ..)
            | Self::IsNull(path, _)
            | Self::In(path, ..)
            | Self::Between(path, ..)
            | Self::Like(path, ..)
            | Self::Quantified(path, ..) => paths.push(path),
            Self::IsEmpty(..) | Self::Exists(..) | Self::Member(..) => {}
        }
    }
}

impl Term {
    fn paths<'t>(&'t self, paths: &mut Vec<&'t Path>) {
        match self {
            Self::Path(path) => paths.push(path),
            Self::Add(a, b)
            | Self::Subtract(a, b)
            | Self::Multiply(a, b)
            | Self::Concat(a, b)
            | Self::Coalesce(a, b)
            | Self::NullIf(a, b) => {
                a.paths(paths);
                b.paths(paths);
            }
            Self::Negative(a)
            | Self::Abs(a)
            | Self::Mod(a, _)
            | Self::Length(a)
            | Self::Upper(a)
            | Self::Lower(a)
            | Self::Substring(a, ..)
            | Self::Trim(.., a)
            | Self::Locate(_, a) => a.paths(paths),
            Self::Case(cond, a, b) => {
                cond.paths(paths);
                a.paths(paths);
                b.paths(paths);
            }
            Self::Literal(_) | Self::Size(..) | Self::MaxOf(..) => {}
        }
    }
}

impl World<'_> {
    fn present(&self, entity: &'static Entity, id: i64) -> bool {
        self.visible.is_none_or(|visible| visible(entity, id))
    }

    fn member(&self, entity: &Entity, id: i64, name: &str) -> Value {
        if name == "id" {
            return Value::Int(id);
        }
        self.data.0[entity.name][&id].get(name).cloned().unwrap_or(Value::Null)
    }

    fn step(&self, from: (&'static Entity, i64), one: &'static ToOne) -> Option<(&'static Entity, i64)> {
        match self.member(from.0, from.1, one.name) {
            Value::Int(id) if self.present(one.target(), id) => Some((one.target(), id)),
            _ => None,
        }
    }

    fn children(&self, parent: i64, many: &'static ToMany) -> Vec<i64> {
        let rows = self.data.0.get(many.target).into_iter().flatten();
        let own = rows.filter(|(_, row)| row.get(many.mapped_by) == Some(&Value::Int(parent))).map(|(id, _)| *id);
        own.filter(|id| self.present(many.target(), *id)).collect()
    }

    fn combinations(&self, query: &Query) -> Vec<Env> {
        let mut envs: Vec<Env> = vec![Vec::new()];
        for (var, source) in query.from.iter().enumerate() {
            let entity = query.entity(var);
            let mut next = Vec::new();
            for env in envs {
                let found: Vec<i64> = match source {
                    Source::Root(entity) => {
                        let ids = self.data.0.get(entity.name).into_iter().flatten().map(|(id, _)| *id);
                        ids.filter(|id| self.present(entity, *id)).collect()
                    }
                    Source::One { from, relation, .. } => {
                        env[*from].and_then(|row| self.step(row, relation)).map(|(_, id)| id).into_iter().collect()
                    }
                    Source::Many { from, relation, .. } => {
                        env[*from].map(|(_, id)| self.children(id, relation)).unwrap_or_default()
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

    /// The row that a path's relations lead to, all of them or all but the last.
    fn follow(&self, env: &Env, path: &Path, steps: usize) -> Option<(&'static Entity, i64)> {
        path.steps[..steps].iter().try_fold(env[path.var]?, |row, one| self.step(row, one))
    }

    /// How many relations of a path are inner joins: the key of the last row can be read without one.
    fn joined(path: &Path) -> usize {
        let by_key = path.field.is_none_or(|field| field == "id");
        if by_key { path.steps.len().saturating_sub(1) } else { path.steps.len() }
    }

    fn value(&self, env: &Env, path: &Path) -> Value {
        if let Some((last, before)) = path.steps.split_last()
            && Self::joined(path) == before.len()
        {
            // The key is a value of the row that has it, whether or not the row that it leads to is present.
            let row = self.follow(env, path, before.len());
            return row.map_or(Value::Null, |(entity, id)| self.member(entity, id, last.name));
        }
        let row = self.follow(env, path, path.steps.len());
        row.map_or(Value::Null, |(entity, id)| self.member(entity, id, path.field.unwrap_or("id")))
    }

    /// Ids of what a rule is about.
    pub fn about(&self, rule: &Query) -> BTreeSet<i64> {
        let Selected::Path(path) = &rule.select[0] else { panic!("rules select rows") };
        let id = |env: &Env| match self.value(env, path) {
            Value::Int(id) => Some(id),
            _ => None,
        };
        self.matching(rule).iter().filter_map(id).collect()
    }

    fn matching(&self, query: &Query) -> Vec<Env> {
        let paths = query.paths();
        let reaches = |env: &Env, path: &Path| {
            let joined = Self::joined(path);
            joined == 0 || self.follow(env, path, joined).is_some()
        };
        let mut envs = self.combinations(query);
        envs.retain(|env| paths.iter().all(|path| reaches(env, path)));
        envs.retain(|env| query.cond.as_ref().is_none_or(|cond| self.holds(env, cond) == Some(true)));
        envs
    }

    /// All rows of the answer; `readable` says which ids of a kind the user may read.
    pub fn answer(&self, query: &Query, readable: &dyn Fn(&'static Entity, i64) -> bool) -> Vec<Vec<Value>> {
        let mut envs = self.matching(query);
        for selected in &query.select {
            let (Selected::Path(path) | Selected::Aggregate(_, path)) = selected;
            let row = Path { field: None, ..path.clone() };
            let entity = query.authorised(path);
            let by_key = !path.steps.is_empty() && Self::joined(path) < path.steps.len();
            if self.visible.is_some() && !by_key {
                continue;
            }
            envs.retain(|env| match self.value(env, &row) {
                Value::Int(id) => readable(entity, id),
                // Who may read everything also sees that there is nothing.
                _ => readable(entity, 0),
            });
        }
        if !query.group.is_empty() {
            let mut groups: BTreeMap<Vec<Value>, Vec<Env>> = BTreeMap::new();
            for env in envs {
                groups.entry(query.group.iter().map(|path| self.value(&env, path)).collect()).or_default().push(env);
            }
            let first = Path { var: 0, steps: Vec::new(), field: None };
            let holds = |envs: &Vec<Env>| {
                query.having.is_none_or(|(operator, n)| {
                    let counted = self.aggregate(envs, &Selected::Aggregate(Aggregate::Count, first.clone()));
                    compare(&counted, operator, &Value::Int(n)) == Some(true)
                })
            };
            let row = |(key, envs): (Vec<Value>, Vec<Env>)| {
                let rest = query.select[key.len()..].iter().map(|s| self.aggregate(&envs, s)).collect::<Vec<_>>();
                key.into_iter().chain(rest).collect()
            };
            return groups.into_iter().filter(|(_, envs)| holds(envs)).map(row).collect();
        }
        if query.select.iter().any(|s| matches!(s, Selected::Aggregate(..))) {
            return vec![query.select.iter().map(|s| self.aggregate(&envs, s)).collect()];
        }
        envs.sort_by(|a, b| {
            let keys = query.order.iter().map(|(path, descending)| {
                let (a, b) = (self.value(a, path), self.value(b, path));
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
                Selected::Path(path) | Selected::Aggregate(_, path) => self.value(env, path),
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

    fn aggregate(&self, envs: &[Env], selected: &Selected) -> Value {
        let Selected::Aggregate(function, path) = selected else { panic!("aggregates stand alone") };
        let values: Vec<Value> = envs.iter().map(|env| self.value(env, path)).filter(|v| *v != Value::Null).collect();
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
    fn holds(&self, env: &Env, cond: &Cond) -> Option<bool> {
        match cond {
            Cond::And(a, b) => match (self.holds(env, a), self.holds(env, b)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Cond::Or(a, b) => match (self.holds(env, a), self.holds(env, b)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Cond::Not(a) => self.holds(env, a).map(|holds| !holds),
            Cond::Compare(path, operator, operand) => {
                let other = match operand {
                    Operand::Path(path) => self.value(env, path),
                    Operand::Literal(value) => value.clone(),
                    Operand::User => Value::Text(self.user.to_owned()),
                    Operand::Now => Value::Int(self.now),
                };
                compare(&self.value(env, path), operator, &other)
            }
            Cond::IsNull(path, negated) => Some((self.value(env, path) == Value::Null) != *negated),
            Cond::In(path, list, negated) => {
                let value = self.value(env, path);
                (value != Value::Null).then(|| list.contains(&value) != *negated)
            }
            Cond::Between(path, low, high) => {
                let value = self.value(env, path);
                (value != Value::Null).then(|| *low <= value && value <= *high)
            }
            Cond::Like(path, pattern, negated) => match self.value(env, path) {
                Value::Text(text) => Some(like(&text, pattern) != *negated),
                _ => None,
            },
            Cond::IsEmpty(var, many, negated) => {
                let children = env[*var].map(|(_, id)| self.children(id, many)).unwrap_or_default();
                Some(children.is_empty() != *negated)
            }
            Cond::Exists(var, many, field, operator, literal) => {
                let children = env[*var].map(|(_, id)| self.children(id, many)).unwrap_or_default();
                let fulfils =
                    |id: &i64| compare(&self.member(many.target(), *id, field), operator, literal) == Some(true);
                Some(children.iter().any(fulfils))
            }
            Cond::Quantified(path, operator, all, var, many, field) => {
                let value = self.value(env, path);
                let children = env[*var].map(|(_, id)| self.children(id, many)).unwrap_or_default();
                let outcomes: Vec<Option<bool>> = children
                    .iter()
                    .map(|id| compare(&value, operator, &self.member(many.target(), *id, field)))
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
            Cond::Member(member, var, many, negated) => {
                let children = env[*var].map(|(_, id)| self.children(id, many)).unwrap_or_default();
                match env[*member] {
                    Some((_, id)) => Some(children.contains(&id) != *negated),
                    None if children.is_empty() => Some(*negated),
                    None => None,
                }
            }
            Cond::Terms(left, operator, right) => compare(&self.term(env, left), operator, &self.term(env, right)),
        }
    }

    fn term(&self, env: &Env, term: &Term) -> Value {
        let int = |a: &Term| match self.term(env, a) {
            Value::Int(n) => Some(n),
            _ => None,
        };
        let text = |a: &Term| match self.term(env, a) {
            Value::Text(text) => Some(text),
            _ => None,
        };
        let both = |a: &Term, b: &Term, join: fn(i64, i64) -> i64| Some(join(int(a)?, int(b)?));
        let number = |n: Option<i64>| n.map_or(Value::Null, Value::Int);
        let string = |s: Option<String>| s.map_or(Value::Null, Value::Text);
        match term {
            Term::Path(path) => self.value(env, path),
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
            Term::Coalesce(a, b) => match self.term(env, a) {
                Value::Null => self.term(env, b),
                value => value,
            },
            Term::NullIf(a, b) => {
                let (a, b) = (self.term(env, a), self.term(env, b));
                if compare(&a, "=", &b) == Some(true) { Value::Null } else { a }
            }
            Term::Size(var, many) => {
                let children = env[*var].map(|(_, id)| self.children(id, many)).unwrap_or_default();
                Value::Int(i64::try_from(children.len()).unwrap())
            }
            Term::MaxOf(var, many, field) => {
                let children = env[*var].map(|(_, id)| self.children(id, many)).unwrap_or_default();
                let values = children.iter().map(|id| self.member(many.target(), *id, field));
                values.filter(|value| *value != Value::Null).max().unwrap_or(Value::Null)
            }
            Term::Case(cond, a, b) => self.term(env, if self.holds(env, cond) == Some(true) { a } else { b }),
        }
    }
}

fn compare(a: &Value, operator: &str, b: &Value) -> Option<bool> {
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

fn like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| like(&text[at..], rest.as_str()))
        }
        Some(c) => {
            // The backslash makes the next character stand for itself.
            let (c, is_any) = if c == '\\' { (rest.next().unwrap_or(c), false) } else { (c, c == '_') };
            let mut text = text.chars();
            text.next().is_some_and(|t| is_any || c == t) && like(text.as_str(), rest.as_str())
        }
    }
}
