//! A repeated request with the same `Idempotency-Key`, on each engine.

use actix_web::test::TestRequest;
use service_kit::db::idempotency::delete_expired_responses;
use service_kit::{Code, Db, DbError, IdempotencyKey, Micros, Problem, StoredResponse};

fn idempotency_key(caller: &str, key: &str, fingerprint: &str) -> IdempotencyKey {
    let request = TestRequest::default().insert_header(("idempotency-key", key)).to_http_request();
    IdempotencyKey::from_request(&request, caller, fingerprint.to_owned()).unwrap().expect("the request has a key")
}

/// What a handler does: the answer of the first time, or the effect with its answer.
async fn mint_once(db: &Db, key: &IdempotencyKey, now: Micros) -> Result<StoredResponse, Problem> {
    db.write(async |tx| {
        if let Some(before) = key.find_response(tx).await? {
            return Ok(before);
        }
        let id = tx.allocate_ids(1).await?[0];
        let body = format!("{{\"id\":{id}}}");
        key.store_response(tx, 201, &body, now).await?;
        Ok::<_, Problem>(StoredResponse { status: 201, body })
    })
    .await
}

#[tokio::test]
async fn the_second_time_has_the_answer_of_the_first() {
    for test in testkit::create_databases("idempotency", &[]).await {
        let (db, engine) = (&test.db, test.engine);
        let first = mint_once(db, &idempotency_key("db/ada", "k1", "mint 7"), Micros::from_i64(0)).await.unwrap();
        assert_eq!(first.status, 201, "{engine}");
        assert_eq!(
            mint_once(db, &idempotency_key("db/ada", "k1", "mint 7"), Micros::from_i64(1)).await.unwrap(),
            first,
            "{engine}"
        );
        let others = [idempotency_key("db/bob", "k1", "mint 7"), idempotency_key("db/ada", "k2", "mint 7")];
        for other in &others {
            assert_ne!(
                mint_once(db, other, Micros::from_i64(0)).await.unwrap(),
                first,
                "{engine}: {other:?} is another request"
            );
        }
    }
}

#[tokio::test]
async fn a_key_that_comes_with_another_request_is_refused() {
    for test in testkit::create_databases("idempotency", &[]).await {
        let first = mint_once(&test.db, &idempotency_key("db/ada", "k1", "mint 7"), Micros::from_i64(0)).await.unwrap();
        let refused = mint_once(&test.db, &idempotency_key("db/ada", "k1", "mint 8"), Micros::from_i64(0))
            .await
            .expect_err("another request");
        assert_eq!((refused.code, refused.slug), (Code::Validation, "idempotency-key-reused"), "{}", test.engine);
        assert_eq!(
            mint_once(&test.db, &idempotency_key("db/ada", "k1", "mint 7"), Micros::from_i64(0)).await.unwrap(),
            first,
            "{}",
            test.engine
        );
    }
}

/// An effect that is undone is not remembered, so that the repetition has it.
#[tokio::test]
async fn the_answer_goes_with_its_effect() {
    for test in testkit::create_databases("idempotency", &[]).await {
        let one = idempotency_key("db/ada", "k1", "mint 7");
        let undone = test
            .db
            .write(async |tx| {
                one.store_response(tx, 201, "{}", Micros::default()).await?;
                Err::<(), _>(DbError::NoRow)
            })
            .await;
        assert!(undone.is_err());
        let found = test.db.write(async |tx| one.find_response(tx).await).await.unwrap();
        assert_eq!(found, None, "{}", test.engine);
    }
}

#[tokio::test]
async fn keys_are_forgotten_after_a_day() {
    const DAY: i64 = 24 * 3600 * 1_000_000;
    for test in testkit::create_databases("idempotency", &[]).await {
        let first =
            mint_once(&test.db, &idempotency_key("db/ada", "old", "mint 7"), Micros::from_i64(0)).await.unwrap();
        mint_once(&test.db, &idempotency_key("db/ada", "new", "mint 7"), Micros::from_i64(1)).await.unwrap();
        assert_eq!(delete_expired_responses(&test.db, Micros::from_i64(DAY)).await.unwrap(), 0, "{}", test.engine);
        assert_eq!(delete_expired_responses(&test.db, Micros::from_i64(DAY + 1)).await.unwrap(), 1, "{}", test.engine);
        assert_ne!(
            mint_once(&test.db, &idempotency_key("db/ada", "old", "mint 7"), Micros::from_i64(DAY)).await.unwrap(),
            first,
            "{}",
            test.engine
        );
    }
}

#[test]
fn keys_that_cannot_be_stored_are_refused() {
    let of = |value: &[u8]| {
        let request = TestRequest::default().insert_header(("idempotency-key", value)).to_http_request();
        IdempotencyKey::from_request(&request, "db/ada", String::new())
    };
    let without = IdempotencyKey::from_request(&TestRequest::default().to_http_request(), "db/ada", String::new());
    assert_eq!(without.unwrap(), None);
    assert!(of(&[b'k'; 255]).unwrap().is_some());
    for refused in [&[][..], &[b'k'; 256], "Schlüssel".as_bytes()] {
        let refused = of(refused).expect_err("no key");
        assert_eq!((refused.code, refused.slug), (Code::BadRequest, "idempotency-key"));
    }
}
