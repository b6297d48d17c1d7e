//! Messages of beamline programs, in the format of pyicat-plus 3.1.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

const SOFTWARE: &str = concat!("undulator-demo_v", env!("CARGO_PKG_VERSION"));

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// A command that was typed.
    Command,
    Info,
    Debug,
    Error,
    Comment,
    /// A message of the storage ring to all beamlines.
    Ring,
    RingError,
}

impl Voice {
    /// `type` and `category`, as `send_message` chooses them.
    fn type_and_category(self) -> (&'static str, &'static str) {
        match self {
            Self::Command => ("notification", "commandline"),
            Self::Info => ("notification", "info"),
            Self::Debug => ("notification", "debug"),
            Self::Error => ("notification", "error"),
            Self::Comment => ("annotation", "comment"),
            Self::Ring => ("broadcast", "info"),
            Self::RingError => ("broadcast", "error"),
        }
    }

    pub fn is_of_ring(self) -> bool {
        matches!(self, Self::Ring | Self::RingError)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub voice: Voice,
    pub text: String,
    pub dataset: Option<String>,
    pub tag: Option<&'static str>,
}

impl Message {
    pub fn to_body(&self, at: Timestamp) -> Value {
        render_body(self, "plainText", &self.text, at)
    }
}

/// A PNG and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub caption: String,
    pub tag: &'static str,
    pub png: Vec<u8>,
}

impl Image {
    /// The body for `base64`, which has neither time nor text.
    pub fn to_attachment(&self) -> Value {
        json!({
            "base64": self.to_data_url(),
            "software": SOFTWARE,
            "machine": "id29.sunrise.example.org",
            "tag": [{"name": self.tag}],
        })
    }

    /// The body of an entry with caption and time.
    pub fn within_text(&self, at: Timestamp) -> Value {
        let html = format!("<p>{}</p><p><img src=\"{}\"></p>", self.caption, self.to_data_url());
        let message = Message { voice: Voice::Info, text: String::new(), dataset: None, tag: Some(self.tag) };
        render_body(&message, "html", &html, at)
    }

    fn to_data_url(&self) -> String {
        format!("data:image/png;base64,{}", STANDARD.encode(&self.png))
    }
}

/// Keys in the order of pyicat-plus, without empty ones.
fn render_body(message: &Message, format: &str, text: &str, at: Timestamp) -> Value {
    let (kind, category) = message.voice.type_and_category();
    let is_of_ring = message.voice.is_of_ring();
    let machine = if is_of_ring { "ring.sunrise.example.org" } else { "id29.sunrise.example.org" };
    let mut body = serde_json::Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    if let Some(dataset) = &message.dataset {
        put("datasetName", json!(dataset));
    }
    put("type", json!(kind));
    if let Some(tag) = message.tag {
        put("tag", json!([{"name": tag}]));
    }
    put("category", json!(category));
    put("content", json!([{"format": format, "text": text}]));
    put("software", json!(SOFTWARE));
    put("machine", json!(machine));
    if is_of_ring {
        put("source", json!("ring"));
    }
    put("creationDate", json!(at.strftime("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string()));
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from pyicat-plus 3.1.0.
    #[test]
    fn bodies_are_those_of_pyicat_plus() {
        let at = "2026-11-23T19:24:54.818770Z".parse().unwrap();
        let text = "Shutter closed".to_owned();
        let message = Message { voice: Voice::Error, text, dataset: Some("scan_0003".to_owned()), tag: Some("optics") };
        let expected = concat!(
            r#"{"datasetName":"scan_0003","type":"notification","tag":[{"name":"optics"}],"category":"error","#,
            r#""content":[{"format":"plainText","text":"Shutter closed"}],"software":"undulator-demo_v0.1.0","#,
            r#""machine":"id29.sunrise.example.org","creationDate":"2026-11-23T19:24:54.818770+00:00"}"#
        );
        assert_eq!(message.to_body(at).to_string(), expected);
        let lost =
            Message { voice: Voice::RingError, text: "Beam lost".to_owned(), dataset: None, tag: Some("machine") };
        let expected = concat!(
            r#"{"type":"broadcast","tag":[{"name":"machine"}],"category":"error","#,
            r#""content":[{"format":"plainText","text":"Beam lost"}],"software":"undulator-demo_v0.1.0","#,
            r#""machine":"ring.sunrise.example.org","source":"ring","creationDate":"2026-11-23T19:24:54.818770+00:00"}"#
        );
        assert_eq!(lost.to_body(at).to_string(), expected);
        let image = Image { caption: "Nothing".to_owned(), tag: "t", png: b"123".to_vec() };
        let expected = concat!(
            r#"{"base64":"data:image/png;base64,MTIz","software":"undulator-demo_v0.1.0","#,
            r#""machine":"id29.sunrise.example.org","tag":[{"name":"t"}]}"#
        );
        assert_eq!(image.to_attachment().to_string(), expected);
    }
}
