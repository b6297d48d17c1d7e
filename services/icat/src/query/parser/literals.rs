//! Converts literals to the kind that they are compared with, as icat.server and its database do.

use icat_client::schema::EnumDef;
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::lexer::Token;
use crate::domain::values::{format_java_double, parse_date};
use crate::query::error::QueryError;
use crate::query::tree::Literal;

/// Binds a number, quoted or not; compared with integers, `5.0` is 5.
pub fn bind_number(token: &Token, is_whole: bool) -> Option<Literal> {
    match token {
        Token::Integer(n) => Some(Literal::I64(*n)),
        Token::Real(n) => Some(bind_real(*n, is_whole)),
        Token::Text(text) => {
            let text = text.trim();
            let whole = text.parse().ok().filter(|_| is_whole).map(Literal::I64);
            whole.or_else(|| text.parse().ok().filter(|n: &f64| n.is_finite()).map(|n| bind_real(n, is_whole)))
        }
        _ => None,
    }
}

/// Binds a number that is compared with integers. `PostgreSQL` would convert the integers to floating point to compare them,
/// which rounds the largest up by one.
fn bind_real(n: f64, is_whole: bool) -> Literal {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if !is_whole {
        return Literal::F64(n);
    }
    if n >= BEYOND {
        Literal::F64(f64::INFINITY)
    } else if n < -BEYOND {
        Literal::F64(f64::NEG_INFINITY)
    } else if n.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the limits")]
        Literal::I64(n as i64)
    } else {
        Literal::F64(n)
    }
}

/// Binds a string, or a number as a string.
pub fn bind_text(token: &Token) -> Option<Literal> {
    match token {
        Token::Text(text) => Some(Literal::Text(text.clone())),
        Token::Integer(n) => Some(Literal::Text(n.to_string())),
        Token::Real(n) => Some(Literal::Text(format_java_double(*n))),
        _ => None,
    }
}

/// Binds `TRUE` or `FALSE`, quoted or not, or a number, of which 0 is false.
pub fn bind_boolean(token: &Token) -> Option<Literal> {
    let truth = match token {
        Token::Name(word) if word.eq_ignore_ascii_case("TRUE") => true,
        Token::Name(word) if word.eq_ignore_ascii_case("FALSE") => false,
        Token::Text(word) if ["true", "t", "1"].iter().any(|yes| word.eq_ignore_ascii_case(yes)) => true,
        Token::Text(word) if ["false", "f", "0"].iter().any(|no| word.eq_ignore_ascii_case(no)) => false,
        Token::Integer(n) => *n != 0,
        _ => return None,
    };
    Some(Literal::I64(i64::from(truth)))
}

/// Binds a timestamp as microseconds UTC; it is written in the facility's time zone.
pub fn bind_timestamp(token: &Token, zone: &TimeZone) -> Result<Literal, QueryError> {
    let micros = match token {
        Token::Timestamp(text) => {
            let local = parse_lenient_timestamp(text).ok_or_else(|| {
                QueryError::bad_parameter(format!("Timestamp {{ts {text}}} is not of form {{ts yyyy-mm-dd hh:mm:ss}}."))
            })?;
            zone.to_timestamp(local).ok().map(Timestamp::as_microsecond)
        }
        Token::Text(text) => parse_quoted_timestamp(text, zone)?,
        other => return Err(QueryError::bad_parameter(format!("{other} cannot be compared with a time"))),
    };
    let refused = || QueryError::bad_parameter(format!("{token} is no time such as '2026-01-12 09:00:00'"));
    micros.map(Literal::I64).ok_or_else(refused)
}

fn parse_quoted_timestamp(text: &str, zone: &TimeZone) -> Result<Option<i64>, QueryError> {
    if parse_date(text).is_some() {
        let text = format!("'{text}' has a time zone, which queries do not accept: write it as '2026-01-12 09:00:00'");
        return Err(QueryError::bad_parameter(text));
    }
    let local: Option<DateTime> = text.parse().ok();
    Ok(local.and_then(|local| zone.to_timestamp(local).ok()).map(Timestamp::as_microsecond))
}

/// Parses `yyyy-mm-dd hh:mm:ss`, in which the 13th month is January of the next year, as in icat.server.
fn parse_lenient_timestamp(text: &str) -> Option<DateTime> {
    let (day, time) = text.split_once(' ')?;
    let numbers = |text: &str, sign: char| -> Option<[i64; 3]> {
        let parts: Vec<i64> = text.split(sign).map(str::parse).collect::<Result<_, _>>().ok()?;
        parts.try_into().ok()
    };
    let [year, month, day] = numbers(day, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let start = date(i16::try_from(year).ok().filter(|year| (0..=9999).contains(year))?, 1, 1).at(0, 0, 0, 0);
    let calendar = Span::new().try_months(month - 1).ok()?.try_days(day - 1).ok()?;
    let clock = Span::new().try_hours(hour).ok()?.try_minutes(minute).ok()?.try_seconds(second).ok()?;
    start.checked_add(calendar).ok()?.checked_add(clock).ok()
}

/// Binds an enum value: `org.icatproject.ParameterValueType.NUMERIC`, or its bare name in the classic form.
pub fn bind_enum(token: &Token, def: &EnumDef) -> Result<Literal, QueryError> {
    let example = || format!("org.icatproject.{}.{}", def.name, def.values.first().copied().unwrap_or_default());
    let Token::Name(name) = token else {
        return Err(QueryError::bad_parameter(format!(
            "{token} cannot be compared with a {}: write {}",
            def.name,
            example()
        )));
    };
    let value = match name.strip_prefix("org.icatproject.") {
        None => name.as_str(),
        Some(rest) => match rest.split('.').collect::<Vec<_>>().as_slice() {
            [kind, value] if *kind == def.name => *value,
            [_, _] => return Err(QueryError::bad_parameter(format!("{name} is no {}: write {}", def.name, example()))),
            _ => return Err(QueryError::bad_parameter(format!("Enum literal {name} must contain exactly 4 parts"))),
        },
    };
    let place = def.values.iter().position(|known| *known == value).and_then(|place| i64::try_from(place).ok());
    let refused =
        || QueryError::bad_parameter(format!("{value} is no {}, which is one of {}", def.name, def.values.join(", ")));
    place.map(Literal::I64).ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_stand_for_each_other() {
        let quoted = |text: &str| Token::Text(text.to_owned());
        assert_eq!(bind_number(&quoted("312"), true), Some(Literal::I64(312)));
        assert_eq!(bind_number(&quoted("2.5"), true), Some(Literal::F64(2.5)));
        assert_eq!(bind_number(&quoted("x"), true), None);
        assert_eq!(bind_number(&Token::Real(5.0), true), Some(Literal::I64(5)));
        assert_eq!(bind_number(&Token::Real(9_223_372_036_854_775_808.0), true), Some(Literal::F64(f64::INFINITY)));
        assert_eq!(bind_number(&Token::Real(-9_223_372_036_854_775_808.0), true), Some(Literal::I64(i64::MIN)));
        assert_eq!(bind_text(&Token::Integer(446)), Some(Literal::Text("446".to_owned())));
        assert_eq!(bind_text(&Token::Real(5.0)), Some(Literal::Text("5.0".to_owned())));
        for (token, expected) in [(Token::Integer(1), 1), (quoted("True"), 1), (quoted("f"), 0), (Token::Integer(0), 0)]
        {
            assert_eq!(bind_boolean(&token), Some(Literal::I64(expected)), "{token}");
        }
        assert_eq!(bind_boolean(&quoted("yes")), None);
    }

    #[test]
    fn months_and_hours_roll_over() {
        assert_eq!(parse_lenient_timestamp("2010-13-01 00:00:00"), Some(date(2011, 1, 1).at(0, 0, 0, 0)));
        assert_eq!(parse_lenient_timestamp("2010-02-30 25:00:61"), Some(date(2010, 3, 3).at(1, 1, 1, 0)));
        for broken in ["2010-01-01", "2010-01-01 10:00", "x-1-1 0:0:0", "99999-1-1 0:0:0", ""] {
            assert_eq!(parse_lenient_timestamp(broken), None, "{broken}");
        }
    }
}
