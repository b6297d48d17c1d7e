//! Notifications about events of other services, by rules of the settings: which event, and a template for its text. None by
//! default.

use std::collections::HashSet;
use std::sync::Arc;

use events::messages::{EVENT_KINDS, EventKind, find_event_kind};
use events::{Consumer, Events};
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use service_kit::{Code, ConfigError, Problem};

use crate::config::NotificationRule;
use crate::domain::entry_content::{EntryContent, TextPart};
use crate::domain::entry_kind::Category;
use crate::domain::logbook::Logbook;
use crate::domain::values::parse_number;
use crate::domain::{ids, values};
use crate::entries::{Entries, NewEntry};

/// The actor of the record.
const ACTOR: &str = "logbook";

const MAX_NAME: usize = 40;

/// A rule that can be followed.
#[derive(Debug)]
struct CompiledRule {
    category: Category,
    templates: Environment<'static>,
    rule: NotificationRule,
}

/// Refuses rules that cannot be followed, and two of one name.
pub fn check_rules(rules: &[NotificationRule]) -> Result<(), ConfigError> {
    let mut names = HashSet::new();
    for rule in rules {
        rule.compile_rule()?;
        if !names.insert(&rule.name) {
            return Err(ConfigError(format!("logbook.notifications: two are named {:?}", rule.name)));
        }
    }
    Ok(())
}

/// What a rule makes of an event.
#[derive(Debug, PartialEq, Eq)]
struct Notification {
    text: String,
    investigation: Option<i64>,
    instrument: Option<String>,
}

impl NotificationRule {
    fn compile_rule(&self) -> Result<(EventKind, CompiledRule), ConfigError> {
        let wrong = |what: String| ConfigError(format!("logbook.notifications, {:?}: {what}", self.name));
        let is_name = |name: &str| {
            (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        };
        if !is_name(&self.name) {
            return Err(wrong(format!("a name is of small letters, digits and hyphens, at most {MAX_NAME}")));
        }
        let others =
            EVENT_KINDS.iter().map(|kind| kind.subject).filter(|subject| !subject.starts_with("undulator.v1.logbook."));
        // An entry about an entry would cause another one, without end.
        let kind = find_event_kind(&self.subject).filter(|kind| others.clone().any(|subject| subject == kind.subject));
        let kind =
            kind.ok_or_else(|| wrong(format!("the subject must be one of {}", others.collect::<Vec<_>>().join(", "))))?;
        let category = Category::ALL.into_iter().find(|category| category.name() == self.category);
        // A notification has no file.
        let category = category.filter(|category| *category != Category::File);
        let category = category.ok_or_else(|| wrong(format!("there is no category {}", self.category)))?;
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, text) in
            [("text", &self.text), ("investigation", &self.investigation), ("instrument", &self.instrument)]
        {
            templates.add_template_owned(name, text.clone()).map_err(|e| wrong(format!("{name}: {e}")))?;
        }
        Ok((kind, CompiledRule { templates, category, rule: self.clone() }))
    }
}

impl CompiledRule {
    /// `None` if there is nothing to say.
    fn render(&self, fields: &serde_json::Value) -> Result<Option<Notification>, Problem> {
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
        let investigation = parse_number("investigation", Some(&rendered("investigation")?))?;
        let instrument = Some(rendered("instrument")?).filter(|name| !name.is_empty());
        if let Some(name) = &instrument {
            values::check_instrument_name(name)?;
        }
        Ok(Some(Notification { text, investigation, instrument }))
    }
}

/// Starts a consumer for each rule of the settings.
pub fn follow_rules(rules: &[NotificationRule], entries: &Arc<Entries>, events: &Events) -> Result<(), ConfigError> {
    for rule in rules {
        let (kind, compiled) = rule.compile_rule()?;
        // Consumers live as long as the process; there are as many as the settings have rules.
        let name: &'static str = format!("logbook-notifications-{}", rule.name).leak();
        let entries = Arc::clone(entries);
        events.add_consumer(Consumer::for_kind(name, kind, async move |tx, received| {
            let Some(notification) = compiled.render(&received.event)? else { return Ok(()) };
            let Notification { text, investigation, instrument } = notification;
            let content = EntryContent {
                parts: vec![TextPart { format: Some("plainText".to_owned()), text: Some(text) }],
                source: Some(received.source.clone()),
                investigation_id: investigation,
                instrument_name: instrument,
                ..EntryContent::new_notification(compiled.category, received.changed_at)
            };
            let logbook = Logbook::from_ids(investigation, content.instrument_name.as_deref());
            let new = NewEntry { content, files: Vec::new(), actor: ACTOR.to_owned() };
            entries.insert_own_entry(tx, logbook, &ids::derive_id(name, &received.id), &new).await.map(drop)
        }));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn build_rule(subject: &str, text: &str) -> NotificationRule {
        NotificationRule {
            name: "one".to_owned(),
            subject: format!("undulator.v1.{subject}"),
            text: text.to_owned(),
            category: "info".to_owned(),
            investigation: String::new(),
            instrument: "BL07".to_owned(),
        }
    }

    #[test]
    fn templates_make_texts_of_fields_and_mistakes_are_named() {
        let text = "{% if bytes > 10 %}{{ subject }} took {{ bytes }} bytes{% endif %}";
        let (_, compiled) = build_rule("download.transfer.finished", text).compile_rule().unwrap();
        let render = |bytes| compiled.render(&json!({"subject": "db/alice", "bytes": bytes})).unwrap();
        assert_eq!(render(5), None);
        let made = render(50).unwrap();
        assert_eq!(
            (made.text.as_str(), made.investigation, made.instrument.as_deref()),
            ("db/alice took 50 bytes", None, Some("BL07"))
        );
        assert!(compiled.render(&json!({})).is_err());
        for (wrong, told) in [
            (build_rule("nothing", "x"), "the subject must be one of undulator.v1."),
            (
                NotificationRule { name: "Large Ones".to_owned(), ..build_rule("download.transfer.finished", "x") },
                "small letters",
            ),
            (build_rule("logbook.entry.changed", "x"), "the subject must be one of"),
            (build_rule("download.transfer.finished", "{{"), "text: "),
            (
                NotificationRule { category: "shout".to_owned(), ..build_rule("download.transfer.finished", "x") },
                "there is no category shout",
            ),
        ] {
            let e = check_rules(&[wrong]).unwrap_err().0;
            assert!(e.contains(told), "{e}");
        }
        let twice = [build_rule("download.transfer.finished", "x"), build_rule("auth.session.ended", "x")];
        assert!(check_rules(&twice).unwrap_err().0.contains("two are named \"one\""));
    }
}
