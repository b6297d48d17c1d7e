//! Planned rotation of the signing keys. A key is published for a day before it signs, so that every verifier has fetched it,
//! and for an hour after it signed, until its last token has expired. An interrupted rotation is completed by the next one.

use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use service_kit::Ids;

use super::key_files::{DirectoryLock, create_file, generate_pem, remove_drafts, replace_file, sync_directory};
use super::key_set::{ACTIVE, EXTENSION, KeyError, KeySet, list_key_names};
use super::key_times::{KeyTime, NEXT, PUBLISHED_AFTER_RETIREMENT, RETIRED, read_key_times};

/// A key is published for so long before it signs: verifiers may cache keys for a day.
pub const PUBLISHED_BEFORE_USE: Duration = Duration::from_hours(24);

/// Whether a rotation waits until verifiers know the next key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Planned,
    /// Somebody else may have the keys: a new one signs at once, and tokens of all others are refused, whoever created them and
    /// whether or not they can be read. Verifiers that fetch keys for an unknown id, as ours do, accept the new tokens within a
    /// minute.
    Compromised,
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// A key was created; it signs after the next rotation, which must not be before this moment.
    Prepared { next: String, usable_from: Timestamp },
    /// Nothing: the next key is not yet known to all verifiers.
    Waiting { next: String, usable_from: Timestamp },
    /// Another key signs instead of the retired ones, and the next one was created.
    Rotated { active: String, retired: Vec<String>, next: String },
}

/// Takes the next step. An error if another process is changing the keys.
pub fn rotate_keys(dir: &Path, now: Timestamp, ids: &dyn Ids, urgency: Urgency) -> Result<Rotation, KeyError> {
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    let lock = DirectoryLock::try_to_take(dir).map_err(failed)?;
    let _lock = lock.ok_or_else(|| KeyError::Locked(dir.to_owned()))?;
    remove_drafts(dir).map_err(failed)?;
    match urgency {
        Urgency::Planned => take_planned_step(dir, now, ids),
        Urgency::Compromised => replace_all_keys(dir, now, ids),
    }
}

fn take_planned_step(dir: &Path, now: Timestamp, ids: &dyn Ids) -> Result<Rotation, KeyError> {
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    let active = KeySet::load(dir, now)?.active_name().to_owned();
    let next = read_key_times(dir, NEXT)?.into_iter().next().filter(|next| next.name != active);
    let Some(next) = next else {
        let next = create_next_key(dir, now, ids)?;
        return Ok(Rotation::Prepared { usable_from: usable_from(&next), next: next.name });
    };
    let from = usable_from(&next);
    if now < from {
        return Ok(Rotation::Waiting { next: next.name, usable_from: from });
    }
    let past = retire_keys(dir, std::slice::from_ref(&active), now, now, ids)?;
    replace_file(dir, ACTIVE, format!("{}\n", next.name).as_bytes(), ids).map_err(failed)?;
    let after_next = create_next_key(dir, now, ids)?;
    remove_keys(dir, &past).map_err(failed)?;
    Ok(Rotation::Rotated { active: next.name, retired: vec![active], next: after_next.name })
}

fn replace_all_keys(dir: &Path, now: Timestamp, ids: &dyn Ids) -> Result<Rotation, KeyError> {
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    let retired = list_key_names(dir)?;
    let active = create_next_key(dir, now, ids)?.name;
    // As if they had signed their last token long ago. What the list had before is in it as well, if its file exists.
    let since = now.checked_sub(PUBLISHED_AFTER_RETIREMENT).unwrap_or(Timestamp::MIN);
    write_retired_keys(dir, retired.iter().map(|name| KeyTime { name: name.clone(), since }), ids)?;
    replace_file(dir, ACTIVE, format!("{active}\n").as_bytes(), ids).map_err(failed)?;
    let next = create_next_key(dir, now, ids)?.name;
    remove_keys(dir, &retired).map_err(failed)?;
    Ok(Rotation::Rotated { active, retired, next })
}

fn remove_keys(dir: &Path, names: &[String]) -> io::Result<()> {
    for name in names {
        std::fs::remove_file(dir.join(format!("{name}{EXTENSION}")))?;
    }
    sync_directory(dir)
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
    write_retired_keys(dir, past.iter().filter(present).chain(&kept).cloned(), ids)?;
    Ok(past.iter().filter(present).map(|key| key.name.clone()).collect())
}

fn write_retired_keys(dir: &Path, keys: impl Iterator<Item = KeyTime>, ids: &dyn Ids) -> Result<(), KeyError> {
    let lines: String = keys.map(|key| key.render_line()).collect();
    let failed = |source| KeyError::NotMade { path: dir.to_owned(), source };
    replace_file(dir, RETIRED, lines.as_bytes(), ids).map_err(failed)
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
        assert_eq!((&active, retired), (&next, vec!["first".to_owned()]));
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

    /// Those of the rotation, one that an operator has created, with a blank in its name, and files that are no keys.
    #[test]
    fn every_compromised_key_is_replaced_at_once() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        create_first_key(dir, &SystemIds).unwrap();
        let now = parse_time("2026-01-12T09:00:00Z");
        rotate_keys(dir, now, &SystemIds, Urgency::Planned).unwrap();
        std::fs::write(dir.join("made by hand.pem"), generate_pem().unwrap()).unwrap();
        std::fs::write(dir.join("half.pem"), "-----BEGIN PRIV").unwrap();
        std::fs::write(dir.join(NEXT), "no time").unwrap();
        std::fs::write(dir.join(format!(".x.pem.{}", SystemIds.random_uuid())), "a draft").unwrap();
        assert!(KeySet::load(dir, now).is_err(), "a planned rotation would refuse it");
        let before = list_key_names(dir).unwrap();
        assert_eq!(before.len(), 4);

        let rotated = rotate_keys(dir, now, &SystemIds, Urgency::Compromised).unwrap();
        let Rotation::Rotated { active, retired, next } = rotated else { panic!("{rotated:?}") };
        assert_eq!(retired, before);
        assert_eq!(active_name(dir, now), active);
        assert_eq!(list_kids(dir, now), 2, "the one that signs, and the next one; nothing of before");
        let mut left = vec![active, next];
        left.sort_unstable();
        assert_eq!(list_key_names(dir).unwrap(), left);
        assert_eq!(std::fs::read_dir(dir).unwrap().count(), 6, "two keys, active, next, retired and the lock");
    }

    /// If it is killed, none of the old keys is published as soon as the new one signs.
    #[test]
    fn an_interrupted_replacement_is_completed_by_the_next_one() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        create_first_key(dir, &SystemIds).unwrap();
        let now = parse_time("2026-01-12T09:00:00Z");
        let next = create_next_key(dir, now, &SystemIds).unwrap().name;
        let since = now.checked_sub(PUBLISHED_AFTER_RETIREMENT).unwrap();
        write_retired_keys(dir, [KeyTime { name: "first".to_owned(), since }].into_iter(), &SystemIds).unwrap();
        assert_eq!(active_name(dir, now), "first", "it is listed as retired, but still signs");
        std::fs::write(dir.join(ACTIVE), &next).unwrap();
        assert_eq!((active_name(dir, now), list_kids(dir, now)), (next, 1));
        rotate_keys(dir, now, &SystemIds, Urgency::Compromised).unwrap();
        assert!(!dir.join("first.pem").exists());
    }

    #[test]
    fn two_rotations_at_once_are_one() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path();
        create_first_key(dir, &SystemIds).unwrap();
        let other = DirectoryLock::wait_for(dir).unwrap();
        let now = parse_time("2026-01-12T09:00:00Z");
        for urgency in [Urgency::Planned, Urgency::Compromised] {
            let refused = rotate_keys(dir, now, &SystemIds, urgency).unwrap_err();
            assert!(matches!(refused, KeyError::Locked(_)), "{refused}");
        }
        drop(other);
        rotate_keys(dir, now, &SystemIds, Urgency::Planned).unwrap();
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
