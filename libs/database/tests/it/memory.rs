//! `SQLite` without memory. Its limit is the process's and cannot be raised again, so the test runs itself in another one.

use std::process::Command;

use service_kit::DbError;
use testkit::Backend;

use crate::opened::{add_row, database_config, list_ids, open_migrated};

const CHILD: &str = "DATABASE_TEST_WITHOUT_MEMORY";

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "tells the process apart that has no memory")]
async fn a_write_without_memory_harms_no_other() {
    if std::env::var(CHILD).is_err() {
        let itself = ["--exact", "memory::a_write_without_memory_harms_no_other", "--nocapture"];
        let program = std::env::current_exe().unwrap();
        let child = Command::new(program).args(itself).env(CHILD, "1").output().unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && said.contains("10 writes without memory"), "{child:?}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let db = open_migrated(dir.path(), &database_config(&Backend::Sqlite, "").await).await;
    db.write(async |tx| tx.execute("PRAGMA hard_heap_limit = 8000000", &[]).await).await.unwrap();
    for id in 0..10 {
        let refused = add_row(&db, id, 32 << 20).await;
        assert!(matches!(refused, Err(DbError::Unavailable(_))), "{refused:?}");
        db.check_ready().await.unwrap();
        add_row(&db, 100 + id, 100).await.unwrap();
    }
    assert_eq!(list_ids(&db).await, (100..110).collect::<Vec<i64>>());
    println!("10 writes without memory");
}
