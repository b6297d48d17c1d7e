//! The refusal of an authenticator, read as icat.server reads it: plugins of other makers wrap `code` and `message` as they
//! like.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Why an authenticator refused a login.
#[derive(Debug, PartialEq, Eq)]
pub struct AuthenticatorRefusal {
    pub code: String,
    pub message: String,
}

impl AuthenticatorRefusal {
    /// The texts `code` and `message`, at any depth; the last of each counts. `None` if one of them is missing, or the text is
    /// not JSON.
    pub fn parse_json(text: &str) -> Option<Self> {
        let mut found = FoundTexts::default();
        let mut json = serde_json::Deserializer::from_str(text);
        CollectTexts(&mut found).deserialize(&mut json).ok()?;
        json.end().ok()?;
        Some(Self { code: found.code?, message: found.message? })
    }
}

#[derive(Default)]
struct FoundTexts {
    /// The name of the member that was read last; texts of a list count for its name.
    name: String,
    code: Option<String>,
    message: Option<String>,
}

/// Reads a value of any kind, in the order of the text, which a map of values would not keep.
struct CollectTexts<'f>(&'f mut FoundTexts);

impl<'de> DeserializeSeed<'de> for CollectTexts<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CollectTexts<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        match self.0.name.as_str() {
            "code" => self.0.code = Some(text.to_owned()),
            "message" => self.0.message = Some(text.to_owned()),
            _ => {}
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            self.0.name = name;
            map.next_value_seed(CollectTexts(self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(CollectTexts(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_and_message_are_found_at_any_depth_and_the_last_of_each_counts() {
        for (text, code, message) in [
            (r#"{"code":"SESSION","message":"wrong"}"#, "SESSION", "wrong"),
            (r#"{"error":{"details":[{"code":"LOCKED"},{"message":"locked"}]}}"#, "LOCKED", "locked"),
            (r#"{"message":"first","code":"A","cause":{"message":"second"}}"#, "A", "second"),
            (r#"{"z":{"message":"first"},"message":"last","code":"A","a":{"code":"B"}}"#, "B", "last"),
            (r#"{"code":"A","message":"first","message":"again"}"#, "A", "again"),
            (r#"[{"code":["A","B"]},{"message":["one"]},null,true,1,-1,1.5]"#, "B", "one"),
            (r#"{"code":"A","message":"text","code":7,"message":null}"#, "A", "text"),
        ] {
            let expected = AuthenticatorRefusal { code: code.to_owned(), message: message.to_owned() };
            assert_eq!(AuthenticatorRefusal::parse_json(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_refusal_without_one_of_them_is_none() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for text in [
            "",
            "not JSON",
            "{}",
            r#""message""#,
            r#"{"code":"A"}"#,
            r#"{"message":"text"}"#,
            r#"{"code":7,"message":"text"}"#,
            r#"{"code":"A","message":"text"} and more"#,
            r#"{"code":"A","message":"text""#,
            &deep,
        ] {
            assert_eq!(AuthenticatorRefusal::parse_json(text), None, "{text}");
        }
    }
}
