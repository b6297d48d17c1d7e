//! Logins with an identity provider over the embedded catalogue: what browsers are sent, what they get, and each reason to refuse
//! one.

use std::collections::HashMap;

use jsonwebtoken::Header;
use reqwest::header::{LOCATION, SET_COOKIE};
use reqwest::{Client, Response, Url, redirect};
use serde_json::{Value, json};
use testkit::{Backend, TestApp, list_backends};
use tokio::sync::{Mutex, MutexGuard};

use crate::client::{PASSWORD, build_sources, list_audit_rows, open_accounts, resolve_token};
use crate::fake_provider::{CODE, FakeProvider, change_claims, count_token_requests, header, last_token_request};

/// The provider is one for all tests.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

pub struct Site {
    pub app: TestApp,
    pub provider: FakeProvider,
    pub browser: Client,
    _lock: MutexGuard<'static, ()>,
}

/// A login that was begun.
pub struct Begun {
    pub parameters: HashMap<String, String>,
    cookie: String,
}

pub fn find_cookie(answer: &Response, name: &str) -> Option<String> {
    let cookies = answer.headers().get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap());
    let named =
        cookies.filter_map(|cookie| cookie.split(';').next()).find(|cookie| cookie.starts_with(&format!("{name}=")));
    named.map(str::to_owned)
}

impl Site {
    pub async fn start(backend: &Backend, more: &str) -> Self {
        let lock = ONE_AT_A_TIME.lock().await;
        let provider = FakeProvider::start().await;
        let app = TestApp::start_on(backend, &[auth::SERVICE, icat::SERVICE], &provider.settings(more)).await;
        let browser = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { app, provider, browser, _lock: lock }
    }

    pub async fn begin(&self, query: &str) -> Begun {
        let answer =
            self.browser.get(format!("{}/auth/v1/oidc/lab/start?{query}", self.app.public)).send().await.unwrap();
        let cookie = find_cookie(&answer, "__Host-undulator-login");
        let location = answer.headers().get(LOCATION).cloned();
        assert_eq!(answer.status(), 303, "{}", answer.text().await.unwrap());
        let (cookie, url) = (cookie.unwrap(), Url::parse(location.unwrap().to_str().unwrap()).unwrap());
        assert_eq!(url.path(), "/provider/authorize");
        let parameters = url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Begun { parameters, cookie }
    }

    async fn begin_status(&self, query: &str) -> u16 {
        let request = self.browser.get(format!("{}/auth/v1/oidc/lab/start?{query}", self.app.public));
        request.send().await.unwrap().status().as_u16()
    }

    async fn come_back(&self, begun: &Begun, query: &str) -> Response {
        let state = &begun.parameters["state"];
        let url = format!("{}/auth/v1/oidc/lab/callback?state={state}&{query}", self.app.public);
        self.browser.get(url).header("cookie", &begun.cookie).send().await.unwrap()
    }

    /// A login with these claims besides the nonce.
    pub async fn log_in(&self, start: &str, claims: &Value) -> Response {
        let begun = self.begin(start).await;
        let mut changes = json!({"nonce": begun.parameters["nonce"]});
        changes.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        change_claims(&changes);
        self.come_back(&begun, &format!("code={CODE}")).await
    }

    pub async fn refresh(&self, cookie: &str) -> Response {
        let request = self.browser.post(format!("{}/auth/v1/token/refresh", self.app.public));
        request.header("cookie", cookie).json(&json!({})).send().await.unwrap()
    }

    /// Reasons of refused and accepted logins, in their order.
    pub async fn list_reasons(&self) -> Vec<String> {
        let rows = list_audit_rows(&self.app).await.into_iter();
        rows.filter(|row| row.kind == "login" && row.provider.as_deref() == Some("lab")).map(|row| row.reason).collect()
    }

    async fn send_logout(&self, token: &str) -> u16 {
        let url = format!("{}/auth/v1/oidc/lab/backchannel-logout", self.app.public);
        self.browser.post(url).form(&[("logout_token", token)]).send().await.unwrap().status().as_u16()
    }

    pub async fn stop(self) {
        self.app.stop().await;
        self.provider.stop().await;
    }
}

#[tokio::test]
async fn a_portal_gets_a_refresh_token_for_a_login_at_the_provider() {
    for backend in list_backends() {
        let site = Site::start(&backend, "scope = \"openid profile\"").await;
        let begun = site.begin("return_to=/portal%3Fa=1").await;
        let sent = |name: &str| begun.parameters[name].as_str();
        assert_eq!((sent("response_type"), sent("client_id"), sent("scope")), ("code", "undulator", "openid profile"));
        assert_eq!(sent("redirect_uri"), "https://data.example.org/auth/v1/oidc/lab/callback");
        assert_eq!((sent("code_challenge_method"), sent("code_challenge").len()), ("S256", 43));
        assert!(sent("state").len() == 43 && sent("nonce").len() == 43 && !begun.cookie.contains(sent("state")));

        let answer = site.log_in("return_to=/portal%3Fa=1", &json!({"sub": " ada ", "acr": "mfa"})).await;
        assert_eq!((answer.status().as_u16(), &answer.headers()[LOCATION]), (303, &"/portal?a=1".parse().unwrap()));
        assert!(last_token_request().contains("code_verifier="));
        let cookie = find_cookie(&answer, "__Host-undulator-refresh").unwrap();
        let tokens: Value = site.refresh(&cookie).await.json().await.unwrap();
        let token = tokens["access_token"].as_str().unwrap();
        let claims = crate::client::decode_part(token, 1);
        assert_eq!(
            (&claims["sub"], &claims["acr"], &claims["amr"]),
            (&json!("lab/ada"), &json!("mfa"), &json!(["pwd", "otp"]))
        );
        assert_eq!(claims["auth_time"], claims["iat"]);
        let (status, resolved) = resolve_token(&site.app, token).await;
        assert_eq!(status, 200, "{resolved}");
        assert_eq!(site.list_reasons().await, ["accepted"]);
        site.stop().await;
    }
}

#[tokio::test]
async fn each_answer_belongs_to_one_browser_and_counts_once() {
    let site = Site::start(&list_backends()[0], "").await;
    let begun = site.begin("").await;
    let code = format!("code={CODE}");
    let asked = count_token_requests();
    let other = site.begin("").await;
    let stranger = Begun { parameters: begun.parameters.clone(), cookie: other.cookie };
    assert_eq!(site.come_back(&stranger, &code).await.status(), 403, "another browser");
    assert_eq!(site.come_back(&begun, "error=access_denied").await.status(), 403);
    assert_eq!(site.come_back(&begun, &code).await.status(), 403, "again");
    let late = site.begin("").await;
    site.app.clock.advance_seconds(601);
    assert_eq!(site.come_back(&late, &code).await.status(), 403, "late");
    assert_eq!(site.come_back(&site.begin("").await, "").await.status(), 403, "no code");
    assert_eq!(count_token_requests(), asked, "no code was exchanged");
    assert_eq!(site.come_back(&site.begin("").await, "code=other").await.status(), 403);
    assert_eq!(site.come_back(&site.begin("").await, &format!("{code}&iss=https://other")).await.status(), 403);
    assert_eq!(site.come_back(&site.begin("").await, &format!("{code}&{code}")).await.status(), 403);
    let expected = [
        "unknown_state",
        "refused_by_provider",
        "used_state",
        "unknown_state",
        "no_code",
        "code_refused",
        "redirect_issuer",
        "bad_redirect",
    ];
    assert_eq!(site.list_reasons().await, expected);
    for wrong in ["https://elsewhere", "//elsewhere", "/%5Celsewhere", "javascript:x", "/&session=x", "/&max_age=soon"]
    {
        let url = format!("{}/auth/v1/oidc/lab/start?return_to={wrong}", site.app.public);
        let answer = site.browser.get(url).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key(SET_COOKIE)), (400, false), "{wrong}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_token_of_another_login_or_user_is_refused_with_a_page() {
    let site = Site::start(&list_backends()[0], "required_amr = [\"otp\"]\nmax_age = \"1h\"").await;
    let begun = site.begin("max_age=600").await;
    assert_eq!(begun.parameters["max_age"], "600", "the stricter one");
    let now = service_kit::Clock::now(&*site.app.clock).as_second();
    for (claims, reason) in [
        (json!({"nonce": "other"}), "nonce"),
        (json!({"aud": "other"}), "audience"),
        (json!({"iat": now - 3600}), "too_old"),
        (json!({"sub": "root"}), "root_name"),
        (json!({"sub": "db/root"}), "user_name_slash"),
        (json!({"amr": ["pwd"]}), "mfa_required"),
        (json!({"amr": null}), "mfa_required"),
        (json!({"auth_time": now - 3700}), "login_too_old"),
        (json!({"typ": "Bearer"}), "token_kind"),
    ] {
        let answer = site.log_in("", &claims).await;
        assert_eq!(answer.status(), 403, "{claims}");
        assert!(answer.headers().get(LOCATION).is_none() && find_cookie(&answer, "__Host-undulator-refresh").is_none());
        let page = answer.text().await.unwrap();
        assert!(!page.contains("eyJ") && !page.contains("The <Lab>"), "{page}");
        assert_eq!(site.list_reasons().await.last().map(String::as_str), Some(reason), "{claims}");
    }
    let answer = site.log_in("max_age=600", &json!({"auth_time": now - 700})).await;
    assert_eq!(answer.status(), 403, "what the request demands");
    let answer = site.log_in("acr_values=high", &json!({"acr": "low"})).await;
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("second factor"));
    assert_eq!(site.log_in("acr_values=high", &json!({"acr": "high"})).await.status(), 303);
    site.stop().await;
}

#[tokio::test]
async fn a_user_name_belongs_to_the_first_who_came_with_it() {
    for backend in list_backends() {
        let site = Site::start(&backend, "username_claim = \"login\"").await;
        let first = json!({"sub": "1", "login": "ada"});
        assert_eq!(site.log_in("", &first).await.status(), 303);
        assert_eq!(site.log_in("", &json!({"sub": "2", "login": "ada"})).await.status(), 403);
        assert_eq!(site.log_in("", &json!({"sub": "2", "login": "bob"})).await.status(), 303);
        assert_eq!(site.log_in("", &first).await.status(), 303);
        assert_eq!(site.list_reasons().await, ["accepted", "user_name_of_another", "accepted", "accepted"]);
        let accounts = open_accounts(&site.app).await;
        assert!(accounts.unbind_user_name("lab/ada").await.unwrap());
        assert!(!accounts.unbind_user_name("lab/ada").await.unwrap());
        accounts.close().await;
        assert_eq!(site.log_in("", &json!({"sub": "2", "login": "ada"})).await.status(), 303);
        site.stop().await;
    }
}

#[tokio::test]
async fn a_logout_at_the_provider_ends_the_login() {
    for backend in list_backends() {
        let site = Site::start(&backend, "").await;
        let mut cookies = Vec::new();
        for session in ["s1", "s2", "s3"] {
            let answer = site.log_in("", &json!({"sid": session})).await;
            cookies.push(find_cookie(&answer, "__Host-undulator-refresh").unwrap());
        }
        let logout = |claims: Value| {
            let mut changes = json!({"jti": "j1", "auth_time": null, "amr": null,
                "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
            changes.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            site.provider.sign_token(&Header { typ: Some("logout+jwt".to_owned()), ..header() }, &changes)
        };
        for wrong in [json!({"nonce": "n"}), json!({"aud": "other"}), json!({"events": {}}), json!({"jti": null})] {
            assert_eq!(site.send_logout(&logout(wrong.clone())).await, 400, "{wrong}");
        }
        assert_eq!(site.send_logout("x").await, 400);
        let one = logout(json!({"sid": "s1"}));
        assert_eq!((site.send_logout(&one).await, site.send_logout(&one).await), (200, 400), "once");
        assert_eq!(site.refresh(&cookies[0]).await.status(), 401);
        let refreshed = site.refresh(&cookies[1]).await;
        assert_eq!(refreshed.status(), 200, "another session");
        let all = logout(json!({"sid": null, "jti": "j2"}));
        assert_eq!(site.send_logout(&all).await, 200);
        assert_eq!(site.refresh(&find_cookie(&refreshed, "__Host-undulator-refresh").unwrap()).await.status(), 401);
        assert_eq!(site.refresh(&cookies[2]).await.status(), 401);
        // The provider has issued an ID token, and the user logs out before the login is stored here.
        assert_eq!(site.send_logout(&logout(json!({"sid": "s4", "jti": "j3"}))).await, 200);
        let late = site.log_in("", &json!({"sid": "s4"})).await;
        assert_eq!((late.status().as_u16(), find_cookie(&late, "__Host-undulator-refresh")), (401, None));
        assert_eq!(site.log_in("", &json!({"sid": "s5"})).await.status(), 303, "another session of the same user");
        site.app.drain().await;
        site.stop().await;
    }
}

#[tokio::test]
async fn pages_get_a_session_and_the_page_says_who_is_logged_in() {
    let site = Site::start(&list_backends()[0], "").await;
    let page = async |cookie: &str| {
        let request =
            site.browser.get(format!("{}/auth/app?next=/search/app", site.app.public)).header("cookie", cookie);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.text().await.unwrap()
    };
    let form = page("").await;
    let button = "start?session=page&amp;return_to=%2Fsearch%2Fapp\">Log in with The &lt;Lab&gt;";
    assert!(form.contains(button), "{form}");
    let answer = site.log_in("session=page&return_to=/search/app", &json!({})).await;
    assert_eq!(answer.headers()[LOCATION], "/search/app");
    let cookie = find_cookie(&answer, "__Host-undulator-session").unwrap();
    assert!(page(&cookie).await.contains("lab&#x2f;ada"));
    let out = site.browser.post(format!("{}/auth/app/logout", site.app.public)).header("cookie", &cookie);
    let out = out.send().await.unwrap();
    assert_eq!(out.status(), 200);
    let out = out.text().await.unwrap();
    assert!(out.contains("logout?client_id=undulator") && !out.contains("eyJ"), "where else one is logged in: {out}");
    assert!(page(&cookie).await.contains("<form"), "the login has ended");
    let foreign =
        site.browser.post(format!("{}/auth/app/logout", site.app.public)).header("sec-fetch-site", "cross-site");
    assert_eq!(foreign.send().await.unwrap().status(), 403);
    site.stop().await;
}

/// With the ID token, the provider need not ask who it is. It is in a form, and in no address.
#[tokio::test]
async fn the_page_logs_out_at_the_provider_with_the_id_token() {
    for backend in list_backends() {
        let site = Site::start(&backend, "logout_sends_id_token = true").await;
        let answer = site.log_in("session=page&return_to=/search/app", &json!({})).await;
        let cookie = find_cookie(&answer, "__Host-undulator-session").unwrap();
        let out = site.browser.post(format!("{}/auth/app/logout", site.app.public)).header("cookie", &cookie);
        let out = out.send().await.unwrap();
        let policy = out.headers()["content-security-policy"].to_str().unwrap().to_owned();
        let origin = Url::parse(&site.provider.issuer()).unwrap().origin().ascii_serialization();
        assert!(policy.contains(&format!("form-action 'self' {origin}; ")), "{policy}");
        let out = out.text().await.unwrap().replace("&#x2f;", "/");
        assert!(out.contains(&format!("<form action=\"{}/logout\"", site.provider.issuer())), "{out}");
        let hint = out.split_once("name=\"id_token_hint\" value=\"").expect("the ID token").1;
        assert_eq!(crate::client::decode_part(hint.split_once('"').unwrap().0, 1)["sub"], "ada");
        assert!(!out.contains(&format!("{}/logout?", site.provider.issuer())), "{out}");
        site.stop().await;
    }
}

/// Each begun login is a row.
#[tokio::test]
async fn one_client_begins_so_many_logins_and_no_more() {
    let _lock = ONE_AT_A_TIME.lock().await;
    let provider = FakeProvider::start().await;
    let settings = provider.settings("").replace("[auth]\n", "[auth]\nanonymous_logins_per_address = 3\n");
    let app = TestApp::start(&[auth::SERVICE, icat::SERVICE], &settings).await;
    let browser = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let url = format!("{}/auth/v1/oidc/lab/start", app.public);
    let mut found = Vec::new();
    for _ in 0..4 {
        found.push(browser.get(&url).send().await.unwrap().status().as_u16());
    }
    assert_eq!(found, [303, 303, 303, 429]);
    app.clock.advance_seconds(1);
    assert_eq!(browser.get(&url).send().await.unwrap().status(), 303);
    app.stop().await;
    provider.stop().await;
}

#[tokio::test]
async fn a_provider_that_is_down_keeps_nobody_else_out() {
    let _lock = ONE_AT_A_TIME.lock().await;
    let provider = FakeProvider::start().await;
    let settings = provider.settings("");
    provider.stop().await;
    let app = TestApp::start(&[auth::SERVICE, icat::SERVICE], &settings).await;
    let answer = app.http.get(format!("{}/auth/v1/oidc/lab/start", app.public)).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
    let page = app.http.get(format!("{}/auth/app", app.public)).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let unknown = app.http.get(format!("{}/auth/v1/oidc/other/start", app.public)).send().await.unwrap();
    assert_eq!(unknown.status(), 404);
    app.stop().await;
}

#[tokio::test]
async fn scigateway_logs_in_with_an_id_token_once() {
    let site = Site::start(&list_backends()[0], "").await;
    let log_in = async |token: &str| {
        let request = site.browser.post(format!("{}/auth/oidc_login/lab", site.app.public));
        request.bearer_auth(token).send().await.unwrap()
    };
    let token = site.provider.sign_token(&header(), &json!({}));
    let answer = log_in(&token).await;
    assert_eq!(answer.status(), 200);
    assert!(find_cookie(&answer, "scigateway:refresh_token").is_some());
    let claims = crate::client::decode_part(&answer.json::<String>().await.unwrap(), 1);
    assert_eq!(claims["username"], "lab/ada");
    for refused in [token.clone(), site.provider.sign_token(&header(), &json!({"aud": "other"})), "x".to_owned()] {
        let answer = log_in(&refused).await;
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap()),
            (403, r#"{"detail":"Invalid OIDC id_token"}"#.to_owned())
        );
    }
    let listed = site.browser.get(format!("{}/auth/oidc_providers", site.app.public)).send().await.unwrap();
    let expected = format!(
        "{{\"lab\":{{\"display_name\":\"The <Lab>\",\"configuration_url\":\"{}/.well-known/openid-configuration\",\
         \"client_id\":\"undulator\",\"pkce\":true,\"scope\":\"openid\"}}}}",
        site.provider.issuer()
    );
    assert_eq!(listed.text().await.unwrap(), expected);
    assert!(site.list_reasons().await.contains(&"used_id_token".to_owned()));
    site.stop().await;
}

#[tokio::test]
async fn a_linked_user_of_the_provider_gets_the_linked_account() {
    for backend in list_backends() {
        let site = Site::start(&backend, "username_claim = \"login\"").await;
        let accounts = open_accounts(&site.app).await;
        accounts.create_account(&accounts.parse_name("db/ada").unwrap(), PASSWORD).await.unwrap();
        let form = [("plugin", "db"), ("username", "ada"), ("password", PASSWORD)];
        let send = async |path: &str, cookie: &str, form: &[(&str, &str)]| {
            let request = site.browser.post(format!("{}/auth/app{path}", site.app.public)).header("cookie", cookie);
            request.form(form).send().await.unwrap()
        };
        let who = async |answer: Response| {
            let cookie = find_cookie(&answer, "__Host-undulator-session");
            let cookie = cookie.ok_or(answer.text().await.unwrap()).unwrap();
            let page = site.browser.get(format!("{}/auth/app", site.app.public)).header("cookie", cookie);
            page.send().await.unwrap().text().await.unwrap()
        };
        let (orcid, page_login) = (json!({"sub": "42", "login": "ada.l"}), "session=page");
        assert!(who(site.log_in(page_login, &orcid).await).await.contains("lab&#x2f;ada.l"));

        let page = find_cookie(&send("/login", "", &form).await, "__Host-undulator-session").unwrap();
        let link = async |page: &str, come_back: &str, claims: &Value| {
            let started = send("/links/lab", page, &[]).await;
            let login_cookie = find_cookie(&started, "__Host-undulator-login");
            assert_eq!(started.status(), 200, "{}", started.text().await.unwrap());
            let html = started.text().await.unwrap();
            let address = html.split("class=\"main\" href=\"").nth(1).unwrap().split('"').next().unwrap();
            let url = Url::parse(&address.replace("&#x2f;", "/").replace("&amp;", "&")).unwrap();
            let parameters: HashMap<_, _> =
                url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            let demands = (parameters["max_age"].as_str(), parameters["prompt"].as_str());
            assert_eq!(demands, ("600", "login"), "somebody else may be logged in there");
            let mut changes = json!({"nonce": parameters["nonce"]});
            changes.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
            change_claims(&changes);
            let cookies = format!("{}; {come_back}", login_cookie.unwrap());
            let url =
                format!("{}/auth/v1/oidc/lab/callback?state={}&code={CODE}", site.app.public, parameters["state"]);
            site.browser.get(url).header("cookie", cookies).send().await.unwrap()
        };
        assert_eq!(site.begin_status("session=link").await, 400, "only the page links");
        assert_eq!(send("/links/lab", "", &[]).await.status(), 401);
        let linked = link(&page, &page, &orcid).await;
        assert_eq!(linked.headers()[LOCATION], "/auth/app?done=linked");
        assert!(who(site.log_in(page_login, &orcid).await).await.contains("db&#x2f;ada"));
        assert!(
            who(site.log_in(page_login, &json!({"sub": "43", "login": "bob"})).await).await.contains("lab&#x2f;bob")
        );

        // Somebody else's account cannot take it over, nor a login of long ago.
        accounts.create_account(&accounts.parse_name("db/eve").unwrap(), PASSWORD).await.unwrap();
        let eve = [form[0], ("username", "eve"), form[2]];
        let eve = find_cookie(&send("/login", "", &eve).await, "__Host-undulator-session").unwrap();
        assert_eq!(link(&eve, &eve, &orcid).await.status(), 409);
        let other = json!({"sub": "44", "login": "mallory"});
        assert_eq!(link(&page, &eve, &other).await.status(), 409, "somebody else has logged in on the page since");
        site.app.clock.advance_seconds(601);
        site.provider.advance_seconds(601);
        assert_eq!(send("/links/lab", &page, &[]).await.status(), 403);

        let removed = send("/links/lab/remove", &page, &[]).await;
        assert_eq!(removed.headers()[LOCATION], "/auth/app?done=unlinked");
        assert!(who(site.log_in(page_login, &orcid).await).await.contains("lab&#x2f;ada.l"));
        let rows = list_audit_rows(&site.app).await.into_iter().filter(|row| row.kind == "account");
        let reasons: Vec<_> = rows.map(|row| row.reason).filter(|reason| reason.contains("link")).collect();
        assert_eq!(reasons, ["linked", "unlinked"]);

        let administration = auth::open_administration(&site.app.config, &build_sources(&site.app)).await.unwrap();
        assert!(administration.link_user("lab", "42", "db/eve").await.unwrap());
        assert!(!administration.link_user("lab", "42", "db/eve").await.unwrap(), "they were linked");
        for (provider, name) in [("lab", "db/ada"), ("lab", "lab/root"), ("lab", "eve"), ("other", "db/eve")] {
            assert!(administration.link_user(provider, "42", name).await.is_err(), "{provider} {name}");
        }
        administration.close().await;
        assert!(who(site.log_in(page_login, &orcid).await).await.contains("db&#x2f;eve"));

        // A closed account is closed on this way as well, and whoever gets its name later gets none of its links.
        let eve = accounts.parse_name("db/eve").unwrap();
        accounts.lock_account(&eve).await.unwrap();
        assert_eq!(site.log_in(page_login, &orcid).await.status(), 403);
        assert_eq!(site.list_reasons().await.last().unwrap(), "account_closed");
        accounts.remove_account(&eve).await.unwrap();
        accounts.create_account(&eve, PASSWORD).await.unwrap();
        assert!(who(site.log_in(page_login, &orcid).await).await.contains("lab&#x2f;ada.l"));
        site.app.drain().await;
        accounts.close().await;
        site.stop().await;
    }
}
