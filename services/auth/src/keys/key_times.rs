//! When keys change their state: the file `next` has the key that signs next and when it was published, and the file
//! `retired` has those that signed before and until when. Both are written by the rotation alone.

use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::key_set::KeyError;

/// The file with the key that signs next.
pub const NEXT: &str = "next";
/// The file with the keys that signed before.
pub const RETIRED: &str = "retired";
/// A retired key is published for so long: no token lives longer, and clocks differ.
pub const PUBLISHED_AFTER_RETIREMENT: Duration = Duration::from_hours(1);

/// A key and since when it is in its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTime {
    pub name: String,
    pub since: Timestamp,
}

impl KeyTime {
    pub fn render_line(&self) -> String {
        format!("{} {}\n", self.name, self.since)
    }

    fn parse(line: &str) -> Option<Self> {
        // Names may have blanks, and times have none.
        let (name, since) = line.trim().rsplit_once(' ')?;
        Some(Self { name: name.trim_end().to_owned(), since: since.parse().ok()? })
    }

    /// Whether verifiers do not need it any more, if it is retired.
    pub fn is_past(&self, now: Timestamp) -> bool {
        let span = jiff::SignedDuration::try_from(PUBLISHED_AFTER_RETIREMENT);
        span.is_ok_and(|span| now.duration_since(self.since) >= span)
    }
}

/// The lines of one of the files; none if it does not exist.
pub fn read_key_times(dir: &Path, file: &str) -> Result<Vec<KeyTime>, KeyError> {
    let path = dir.join(file);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(KeyError::Unreadable { path, source }),
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| KeyTime::parse(line).ok_or_else(|| KeyError::NotATime(path.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_blanks() {
        let since = "2026-01-12T09:00:00Z".parse().unwrap();
        for name in ["2026", "key of 2026 ", "a  b"] {
            let name = name.trim_end();
            let key = KeyTime { name: name.to_owned(), since };
            assert_eq!(KeyTime::parse(&key.render_line()), Some(key), "{name}");
        }
        for wrong in ["", "2026", "2026 yesterday", "2026-01-12T09:00:00Z"] {
            assert_eq!(KeyTime::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_of_the_future_is_not_past() {
        let since = "2026-01-12T09:00:00Z".parse().unwrap();
        let key = KeyTime { name: "a".to_owned(), since };
        for (now, is_past) in
            [("2025-01-12T09:00:00Z", false), ("2026-01-12T09:59:59Z", false), ("2026-01-12T10:00:00Z", true)]
        {
            assert_eq!(key.is_past(now.parse().unwrap()), is_past, "{now}");
        }
    }
}
