//! Queries as text.

use icat_client::schema::FieldKind;

use super::model::{Aggregate, Condition, Operand, Path, Query, Selected, Source, Term, Value};

/// Renders a query as a client would write it.
pub fn render_query(query: &Query) -> String {
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
