//! Planned rotation of the signing keys. A key is published for a day before it signs, so that every verifier has fetched it,
//! and for an hour after it signed, until its last token has expired. An interrupted rotation is completed by the next one.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use service_kit::Ids;

use super::key_files::{create_file, generate_pem, replace_file};
use super::key_set::{ACTIVE, EXTENSION, KeyError, KeySet};
use super::key_times::{KeyTime, NEXT, PUBLISHED_AFTER_RETIREMENT, RETIRED, read_key_times};

/// A key is published for so long before it signs: verifiers may cache keys for a day.
pub const PUBLISHED_BEFORE_USE: Duration = Duration::from_hours(24);

/// Whether a rotation waits until verifiers know the next key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Planned,
    /// Somebody else may have the keys: a new one signs at once, and tokens of the others are refused. Verifiers that fetch keys
    /// for an unknown id, as ours do, accept the new tokens within a minute.
    Compromised,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// A key was created; it signs after the next rotation, which must not be before this moment.
    Prepared { next: String, usable_from: Timestamp },
    /// Nothing: the next key is not yet known to all verifiers.
    Waiting { next: String, usable_from: Timestamp },
    /// The next key signs, and another one was created.
    Rotated { active: String, retired: String, next: String },
}

/// Takes the next step.
pub fn rotate_keys(dir: &Path, now: Timestamp, ids: &dyn Ids, urgency: Urgency) -> Result<Rotation, KeyError> {
    let active = KeySet::load(dir, now)?.active_name().to_owned();
    let next = read_key_times(dir, NEXT)?.into_iter().next().filter(|next| next.name != active);
    let mut retired = vec![active.clone()];
    let next = match (next, urgency) {
        (next, Urgency::Compromised) => {
            retired.extend(next.map(|next| next.name));
            create_next_key(dir, now, ids)?
        }
        (Some(next), Urgency::Planned) => next,
        (None, Urgency::Planned) => {
            let next = create_next_key(dir, now, ids)?;
            return Ok(Rotation::Prepared { usable_from: usable_from(&next), next: next.name });
        }
    };
    let from = usable_from(&next);
    if urgency == Urgency::Planned && now < from {
        return Ok(Rotation::Waiting { next: next.name, usable_from: from });
    }
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    let since = match urgency {
        Urgency::Planned => now,
        // As if it had signed its last token long ago.
        Urgency::Compromised => now.checked_sub(PUBLISHED_AFTER_RETIREMENT).unwrap_or(Timestamp::MIN),
    };
    let past = retire_keys(dir, &retired, since, now, ids)?;
    replace_file(dir, ACTIVE, format!("{}\n", next.name).as_bytes(), ids).map_err(failed)?;
    let after_next = create_next_key(dir, now, ids)?;
    for name in past {
        std::fs::remove_file(dir.join(format!("{name}{EXTENSION}"))).map_err(failed)?;
    }
    Ok(Rotation::Rotated { active: next.name, retired: active, next: after_next.name })
}

fn usable_from(next: &KeyTime) -> Timestamp {
    next.since.checked_add(PUBLISHED_BEFORE_USE).unwrap_or(Timestamp::MAX)
}

/// Creates a key and names it as the next one.
fn create_next_key(dir: &Path, now: Timestamp, ids: &dyn Ids) -> Result<KeyTime, KeyError> {
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    // Two keys may be created within a second.
    let random = ids.random_uuid().simple().to_string();
    let name = format!("{}-{}", now.strftime("%Y-%m-%d"), &random[..8]);
    create_file(dir, &format!("{name}{EXTENSION}"), generate_pem()?.as_bytes(), ids).map_err(failed)?;
    let next = KeyTime { name, since: now };
    replace_file(dir, NEXT, next.render_line().as_bytes(), ids).map_err(failed)?;
    Ok(next)
}

/// Writes down until when keys have signed. The names of keys that verifiers do not need any more, and that exist.
fn retire_keys(
    dir: &Path,
    names: &[String],
    since: Timestamp,
    now: Timestamp,
    ids: &dyn Ids,
) -> Result<Vec<String>, KeyError> {
    let before = read_key_times(dir, RETIRED)?.into_iter().filter(|key| !names.contains(&key.name));
    let (past, mut kept): (Vec<KeyTime>, Vec<KeyTime>) = before.partition(|key| key.is_past(now));
    kept.extend(names.iter().map(|name| KeyTime { name: name.clone(), since }));
    // Those whose files are still there stay in the list, so that they are not published again.
    let present = |key: &&KeyTime| dir.join(format!("{}{EXTENSION}", key.name)).exists();
    let lines: String = past.iter().filter(present).chain(&kept).map(KeyTime::render_line).collect();
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    replace_file(dir, RETIRED, lines.as_bytes(), ids).map_err(failed)?;
    Ok(past.iter().filter(present).map(|key| key.name.clone()).collect())
}

#[cfg(test)]
mod tests {
    use service_kit::SystemIds;

    use super::super::first_key::create_first_key;
    use super::*;

    fn parse_time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn list_kids(dir: &Path, now: Timestamp) -> usize {
        KeySet::load(dir, now).unwrap().public_keys().len()
    }

    fn active_name(dir: &Path, now: Timestamp) -> String {
        KeySet::load(dir, now).unwrap().active_name().to_owned()
    }

    #[test]
    fn a_key_is_published_for_a_day_signs_and_is_published_for_an_hour_more() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        create_first_key(dir, &SystemIds).unwrap();
        let rotate = |now: &str| rotate_keys(dir, parse_time(now), &SystemIds, Urgency::Planned).unwrap();
        let Rotation::Prepared { next, usable_from } = rotate("2026-01-12T09:00:00Z") else { panic!("a first one") };
        assert_eq!(usable_from, parse_time("2026-01-13T09:00:00Z"));
        assert_eq!(rotate("2026-01-13T08:59:59Z"), Rotation::Waiting { next: next.clone(), usable_from });
        assert_eq!((active_name(dir, usable_from), list_kids(dir, usable_from)), ("first".to_owned(), 2));

        let Rotation::Rotated { active, retired, next: third } = rotate("2026-01-13T09:00:00Z") else { panic!("now") };
        assert_eq!((&active, retired.as_str()), (&next, "first"));
        assert_eq!(active_name(dir, usable_from), next);
        assert_eq!(
            list_kids(dir, parse_time("2026-01-13T09:59:59Z")),
            3,
            "the last tokens of the first one are still valid"
        );
        assert_eq!(list_kids(dir, parse_time("2026-01-13T10:00:00Z")), 2);
        assert!(dir.join("first.pem").exists(), "removed by the next rotation");
        let Rotation::Rotated { active, .. } = rotate("2026-01-14T09:00:00Z") else { panic!("a day later") };
        assert_eq!(active, third);
        assert!(!dir.join("first.pem").exists() && dir.join(format!("{next}.pem")).exists());
    }

    #[test]
    fn a_compromised_key_is_replaced_at_once() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        create_first_key(dir, &SystemIds).unwrap();
        let now = parse_time("2026-01-12T09:00:00Z");
        rotate_keys(dir, now, &SystemIds, Urgency::Planned).unwrap();
        let rotated = rotate_keys(dir, now, &SystemIds, Urgency::Compromised).unwrap();
        let Rotation::Rotated { active, .. } = rotated else { panic!("{rotated:?}") };
        assert_eq!(active_name(dir, now), active);
        assert_eq!(list_kids(dir, now), 2, "the one that signs, and the next one; nothing of before");
    }

    #[test]
    fn an_interrupted_rotation_is_completed() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        create_first_key(dir, &SystemIds).unwrap();
        let (now, later) = (parse_time("2026-01-12T09:00:00Z"), parse_time("2026-01-13T09:00:00Z"));
        let Rotation::Prepared { next, .. } = rotate_keys(dir, now, &SystemIds, Urgency::Planned).unwrap() else {
            panic!("a first one")
        };
        // Stopped after the list of retired keys was written, and a day before the key could be removed.
        retire_keys(dir, &["first".to_owned()], now, now, &SystemIds).unwrap();
        assert_eq!((active_name(dir, later), list_kids(dir, later)), ("first".to_owned(), 2), "it still signs");
        // Stopped after the next key became the active one.
        std::fs::write(dir.join(ACTIVE), &next).unwrap();
        let rotated = rotate_keys(dir, later, &SystemIds, Urgency::Planned).unwrap();
        assert!(matches!(rotated, Rotation::Prepared { .. }), "{rotated:?}");
        assert_eq!(active_name(dir, later), next);
    }
}
