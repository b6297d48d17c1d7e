//! All SQL constants and the compiled queries of real clients run on both engines.

use icat::query::{
    Access, ParseContext, Plan, QueryEnvironment, compile_filter, compile_search, parse_rule, parse_search,
};
use icat_client::schema::{Entity, all_entities};
use jiff::tz::TimeZone;
use service_kit::Micros;

/// Queries of ids.server, topcat, the download API, datagateway and python-icat.
pub const CLIENT_QUERIES: [&str; 29] = [
    "SELECT min(df.id), max(df.id), count(df.id) FROM Datafile df WHERE df.dataset.id = 7 AND df.location IS NOT NULL",
    "SELECT df.id, df.name, df.location, df.createId, df.modId FROM Datafile df WHERE df.dataset.id = 7 AND df.location IS NOT NULL AND df.id BETWEEN 1 AND 9",
    "SELECT inv.name, inv.visitId, inv.facility.id, inv.facility.name FROM Investigation inv WHERE inv.id = 7",
    "SELECT ds FROM Dataset ds JOIN ds.datafiles df WHERE df.id = 7 AND df.location IS NOT NULL INCLUDE ds.investigation.facility",
    "SELECT ds FROM Dataset ds, ds.investigation inv, inv.facility fac WHERE ds.id = 7 AND fac.name = 'F' INCLUDE ds.investigation.facility LIMIT 0,500",
    "COUNT(Datafile) <-> Dataset [id=7]",
    "SELECT SUM(df.fileSize) from Datafile df WHERE df.id IN (1,2) AND df.location IS NOT NULL",
    "select user.fullName from User user where user.name = :user",
    "SELECT datafile from Datafile datafile where datafile.id in (1,2) include datafile.dataset.investigation",
    "select facilityCycle from Investigation investigation, investigation.facility as facility, facility.facilityCycles as facilityCycle where investigation.startDate BETWEEN facilityCycle.startDate AND facilityCycle.endDate and investigation.id = 7",
    "select count(distinct investigation.name) from Investigation investigation",
    "select distinct dataset from Dataset dataset, dataset.datafiles df where df.name like '%x%' order by dataset.name limit 0, 10",
    "SELECT SUM(i.fileSize), SUM(i.fileCount) FROM Investigation i WHERE i.id IN (1, 2)",
    "SELECT user FROM User user WHERE user.name = 'x' AND (EXISTS ( SELECT o FROM InstrumentScientist o WHERE o.instrument.name='y' AND o.user=user ))",
    "SELECT user FROM User user WHERE user.investigationUsers IS NOT EMPTY",
    "SELECT userGroup FROM UserGroup userGroup WHERE userGroup.user.name = :user AND userGroup.grouping.name IN ('a','b')",
    "SELECT s.user.name FROM InstrumentScientist s LEFT JOIN s.instrument.investigationInstruments ii WHERE ii.investigation.id=7",
    "SELECT dp.publicationDate FROM DataPublication dp JOIN dp.content c JOIN c.dataCollectionDatasets dcd WHERE dcd.dataset.id=7",
    "SELECT DISTINCT(o) FROM Datafile o JOIN o.dataset AS ds JOIN ds.investigation AS i WHERE i.id = 7 ORDER BY ds.name, o.name INCLUDE o.dataset AS ds, ds.type LIMIT 0, 100",
    "0, 10 Dataset.name ORDER BY name [complete = TRUE] <-> Investigation [name = 'MX-2417']",
    "SELECT df.dataset.name, AVG(df.fileSize) FROM Datafile df GROUP BY df.dataset HAVING AVG(df.fileSize) > 4 ORDER BY AVG(df.fileSize)",
    "SELECT COUNT(DISTINCT(o)) FROM Investigation o LEFT JOIN o.datasets AS s1 WHERE s1.name LIKE 'a%'",
    "SELECT d.type.name, COUNT(d) FROM Dataset d GROUP BY d.type.name",
    "SELECT o FROM Investigation o ORDER BY LENGTH(o.title) DESC, o.id LIMIT 5, *",
    "ParameterType [valueType = NUMERIC]",
    "SELECT p FROM ParameterType p WHERE p.valueType = org.icatproject.ParameterValueType.NUMERIC",
    "SELECT d FROM Dataset d WHERE d.startDate >= '2014-01-01 12:00:00' AND d.endDate < {ts 2015-01-01 00:00:00} OR d.modTime > CURRENT_TIMESTAMP",
    "SELECT f.investigations FROM Facility f WHERE LOWER(f.name) = 'x' AND NOT f.url IS NULL",
    "SELECT i FROM Investigation i WHERE i.id IN (SELECT d.investigation.id FROM Dataset d WHERE d.type.name = 'raw') AND i.name NOT IN ('a') AND i.title NOT LIKE '!%' ESCAPE '!'",
];

const RULES: [&str; 9] = [
    "Grouping <-> UserGroup <-> User [name=:user]",
    "SELECT o FROM Datafile o JOIN o.dataset AS ds JOIN ds.investigation AS i JOIN ds.type AS s1 WHERE i.releaseDate < CURRENT_TIMESTAMP AND s1.name = 'raw'",
    "SELECT o FROM Datafile o WHERE o.dataset.complete = False AND o.createId = :user",
    "Datafile <-> Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
    "SELECT o FROM Datafile o JOIN o.dataset.investigation.investigationGroups g JOIN g.grouping.userGroups ug WHERE ug.user.name = :user AND g.role = 'writer'",
    "Datafile",
    "Dataset <-> Investigation <-> InvestigationUser <-> User [name = :user]",
    "SELECT i FROM Investigation i WHERE i.releaseDate < CURRENT_TIMESTAMP AND i.facility.name = 'F'",
    "SELECT d FROM Dataset d JOIN d.investigation i WHERE d.type.name = 'raw' AND i.name = 'x'",
];

#[tokio::test]
async fn every_constant_and_every_client_query_runs_on_each_engine() {
    let ctx = ParseContext { time_zone: TimeZone::UTC };
    let rules: Vec<_> = RULES.iter().map(|text| std::sync::Arc::new(parse_rule(text, &ctx).expect(text))).collect();
    for test in testkit::create_databases("icat", icat::SERVICE.migrations).await {
        let db = &test.db;
        let stores = [&icat::store::sessions::ALL[..], &icat::store::rules::ALL, &icat::store::grants::ALL];
        let others = [icat::store::datafile_counters::DIFFERENCES];
        let constants = [&stores.concat()[..], &icat::ingest::STATEMENTS, &others].concat();
        db.prepare_all(&constants).await.unwrap();
        let strict = QueryEnvironment {
            user: "db/x",
            now: Micros::from_i64(1),
            start_of_today: Micros::from_i64(0),
            engine: db.engine(),
            row_cap: 100,
            strict: true,
            granted_user: None,
        };
        let compatible = QueryEnvironment { strict: false, ..strict };
        let about = |entity: &'static Entity| {
            let about: Vec<_> = rules.iter().filter(|rule| rule.entity == entity).cloned().collect();
            if about.is_empty() { Access::All } else { Access::Rules(about) }
        };
        let mut ran = 0;
        for text in CLIENT_QUERIES.into_iter().chain(include_str!("language.txt").lines()) {
            let search = parse_search(text, &ctx).expect(text);
            let everything = |_: &'static Entity| Access::All;
            let accesses: [&dyn Fn(&'static Entity) -> Access; 2] = [&everything, &about];
            for (access, env) in accesses.into_iter().flat_map(|access| [(access, strict), (access, compatible)]) {
                let plan = compile_search(&search, access, &env).expect(text);
                let Plan::Run(statement) = plan else { panic!("{text}") };
                run_statement(db, &statement).await.unwrap_or_else(|e| {
                    panic!(
                        "{}: {text}\n{}\n{}",
                        test.engine,
                        statement.sql,
                        service_kit::problem::format_error_chain(&e)
                    )
                });
                ran += 1;
            }
        }
        let many: Vec<i64> = (0..2000).collect();
        let datafile = icat_client::schema::find_entity("Datafile").unwrap();
        let Access::Rules(of_datafiles) = about(datafile) else { unreachable!() };
        assert!(run_statement(db, &compile_filter(datafile, &of_datafiles, &many, &strict)).await.unwrap().is_empty());
        let mut tx = db.read().await.unwrap();
        for entity in all_entities() {
            assert!(icat::store::entities::find_by_ids(&mut tx, entity, &[1, 2]).await.unwrap().is_empty());
            assert!(icat::store::rows::find_row(&mut tx, entity, 1).await.unwrap().is_none());
            for many in entity.many {
                let column = many.inverse().column;
                let children = icat::store::entities::list_child_ids(&mut tx, many.target(), column, &[1], 5).await;
                assert!(children.unwrap().is_empty(), "{}.{}", entity.name, many.name);
                let none = |_: &service_kit::BulkRow<'_>| -> Result<(), service_kit::DbError> {
                    unreachable!("there are no rows")
                };
                icat::store::rows::visit_children(&mut tx, many.target(), column, &[1], 5, none).await.unwrap();
            }
        }
        println!("{}: {} constants prepared, {ran} client queries ran", test.engine, constants.len());
    }
}

pub async fn run_statement(
    db: &service_kit::Db,
    statement: &icat::query::Statement,
) -> Result<Vec<service_kit::Row>, service_kit::DbError> {
    statement.fetch_rows(&mut db.read().await?).await
}
