//! Rows that are read in bulk are the same rows.

use service_kit::{BulkColumn, BulkRow, BulkText, DbError, Val};

const CREATE: &str = "CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT, n BIGINT, x DOUBLE PRECISION, b TEXT)";
const INTEGERS_AND_TEXTS: [BulkColumn; 4] =
    [BulkColumn::Integer, BulkColumn::Text, BulkColumn::Integer, BulkColumn::Text];

/// Id, text, integer, real, text.
type Values = (i64, Option<String>, Option<i64>, Option<f64>, Option<String>);

/// The text, from whichever form the database sent.
fn parse_text(text: BulkText<'_>) -> String {
    match text {
        BulkText::Plain(text) => text.to_owned(),
        BulkText::Json(json) => {
            let text: String = serde_json::from_str(json).unwrap();
            assert_eq!(json, serde_json::to_string(&text).unwrap(), "escaped as serde_json does");
            text
        }
    }
}

fn list_texts() -> Vec<Option<String>> {
    let characters = (1..0x250).chain(0x2020..0x2030).chain(0x1_f600..0x1_f610).filter_map(char::from_u32);
    let mut texts: Vec<Option<String>> = characters.map(|c| Some(format!("{c}a{c}"))).collect();
    let special = ["", "null", "[", "]", ",", "\"", "\\", "\\\"", "],[", "a\"],[\"b", "\\u0041", "\u{10ffff}"];
    texts.extend(special.map(|text| Some(text.to_owned())));
    texts.extend([Some("long".repeat(10_000)), None]);
    texts
}

#[tokio::test]
async fn all_values_arrive_as_they_are_stored() {
    for test in testkit::create_databases("bulk", &[]).await {
        let mut rows: Vec<Values> = Vec::new();
        let numbers = [Some(0), Some(-1), Some(i64::MIN), Some(i64::MAX), None];
        let reals =
            [Some(0.1 + 0.2), Some(-0.0), Some(f64::MIN_POSITIVE), Some(f64::MAX), Some(17.333_333_333_333_332), None];
        for (n, text) in list_texts().into_iter().enumerate() {
            let id = i64::try_from(n).unwrap();
            rows.push((
                id,
                text,
                numbers[n % numbers.len()],
                reals[n % reals.len()],
                (n % 3 > 0).then(|| "b".to_owned()),
            ));
        }
        let insert = "INSERT INTO t (id, a, n, x, b) VALUES ($1, $2, $3, $4, $5)";
        test.db
            .write(async |tx| {
                tx.execute(CREATE, &[]).await?;
                for (id, a, n, x, b) in &rows {
                    tx.execute(insert, &[(*id).into(), a.clone().into(), (*n).into(), (*x).into(), b.clone().into()])
                        .await?;
                }
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        let mut tx = test.db.read().await.unwrap();
        let mut found = Vec::new();
        let visit = |row: &BulkRow<'_>| {
            let text = |place| row.get_text(place).map(|text| text.map(parse_text));
            found.push((row.get_integer(0)?.unwrap(), text(1)?, row.get_integer(2)?, None::<f64>, text(3)?));
            Ok::<_, DbError>(())
        };
        tx.visit_bulk("SELECT id, a, n, b FROM t", &INTEGERS_AND_TEXTS, &[], visit).await.unwrap();
        found.sort_by_key(|row| row.0);
        let without_reals: Vec<_> = rows.iter().cloned().map(|(id, a, n, _, b)| (id, a, n, None, b)).collect();
        assert_eq!(found, without_reals, "{}", test.engine);

        let mut found = Vec::new();
        let columns =
            [&[BulkColumn::Integer, BulkColumn::Text, BulkColumn::Integer][..], &[BulkColumn::Real, BulkColumn::Text]];
        let visit = |row: &BulkRow<'_>| {
            let text = |place| row.get_text(place).map(|text| text.map(parse_text));
            found.push((row.get_integer(0)?.unwrap(), text(1)?, row.get_integer(2)?, row.get_real(3)?, text(4)?));
            Ok::<_, DbError>(())
        };
        tx.visit_bulk("SELECT id, a, n, x, b FROM t", &columns.concat(), &[], visit).await.unwrap();
        found.sort_by_key(|row| row.0);
        assert_eq!(found, rows, "{}", test.engine);

        // Only numbers with decimals, no rows, and a limit.
        let mut sum = 0.0;
        let add = |row: &BulkRow<'_>| {
            sum += row.get_real(0)?.unwrap();
            Ok::<_, DbError>(())
        };
        tx.visit_bulk("SELECT x FROM t WHERE id < $1", &[BulkColumn::Real], &[2.into()], add).await.unwrap();
        assert_eq!(sum.to_bits(), (0.1_f64 + 0.2).to_bits());
        let none = |_: &BulkRow<'_>| -> Result<(), DbError> { unreachable!("there are no rows") };
        tx.visit_bulk("SELECT id FROM t WHERE id < 0", &[BulkColumn::Integer], &[], none).await.unwrap();
        let mut ids = Vec::new();
        let limited = "SELECT id FROM t ORDER BY id DESC LIMIT $1";
        let collect = |row: &BulkRow<'_>| {
            ids.extend(row.get_integer(0)?);
            Ok::<_, DbError>(())
        };
        tx.visit_bulk(limited, &[BulkColumn::Integer], &[3.into()], collect).await.unwrap();
        ids.sort_unstable();
        let last = i64::try_from(rows.len()).unwrap() - 1;
        assert_eq!(ids, [last - 2, last - 1, last]);
    }
}

#[tokio::test]
async fn a_reader_that_refuses_a_row_can_continue_with_other_statements() {
    for test in testkit::create_databases("bulk", &[]).await {
        let many = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000) SELECT i FROM c";
        let select = format!("SELECT CAST(i AS BIGINT) FROM ({many}) AS numbers");
        for columns in [[BulkColumn::Integer], [BulkColumn::Text]] {
            let mut tx = test.db.read().await.unwrap();
            let mut visited = 0;
            let refuse = |_: &BulkRow<'_>| {
                visited += 1;
                if visited == 3 { Err(DbError::NoRow) } else { Ok(()) }
            };
            let refused = tx.visit_bulk(&select, &columns, &[], refuse).await;
            assert!(matches!(refused, Err(DbError::NoRow)), "{refused:?}");
            assert_eq!(visited, 3);
            let row = tx.fetch_one("SELECT CAST($1 AS BIGINT) AS n", &[Val::from(7)]).await.unwrap();
            assert_eq!(row.get::<i64>("n").unwrap(), 7, "{}", test.engine);
        }
    }
}
