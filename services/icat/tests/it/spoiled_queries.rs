//! Queries of real clients with random changes: each is refused with a reason or answered, on each engine, and none makes
//! the engine fail.

use icat::query::{Access, ParseContext, Plan, QueryEnvironment, compile_search, parse_get, parse_rule, parse_search};
use jiff::tz::TimeZone;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use service_kit::{DbError, Micros};
use testkit::number_from_environment;

use crate::statements::{CLIENT_QUERIES, run_statement};

/// Unless `TESTKIT_CASES` says otherwise.
const CASES: usize = 2_000;
const WORDS: &str = "SELECT DISTINCT FROM WHERE AND OR NOT IN ( ) [ ] , . = <> < <= > >= + - * / <-> LIKE ESCAPE BETWEEN IS NULL \
    EMPTY MEMBER OF EXISTS ANY ALL CASE WHEN THEN ELSE END JOIN LEFT INNER AS GROUP BY HAVING ORDER ASC DESC INCLUDE LIMIT COUNT \
    MIN MAX SUM AVG SIZE ABS SQRT MOD LENGTH LOWER UPPER TRIM SUBSTRING LOCATE CONCAT COALESCE NULLIF TRUE FALSE \
    CURRENT_TIMESTAMP CURRENT_DATE :user 0 1 -1 2147483647 9223372036854775807 -9223372036854775808 1e308 0.5 '' 'a' '%' '\\' \
    '2026-01-12' {ts|2026-01-12|09:00:00} id name d d.id d.name d.datafiles d.investigation.facility i.datasets Dataset \
    Investigation User org.icatproject.ParameterValueType.NUMERIC";

/// The kind of a word; replacing a word by one of the same kind often yields a valid query.
fn word_kind(word: &str) -> usize {
    let starts = |with: &[char]| word.starts_with(with);
    match () {
        () if word.parse::<f64>().is_ok() => 0,
        () if starts(&['\'', ':', '{']) => 1,
        () if starts(&['=', '<', '>', '+', '-', '*', '/']) => 2,
        () if word.contains('.') => 3,
        () if ["MIN", "MAX", "SUM", "AVG", "COUNT", "ABS", "LENGTH", "LOWER", "UPPER", "TRIM", "SQRT"]
            .contains(&word) =>
        {
            4
        }
        () if ["AND", "OR"].contains(&word) => 5,
        () => 6,
    }
}

/// Returns a query with one to three words dropped, doubled, swapped or replaced.
fn spoil_query(rng: &mut StdRng, queries: &[Vec<String>], words: &[String]) -> String {
    let pick = |rng: &mut StdRng, from: &[String]| from[rng.random_range(0..from.len())].clone();
    let mut query = queries[rng.random_range(0..queries.len())].clone();
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..query.len());
        let same_kind = |word: &&String| word_kind(word) == word_kind(&query[at]);
        match rng.random_range(0..20) {
            0 if query.len() > 1 => drop(query.remove(at)),
            1 => query.insert(at, query[at].clone()),
            2 => {
                let other = rng.random_range(0..query.len());
                query.swap(at, other);
            }
            3 => query[at] = pick(rng, words),
            4 => query.insert(at, pick(rng, words)),
            5 => query.extend(queries[rng.random_range(0..queries.len())].clone()),
            6 => {
                let other = rng.random_range(0..queries.len());
                query[at] = pick(rng, &queries[other]);
            }
            _ => {
                let alike: Vec<String> = words.iter().filter(same_kind).cloned().collect();
                if !alike.is_empty() {
                    query[at] = pick(rng, &alike);
                }
            }
        }
    }
    query.join(" ")
}

#[tokio::test]
async fn a_spoiled_query_is_refused_or_answered() {
    let seed = number_from_environment("TESTKIT_SEED").unwrap_or_else(|| rand::rng().next_u64());
    let cases = number_from_environment("TESTKIT_CASES").and_then(|n| usize::try_from(n).ok()).unwrap_or(CASES);
    println!("seed {seed}");
    let apart = |text: &str| -> Vec<String> {
        let spaced =
            ["(", ")", ",", "[", "]"].iter().fold(text.to_owned(), |text, s| text.replace(s, &format!(" {s} ")));
        spaced.split_whitespace().map(str::to_owned).collect()
    };
    let queries: Vec<Vec<String>> =
        CLIENT_QUERIES.into_iter().chain(include_str!("language.txt").lines()).map(apart).collect();
    let words: Vec<String> = WORDS.split_whitespace().map(|word| word.replace('|', " ")).collect();
    let ctx = ParseContext { time_zone: TimeZone::UTC };
    let rule = std::sync::Arc::new(parse_rule("Dataset [name = :user]", &ctx).unwrap());
    for (n, test) in testkit::create_databases("icat", icat::SERVICE.migrations).await.into_iter().enumerate() {
        let mut rng = StdRng::seed_from_u64(seed);
        let cases = if n == 0 { cases } else { cases / 5 };
        let (mut answered, mut out_of_range) = (0, 0);
        for case in 0..cases {
            let text = spoil_query(&mut rng, &queries, &words);
            parse_get(&text).map(drop).unwrap_or_default();
            parse_rule(&text, &ctx).map(drop).unwrap_or_default();
            let Ok(search) = parse_search(&text, &ctx) else { continue };
            let env = QueryEnvironment {
                user: "db/x",
                now: Micros::from_i64(1),
                start_of_today: Micros::from_i64(0),
                engine: test.db.engine(),
                row_cap: 10,
                strict: case % 2 == 0,
                granted_user: None,
            };
            let access = if case % 3 == 0 { Access::Rules(vec![std::sync::Arc::clone(&rule)]) } else { Access::All };
            let Ok(Plan::Run(statement)) = compile_search(&search, &|_| access.clone(), &env) else { continue };
            match run_statement(&test.db, &statement).await {
                Ok(_) => answered += 1,
                Err(DbError::Data(_)) => out_of_range += 1,
                Err(e) => {
                    panic!("case {case}: {text}\n{}\n{}", statement.sql, service_kit::problem::format_error_chain(&e))
                }
            }
        }
        println!("{}: {cases} spoiled queries, {answered} answered, {out_of_range} out of range", test.engine);
        assert!(answered * 50 > cases, "too few are queries at all");
    }
}
