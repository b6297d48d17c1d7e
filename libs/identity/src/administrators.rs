//! Who administers services: the users whom `identity.administrators` lists, and the members of its groups.

use std::sync::Arc;

use events::Events;
use icat_client::client::{Filter, ReaderAccount};
use icat_client::{CatalogueChanges, IcatClient, IcatError, Select};
use serde_json::Value;
use service_kit::{BuildError, Ctx, Problem};

use crate::cache::{Generation, Principal};
use crate::permissions::{Decision, to_reader_problem};
use crate::shared_answers::{Answer, SharedAnswers};

const MAX_CACHED_BYTES: u64 = 4 << 20;

/// Decides who is an administrator. Cheap to clone.
#[derive(Clone)]
pub struct Administrators(Arc<Components>);

struct Components {
    users: Vec<String>,
    groups: Vec<String>,
    reader: Option<ReaderAccount>,
    /// Ends whenever memberships change.
    generation: Generation,
    memberships: SharedAnswers<bool>,
}

impl Administrators {
    /// `reader` is the account of `icat.reader`, without which there are no groups.
    pub fn new(ctx: &Ctx, reader: Option<ReaderAccount>) -> Self {
        let config = &ctx.config.core.identity;
        let generation = Generation::default();
        let memberships = SharedAnswers::new(Arc::clone(&ctx.clock), generation.clone(), MAX_CACHED_BYTES, |_| 1);
        let (users, groups) = (config.list_administrator_users(), config.list_administrator_groups());
        Self(Arc::new(Components { users, groups, reader, generation, memberships }))
    }

    /// Forgets memberships as soon as they change, and not only when they expire. [`Identity`](crate::Identity) does so itself.
    pub fn listen_for_changed_groups(&self, ctx: &Ctx, events: &Events) -> Result<(), BuildError> {
        if self.0.groups.is_empty() {
            return Ok(());
        }
        let (changed, missed) = (self.clone(), self.clone());
        CatalogueChanges::start(ctx, events)?.add_listener(
            "identity.administrators-changed",
            &["UserGroup"],
            move |_| changed.forget_memberships(),
            move || missed.forget_memberships(),
        );
        Ok(())
    }

    /// Looks memberships up again from now on.
    pub fn forget_memberships(&self) {
        self.0.generation.end();
        self.0.memberships.clear();
    }

    /// Whether a user is an administrator, and by which entry. An error if the catalogue cannot be asked.
    pub async fn check_administrator(&self, user_name: &str) -> Result<Decision, Problem> {
        let Components { users, groups, reader, .. } = &*self.0;
        if users.iter().any(|name| name == user_name) {
            return Ok(Decision::allow(format!("{user_name} is listed in identity.administrators")));
        }
        if let Some(reader) = reader.as_ref().filter(|_| !groups.is_empty())
            && self.is_member(reader, user_name).await?
        {
            return Ok(Decision::allow(format!("{user_name} is a member of a group in identity.administrators")));
        }
        Ok(Decision::deny(format!("{user_name} is not listed in identity.administrators")))
    }

    async fn is_member(&self, reader: &ReaderAccount, user_name: &str) -> Result<bool, Problem> {
        let lookup = async |expires_at| {
            let asked = reader
                .with_session(async |icat, session| is_member_of_any(icat, session, user_name, &self.0.groups).await);
            let value = asked.await.map_err(Arc::new)?;
            Ok::<_, Arc<IcatError>>(Answer { value, expires_at })
        };
        let answer = self.0.memberships.get_or_find(&Principal::from(user_name), lookup).await;
        answer.map(|answer| answer.value).map_err(to_reader_problem)
    }
}

async fn is_member_of_any(
    icat: &IcatClient,
    session: &str,
    user_name: &str,
    groups: &[String],
) -> Result<bool, IcatError> {
    let query = Select::count("UserGroup")
        .filter(Filter::eq("user.name", user_name))
        .filter(Filter::one_of("grouping.name", groups.iter().map(String::as_str)));
    let rows = icat.query_rows(session, &query.build()?).await?;
    Ok(rows.first().and_then(Value::as_i64).unwrap_or_default() > 0)
}
