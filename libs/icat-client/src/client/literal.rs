//! Literals in queries. Strings are escaped, and values of a wrong type are refused here rather than by the server.

use jiff::civil::DateTime;

use super::query::{QueryError, quote_string};
use crate::schema::FieldKind;

/// A value in a condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Integer(i64),
    Real(f64),
    /// A string, or a value of an enumerated attribute.
    Text(String),
    Truth(bool),
    /// A local time in the zone of the server, in whole seconds; the language has no other times.
    Time(DateTime),
    /// The user name of the session, with the mechanism.
    User,
}

impl From<i64> for Literal {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<f64> for Literal {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl From<&str> for Literal {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Literal {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<bool> for Literal {
    fn from(value: bool) -> Self {
        Self::Truth(value)
    }
}

impl From<DateTime> for Literal {
    fn from(value: DateTime) -> Self {
        Self::Time(value)
    }
}

/// Renders a value, if an attribute of this type can have it.
pub(super) fn render_literal(path: &str, kind: FieldKind, value: &Literal) -> Result<String, QueryError> {
    Ok(match (kind, value) {
        (FieldKind::String, Literal::Text(text)) => render_string(text)?,
        (FieldKind::String, Literal::User) => ":user".to_owned(),
        (FieldKind::Long | FieldKind::Integer | FieldKind::Double, Literal::Integer(n)) => n.to_string(),
        (FieldKind::Double, Literal::Real(n)) if n.is_finite() => format!("{n:?}"),
        (FieldKind::Boolean, Literal::Truth(truth)) => if *truth { "TRUE" } else { "FALSE" }.to_owned(),
        (FieldKind::Date, Literal::Time(time)) => format!("{{ts {}}}", time.strftime("%Y-%m-%d %H:%M:%S")),
        (FieldKind::Enum(def), Literal::Text(name)) if def.values.contains(&name.as_str()) => {
            format!("org.icatproject.{}.{name}", def.name)
        }
        _ => return Err(QueryError::Kind(path.to_owned())),
    })
}

/// Renders a string. U+0000 is refused, because databases cannot store it.
fn render_string(text: &str) -> Result<String, QueryError> {
    if text.contains('\0') { Err(QueryError::Nul) } else { Ok(quote_string(text)) }
}

/// Renders a pattern for LIKE. The escape character is declared only if it is needed: also for a backslash, which some
/// databases take for an escape character.
pub(super) fn render_like_pattern(text: &str) -> Result<String, QueryError> {
    if !text.contains(['%', '_', '!', '\\']) {
        return render_string(&format!("%{text}%"));
    }
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    Ok(format!("{} ESCAPE '!'", render_string(&pattern)?))
}
