//! A disk without room: writes are refused with the reason, readiness says so, and both are over as soon as there is room.

use service_kit::db::{Migrate, Target};
use service_kit::{Db, DbError, Micros, Migration};
use testkit::{Backend, SmallDisk};

use crate::opened::{MIGRATIONS, add_row, database_config, list_ids, open_migrated};

fn is_full<T>(outcome: &Result<T, DbError>) -> bool {
    matches!(outcome, Err(DbError::DiskFull(_)))
}

#[tokio::test]
async fn writes_are_refused_while_the_disk_is_full_and_go_on_when_it_is_not() {
    let Some(disk) = SmallDisk::mount(8) else {
        println!("no right to mount: the engine's own limit instead of a small disk");
        return refuse_while_pages_are_limited().await;
    };
    let config = database_config(&Backend::Sqlite, "").await;
    let db = open_migrated(disk.path(), &config).await;
    let mut acknowledged = Vec::new();
    add_row(&db, 0, 10).await.unwrap();
    acknowledged.push(0);
    db.check_ready().await.unwrap();

    for round in 0..3 {
        disk.fill();
        // What is left of the log is written first.
        let first = 1 + round * 1000;
        let refused = {
            let mut id = first;
            loop {
                let outcome = add_row(&db, id, 60_000).await;
                if outcome.is_err() {
                    break outcome;
                }
                acknowledged.push(id);
                id += 1;
            }
        };
        assert!(is_full(&refused), "{refused:?}");
        for id in 0..5 {
            let refused = add_row(&db, first + 500 + id, 60_000).await;
            assert!(is_full(&refused), "and again: {refused:?}");
            let not_ready = db.check_ready().await;
            assert!(is_full(&not_ready), "{not_ready:?}");
            assert_eq!(list_ids(&db).await, acknowledged, "reading goes on");
        }
        disk.free();
        db.check_ready().await.unwrap();
        add_row(&db, first + 900, 60_000).await.unwrap();
        acknowledged.push(first + 900);
        assert_eq!(list_ids(&db).await, acknowledged);
    }
    db.close().await;
    let db = open_migrated(disk.path(), &config).await;
    assert_eq!(list_ids(&db).await, acknowledged, "all of it, and nothing else, is on the disk");
    println!("{} acknowledged writes over 3 full disks", acknowledged.len());
    db.close().await;
}

/// The engine's own limit of pages, which the connection has that is discarded.
#[tokio::test]
async fn a_write_that_finds_the_database_full_harms_no_other() {
    refuse_while_pages_are_limited().await;
}

async fn refuse_while_pages_are_limited() {
    let dir = tempfile::tempdir().unwrap();
    let db = open_migrated(dir.path(), &database_config(&Backend::Sqlite, "").await).await;
    for id in 0..10 {
        db.write(async |tx| tx.execute("PRAGMA max_page_count = 1", &[]).await).await.unwrap();
        let refused = add_row(&db, id, 1 << 20).await;
        assert!(is_full(&refused), "{refused:?}");
        add_row(&db, 100 + id, 1 << 10).await.unwrap();
        db.check_ready().await.unwrap();
    }
    assert_eq!(list_ids(&db).await, (100..110).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_start_on_a_full_disk_says_so_and_the_next_one_succeeds() {
    let Some(disk) = SmallDisk::mount(4) else {
        println!("no right to mount: a migration that the engine's own limit ends instead");
        return migrate_while_pages_are_limited().await;
    };
    let config = database_config(&Backend::Sqlite, "").await;
    let target = Target::from_config(&config, disk.path(), "sample").unwrap();
    disk.fill();
    let refused = match Db::open(&target, &config).await {
        Err(e) => e,
        Ok(db) => db.migrate(MIGRATIONS, Migrate::Auto, Micros::default()).await.unwrap_err(),
    };
    let text = refused.to_string();
    assert!(text.contains("full") || text.contains("free space"), "{text}");
    disk.free();
    let db = open_migrated(disk.path(), &config).await;
    add_row(&db, 1, 10).await.unwrap();

    disk.fill();
    let more = [MIGRATIONS[0], large_step()];
    let refused = db.migrate(&more, Migrate::Auto, Micros::default()).await;
    assert!(is_full(&refused), "{refused:?}");
    disk.free();
    assert_eq!(db.migrate(&more, Migrate::Auto, Micros::default()).await.unwrap(), 1);
    assert_eq!(list_ids(&db).await, [1]);
    db.close().await;
}

async fn migrate_while_pages_are_limited() {
    let dir = tempfile::tempdir().unwrap();
    let db = open_migrated(dir.path(), &database_config(&Backend::Sqlite, "").await).await;
    db.write(async |tx| tx.execute("PRAGMA max_page_count = 1", &[]).await).await.unwrap();
    let more = [MIGRATIONS[0], large_step()];
    let refused = db.migrate(&more, Migrate::Auto, Micros::default()).await;
    assert!(is_full(&refused), "{refused:?}");
    assert_eq!(db.migrate(&more, Migrate::Auto, Micros::default()).await.unwrap(), 1);
}

fn large_step() -> Migration {
    Migration {
        version: 2,
        name: "large",
        sql: "CREATE TABLE large (picture {blob}); INSERT INTO large (picture) VALUES (zeroblob(1000000));",
    }
}
