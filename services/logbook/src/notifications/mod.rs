//! Other services' events as notifications: a table of settings, subject to template. None by default.

use std::collections::HashSet;
use std::sync::Arc;

use events::messages::{EVENT_KINDS, EventKind, find_event_kind};
use events::{Consumer, Events};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Deserialize;
use service_kit::{Code, ConfigError, Problem};

use crate::domain::entry_content::{Content, Event};
use crate::domain::filter::number;
use crate::domain::logbook::Book;
use crate::domain::{ids, names};
use crate::entries;
use crate::entries::NewEntry;
use crate::state::State;

/// Who appears in the record.
const ACTOR: &str = "logbook";

const LONGEST_NAME: usize = 40;

/// `[[logbook.notifications]]`; the texts are templates (Jinja) of the event's fields.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the events seen so far are remembered under: a rule that is renamed begins anew, one that is moved or changed
    /// goes on.
    pub name: String,
    /// Such as `undulator.v1.download.transfer.finished`.
    pub subject: String,
    /// What the entry says; an event for which nothing comes out makes no entry.
    pub text: String,
    #[serde(default = "info")]
    pub category: String,
    /// The id of the investigation in whose logbook it stands; empty: the instrument's.
    #[serde(default)]
    pub investigation: String,
    /// Empty: the facility's.
    #[serde(default)]
    pub instrument: String,
}

fn info() -> String {
    "info".to_owned()
}

/// A rule that can be followed.
#[derive(Debug)]
struct Prepared {
    templates: Environment<'static>,
    rule: Rule,
}

/// Each rule can be followed, and no two have one name.
pub fn check(rules: &[Rule]) -> Result<(), ConfigError> {
    let mut names = HashSet::new();
    for rule in rules {
        rule.prepared()?;
        if !names.insert(&rule.name) {
            return Err(ConfigError(format!("logbook.notifications: two are named {:?}", rule.name)));
        }
    }
    Ok(())
}

/// What a rule makes of an event.
#[derive(Debug, PartialEq, Eq)]
struct Made {
    text: String,
    investigation: Option<i64>,
    instrument: Option<String>,
}

impl Rule {
    fn prepared(&self) -> Result<(EventKind, Prepared), ConfigError> {
        let wrong = |what: String| ConfigError(format!("logbook.notifications, {:?}: {what}", self.name));
        let is_name = |name: &str| {
            (1..=LONGEST_NAME).contains(&name.len())
                && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if !is_name(&self.name) {
            return Err(wrong(format!("a name is of small letters, digits and hyphens, at most {LONGEST_NAME}")));
        }
        let others =
            EVENT_KINDS.iter().map(|kind| kind.subject).filter(|subject| !subject.starts_with("undulator.v1.logbook."));
        // An entry that tells of an entry would never end.
        let kind = find_event_kind(&self.subject).filter(|kind| others.clone().any(|subject| subject == kind.subject));
        let kind =
            kind.ok_or_else(|| wrong(format!("the subject must be one of {}", others.collect::<Vec<_>>().join(", "))))?;
        if !["info", "error", "debug", "comment", "commandline"].contains(&self.category.as_str()) {
            return Err(wrong(format!("there is no category {}", self.category)));
        }
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in
            [("text", &self.text), ("investigation", &self.investigation), ("instrument", &self.instrument)]
        {
            templates.add_template_owned(name, text.clone()).map_err(|e| wrong(format!("{name}: {e}")))?;
        }
        Ok((kind, Prepared { templates, rule: self.clone() }))
    }
}

impl Prepared {
    /// `None` if there is nothing to say.
    fn make(&self, fields: &serde_json::Value) -> Result<Option<Made>, Problem> {
        let unfit = |e: minijinja::Error| {
            let text = format!("the template for {} does not fit the event: {e}", self.rule.subject);
            Problem::new(Code::BadRequest, "logbook/bad-template", text)
        };
        let rendered = |name: &str| -> Result<String, Problem> {
            let template = self.templates.get_template(name).map_err(unfit)?;
            Ok(template.render(minijinja::Value::from(Serde(fields))).map_err(unfit)?.trim().to_owned())
        };
        let text = rendered("text")?;
        if text.is_empty() {
            return Ok(None);
        }
        let investigation = number("investigation", Some(&rendered("investigation")?))?;
        let instrument = Some(rendered("instrument")?).filter(|name| !name.is_empty());
        if let Some(name) = &instrument {
            names::check_instrument(name)?;
        }
        Ok(Some(Made { text, investigation, instrument }))
    }
}

/// Begins to follow the rules of the settings.
pub fn follow(state: &Arc<State>, events: &Events) -> Result<(), ConfigError> {
    for rule in &state.config.notifications {
        let (kind, prepared) = rule.prepared()?;
        // Consumers live as long as the process; there are as many as the settings have rules.
        let name: &'static str = format!("logbook-notifications-{}", rule.name).leak();
        let state = Arc::clone(state);
        events.add_consumer(Consumer::for_kind(name, kind, async move |tx, received| {
            let Some(Made { text, investigation, instrument }) = prepared.make(&received.event)? else { return Ok(()) };
            let mut event = Event::notification(&prepared.rule.category, received.time_micros);
            event.content = vec![Content { format: Some("plainText".to_owned()), text: Some(text) }];
            event.source = Some(received.source.clone());
            (event.investigation_id, event.instrument_name) = (investigation, instrument);
            let book = Book::of(investigation, event.instrument_name.as_deref());
            let new = NewEntry { book, event, files: Vec::new(), late: false, actor: ACTOR.to_owned() };
            entries::insert(&state, tx, &ids::of_embedded(name, &received.id), &new).await.map(drop)
        }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(subject: &str, text: &str) -> Rule {
        Rule {
            name: "one".to_owned(),
            subject: format!("undulator.v1.{subject}"),
            text: text.to_owned(),
            category: info(),
            investigation: String::new(),
            instrument: "BL07".to_owned(),
        }
    }

    #[test]
    fn templates_make_texts_of_fields_and_mistakes_are_named() {
        let text = "{% if bytes > 10 %}{{ subject }} took {{ bytes }} bytes{% endif %}";
        let (_, prepared) = rule("download.transfer.finished", text).prepared().unwrap();
        let made = |bytes| prepared.make(&json!({"subject": "db/alice", "bytes": bytes})).unwrap();
        assert_eq!(made(5), None);
        let made = made(50).unwrap();
        assert_eq!(
            (made.text.as_str(), made.investigation, made.instrument.as_deref()),
            ("db/alice took 50 bytes", None, Some("BL07"))
        );
        assert!(prepared.make(&json!({})).is_err());
        for (wrong, told) in [
            (rule("nothing", "x"), "the subject must be one of undulator.v1.auth.session.ended"),
            (Rule { name: "Large Ones".to_owned(), ..rule("download.transfer.finished", "x") }, "small letters"),
            (rule("logbook.entry.changed", "x"), "the subject must be one of"),
            (rule("download.transfer.finished", "{{"), "text: "),
            (
                Rule { category: "shout".to_owned(), ..rule("download.transfer.finished", "x") },
                "there is no category shout",
            ),
        ] {
            let e = check(&[wrong]).unwrap_err().0;
            assert!(e.contains(told), "{e}");
        }
        let twice = [rule("download.transfer.finished", "x"), rule("auth.session.ended", "x")];
        assert!(check(&twice).unwrap_err().0.contains("two are named \"one\""));
    }
}
