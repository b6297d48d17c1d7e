//! Every failure that a request can meet without a handler's doing, or that a handler answers with, in one error format.
//!
//! A service implements [`FailureTexts`] for each of its error formats and calls [`assert_failures`]; the compiler sees to
//! it that no failure is left out.

mod requests;
mod sample;

use tokio::sync::Mutex;

use self::requests::{Request, send_request};
use self::sample::{HELD, RELEASED, sample_service};
use crate::TestApp;

const REQUEST_ID: &str = "test-1";
/// The samples of two formats would share what they hold.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// What can go wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No route has this path.
    NoRoute,
    /// The route exists, the method does not.
    WrongMethod,
    /// HEAD of a route that takes only POST.
    HeadOfPost,
    /// A body over the limit.
    TooLarge,
    /// A JSON body that breaks off.
    BadJson,
    /// A JSON body without `Content-Type`.
    NoMediaType,
    /// A JSON body sent as `text/plain`.
    WrongMediaType,
    /// JSON where a form is read.
    JsonInsteadOfForm,
    /// A text in the path where a number stands.
    BadPath,
    /// A handler panics.
    Panic,
    /// A fault of ours, whose cause nobody outside learns.
    Internal,
    /// No valid credentials.
    Unauthenticated,
    /// Valid credentials without the right.
    Forbidden,
    /// The thing asked for does not exist.
    NotFound,
    /// A database failed while it committed: nobody is invited to repeat the request.
    OutcomeUnknown,
    /// An answer that does not come.
    Timeout,
    /// Too many requests from one address.
    TooManyRequests,
    /// Too many requests at once.
    Busy,
}

/// An error format and how each failure looks in it.
pub trait FailureTexts {
    /// Of a mount that has this format, such as `/icat`.
    const PREFIX: &'static str;
    const FORMAT: service_kit::ErrorFormat;
    const MEDIA_TYPE: &'static str;

    /// Status and body.
    fn expected_response(failure: Failure) -> (u16, &'static str);
}

/// Causes every failure in turn and compares status, headers and body with what is expected of the format.
pub async fn assert_failures<T: FailureTexts>() {
    let _turn = ONE_AT_A_TIME.lock().await;
    assert_simple_failures::<T>().await;
    assert_head_and_options::<T>().await;
    assert_timeout::<T>().await;
    assert_rate_limit::<T>().await;
    assert_busy::<T>().await;
    assert_percent_encoded_prefix::<T>().await;
}

async fn assert_simple_failures<T: FailureTexts>() {
    let app = TestApp::start(&[sample_service::<T>()], "[http.limits]\nbody = \"64B\"\n").await;
    for failure in [
        Failure::NoRoute,
        Failure::WrongMethod,
        Failure::HeadOfPost,
        Failure::TooLarge,
        Failure::BadJson,
        Failure::NoMediaType,
        Failure::WrongMediaType,
        Failure::JsonInsteadOfForm,
        Failure::BadPath,
        Failure::Panic,
        Failure::Internal,
        Failure::Unauthenticated,
        Failure::Forbidden,
        Failure::NotFound,
        Failure::OutcomeUnknown,
    ] {
        assert_response::<T>(send_request(&app, T::PREFIX, failure).await, failure).await;
    }
    app.stop().await;
}

async fn assert_response<T: FailureTexts>(response: reqwest::Response, failure: Failure) {
    let (status, body) = T::expected_response(failure);
    let Request { allow, retry_after, .. } = Request::for_failure(failure);
    let case = format!("{failure:?} under {}", T::PREFIX);
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().expect("a text"));
    assert_eq!(response.status(), status, "{case}");
    assert_eq!(header("content-type"), Some(T::MEDIA_TYPE), "{case}");
    assert_eq!(header("x-request-id"), Some(REQUEST_ID), "{case}");
    assert_eq!(header("allow"), allow, "{case}");
    assert_eq!(header("retry-after"), retry_after, "{case}");
    assert_eq!(header("www-authenticate"), (status == 401).then_some("Bearer"), "{case}");
    assert_eq!(response.text().await.expect("a body"), body, "{case}");
}

/// HEAD has the headers of GET and no body, and OPTIONS names the methods.
async fn assert_head_and_options<T: FailureTexts>() {
    let app = TestApp::start(&[sample_service::<T>()], "").await;
    let send = async |method: &str| {
        let url = format!("{}{}/ok", app.public, T::PREFIX);
        let request = app.http.request(method.parse().expect("a method"), url).header("x-request-id", REQUEST_ID);
        let response = request.send().await.expect("a response");
        let mut headers = response.headers().clone();
        headers.remove("date");
        (response.status().as_u16(), headers, response.text().await.expect("a body"))
    };
    let (status, headers, body) = send("GET").await;
    assert_eq!((status, body.as_str()), (200, "state"), "{}", T::PREFIX);
    assert_eq!(headers["content-length"], "5", "{}", T::PREFIX);
    assert_eq!(send("HEAD").await, (200, headers, String::new()), "{}", T::PREFIX);

    let (status, headers, body) = send("OPTIONS").await;
    assert_eq!((status, body.as_str()), (204, ""), "{}", T::PREFIX);
    assert_eq!(headers["allow"], "GET, HEAD, OPTIONS", "{}", T::PREFIX);
    assert_eq!(headers["x-request-id"], REQUEST_ID, "{}", T::PREFIX);
    assert_eq!(headers.len(), 2, "{}: {headers:?}", T::PREFIX);
    app.stop().await;
}

async fn assert_timeout<T: FailureTexts>() {
    let app = TestApp::start(&[sample_service::<T>()], "[http.limits]\ntime = \"50ms\"\n").await;
    assert_response::<T>(send_request(&app, T::PREFIX, Failure::Timeout).await, Failure::Timeout).await;
    app.stop().await;
}

/// The first of two requests may come a second after the last one and pass; more than a few in one second cannot.
async fn assert_rate_limit<T: FailureTexts>() {
    let app = TestApp::start(&[sample_service::<T>()], "[http.limits]\nrate = 1\nburst = 1\n").await;
    let requests = (0..8).map(|_| send_request(&app, T::PREFIX, Failure::TooManyRequests));
    let responses = futures_util::future::join_all(requests).await;
    let refused: Vec<_> = responses.into_iter().filter(|response| response.status() != 200).collect();
    assert!(!refused.is_empty(), "{}", T::PREFIX);
    for response in refused {
        assert_response::<T>(response, Failure::TooManyRequests).await;
    }
    assert_operators_get_through(&app).await;
    app.stop().await;
}

/// A full process says so at once and has room again afterwards.
async fn assert_busy<T: FailureTexts>() {
    let app = TestApp::start(&[sample_service::<T>()], "[http.limits]\nconcurrency = 1\n").await;
    let held = app.http.get(format!("{}{}/hold", app.public, T::PREFIX)).send();
    let meanwhile = async {
        HELD.acquire().await.expect("an open semaphore").forget();
        assert_response::<T>(send_request(&app, T::PREFIX, Failure::Busy).await, Failure::Busy).await;
        assert_operators_get_through(&app).await;
        RELEASED.add_permits(1);
    };
    let (held, ()) = tokio::join!(held, meanwhile);
    assert_eq!(held.expect("a response").text().await.expect("a body"), "held");
    assert_eq!(send_request(&app, T::PREFIX, Failure::Busy).await.status(), 200);
    app.stop().await;
}

async fn assert_operators_get_through(app: &TestApp) {
    let internal = app.http.get(format!("{}/health/live", app.internal)).send().await.expect("a response");
    assert_eq!(internal.status(), 200, "operators get through");
}

/// Routes and error format must see the same path, however it is written.
async fn assert_percent_encoded_prefix<T: FailureTexts>() {
    let app = TestApp::start(&[sample_service::<T>()], "").await;
    let written = T::PREFIX.replacen('s', "%73", 1).replacen('i', "%69", 1).replacen('n', "%6E", 1);
    assert_ne!(written, T::PREFIX);
    for failure in [Failure::NoRoute, Failure::Unauthenticated] {
        assert_response::<T>(send_request(&app, &written, failure).await, failure).await;
    }
    app.stop().await;
}
