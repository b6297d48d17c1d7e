//! `/authn.<mechanism>` as icat.server speaks to it.

use testkit::{TestApp, list_backends};

use crate::client::{PASSWORD, open_accounts};

const REFUSED: &str = r#"{"code":"AuthnException","message":"The username and password do not match"}"#;

#[tokio::test]
async fn accounts_log_in_with_their_password_on_every_engine() {
    for backend in list_backends() {
        let app = TestApp::start_on(&backend, &[auth::SERVICE], "").await;
        let accounts = open_accounts(&app).await;
        let account = accounts.parse_name("db/jürgen").unwrap();
        assert!(accounts.create_account_or_set_password(&account, PASSWORD).await.unwrap(), "new");
        assert!(!accounts.create_account_or_set_password(&account, "spät pässt+&=%").await.unwrap(), "changed");

        let ask = async |mechanism: &str, body: &'static str| {
            let url = format!("{}/authn.{mechanism}/authenticate", app.internal);
            let form = "application/x-www-form-urlencoded";
            let answer = app.http.post(url).header("content-type", form).body(body).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        };
        let utf8 = "json=%7B%22credentials%22%3A%5B%7B%22username%22%3A%22j%C3%BCrgen%22%7D%2C%7B%22password%22%3A%22sp%C3%A4t+p%C3%A4sst%2B%26%3D%25%22%7D%5D%2C%22ip%22%3A%221.2.3.4%22%7D";
        let latin1 = "json=%7B%22credentials%22%3A%5B%7B%22username%22%3A%22j%FCrgen%22%2C%22password%22%3A%22sp%E4t+p%E4sst%2B%26%3D%25%22%7D%5D%7D";
        let accepted = (200, r#"{"username":"jürgen","mechanism":"db"}"#.to_owned());
        assert_eq!(ask("db", utf8).await, accepted);
        assert_eq!(ask("db", latin1).await, accepted, "icat.server encodes in Latin-1");
        assert_eq!(ask("simple", utf8).await, (403, REFUSED.to_owned()), "another mechanism's account");
        for wrong in [
            r#"json={"credentials":[{"username":"jürgen"},{"password":"correct horse battery"}]}"#,
            r#"json={"credentials":[{"username":"nobody"},{"password":"correct horse battery"}]}"#,
            r#"json={"credentials":[{"username":"jürgen"}]}"#,
            r#"json={"credentials":[{"username":"jürgen"},{"password":1234}]}"#,
            r#"json={"credentials":{"username":"jürgen"}}"#,
            "json={}",
        ] {
            assert_eq!(ask("db", wrong).await, (403, REFUSED.to_owned()), "{wrong}");
        }
        assert_eq!(ask("db", "").await.0, 400);
        assert_eq!(ask("db", "json=x").await.0, 400);
        assert_eq!(
            ask("anon", r#"json={"ip":"1.2.3.4"}"#).await,
            (200, r#"{"username":"anon","mechanism":"anon"}"#.to_owned())
        );
        accounts.close().await;
        app.stop().await;
    }
}

#[tokio::test]
async fn descriptions_are_the_known_bytes_and_stay_inside() {
    let app = TestApp::start(&[auth::SERVICE], "").await;
    let get = async |base: &str, path: &str| {
        let answer = app.http.get(format!("{base}{path}")).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let local = r#"{"keys":[{"name":"username"},{"name":"password","hide":true}]}"#;
    assert_eq!(get(&app.internal, "/authn.db/description").await, (200, local.to_owned()));
    assert_eq!(get(&app.internal, "/authn.simple/description").await, (200, local.to_owned()));
    assert_eq!(get(&app.internal, "/authn.anon/description").await, (200, r#"{"keys":[]}"#.to_owned()));
    assert_eq!(get(&app.internal, "/authn.db/nothing").await.0, 501);
    assert_eq!(get(&app.public, "/authn.db/description").await.0, 404, "not for users");
}
