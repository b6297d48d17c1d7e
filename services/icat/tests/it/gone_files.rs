//! Forgetting gone files: files that are gone for good are forgotten, files that may come back are not.

use std::fs;
use std::path::PathBuf;

use icat::ingest::{self, IngestError, NewInvestigation, Options, Report};
use service_kit::{Db, Sources};

/// A catalogue, and a directory with its storages.
struct Facility {
    db: Db,
    dir: tempfile::TempDir,
}

impl Facility {
    /// Starts one on each engine, with an ingested investigation: scan1 has the files a, b, c and d, scan2 has e.
    async fn start_on_each_engine() -> Vec<(Self, testkit::TestDb)> {
        let mut all = Vec::new();
        for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
            let db = test.db.clone();
            let by = "create_id, create_time, mod_id, mod_time";
            let facility = format!("INSERT INTO facility (id, {by}, name) VALUES (1001, 'x', 0, 'x', 0, 'SRC')");
            let kind = format!(
                "INSERT INTO investigationtype (id, {by}, name, facility_id) VALUES (1002, 'x', 0, 'x', 0, 'MX', 1001)"
            );
            db.write(async |tx| {
                tx.execute(&facility, &[]).await?;
                tx.execute(&kind, &[]).await
            })
            .await
            .unwrap();
            let facility = Self { db, dir: tempfile::tempdir().unwrap() };
            for name in ["scan1/a", "scan1/b", "scan1/c", "scan1/d", "scan2/e"] {
                facility.write_file("main", name);
            }
            let report = facility.run_ingest(&Options { forget_gone: false, ..facility.ingest_options() }).await;
            assert_eq!((report.created, report.is_complete()), (5, true), "{report:?}");
            all.push((facility, test));
        }
        all
    }

    fn file_path(&self, storage: &str, name: &str) -> PathBuf {
        self.dir.path().join(storage).join("p").join(name)
    }

    fn write_file(&self, storage: &str, name: &str) {
        let path = self.file_path(storage, name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }

    fn remove_file(&self, name: &str) {
        fs::remove_file(self.file_path("main", name)).unwrap();
    }

    fn ingest_options(&self) -> Options {
        Options {
            directory: self.file_path("main", ""),
            storage_root: self.dir.path().join("main"),
            other_storages: Vec::new(),
            investigation: "MX-1".to_owned(),
            visit: None,
            facility: None,
            create: Some(NewInvestigation::default()),
            dataset_type: "raw".to_owned(),
            repoint: false,
            forget_gone: true,
            also_elsewhere: false,
            hidden: false,
            most_may_be_gone: false,
            dry_run: false,
            jobs: 1,
            user_name: "simple/root".to_owned(),
        }
    }

    async fn run_ingest(&self, options: &Options) -> Report {
        self.ingest_meanwhile(options, |_| ()).await.unwrap()
    }

    /// Runs `meanwhile` after the files have been read and before those of the last dataset are looked for.
    async fn ingest_meanwhile(
        &self,
        options: &Options,
        meanwhile: impl Fn(&Self) + Sync,
    ) -> Result<Report, IngestError> {
        ingest::ingest_directory(&self.db, &Sources::default(), options, &|done, total| {
            if done == total {
                meanwhile(self);
            }
        })
        .await
    }

    async fn catalogued_names(&self) -> String {
        let sql = "SELECT name FROM datafile ORDER BY name";
        let rows = self.db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get::<String>("name").unwrap()).collect()
    }

    async fn execute_sql(&self, sql: &str) {
        self.db.write(async |tx| tx.execute(sql, &[]).await).await.unwrap();
    }
}

fn render_reasons(report: &Report) -> String {
    let lines: Vec<String> =
        report.refused.iter().map(|refused| format!("{}: {}", refused.path, refused.reason)).collect();
    lines.join("\n")
}

/// The number of gone files that were listed and forgotten.
fn gone_counts(report: &Report) -> (usize, usize) {
    (report.gone.len(), report.forgotten)
}

#[tokio::test]
async fn what_is_gone_for_good_is_forgotten() {
    for (facility, _test) in Facility::start_on_each_engine().await {
        facility.remove_file("scan1/a");
        facility.remove_file("scan2/e");
        fs::remove_dir(facility.file_path("main", "scan2")).unwrap();
        let dry = facility.run_ingest(&Options { dry_run: true, ..facility.ingest_options() }).await;
        assert_eq!((gone_counts(&dry), facility.catalogued_names().await.as_str()), ((2, 2), "abcde"), "{dry:?}");
        let report = facility.run_ingest(&facility.ingest_options()).await;
        assert_eq!((gone_counts(&report), facility.catalogued_names().await.as_str()), ((2, 2), "bcd"), "{report:?}");
        assert!(report.is_complete(), "{report:?}");
    }
}

#[tokio::test]
async fn nothing_is_forgotten_where_a_disk_may_be_missing() {
    for (facility, _test) in Facility::start_on_each_engine().await {
        // An empty directory, whatever the options.
        facility.remove_file("scan2/e");
        for most_may_be_gone in [false, true] {
            let report = facility.run_ingest(&Options { most_may_be_gone, ..facility.ingest_options() }).await;
            assert_eq!(gone_counts(&report), (1, 0), "{report:?}");
            assert!(render_reasons(&report).contains("is something not mounted there?"), "{report:?}");
            assert!(!report.is_complete());
        }
        // A symbolic link to a missing disk.
        fs::remove_dir(facility.file_path("main", "scan2")).unwrap();
        std::os::unix::fs::symlink("/nowhere/scan2", facility.file_path("main", "scan2")).unwrap();
        let report = facility.run_ingest(&facility.ingest_options()).await;
        assert_eq!((gone_counts(&report), report.left_out), ((0, 0), 1), "{report:?}");
        // A directory that is not empty but lacks nearly all catalogued files.
        fs::rename(facility.file_path("main", ""), facility.dir.path().join("away")).unwrap();
        facility.write_file("main", "NOT_MOUNTED");
        let report = facility.run_ingest(&facility.ingest_options()).await;
        assert_eq!(gone_counts(&report), (5, 0), "{report:?}");
        assert!(
            render_reasons(&report).contains("5 of the 5 files that are catalogued below it are gone"),
            "{report:?}"
        );
        assert_eq!(facility.catalogued_names().await, "NOT_MOUNTEDabcde");
        let report = facility.run_ingest(&Options { most_may_be_gone: true, ..facility.ingest_options() }).await;
        assert_eq!(
            (gone_counts(&report), facility.catalogued_names().await.as_str()),
            ((5, 5), "NOT_MOUNTED"),
            "{report:?}"
        );
    }
}

#[tokio::test]
async fn what_happens_during_the_run_is_seen() {
    for (facility, _test) in Facility::start_on_each_engine().await {
        // A file comes back.
        facility.remove_file("scan1/a");
        let report = facility
            .ingest_meanwhile(&facility.ingest_options(), |facility| facility.write_file("main", "scan1/a"))
            .await;
        assert_eq!(gone_counts(&report.unwrap()), (0, 0));
        assert_eq!(facility.catalogued_names().await, "abcde");
        // The directory is replaced by another.
        facility.remove_file("scan1/a");
        let away = facility.dir.path().join("away");
        let replace = |facility: &Facility| {
            if !away.exists() {
                fs::rename(facility.file_path("main", ""), &away).unwrap();
                facility.write_file("main", "other");
            }
        };
        let report = facility.ingest_meanwhile(&facility.ingest_options(), replace).await.unwrap();
        assert_eq!(report.forgotten, 0, "{report:?}");
        assert!(render_reasons(&report).contains("is not what it was when it was scanned"), "{report:?}");
        fs::remove_dir_all(facility.file_path("main", "")).unwrap();
        fs::rename(&away, facility.file_path("main", "")).unwrap();
        // A file that was scanned vanishes.
        let lose = |facility: &Facility| drop(fs::remove_file(facility.file_path("main", "scan1/b")));
        let report = facility.ingest_meanwhile(&facility.ingest_options(), lose).await.unwrap();
        assert_eq!(report.forgotten, 0, "{report:?}");
        assert!(render_reasons(&report).contains("does the storage go away?"), "{report:?}");
        assert_eq!(facility.catalogued_names().await, "abcde");
    }
}

#[tokio::test]
async fn what_another_storage_has_is_not_gone() {
    for (facility, _test) in Facility::start_on_each_engine().await {
        facility.write_file("second", "scan1/a");
        fs::create_dir(facility.dir.path().join("third")).unwrap();
        let roots = |names: &[&str]| names.iter().map(|name| facility.dir.path().join(name)).collect::<Vec<_>>();
        let with = |others: &[&str]| Options { other_storages: roots(others), ..facility.ingest_options() };
        facility.remove_file("scan1/a");
        facility.remove_file("scan1/b");
        let report = facility.run_ingest(&with(&["second", "third"])).await;
        assert_eq!(gone_counts(&report), (1, 0), "a storage that is not mounted may have it: {report:?}");
        assert!(render_reasons(&report).contains("/third: is empty or cannot be read"), "{report:?}");
        let report = facility.run_ingest(&with(&["second"])).await;
        assert_eq!((gone_counts(&report), facility.catalogued_names().await.as_str()), ((1, 1), "acde"), "{report:?}");
    }
}

#[tokio::test]
async fn what_has_a_doi_is_not_forgotten() {
    for (facility, _test) in Facility::start_on_each_engine().await {
        let by = "create_id, create_time, mod_id, mod_time";
        facility.execute_sql("UPDATE datafile SET doi = '10.1/a' WHERE name = 'a'").await;
        let collection = format!(
            "INSERT INTO datacollection (id, {by}, doi) VALUES (2001, 'x', 0, 'x', 0, '10.1/c'), (2002, 'x', 0, 'x', 0, NULL)"
        );
        facility.execute_sql(&collection).await;
        for (id, collection, name) in [(2003, 2001, "b"), (2004, 2002, "c")] {
            let member = format!(
                "INSERT INTO datacollectiondatafile (id, {by}, datacollection_id, datafile_id) \
                 SELECT {id}, 'x', 0, 'x', 0, {collection}, id FROM datafile WHERE name = '{name}'"
            );
            facility.execute_sql(&member).await;
        }
        for name in ["scan1/a", "scan1/b", "scan1/c"] {
            facility.remove_file(name);
        }
        let report = facility.run_ingest(&Options { most_may_be_gone: true, ..facility.ingest_options() }).await;
        assert_eq!((gone_counts(&report), facility.catalogued_names().await.as_str()), ((3, 1), "abde"), "{report:?}");
        assert_eq!(render_reasons(&report).matches("has a DOI, or is part of what has one").count(), 2, "{report:?}");
        assert!(!report.is_complete());
    }
}

#[tokio::test]
async fn a_storage_that_is_empty_is_refused_at_once() {
    for (facility, _test) in Facility::start_on_each_engine().await {
        fs::remove_dir_all(facility.file_path("main", "")).unwrap();
        fs::create_dir(facility.file_path("main", "")).unwrap();
        let refused = facility.ingest_meanwhile(&facility.ingest_options(), |_| ()).await.unwrap_err();
        assert!(refused.to_string().contains("is it mounted?"), "{refused}");
        assert_eq!(facility.catalogued_names().await, "abcde");
    }
}
