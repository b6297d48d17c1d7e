//! The event types, generated from `proto/undulator/events/v1`, and their subjects.

/// A message that can be published as an event.
pub trait Event: prost::Message + Default + 'static {
    /// `undulator.v1.<service>.<entity>.<verb>`
    const SUBJECT: &'static str;
}

/// Events of the embedded catalogue.
#[expect(clippy::doc_markdown, reason = "generated")]
pub mod icat {
    include!(concat!(env!("OUT_DIR"), "/undulator.events.v1.icat.rs"));
}

/// Events of logins.
pub mod auth {
    include!(concat!(env!("OUT_DIR"), "/undulator.events.v1.auth.rs"));
}

/// Events of downloads.
#[expect(clippy::doc_markdown, reason = "generated")]
pub mod download {
    include!(concat!(env!("OUT_DIR"), "/undulator.events.v1.download.rs"));
}

/// Events of logbooks.
#[expect(clippy::doc_markdown, reason = "generated")]
pub mod logbook {
    include!(concat!(env!("OUT_DIR"), "/undulator.events.v1.logbook.rs"));
}

// The module of the next producer goes here.

impl Event for logbook::EntryChanged {
    const SUBJECT: &'static str = "undulator.v1.logbook.entry.changed";
}

impl Event for logbook::BookClosed {
    const SUBJECT: &'static str = "undulator.v1.logbook.book.closed";
}

impl Event for icat::EntityChanged {
    const SUBJECT: &'static str = "undulator.v1.icat.entity.changed";
}

impl Event for icat::SessionEnded {
    const SUBJECT: &'static str = "undulator.v1.icat.session.ended";
}

impl Event for auth::SessionStarted {
    const SUBJECT: &'static str = "undulator.v1.auth.session.started";
}

impl Event for auth::SessionEnded {
    const SUBJECT: &'static str = "undulator.v1.auth.session.ended";
}

impl Event for auth::SessionsRevoked {
    const SUBJECT: &'static str = "undulator.v1.auth.sessions.revoked";
}

impl Event for auth::ApiKeyRevoked {
    const SUBJECT: &'static str = "undulator.v1.auth.api_key.revoked";
}

impl Event for auth::AuditRecorded {
    const SUBJECT: &'static str = "undulator.v1.auth.audit.recorded";
}

impl Event for download::SelectionPrepared {
    const SUBJECT: &'static str = "undulator.v1.download.selection.prepared";
}

impl Event for download::TransferFinished {
    const SUBJECT: &'static str = "undulator.v1.download.transfer.finished";
}

// The subject of the next event goes here.

/// An event type whose name is known only at run time.
#[derive(Clone, Copy)]
pub struct EventKind {
    pub subject: &'static str,
    describe: fn(&[u8]) -> Option<String>,
    fields: fn(&[u8]) -> Result<serde_json::Value, prost::DecodeError>,
}

impl EventKind {
    const fn for_event<E: Event + std::fmt::Debug + serde::Serialize>() -> Self {
        fn describe_payload<E: Event + std::fmt::Debug>(payload: &[u8]) -> Option<String> {
            E::decode(payload).ok().map(|event| format!("{event:?}"))
        }
        fn fields<E: Event + serde::Serialize>(payload: &[u8]) -> Result<serde_json::Value, prost::DecodeError> {
            E::decode(payload).map(|event| serde_json::to_value(event).unwrap_or_default())
        }
        Self { subject: E::SUBJECT, describe: describe_payload::<E>, fields: fields::<E> }
    }

    /// The fields of the event by their names in `proto/`.
    pub fn decode_fields(self, payload: &[u8]) -> Result<serde_json::Value, prost::DecodeError> {
        (self.fields)(payload)
    }
}

/// All event types.
pub const EVENT_KINDS: &[EventKind] = &[
    EventKind::for_event::<auth::ApiKeyRevoked>(),
    EventKind::for_event::<auth::AuditRecorded>(),
    EventKind::for_event::<auth::SessionEnded>(),
    EventKind::for_event::<auth::SessionStarted>(),
    EventKind::for_event::<auth::SessionsRevoked>(),
    EventKind::for_event::<download::SelectionPrepared>(),
    EventKind::for_event::<download::TransferFinished>(),
    EventKind::for_event::<icat::EntityChanged>(),
    EventKind::for_event::<icat::SessionEnded>(),
    EventKind::for_event::<logbook::BookClosed>(),
    EventKind::for_event::<logbook::EntryChanged>(),
    // The next kind of event goes here.
];

/// The event type of a subject; `None` for subjects of other versions and of tests.
pub fn find_event_kind(subject: &str) -> Option<EventKind> {
    EVENT_KINDS.iter().copied().find(|kind| kind.subject == subject)
}

/// The content of a known event in a readable form.
pub fn describe_event(subject: &str, payload: &[u8]) -> Option<String> {
    (find_event_kind(subject)?.describe)(payload)
}
