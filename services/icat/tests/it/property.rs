//! Random small data, random rules, random queries: the engine's rows are those of the naive evaluator, and an engine
//! that is wrong in one of the listed ways is found out.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use icat::AuthorizationConfig;
use icat::authorization::{Operation, Rights, RuleSet};
use icat::query::{
    Access, Param, ParseContext, Plan, QueryEnvironment, Rule, Statement, compile_filter, compile_search, parse_rule,
    parse_search,
};
use icat::store::Author;
use icat::store::entities::{NewRow, empty_values, insert_rows, new_values, value_index};
use icat::store::rules::RuleRow;
use icat_client::schema::{Entity, FieldKind, find_entity};
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use service_kit::{Db, DbError, Micros, Row, Val};

use crate::evaluator::{Aggregate, Condition, Data, Operand, Path, Query, Selected, Source, Term, Value, World};
use crate::statements::run_statement;

/// Unless `TESTKIT_CASES` says otherwise.
const CASES: usize = 2_000;
const QUERIES_PER_WORLD: usize = 100;
const NOW: i64 = 1_000_000_000_000_000;
const USERS: [&str; 3] = ["db/alice", "db/bob", "db/it's"];
const KINDS: [&str; 11] = [
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
const TEXTS: [&str; 9] = ["a", "A", "b", "ab", "a%", "a_b", "it's", "b\\", "é"];

struct Generator {
    rng: StdRng,
}

impl Generator {
    fn pick_from<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.random_range(0..from.len())]
    }

    fn is_chosen(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn random_literal(&mut self, kind: FieldKind) -> Value {
        match kind {
            FieldKind::Boolean => Value::Int(self.rng.random_range(0..2)),
            // Whole seconds around the present, as the literals of the language have them.
            FieldKind::Date => Value::Int(NOW + self.rng.random_range(-3..4) * 1_000_000),
            FieldKind::Long | FieldKind::Integer => Value::Int(self.rng.random_range(0..5)),
            _ => Value::Text(self.pick_from(&TEXTS).to_owned()),
        }
    }

    /// Some rows of each kind with many NULLs and repeated values, no unique key twice.
    fn random_data(&mut self) -> Data {
        let mut data = Data::default();
        let mut next = 1;
        for kind in KINDS.map(require_entity) {
            let mut keys = BTreeSet::new();
            let wanted = self.rng.random_range(5..12);
            let mut rows = std::collections::BTreeMap::new();
            for n in 0..wanted {
                let mut row = HashMap::new();
                for field in kind.fields {
                    let value = if field.nullable && self.is_chosen(35) {
                        Value::Null
                    } else {
                        self.random_literal(field.kind)
                    };
                    row.insert(field.name, value);
                }
                if kind.name == "User"
                    && let Some(user) = USERS.get(n)
                {
                    row.insert("name", Value::Text((*user).to_owned()));
                }
                for one in kind.one {
                    let targets: Vec<i64> = data.0.get(one.target).into_iter().flatten().map(|(id, _)| *id).collect();
                    let none = targets.is_empty() || (one.nullable && self.is_chosen(35));
                    row.insert(one.name, if none { Value::Null } else { Value::Int(self.pick_from(&targets)) });
                }
                let complete = kind.one.iter().all(|one| one.nullable || row[one.name] != Value::Null);
                let key: Vec<Value> = kind.unique.iter().map(|name| row[name].clone()).collect();
                if complete && keys.insert(key) {
                    rows.insert(next, row);
                    next += 1;
                }
            }
            data.0.insert(kind.name, rows);
        }
        data
    }

    /// A select over one to three variables.
    fn random_query(&mut self, rule_for: Option<&'static Entity>) -> Query {
        let root = rule_for.unwrap_or_else(|| require_entity(self.pick_from(&KINDS[3..])));
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
        // An order is only total with one variable and its id; DISTINCT orders by what is selected.
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

    /// An attribute of fitting kind, some relations away; the id where there is none.
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
    /// A comparison of two numbers or two texts that are computed.
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

fn require_entity(name: &str) -> &'static Entity {
    find_entity(name).expect("a kind of the schema")
}

/// The text of a query, as a client would write it.
fn render_query(query: &Query) -> String {
    let select: Vec<String> = query
        .select
        .iter()
        .map(|s| match s {
            Selected::Path(path) => render_path(path),
            Selected::Aggregate(Aggregate::CountDistinct, path) => format!("COUNT(DISTINCT {})", render_path(path)),
            Selected::Aggregate(function, path) => {
                format!("{}({})", format!("{function:?}").to_uppercase(), render_path(path))
            }
        })
        .collect();
    let mut text = format!("SELECT {}{} FROM", if query.distinct { "DISTINCT " } else { "" }, select.join(", "));
    for (var, source) in query.from.iter().enumerate() {
        text += &match source {
            Source::Root(entity) => format!(" {} v{var}", entity.name),
            Source::One { from, relation, left } => {
                format!(" {}JOIN v{from}.{} v{var}", if *left { "LEFT " } else { "" }, relation.name)
            }
            Source::Many { from, relation, left } => {
                format!(" {}JOIN v{from}.{} AS v{var}", if *left { "LEFT OUTER " } else { "INNER " }, relation.name)
            }
        };
    }
    if let Some(cond) = &query.cond {
        text += &format!(" WHERE {}", render_condition(query, cond));
    }
    if !query.group.is_empty() {
        let group: Vec<String> = query.group.iter().map(render_path).collect();
        text += &format!(" GROUP BY {}", group.join(", "));
    }
    if let Some((operator, n)) = query.having {
        text += &format!(" HAVING COUNT(v0) {operator} {n}");
    }
    if !query.order.is_empty() {
        let order: Vec<String> = query
            .order
            .iter()
            .map(|(path, desc)| format!("{}{}", render_path(path), if *desc { " DESC" } else { "" }))
            .collect();
        text += &format!(" ORDER BY {}", order.join(", "));
    }
    if let Some((offset, count)) = query.limit {
        text += &format!(" LIMIT {offset}, {count}");
    }
    text
}

fn render_path(path: &Path) -> String {
    let mut text = format!("v{}", path.var);
    for one in &path.steps {
        text += &format!(".{}", one.name);
    }
    path.field.map_or(text.clone(), |field| format!("{text}.{field}"))
}

fn render_literal(value: &Value, kind: FieldKind) -> String {
    match (value, kind) {
        (Value::Text(text), _) => format!("'{}'", text.replace('\'', "''")),
        (Value::Int(n), FieldKind::Boolean) => if *n == 1 { "TRUE" } else { "false" }.to_owned(),
        (Value::Int(n), FieldKind::Date) => {
            let moment = jiff::Timestamp::from_microsecond(*n).unwrap();
            moment
                .strftime(if n % 2_000_000 == 0 { "'%Y-%m-%d %H:%M:%S'" } else { "{ts %Y-%m-%d %H:%M:%S}" })
                .to_string()
        }
        (Value::Int(n), _) => n.to_string(),
        (Value::Null, _) => panic!("no literal is NULL"),
    }
}

fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn render_term(query: &Query, of: &Term) -> String {
    let show = |of: &Term| render_term(query, of);
    match of {
        Term::Path(path) => render_path(path),
        Term::Literal(Value::Int(n)) => n.to_string(),
        Term::Literal(Value::Text(text)) => quote_text(text),
        Term::Literal(Value::Null) => panic!("no literal is NULL"),
        Term::Add(a, b) => format!("({} + {})", show(a), show(b)),
        Term::Subtract(a, b) => format!("({} -{})", show(a), show(b)),
        Term::Multiply(a, b) => format!("{} * {}", show(a), show(b)),
        Term::Negative(a) => format!("(-{})", show(a)),
        Term::Abs(a) => format!("ABS({})", show(a)),
        Term::Mod(a, n) => format!("mod({}, {n})", show(a)),
        Term::Length(a) => format!("LENGTH({})", show(a)),
        Term::Upper(a) => format!("UPPER({})", show(a)),
        Term::Lower(a) => format!("LOWER({})", show(a)),
        Term::Concat(a, b) => format!("CONCAT({}, {})", show(a), show(b)),
        Term::Substring(a, first, count) => format!("SUBSTRING({}, {first}, {count})", show(a)),
        Term::Trim(leading, trailing, c, a) => {
            let side = match (leading, trailing) {
                (true, true) => "BOTH",
                (true, false) => "LEADING",
                _ => "TRAILING",
            };
            format!("TRIM({side} '{c}' FROM {})", show(a))
        }
        Term::Locate(what, a) => format!("LOCATE('{what}', {})", show(a)),
        Term::Coalesce(a, b) => format!("COALESCE({}, {})", show(a), show(b)),
        Term::NullIf(a, b) => format!("NULLIF({}, {})", show(a), show(b)),
        Term::Size(var, many) => format!("SIZE(v{var}.{})", many.name),
        Term::MaxOf(var, many, field) => {
            format!("(SELECT MAX(m.{field}) FROM {} m WHERE m.{} = v{var})", many.target, many.mapped_by)
        }
        Term::Case(cond, a, b) => {
            format!("CASE WHEN {} THEN {} ELSE {} END", render_condition(query, cond), show(a), show(b))
        }
    }
}

fn render_condition(query: &Query, cond: &Condition) -> String {
    let kind_of = |path: &Path| {
        let entity = query.entity_to_authorize(path);
        entity.find_field(path.field.unwrap_or("id")).map_or(FieldKind::Long, |f| f.kind)
    };
    let not = |negated: &bool| if *negated { "NOT " } else { "" };
    match cond {
        Condition::And(a, b) => format!("({} AND {})", render_condition(query, a), render_condition(query, b)),
        Condition::Or(a, b) => format!("({} OR {})", render_condition(query, a), render_condition(query, b)),
        Condition::Not(a) => format!("NOT ({})", render_condition(query, a)),
        Condition::Compare(path, operator, operand) => {
            let other = match operand {
                Operand::Path(other) => render_path(other),
                Operand::Literal(value) => render_literal(value, kind_of(path)),
                Operand::User => ":user".to_owned(),
                Operand::Now => "CURRENT_TIMESTAMP".to_owned(),
            };
            format!("{} {operator} {other}", render_path(path))
        }
        Condition::IsNull(path, negated) => format!("{} IS {}NULL", render_path(path), not(negated)),
        Condition::In(path, list, negated) => {
            let list: Vec<String> = list.iter().map(|v| render_literal(v, kind_of(path))).collect();
            format!("{} {}IN ({})", render_path(path), not(negated), list.join(", "))
        }
        Condition::Between(path, low, high) => {
            format!(
                "{} BETWEEN {} AND {}",
                render_path(path),
                render_literal(low, kind_of(path)),
                render_literal(high, kind_of(path))
            )
        }
        Condition::Like(path, pattern, negated) => format!("{} {}LIKE '{pattern}'", render_path(path), not(negated)),
        Condition::Quantified(path, operator, all, var, many, field) => {
            let word = if *all { "ALL" } else { "ANY" };
            let select = format!("SELECT q.{field} FROM {} q WHERE q.{} = v{var}", many.target, many.mapped_by);
            format!("{} {operator} {word} ({select})", render_path(path))
        }
        Condition::Member(member, var, many, negated) => {
            format!("v{member} {}MEMBER OF v{var}.{}", not(negated), many.name)
        }
        Condition::Terms(left, operator, right) => {
            format!("{} {operator} {}", render_term(query, left), render_term(query, right))
        }
        Condition::IsEmpty(var, many, negated) => format!("v{var}.{} IS {}EMPTY", many.name, not(negated)),
        Condition::Exists(var, many, field, operator, value) => {
            let kind = many.target().find_field(field).map_or(FieldKind::String, |f| f.kind);
            let value = render_literal(value, kind);
            format!(
                "EXISTS (SELECT e FROM {} e WHERE e.{} = v{var} AND e.{field} {operator} {value})",
                many.target, many.mapped_by
            )
        }
    }
}

/// A rule in both its forms, and whose it is.
struct GeneratedRule {
    entity: &'static Entity,
    query: Query,
    text: String,
    parsed: Arc<Rule>,
    restricted: bool,
    group: Option<i64>,
    /// Letters of what it grants.
    flags: &'static str,
    /// What alone it lets be changed.
    attribute: Option<&'static str>,
}

impl GeneratedRule {
    fn grants_flag(&self, flag: char) -> bool {
        self.flags.contains(flag) && self.attribute.is_none()
    }
}

async fn load_data(db: &Db, data: &Data) {
    let author = Author::new("simple/root", Micros::from_i64(0));
    db.write(async |tx| {
        for kind in KINDS.iter().rev().map(|kind| require_entity(kind)) {
            tx.execute(&format!("DELETE FROM {}", kind.table), &[]).await?;
        }
        for kind in KINDS.map(require_entity) {
            let rows: Vec<NewRow> = data.0[kind.name]
                .iter()
                .map(|(id, row)| {
                    let mut values = new_values(kind);
                    for (name, value) in row {
                        let at = value_index(kind, name).unwrap();
                        values[at] = match value {
                            Value::Int(n) => Val::I64(Some(*n)),
                            Value::Text(text) => Val::from(text),
                            Value::Null => empty_values(kind)[at].clone(),
                        };
                    }
                    NewRow { id: *id, values }
                })
                .collect();
            insert_rows(tx, kind, &rows, &author).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

fn read_values(row: &Row, query: &Query) -> Vec<Value> {
    let text = |row: &Row, at| row.get_at::<Option<String>>(at).unwrap().map_or(Value::Null, Value::Text);
    let number = |row: &Row, at| row.get_at::<Option<i64>>(at).unwrap().map_or(Value::Null, Value::Int);
    query
        .select
        .iter()
        .enumerate()
        .map(|(at, selected)| {
            let (path, counted) = match selected {
                Selected::Path(path) => (path, false),
                Selected::Aggregate(function, path) => {
                    (path, matches!(function, Aggregate::Count | Aggregate::CountDistinct))
                }
            };
            let entity = query.entity_to_authorize(path);
            let kind = path.field.and_then(|name| entity.find_field(name)).map(|f| f.kind);
            if kind == Some(FieldKind::String) && !counted { text(row, at) } else { number(row, at) }
        })
        .collect()
}

/// What an engine could get wrong. The first three spoil what it is given, the others what it makes.
const MUTATIONS: [&str; 13] = [
    "a rule is dropped",
    "groups are ignored",
    "rules are ignored",
    "OR becomes AND",
    "LEFT JOIN becomes JOIN",
    "JOIN becomes LEFT JOIN",
    "IS NULL becomes IS NOT NULL",
    "NOT is dropped",
    "DISTINCT is dropped",
    "< becomes <=",
    "LIMIT takes one more",
    "DESC becomes ASC",
    "IN becomes NOT IN",
];

fn spoil_statement(which: usize, statement: &Statement, query: &Query) -> Option<Statement> {
    let sql = &statement.sql;
    let mut params = statement.params.clone();
    let text = match which {
        3 => sql.replace(" OR ", " AND "),
        4 => sql.replace("LEFT JOIN", "JOIN"),
        5 => sql.replace(" JOIN ", " LEFT JOIN ").replace("LEFT LEFT", "LEFT").replace("CROSS LEFT", "CROSS"),
        6 => sql.replace(" IS NULL", " IS NOT NULL"),
        7 => sql.replace("NOT ", ""),
        8 => sql.replace("DISTINCT ", ""),
        9 => sql.replace(" < ", " <= "),
        10 => {
            query.limit?;
            let at: usize = sql.split(" LIMIT $").nth(1)?.split(' ').next()?.parse().ok()?;
            if let Param::I64(n) = &mut params[at - 1] {
                *n += 1;
            }
            format!("{sql} ")
        }
        11 => sql.replace(" DESC", " ASC"),
        12 => sql.replace(" IN ", " NOT IN ").replace("NOT NOT", ""),
        _ => return None,
    };
    (text != *sql).then_some(Statement { sql: text, params })
}

#[expect(clippy::disallowed_methods, reason = "how many cases a run takes is no setting of the product")]
pub fn number_from_environment(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[tokio::test]
async fn rows_equal_a_naive_evaluator_and_wrong_engines_are_found_out() {
    let seed = number_from_environment("TESTKIT_SEED").unwrap_or_else(|| rand::rng().next_u64());
    let cases = number_from_environment("TESTKIT_CASES").and_then(|n| usize::try_from(n).ok()).unwrap_or(CASES);
    println!("seed {seed}");
    for (n, test) in testkit::create_databases("icat", icat::SERVICE.migrations).await.into_iter().enumerate() {
        let mut generator = Generator { rng: StdRng::seed_from_u64(seed) };
        // The second engine takes a fifth of the cases: what it adds is its SQL, not the engine's logic.
        let cases = if n == 0 { cases } else { cases / 5 };
        let mut tally = Tally::default();
        while tally.cases < cases {
            check_world(&test.db, &mut generator, &mut tally).await;
        }
        println!(
            "{}: {} cases, {} with some but not all rows, {} filters",
            test.engine, tally.cases, tally.partial, tally.filters
        );
        assert!(tally.partial * 5 >= tally.cases, "too few cases tell anything");
        for (which, name) in MUTATIONS.iter().enumerate() {
            let caught = tally.caught.get(&which).unwrap_or_else(|| panic!("{name}: not found out"));
            println!("  {name}: found out after {caught} cases");
        }
    }
}

#[derive(Default)]
struct Tally {
    cases: usize,
    partial: usize,
    filters: usize,
    caught: HashMap<usize, usize>,
}

async fn check_world(db: &Db, generator: &mut Generator, tally: &mut Tally) {
    let ctx = ParseContext { time_zone: TimeZone::UTC };
    let data = generator.random_data();
    load_data(db, &data).await;
    let groups: Vec<i64> = data.0["Grouping"].keys().copied().collect();
    let user = generator.pick_from(&USERS);
    let mut rules: Vec<GeneratedRule> = Vec::new();
    for kind in KINDS.map(require_entity) {
        for _ in 0..generator.rng.random_range(2..6) {
            let query = generator.random_query(Some(kind));
            let attribute =
                (!kind.fields.is_empty() && generator.is_chosen(10)).then(|| generator.pick_from(kind.fields).name);
            let flags =
                if attribute.is_some() { "U" } else { generator.pick_from(&["R", "R", "CR", "RU", "CRUD", "D", "CU"]) };
            let selected = Path { var: 0, steps: Vec::new(), field: attribute };
            let text = render_query(&Query { select: vec![Selected::Path(selected)], ..query.clone() });
            let parsed = Arc::new(parse_rule(&text, &ctx).unwrap_or_else(|e| panic!("{text}: {e}")));
            let restricted = query.cond.is_some() || query.from.len() > 1;
            assert_eq!(parsed.restricted, restricted, "{text}");
            let group = generator.is_chosen(30).then(|| generator.pick_from(&groups));
            rules.push(GeneratedRule { entity: kind, query, text, parsed, restricted, group, flags, attribute });
        }
    }
    let everything = World { data: &data, user, now: NOW, visible: None };
    let member = |group: i64| {
        data.0["UserGroup"].values().any(|row| {
            row["grouping"] == Value::Int(group)
                && matches!(row["user"], Value::Int(id) if data.0["User"][&id]["name"] == Value::Text(user.to_owned()))
        })
    };
    let mine = |ignore_groups: bool| -> Vec<&GeneratedRule> {
        rules.iter().filter(|r| r.grants_flag('R') && (ignore_groups || r.group.is_none_or(member))).collect()
    };
    let access_of = |rules: &[&GeneratedRule], entity: &Entity| -> Access {
        let about: Vec<&&GeneratedRule> = rules.iter().filter(|r| r.entity.name == entity.name).collect();
        match about.as_slice() {
            [] => Access::None,
            about if about.iter().any(|r| !r.restricted) => Access::All,
            about => Access::Rules(about.iter().map(|r| Arc::clone(&r.parsed)).collect()),
        }
    };
    let is_root = generator.is_chosen(3);
    // None: everything.
    let mut readable: HashMap<&str, Option<BTreeSet<i64>>> = HashMap::new();
    for kind in KINDS.map(require_entity) {
        let about: Vec<&GeneratedRule> = mine(false).into_iter().filter(|r| r.entity.name == kind.name).collect();
        let all = is_root || about.iter().any(|r| !r.restricted);
        readable
            .insert(kind.name, (!all).then(|| about.iter().flat_map(|r| everything.rows_of_rule(&r.query)).collect()));
    }
    let strict = generator.is_chosen(50);
    let env = QueryEnvironment {
        user,
        now: Micros::from_i64(NOW),
        start_of_today: Micros::from_i64(NOW),
        engine: db.engine(),
        row_cap: 100_000,
        strict,
    };
    let rows: Vec<RuleRow> = (1..)
        .zip(&rules)
        .map(|(id, r)| RuleRow { id, flags: r.flags.to_owned(), what: r.text.clone(), grouping: r.group })
        .collect();
    let book = Arc::new(RuleSet::new(1, &rows, Vec::new(), &ctx, AuthorizationConfig::STRICT));
    let groups = groups.iter().copied().filter(|group| member(*group)).collect();
    let rights = Rights::new(user.to_owned(), is_root, groups, book);
    let filtered = async |kind: &'static Entity, access: Access| -> Option<BTreeSet<i64>> {
        let Access::Rules(rules) = access else {
            return matches!(access, Access::None).then(BTreeSet::new);
        };
        let ids: Vec<i64> = data.0[kind.name].keys().copied().collect();
        let rows = run_statement(db, &compile_filter(kind, &rules, &ids, &env)).await.unwrap();
        Some(rows.iter().map(|row| row.get_at(0).unwrap()).collect())
    };
    let expected = |kind: &Entity, grants: &dyn Fn(&GeneratedRule) -> bool| -> Option<BTreeSet<i64>> {
        let mine = rules.iter().filter(|r| r.entity.name == kind.name && grants(r) && r.group.is_none_or(member));
        let mine: Vec<&GeneratedRule> = mine.collect();
        let all = is_root || mine.iter().any(|r| !r.restricted);
        (!all).then(|| mine.iter().flat_map(|r| everything.rows_of_rule(&r.query)).collect())
    };
    for kind in KINDS.map(require_entity) {
        for (operation, flag) in Operation::ALL.into_iter().zip("CRUD".chars()) {
            let found = filtered(kind, rights.access_to(kind, operation)).await;
            assert_eq!(
                found,
                expected(kind, &|r| r.grants_flag(flag)),
                "{operation:?} of {} seen by {user}: {rows:#?}",
                kind.name
            );
            tally.filters += 1;
        }
        for field in kind.fields {
            let found = filtered(kind, rights.attribute_update_access(kind, field.name)).await;
            let about = |r: &GeneratedRule| r.attribute == Some(field.name);
            assert_eq!(found, expected(kind, &about), "{}.{}: {rows:#?}", kind.name, field.name);
        }
    }
    let root_or = |rules: &[&GeneratedRule], entity: &'static Entity| {
        if is_root { Access::All } else { access_of(rules, entity) }
    };

    for _ in 0..QUERIES_PER_WORLD {
        let query = generator.random_query(None);
        let text = render_query(&query);
        tally.cases += 1;
        let may = |entity: &'static Entity, id: i64| readable[entity.name].as_ref().is_none_or(|ids| ids.contains(&id));
        let world = World { visible: if strict { Some(&may) } else { None }, ..everything };
        let expected = sort_rows(world.evaluate_query(&query, &may), &query);
        let all = sort_rows(everything.evaluate_query(&query, &|_, _| true), &query);
        let some = !expected.is_empty() && expected != all;
        let filtered = !all.is_empty()
            && query.cond.is_some()
            && all.len()
                < sort_rows(everything.evaluate_query(&Query { cond: None, ..query.clone() }, &|_, _| true), &query)
                    .len();
        tally.partial += usize::from(some || (filtered && !expected.is_empty()));

        let search = parse_search(&text, &ctx).unwrap_or_else(|e| panic!("{text}: {e}"));
        let rules_here = mine(false);
        let plan = compile_search(&search, &|entity| root_or(&rules_here, entity), &env).unwrap();
        let explain = || {
            let rules: Vec<String> = rules.iter().map(|r| format!("{:?} {}", r.group, r.text)).collect();
            format!("{text}\nuser {user} root {is_root} strict {strict}\nrules {rules:#?}\ndata {data:?}")
        };
        let statement = match plan {
            Plan::Run(statement) => statement,
            Plan::Empty | Plan::Zero => {
                let nothing = query.select.iter().any(|s| {
                    let (Selected::Path(path) | Selected::Aggregate(_, path)) = s;
                    matches!(root_or(&rules_here, query.entity_to_authorize(path)), Access::None)
                });
                assert!(nothing, "{}", explain());
                continue;
            }
        };
        let answer = async |statement: &Statement| -> Result<Vec<Vec<Value>>, DbError> {
            Ok(sort_rows(
                run_statement(db, statement).await?.iter().map(|row| read_values(row, &query)).collect(),
                &query,
            ))
        };
        let found = answer(&statement).await.unwrap_or_else(|e| panic!("{}\n{}\n{e:?}", explain(), statement.sql));
        assert_eq!(found, expected, "{}\n{}\n{:?}", explain(), statement.sql, statement.params);

        for which in 0..MUTATIONS.len() {
            if tally.caught.contains_key(&which) {
                continue;
            }
            let spoiled = match which {
                0..=2 => {
                    let mut rules = mine(which == 1);
                    if which == 0 && !rules.is_empty() {
                        rules.remove(tally.cases % rules.len());
                    }
                    let access =
                        |entity: &'static Entity| if which == 2 { Access::All } else { root_or(&rules, entity) };
                    match compile_search(&search, &access, &env).unwrap() {
                        Plan::Run(spoiled) => Some(spoiled),
                        Plan::Empty | Plan::Zero => None,
                    }
                }
                _ => spoil_statement(which, &statement, &query),
            };
            // A statement that the engine refuses is found out as well.
            if let Some(spoiled) = spoiled.filter(|spoiled| *spoiled != statement)
                && !answer(&spoiled).await.is_ok_and(|rows| rows == expected)
            {
                tally.caught.insert(which, tally.cases);
            }
        }
    }
}

/// Without ORDER BY the order is the database's own.
fn sort_rows(mut rows: Vec<Vec<Value>>, query: &Query) -> Vec<Vec<Value>> {
    if query.order.is_empty() {
        rows.sort();
    }
    rows
}
