//! The `OpenAPI` document against the mount table of the running service.

use testkit::TestApp;

#[tokio::test]
async fn every_public_route_is_described_and_nothing_else() {
    let app = TestApp::start(&[search::SERVICE], "").await;
    testkit::assert_described_but(
        &app,
        &search::SERVICE,
        |path| path == "/search" || path.starts_with("/search/app"),
        |_| false,
    );
    app.stop().await;
}
