//! Two processes write to the same row at once.

use std::path::Path;
use std::process::Command;

use service_kit::config::Config;
use service_kit::db::Target;
use service_kit::{Db, DbError, Migration};

const TASKS_PER_PROCESS: usize = 4;
const WRITES_PER_TASK: usize = 50;
const TARGET: &str = "TESTKIT_INCREMENT_TARGET";
const NAME: &str = "increments::read_modify_writes_of_two_processes_are_all_kept";

const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "counter",
    sql: "CREATE TABLE counter (id BIGINT PRIMARY KEY, n BIGINT NOT NULL); INSERT INTO counter VALUES (1, 0);",
}];

/// 8 tasks in two processes, each 50 times: read the number, write it back one higher.
#[tokio::test(flavor = "multi_thread")]
async fn read_modify_writes_of_two_processes_are_all_kept() {
    #[expect(clippy::disallowed_methods, reason = "how the second process learns that it is the second")]
    if let Ok(target) = std::env::var(TARGET) {
        let (url, place) = target.split_once(' ').expect("address and place");
        increment_counter(&open_counter(url, place).await).await;
        return;
    }
    for test in testkit::create_databases("increments", MIGRATIONS).await {
        let (url, place) = match &test.target {
            Target::Sqlite(file) => ("sqlite".to_owned(), file.parent().expect("a directory").display().to_string()),
            Target::Postgres { url, .. } => (url.clone(), "-".to_owned()),
        };
        let mut other = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", NAME])
            .env(TARGET, format!("{url} {place}"))
            .spawn()
            .expect("a second process");
        increment_counter(&test.db).await;
        assert!(other.wait().expect("the second process ends").success());

        let row = test.db.read().await.unwrap().fetch_one("SELECT n FROM counter WHERE id = 1", &[]).await.unwrap();
        let expected = i64::try_from(2 * TASKS_PER_PROCESS * WRITES_PER_TASK).unwrap();
        assert_eq!(row.get::<i64>("n").unwrap(), expected, "{}", test.engine);
        println!("{}: {expected} read-modify-writes kept", test.engine);
    }
}

async fn open_counter(url: &str, place: &str) -> Db {
    let config =
        Config::from_toml(&[], &format!("[database]\nurl = \"{url}\"\n")).expect("valid settings").core.database;
    let target = Target::from_config(&config, Path::new(place), "increments").expect("a usable address");
    Db::open(&target, &config).await.expect("the database opens")
}

async fn increment_counter(db: &Db) {
    let tasks: Vec<_> = (0..TASKS_PER_PROCESS)
        .map(|_| {
            let db = db.clone();
            #[expect(clippy::disallowed_methods, reason = "tasks of a test")]
            tokio::spawn(async move {
                for _ in 0..WRITES_PER_TASK {
                    db.write(async |tx| {
                        let n: i64 = tx.fetch_one("SELECT n FROM counter WHERE id = 1", &[]).await?.get("n")?;
                        tx.execute("UPDATE counter SET n = $1 WHERE id = 1", &[(n + 1).into()]).await?;
                        Ok::<_, DbError>(())
                    })
                    .await
                    .expect("every write is stored in the end");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("the task ends");
    }
}
