//! The investigation that the user names.

use icat_client::client::Filter;
use icat_client::{IcatCode, IcatError, Select};
use service_kit::cli::Failure;

use crate::commands::session::{Session, explain_icat_error};

/// The id of the investigation with this name or id.
pub async fn find_investigation(session: &Session, wanted: &str, visit: Option<&str>) -> Result<i64, Failure> {
    let icat = session.icat()?;
    let mut select = Select::values("Investigation", &["id", "visitId"]).filter(Filter::eq("name", wanted));
    if let Some(visit) = visit {
        select = select.filter(Filter::eq("visitId", visit));
    }
    let query = select.order_by("id").build().map_err(|e| Failure::from_error(&e))?;
    let rows = match icat.query_rows(&session.id, &query).await {
        Ok(rows) => rows,
        Err(IcatError::Refused { code: IcatCode::Session, .. }) if session.is_access_token() => {
            return wanted.parse().map_err(|_| {
                Failure::Usage(format!(
                    "this catalogue does not accept the login to find investigation `{wanted}` by its name: give --user, or the \
                     number of the investigation instead of its name"
                ))
            });
        }
        Err(e) => return Err(Failure::Failed(explain_icat_error(&e))),
    };
    match (rows.as_slice(), wanted.parse()) {
        ([row], _) => row[0].as_i64().ok_or_else(|| Failure::Failed("the catalogue sent an invalid answer".to_owned())),
        ([], Ok(id)) => Ok(id),
        ([], Err(_)) => Err(Failure::Failed(format!("there is no investigation `{wanted}` that this user may read"))),
        (several, _) => {
            let visits: Vec<&str> = several.iter().filter_map(|row| row[1].as_str()).collect();
            let text = format!("`{wanted}` has the visits {}; choose one with --visit", visits.join(", "));
            Err(Failure::Usage(text))
        }
    }
}
