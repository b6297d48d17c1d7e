//! The rows of a new facility: the facility, its types and instruments, the first users, and rules.

use icat_client::schema::{self, FieldKind, Member};
use service_kit::Val;

use super::answers::{Answers, InstrumentAnswers, Owner, ParameterTypeAnswers, ValueType};
use super::rules::{READERS, preset_rules};
use crate::commands::catalogue::{CatalogueError, Rows};

/// Name and version of the format of unknown files; an upload must have a format.
const UNKNOWN_FORMAT: (&str, &str) = ("unknown", "1");

pub async fn ensure_facility(rows: &mut Rows<'_>, answers: &Answers) -> Result<(), CatalogueError> {
    let about = &answers.facility;
    let facility = [
        ("name", Val::from(&about.name)),
        ("fullName", about.full_name.clone().into()),
        ("description", about.description.clone().into()),
        ("url", about.url.clone().into()),
    ];
    require_no_other_facility(rows, &about.name).await?;
    let facility = rows.ensure_row("Facility", &facility).await?;
    let unknown_format =
        [("facility", facility.into()), ("name", UNKNOWN_FORMAT.0.into()), ("version", UNKNOWN_FORMAT.1.into())];
    rows.ensure_row("DatafileFormat", &unknown_format).await?;
    for (kind, names) in [("InvestigationType", &answers.investigation_types), ("DatasetType", &answers.dataset_types)]
    {
        for name in names {
            rows.ensure_row(kind, &[("facility", facility.into()), ("name", name.into())]).await?;
        }
    }
    for parameter_type in &answers.parameter_types {
        ensure_parameter_type(rows, facility, parameter_type).await?;
    }
    rows.ensure_user_with_full_name(&answers.administrator.account, "Administrator").await?;
    for instrument in &answers.instruments {
        ensure_instrument(rows, facility, instrument).await?;
    }
    ensure_rules(rows, answers).await
}

/// Refuses to create a second facility, or to rename the existing one.
async fn require_no_other_facility(rows: &mut Rows<'_>, name: &str) -> Result<(), CatalogueError> {
    let there = rows.list_facility_names().await?;
    if there.is_empty() || there.iter().any(|known| known == name) {
        return Ok(());
    }
    let there = there.join(", ");
    Err(CatalogueError::Conflicts(vec![format!(
        "the facility of this catalogue is {there}, not {name}; setup neither renames it nor makes a second one"
    )]))
}

async fn ensure_instrument(
    rows: &mut Rows<'_>,
    facility: i64,
    instrument: &InstrumentAnswers,
) -> Result<(), CatalogueError> {
    let values = [
        ("facility", facility.into()),
        ("name", Val::from(&instrument.name)),
        ("fullName", instrument.full_name.clone().into()),
        ("description", instrument.description.clone().into()),
    ];
    let id = rows.ensure_row("Instrument", &values).await?;
    for user in &instrument.scientists {
        rows.ensure_scientist(id, user).await?;
    }
    Ok(())
}

async fn ensure_parameter_type(
    rows: &mut Rows<'_>,
    facility: i64,
    parameter_type: &ParameterTypeAnswers,
) -> Result<(), CatalogueError> {
    let value_type = match parameter_type.value_type {
        ValueType::Numeric => "NUMERIC",
        ValueType::String => "STRING",
        ValueType::DateAndTime => "DATE_AND_TIME",
    };
    let applies = |owner: Owner| Val::from(parameter_type.applicable_to.contains(&owner));
    let values = [
        ("facility", facility.into()),
        ("name", Val::from(&parameter_type.name)),
        ("units", Val::from(&parameter_type.units)),
        ("valueType", enum_value("ParameterType", "valueType", value_type)),
        ("description", parameter_type.description.clone().into()),
        ("applicableToInvestigation", applies(Owner::Investigation)),
        ("applicableToDataset", applies(Owner::Dataset)),
        ("applicableToDatafile", applies(Owner::Datafile)),
        ("applicableToSample", applies(Owner::Sample)),
    ];
    rows.ensure_row("ParameterType", &values).await.map(drop)
}

/// The stored value of an enumerated attribute.
fn enum_value(kind: &str, attribute: &str, name: &str) -> Val {
    let member = schema::find_entity(kind).and_then(|entity| entity.find_member(attribute));
    let Some(Member::Field(field)) = member else { return Val::I64(None) };
    let FieldKind::Enum(def) = field.kind else { return Val::I64(None) };
    let place = def.values.iter().position(|value| *value == name);
    Val::I64(place.and_then(|place| i64::try_from(place).ok()))
}

async fn ensure_rules(rows: &mut Rows<'_>, answers: &Answers) -> Result<(), CatalogueError> {
    let readers = rows.ensure_row("Grouping", &[("name", READERS.into())]).await?;
    let reader = rows.ensure_user_with_full_name(&answers.reader.account, "Reader of the services").await?;
    let membership = [("grouping", readers.into()), ("user", reader.into())];
    rows.ensure_row_as("UserGroup", &membership, format!("UserGroup {} in {READERS}", answers.reader.account)).await?;
    for rule in preset_rules(&answers.rules) {
        let grouping = if rule.is_for_readers { Val::from(readers) } else { Val::I64(None) };
        let values = [("crudFlags", "R".into()), ("what", Val::from(&rule.what)), ("grouping", grouping)];
        rows.ensure_row("Rule", &values).await?;
    }
    Ok(())
}
