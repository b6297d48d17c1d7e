//! Groups of identity providers as groups of the catalogue: at each login, the memberships of the user become those that the
//! provider states. A login whose memberships cannot be stored fails, because a withdrawn one must not stay.

use std::sync::Arc;

use icat_client::client::{Filter, ReaderAccount, WriteError, wrap_entity};
use icat_client::{IcatClient, IcatCode, IcatError, Select};
use serde_json::{Value, json};
use service_kit::{ConfigError, Ctx, Db, Problem, Secret, render_user_name};

use crate::administrators::Administrators;
use crate::audit::Audit;
use crate::domain::audit::{AuditEntry, AuditKind};
use crate::domain::group_claim::{ClaimedGroups, GroupChanges};
use crate::domain::origin::Origin;
use crate::providers::{ProviderLoginError, ProviderSettings};

/// Ids of rows to delete are part of an address.
const MAX_DELETED_ROWS: usize = 100;

/// Makes memberships equal to the claims of providers.
pub struct GroupMemberships {
    /// The account of `auth.groups_account`; `None` where no provider has groups.
    account: Option<ReaderAccount>,
    db: Db,
    audit: Audit,
    administrators: Arc<Administrators>,
}

impl GroupMemberships {
    pub fn new(
        ctx: &Ctx,
        account: &Secret,
        icat: &IcatClient,
        audit: Audit,
        administrators: Arc<Administrators>,
    ) -> Result<Self, ConfigError> {
        let account = ReaderAccount::from_named_setting("auth.groups_account", account.expose(), icat.clone())?;
        Ok(Self { account, db: ctx.db.clone(), audit, administrators })
    }

    /// Adds a user to the groups that a provider states, and removes them from others of the provider, before a session sees the
    /// old ones. Nothing is done if it decides about none.
    pub async fn store_groups(
        &self,
        provider: &ProviderSettings,
        user_name: &str,
        claimed: Option<&ClaimedGroups>,
        origin: &Origin,
    ) -> Result<(), ProviderLoginError> {
        let Some((rules, claimed)) = provider.group_rules().zip(claimed) else { return Ok(()) };
        let (name, user) = (provider.name.as_str(), &*render_user_name(user_name));
        if claimed.ignored > 0 {
            let ignored = claimed.ignored;
            tracing::warn!(
                provider = name,
                user.name = user,
                ignored,
                "groups are ignored whose names the catalogue cannot store"
            );
        }
        let account = self.account.as_ref().ok_or_else(|| Problem::internal("auth.groups_account is not set"))?;
        let work = async |icat: &IcatClient, session: &str| {
            let catalogue = Catalogue { icat, session, user_name };
            let changes = rules.find_changes(claimed, &catalogue.list_memberships().await?);
            if !provider.groups_dry_run {
                catalogue.remove_memberships(&changes.removed).await?;
                catalogue.add_memberships(&changes.added).await?;
            }
            Ok(changes)
        };
        let changes = account.with_session(work).await.map_err(ProviderLoginError::GroupsNotStored)?;
        if provider.groups_dry_run {
            log_planned_changes(name, user, &changes);
            return Ok(());
        }
        if changes != GroupChanges::default() {
            self.administrators.forget_memberships();
        }
        let added = changes.added.iter().map(|group| ("added", group));
        let removed = changes.removed.iter().map(|(_, group)| ("removed", group));
        for (reason, group) in added.chain(removed) {
            let entry = AuditEntry {
                user_name: Some(user_name),
                provider: Some(name),
                client: Some(group),
                ..AuditEntry::new(AuditKind::Group, reason, origin)
            };
            self.audit.record_alone(&self.db, &entry).await?;
        }
        Ok(())
    }
}

fn log_planned_changes(provider: &str, user: &str, changes: &GroupChanges) {
    for group in &changes.added {
        tracing::info!(provider, user.name = user, group, "dry run: a user would be added to a group");
    }
    for (_, group) in &changes.removed {
        tracing::info!(provider, user.name = user, group, "dry run: a user would be removed from a group");
    }
}

/// The catalogue, with the session of the account, about one user. What somebody else has done meanwhile counts as done.
struct Catalogue<'a> {
    icat: &'a IcatClient,
    session: &'a str,
    user_name: &'a str,
}

impl Catalogue<'_> {
    /// Ids and names of groups.
    async fn list_memberships(&self) -> Result<Vec<(i64, String)>, IcatError> {
        let select = Select::values("UserGroup", &["id", "grouping.name"]);
        let rows = self.select_rows(select.filter(Filter::eq("user.name", self.user_name))).await?;
        let parse = |row: &Value| Some((row.get(0)?.as_i64()?, row.get(1)?.as_str()?.to_owned()));
        let parsed: Option<Vec<_>> = rows.iter().map(parse).collect();
        parsed.ok_or_else(|| IcatError::Nonsense("rows of UserGroup without id and name".to_owned()))
    }

    async fn remove_memberships(&self, removed: &[(i64, String)]) -> Result<(), IcatError> {
        let ids: Vec<i64> = removed.iter().map(|(id, _)| *id).collect();
        for some in ids.chunks(MAX_DELETED_ROWS) {
            let deleted = self.icat.delete_entities(self.session, "UserGroup", some).await;
            if !is_refused_with(&deleted, IcatCode::NoSuchObjectFound) {
                deleted?;
                continue;
            }
            // None of them was deleted.
            for id in some {
                let deleted = self.icat.delete_entities(self.session, "UserGroup", &[*id]).await;
                if !is_refused_with(&deleted, IcatCode::NoSuchObjectFound) {
                    deleted?;
                }
            }
        }
        Ok(())
    }

    async fn add_memberships(&self, groups: &[String]) -> Result<(), IcatError> {
        if groups.is_empty() {
            return Ok(());
        }
        let user = self.find_or_create("User", self.user_name).await?;
        for group in groups {
            let grouping = self.find_or_create("Grouping", group).await?;
            let row = wrap_entity("UserGroup", json!({"user": {"id": user}, "grouping": {"id": grouping}}));
            let created = self.icat.create_entities(self.session, &[row]).await;
            if !is_refused_with(&created, IcatCode::ObjectAlreadyExists) {
                created?;
            }
        }
        Ok(())
    }

    /// The id of the row with this name.
    async fn find_or_create(&self, entity: &str, name: &str) -> Result<i64, IcatError> {
        if let Some(id) = self.find_by_name(entity, name).await? {
            return Ok(id);
        }
        let created = self.icat.create_entities(self.session, &[wrap_entity(entity, json!({"name": name}))]).await;
        if is_refused_with(&created, IcatCode::ObjectAlreadyExists) {
            let found = self.find_by_name(entity, name).await?;
            let hidden =
                || IcatError::Nonsense(format!("that a row of {entity} exists, which the account may not read"));
            return found.ok_or_else(hidden);
        }
        let id = created?.first().copied();
        id.ok_or_else(|| IcatError::Nonsense("no id for a new row".to_owned()))
    }

    async fn find_by_name(&self, entity: &str, name: &str) -> Result<Option<i64>, IcatError> {
        let rows = self.select_rows(Select::values(entity, &["id"]).filter(Filter::eq("name", name))).await?;
        Ok(rows.first().and_then(Value::as_i64))
    }

    async fn select_rows(&self, select: Select) -> Result<Vec<Value>, IcatError> {
        self.icat.query_rows(self.session, &select.build()?).await
    }
}

fn is_refused_with<T>(written: &Result<T, WriteError>, wanted: IcatCode) -> bool {
    matches!(written, Err(WriteError { error: IcatError::Refused { code, .. }, .. }) if *code == wanted)
}
