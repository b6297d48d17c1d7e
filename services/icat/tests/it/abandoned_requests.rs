//! A client that goes away takes its statement with it.

use std::time::Duration;

use service_kit::Engine;
use testkit::wait_until;

use crate::rest_client::Client;

/// Counts 10¹⁰ combinations of 100 users, for minutes.
const ENDLESS: &str = "SELECT COUNT(a) FROM User a, User b, User c, User d, User e";
/// Looks in a row that find it running, so that it is no other statement.
const LOOKS: usize = 5;
/// How long another request waits for the connection.
const CONNECTION_WAIT: Duration = Duration::from_millis(300);

async fn create_users(c: &Client, count: usize) {
    let users: Vec<String> = (0..count).map(|n| format!(r#"{{"User":{{"name":"db/user{n}"}}}}"#)).collect();
    c.create_entities(&format!("[{}]", users.join(","))).await;
}

/// Whether the database is computing the statement.
async fn is_running(c: &Client) -> bool {
    let db = c.app.db("icat");
    match db.engine() {
        // It has the only connection for reading.
        Engine::Sqlite => {
            let parameters = [("sessionId", c.session.as_str()), ("query", "SELECT COUNT(u) FROM User u")];
            let url = format!("{}/icat/entityManager", c.app.public);
            let answer = c.app.http.get(url).query(&parameters).timeout(CONNECTION_WAIT).send().await;
            answer.is_err_and(|e| e.is_timeout())
        }
        Engine::Postgres => {
            let sql = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                       AND pid <> pg_backend_pid() AND query LIKE '%user_ %user_ %user_ %'";
            !db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap().is_empty()
        }
    }
}

#[tokio::test]
async fn the_statement_of_a_client_that_is_gone_ends() {
    for c in Client::start_on_each_engine("[database]\nread_timeout = \"10m\"\nmax_connections = 1\n").await {
        create_users(&c, 100).await;
        let engine = c.app.db("icat").engine();
        let mut looks = 0;
        let running = wait_until("the statement runs", async || {
            looks = if is_running(&c).await { looks + 1 } else { 0 };
            (looks >= LOOKS).then_some(())
        });
        tokio::select! {
            answer = c.get_entities(&c.session, ENDLESS, None) => panic!("{engine:?}: it does not end by itself: {answer:?}"),
            () = running => {}
        }
        wait_until("the statement has ended", async || (!is_running(&c).await).then_some(())).await;
        c.app.stop().await;
    }
}
