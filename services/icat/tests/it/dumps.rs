//! Dumps that are imported into a catalogue that already has their rows: nothing is stored twice, and a refused or truncated
//! import leaves nothing. Dumps of python-icat are exported and imported again without a change.

use std::sync::Arc;

use icat::export::{self, DumpFormat};
use icat::import::{self, ImportOptions, OnConflict};
use icat::{AuthorizationConfig, Config};
use serde_json::{Value, json};
use service_kit::{Db, Sources, SystemClock, SystemIds};

use crate::cloner_and_port::{export_dump, import_dump};
use crate::rest_client::Client;

/// Rows with and without a unique key, with parts, and rows that differ only in their parts.
const FACILITY: &str = r#"
user:
  User_name-db=2Fada: {name: db/ada, fullName: "Ada \t\"L.\" \\ 081 yes"}
  User_name-db=2Fbob: {name: db/bob}
grouping:
  Grouping_name-staff:
    name: staff
    userGroups: [{user: User_name-db=2Fada}]
rule:
  Rule_00000001: {crudFlags: R, what: Dataset}
  Rule_00000002: {crudFlags: R, what: Dataset}
  Rule_00000003: {crudFlags: CRUD, what: "Dataset [name = 'x']", grouping: Grouping_name-staff}
publicStep:
  PublicStep_origin-Dataset_field-datafiles: {origin: Dataset, field: datafiles}
facility:
  Facility_name-SRC: {name: SRC, daysUntilRelease: 90}
instrument:
  Instrument_facility-(name-SRC)_name-BL1:
    name: BL1
    facility: Facility_name-SRC
    instrumentScientists: [{user: User_name-db=2Fbob}]
parameterType:
  ParameterType_facility-(name-SRC)_name-t_units-K:
    {name: t, units: K, valueType: NUMERIC, applicableToDataCollection: true, applicableToDataset: true, facility: Facility_name-SRC}
investigationType:
  InvestigationType_name-MX_facility-(name-SRC): {name: MX, facility: Facility_name-SRC}
datasetType:
  DatasetType_facility-(name-SRC)_name-raw: {name: raw, facility: Facility_name-SRC}
sampleType:
  SampleType_facility-(name-SRC)_name-s_molecularFormula-H: {name: s, molecularFormula: H, facility: Facility_name-SRC}
application:
  Application_facility-(name-SRC)_name-a_version-1: {name: a, version: "1", facility: Facility_name-SRC}
investigation:
  Investigation_facility-(name-SRC)_name-MX=2D1_visitId-1:
    name: MX-1
    visitId: "1"
    title: "é\u2028\x85 line\r\nend "
    startDate: "2026-02-01T08:00:00.250+00:00"
    facility: Facility_name-SRC
    type: InvestigationType_name-MX_facility-(name-SRC)
    keywords: [{name: k1}, {name: "2026-01-01"}]
    publications: [{fullReference: A}, {fullReference: A}, {fullReference: B}]
  Investigation_facility-(name-SRC)_name-MX=2D2_visitId-1:
    {name: MX-2, visitId: "1", title: t, facility: Facility_name-SRC, type: InvestigationType_name-MX_facility-(name-SRC)}
sample:
  Sample_investigation-(facility-(name-SRC)_name-MX=2D2_visitId-1)_name-s:
    {name: s, investigation: Investigation_facility-(name-SRC)_name-MX=2D2_visitId-1, type: SampleType_facility-(name-SRC)_name-s_molecularFormula-H}
dataset:
  Dataset_investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan:
    name: scan
    complete: true
    fileSize: 12
    investigation: Investigation_facility-(name-SRC)_name-MX=2D1_visitId-1
    sample: Sample_investigation-(facility-(name-SRC)_name-MX=2D2_visitId-1)_name-s
    type: DatasetType_facility-(name-SRC)_name-raw
    parameters: [{numericValue: 0.1, type: ParameterType_facility-(name-SRC)_name-t_units-K}]
datafile:
  Datafile_dataset-(investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan)_name-a:
    {name: a, dataset: Dataset_investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan}
  Datafile_dataset-(investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan)_name-b:
    {name: b, fileSize: 5, dataset: Dataset_investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan}
dataCollection:
  DataCollection_00000001:
    dataCollectionDatafiles: [{datafile: Datafile_dataset-(investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan)_name-a}]
  DataCollection_00000002:
    dataCollectionDatafiles: [{datafile: Datafile_dataset-(investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan)_name-b}]
  DataCollection_00000003:
    parameters: [{numericValue: 1e300, type: ParameterType_facility-(name-SRC)_name-t_units-K}]
  DataCollection_00000004: {}
  DataCollection_00000005: {doi: 10.1/x}
study:
  Study_00000001:
    name: st
    studyInvestigations: [{investigation: Investigation_facility-(name-SRC)_name-MX=2D2_visitId-1}]
job:
  Job_00000001:
    arguments: "-x"
    application: Application_facility-(name-SRC)_name-a_version-1
    inputDataCollection: DataCollection_00000002
    outputDataCollection: DataCollection_00000004
"#;

fn test_config() -> Config {
    Config {
        root_user_names: vec!["simple/root".to_owned()],
        lifetime_minutes: 60,
        max_entities: 1000,
        time_zone: "UTC".to_owned(),
        authorization: AuthorizationConfig::STRICT,
        authn_url: String::new(),
        authn: Vec::new(),
    }
}

fn system_sources() -> Sources {
    Sources { clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) }
}

async fn import_text(db: &Db, text: &str) -> import::ImportReport {
    let options = ImportOptions { user_name: "simple/root".to_owned(), on_conflict: OnConflict::Fail, dry_run: false };
    let dump = import::Dump::from_text(text);
    import::import_dump(db, &test_config(), &system_sources(), &dump, &options, |_| ()).await.unwrap()
}

async fn export_text(db: &Db, format: DumpFormat) -> String {
    let mut out = Vec::new();
    export::export_catalogue(db, &system_sources(), format, &mut out, |_, _| ()).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// A dump without the lines that contain the time of writing.
fn without_head(text: &str) -> String {
    text.lines().filter(|line| !line.contains("Date: ") && !line.contains("<date>")).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_dump_is_written_and_read_again_without_a_change() {
    for format in [DumpFormat::Yaml, DumpFormat::Xml] {
        let first = testkit::create_databases("icat", icat::SERVICE.migrations).await;
        let second = testkit::create_databases("icat", icat::SERVICE.migrations).await;
        for (one, other) in first.into_iter().zip(second) {
            let rows = import_text(&one.db, FACILITY).await.created;
            let text = export_text(&one.db, format).await;
            let again = import_text(&one.db, &text).await;
            assert_eq!((again.created, again.unchanged), (0, rows), "{format:?}\n{text}");
            assert_eq!(import_text(&other.db, &text).await.created, rows);
            assert_eq!(without_head(&export_text(&other.db, format).await), without_head(&text));
        }
    }
}

#[tokio::test]
async fn xml_says_what_it_cannot_hold() {
    for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
        import_text(&test.db, "user:\n  User_name-x: {name: x, fullName: \"a\\x01\"}\n").await;
        let refused =
            export::export_catalogue(&test.db, &system_sources(), DumpFormat::Xml, &mut Vec::<u8>::new(), |_, _| ())
                .await
                .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "User_name-x: fullName has the character U+0001, which XML cannot hold; write the dump as YAML"
        );
        assert!(export_text(&test.db, DumpFormat::Yaml).await.contains("\"a\\x01\""));
    }
}

/// The number of rows of each entity type.
async fn count_rows(c: &Client) -> Vec<Value> {
    let mut counts = Vec::new();
    for entity in icat_client::schema::all_entities() {
        let query = format!("SELECT COUNT(e) FROM {} e", entity.name);
        counts.push(json!([entity.name, c.search_rows(&c.session, &query).await[0]]));
    }
    counts
}

/// Imports the facility through `/port` and exports it again.
async fn import_facility(c: &Client) -> String {
    let text = include_str!("facility.port");
    let all = json!({"sessionId": c.session});
    assert_eq!(import_dump(c, &all, text).await, (204, String::new()));
    let (status, export) = export_dump(c, &all).await;
    assert_eq!(status, 200);
    export
}

#[tokio::test]
async fn a_dump_adds_nothing_to_the_catalogue_that_holds_it() {
    for c in Client::start_on_each_engine("").await {
        let text = import_facility(&c).await;
        let before = count_rows(&c).await;
        for duplicate in ["IGNORE", "CHECK", "OVERWRITE"] {
            let request = json!({"sessionId": c.session, "duplicate": duplicate});
            assert_eq!(import_dump(&c, &request, &text).await, (204, String::new()), "{duplicate}");
            assert_eq!(count_rows(&c).await, before, "{duplicate}");
        }
        let (status, body) = import_dump(&c, &json!({"sessionId": c.session}), &text).await;
        assert!(status == 412 && body.contains("OBJECT_ALREADY_EXISTS") && body.contains(" at line "), "{body}");
        assert_eq!(count_rows(&c).await, before);
        // With another part it is another collection.
        let more = format!(
            "{text}\nDataCollection(?:0,doi:1)\n\"x\",NULL\n\nDataCollectionDataset(dataCollection(?:0),dataset(investigation(facility(name:1),name:2,visitId:3),name:4))\n\"x\",\"SRC\",\"MX-1\",\"1\",\"scan\"\n"
        );
        let request = json!({"sessionId": c.session, "duplicate": "IGNORE"});
        assert_eq!(import_dump(&c, &request, &more).await, (204, String::new()));
        let after = count_rows(&c).await;
        let changed: Vec<_> =
            after.iter().filter(|count| !before.contains(count)).map(|count| count[0].clone()).collect();
        assert_eq!(changed, [json!("DataCollection"), json!("DataCollectionDataset")]);
        c.app.stop().await;
    }
}

#[tokio::test]
async fn what_is_refused_or_cut_off_leaves_nothing() {
    let text = include_str!("facility.port");
    for c in Client::start_on_each_engine("").await {
        let request = json!({"sessionId": c.session});
        let before = count_rows(&c).await;
        // Truncated within its last lines, and with an invalid reference at the end.
        let last = text.trim_end().rfind('\n').unwrap();
        for cut in [text.len() - 5, last - 5, text.find("Datafile(").unwrap() + 12] {
            let (status, body) = import_dump(&c, &request, &text[..cut]).await;
            assert_eq!(status, 400, "{body}");
            assert_eq!(count_rows(&c).await, before, "cut at {cut}");
        }
        let wrong = format!(
            "{text}\nKeyword(investigation(facility(name:0),name:1,visitId:2),name:3)\n\"SRC\",\"no\",\"1\",\"k\"\n"
        );
        let (status, body) = import_dump(&c, &request, &wrong).await;
        assert_eq!((status, body.contains("NO_SUCH_OBJECT_FOUND")), (404, true), "{body}");
        assert_eq!(count_rows(&c).await, before);
        // The same with a connection that ends early.
        let cut_off = format!(
            "--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{request}\r\n--x\r\nContent-Disposition: form-data; \
             name=\"file\"; filename=\"f\"\r\n\r\n{text}"
        );
        let url = format!("{}/icat/port", c.app.public);
        let sent = c.app.http.post(url).header("content-type", "multipart/form-data; boundary=x").body(cut_off);
        assert_eq!(sent.send().await.unwrap().status().as_u16(), 400);
        assert_eq!(count_rows(&c).await, before);
        for (broken, status) in [("", 412), ("\n# nothing\n", 412), ("2.0\n", 412), ("1.0\n", 204)] {
            let (found, body) = import_dump(&c, &request, broken).await;
            assert_eq!((found, found == 204 || body.contains("VALIDATION")), (status, true), "{broken:?}: {body}");
        }
        c.app.stop().await;
    }
}

/// Datasets and investigations have sizes from the start, however they are created.
#[tokio::test]
async fn sizes_of_new_rows_are_zero() {
    for c in Client::start_on_each_engine("").await {
        import_facility(&c).await;
        let nested = r#"{"Investigation":{"name":"n","visitId":"1","title":"t","facility":{"id":FACILITY},"type":{"id":TYPE},
            "datasets":[{"name":"d","type":{"id":RAW}}]}}"#;
        let id = async |kind: &str| {
            c.search_rows(&c.session, &format!("SELECT MIN(x.id) FROM {kind} x")).await[0].to_string()
        };
        let nested = nested
            .replace("FACILITY", &id("Facility").await)
            .replace("TYPE", &id("InvestigationType").await)
            .replace("RAW", &id("DatasetType").await);
        c.create_entities(&nested).await;
        for (kind, rows) in [("Investigation", 3), ("Dataset", 2)] {
            let query = format!("SELECT COUNT(x) FROM {kind} x WHERE x.fileSize >= 0 AND x.fileCount >= 0");
            assert_eq!(c.search_rows(&c.session, &query).await, json!([rows]), "{kind}");
        }
        let file =
            format!(r#"[{{"Datafile":{{"name":"f","fileSize":5.0,"dataset":{{"id":{}}}}}}}]"#, id("Dataset").await);
        c.create_entities(&file).await;
        assert_eq!(c.search_rows(&c.session, "SELECT f.fileSize FROM Datafile f WHERE f.name = 'f'").await, json!([5]));
        let half = file.replace("\"f\"", "\"g\"").replace("5.0", "5.5");
        let refused =
            r#"{"code":"BAD_PARAMETER","message":"Field fileSize in Datafile must be an integer","offset":0}"#;
        c.assert_refused(&half, 400, refused).await;
        c.app.stop().await;
    }
}

/// Datasets with parts: some stored already, one of them with another value, and one with a part twice.
fn render_datasets(count: usize) -> Vec<String> {
    let investigation = "Investigation_facility-(name-SRC)_name-MX=2D1_visitId-1";
    let kind = "DatasetType_facility-(name-SRC)_name-raw";
    let parameter =
        |value: usize| format!("{{numericValue: {value}, type: ParameterType_facility-(name-SRC)_name-t_units-K}}");
    let dataset = |n: usize| {
        let parameters = match n % 5 {
            0 => String::new(),
            3 => [parameter(n), parameter(n)].join(", "),
            _ => parameter(n),
        };
        format!(
            "dataset:\n  \"Dataset_investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-d{n}\":\n    {{name: d{n}, \
             complete: true, location: l{n}, investigation: {investigation}, type: {kind}, parameters: [{parameters}]}}\n"
        )
    };
    (0..count).map(dataset).collect()
}

#[tokio::test]
async fn a_batch_has_the_same_outcome_as_single_records() {
    let datasets = render_datasets(260);
    let stored: Vec<&str> = datasets.iter().step_by(7).map(String::as_str).collect();
    // Without the line of the entity type but the first, and one dataset with another value.
    let whole = datasets.concat().replace("dataset:\n", "");
    let whole = format!("dataset:\n{whole}").replace("location: l14,", "location: other,");
    let singles: Vec<String> = datasets.iter().map(|text| text.replace("location: l14,", "location: other,")).collect();
    let first = testkit::create_databases("icat", icat::SERVICE.migrations).await;
    let second = testkit::create_databases("icat", icat::SERVICE.migrations).await;
    for (together, alone) in first.iter().zip(&second) {
        let options =
            ImportOptions { user_name: "simple/root".to_owned(), on_conflict: OnConflict::Skip, dry_run: false };
        let import = async |db: &Db, text: &str| {
            let (dump, config) = (import::Dump::from_text(text), test_config());
            import::import_dump(db, &config, &system_sources(), &dump, &options, |_| ()).await.unwrap()
        };
        for db in [&together.db, &alone.db] {
            import(db, FACILITY).await;
            import(db, &stored.concat().replace("dataset:\n", "").replacen("", "dataset:\n", 1)).await;
        }
        let batch = import(&together.db, &whole).await;
        let mut sum = import::ImportReport::default();
        for text in &singles {
            let one = import(&alone.db, text).await;
            sum.created += one.created;
            sum.unchanged += one.unchanged;
            sum.conflicts.extend(one.conflicts);
        }
        let without_id = |conflicts: &[String]| {
            conflicts.iter().map(|text| text.split(' ').nth(2).unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(batch.conflicts.len(), 1, "{:?}", batch.conflicts);
        assert!(batch.conflicts[0].ends_with("location is l14, the file has other"), "{:?}", batch.conflicts);
        assert_eq!(without_id(&batch.conflicts), without_id(&sum.conflicts));
        assert_eq!((batch.created, batch.unchanged), (sum.created, sum.unchanged), "{}", together.engine);
        assert!(batch.created > 30 && batch.unchanged > 6, "{batch:?}");
        let texts = [export_text(&together.db, DumpFormat::Yaml).await, export_text(&alone.db, DumpFormat::Yaml).await];
        assert_eq!(without_head(&texts[0]), without_head(&texts[1]), "{}", together.engine);
    }
}

#[tokio::test]
async fn an_invalid_dump_is_reported_as_such_whatever_its_records_are() {
    for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
        let options =
            ImportOptions { user_name: "simple/root".to_owned(), on_conflict: OnConflict::Fail, dry_run: false };
        let import = async |text: &str| {
            let (dump, config) = (import::Dump::from_text(text), test_config());
            import::import_dump(&test.db, &config, &system_sources(), &dump, &options, |_| ()).await.unwrap_err()
        };
        let wrong = "<icatdata><data><user id=\"u\"><name>x</name></user>\
                     <dataset id=\"d\"><name>d</name><investigation ref=\"missing\"/></dataset>\n";
        let refused = import(&format!("{wrong}</data></icatdata>")).await;
        assert!(matches!(&refused, import::ImportError::Record { record, .. } if record == "d"), "{refused}");
        let refused = import(&format!("{wrong}<colour id=\"c\"/></data></icatdata>")).await.to_string();
        assert_eq!(refused, "`colour` is not an entity type of ICAT 6.2");
        let refused = import(&format!("{wrong}</data>")).await.to_string();
        assert_eq!(refused, "the file ends in the middle of an element");
        assert_eq!(import_text(&test.db, "user:\n  u: {name: x}\n").await.created, 1, "nothing was stored");
    }
}

/// Keys need not be those of python-icat, and most of those are found in the database.
#[tokio::test]
async fn datafiles_are_referred_to_by_any_key() {
    for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
        import_text(&test.db, FACILITY).await;
        let dataset = "Dataset_investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan";
        let canonical =
            "Datafile_dataset-(investigation-(facility-(name-SRC)_name-MX=2D1_visitId-1)_name-scan)_name-c1";
        let text = format!(
            "datafile:\n  file1: {{name: f1, dataset: {dataset}}}\n  {canonical}: {{name: c1, dataset: {dataset}}}\n  \
             {canonical}x: {{name: f2, dataset: {dataset}}}\ndataCollection:\n  c: {{doi: x, dataCollectionDatafiles: \
             [{{datafile: file1}}, {{datafile: {canonical}}}, {{datafile: {canonical}x}}]}}\n"
        );
        assert_eq!(import_text(&test.db, &text).await.created, 7, "{}", test.engine);
        let sql = "SELECT f.name FROM datacollectiondatafile d JOIN datafile f ON f.id = d.datafile_id \
                   JOIN datacollection c ON c.id = d.datacollection_id WHERE c.doi = 'x' ORDER BY 1";
        let rows = test.db.read().await.unwrap().fetch_all(sql, &[]).await.unwrap();
        let names: Vec<String> = rows.iter().map(|row| row.get("name").unwrap()).collect();
        assert_eq!(names, ["c1", "f1", "f2"], "{}", test.engine);
    }
}
