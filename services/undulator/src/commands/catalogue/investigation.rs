//! `undulator icat investigation add NAME`

use service_kit::cli::{Failure, print_result};
use service_kit::{Config, Val};

use super::accounts::note_missing_accounts;
use super::grants::require_mechanisms;
use super::lookup::{parse_time, usage_error};
use super::rows::get_number;
use super::{Catalogue, CatalogueError, OnConflict, OtherValues, Rows};
use crate::cli::AddInvestigation;

/// The role of users of `--pi`, which services recognise.
const PRINCIPAL_INVESTIGATOR: &str = "Principal Investigator";

pub async fn add_investigation(settings: &Config, options: AddInvestigation, json: bool) -> Result<(), Failure> {
    require_mechanisms(&options.pi)?;
    let catalogue = Catalogue::open(settings, options.user.clone()).await?;
    let time = |text: &Option<String>| {
        text.as_ref().map(|text| parse_time(text, catalogue.time_zone())).transpose().map(Val::I64)
    };
    let times = [
        ("startDate", time(&options.start)?),
        ("endDate", time(&options.end)?),
        ("releaseDate", time(&options.release)?),
    ];
    let work = async |rows: &mut Rows<'_>| ensure_investigation(rows, &options, &times).await;
    let mut report = catalogue.change_rows(OnConflict::Refuse, false, work).await?;
    catalogue.close().await;
    note_missing_accounts(settings, &options.pi, &mut report).await;
    print_result(json, &report, &report.render_text())
}

async fn ensure_investigation(
    rows: &mut Rows<'_>,
    options: &AddInvestigation,
    times: &[(&str, Val)],
) -> Result<(), CatalogueError> {
    let facility = rows.find_facility(options.facility.as_deref()).await?;
    let name = &options.name;
    let key = [("facility", facility.into()), ("name", Val::from(name)), ("visitId", Val::from(&options.visit))];
    let mut values = key.to_vec();
    let stored = rows.find_by_key("Investigation", &key).await?;
    let is_new = stored.is_none();
    if is_new || options.investigation_type.is_some() {
        values.push(("type", find_investigation_type(rows, facility, options).await?.into()));
    }
    match &options.title {
        Some(title) => values.push(("title", title.into())),
        // The catalogue requires a title.
        None if is_new => values.push(("title", name.into())),
        None => {}
    }
    values.extend(times.iter().cloned());
    if is_new && options.start.is_none() {
        // Without a start, entries of programs cannot be assigned to the investigation.
        values.retain(|(name, _)| *name != "startDate");
        values.push(("startDate", rows.start_of_today()?.into()));
    }
    let other_values = OtherValues::from_option(options.change);
    let investigation = rows.ensure_filled_row("Investigation", &values, other_values).await?;
    require_order_of_times(rows, investigation).await?;
    for name in &options.instrument {
        let instrument = rows.find_named("Instrument", facility, name).await?;
        let link = [("investigation", investigation.into()), ("instrument", instrument.into())];
        rows.ensure_row_as("InvestigationInstrument", &link, format!("InvestigationInstrument {name}")).await?;
    }
    for name in &options.pi {
        rows.ensure_member(investigation, name, PRINCIPAL_INVESTIGATOR).await?;
    }
    Ok(())
}

/// Refuses an end before the start, also if one of them was stored before.
async fn require_order_of_times(rows: &mut Rows<'_>, investigation: i64) -> Result<(), CatalogueError> {
    const KIND: &str = "Investigation";
    for row in rows.find_by_ids(KIND, &[investigation]).await? {
        if let (Some(start), Some(end)) = (get_number(KIND, &row, "startDate"), get_number(KIND, &row, "endDate"))
            && end < start
        {
            return Err(usage_error("the investigation ends before it starts"));
        }
    }
    Ok(())
}

/// The given type, or the only one of the facility.
async fn find_investigation_type(
    rows: &mut Rows<'_>,
    facility: i64,
    options: &AddInvestigation,
) -> Result<i64, CatalogueError> {
    if let Some(name) = &options.investigation_type {
        return rows.find_named("InvestigationType", facility, name).await;
    }
    let known = rows.list_names("InvestigationType", facility).await?;
    match known.as_slice() {
        [only] => rows.find_named("InvestigationType", facility, only).await,
        [] => Err(usage_error("the facility has no investigation type yet: `undulator setup` makes them")),
        _ => Err(usage_error(format!("say of which type the investigation is, with --type: {}", known.join(", ")))),
    }
}
