//! Tests of the query language: queries of real clients, error texts that they match, and random text.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use service_kit::{Engine, Micros};

use super::*;

fn parse_context() -> ParseContext {
    ParseContext { time_zone: TimeZone::UTC }
}

fn parse_failure(text: &str) -> String {
    parse_search(text, &parse_context()).map(drop).expect_err(text).to_string()
}

#[test]
fn a_rule_knows_whether_it_reads_other_rows_of_its_entity() {
    for (what, expected) in [
        ("Datafile", false),
        ("Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]", false),
        ("InvestigationUser <-> User [name = :user]", false),
        ("SELECT f FROM Datafile f WHERE f.dataset.investigation.releaseDate < CURRENT_TIMESTAMP", false),
        ("SELECT u FROM InvestigationUser u WHERE u.investigation.investigationUsers IS NOT EMPTY", true),
        ("SELECT u FROM InvestigationUser u WHERE SIZE(u.investigation.investigationUsers) > 1", true),
        ("SELECT u FROM InvestigationUser u WHERE u.id IN (SELECT v.id FROM InvestigationUser v)", true),
        ("SELECT u FROM InvestigationUser u, InvestigationUser v WHERE v.role = 'PI'", true),
        ("SELECT u FROM InvestigationUser u JOIN u.investigation.investigationUsers v WHERE v.user.name = :user", true),
        ("SELECT f FROM Datafile f WHERE EXISTS (SELECT d FROM Dataset d WHERE SIZE(d.datafiles) = 0)", true),
        ("SELECT d FROM Dataset d WHERE NOT EXISTS (SELECT f FROM Datafile f WHERE f.dataset.name = 'x')", true),
        ("SELECT d FROM Dataset d WHERE NOT EXISTS (SELECT f FROM Datafile f WHERE f.name = 'x')", false),
    ] {
        let rule = parse_rule(what, &parse_context()).unwrap();
        assert_eq!(rule.reads_other_rows(), expected, "{what}");
    }
}

/// A short query must not become megabytes of SQL, nor a long one overflow the stack.
#[test]
fn what_grows_by_powers_is_refused() {
    let far = |times: usize| format!("SELECT f FROM Facility f INCLUDE f{}", ".investigations.facility".repeat(times));
    assert!(parse_search(&far(10), &parse_context()).is_ok());
    for times in [11, 1500, 50_000] {
        assert_eq!(parse_failure(&far(times)), "INCLUDE takes up to 20 relations one after another and 500 in all");
    }
    let env = QueryEnvironment {
        user: "db/x",
        now: Micros::from_i64(1),
        start_of_today: Micros::from_i64(0),
        engine: Engine::Sqlite,
        row_cap: 100,
        strict: true,
        granted_user: None,
    };
    let nested = |begin: &str, middle: &str, end: &str, times: usize| {
        let text =
            format!("SELECT f.id FROM Facility f WHERE 1 = {}{middle}{}", begin.repeat(times), end.repeat(times));
        let search = parse_search(&text, &parse_context()).expect(&text);
        compile_search(&search, &|_| Access::All, &env)
    };
    for (begin, middle, end) in [
        ("LOCATE(f.name, f.name, ", "1", ")"),
        ("SQRT(", "1", ")"),
        ("ALL (SELECT g.id FROM Facility g WHERE 1 = ", "1", ")"),
    ] {
        assert!(matches!(nested(begin, middle, end, 3), Ok(Plan::Run(_))), "{begin}");
        let refused = nested(begin, middle, end, 40).expect_err(begin).to_string();
        assert!(refused.starts_with("the query is too large"), "{begin}: {refused}");
    }
}

/// The error texts of icat.server, which clients show or match.
#[test]
fn refusals_have_the_known_words() {
    let known = [
        (
            "SELECT f FROM Facility f WHERE f.name = \"X\"",
            "Unexpected character '\"' near \"e = \"X\"\" in state NONE for string: SELECT f FROM Facility f WHERE f.name = \"X\"",
        ),
        ("SELECT f FROM Facility f LIMIT 10", "Attempt to read beyond end"),
        ("SELECT f FROM Facility f LIMIT 0,10 x", "No more input expected at token x in , 10 < x > "),
        ("SELECT g FROM Facility f", "idVar 'G' referenced in the SELECT clause is not defined in the FROM clause."),
        ("SELECT f FROM Facilty f", "No information to determine type of Facilty in the FROM clause"),
        (
            "SELECT i FROM Investigation i INCLUDE i.datasets, i.datasets.type",
            "INCLUDE clause contains redundant path to datasets",
        ),
        (
            "SELECT f.name, f.id FROM Facility f INCLUDE f.instruments",
            "INCLUDE is only valid for one quantity in the SELECT clause",
        ),
        ("SELECT f FROM Facility f JOIN f.nothing n", "Facility has no relationship field nothing"),
        ("SELECT f.nothing FROM Facility f", "Facility has no field nothing"),
        (
            "SELECT f FROM Facility f INCLUDE f.nothing",
            "Problem with INCLUDE clause: nothing is not a field of Facility",
        ),
        (
            "SELECT df.name FROM Datafile df INCLUDE df.dataset",
            "variable DF mentioned in INCLUDE clause is not defined",
        ),
        (
            "SELECT f FROM Facility f INCLUDE 1, f.instruments",
            "\"INCLUDE 1\" must not be followed by other things to include.",
        ),
        ("Facilty", "Facilty is not an ICAT entity"),
        ("Dataset INCLUDE User", "Unable to reach User in list of INCLUDES."),
        ("Facility <-> Job", "Unable to reach Job"),
        (
            "SELECT f FROM Facility f WHERE f.name = 'x",
            "Unexpected end of string in state INQUOTES for string: SELECT f FROM Facility f WHERE f.name = 'x",
        ),
    ];
    for (text, message) in known {
        assert_eq!(parse_failure(text), message, "{text}");
    }
    assert_eq!(parse_get("Datset").expect_err("unknown").to_string(), "Datset is not an ICAT entity");
}

/// Every construct of the language is parsed and compiled for both engines.
#[test]
fn the_whole_language_is_understood() {
    for text in include_str!("../../tests/it/language.txt").lines() {
        let search = parse_search(text, &parse_context()).expect(text);
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let env = QueryEnvironment { engine, ..test_environment() };
            compile_search(&search, &|_| Access::All, &env).expect(text);
        }
    }
}

/// Meaningless queries are refused with a reason.
#[test]
fn nonsense_is_refused_with_a_reason() {
    for (text, reason) in [
        ("SELECT i FROM Investigation i WHERE i.startDate + 1 > 3", "arithmetic takes numbers, not a time"),
        ("SELECT f FROM Facility f WHERE FOO(f.name) = 'a'", "there is no function FOO"),
        ("SELECT f FROM Facility f WHERE SUBSTRING(f.name) = 'a'", "SUBSTRING does not take 1 arguments"),
        ("SELECT f FROM Facility f WHERE COUNT(f) > 1", "Count is only allowed in SELECT, HAVING and ORDER BY"),
        (
            "Dataset [endDate = NULL]",
            "conditions of the classic form have no NULL: write SELECT d FROM Dataset d WHERE d.endDate IS NULL",
        ),
        (
            "SELECT f FROM Facility f WHERE f = 331",
            "331 cannot be compared with a Facility: compare its id, as in x.id = 5",
        ),
        (
            "SELECT p FROM ParameterType p WHERE p.valueType = 'NUMERIC'",
            "'NUMERIC' cannot be compared with a ParameterValueType: write org.icatproject.ParameterValueType.DATE_AND_TIME",
        ),
        (
            "SELECT p FROM ParameterType p WHERE p.valueType = org.icatproject.core.entity.ParameterValueType.NUMERIC",
            "Enum literal org.icatproject.core.entity.ParameterValueType.NUMERIC must contain exactly 4 parts",
        ),
        (
            "SELECT i FROM Investigation i WHERE i.startDate > {ts 2010-01-01}",
            "Timestamp {ts 2010-01-01} is not of form {ts yyyy-mm-dd hh:mm:ss}.",
        ),
        (
            "SELECT i FROM Investigation i WHERE i.startDate = '2010-09-30T10:27:24Z'",
            "'2010-09-30T10:27:24Z' has a time zone, which queries do not accept: write it as '2026-01-12 09:00:00'",
        ),
        (
            "SELECT i FROM Investigation i WHERE i.startDate LIKE '2010%'",
            "LIKE takes no times: compare them with BETWEEN, < or >",
        ),
        (
            "SELECT f.name, 'x' FROM Facility f",
            "the SELECT list takes no strings such as 'x': select the attributes, and add the string in your program",
        ),
        (
            "SELECT SIZE(i.datasets) FROM Investigation i",
            "SIZE is only allowed in conditions: write SELECT i.name, COUNT(d) FROM Investigation i JOIN i.datasets d GROUP BY \
             i.name",
        ),
        ("SELECT f FROM Facility f INCLUDE f", "Path f must contain a '.'"),
        ("SELECT f.name FROM Facility f ORDER BY 2", "ORDER BY 2 names a column, of which the query has 1"),
        (
            "SELECT f.name FROM Facility f ORDER BY 'name'",
            "ORDER BY takes attributes, what is computed of them, or the number of a column",
        ),
        (
            "SELECT f FROM Facility f HAVING f.id > 1",
            "HAVING needs GROUP BY or an aggregate: write the condition after WHERE",
        ),
        (
            "SELECT Facility.name FROM Facility Facility",
            "idVar 'FACILITY' referenced in the SELECT clause is not defined in the FROM clause.",
        ),
        (
            "SELECT f.name, COUNT(f) FROM Facility f GROUP BY f.name HAVING f.id > 1",
            "HAVING takes aggregates, and paths that GROUP BY lists",
        ),
        (
            "SELECT COALESCE(f.name, 'x') FROM Facility f",
            "idVar 'COALESCE' referenced in the SELECT clause is not defined in the FROM clause.",
        ),
        (
            "Datafile <-> RelatedDatafile",
            "Can't have loop in graph of entities. 'RelatedDatafile' was encountered twice following Datafile -> RelatedDatafile",
        ),
    ] {
        assert_eq!(parse_failure(text), reason, "{text}");
    }
}

fn test_environment() -> QueryEnvironment<'static> {
    QueryEnvironment {
        user: "db/x",
        now: Micros::from_i64(0),
        start_of_today: Micros::from_i64(0),
        engine: Engine::Sqlite,
        row_cap: 10,
        strict: false,
        granted_user: None,
    }
}

/// Whole rows are neither sorted nor grouped, because they are wider than ids.
#[test]
fn a_statement_says_how_it_may_be_read() {
    for (text, is_sorted, row_limit, whole_rows_of) in [
        ("SELECT g FROM Grouping g", false, 10, Some("Grouping")),
        ("SELECT g FROM Grouping g LIMIT 2, 3", false, 3, Some("Grouping")),
        ("SELECT g FROM Grouping g LIMIT 0, 11", false, 10, Some("Grouping")),
        ("SELECT u FROM Grouping g LEFT JOIN g.userGroups u", false, 10, Some("UserGroup")),
        ("SELECT DISTINCT g FROM Grouping g", false, 10, None),
        ("SELECT u.grouping FROM UserGroup u", false, 10, None),
        ("SELECT g.id FROM Grouping g", false, 10, None),
        ("SELECT g, u FROM UserGroup u JOIN u.grouping g", false, 10, None),
        ("SELECT g FROM Grouping g ORDER BY g.name", true, 10, None),
        ("SELECT g FROM Grouping g GROUP BY g", false, 10, None),
        ("SELECT MIN(g.id) FROM Grouping g", false, 10, None),
        ("SELECT COUNT(f) FROM Datafile f", false, 1, None),
    ] {
        let search = parse_search(text, &parse_context()).expect(text);
        let plan = compile_search(&search, &|_| Access::All, &test_environment()).expect(text);
        let Plan::Run(statement) = plan else { panic!("{text}") };
        assert_eq!((statement.is_sorted, statement.row_limit), (is_sorted, Some(row_limit)), "{text}");
        assert_eq!(statement.whole_rows.map(|rows| rows.entity.name), whole_rows_of, "{text}");
    }
}

#[test]
fn rules_know_whether_they_restrict() {
    let restricted = |text: &str| parse_rule(text, &parse_context()).expect(text).restricted;
    assert!(!restricted("Dataset") && !restricted("SELECT d FROM Dataset d"));
    assert!(restricted("Dataset [name = 'a']") && restricted("Dataset <-> Investigation"));
    assert!(restricted("SELECT d FROM Dataset d JOIN d.investigation i"), "joins alone restrict");
    let path = |text: &str| -> Vec<&str> {
        let rule = parse_rule(text, &parse_context()).expect(text);
        rule.path_to_ancestor().iter().map(|one| one.name).collect()
    };
    assert_eq!(path("SELECT d FROM Dataset d WHERE d.investigation.id IN (1, 2)"), ["investigation"]);
    assert_eq!(
        path("Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]"),
        ["dataset", "investigation"]
    );
    assert!(path("SELECT d FROM Dataset d WHERE d.sample.id IS NULL").is_empty(), "about datasets without a sample");
    let attribute =
        parse_rule("SELECT d.description FROM Dataset d WHERE d.complete = FALSE", &parse_context()).unwrap();
    assert_eq!(attribute.attribute.as_deref(), Some("description"));
    for refused in [
        "SELECT DISTINCT d FROM Dataset d",
        "Dataset.name ORDER BY name",
        "SELECT COUNT(d) FROM Dataset d",
        "SELECT d FROM Dataset d HAVING COUNT(d) > 5",
        "SELECT d FROM Dataset d WHERE d.investigation.id = 5 HAVING COUNT(d) > 5",
        "0,1 Dataset",
    ] {
        assert!(parse_rule(refused, &parse_context()).is_err(), "{refused}");
    }
}

#[test]
fn rules_with_the_same_condition_have_the_same_set() {
    let select = |text: &str| compile_grant(&parse_rule(text, &parse_context()).expect(text), &test_environment());
    let members = select("Investigation <-> InvestigationUser <-> User [name = :user]").unwrap();
    assert_eq!(
        members.sql,
        "SELECT DISTINCT t3.id AS user_id, t1.id AS row_id FROM investigation t1 JOIN investigationuser t2 ON \
         t2.investigation_id = t1.id JOIN user_ t3 ON t3.id = t2.user_id WHERE 1 = 1 AND t3.id IS NOT NULL"
    );
    let sources: Vec<(&str, &[String], bool)> =
        members.sources.iter().map(|s| (s.entity.as_str(), s.columns.as_slice(), s.has_foreign_key)).collect();
    let keys = ["investigation_id".to_owned(), "user_id".to_owned()];
    assert_eq!(
        sources,
        [("Investigation", &[][..], false), ("InvestigationUser", &keys[..], true), ("User", &[], false)]
    );
    for text in [
        "Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
        "DatafileParameter <-> Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
    ] {
        assert_eq!(select(text).as_ref(), Some(&members), "{text}");
    }
    let group =
        select("SELECT i FROM Investigation i JOIN i.investigationInstruments ii WHERE ii.instrument.name = 'ID01'");
    assert!(group.unwrap().for_everybody);
    for (text, why) in [
        ("SELECT i FROM Investigation i WHERE i.releaseDate < CURRENT_TIMESTAMP", "cheaper than a set"),
        ("SELECT d FROM Dataset d WHERE d.type.name = 'raw'", "cheaper than a set"),
        (
            "SELECT i FROM Investigation i JOIN i.investigationUsers u WHERE u.user.name = :user AND i.releaseDate < CURRENT_DATE",
            "time",
        ),
        ("SELECT i FROM Investigation i JOIN i.investigationUsers u WHERE u.user.name <> :user", "all users but one"),
        (
            "SELECT i FROM Investigation i JOIN i.investigationUsers u WHERE u.user.name = :user OR i.name = 'x'",
            "not by user",
        ),
        ("SELECT i FROM Investigation i LEFT JOIN i.investigationUsers u WHERE u.id IS NULL", "missing rows"),
        ("SELECT i FROM Investigation i JOIN i.datasets d WHERE i.investigationUsers IS EMPTY", "missing rows"),
        ("SELECT i FROM Investigation i JOIN i.datasets d WHERE d.modId = :user", "changes with every attribute"),
    ] {
        assert_eq!(select(text), None, "{text}: {why}");
    }
}

#[test]
fn nothing_of_the_text_becomes_sql() {
    let text = "SELECT f FROM Facility f WHERE f.name = 'it''s; DROP' AND f.id IN (1, 2) AND f.url LIKE 'a\\_%'";
    let search = parse_search(text, &parse_context()).unwrap();
    let env = test_environment();
    let Plan::Run(statement) = compile_search(&search, &|_| Access::All, &env).unwrap() else { panic!("readable") };
    assert_eq!(
        statement.sql,
        "SELECT t1.id FROM facility t1 WHERE (t1.name = $1 AND t1.id IN ($2, $3) AND t1.url LIKE $4 ESCAPE '\\') LIMIT $5"
    );
    let text = |text: &str| Param::Text(text.to_owned());
    let expected = [text("it's; DROP"), Param::I64(1), Param::I64(2), text("a\\_%"), Param::I64(10)];
    assert_eq!(statement.params, expected);
}

#[test]
fn who_may_read_nothing_gets_no_row_or_zero() {
    let env = test_environment();
    let plan =
        |text: &str| compile_search(&parse_search(text, &parse_context()).unwrap(), &|_| Access::None, &env).unwrap();
    assert_eq!(plan("SELECT d FROM Dataset d"), Plan::Empty);
    assert_eq!(plan("SELECT COUNT(d) FROM Dataset d"), Plan::Zero);
    assert_eq!(plan("COUNT(Dataset)"), Plan::Zero);
    assert_eq!(plan("SELECT SUM(d.fileSize) FROM Dataset d"), Plan::Empty);
    assert_eq!(plan("SELECT COUNT(d), MAX(d.id) FROM Dataset d"), Plan::Empty);
}

/// Keywords, names and signs of the language in random order, which is closer to queries than random text.
fn query_fragments() -> impl Strategy<Value = String> {
    let words = [
        "SELECT",
        "FROM",
        "WHERE",
        "JOIN",
        "LEFT",
        "INCLUDE",
        "LIMIT",
        "ORDER BY",
        "GROUP BY",
        "AND",
        "OR",
        "NOT",
        "IN",
        "IS",
        "NULL",
        "EMPTY",
        "EXISTS",
        "BETWEEN",
        "LIKE",
        "ESCAPE",
        "DISTINCT",
        "COUNT",
        "MIN",
        "SUM",
        "AS",
        "HAVING",
        "MEMBER OF",
        "ALL",
        "ANY",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "SUBSTRING",
        "TRIM",
        "LOCATE",
        "SIZE",
        "MOD",
        "COALESCE",
        "CURRENT_DATE",
        "Dataset",
        "Investigation",
        "User",
        "d",
        "i",
        "d.name",
        "d.investigation.facility",
        "d.datafiles",
        "i.datasets",
        "o",
        "'a'",
        "1",
        "-1",
        "2.5e3",
        ":user",
        ":x",
        "{ts 2026-01-01}",
        "(",
        ")",
        "[",
        "]",
        ",",
        "=",
        "<>",
        "<->",
        "<",
        "*",
        "+",
        "TRUE",
        "CURRENT_TIMESTAMP",
        "org.icatproject.StudyStatus.NEW",
        "'",
        "é",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..24).prop_map(|words| words.join(" "))
}

fn parse_all_forms(text: &str) {
    let env = QueryEnvironment { engine: Engine::Postgres, ..test_environment() };
    if let Ok(search) = parse_search(text, &parse_context()) {
        compile_search(&search, &|_| Access::All, &env).map(drop).unwrap_or_default();
    }
    parse_get(text).map(drop).unwrap_or_default();
    parse_rule(text, &parse_context()).map(drop).unwrap_or_default();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_text_panics(text in "\\PC{0,60}|[ -~\t\n]{0,80}") {
        parse_all_forms(&text);
    }

    #[test]
    fn no_order_of_words_panics(text in query_fragments()) {
        parse_all_forms(&text);
        parse_all_forms(&format!("SELECT d FROM Dataset d WHERE {text}"));
        parse_all_forms(&format!("Dataset [{text}"));
    }
}
