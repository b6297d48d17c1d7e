//! Numbers are the same on both engines, or an error on both.

use service_kit::{DbError, Val};

/// What a text begins with, as `SQLite` and `MariaDB` read it.
#[tokio::test]
async fn the_number_at_the_start_of_a_text_is_the_same_on_each_engine() {
    for test in testkit::create_databases("numbers", &[]).await {
        let sql = format!("SELECT {} AS n", test.db.engine().number_at_start("CAST($1 AS TEXT)"));
        for (text, expected) in [
            ("7x", 7.0),
            (" -1.5e3 K", -1500.0),
            ("1e5", 1e5),
            ("1e100", 1e100),
            ("-2.5E+300 m", -2.5e300),
            ("1e-300", 1e-300),
            ("1e00007", 1e7),
            ("1e309", f64::MAX),
            ("-1e999", f64::MIN),
            ("1e123456", f64::MAX),
            ("1e-999", 0.0),
            ("1e-123456", 0.0),
            (".5", 0.5),
            ("1e", 1.0),
            ("e5", 0.0),
            ("", 0.0),
        ] {
            let row = test.db.read().await.unwrap().fetch_one(&sql, &[text.into()]).await.unwrap();
            let found: f64 = row.get("n").unwrap();
            // `SQLite` rounds the last digit of some numbers in its own way.
            assert!((found - expected).abs() <= expected.abs() * 1e-14, "{}: {text} is {found}", test.engine);
        }
        let row = test.db.read().await.unwrap().fetch_one(&sql, &[Val::Text(None)]).await.unwrap();
        assert_eq!(row.get::<Option<f64>>("n").unwrap(), None, "{}", test.engine);
    }
}

#[tokio::test]
async fn whole_numbers_that_are_too_large_are_an_error_on_each_engine() {
    const MOST: i64 = i64::MAX;
    for test in testkit::create_databases("numbers", &[]).await {
        let engine = test.db.engine();
        let (a, b) = ("CAST($1 AS BIGINT)", "CAST($2 AS BIGINT)");
        for (computed, a_value, b_value, expected) in [
            (format!("({a} * {b})"), Some(MOST), Some(2), Err(())),
            (format!("({a} * {b})"), Some(3), Some(-4), Ok(Some(-12))),
            (format!("({a} * {b})"), None, Some(4), Ok(None)),
            (format!("({a} + {b})"), Some(MOST), Some(0), Ok(Some(MOST))),
            (format!("({a} + {b})"), Some(MOST), Some(1), Err(())),
            (format!("({a} - {b})"), Some(-MOST), Some(1), Ok(Some(i64::MIN))),
            (format!("({a} - {b})"), Some(-MOST), Some(2), Err(())),
            (format!("(- {a} + {b} * 0)"), Some(i64::MIN), Some(0), Err(())),
            (format!("({a} / {b})"), Some(i64::MIN), Some(-1), Err(())),
        ] {
            let sql = format!("SELECT {} AS n", engine.whole_number(&computed));
            let mut tx = test.db.read().await.unwrap();
            let found = tx.fetch_one(&sql, &[Val::I64(a_value), Val::I64(b_value)]).await;
            match expected {
                Ok(n) => assert_eq!(found.unwrap().get::<Option<i64>>("n").unwrap(), n, "{}: {computed}", test.engine),
                Err(()) => assert!(matches!(found, Err(DbError::Data(_))), "{}: {computed} {a_value:?}", test.engine),
            }
        }
        let sql =
            format!("SELECT CAST({} AS BIGINT) AS n", engine.truncated_to_whole_number("CAST($1 AS DOUBLE PRECISION)"));
        for (number, expected) in [(2.9, Ok(Some(2))), (-2.9, Ok(Some(-2))), (1e19, Err(())), (-1e300, Err(()))] {
            let found = test.db.read().await.unwrap().fetch_one(&sql, &[Val::F64(Some(number))]).await;
            match expected {
                Ok(n) => assert_eq!(found.unwrap().get::<Option<i64>>("n").unwrap(), n, "{}: {number}", test.engine),
                Err(()) => assert!(matches!(found, Err(DbError::Data(_))), "{}: {number}", test.engine),
            }
        }
    }
}
