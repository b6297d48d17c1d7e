//! Types of parameters, and what they allow for the parameters that have them; with icat.server's error texts.

use std::collections::{BTreeSet, HashMap};

use icat_client::schema::{self, Entity};
use service_kit::{Tx, Val};

use crate::domain::values::format_java_double;
use crate::error::Error;
use crate::store::entities::{self, find_text, find_value};

/// Types of parameters by id.
#[derive(Default)]
pub struct ParameterTypes(HashMap<i64, ParameterType>);

struct ParameterType {
    entity: &'static Entity,
    values: Vec<Val>,
    /// Sorted; if there are none, all are allowed.
    permissible_values: BTreeSet<String>,
}

impl ParameterTypes {
    /// Loads those of these types that are stored.
    pub async fn load(tx: &mut Tx, ids: &[i64]) -> Result<Self, Error> {
        let mut types = HashMap::new();
        let (Some(entity), Some(list)) =
            (schema::find_entity("ParameterType"), schema::find_entity("PermissibleStringValue"))
        else {
            return Err(Error::Validation("no ParameterType".to_owned()));
        };
        for row in entities::find_by_ids(tx, entity, ids).await? {
            types.insert(row.id, ParameterType { entity, values: row.values, permissible_values: BTreeSet::new() });
        }
        let enforced: Vec<i64> =
            types.iter().filter(|(_, kind)| kind.has_flag("enforced")).map(|(id, _)| *id).collect();
        if !enforced.is_empty() {
            let pairs = entities::list_child_ids(tx, list, "parametertype_id", &enforced, usize::MAX).await?;
            let owners: HashMap<i64, i64> = pairs.iter().map(|(owner, value)| (*value, *owner)).collect();
            let ids: Vec<i64> = pairs.iter().map(|(_, value)| *value).collect();
            for row in entities::find_by_ids(tx, list, &ids).await? {
                let kind = owners.get(&row.id).and_then(|owner| types.get_mut(owner));
                if let (Some(kind), Some(value)) = (kind, find_text(list, &row.values, "value")) {
                    kind.permissible_values.insert(value.to_owned());
                }
            }
        }
        Ok(Self(types))
    }

    /// Validates a `DatasetParameter` or similar entity: its type must be applicable, and its limits hold if it enforces them.
    pub fn check_parameter(&self, entity: &'static Entity, values: &[Val]) -> Result<(), Error> {
        let Some(Val::I64(Some(id))) = find_value(entity, values, "type") else {
            return Err(Error::Validation("Type of parameter is not set".to_owned()));
        };
        let kind = self.0.get(id).ok_or_else(|| Error::entity_not_found("ParameterType", *id))?;
        let owner = entity.name.trim_end_matches("Parameter");
        if !kind.has_flag(&format!("applicableTo{owner}")) {
            let message = format!("Parameter of type {} is not applicable to a {owner}", kind.name());
            return Err(Error::Validation(message));
        }
        if !kind.has_flag("enforced") {
            return Ok(());
        }
        if let Some(Val::F64(Some(number))) = find_value(entity, values, "numericValue") {
            kind.check_number(*number)?;
        }
        find_text(entity, values, "stringValue").map_or(Ok(()), |given| kind.check_text(given))
    }
}

impl ParameterType {
    fn name(&self) -> &str {
        find_text(self.entity, &self.values, "name").unwrap_or_default()
    }

    fn has_flag(&self, name: &str) -> bool {
        matches!(find_value(self.entity, &self.values, name), Some(Val::I64(Some(1))))
    }

    fn check_number(&self, number: f64) -> Result<(), Error> {
        let limit = |which: &str| match find_value(self.entity, &self.values, which) {
            Some(Val::F64(limit)) => *limit,
            _ => None,
        };
        let breach = match (limit("minimumNumericValue"), limit("maximumNumericValue")) {
            (Some(least), _) if number < least => Some(('<', least)),
            (_, Some(most)) if number > most => Some(('>', most)),
            _ => None,
        };
        let Some((sign, limit)) = breach else { return Ok(()) };
        let (number, limit) = (format_java_double(number), format_java_double(limit));
        Err(Error::Validation(format!("Parameter of type {} has value {number} {sign} {limit}", self.name())))
    }

    fn check_text(&self, given: &str) -> Result<(), Error> {
        if self.permissible_values.is_empty() || self.permissible_values.contains(given) {
            return Ok(());
        }
        let allowed: Vec<&str> = self.permissible_values.iter().map(String::as_str).collect();
        Err(Error::Validation(format!(
            "Parameter of type {} has value {given} not in allowed set [{}]",
            self.name(),
            allowed.join(", ")
        )))
    }
}
