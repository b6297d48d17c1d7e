use std::collections::HashSet;

use proptest::prelude::*;

use super::{
    CanonicalPath, CaseMatching, Glob, MAX_COMPONENTS, MAX_PATH_BYTES, PathError, PathPattern, PathPatternError,
    PathRules, PathSelection, cover_with_trigrams,
};
use crate::domain::query_syntax::{Query, WildcardPattern, parse_query};

fn isis() -> PathRules {
    PathRules::new(['/', '\\'])
}

fn canonicalize(path: &str) -> CanonicalPath {
    isis().canonicalize(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn parse_pattern(pattern: &str) -> PathPattern {
    PathPattern::parse(pattern, &isis()).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn collect_terms<'a>(terms: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    terms.collect()
}

#[test]
fn paths_have_one_form() {
    for (path, expected) in [
        ("/dls/i22/data/Scan.01.nxs", "/dls/i22/data/Scan.01.nxs"),
        ("//isis/inst$/x", "//isis/inst$/x"),
        (r"\\isis\inst$\ndx\run.nxs", "//isis/inst$/ndx/run.nxs"),
        (r"\\isis/inst$\\ndx", "//isis/inst$/ndx"),
        ("///a", "/a"),
        (r"C:\data\x.raw", "C:/data/x.raw"),
        ("C:/data//x.raw", "C:/data/x.raw"),
        ("s3://bucket/key", "s3://bucket/key"),
        ("s3:/bucket//key", "s3://bucket/key"),
        ("dls/i22/rel.nxs", "dls/i22/rel.nxs"),
        ("/a/b/", "/a/b"),
        ("/a//b/c", "/a/b/c"),
        ("a//b", "a/b"),
        (r"a\b\", "a/b"),
        (" /a/my file.txt\t", "/a/my file.txt"),
        ("/a/b/.hidden", "/a/b/.hidden"),
        ("/", "/"),
        ("//", "//"),
        ("///", "/"),
        ("scan.nxs", "scan.nxs"),
        ("/Mu\u{308}ller/e\u{301}", "/M\u{fc}ller/\u{e9}"),
    ] {
        assert_eq!(canonicalize(path).text(), expected, "{path}");
        let canonical = canonicalize(expected);
        assert_eq!(canonicalize(canonical.text()), canonical, "{path}");
    }
    let backslash = PathRules::default().canonicalize(r"\\isis\inst$\run.nxs").unwrap();
    assert_eq!(collect_terms(backslash.components()), [r"\\isis\inst$\run.nxs"]);
}

#[test]
fn a_path_gives_its_terms() {
    let path = canonicalize(r"\\ISIS\inst$\NDX\my file.Tar.GZ");
    assert!(path.is_absolute());
    assert_eq!(collect_terms(path.directories()), ["//ISIS", "//ISIS/inst$", "//ISIS/inst$/NDX"]);
    assert_eq!(collect_terms(path.directories_lower()), ["//isis", "//isis/inst$", "//isis/inst$/ndx"]);
    assert_eq!(path.parent_directory(), Some("//ISIS/inst$/NDX"));
    assert_eq!(collect_terms(path.components()), ["isis", "inst$", "ndx", "my file.tar.gz"]);
    assert_eq!(path.file_name(), "my file.Tar.GZ");
    assert_eq!(collect_terms(path.extensions()), ["gz", "tar.gz"]);

    let path = canonicalize("s3://bucket/key");
    assert!(path.is_absolute());
    assert_eq!(collect_terms(path.components()), ["s3:", "bucket", "key"]);
    assert_eq!(collect_terms(path.directories()), ["s3:", "s3://bucket"]);
    assert_eq!(collect_terms(canonicalize(r"C:\data\x").directories()), ["C:", "C:/data"]);
    assert!(!canonicalize("dls/i22/rel.nxs").is_absolute());
    assert_eq!(collect_terms(canonicalize("dls/i22/rel.nxs").directories()), ["dls", "dls/i22"]);
    assert_eq!(canonicalize("/a").parent_directory(), None);
    assert_eq!(collect_terms(canonicalize("/").components()), [""; 0]);
    assert_eq!(canonicalize("/").file_name(), "");
}

#[test]
fn a_file_name_gives_extensions_and_tokens() {
    for (name, extensions) in [
        ("x.nxs", &["nxs"][..]),
        ("Scan.01.nxs", &["nxs", "01.nxs"]),
        (".hidden", &["hidden"]),
        ("a.", &[]),
        ("a..gz", &["gz"]),
        ("README", &[]),
        ("a.b.c.d", &["d", "c.d"]),
        ("/a.b/c", &[]),
        ("a.averyveryverylongsentenceafteradot", &[]),
    ] {
        assert_eq!(collect_terms(canonicalize(name).extensions()), extensions, "{name}");
    }
    for (name, tokens) in [
        ("run0001.nxs", &["run", "0001", "nxs"][..]),
        ("Scan-12_a.h5", &["scan", "12", "a", "h", "5"]),
        ("file (1).txt", &["file", "1", "txt"]),
        ("Größe2µm", &["größe", "2", "µm"]),
        ("..", &[]),
    ] {
        assert_eq!(collect_terms(canonicalize(name).name_tokens()), tokens, "{name}");
    }
}

#[test]
fn paths_are_limited() {
    let rules = PathRules::default();
    assert_eq!(rules.canonicalize("  "), Err(PathError::Empty));
    assert_eq!(rules.canonicalize(&"a".repeat(MAX_PATH_BYTES + 1)), Err(PathError::TooLong));
    assert!(rules.canonicalize(&"/a".repeat(MAX_COMPONENTS)).is_ok());
    assert_eq!(rules.canonicalize(&"/a".repeat(MAX_COMPONENTS + 1)), Err(PathError::TooManyComponents));
    assert!(matches!(PathPattern::parse("", &rules), Err(PathPatternError::Path(PathError::Empty))));
    let long = format!("/a/*{}", "b".repeat(1024));
    assert_eq!(PathPattern::parse(&long, &rules).unwrap_err(), PathPatternError::TooLong);
}

/// The kind of a pattern and what it narrows by.
fn describe_selection(pattern: &str) -> String {
    match parse_pattern(pattern).selection {
        PathSelection::PathOrDirectory(path) => format!("path or directory {}", path.text()),
        PathSelection::Components(path) => format!("components {:?}", collect_terms(path.components())),
        PathSelection::Directory { directory, only_direct: true } => format!("directly in {}", directory.text()),
        PathSelection::Directory { directory, only_direct: false } => format!("below {}", directory.text()),
        PathSelection::PathPrefix(prefix) => format!("paths from {}", prefix.text()),
        PathSelection::Extension(extension) => format!("extension {extension}"),
        PathSelection::NamePrefix(prefix) => format!("names from {prefix}"),
        PathSelection::Glob(glob) => format!("glob {}", describe_glob(&glob)),
    }
}

fn describe_glob(glob: &Glob) -> String {
    let directory = glob.directory.as_ref().map(CanonicalPath::text);
    let place = if glob.only_direct { "directly" } else { "below" };
    let checked = if glob.is_exact { "exact" } else { "verified" };
    format!("{place} {directory:?} {:?} {:?} {:?} {checked}", glob.components, glob.extension, glob.name.texts)
}

#[test]
fn patterns_are_classified_by_what_finds_them() {
    for (pattern, expected) in [
        ("/a/b/c", "path or directory /a/b/c"),
        ("/a/b/c/", "path or directory /a/b/c"),
        (r"\\isis\inst$", "path or directory //isis/inst$"),
        (r"C:\data\x.raw", "path or directory C:/data/x.raw"),
        ("s3://bucket/key", "path or directory s3://bucket/key"),
        ("b/c", r#"components ["b", "c"]"#),
        (" Jpegs/pg1/", r#"components ["jpegs", "pg1"]"#),
        ("scan.01.nxs", r#"components ["scan.01.nxs"]"#),
        ("/a/b/*", "directly in /a/b"),
        ("/a/b/**", "below /a/b"),
        (r"\\isis\inst$\*", "directly in //isis/inst$"),
        ("/DLS/I22*", "paths from /DLS/I22"),
        (r"\\isis*", "paths from //isis"),
        ("*.NXS", "extension nxs"),
        ("*.tar.gz", "extension tar.gz"),
        ("Scan_*", "names from scan_"),
        ("/a/b/**/x_?1*.nxs", r#"glob below Some("/a/b") [] Some("nxs") ["/x_"] verified"#),
        ("/a/b/*.nxs", r#"glob directly Some("/a/b") [] Some("nxs") [] exact"#),
        ("/a/b/**/*.nxs", r#"glob below Some("/a/b") [] Some("nxs") [] exact"#),
        ("/a/b/**/scan_0*.nxs", r#"glob below Some("/a/b") [] Some("nxs") ["/scan_0"] exact"#),
        ("/a/*/scan_0*.nxs", r#"glob below Some("/a") [] Some("nxs") ["/scan_0"] verified"#),
        ("b/**/*scan*", r#"glob below None ["b"] None ["scan"] verified"#),
        ("*foo*", r#"glob below None [] None ["foo"] exact"#),
        ("Scan*01*.tar.gz", r#"glob below None [] Some("tar.gz") ["/scan"] verified"#),
        ("data/*/CM1-1", r#"glob below None ["data", "cm1-1"] None [] verified"#),
        ("/DLS/*/data", r#"glob below Some("/DLS") ["data"] None [] verified"#),
        ("/**/scan_0*", r#"glob below None [] None ["/scan_0"] exact"#),
        ("**/*.nxs", r#"glob below None [] Some("nxs") [] exact"#),
        ("*.a.b.c", r#"glob below None [] Some("b.c") [".a.b.c/"] exact"#),
    ] {
        assert_eq!(describe_selection(pattern), expected, "{pattern}");
    }
}

#[test]
fn patterns_that_narrow_nothing_are_refused() {
    for pattern in ["*", "**", "?", "*.*", "/**", "/*/*", "*ab*", "ab*", "?a?b?", "**/x*", "*."] {
        assert_eq!(PathPattern::parse(pattern, &isis()).unwrap_err(), PathPatternError::TooBroad, "{pattern}");
    }
    let message = PathPatternError::TooBroad.to_string();
    assert!(message.contains("(/data/2024/**)") && message.contains("at least 3 consecutive characters"), "{message}");
}

/// The ten files of icat.lucene's behaviour that is kept.
const FILES: [&str; 10] = [
    "/dls/i22/data/2024/cm1-1/Scan.01.nxs",
    "/dls/i22/data/2024/cm1-1/scan_0002.h5",
    "/dls/i22/data/2023/nt20-8/jpegs/pg1/x.jpeg",
    "/DLS/I22/data/UP.NXS",
    r"\\isis\inst$\ndx\run.nxs",
    "/a/b/",
    "/dls/other/y.dat",
    "/pg1/jpegs/z.jpeg",
    "dls/i22/rel.nxs",
    "/dls/i22/my file.txt",
];

/// Numbers of the files that a pattern finds.
fn find_files(pattern: &str, case: CaseMatching, files: &[CanonicalPath]) -> Vec<usize> {
    let pattern = PathPattern::new(&WildcardPattern::from_wildcard_text(pattern), &isis(), case).unwrap();
    (1..=files.len()).filter(|number| pattern.matches(&files[number - 1])).collect()
}

#[test]
fn patterns_find_files_in_both_separators() {
    use CaseMatching::{Insensitive, Sensitive};

    let slashes: Vec<_> = FILES.iter().map(|path| canonicalize(&path.replace('\\', "/"))).collect();
    let backslashes: Vec<_> = FILES.iter().map(|path| canonicalize(&path.replace('/', "\\"))).collect();
    assert_eq!(slashes, backslashes);
    for (pattern, case, expected) in [
        ("/dls/i22/data", Insensitive, &[1, 2, 3, 4][..]),
        ("I22/DATA", Insensitive, &[1, 2, 3, 4]),
        ("/dls/i22/data", Sensitive, &[1, 2, 3]),
        ("/dls/i22/data/", Sensitive, &[1, 2, 3]),
        ("/DLS/I22*", Sensitive, &[4]),
        ("/DLS/I22*", Insensitive, &[1, 2, 3, 4, 10]),
        ("/DLS/*/data", Sensitive, &[4]),
        ("I22/data", Sensitive, &[4]),
        ("Scan*", Insensitive, &[1, 2]),
        ("scan*", Sensitive, &[2]),
        ("*.jpeg", Insensitive, &[3, 8]),
        ("*.nxs", Insensitive, &[1, 4, 5, 9]),
        ("*.NXS", Sensitive, &[4]),
        ("scan.01.nxs", Insensitive, &[1]),
        ("jpegs/pg1/", Insensitive, &[3]),
        (" jpegs/pg1/", Insensitive, &[3]),
        ("data/*/cm1-1", Insensitive, &[1, 2]),
        ("//isis/inst$/ndx/run.nxs", Insensitive, &[5]),
        ("//isis*", Insensitive, &[5]),
        ("*run.nxs", Insensitive, &[5]),
        ("isis", Insensitive, &[5]),
        ("//isis/inst$", Insensitive, &[5]),
        ("my file.txt", Insensitive, &[10]),
        ("/a/b", Insensitive, &[6]),
        ("/dls/i22/*", Insensitive, &[10]),
        ("/dls/**", Insensitive, &[1, 2, 3, 4, 7, 10]),
        ("/dls/**/scan?0*.h5", Insensitive, &[2]),
        ("/**/*.nxs", Insensitive, &[1, 4, 5, 9]),
    ] {
        assert_eq!(find_files(pattern, case, &slashes), expected, "{pattern}");
        assert_eq!(find_files(&pattern.replace('/', "\\"), case, &slashes), expected, "{pattern} with backslashes");
    }
}

/// Escaped for the query syntax, or pasted as they are.
#[test]
fn paths_in_queries_find_their_files() {
    let run = canonicalize(FILES[4]);
    for text in
        [r"\\isis\inst$\ndx\run.nxs", r"\\\\isis\\inst$\\ndx\\run.nxs", r"\\isis\inst$\ndx\*.nxs", r"\\isis\inst$\ndx\"]
    {
        let Ok(Query::Path { field: None, pattern }) = parse_query(text) else { panic!("{text}") };
        assert!(PathPattern::new(&pattern, &isis(), CaseMatching::Insensitive).unwrap().matches(&run), "{text}");
    }
}

/// The meaning of patterns, component by component and by trying everything.
mod reference {
    pub fn matches(pattern: &str, path: &str) -> bool {
        let is_absolute = pattern.starts_with('/') && !pattern.starts_with("/**/") && pattern != "/**";
        let names: Vec<&str> = pattern.split('/').filter(|name| !name.is_empty()).collect();
        let components: Vec<&str> = path.split('/').filter(|component| !component.is_empty()).collect();
        if is_absolute {
            return path.starts_with('/') && matches_from_start(&names, &components, true);
        }
        (0..components.len()).any(|start| matches_from_start(&names, &components[start..], false))
    }

    fn matches_from_start(names: &[&str], components: &[&str], is_absolute: bool) -> bool {
        let is_literal = |name: &&str| !name.contains(['*', '?']);
        let Some((last, before)) = names.split_last() else { return components.is_empty() };
        let is_path_prefix = is_absolute
            && before.iter().all(is_literal)
            && last.len() > 1
            && last.strip_suffix('*').is_some_and(|prefix| is_literal(&prefix));
        let ends: Vec<usize> =
            if is_literal(last) || is_path_prefix { (0..=components.len()).collect() } else { vec![components.len()] };
        ends.into_iter().any(|end| matches_components(names, &components[..end]))
    }

    fn matches_components(names: &[&str], components: &[&str]) -> bool {
        match (names, components) {
            ([], []) => true,
            (["**"], _) => !components.is_empty(),
            (["**", rest @ ..], _) => (0..=components.len()).any(|skip| matches_components(rest, &components[skip..])),
            ([name, names @ ..], [component, components @ ..]) => {
                let (name, component): (Vec<char>, Vec<char>) = (name.chars().collect(), component.chars().collect());
                matches_name(&name, &component) && matches_components(names, components)
            }
            _ => false,
        }
    }

    fn matches_name(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            (['*', rest @ ..], _) => (0..=name.len()).any(|skip| matches_name(rest, &name[skip..])),
            (['?', rest @ ..], [_, name @ ..]) => matches_name(rest, name),
            ([p, rest @ ..], [c, name @ ..]) => p == c && matches_name(rest, name),
            _ => false,
        }
    }
}

fn any_path_text() -> impl Strategy<Value = String> {
    let name =
        prop::sample::select(vec!["a", "b", "ab", "abc", "abcd.nxs", "b.c", "abc.tar.gz", ".abc", "bcd", "aabb"]);
    let components = prop::collection::vec(name, 1..5);
    (prop::bool::ANY, components).prop_map(|(is_absolute, names)| {
        let path = names.join("/");
        if is_absolute { format!("/{path}") } else { path }
    })
}

fn any_pattern_text() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        3 => prop::sample::select(vec!["a", "b", "ab", "abc", "abc.tar.gz"]).prop_map(str::to_owned),
        3 => prop::sample::select(vec!["*", "**", "*.nxs", "abc*", "a*", "*.tar.gz", "*abc*", "?bc*", "*bc?.*", "*.gz", "abc?"])
            .prop_map(str::to_owned),
        2 => "[abc.*?]{1,6}",
    ];
    let components = prop::collection::vec(name, 1..4);
    (prop::bool::ANY, components).prop_map(|(is_absolute, names)| {
        let pattern = names.join("/");
        if is_absolute { format!("/{pattern}") } else { pattern }
    })
}

fn any_text() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "/", "\\", "*", "**", "?", "a", ".", "C:", "s3:", " ", "ä", "İ", "Σ", "[", "x.nxs", ":",
    ]);
    prop_oneof![prop::collection::vec(fragment, 0..16).prop_map(|f| f.concat()), "\\PC{0,40}", any::<String>()]
}

/// Whether an index finds the path by what the glob narrows by.
fn is_narrowed_to(glob: &Glob, path: &CanonicalPath) -> bool {
    let trigrams: HashSet<(u32, String)> = path.list_name_trigrams().into_iter().collect();
    let has_text = |text: &String| {
        (0..=256).any(|shift| cover_with_trigrams(text).into_iter().all(|(at, t)| trigrams.contains(&(at + shift, t))))
    };
    let is_in = |directory: &CanonicalPath| {
        if glob.only_direct {
            path.directories_lower().next_back() == Some(directory.text_lower())
        } else {
            path.directories_lower().any(|d| d == directory.text_lower())
        }
    };
    glob.directory.as_ref().is_none_or(is_in)
        && glob.components.iter().all(|component| path.components().any(|c| c == component))
        && glob.extension.as_ref().is_none_or(|extension| path.extensions().any(|e| e == extension))
        && glob.name.texts.iter().all(has_text)
}

proptest! {
    // PROPTEST_CASES may ask for more.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(5_000)))]

    #[test]
    fn patterns_match_as_in_the_reference(pattern in any_pattern_text(), path in any_path_text()) {
        let rules = PathRules::default();
        let canonical = rules.canonicalize(&path).unwrap();
        if let Ok(parsed) = PathPattern::parse(&pattern, &rules) {
            let expected = reference::matches(&pattern, &path);
            prop_assert_eq!(parsed.matches(&canonical), expected, "{} {}", pattern, path);
            if let PathSelection::Glob(glob) = &parsed.selection {
                let found = is_narrowed_to(glob, &canonical);
                prop_assert!(!expected || found, "{} {}", pattern, path);
                prop_assert!(!glob.is_exact || found == expected, "{} {}", pattern, path);
            }
        }
    }

    #[test]
    fn any_text_is_a_path_or_refused(text in any_text()) {
        if let Ok(path) = isis().canonicalize(&text) {
            prop_assert_eq!(&canonicalize(path.text()), &path);
            let terms = path.directories().chain(path.components()).chain(path.extensions());
            prop_assert!(terms.chain(path.name_tokens()).all(|term| !term.is_empty()));
            prop_assert!(path.list_name_trigrams().iter().all(|(_, trigram)| trigram.chars().count() == 3));
        }
    }

    #[test]
    fn the_text_of_a_path_finds_the_path(text in any_text()) {
        if let Ok(path) = isis().canonicalize(&text) {
            for case in [CaseMatching::Sensitive, CaseMatching::Insensitive] {
                let literal = PathPattern::new(&WildcardPattern::from_literal(&text), &isis(), case).unwrap();
                prop_assert!(literal.matches(&path), "{}", text);
                // Wildcards in a name match themselves.
                match PathPattern::new(&WildcardPattern::from_wildcard_text(&text), &isis(), case) {
                    Ok(pattern) => prop_assert!(pattern.matches(&path), "{}", text),
                    Err(error) => prop_assert_eq!(error, PathPatternError::TooBroad),
                }
            }
        }
    }
}
