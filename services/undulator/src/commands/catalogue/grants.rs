//! `undulator icat grant USER INVESTIGATION` and `undulator icat revoke USER INVESTIGATION`

use service_kit::cli::{Failure, print_result};
use service_kit::{Config, Val};

use super::accounts::note_missing_accounts;
use super::lookup::usage_error;
use super::rows::{get_text, get_value};
use super::{Catalogue, CatalogueError, OnConflict, OtherValues, Rows};
use crate::cli::{Grant, Revoke};

pub async fn grant_membership(settings: &Config, options: Grant, json: bool) -> Result<(), Failure> {
    require_mechanism(&options.member)?;
    let catalogue = Catalogue::open(settings, options.user.clone()).await?;
    let mut report = catalogue
        .change_rows(OnConflict::Refuse, false, async |rows| {
            let investigation = rows.find_investigation(&options.investigation).await?;
            if options.full_name.is_some() {
                rows.name_user(&options.member, options.full_name.as_deref(), OtherValues::Conflict).await?;
            }
            let before = rows.list_roles(investigation, &options.member).await?;
            rows.ensure_member(investigation, &options.member, &options.role).await?;
            if !before.is_empty() && !before.contains(&options.role) {
                rows.add_note(describe_further_role(&options, &before));
            }
            Ok(())
        })
        .await?;
    catalogue.close().await;
    note_missing_accounts(settings, std::slice::from_ref(&options.member), &mut report).await;
    print_result(json, &report, &report.render_text())
}

pub async fn revoke_membership(settings: &Config, options: Revoke, json: bool) -> Result<(), Failure> {
    let catalogue = Catalogue::open(settings, options.user.clone()).await?;
    let report =
        catalogue.change_rows(OnConflict::Refuse, false, async |rows| remove_memberships(rows, &options).await).await?;
    catalogue.close().await;
    print_result(json, &report, &report.render_text())
}

fn describe_further_role(options: &Grant, before: &[String]) -> String {
    let Grant { member, role, .. } = options;
    let name = &options.investigation.investigation;
    format!(
        "{member} is a member of {name} already, as {}; the role {role} was added, and what was there stays \
         (`undulator icat revoke {member} {name} --role ROLE` ends a role)",
        before.join(", ")
    )
}

impl Rows<'_> {
    /// Sets the full name of a user, who is created if necessary.
    pub async fn name_user(
        &mut self,
        user_name: &str,
        full_name: Option<&str>,
        other_values: OtherValues,
    ) -> Result<i64, CatalogueError> {
        let values = [("name", user_name.into()), ("fullName", full_name.map(str::to_owned).into())];
        self.ensure_filled_row("User", &values, other_values).await
    }

    /// The roles of a user in an investigation.
    async fn list_roles(&mut self, investigation: i64, user_name: &str) -> Result<Vec<String>, CatalogueError> {
        let Some(user) = self.find_by_key("User", &[("name", user_name.into())]).await? else { return Ok(Vec::new()) };
        let memberships = self.list_children("InvestigationUser", "investigation", investigation).await?;
        let of_user =
            memberships.iter().filter(|row| get_value("InvestigationUser", row, "user") == Some(&user.into()));
        Ok(of_user.map(|row| get_text("InvestigationUser", row, "role")).collect())
    }

    /// Adds a member to an investigation; the user is created if necessary.
    pub async fn ensure_member(
        &mut self,
        investigation: i64,
        user_name: &str,
        role: &str,
    ) -> Result<i64, CatalogueError> {
        let user = self.ensure_user(user_name).await?;
        let membership = [("investigation", investigation.into()), ("user", user.into()), ("role", role.into())];
        self.ensure_row_as("InvestigationUser", &membership, format!("InvestigationUser {user_name} ({role})")).await
    }

    /// Adds a scientist to an instrument; the user is created if necessary.
    pub async fn ensure_scientist(&mut self, instrument: i64, user_name: &str) -> Result<i64, CatalogueError> {
        let user = self.ensure_user(user_name).await?;
        let link = [("instrument", instrument.into()), ("user", user.into())];
        self.ensure_row_as("InstrumentScientist", &link, format!("InstrumentScientist {user_name}")).await
    }
}

async fn remove_memberships(rows: &mut Rows<'_>, options: &Revoke) -> Result<(), CatalogueError> {
    let investigation = rows.find_investigation(&options.investigation).await?;
    let name = &options.investigation.investigation;
    let user = rows.find_by_key("User", &[("name", Val::from(&options.member))]).await?;
    let user = user.ok_or_else(|| usage_error(format!("there is no user {}", options.member)))?;
    let memberships = rows.list_children("InvestigationUser", "investigation", investigation).await?;
    for row in memberships.iter().filter(|row| get_value("InvestigationUser", row, "user") == Some(&user.into())) {
        let role = get_text("InvestigationUser", row, "role");
        if options.role.as_ref().is_none_or(|wanted| *wanted == role) {
            let label = format!("InvestigationUser {} of {name} ({role})", options.member);
            rows.remove_row("InvestigationUser", row.id, label).await?;
        }
    }
    Ok(())
}

pub fn require_mechanisms(users: &[String]) -> Result<(), Failure> {
    users.iter().try_for_each(|user| require_mechanism(user))
}

/// An error unless a user name has a mechanism.
fn require_mechanism(user: &str) -> Result<(), Failure> {
    if has_mechanism(user) {
        return Ok(());
    }
    Err(Failure::Usage(format!("`{user}` lacks the way to log in; write it like db/{user}")))
}

/// Whether a user name has the form MECHANISM/NAME.
pub fn has_mechanism(user: &str) -> bool {
    user.split_once('/').is_some_and(|(mechanism, name)| !mechanism.is_empty() && !name.is_empty())
}
