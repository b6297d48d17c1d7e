//! Random data, and random queries on it.

use std::collections::HashMap;

use icat_client::schema::{self, Entity, Field, FieldKind, ToOne};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::model::{Aggregate, Condition, Data, Operand, Path, Query, Selected, Source, Term, Value};

pub const NOW: i64 = 1_000_000_000_000_000;
pub const USERS: [&str; 3] = ["db/alice", "db/bob", "db/it's"];
pub const KINDS: [&str; 11] = [
    "User",
    "Grouping",
    "UserGroup",
    "Facility",
    "InvestigationType",
    "DatasetType",
    "Investigation",
    "InvestigationUser",
    "Sample",
    "Dataset",
    "Datafile",
];
pub const TEXTS: [&str; 9] = ["a", "A", "b", "ab", "a%", "a_b", "it's", "b\\", "é"];

pub struct Generator {
    pub rng: StdRng,
}

impl Generator {
    pub fn pick_from<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())]
    }

    pub fn is_chosen(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    pub fn random_literal(&mut self, kind: FieldKind) -> Value {
        match kind {
            FieldKind::Boolean => Value::Int(self.rng.random_range(0..2)),
            // Whole seconds around the present, which literals of the language can express.
            FieldKind::Date => Value::Int(NOW + self.rng.random_range(-3..4) * 1_000_000),
            FieldKind::Long | FieldKind::Integer => Value::Int(self.rng.random_range(0..5)),
            _ => Value::Text(self.pick_from(&TEXTS).to_owned()),
        }
    }

    /// Some rows of each entity type with many NULLs and repeated values, without duplicate keys.
    pub fn random_data(&mut self) -> Data {
        let mut data = Data::default();
        let mut next = 1;
        for kind in KINDS.map(find_entity) {
            data.0.insert(kind.name, std::collections::BTreeMap::new());
            for n in 0..self.rng.random_range(5..12) {
                let mut row = self.random_row(kind, &data);
                if kind.name == "User"
                    && let Some(user) = USERS.get(n)
                {
                    row.insert("name", Value::Text((*user).to_owned()));
                }
                if is_insertable(kind, &row, &data) {
                    data.0.entry(kind.name).or_default().insert(next, row);
                    next += 1;
                }
            }
        }
        data
    }

    /// Values of a row; its relations lead to rows of `data`.
    pub fn random_row(&mut self, kind: &'static Entity, data: &Data) -> HashMap<&'static str, Value> {
        let mut row = HashMap::new();
        for field in kind.fields {
            row.insert(field.name, self.random_field(field));
        }
        for one in kind.one {
            row.insert(one.name, self.random_relation(one, data));
        }
        row
    }

    pub fn random_field(&mut self, field: &Field) -> Value {
        if field.nullable && self.is_chosen(35) { Value::Null } else { self.random_literal(field.kind) }
    }

    pub fn random_relation(&mut self, one: &ToOne, data: &Data) -> Value {
        let targets: Vec<i64> = data.0.get(one.target).into_iter().flatten().map(|(id, _)| *id).collect();
        let none = targets.is_empty() || (one.nullable && self.is_chosen(35));
        if none { Value::Null } else { Value::Int(self.pick_from(&targets)) }
    }

    /// A select over one to three variables.
    pub fn random_query(&mut self, rule_for: Option<&'static Entity>) -> Query {
        let root = rule_for.unwrap_or_else(|| find_entity(self.pick_from(&KINDS[3..])));
        let mut query = Query {
            distinct: false,
            select: Vec::new(),
            from: vec![Source::Root(root)],
            cond: None,
            group: Vec::new(),
            having: None,
            order: Vec::new(),
            limit: None,
        };
        for _ in 0..self.rng.random_range(0..3) {
            let from = self.rng.random_range(0..query.from.len());
            let here = query.entity_of(from);
            let left = self.is_chosen(35);
            let many: Vec<_> = here.many.iter().filter(|many| KINDS.contains(&many.target)).collect();
            let ones: Vec<_> = here.one.iter().filter(|one| KINDS.contains(&one.target)).collect();
            if !many.is_empty() && (ones.is_empty() || self.is_chosen(60)) {
                query.from.push(Source::Many { from, relation: self.pick_from(&many), left });
            } else if !ones.is_empty() {
                query.from.push(Source::One { from, relation: self.pick_from(&ones), left });
            }
        }
        if self.is_chosen(if rule_for.is_some() { 85 } else { 50 }) {
            let depth = if rule_for.is_some() { 1 } else { 2 };
            query.cond = Some(self.random_condition(&query, depth));
        }
        if rule_for.is_some() {
            query.select = vec![Selected::Path(Path { var: 0, steps: Vec::new(), field: None })];
            return query;
        }
        if self.is_chosen(30) {
            if self.is_chosen(40) {
                let path = self.random_path(&query, |_| true).0;
                query.group.push(path.clone());
                query.select.push(Selected::Path(path));
                if self.is_chosen(60) {
                    query.having = Some((self.pick_from(&["=", "<>", ">", "<="]), self.rng.random_range(0..4)));
                }
            }
            for _ in 0..self.rng.random_range(1..3) {
                query.select.push(self.random_aggregate(&query));
            }
            return query;
        }
        if self.is_chosen(60) {
            let var = self.rng.random_range(0..query.from.len());
            query.select.push(Selected::Path(Path { var, steps: Vec::new(), field: None }));
        } else {
            for _ in 0..self.rng.random_range(1..4) {
                let path = self.random_path(&query, |_| true).0;
                query.select.push(Selected::Path(path));
            }
        }
        query.distinct = self.is_chosen(25);
        let only_roots = query.from.len() == 1;
        // The order is total only with one variable and its id; DISTINCT orders by selected columns.
        if only_roots && !query.distinct && self.is_chosen(50) {
            let path = self.random_path(&query, |_| true).0;
            let descending = self.is_chosen(50);
            query.order = vec![(path, descending), (Path { var: 0, steps: Vec::new(), field: Some("id") }, false)];
            if self.is_chosen(60) {
                query.limit = Some((self.rng.random_range(0..3), self.rng.random_range(0..4)));
            }
        }
        query
    }

    /// The first rows in the order of their ids.
    pub fn random_first_rows(&mut self) -> Query {
        let root = find_entity(self.pick_from(&["Investigation", "Dataset", "Datafile", "Sample"]));
        let path = |field| Path { var: 0, steps: Vec::new(), field };
        Query {
            distinct: false,
            select: vec![Selected::Path(path(None))],
            from: vec![Source::Root(root)],
            cond: None,
            group: Vec::new(),
            having: None,
            order: vec![(path(Some("id")), self.is_chosen(50))],
            limit: Some((self.rng.random_range(0..2), self.rng.random_range(1..4))),
        }
    }

    fn random_aggregate(&mut self, query: &Query) -> Selected {
        let is_number = |kind| matches!(kind, FieldKind::Long | FieldKind::Integer);
        let has_order = |kind| !matches!(kind, FieldKind::Boolean);
        match self.rng.random_range(0..5) {
            0 => Selected::Aggregate(Aggregate::Count, Path { var: 0, steps: Vec::new(), field: None }),
            1 => Selected::Aggregate(Aggregate::CountDistinct, self.random_path(query, |_| true).0),
            2 => Selected::Aggregate(Aggregate::Min, self.random_path(query, has_order).0),
            3 => Selected::Aggregate(Aggregate::Max, self.random_path(query, has_order).0),
            _ => Selected::Aggregate(Aggregate::Sum, self.random_path(query, is_number).0),
        }
    }

    /// A path to an attribute of a fitting kind over some relations; to the id if there is none.
    fn random_path(&mut self, query: &Query, fits: impl Fn(FieldKind) -> bool) -> (Path, FieldKind) {
        let var = self.rng.random_range(0..query.from.len());
        let (mut here, mut steps) = (query.entity_of(var), Vec::new());
        while self.is_chosen(35) {
            let ones: Vec<_> = here.one.iter().filter(|one| KINDS.contains(&one.target)).collect();
            if ones.is_empty() {
                break;
            }
            let one = self.pick_from(&ones);
            steps.push(one);
            here = one.target();
        }
        let fields: Vec<_> = here.fields.iter().filter(|f| fits(f.kind)).collect();
        if fields.is_empty() || self.is_chosen(15) {
            return (Path { var, steps, field: Some("id") }, FieldKind::Long);
        }
        let field = self.pick_from(&fields);
        (Path { var, steps, field: Some(field.name) }, field.kind)
    }

    fn random_condition(&mut self, query: &Query, depth: usize) -> Condition {
        if depth > 0 && self.is_chosen(45) {
            let inner = |this: &mut Self| Box::new(this.random_condition(query, depth - 1));
            return match self.rng.random_range(0..3) {
                0 => Condition::And(inner(self), inner(self)),
                1 => Condition::Or(inner(self), inner(self)),
                _ => Condition::Not(inner(self)),
            };
        }
        let (path, kind) = self.random_path(query, |_| true);
        let negated = self.is_chosen(40);
        let var = self.rng.random_range(0..query.from.len());
        let many: Vec<_> = query.entity_of(var).many.iter().filter(|many| KINDS.contains(&many.target)).collect();
        match self.rng.random_range(0..16) {
            10 if !many.is_empty() && !matches!(kind, FieldKind::Boolean) => {
                let relation = self.pick_from(&many);
                let target = relation.target();
                let fields: Vec<_> =
                    target.fields.iter().filter(|f| f.kind == kind || (is_long(f.kind) && is_long(kind))).collect();
                let operator = self.pick_from(&["=", "<>", "<", ">="]);
                match fields.is_empty() {
                    true if is_long(kind) => Condition::Quantified(path, operator, negated, var, relation, "id"),
                    true => Condition::IsNull(path, negated),
                    false => {
                        Condition::Quantified(path, operator, negated, var, relation, self.pick_from(&fields).name)
                    }
                }
            }
            11 if !many.is_empty() => {
                let relation = self.pick_from(&many);
                let members = (0..query.from.len()).filter(|member| query.entity_of(*member).name == relation.target);
                match members.collect::<Vec<_>>().as_slice() {
                    [] => Condition::IsEmpty(var, relation, negated),
                    members => Condition::Member(self.pick_from(members), var, relation, negated),
                }
            }
            12..=15 => self.random_comparison(query, depth),
            0 | 1 => Condition::IsNull(path, negated),
            2 if kind != FieldKind::Boolean => {
                Condition::In(path, vec![self.random_literal(kind), self.random_literal(kind)], negated)
            }
            3 if kind != FieldKind::Boolean => {
                Condition::Between(path, self.random_literal(kind), self.random_literal(kind))
            }
            4 if kind == FieldKind::String => Condition::Like(
                path,
                (self.pick_from(&["a%", "%b%", "_", "A_b", "%", "a\\%", "a\\_b", "b\\\\", "b\\"])).to_owned(),
                negated,
            ),
            5 if !many.is_empty() => Condition::IsEmpty(var, self.pick_from(&many), negated),
            6 if !many.is_empty() => {
                let relation = self.pick_from(&many);
                let fields: Vec<_> = relation.target().fields.iter().filter(|f| f.kind != FieldKind::Boolean).collect();
                if fields.is_empty() {
                    Condition::IsEmpty(var, relation, negated)
                } else {
                    let field = self.pick_from(&fields);
                    Condition::Exists(
                        var,
                        relation,
                        field.name,
                        self.pick_from(&["=", "<", ">="]),
                        self.random_literal(field.kind),
                    )
                }
            }
            7 if kind == FieldKind::String => Condition::Compare(path, "=", Operand::User),
            7 if kind == FieldKind::Date => Condition::Compare(path, "<", Operand::Now),
            8 => {
                let (other, _) = self.random_path(query, |k| k == kind || (is_long(k) && is_long(kind)));
                let same = is_long(kind) || other.field != Some("id");
                if same {
                    Condition::Compare(path, "=", Operand::Path(other))
                } else {
                    Condition::IsNull(path, negated)
                }
            }
            _ => {
                let operators: &[&'static str] =
                    if kind == FieldKind::Boolean { &["=", "<>"] } else { &["=", "<>", "<", "<=", ">", ">="] };
                Condition::Compare(path, self.pick_from(operators), Operand::Literal(self.random_literal(kind)))
            }
        }
    }
}

impl Generator {
    /// A comparison of two computed numbers or texts.
    fn random_comparison(&mut self, query: &Query, depth: usize) -> Condition {
        let operator = self.pick_from(&["=", "<>", "<", "<=", ">", ">="]);
        if self.is_chosen(50) {
            let left = self.random_number_term(query, depth + 1);
            return Condition::Terms(left, operator, Term::Literal(Value::Int(self.rng.random_range(-2..6))));
        }
        let left = self.random_text_term(query, depth + 1);
        Condition::Terms(left, operator, Term::Literal(Value::Text(self.pick_from(&TEXTS).to_owned())))
    }

    fn random_number_term(&mut self, query: &Query, depth: usize) -> Term {
        let var = self.rng.random_range(0..query.from.len());
        let many: Vec<_> = query.entity_of(var).many.iter().filter(|many| KINDS.contains(&many.target)).collect();
        let plain = depth == 0 || self.is_chosen(25);
        let inner = |this: &mut Self| Box::new(this.random_number_term(query, depth.saturating_sub(1)));
        match self.rng.random_range(0..11) {
            _ if plain => Term::Path(self.random_path(query, is_long).0),
            0 => Term::Add(inner(self), inner(self)),
            1 => Term::Subtract(inner(self), Box::new(Term::Literal(Value::Int(self.rng.random_range(0..4))))),
            2 => Term::Multiply(inner(self), Box::new(Term::Literal(Value::Int(self.rng.random_range(-2..3))))),
            3 => Term::Negative(inner(self)),
            4 => Term::Abs(inner(self)),
            5 => Term::Mod(inner(self), self.rng.random_range(0..4)),
            6 => Term::Length(Box::new(self.random_text_term(query, depth - 1))),
            7 => Term::Locate(self.pick_from(&["a", "b", "%", "é"]), Box::new(self.random_text_term(query, depth - 1))),
            8 => Term::Coalesce(inner(self), inner(self)),
            9 if !many.is_empty() => Term::Size(var, self.pick_from(&many)),
            10 if !many.is_empty() => Term::MaxOf(var, self.pick_from(&many), "id"),
            _ => Term::Case(Box::new(self.random_condition(query, 0)), inner(self), inner(self)),
        }
    }

    fn random_text_term(&mut self, query: &Query, depth: usize) -> Term {
        let (path, kind) = self.random_path(query, |kind| kind == FieldKind::String);
        if kind != FieldKind::String {
            return Term::Literal(Value::Text(self.pick_from(&TEXTS).to_owned()));
        }
        if depth == 0 || self.is_chosen(25) {
            return Term::Path(path);
        }
        let inner = |this: &mut Self| Box::new(this.random_text_term(query, depth - 1));
        match self.rng.random_range(0..7) {
            0 => Term::Upper(Box::new(Term::Path(path))),
            1 => Term::Lower(Box::new(Term::Path(path))),
            2 => Term::Concat(inner(self), inner(self)),
            3 => Term::Substring(inner(self), self.rng.random_range(-1..4), self.rng.random_range(-1..3)),
            4 => {
                let (leading, trailing) = self.pick_from(&[(true, true), (true, false), (false, true)]);
                Term::Trim(leading, trailing, self.pick_from(&['a', 'b', 'é']), inner(self))
            }
            5 => Term::Coalesce(inner(self), inner(self)),
            _ => Term::NullIf(inner(self), Box::new(Term::Literal(Value::Text(self.pick_from(&TEXTS).to_owned())))),
        }
    }
}

fn is_long(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Long | FieldKind::Integer)
}

/// Whether a row has the relations that it needs and a key that no row of `data` has.
pub fn is_insertable(kind: &Entity, row: &HashMap<&'static str, Value>, data: &Data) -> bool {
    let complete = kind.one.iter().all(|one| one.nullable || row[one.name] != Value::Null);
    let has_same_key = |other: &HashMap<&'static str, Value>| {
        kind.unique.iter().all(|name| other[name] == row[name] && row[name] != Value::Null)
    };
    let taken = !kind.unique.is_empty() && data.0[kind.name].values().any(has_same_key);
    complete && !taken
}

pub fn find_entity(name: &str) -> &'static Entity {
    schema::find_entity(name).expect("a kind of the schema")
}
