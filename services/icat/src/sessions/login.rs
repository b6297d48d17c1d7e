//! What a client sends to log in.

use serde_json::Value;

use crate::error::Error;

/// A login request, parsed as leniently as icat.server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub plugin: Option<String>,
    pub credentials: Vec<(String, String)>,
}

impl Login {
    /// Parses `{"plugin":"db","credentials":[{"username":"u"},{"password":"p"}]}`. An object may have several keys; values
    /// that are no strings are dropped; the last of repeated keys wins; credentials that are no array are ignored.
    pub fn parse_json(text: &str) -> Result<Self, Error> {
        let json: Value = serde_json::from_str(text)
            .map_err(|_| Error::BadParameter("the value of json is not a JSON object".to_owned()))?;
        let Value::Object(json) = json else {
            return Err(Error::BadParameter("the value of json is not a JSON object".to_owned()));
        };
        let mut credentials: Vec<(String, String)> = Vec::new();
        let given = json.get("credentials").and_then(Value::as_array).into_iter().flatten();
        for (key, value) in given.filter_map(Value::as_object).flatten() {
            let Some(value) = value.as_str() else { continue };
            credentials.retain(|(known, _)| known != key);
            credentials.push((key.clone(), value.to_owned()));
        }
        Ok(Self { plugin: json.get("plugin").and_then(Value::as_str).map(str::to_owned), credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_login(text: &str) -> (Option<String>, Vec<(String, String)>) {
        let login = Login::parse_json(text).unwrap();
        (login.plugin, login.credentials)
    }

    #[test]
    fn credentials_are_read_as_leniently_as_icat_server_reads_them() {
        let both = vec![("username".to_owned(), "u".to_owned()), ("password".to_owned(), "p".to_owned())];
        let db = Some("db".to_owned());
        assert_eq!(
            parse_login(r#"{"plugin":"db","credentials":[{"username":"u"},{"password":"p"}]}"#),
            (db.clone(), both.clone())
        );
        assert_eq!(
            parse_login(r#"{"credentials":[{"username":"u","password":"p"}],"plugin":"db"}"#),
            (db.clone(), both.clone())
        );
        assert_eq!(
            parse_login(
                r#"{"plugin":"db","credentials":[{"username":"x"},{"username":"u","password":"p"}],"other":1}"#
            ),
            (db.clone(), both)
        );
        assert_eq!(parse_login(r#"{"plugin":"db","credentials":{"username":"u"}}"#), (db.clone(), vec![]));
        assert_eq!(parse_login(r#"{"plugin":"db","credentials":[{"password":1234},{"x":null},7]}"#), (db, vec![]));
        assert_eq!(parse_login("{}"), (None, vec![]));
        assert!(Login::parse_json("[]").is_err() && Login::parse_json("{").is_err());
    }
}
