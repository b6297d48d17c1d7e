//! What users have set in a portal: JSON objects that the portal defines.

use std::sync::Arc;

use serde_json::{Map, Value};
use service_kit::{Clock, Db, DbError, Ids, Problem};

use crate::catalogue::permissions::PersonCaller;
use crate::catalogue::users::short_user_name;
use crate::domain::ids;
use crate::store::preferences::{get_preferences, set_preferences};

/// Keeps settings of users.
pub struct Preferences {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Preferences {
    pub fn new(db: Db, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { db, clock, ids }
    }

    /// At least the user's name.
    pub async fn get(&self, person: PersonCaller<'_>) -> Result<Map<String, Value>, Problem> {
        let user = &person.subject().icat_user_name;
        let stored = get_preferences(&mut self.db.read().await?, user).await?;
        let mut all = Map::from_iter([("username".to_owned(), Value::from(short_user_name(user)))]);
        if let Some((id, body)) = stored {
            all.extend(serde_json::from_str::<Map<String, Value>>(&body).map_err(Problem::internal)?);
            all.insert("_id".to_owned(), id.into());
        }
        Ok(all)
    }

    /// Replaces what is given and keeps the rest.
    pub async fn update_preferences(
        &self,
        person: PersonCaller<'_>,
        changed: Map<String, Value>,
    ) -> Result<Map<String, Value>, Problem> {
        let user = &person.subject().icat_user_name;
        let new_id = ids::new_id(&*self.ids, self.clock.now());
        let stored = self
            .db
            .write(async |tx| {
                let (id, mut all) = match get_preferences(tx, user).await? {
                    Some((id, body)) => (id, serde_json::from_str(&body).unwrap_or_default()),
                    None => (new_id.clone(), Map::new()),
                };
                all.extend(changed.clone());
                // Nobody sets them for somebody else.
                all.insert("username".to_owned(), short_user_name(user).into());
                all.remove("_id");
                set_preferences(tx, user, &id, &Value::Object(all.clone()).to_string()).await?;
                all.insert("_id".to_owned(), id.into());
                Ok::<_, DbError>(all)
            })
            .await?;
        Ok(stored)
    }
}
