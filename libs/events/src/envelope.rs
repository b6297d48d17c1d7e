//! The envelope of an event: its id, and headers that every bus transports (`CloudEvents` 1.0, W3C Trace Context).

use serde::{Deserialize, Serialize};
use service_kit::Micros;

/// An event with its headers, as it is stored in the outbox and sent over the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// `UUIDv7`; the same at every delivery.
    pub id: String,
    pub subject: String,
    pub headers: Headers,
    /// The encoded Protobuf message.
    pub payload: Vec<u8>,
}

/// Information for consumers that does not require decoding the payload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headers {
    /// The service that wrote the event.
    pub source: String,
    /// When the change was made.
    #[serde(rename = "time_micros")]
    pub changed_at: Micros,
    /// The trace of the change; empty if traces are off.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub traceparent: String,
}

impl Envelope {
    /// The names and values of the headers on the bus.
    pub fn wire_headers(&self) -> Vec<(&'static str, String)> {
        let time = self.headers.changed_at.as_i64().to_string();
        let mut headers = vec![
            ("Nats-Msg-Id", self.id.clone()),
            ("ce-specversion", "1.0".to_owned()),
            ("ce-id", self.id.clone()),
            ("ce-type", self.subject.clone()),
            ("ce-source", format!("/{}", self.headers.source)),
            ("ce-timemicros", time),
            ("content-type", "application/protobuf".to_owned()),
        ];
        if !self.headers.traceparent.is_empty() {
            headers.push(("traceparent", self.headers.traceparent.clone()));
        }
        headers
    }

    /// Parses what [`wire_headers`](Self::wire_headers) wrote; `None` if the message is not an event of Undulator.
    pub fn from_wire<'h>(subject: &str, header: impl Fn(&str) -> Option<&'h str>, payload: &[u8]) -> Option<Self> {
        Some(Self {
            id: header("ce-id")?.to_owned(),
            subject: subject.to_owned(),
            headers: Headers {
                source: header("ce-source")?.trim_start_matches('/').to_owned(),
                changed_at: Micros::from_i64(header("ce-timemicros")?.parse().ok()?),
                traceparent: header("traceparent").unwrap_or_default().to_owned(),
            },
            payload: payload.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_the_wire() {
        let envelope = Envelope {
            id: "0190".to_owned(),
            subject: "undulator.v1.a.b.c".to_owned(),
            headers: Headers {
                source: "a".to_owned(),
                changed_at: Micros::from_i64(17),
                traceparent: "00-1-2-01".to_owned(),
            },
            payload: vec![0, 255],
        };
        let wire = envelope.wire_headers();
        let header = |name: &str| wire.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
        assert_eq!(Envelope::from_wire(&envelope.subject, header, &envelope.payload).as_ref(), Some(&envelope));
        assert_eq!(Envelope::from_wire("x", |_| None, &[]), None);
    }
}
