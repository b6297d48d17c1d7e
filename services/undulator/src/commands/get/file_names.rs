//! Names of files. They come from the server and are not trusted: only plain relative paths are accepted. The target
//! directory is opened as a root, so that links in it cannot lead out either.

use std::collections::HashSet;

/// The longest name in a directory, in bytes.
const MAX_NAME_BYTES: usize = 255;
const PARTIAL_SUFFIX: &str = ".part";
const STATE_SUFFIX: &str = ".state";

/// Whether a file may be written at a path from a server: relative, without `..`, and without characters that are special
/// for terminals or other systems.
pub fn is_safe(path: &str) -> bool {
    path.split('/').all(|part| {
        !matches!(part, "" | "." | "..")
            && part.len() <= MAX_NAME_BYTES
            && !part.chars().any(|c| c.is_control() || c == '\\')
    })
}

/// Makes a path segment of a text from the catalogue.
pub fn clean_segment(part: &str) -> String {
    let part: String = part.chars().map(|c| if c.is_control() || c == '\\' { '_' } else { c }).collect();
    part.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect::<Vec<_>>().join("/")
}

/// The names of an incomplete file and of its state file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartialNames {
    pub data: String,
    pub state: String,
}

/// Names beside the file that no file of the selection has.
pub fn choose_partial_names(path: &str, taken: &HashSet<String>) -> PartialNames {
    let (folder, name) = path.rsplit_once('/').map_or(("", path), |(folder, name)| (folder, name));
    let mut stem = name.to_owned();
    loop {
        if stem.len() + PARTIAL_SUFFIX.len() + STATE_SUFFIX.len() > MAX_NAME_BYTES {
            stem = format!("{:08x}", crc32fast::hash(stem.as_bytes()));
        }
        stem.push_str(PARTIAL_SUFFIX);
        let data = if folder.is_empty() { stem.clone() } else { format!("{folder}/{stem}") };
        let state = format!("{data}{STATE_SUFFIX}");
        if [&data, &state, &draft_name(&state)].into_iter().all(|name| !taken.contains(name)) {
            return PartialNames { data, state };
        }
    }
}

/// The temporary name of a new state file.
pub fn draft_name(state: &str) -> String {
    format!("{state}.new")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Component, Path};

    use proptest::prelude::*;

    #[test]
    fn only_plain_relative_paths_are_written() {
        for good in ["a", "ids/SUN/MX 1/é.h5", "a..b/...", "-rf", "a b"] {
            assert!(is_safe(good), "{good}");
        }
        let long = "x".repeat(256);
        for bad in ["", "/a", "../a", "a/../b", "a/..", "a//b", "a/", "./a", "a\\b", "a\0", "a\u{1b}[2J", "a\nb", &long]
        {
            assert!(!is_safe(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_partial_file_has_a_name_of_its_own() {
        let taken = HashSet::from(["d/a".to_owned(), "d/a.part".to_owned(), "b".to_owned(), "b.part.state".to_owned()]);
        let data = |path: &str| choose_partial_names(path, &taken).data;
        assert_eq!(
            choose_partial_names("d/x", &taken),
            PartialNames { data: "d/x.part".to_owned(), state: "d/x.part.state".to_owned() }
        );
        assert_eq!(data("d/a"), "d/a.part.part");
        assert_eq!(data("b"), "b.part.part");
        let long = data(&format!("d/{}", "x".repeat(250)));
        assert!(long.len() < 30 && long.starts_with("d/"), "{long}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]
        #[test]
        fn a_safe_path_stays_below(path in "[./\\\\a\u{0}-\u{2}]{0,12}") {
            if is_safe(&path) {
                prop_assert!(Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))));
            }
            let clean = clean_segment(&path);
            prop_assert!(clean.is_empty() || is_safe(&clean), "{:?}", clean);
        }
    }
}
