//! Compares the `OpenAPI` document with the mount table of the running service.

use testkit::TestApp;

#[tokio::test]
async fn every_public_route_is_described_and_nothing_else() {
    let app = TestApp::start(&[icat::SERVICE], "").await;
    testkit::assert_described(&app, &icat::SERVICE);
    app.stop().await;
}
