//! The log line of a refused login, and the expressions that the documentation gives for fail2ban.

use std::path::Path;

use regex::Regex;
use serde_json::json;
use testkit::Process;

const CHILD: &str = "fail2ban::run_child";

#[tokio::test]
async fn run_child() {
    testkit::run_child_process(&[auth::SERVICE]).await;
}

/// The expressions of the documentation, for text and for JSON.
fn read_documented_expressions() -> Vec<Regex> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/operators.md");
    let text = std::fs::read_to_string(docs).unwrap();
    let expressions = text.lines().filter_map(|line| line.trim().strip_prefix("failregex = "));
    expressions.map(|line| Regex::new(&line.replace("<HOST>", r"(?P<host>[0-9a-fA-F.:]+)")).unwrap()).collect()
}

#[tokio::test]
async fn each_refused_login_is_one_line_that_the_documented_expression_matches() {
    const ADDRESS: &str = "192.0.2.7";
    let expressions = read_documented_expressions();
    assert_eq!(expressions.len(), 2);
    #[expect(clippy::disallowed_methods, reason = "a client of the process under test")]
    let http = reqwest::Client::new();
    for (format, expression) in ["text", "json"].into_iter().zip(&expressions) {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Process::new(CHILD, "auth", &[auth::SERVICE], dir.path());
        process.configure(&format!("log.format = \"{format}\"\n"));
        process.start(&http).await;
        let names = [
            "alice",
            "a name with blanks",
            "client.address=203.0.113.9",
            "x client.address=203.0.113.9 login.outcome=wrong_password",
            "x\" client.address=203.0.113.9",
            "x\nlogin failed account.name=y client.address=203.0.113.9",
            "x\",\"client.address\":\"203.0.113.9\",\"y\":\"",
        ];
        for name in names {
            let body = json!({"credentials": [{"username": name}, {"password": "p"}], "ip": ADDRESS}).to_string();
            let url = format!("{}/authn.db/authenticate", process.internal());
            assert_eq!(http.post(url).form(&[("json", body)]).send().await.unwrap().status(), 403);
        }
        process.stop();
        let log = process.log();
        let hosts: Vec<&str> =
            log.lines().filter_map(|line| Some(expression.captures(line)?.name("host")?.as_str())).collect();
        assert_eq!(hosts, vec![ADDRESS; names.len()], "{log}");
        assert!(!expression.is_match("an ordinary line"));
    }
}
