//! The `OpenAPI` document against the mount table of the running service.

use testkit::{TestApp, probe};

#[tokio::test]
async fn every_route_is_described_and_nothing_else() {
    let app = TestApp::start(&[probe::SERVICE], "").await;
    testkit::assert_described(&app, &probe::SERVICE);
    app.stop().await;
}
