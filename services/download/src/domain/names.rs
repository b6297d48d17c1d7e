//! Names that leave the house in archives.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization as _;

/// Info-ZIP cuts longer ones.
const LONGEST_MEMBER: usize = 4095;
/// What is left for the number of an equal name.
const ROOM_FOR_NUMBER: usize = 16;
/// `Datafile.name` has that many characters.
const LONGEST_DATAFILE: usize = 255;

/// What a path part must not contain in an archive; a reader on any system would stumble over it.
fn is_harmful(c: char) -> bool {
    c.is_control() || c == '\\' || c == ':'
}

/// A path for an archive: relative, no climbing, no characters that mean something to a file system, composed (NFC),
/// and not longer than every reader takes. The last of the parts is the file's, and has a name whatever it is called.
pub fn member(parts: &[&str]) -> String {
    let (file, folders) = parts.split_last().unwrap_or((&"", &[]));
    let mut path: Vec<String> = folders.iter().flat_map(|folder| segments(folder)).collect();
    let above = path.len();
    path.extend(segments(file));
    if path.len() == above || file.rsplit('/').next() == Some(".") {
        path.push("_".to_owned());
    }
    let mut name: String = path.join("/").nfc().collect();
    name.truncate(name.floor_char_boundary(LONGEST_MEMBER - ROOM_FOR_NUMBER));
    if matches!(name.rsplit('/').next(), Some("" | "." | "..")) {
        name.push('_');
    }
    name
}

/// The parts of a path that lead somewhere, without climbing.
fn segments(path: &str) -> impl Iterator<Item = String> {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.map(|part| if part == ".." { "_".to_owned() } else { part.replace(is_harmful, "_") })
}

/// Whether a new datafile can have this name.
pub fn is_storable(name: &str) -> bool {
    (1..=LONGEST_DATAFILE).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && !name.split('/').any(|part| part == "." || part == "..")
}

/// Gives the second of two equal names a number: `a (2).h5`; and a file whose name is a directory of another's.
pub fn unique(names: &mut [String]) {
    let directories = directories(names);
    let mut taken: HashSet<String> = HashSet::with_capacity(names.len());
    // Where to go on counting, so that many equal names do not each start over.
    let mut next: HashMap<String, usize> = HashMap::new();
    for name in names {
        if !directories.contains(name.as_str()) && taken.insert(name.clone()) {
            continue;
        }
        let file = name.rfind('/').map_or(0, |at| at + 1);
        let dot = name[file..].rfind('.').filter(|at| *at > 0).map_or(name.len(), |at| file + at);
        let number = next.entry(name.clone()).or_insert(2);
        let mut candidate = format!("{} ({number}){}", &name[..dot], &name[dot..]);
        while directories.contains(&candidate) || !taken.insert(candidate.clone()) {
            *number += 1;
            candidate = format!("{} ({number}){}", &name[..dot], &name[dot..]);
        }
        *number += 1;
        *name = candidate;
    }
}

/// All that files lie in; a number does not move a file into another.
fn directories(names: &[String]) -> HashSet<String> {
    let mut all = HashSet::new();
    for name in names {
        let mut path = name.as_str();
        while let Some((above, _)) = path.rsplit_once('/') {
            // Then those above it are known as well.
            if all.contains(above) {
                break;
            }
            all.insert(above.to_owned());
            path = above;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_cannot_climb_or_be_absolute() {
        assert_eq!(member(&["ids", "SUN", "MX-1", "1", "scan", "logs/a.csv"]), "ids/SUN/MX-1/1/scan/logs/a.csv");
        assert_eq!(member(&["ids", "/etc", "..", "C:\\x", "a\nb", "./c"]), "ids/etc/_/C__x/a_b/c");
        assert_eq!(member(&["e\u{301}"]), "é", "composed");
        let long = member(&[&"é/".repeat(3000)]);
        assert!(long.len() <= LONGEST_MEMBER - ROOM_FOR_NUMBER && !long.ends_with('/'), "{}", long.len());
    }

    #[test]
    fn every_member_is_a_file_of_its_folder() {
        let of = |name| member(&["ids", "scan", name]);
        for name in [".", "..", "/", "", "./", "./."] {
            assert_eq!(of(name), "ids/scan/_", "{name:?}");
        }
        assert_eq!(
            (of("logs/."), of("logs/.."), of("logs/")),
            ("ids/scan/logs/_".into(), "ids/scan/logs/_".into(), "ids/scan/logs".into())
        );
        let cut = "x".repeat(LONGEST_MEMBER - ROOM_FOR_NUMBER - 3);
        assert_eq!(member(&[&cut, "..h5"]), format!("{cut}/.._"), "cut behind the dots");
    }

    #[test]
    fn new_names_lead_to_a_file() {
        for name in ["a.h5", "logs/beam.csv", ".hidden", "a..b", "...", "x/..c"] {
            assert!(is_storable(name), "{name}");
        }
        for name in ["", ".", "..", "./a", "a/../b", "a/.", "a\n", &"x".repeat(256)] {
            assert!(!is_storable(name), "{name}");
        }
    }

    #[test]
    fn a_file_is_numbered_where_another_has_its_name_for_a_directory() {
        let numbered = |names: &[&str]| {
            let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            unique(&mut names);
            names
        };
        assert_eq!(numbered(&["d/logs", "d/logs/beam.csv"]), ["d/logs (2)", "d/logs/beam.csv"]);
        assert_eq!(numbered(&["d/logs/beam.csv", "d/logs", "d/logs"]), ["d/logs/beam.csv", "d/logs (2)", "d/logs (3)"]);
        assert_eq!(
            numbered(&["d/a.h5", "d/a.h5/x/y", "d/a (2).h5/z", "d/a.h5/x"]),
            ["d/a (3).h5", "d/a.h5/x/y", "d/a (2).h5/z", "d/a.h5/x (2)"]
        );
        assert_eq!(numbered(&["d/logs", "d/logs2/beam.csv"]), ["d/logs", "d/logs2/beam.csv"]);
    }

    #[test]
    fn equal_names_are_numbered_before_the_extension() {
        let mut names: Vec<String> =
            ["d/a.h5", "d/a.h5", "d/a (2).h5", "d.x/b", "d.x/b", "d/a.h5"].map(str::to_owned).into();
        unique(&mut names);
        assert_eq!(names, ["d/a.h5", "d/a (2).h5", "d/a (2) (2).h5", "d.x/b", "d.x/b (2)", "d/a (3).h5"]);
    }
}
