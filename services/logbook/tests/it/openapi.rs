//! The `OpenAPI` document against the mount table of the running service.

use testkit::TestApp;

#[tokio::test]
async fn every_public_route_is_described_and_nothing_else() {
    let app = TestApp::start(&[logbook::SERVICE], "").await;
    // The page is for people.
    testkit::assert_described_but(
        &app,
        &logbook::SERVICE,
        |path| path == "/logbook" || path.starts_with("/logbook/app"),
        |_| true,
    );
    app.stop().await;
}
