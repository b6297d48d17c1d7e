//! Creates, changes and deletes entities. Each call is one transaction of ICAT, and is never retried: if the answer is
//! lost, only the caller can find out whether it succeeded.

use serde_json::{Map, Value};

use super::error::WriteError;
use super::{IcatClient, send};

/// Wraps an entity as ICAT requires: `{"Dataset":{…}}`.
pub fn wrap_entity(entity: &str, members: Value) -> Value {
    Value::Object(Map::from_iter([(entity.to_owned(), members)]))
}

impl IcatClient {
    /// Creates wrapped entities with their new children, all or none, and returns their ids in the same order.
    ///
    /// Relations to existing entities are `{"id":…}`. An icat.server changes the `modTime` of each entity
    /// that is referred to in this way.
    pub async fn create_entities(&self, session_id: &str, entities: &[Value]) -> Result<Vec<i64>, WriteError> {
        send::send_once(self.prepare_write(session_id, entities)?, &[session_id]).await
    }

    /// Changes wrapped entities, all or none. Each has its `id` and the members to change; `null` clears a member.
    ///
    /// They must not contain `createId`, `createTime`, `modId` and `modTime`.
    pub async fn update_entities(&self, session_id: &str, entities: &[Value]) -> Result<(), WriteError> {
        send::send_for_success(self.prepare_write(session_id, entities)?, &[session_id]).await.map(drop)
    }

    /// Deletes rows of one entity with everything that belongs to them, all or none.
    ///
    /// The ids are part of the URL, which has room for about 150. Callers must split longer lists.
    pub async fn delete_entities(&self, session_id: &str, entity: &str, ids: &[i64]) -> Result<(), WriteError> {
        let entities: Value = ids.iter().map(|id| wrap_entity(entity, serde_json::json!({"id": id}))).collect();
        let mut url = self.endpoint_url(&["entityManager"])?;
        url.query_pairs_mut().append_pair("sessionId", session_id).append_pair("entities", &entities.to_string());
        send::send_for_success(self.prepare_request(self.http.delete(url), "/icat/entityManager"), &[session_id])
            .await
            .map(drop)
    }

    fn prepare_write(
        &self,
        session_id: &str,
        entities: &[Value],
    ) -> Result<reqwest_middleware::RequestBuilder, WriteError> {
        let entities = Value::from(entities).to_string();
        let form = [("sessionId", session_id), ("entities", entities.as_str())];
        Ok(self
            .prepare_request(self.http.post(self.endpoint_url(&["entityManager"])?).form(&form), "/icat/entityManager"))
    }
}
