//! The fields of a body, checked one by one as pydantic 2 does. Errors say what is wrong and where, but never repeat what was
//! sent, which may be a password.

use crate::error_format::INVALID_BODY;
use serde_json::{Map, Value, json};
use service_kit::{Code, Problem};

const NO_OBJECT: &str = "Input should be a valid dictionary or object to extract fields from";

/// An error of a list: type, place and message (pydantic 2).
pub fn build_entry(kind: &str, place: &[&str], message: &str) -> Value {
    let place: Vec<&str> = ["body"].into_iter().chain(place.iter().copied()).collect();
    json!({"type": kind, "loc": place, "msg": message})
}

pub fn refuse_body(errors: Vec<Value>) -> Problem {
    Problem::new(Code::Validation, INVALID_BODY, Value::Array(errors).to_string())
}

/// The fields of an object, and what is wrong with them.
pub struct Fields<'v> {
    /// `None` if there is none.
    object: Option<&'v Map<String, Value>>,
    /// Whether each required field is missing without an object; otherwise the missing object is the one error.
    is_flat: bool,
    place: Vec<&'static str>,
    errors: Vec<Value>,
}

impl<'v> Fields<'v> {
    /// Of a body that is an object.
    pub fn from_object(body: &'v Value) -> Self {
        match body {
            Value::Null => Self {
                object: None,
                is_flat: false,
                place: Vec::new(),
                errors: vec![build_entry("missing", &[], "Field required")],
            },
            body => Self::from_value(body, Vec::new()),
        }
    }

    /// Of a body that has parameters of an operation: one that is no object has none of them.
    pub fn from_parameters(body: &'v Value) -> Self {
        Self { object: body.as_object(), is_flat: true, place: Vec::new(), errors: Vec::new() }
    }

    fn from_value(value: &'v Value, place: Vec<&'static str>) -> Self {
        let object = value.as_object();
        let errors = match object {
            Some(_) => Vec::new(),
            None => vec![build_entry("model_attributes_type", &place, NO_OBJECT)],
        };
        Self { object, is_flat: false, place, errors }
    }

    fn add_error(&mut self, name: &'static str, kind: &str, message: &str) {
        let place: Vec<&str> = self.place.iter().copied().chain([name]).collect();
        self.errors.push(build_entry(kind, &place, message));
    }

    fn get_required(&mut self, name: &'static str) -> Option<&'v Value> {
        let found = match self.object {
            Some(object) => object.get(name),
            None if self.is_flat => None,
            None => return None,
        };
        if found.is_none() {
            self.add_error(name, "missing", "Field required");
        }
        found
    }

    /// A text of at most `max_chars` characters.
    pub fn require_text(&mut self, name: &'static str, max_chars: usize) -> String {
        let Some(value) = self.get_required(name) else { return String::new() };
        let Some(text) = value.as_str() else {
            self.add_error(name, "string_type", "Input should be a valid string");
            return String::new();
        };
        if text.chars().count() > max_chars {
            let message = format!("String should have at most {max_chars} characters");
            self.add_error(name, "string_too_long", &message);
        } else if text.contains('\0') {
            self.add_error(name, "value_error", "Value error, the text must not contain NUL characters");
        }
        text.to_owned()
    }

    /// A truth value; words and numbers are read as pydantic does.
    pub fn require_bool(&mut self, name: &'static str) -> bool {
        let Some(value) = self.get_required(name) else { return false };
        let read = match value {
            Value::Bool(given) => Some(*given),
            Value::Number(number) => match number.as_f64() {
                Some(0.0) => Some(false),
                Some(1.0) => Some(true),
                _ => None,
            },
            Value::String(word) => match word.to_ascii_lowercase().as_str() {
                "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
                "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
                _ => None,
            },
            _ => {
                self.add_error(name, "bool_type", "Input should be a valid boolean");
                return false;
            }
        };
        read.unwrap_or_else(|| {
            let message = "Input should be a valid boolean, unable to interpret input";
            self.add_error(name, "bool_parsing", message);
            false
        })
    }

    /// The fields of an object within this one, if it is there and not null; their errors are added with
    /// [`add_errors_of`](Self::add_errors_of).
    pub fn find_object(&mut self, name: &'static str) -> Option<Fields<'v>> {
        let value = self.object?.get(name).filter(|value| !value.is_null())?;
        Some(Fields::from_value(value, self.place.iter().copied().chain([name]).collect()))
    }

    /// The same for an object that must be there.
    pub fn require_object(&mut self, name: &'static str) -> Fields<'v> {
        let place = self.place.iter().copied().chain([name]).collect();
        match self.get_required(name) {
            Some(value) => Fields::from_value(value, place),
            None => Fields { object: None, is_flat: false, place, errors: Vec::new() },
        }
    }

    /// Adds the errors of an object within this one.
    pub fn add_errors_of(&mut self, inner: Fields<'v>) {
        self.errors.extend(inner.errors);
    }

    /// Refuses the body if something is wrong with it.
    pub fn into_result(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(refuse_body(self.errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_without_fields_is_refused_as_pydantic_does() {
        let errors = |fields: Fields<'_>| {
            fields.into_result().map_err(|problem| serde_json::from_str::<Value>(&problem.detail).unwrap()).unwrap_err()
        };
        let missing = |place: Value| json!([{"type": "missing", "loc": place, "msg": "Field required"}]);
        assert_eq!(errors(Fields::from_object(&json!(null))), missing(json!(["body"])));
        for value in [json!(null), json!([]), json!("x"), json!({})] {
            let mut fields = Fields::from_parameters(&value);
            assert_eq!(fields.require_text("token", 10), "");
            assert_eq!(errors(fields), missing(json!(["body", "token"])), "{value}");
        }
        let no_object = json!([{"type": "model_attributes_type", "loc": ["body"], "msg": NO_OBJECT}]);
        assert_eq!(errors(Fields::from_object(&json!("x"))), no_object);
    }

    #[test]
    fn each_wrong_field_is_named_and_none_is_repeated() {
        let body = json!({"show": "maybe", "message": 7, "inner": {"username": "hunter2"}});
        let mut fields = Fields::from_object(&body);
        fields.require_bool("show");
        fields.require_text("message", 10);
        fields.require_text("severity", 10);
        let mut inner = fields.find_object("inner").unwrap();
        assert_eq!(inner.require_text("username", 10), "hunter2");
        inner.require_text("password", 10);
        fields.add_errors_of(inner);
        let refused = fields.into_result().unwrap_err();
        let message = "Input should be a valid boolean, unable to interpret input";
        assert_eq!(
            serde_json::from_str::<Value>(&refused.detail).unwrap(),
            json!([
                {"type": "bool_parsing", "loc": ["body", "show"], "msg": message},
                {"type": "string_type", "loc": ["body", "message"], "msg": "Input should be a valid string"},
                {"type": "missing", "loc": ["body", "severity"], "msg": "Field required"},
                {"type": "missing", "loc": ["body", "inner", "password"], "msg": "Field required"},
            ])
        );
        assert!(!format!("{refused:?}").contains("hunter2"));
    }

    #[test]
    fn truth_values_are_read_as_pydantic_does() {
        let read = |value: Value| {
            let body = json!({"show": value});
            let mut fields = Fields::from_object(&body);
            let read = fields.require_bool("show");
            fields.into_result().map(|()| read).map_err(drop)
        };
        for yes in [json!(true), json!(1), json!(1.0), json!("true"), json!("YES"), json!("on")] {
            assert_eq!(read(yes.clone()), Ok(true), "{yes}");
        }
        for no in [json!(false), json!(0), json!("False"), json!("off"), json!("n")] {
            assert_eq!(read(no.clone()), Ok(false), "{no}");
        }
        for wrong in [json!(null), json!(2), json!("x"), json!([]), json!({})] {
            assert_eq!(read(wrong.clone()), Err(()), "{wrong}");
        }
    }
}
