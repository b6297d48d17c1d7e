//! The text of queries, literally as ICAT's grammar has it, and what is refused instead of being sent.

use icat_client::client::{Filter, Literal};
use icat_client::{QueryError, Select};
use jiff::civil::date;

fn render_query(select: Select) -> String {
    select.build().unwrap().to_string()
}

fn build_error(select: Select) -> QueryError {
    select.build().unwrap_err()
}

fn render_filtered(entity: &str, filter: Filter) -> Result<String, QueryError> {
    let query = Select::values(entity, &["id"]).filter(filter).build()?;
    Ok(query.to_string().split_once(" WHERE ").unwrap().1.to_owned())
}

#[test]
fn clauses_stand_in_the_order_of_the_grammar() {
    assert_eq!(render_query(Select::rows("Dataset")), "SELECT o FROM Dataset o");
    assert_eq!(render_query(Select::count("Dataset")), "SELECT COUNT(o) FROM Dataset o");
    let all = Select::rows("Dataset")
        .limit(20, 10)
        .include("investigation.facility")
        .include("investigation.type")
        .include("type")
        .order_by_descending("investigation.startDate")
        .order_by("id")
        .filter(Filter::eq("complete", true))
        .filter(Filter::gt("id", 7));
    assert_eq!(
        render_query(all),
        "SELECT o FROM Dataset o WHERE o.complete = TRUE AND o.id > 7 ORDER BY o.investigation.startDate DESC, o.id \
         INCLUDE o.investigation AS i1, i1.facility, i1.type, o.type LIMIT 20,10"
    );
    let values = Select::values("Datafile", &["id", "name", "dataset.investigation.facility.name"]);
    assert_eq!(render_query(values), "SELECT o.id, o.name, o.dataset.investigation.facility.name FROM Datafile o");
    let many = Select::rows("Investigation").include("investigationUsers.user").include("investigationUsers");
    assert_eq!(render_query(many), "SELECT o FROM Investigation o INCLUDE o.investigationUsers AS i1, i1.user");
}

#[test]
fn conditions_carry_literals_of_their_kind() {
    let noon = date(2026, 1, 12).at(12, 0, 0, 999_000_000);
    let members = Select::values("InvestigationUser", &["investigation.id"])
        .filter(Filter::eq("user.name", Literal::User))
        .filter(Filter::in_select("role", Select::values("User", &["fullName"])));
    let cases = [
        ("Dataset", Filter::eq("name", "a"), "o.name = 'a'"),
        ("Dataset", Filter::ne("investigation.id", 5), "o.investigation.id <> 5"),
        ("Dataset", Filter::between("id", -1, 9), "o.id BETWEEN -1 AND 9"),
        ("Dataset", Filter::one_of("name", ["a", "b"]), "o.name IN ('a','b')"),
        ("Dataset", Filter::is_null("sample"), "o.sample IS NULL"),
        ("Dataset", Filter::not_null("location"), "o.location IS NOT NULL"),
        ("Dataset", Filter::lt("startDate", noon), "o.startDate < {ts 2026-01-12 12:00:00}"),
        ("ParameterType", Filter::le("minimumNumericValue", 1.5), "o.minimumNumericValue <= 1.5"),
        (
            "ParameterType",
            Filter::eq("valueType", "NUMERIC"),
            "o.valueType = org.icatproject.ParameterValueType.NUMERIC",
        ),
        ("Dataset", Filter::eq("createId", Literal::User), "o.createId = :user"),
        (
            "Dataset",
            Filter::any(vec![Filter::eq("id", 1), Filter::all(vec![Filter::ge("id", 2), Filter::le("id", 3)])])
                .negated(),
            "NOT ((o.id = 1 OR (o.id >= 2 AND o.id <= 3)))",
        ),
        (
            "Investigation",
            Filter::in_select("id", members),
            "o.id IN (SELECT o1.investigation.id FROM InvestigationUser o1 WHERE o1.user.name = :user AND \
             o1.role IN (SELECT o2.fullName FROM User o2))",
        ),
    ];
    for (entity, filter, expected) in cases {
        assert_eq!(render_filtered(entity, filter).unwrap(), expected);
    }
}

#[test]
fn strings_stay_within_their_quotes_whatever_they_hold() {
    let cases = [
        ("O'Brien", "'O''Brien'", "'%O''Brien%'"),
        ("' OR 1=1 --", "''' OR 1=1 --'", "'%'' OR 1=1 --%'"),
        ("''", "''''''", "'%''''%'"),
        ("100%", "'100%'", "'%100!%%' ESCAPE '!'"),
        ("a_b!", "'a_b!'", "'%a!_b!!%' ESCAPE '!'"),
        (r"c:\d", r"'c:\d'", r"'%c:\d%' ESCAPE '!'"),
        (
            "\u{1f9ec} \u{2019}\u{ff07} \"x\"\n",
            "'\u{1f9ec} \u{2019}\u{ff07} \"x\"\n'",
            "'%\u{1f9ec} \u{2019}\u{ff07} \"x\"\n%'",
        ),
        ("", "''", "'%%'"),
    ];
    for (hostile, literal, pattern) in cases {
        assert_eq!(render_filtered("Dataset", Filter::eq("name", hostile)).unwrap(), format!("o.name = {literal}"));
        assert_eq!(
            render_filtered("Dataset", Filter::contains("name", hostile)).unwrap(),
            format!("o.name LIKE {pattern}")
        );
    }
    assert_eq!(render_filtered("Dataset", Filter::eq("name", "a\0b")), Err(QueryError::Nul));
    assert_eq!(render_filtered("Dataset", Filter::contains("name", "%\0")), Err(QueryError::Nul));
}

#[test]
fn what_the_schema_does_not_have_is_refused() {
    let unknown = |entity, member: &str| QueryError::UnknownMember { entity, member: member.to_owned() };
    assert_eq!(build_error(Select::rows("dataset")), QueryError::UnknownEntity("dataset".to_owned()));
    assert_eq!(build_error(Select::values("Dataset", &["colour"])), unknown("Dataset", "colour"));
    assert_eq!(build_error(Select::values("Dataset", &["name FROM User u"])), unknown("Dataset", "name FROM User u"));
    assert_eq!(build_error(Select::rows("Dataset").order_by("investigation.nme")), unknown("Investigation", "nme"));
    assert_eq!(build_error(Select::rows("Dataset").include("type.name")), unknown("DatasetType", "name"));
    assert_eq!(render_filtered("Dataset", Filter::eq("name.x", "a")), Err(unknown("Dataset", "name")));
    assert_eq!(render_filtered("Dataset", Filter::eq("", "a")), Err(unknown("Dataset", "")));
    assert_eq!(
        render_filtered("Dataset", Filter::eq("datafiles.name", "a")),
        Err(QueryError::ToMany("datafiles".to_owned()))
    );
    assert_eq!(
        render_filtered("Dataset", Filter::is_null("datafiles")),
        Err(QueryError::ToMany("datafiles".to_owned()))
    );
    let relation = Err(QueryError::NotAnAttribute("investigation".to_owned()));
    assert_eq!(render_filtered("Dataset", Filter::eq("investigation", 1)), relation);
}

#[test]
fn values_of_another_kind_and_clauses_without_meaning_are_refused() {
    let misfits = [
        ("Dataset", Filter::eq("name", 1), "name"),
        ("Dataset", Filter::eq("id", "1"), "id"),
        ("Dataset", Filter::eq("complete", 1), "complete"),
        ("Dataset", Filter::eq("startDate", "2026-01-12"), "startDate"),
        ("Dataset", Filter::eq("id", 1.0), "id"),
        ("Dataset", Filter::contains("id", "1"), "id"),
        ("ParameterType", Filter::eq("valueType", "TRUE"), "valueType"),
        ("ParameterType", Filter::eq("minimumNumericValue", f64::NAN), "minimumNumericValue"),
        ("Dataset", Filter::in_select("id", Select::values("User", &["name"])), "name"),
    ];
    for (entity, filter, path) in misfits {
        assert_eq!(render_filtered(entity, filter), Err(QueryError::Kind(path.to_owned())));
    }
    assert_eq!(render_filtered("Dataset", Filter::one_of::<i64>("id", [])), Err(QueryError::Empty));
    assert_eq!(render_filtered("Dataset", Filter::any(Vec::new())), Err(QueryError::Empty));
    assert_eq!(build_error(Select::values("Dataset", &[])), QueryError::Empty);
    let meaningless = [
        Select::values("Dataset", &["id"]).include("type"),
        Select::count("Dataset").order_by("id"),
        Select::rows("Dataset").limit(0, u32::MAX),
        Select::rows("Dataset").filter(Filter::in_select("id", Select::rows("Dataset"))),
        Select::rows("Dataset").filter(Filter::in_select("id", Select::values("Dataset", &["id"]).limit(0, 1))),
    ];
    for select in meaningless {
        assert!(matches!(build_error(select), QueryError::Clauses(_)));
    }
}
