//! A service that fails in every way.

use actix_web::web;
use service_kit::{Code, Listener, Mount, Problem, Running, ServiceDef};
use tokio::sync::Semaphore;

use super::FailureTexts;

pub static HELD: Semaphore = Semaphore::const_new(0);
pub static RELEASED: Semaphore = Semaphore::const_new(0);

/// The sample with the error format of `T`.
pub fn sample_service<T: FailureTexts>() -> ServiceDef {
    ServiceDef { name: "sample", build: |_| Box::pin(std::future::ready(Ok(build_sample::<T>()))), ..ServiceDef::EMPTY }
}

fn build_sample<T: FailureTexts>() -> Running {
    let mount = Mount::new(T::PREFIX, Listener::Public, T::FORMAT)
        .get("/ok", async || "state")
        .post("/json", async |body: web::Json<Vec<i64>>| body.len().to_string())
        .post("/form", async |body: web::Form<Vec<(String, String)>>| body.len().to_string())
        .get("/number/{n}", async |n: web::Path<i64>| n.to_string())
        .get("/panic", panic_in_handler)
        .get("/internal", async || Err::<String, _>(Problem::internal("canary-51e0")))
        .get("/unauthenticated", async || refuse_request(Code::Unauthenticated, "the session has expired"))
        .get("/forbidden", async || refuse_request(Code::Forbidden, "members only"))
        .get("/missing", async || refuse_request(Code::NotFound, "there is no dataset 7"))
        .get("/outcome-unknown", async || refuse_request(Code::OutcomeUnknown, "look before you send it again"))
        .get("/hang", hang_forever)
        .get("/hold", hold_until_released);
    Running { mounts: vec![mount], ..Running::default() }
}

fn refuse_request(code: Code, text: &str) -> Result<String, Problem> {
    Err(Problem::new(code, "sample/refused", text))
}

async fn panic_in_handler() -> String {
    panic!("canary-51e0")
}

async fn hang_forever() -> String {
    std::future::pending().await
}

/// Says that it is being answered, and waits for the test.
async fn hold_until_released() -> String {
    HELD.add_permits(1);
    RELEASED.acquire().await.expect("an open semaphore").forget();
    "held".to_owned()
}
