use std::ops::Bound;

use proptest::prelude::*;
use regex::Regex;

use super::{
    MAX_CLAUSES, MAX_NESTING, MAX_QUERY_BYTES, PathSyntax, PatternChar, Query, SyntaxError, WildcardPattern,
    parse_query, parse_query_with_paths,
};

/// What a text means, in the notation of [`Query`]'s `Display`.
fn parse_and_render(text: &str) -> String {
    match parse_query(text) {
        Ok(query) => query.to_string(),
        Err(error) => format!("{error}"),
    }
}

fn parse_text(text: &str) -> Query {
    parse_query(text).unwrap_or_else(|error| panic!("{text}: {}", error.explain()))
}

fn explain_error(text: &str) -> String {
    parse_query(text).unwrap_err().explain()
}

fn word(field: Option<&str>, text: &str) -> Query {
    Query::Word { field: field.map(str::to_owned), text: text.to_owned() }
}

/// A path as written, with `*` and `?` as wildcards.
fn path(field: Option<&str>, text: &str) -> Query {
    Query::Path { field: field.map(str::to_owned), pattern: WildcardPattern::from_wildcard_text(text) }
}

#[test]
fn a_backslash_before_a_wildcard_separates_parts_of_paths_where_it_separates_them() {
    let paths = PathSyntax { has_backslashes: true, fields: &["location"] };
    for (text, field, expected) in [
        (r"location:\\srv\**", Some("location"), r"\\srv\**"),
        (r"C:\**\*.gz", None, r"C:\**\*.gz"),
        (r"scan-001\*.h5", None, r"scan-001\*.h5"),
        (r"*\*.h5", None, r"*\*.h5"),
        (r"location:(data\?.nxs)", Some("location"), r"data\?.nxs"),
        (r"location:C:\data\", Some("location"), r"C:\data\"),
        (r"location:my\ file\*", Some("location"), r"my file\*"),
    ] {
        assert_eq!(parse_query_with_paths(text, paths), Ok(path(field, expected)), "{text}");
    }
    // Not in other fields, and not where `/` is the only separator.
    let star = Query::Word { field: Some("name".to_owned()), text: "a*".to_owned() };
    assert_eq!(parse_query_with_paths(r"name:a\*", paths), Ok(star));
    assert_eq!(parse_text(r"a\*"), word(None, "a*"));
}

#[test]
fn clauses_are_joined_as_in_lucene() {
    for (text, expected) in [
        ("neutron", "neutron"),
        ("neutron lysozyme", "neutron lysozyme"),
        ("a OR b", "a b"),
        ("a || b", "a b"),
        ("a AND b", "+a +b"),
        ("a && b", "+a +b"),
        ("a AND b OR c", "+a +b c"),
        ("a OR b AND c", "a +b +c"),
        ("a AND b OR c AND d", "+a +b +c +d"),
        ("a b AND c", "a +b +c"),
        ("a AND b c", "+a +b c"),
        ("(a AND b) OR c", "(+a +b) c"),
        ("a AND (b OR c)", "+a +(b c)"),
        ("a AND NOT b", "+a -b"),
        ("a AND !b", "+a -b"),
        ("a AND -b", "+a -b"),
        ("+a -b", "+a -b"),
        ("+a b", "+a b"),
        ("+neutron +lysozyme", "+neutron +lysozyme"),
        ("a NOT b", "a -b"),
        ("a OR NOT b", "a -b"),
        ("a!b", "a -b"),
        ("a+b-c", r"a\+b\-c"),
        ("(a)", "a"),
        ("((a b) c)", "(a b) c"),
        ("and or not", "and or not"),
        ("ANDY ORION NOTE", "ANDY ORION NOTE"),
        ("a&&b a&b a|b", r"a\&\&b a\&b a\|b"),
        ("a\u{3000}b\tc\nd", "a b c d"),
    ] {
        assert_eq!(parse_and_render(text), expected, "{text}");
    }
}

#[test]
fn a_query_that_only_excludes_matches_everything_else() {
    for (text, expected) in [
        ("NOT a", "+*:* -a"),
        ("-a", "+*:* -a"),
        ("!a", "+*:* -a"),
        ("-a -b", "+*:* -a -b"),
        ("NOT a AND NOT b", "+*:* -a -b"),
        ("a AND (NOT b)", "+a +(+*:* -b)"),
        ("-(a b)", "+*:* -(a b)"),
    ] {
        assert_eq!(parse_and_render(text), expected, "{text}");
    }
}

#[test]
fn words_have_fields_wildcards_fuzziness_and_boosts() {
    for (text, expected) in [
        ("title:cone", "title:cone"),
        ("title : cone", "title:cone"),
        ("title=cone", "title:cone"),
        ("s3=//bucket/key", "s3=//bucket/key"),
        ("x=/a", "x=/a"),
        ("title:(a b)", "title:a title:b"),
        ("title:(a name:b +c)", "title:a name:b +title:c"),
        ("title:(a b)^2", "(title:a title:b)^2"),
        ("*:*", "*:*"),
        ("*", "*:*"),
        ("a* b", "a* b"),
        ("title:*", "title:*"),
        ("*a", "*a"),
        ("sc?n*", "sc?n*"),
        (r"sc\?n\*", r"sc\?n\*"),
        ("(FILE* OR x)^3", "(FILE* x)^3"),
        ("FILE1~1", "FILE1~1"),
        ("file~", "file~2"),
        ("file~0.5", "file~2"),
        ("ab~0.5", "ab~1"),
        ("file~0", "file~0"),
        ("file~9", "file~2"),
        ("a^2.5", "a^2.5"),
        ("a~1^2", "a~1^2"),
        ("a^2~1", "a~1^2"),
        ("a^99999999999999999999999999999999999999999999", "a^1000000"),
        ("\"flat cone\"", "\"flat cone\""),
        ("\"flat cone\"~2^3", "\"flat cone\"~2^3"),
        ("title:\"a \\\"b\\\" AND (\"", r#"title:"a \"b\" AND (""#),
        ("\"\"", "\"\""),
        ("(a^2)^3", "(a^2)^3"),
        ("naïve Größe", "naïve Größe"),
        (r"my\ file.txt", r"my\ file.txt"),
        ("10100601-ST", r"10100601\-ST"),
        ("date:2024-01-01T12:30:59Z", r"date:2024\-01\-01T12\:30\:59Z"),
        ("temperature:-5", r"temperature:\-5"),
    ] {
        assert_eq!(parse_and_render(text), expected, "{text}");
    }
    assert_eq!(parse_text("2024-01*"), Query::Prefix { field: None, text: "2024-01".into() });
    assert_eq!(parse_text("*:*"), Query::All);
    let text = "sc".to_owned();
    assert_eq!(parse_text("x:sc~1"), Query::Fuzzy { field: Some("x".into()), text, max_edits: 1 });
    let pattern = WildcardPattern::new(vec![PatternChar::AnyChars]);
    assert_eq!(parse_text("x:*"), Query::Wildcard { field: Some("x".into()), pattern });
}

#[test]
fn ranges_and_comparisons_keep_the_texts_of_their_bounds() {
    for (text, expected) in [
        ("name:[a TO b]", r#"name:["a" TO "b"]"#),
        ("[FILE1 TO FILE2]", r#"["FILE1" TO "FILE2"]"#),
        ("fileSize:[1 TO 10}", r#"fileSize:["1" TO "10"}"#),
        ("fileSize:{1 TO *]", r#"fileSize:{"1" TO *]"#),
        ("fileSize:{* TO 5}^2", r#"fileSize:[* TO "5"}^2"#),
        ("date:[2024-01-01T00:00:00 TO \"2024-01-02 10:00\"]", r#"date:["2024-01-01T00:00:00" TO "2024-01-02 10:00"]"#),
        ("name:[a b]", r#"name:["a" TO "b"]"#),
        ("[-5 TO 5]", r#"["-5" TO "5"]"#),
        ("fileSize:>10", r#"fileSize:{"10" TO *]"#),
        ("fileSize:>=-10", r#"fileSize:["-10" TO *]"#),
        ("fileSize>10", r#"fileSize:{"10" TO *]"#),
        ("date>=2024", r#"date:["2024" TO *]"#),
        ("date<=\"2024-01-01 12:00\"", r#"date:[* TO "2024-01-01 12:00"]"#),
        ("date<2024-01-01T12:00 a", r#"date:[* TO "2024-01-01T12:00"} a"#),
        ("date:2024", "date:2024"),
        ("date>*", "date:[* TO *]"),
    ] {
        assert_eq!(parse_and_render(text), expected, "{text}");
    }
    let expected = Query::Range {
        field: Some("fileSize".into()),
        low: Bound::Included("1".into()),
        high: Bound::Excluded("10".into()),
    };
    assert_eq!(parse_text("fileSize:[1 TO 10}"), expected);
}

#[test]
fn a_word_with_separators_is_one_path() {
    for (text, expected) in [
        ("/dls/i22/data", path(None, "/dls/i22/data")),
        ("location:/dls/i22/data", path(Some("location"), "/dls/i22/data")),
        ("location.exact:/DLS/I22*", path(Some("location.exact"), "/DLS/I22*")),
        ("/a/b/**/x_?1*.nxs", path(None, "/a/b/**/x_?1*.nxs")),
        ("10.5286/ISIS.E.RB1234567", path(None, "10.5286/ISIS.E.RB1234567")),
        ("/re.*/", path(None, "/re.*/")),
        (r"location:\\\\isis*", path(Some("location"), r"\\isis*")),
        (r"\\\\isis\\inst$\\ndx\\run.nxs", path(None, r"\\isis\inst$\ndx\run.nxs")),
        (r"\\isis\inst$\ndx\run.nxs", path(None, r"\\isis\inst$\ndx\run.nxs")),
        (r"\\isis\inst$\*.nxs", path(None, r"\\isis\inst$\*.nxs")),
        (r"location:C:\data\x.raw", path(Some("location"), r"C:\data\x.raw")),
        (r"C:\\data\\x.raw", path(None, r"C:\data\x.raw")),
        (r"C:\data\", path(None, r"C:\data\")),
        (r"C:\my\ files\(1\).txt", path(None, r"C:\my files(1).txt")),
        ("c:/data/x.raw", path(None, "c:/data/x.raw")),
        ("s3://bucket/key", path(None, "s3://bucket/key")),
        ("location:S3://bucket/key", path(Some("location"), "S3://bucket/key")),
        ("location://isis/inst$/x", path(Some("location"), "//isis/inst$/x")),
        (r"a\/b", path(None, "a/b")),
    ] {
        assert_eq!(parse_text(text), expected, "{text}");
    }
    let phrase = |text: &str| Query::Phrase { field: Some("location".into()), text: text.into(), slop: 0 };
    assert_eq!(parse_text(r#"location:"\\\\isis\\inst$\\ndx\\run.nxs""#), phrase(r"\\isis\inst$\ndx\run.nxs"));
    assert_eq!(parse_text(r#"location:"\\isis\inst$\ndx\run.nxs""#), phrase(r"\\isis\inst$\ndx\run.nxs"));
    assert_eq!(parse_text(r#"location:" jpegs/pg1/""#), phrase(" jpegs/pg1/"));
    assert_eq!(parse_text(r#"location:"data/*/cm1-1""#), phrase("data/*/cm1-1"));
    assert_eq!(parse_text(r"location:my\ file.txt"), word(Some("location"), "my file.txt"));
    assert_eq!(parse_text("scan.01.nxs"), word(None, "scan.01.nxs"));
    assert_eq!(parse_text("location:*.jpeg").to_string(), "location:*.jpeg");
}

#[test]
fn errors_have_the_text_of_icat_lucene() {
    let refused = [
        "",
        " ",
        "a AND",
        "a OR",
        "AND",
        "OR a",
        "NOT",
        "+",
        "-",
        "(",
        ")",
        "()",
        "a)",
        "(a",
        "\"abc",
        "foo:",
        "foo:)",
        "a:b:c",
        "{a",
        "[a TO",
        "[a TO b",
        "[TO b]",
        "~",
        "^",
        "^2",
        "a^",
        "a^ 2",
        "a^-1",
        "a~1.5",
        "a\\",
        "+-a",
        "NOT NOT a",
        "a AND OR b",
        ":a",
        "a::b",
        "a:AND",
        "a]",
        "a}",
        "a<",
        "<5",
        "a:-b",
        "a = = b",
        "()^2",
        "(a)~1",
    ];
    for text in refused {
        assert_eq!(parse_and_render(text), "Search term could not be parsed due to syntax errors", "{text}");
    }
    assert_eq!(
        explain_error("ä AND"),
        "at character 6: a word, a quoted phrase, a range or a group in parentheses is expected here"
    );
    assert_eq!(explain_error("a (b"), "at character 3: this parenthesis is not closed");
    assert_eq!(explain_error("title:\"abc"), "at character 7: this quotation mark is not closed");
    assert_eq!(explain_error("title:"), "at character 7: a value is expected after the field name");
    assert_eq!(explain_error("a^x"), "at character 2: a number is expected after ^");
    assert_eq!(explain_error("size:[1 TO"), "at character 6: a range has the form [low TO high] or {low TO high}");
}

#[test]
fn nesting_clauses_and_length_are_limited() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(parse_text(&nested(MAX_NESTING)), word(None, "a"));
    assert_eq!(explain_error(&nested(MAX_NESTING + 1)), "at character 101: more than 100 nested parentheses");

    parse_text(&"a ".repeat(MAX_CLAUSES));
    let error = parse_query(&"a ".repeat(MAX_CLAUSES + 1)).unwrap_err();
    assert_eq!(error, SyntaxError::TooManyClauses);
    assert!(error.to_string().starts_with("Too many boolean clauses, the maximum supported is 1,024"));
    assert_eq!(parse_query(&"(a b) ".repeat(MAX_CLAUSES / 2 + 1)).unwrap_err(), SyntaxError::TooManyClauses);

    parse_text(&"a".repeat(MAX_QUERY_BYTES));
    assert_eq!(explain_error(&"a".repeat(MAX_QUERY_BYTES + 1)), "at character 1: the query is longer than 65536 bytes");
}

/// Each of these texts would take minutes if anything were read again and again. A rendered query may be longer.
#[test]
fn long_repetitive_texts_are_read_once() {
    let fragments =
        ["(", ")", "[", "{", "\"", "\\", "[\"", "[\" \\\"", "\"\\\"", "~", "^", ":", "a:", "-", "*", "?", "a~", "+a "];
    for fragment in fragments.into_iter().chain(["2024-01-01T00:", "http:", "[a TO b]", "\\a", "\\\\", "&", "AND "]) {
        let text = fragment.repeat(MAX_QUERY_BYTES / 3 / fragment.len());
        if let Ok(query) = parse_query(&text) {
            assert_eq!(parse_text(&query.to_string()), query);
        }
    }
}

#[test]
fn patterns_give_literals_prefixes_and_regular_expressions() {
    let pattern = WildcardPattern::from_wildcard_text("Sc**n_?.nxs");
    assert_eq!(pattern.to_lowercase().to_regex(), r"sc.*n_.\.nxs");
    assert_eq!(pattern.literal_prefix(), "Sc");
    assert_eq!(pattern.to_literal(), None);
    assert_eq!(pattern.to_prefix(), None);
    assert_eq!(WildcardPattern::from_prefix("ab").to_prefix().as_deref(), Some("ab"));
    assert_eq!(WildcardPattern::from_wildcard_text("*").to_prefix(), None);
    assert_eq!(WildcardPattern::from_literal("a*").to_literal().as_deref(), Some("a*"));
    // `\<` and `\>` would be the ends of a word.
    let special = r#"a*<b>"'_-[c](d)^$|{1}+\.#&~ äß"#;
    let regex = WildcardPattern::from_literal(special).to_regex();
    assert!(Regex::new(&format!("^{regex}$")).unwrap().is_match(special), "{regex}");
}

/// Texts of fragments that mean something to the parser, and of any characters.
fn any_query_text() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        4 => prop::sample::select(vec![
            "a", "scan_01", "title", ":", "=", "<", ">", ">=", "(", ")", "[", "]", "{", "}", " TO ", "\"", "\\", "\\\\", "/",
            "*", "?", "~", "^", "2", "0.5", "+", "-", "!", " AND ", " OR ", " NOT ", "&&", "||", " ", "C:\\", "s3://", "ä",
            "2024-01-01T10:30", "\\\"", "\u{3000}", "*:*",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(fragment, 0..24).prop_map(|fragments| fragments.concat())
}

proptest! {
    // PROPTEST_CASES may ask for more.
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(10_000)))]

    #[test]
    fn what_is_parsed_and_rendered_parses_to_the_same(text in any_query_text()) {
        if let Ok(query) = parse_query(&text) {
            let rendered = query.to_string();
            prop_assert_eq!(parse_query(&rendered), Ok(query), "{}", rendered);
        }
    }
}
