//! The event types, made from `proto/undulator/events/v1`, and the subject of each.

/// A message that travels as an event.
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

impl Event for download::SelectionPrepared {
    const SUBJECT: &'static str = "undulator.v1.download.selection.prepared";
}

impl Event for download::TransferFinished {
    const SUBJECT: &'static str = "undulator.v1.download.transfer.finished";
}

/// The content of a known event for people; `None` for a subject of another version or of a test.
pub fn describe(subject: &str, payload: &[u8]) -> Option<String> {
    fn text<E: Event + std::fmt::Debug>(payload: &[u8]) -> Option<String> {
        E::decode(payload).ok().map(|event| format!("{event:?}"))
    }
    match subject {
        logbook::BookClosed::SUBJECT => text::<logbook::BookClosed>(payload),
        logbook::EntryChanged::SUBJECT => text::<logbook::EntryChanged>(payload),
        icat::EntityChanged::SUBJECT => text::<icat::EntityChanged>(payload),
        icat::SessionEnded::SUBJECT => text::<icat::SessionEnded>(payload),
        auth::SessionStarted::SUBJECT => text::<auth::SessionStarted>(payload),
        auth::SessionEnded::SUBJECT => text::<auth::SessionEnded>(payload),
        download::SelectionPrepared::SUBJECT => text::<download::SelectionPrepared>(payload),
        download::TransferFinished::SUBJECT => text::<download::TransferFinished>(payload),
        _ => None,
    }
}
