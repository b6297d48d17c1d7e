//! The four kinds of value that cross between services and databases.

use std::fmt;

use crate::Micros;

/// A value bound to a statement. Its kind is fixed even when it is NULL, because `PostgreSQL` types each parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Val {
    I64(Option<i64>),
    F64(Option<f64>),
    Text(Option<String>),
    Blob(Option<Vec<u8>>),
}

impl Val {
    /// A list of ids as one JSON text, for [`Engine::id_list`](crate::Engine::id_list).
    pub fn from_ids(ids: &[i64]) -> Self {
        let mut list = String::with_capacity(ids.len() * 8 + 2);
        let mut digits = itoa::Buffer::new();
        list.push('[');
        for (n, id) in ids.iter().enumerate() {
            if n > 0 {
                list.push(',');
            }
            list.push_str(digits.format(*id));
        }
        list.push(']');
        list.into()
    }

    /// A list of texts as one JSON text, for [`Engine::text_list`](crate::Engine::text_list).
    pub fn from_texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        serde_json::Value::from_iter(texts).to_string().into()
    }

    /// One letter per kind; part of the statement's cache key on `PostgreSQL`.
    pub(crate) fn type_letter(&self) -> char {
        match self {
            Self::I64(_) => 'i',
            Self::F64(_) => 'f',
            Self::Text(_) => 't',
            Self::Blob(_) => 'b',
        }
    }

    /// A text with a NUL byte, which no `PostgreSQL` text can hold.
    pub(crate) fn has_nul(&self) -> bool {
        matches!(self, Self::Text(Some(text)) if text.contains('\0'))
    }
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::I64(Some(v)) => v.fmt(f),
            Self::F64(Some(v)) => v.fmt(f),
            Self::Text(Some(v)) => v.fmt(f),
            Self::Blob(Some(v)) => write!(f, "{} bytes", v.len()),
            _ => f.write_str("NULL"),
        }
    }
}

impl From<i64> for Val {
    fn from(v: i64) -> Self {
        Self::I64(Some(v))
    }
}
impl From<Option<i64>> for Val {
    fn from(v: Option<i64>) -> Self {
        Self::I64(v)
    }
}
impl From<Micros> for Val {
    fn from(v: Micros) -> Self {
        v.as_i64().into()
    }
}
impl From<Option<Micros>> for Val {
    fn from(v: Option<Micros>) -> Self {
        v.map(Micros::as_i64).into()
    }
}
impl From<bool> for Val {
    fn from(v: bool) -> Self {
        Self::I64(Some(i64::from(v)))
    }
}
impl From<f64> for Val {
    fn from(v: f64) -> Self {
        Self::F64(Some(v))
    }
}
impl From<Option<f64>> for Val {
    fn from(v: Option<f64>) -> Self {
        Self::F64(v)
    }
}
impl From<&str> for Val {
    fn from(v: &str) -> Self {
        Self::Text(Some(v.to_owned()))
    }
}
impl From<String> for Val {
    fn from(v: String) -> Self {
        Self::Text(Some(v))
    }
}
impl From<&String> for Val {
    fn from(v: &String) -> Self {
        Self::Text(Some(v.clone()))
    }
}
impl From<Option<String>> for Val {
    fn from(v: Option<String>) -> Self {
        Self::Text(v)
    }
}
impl From<Option<Vec<u8>>> for Val {
    fn from(v: Option<Vec<u8>>) -> Self {
        Self::Blob(v)
    }
}
impl From<Vec<u8>> for Val {
    fn from(v: Vec<u8>) -> Self {
        Self::Blob(Some(v))
    }
}
