//! Messages that a portal shows to everybody, one of each type.

use std::sync::Arc;

use service_kit::{Clock, Db, DbError, Ids, Problem};

use crate::catalogue::permissions::Administrator;
use crate::domain::ids;
use crate::store::banners::{Banner, list_banners, set_banner};

/// Keeps banners.
pub struct Banners {
    db: Db,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl Banners {
    pub fn new(db: Db, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Self {
        Self { db, clock, ids }
    }

    /// All banners, or those of one type.
    pub async fn list_banners(&self, kind: Option<&str>) -> Result<Vec<Banner>, Problem> {
        let mut found = list_banners(&mut self.db.read().await?).await?;
        if let Some(kind) = kind.filter(|kind| !kind.is_empty()) {
            found.retain(|banner| banner.kind.eq_ignore_ascii_case(kind));
        }
        Ok(found)
    }

    /// Sets the banner of a type.
    pub async fn set_banner(&self, _: Administrator, kind: String, message: Option<String>) -> Result<Banner, Problem> {
        let new = Banner { id: ids::new_id(&*self.ids, self.clock.now()), kind, message };
        let stored = self
            .db
            .write(async |tx| {
                set_banner(tx, &new).await?;
                let all = list_banners(tx).await?;
                Ok::<_, DbError>(all.into_iter().find(|banner| banner.kind == new.kind))
            })
            .await?;
        Ok(stored.unwrap_or(new))
    }
}
