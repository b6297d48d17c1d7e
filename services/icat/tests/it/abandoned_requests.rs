//! A client that goes away takes its statement with it.

use service_kit::Engine;
use testkit::wait_until;

use crate::rest_client::Client;

/// Counts 10¹⁰ combinations of 100 users, for minutes.
const ENDLESS: &str = "SELECT COUNT(a) FROM User a, User b, User c, User d, User e";
/// Looks in a row at which a connection is in use, so that it is that of the request.
const LOOKS: usize = 5;

async fn create_users(c: &Client, count: usize) {
    let users: Vec<String> = (0..count).map(|n| format!(r#"{{"User":{{"name":"db/user{n}"}}}}"#)).collect();
    c.create_entities(&format!("[{}]", users.join(","))).await;
}

/// Statements of this kind that the database is computing.
async fn count_running(c: &Client) -> usize {
    let db = c.app.db("icat");
    match db.engine() {
        Engine::Sqlite => {
            let metrics = c.app.metrics().await;
            let is_used = |line: &&str| {
                line.starts_with("db_client_connection_count{") && line.contains("read") && line.contains("used")
            };
            let line = metrics.lines().filter(|line| line.contains("icat")).find(is_used).expect("the metric");
            line.rsplit(' ').next().unwrap().parse().unwrap()
        }
        Engine::Postgres => {
            let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                       AND pid <> pg_backend_pid() AND query LIKE '%user_ %user_ %user_ %'";
            db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap().len()
        }
    }
}

#[tokio::test]
async fn the_statement_of_a_client_that_is_gone_ends() {
    for c in Client::start_on_each_engine("[database]\nread_timeout = \"10m\"\n").await {
        create_users(&c, 100).await;
        let engine = c.app.db("icat").engine();
        let mut looks = 0;
        let running = wait_until("the statement runs", async || {
            looks = if count_running(&c).await > 0 { looks + 1 } else { 0 };
            (looks >= LOOKS).then_some(())
        });
        tokio::select! {
            answer = c.get_entities(&c.session, ENDLESS, None) => panic!("{engine:?}: it does not end by itself: {answer:?}"),
            () = running => {}
        }
        wait_until("the statement has ended", async || (count_running(&c).await == 0).then_some(())).await;
        c.app.stop().await;
    }
}
