//! `undulator icat investigation add NAME`

use service_kit::cli::{Failure, result};
use service_kit::{Config, Val};

use super::accounts::note_missing_accounts;
use super::lookup::{parse_time, usage};
use super::{Catalogue, CatalogueError, OnConflict, Rows};
use crate::cli::AddInvestigation;

/// The role in which `--pi` adds a user; services take it for a principal investigator's.
const PRINCIPAL_INVESTIGATOR: &str = "Principal Investigator";

pub async fn add(settings: &Config, options: AddInvestigation, json: bool) -> Result<(), Failure> {
    let catalogue = Catalogue::open(settings, options.user.clone()).await?;
    let time = |text: &Option<String>| {
        text.as_ref().map(|text| parse_time(text, catalogue.time_zone())).transpose().map(Val::I64)
    };
    let times = [
        ("startDate", time(&options.start)?),
        ("endDate", time(&options.end)?),
        ("releaseDate", time(&options.release)?),
    ];
    if let [(_, Val::I64(Some(start))), (_, Val::I64(Some(end))), _] = &times
        && end < start
    {
        return Err(Failure::Usage("the investigation ends before it starts".to_owned()));
    }
    let work = async |rows: &mut Rows<'_>| ensure(rows, &options, &times).await;
    let mut report = catalogue.change(OnConflict::Refuse, false, work).await?;
    catalogue.close().await;
    note_missing_accounts(settings, &options.pi, &mut report).await;
    result(json, &report, &report.text())
}

async fn ensure(rows: &mut Rows<'_>, options: &AddInvestigation, times: &[(&str, Val)]) -> Result<(), CatalogueError> {
    let facility = rows.facility(options.facility.as_deref()).await?;
    let name = &options.name;
    let key = [("facility", facility.into()), ("name", Val::from(name)), ("visitId", Val::from(&options.visit))];
    let mut values = key.to_vec();
    let is_new = rows.find("Investigation", &key).await?.is_none();
    if is_new || options.investigation_type.is_some() {
        values.push(("type", investigation_type(rows, facility, options).await?.into()));
    }
    match &options.title {
        Some(title) => values.push(("title", title.into())),
        // The catalogue demands a title.
        None if is_new => values.push(("title", name.into())),
        None => {}
    }
    values.extend(times.iter().cloned());
    if is_new && options.start.is_none() {
        // Without a start no entry of a program finds its way into the logbook.
        values.retain(|(name, _)| *name != "startDate");
        values.push(("startDate", rows.today()?.into()));
    }
    let investigation = rows.ensure("Investigation", &values).await?;
    for name in &options.instrument {
        let instrument = rows.named("Instrument", facility, name).await?;
        let link = [("investigation", investigation.into()), ("instrument", instrument.into())];
        rows.ensure_as("InvestigationInstrument", &link, format!("InvestigationInstrument {name}")).await?;
    }
    for name in &options.pi {
        rows.member(investigation, name, PRINCIPAL_INVESTIGATOR).await?;
    }
    Ok(())
}

/// The type that was asked for; without one the only one of the facility.
async fn investigation_type(
    rows: &mut Rows<'_>,
    facility: i64,
    options: &AddInvestigation,
) -> Result<i64, CatalogueError> {
    if let Some(name) = &options.investigation_type {
        return rows.named("InvestigationType", facility, name).await;
    }
    let known = rows.names("InvestigationType", facility).await?;
    match known.as_slice() {
        [only] => rows.named("InvestigationType", facility, only).await,
        [] => Err(usage("the facility has no investigation type yet: `undulator setup` makes them")),
        _ => Err(usage(format!("say of which type the investigation is, with --type: {}", known.join(", ")))),
    }
}
