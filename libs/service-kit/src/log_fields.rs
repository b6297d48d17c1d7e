//! How lines of text for people show fields: without what stands in the message of a request's line already, or is for
//! traces, and without quotes where none are needed. JSON has all fields.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

const LEFT_OUT: [&str; 8] = [
    "otel.name",
    "otel.kind",
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "duration_ms",
    "undulator.service",
    "trace_id",
];

#[derive(Debug, Clone, Copy)]
pub(crate) struct ShortFields;

impl<'writer> FormatFields<'writer> for ShortFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = ShortFieldVisitor { writer, is_first: true, outcome: Ok(()) };
        fields.record(&mut visitor);
        visitor.outcome
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let mut added = String::new();
        <Self as FormatFields<'_>>::format_fields(self, Writer::new(&mut added), fields)?;
        if !added.is_empty() && !current.fields.is_empty() {
            current.fields.push(' ');
        }
        current.fields.push_str(&added);
        Ok(())
    }
}

struct ShortFieldVisitor<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    outcome: fmt::Result,
}

impl ShortFieldVisitor<'_> {
    fn write_field(&mut self, field: &Field, text: &str) {
        let name = field.name();
        if LEFT_OUT.contains(&name) || self.outcome.is_err() {
            return;
        }
        let blank = if self.is_first { "" } else { " " };
        self.is_first = false;
        self.outcome = if name == "message" {
            write!(self.writer, "{blank}{text}")
        } else {
            write!(self.writer, "{blank}{name}={text}")
        };
    }
}

impl Visit for ShortFieldVisitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_plain = !value.is_empty() && !value.chars().any(|c| c.is_whitespace() || c.is_control() || c == '"');
        if is_plain { self.write_field(field, value) } else { self.write_field(field, &format!("{value:?}")) }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.write_field(field, &escape_control_characters(&format!("{value:?}")));
    }
}

/// What somebody else wrote must not steer the terminal of whoever reads the log.
fn escape_control_characters(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && !matches!(c, '\n' | '\t') {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::Registry;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn capture_lines(work: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .without_time()
            .fmt_fields(ShortFields);
        tracing::subscriber::with_default(Registry::default().with(layer), work);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_leaves_out_what_is_said_already_and_what_is_for_traces() {
        let text = capture_lines(|| {
            let span = tracing::info_span!(
                "request",
                otel.name = "GET /icat/version",
                http.route = "/icat/version",
                http.response.status_code = tracing::field::Empty,
                request.id = "r-1",
                user.name = tracing::field::Empty,
            );
            span.record("http.response.status_code", 200);
            span.record("user.name", "ab12");
            span.in_scope(|| tracing::warn!(error = %"no \u{1b}[31mcolour", "it failed"));
        });
        assert_eq!(
            text.trim_end(),
            " WARN request{request.id=r-1 user.name=ab12}: service_kit::log_fields::tests: it failed error=no \\u{1b}[31mcolour"
        );
    }

    #[test]
    fn a_value_is_quoted_where_it_needs_quotes() {
        let text = capture_lines(|| tracing::info!(plain = "a-b", blank = "a b", empty = "", n = 3, "said"));
        assert_eq!(
            text.trim_end(),
            " INFO service_kit::log_fields::tests: said plain=a-b blank=\"a b\" empty=\"\" n=3"
        );
    }
}
