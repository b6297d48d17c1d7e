//! Names of files in archives, and of new datafiles.

use std::collections::{HashMap, HashSet};

use unicode_normalization::UnicodeNormalization as _;

/// Info-ZIP truncates longer paths.
const LONGEST_MEMBER: usize = 4095;
/// Reserved for the number of a duplicate name.
const ROOM_FOR_NUMBER: usize = 16;
/// Longest `Datafile.name`, in characters.
const LONGEST_DATAFILE: usize = 255;

/// Names of devices on Windows, with any extension. Digits may be superscript.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
const NUMBERED_DEVICES: [&str; 2] = ["COM", "LPT"];

/// Characters that paths in archives must not contain, because some system cannot store them.
fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
}

/// Builds a path for an archive: relative, without `..` and without characters or names that are special on some file
/// system, in NFC, and short enough for every reader. The last part is the file, which always gets a name.
pub fn archive_path(parts: &[&str]) -> String {
    let (file, folders) = parts.split_last().unwrap_or((&"", &[]));
    let mut path: Vec<String> = folders.iter().flat_map(|folder| clean_segments(folder)).collect();
    let above = path.len();
    path.extend(clean_segments(file));
    if path.len() == above || file.rsplit('/').next() == Some(".") {
        path.push("_".to_owned());
    }
    let mut name = path.join("/");
    let longest = name.floor_char_boundary(LONGEST_MEMBER - ROOM_FOR_NUMBER);
    if longest < name.len() {
        name.truncate(longest);
        let last = name.rfind('/').map_or(0, |at| at + 1);
        let part = clean_segment(&name[last..]);
        name.replace_range(last.., if part.is_empty() { "_" } else { &part });
    }
    name
}

/// The clean segments of a path; `..` becomes `_`.
fn clean_segments(path: &str) -> impl Iterator<Item = String> {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.map(|part| if part == ".." { "_".to_owned() } else { clean_segment(&part.nfc().collect::<String>()) })
}

/// Replaces harmful characters by `_`, and dots and blanks at the end, which Windows removes. Names of Windows devices get
/// a `_` at their end.
fn clean_segment(part: &str) -> String {
    let kept = part.trim_end_matches(['.', ' ']).len();
    let mut clean = part[..kept].replace(is_harmful, "_");
    clean.extend(std::iter::repeat_n('_', part.len() - kept));
    let stem = clean.find('.').unwrap_or(clean.len());
    if is_device(clean[..stem].trim_end_matches(' ')) {
        clean.insert(stem, '_');
    }
    clean
}

fn is_device(stem: &str) -> bool {
    let is_numbered = |device: &&str| {
        let digit = stem.get(device.len()..).filter(|_| starts_with_ignoring_case(stem, device));
        digit.is_some_and(|digit| {
            let mut chars = digit.chars();
            matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
        })
    };
    DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device)) || NUMBERED_DEVICES.iter().any(is_numbered)
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

/// The names of investigation, visit and dataset, as far as all paths have them in common.
pub fn common_folders<'p>(mut paths: impl Iterator<Item = &'p str>) -> Vec<&'p str> {
    // The first two folders, `ids` and the facility, are the same for all downloads.
    const FOLDERS: std::ops::Range<usize> = 2..5;
    let folders = |path: &'p str| -> Vec<&'p str> {
        let (above, _) = path.rsplit_once('/').unwrap_or(("", path));
        above.split('/').take(FOLDERS.end).collect()
    };
    let mut common = paths.next().map(folders).unwrap_or_default();
    for path in paths {
        let equal = common.iter().zip(folders(path)).take_while(|(a, b)| **a == *b).count();
        common.truncate(equal);
    }
    common.split_off(FOLDERS.start.min(common.len()))
}

/// Whether a new datafile can have this name.
pub fn is_storable(name: &str) -> bool {
    (1..=LONGEST_DATAFILE).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
        && !name.split('/').any(|part| part == "." || part == "..")
}

/// A key that is equal for names that differ only in case or Unicode normalization.
fn fold_name(name: &str) -> String {
    name.nfd().flat_map(char::to_lowercase).flat_map(char::to_uppercase).nfc().collect()
}

/// Numbers duplicate names, `a (2).h5`, and files that have the name of a directory. Names that differ only in case are
/// duplicates, because on many systems one would overwrite the other.
pub fn make_unique(names: &mut [String]) {
    let directories = list_directories(names);
    let mut taken: HashSet<String> = HashSet::with_capacity(names.len());
    // The next number for each name, so that counting does not start over for each duplicate.
    let mut next: HashMap<String, usize> = HashMap::new();
    for name in names {
        let key = fold_name(name);
        if !directories.contains(&key) && taken.insert(key.clone()) {
            continue;
        }
        let file = name.rfind('/').map_or(0, |at| at + 1);
        let dot = name[file..].rfind('.').filter(|at| *at > 0).map_or(name.len(), |at| file + at);
        let number = next.entry(key).or_insert(2);
        loop {
            let candidate = format!("{} ({number}){}", &name[..dot], &name[dot..]);
            let key = fold_name(&candidate);
            *number += 1;
            if !directories.contains(&key) && taken.insert(key) {
                *name = candidate;
                break;
            }
        }
    }
}

/// The keys of all directories that contain one of the files.
fn list_directories(names: &[String]) -> HashSet<String> {
    let mut all = HashSet::new();
    for name in names {
        let name = fold_name(name);
        let mut path = name.as_str();
        while let Some((above, _)) = path.rsplit_once('/') {
            // Then its parents are known too.
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
    fn paths_are_relative_and_stay_below_the_root() {
        assert_eq!(archive_path(&["ids", "SUN", "MX-1", "1", "scan", "logs/a.csv"]), "ids/SUN/MX-1/1/scan/logs/a.csv");
        assert_eq!(archive_path(&["ids", "/etc", "..", "C:\\x", "a\nb", "./c"]), "ids/etc/_/C__x/a_b/c");
        assert_eq!(archive_path(&["e\u{301}"]), "é", "composed");
        assert_eq!(archive_path(&["<\u{338}"]), "≮", "a harmful character that is composed is another one");
        let long = archive_path(&[&"é/".repeat(3000)]);
        assert!(long.len() <= LONGEST_MEMBER - ROOM_FOR_NUMBER && !long.ends_with('/'), "{}", long.len());
    }

    #[test]
    fn names_that_windows_refuses_are_replaced() {
        let of = |name| archive_path(&["ids", name]);
        for (name, expected) in [
            ("a?b*c\"d<e>f|g:h\\i", "a_b_c_d_e_f_g_h_i"),
            ("a\u{0}b\u{1f}c\u{7f}d\u{9f}", "a_b_c_d_"),
            ("dot.", "dot_"),
            ("blank ", "blank_"),
            ("both. .", "both___"),
            ("...", "___"),
            (" ", "_"),
            ("run 1. /x.", "run 1__/x_"),
            ("CON", "CON_"),
            ("aux.txt", "aux_.txt"),
            ("Nul.tar.gz", "Nul_.tar.gz"),
            ("prn .h5", "prn _.h5"),
            ("com1", "com1_"),
            ("LPT9.log", "LPT9_.log"),
            ("COM².x", "COM²_.x"),
            ("conin$", "conin$_"),
            ("aux/con/a", "aux_/con_/a"),
            // These are not names of devices.
            ("console", "console"),
            ("com10", "com10"),
            ("com", "com"),
            ("a.con", "a.con"),
            (".aux", ".aux"),
            (" a", " a"),
            ("a.b c", "a.b c"),
        ] {
            assert_eq!(of(name), format!("ids/{expected}"), "{name:?}");
        }
    }

    #[test]
    fn names_that_differ_in_case_or_composition_only_are_numbered() {
        let numbered = |names: &[&str]| {
            let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            make_unique(&mut names);
            names
        };
        assert_eq!(numbered(&["d/a.h5", "d/A.h5", "D/a.H5"]), ["d/a.h5", "d/A (2).h5", "D/a (3).H5"]);
        assert_eq!(numbered(&["é", "e\u{301}", "É"]), ["é", "e\u{301} (2)", "É (3)"]);
        assert_eq!(numbered(&["straße", "STRASSE"]), ["straße", "STRASSE (2)"]);
        assert_eq!(numbered(&["a", "A (2)", "A"]), ["a", "A (2)", "A (3)"]);
        assert_eq!(numbered(&["d/LOGS", "d/logs/beam.csv"]), ["d/LOGS (2)", "d/logs/beam.csv"]);
    }

    #[test]
    fn common_folders_are_those_of_all_files() {
        let of = |paths: &[&'static str]| common_folders(paths.iter().copied()).join("_");
        assert_eq!(of(&["ids/SUN/MX-1/1/scan/a.h5", "ids/SUN/MX-1/1/scan/logs/b"]), "MX-1_1_scan");
        assert_eq!(of(&["ids/SUN/MX-1/1/scan/a.h5", "ids/SUN/MX-1/1/proc/b"]), "MX-1_1");
        assert_eq!(of(&["ids/SUN/MX-1/1/scan/a.h5", "ids/SUN/MX-2/1/scan/b"]), "");
        assert_eq!(of(&[]), "");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(10_000))]
        #[test]
        fn any_names_become_valid_and_unique(
            names in proptest::collection::vec("([aAéÉ.:? /ß]|con|AUX|e\u{301}|\u{0}){0,6}", 1..8)
        ) {
            let mut members: Vec<String> = names.iter().map(|name| archive_path(&["ids", name])).collect();
            let alone = members.clone();
            make_unique(&mut members);
            let keys: HashSet<String> = members.iter().map(|name| fold_name(name)).collect();
            proptest::prop_assert_eq!(keys.len(), members.len(), "{:?}", members);
            for (name, before) in members.iter().zip(&alone) {
                for part in name.split('/') {
                    proptest::prop_assert!(!part.is_empty() && !part.ends_with(['.', ' ']) && !part.contains(is_harmful));
                    let stem = part.split('.').next().unwrap().trim_end_matches(' ');
                    proptest::prop_assert!(!is_device(stem), "{:?}", name);
                }
                let folder = fold_name(name) + "/";
                let is_folder = members.iter().any(|other| fold_name(other).starts_with(&folder));
                proptest::prop_assert!(!is_folder, "{:?}", members);
                proptest::prop_assert_eq!(archive_path(&["", before]), before.clone(), "a clean name stays as it is");
            }
        }
    }

    #[test]
    fn every_member_is_a_file_of_its_folder() {
        let of = |name| archive_path(&["ids", "scan", name]);
        for name in [".", "..", "/", "", "./", "./."] {
            assert_eq!(of(name), "ids/scan/_", "{name:?}");
        }
        assert_eq!(
            (of("logs/."), of("logs/.."), of("logs/")),
            ("ids/scan/logs/_".into(), "ids/scan/logs/_".into(), "ids/scan/logs".into())
        );
        let cut = "x".repeat(LONGEST_MEMBER - ROOM_FOR_NUMBER - 3);
        assert_eq!(archive_path(&[&cut, "..h5"]), format!("{cut}/__"), "cut behind the dots");
    }

    #[test]
    fn a_storable_name_is_that_of_a_file() {
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
            make_unique(&mut names);
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
        make_unique(&mut names);
        assert_eq!(names, ["d/a.h5", "d/a (2).h5", "d/a (2) (2).h5", "d.x/b", "d.x/b (2)", "d/a (3).h5"]);
    }
}
