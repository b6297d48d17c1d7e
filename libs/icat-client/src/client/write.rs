//! Creating, changing and deleting entities. Each call is one transaction of ICAT's, and none is ever repeated: if the
//! answer is lost, only the caller can find out whether it was done.

use serde_json::{Map, Value};

use super::error::WriteError;
use super::{IcatClient, send};

/// An entity in the wrapper that ICAT wants: `{"Dataset":{…}}`.
pub fn wrap_entity(entity: &str, members: Value) -> Value {
    Value::Object(Map::from_iter([(entity.to_owned(), members)]))
}

impl IcatClient {
    /// Stores new entities, each in its wrapper and with its new children, all or none; their ids in the same order.
    ///
    /// Relations to existing entities are `{"id":…}`. On an icat.server every entity that is referred to in this way
    /// gets a new `modTime`.
    pub async fn create_entities(&self, session_id: &str, entities: &[Value]) -> Result<Vec<i64>, WriteError> {
        send::send_once(self.prepare_write(session_id, entities)?, &[session_id]).await
    }

    /// Changes entities, all or none: each in its wrapper, with its `id` and those members that change; `null` clears.
    ///
    /// `createId`, `createTime`, `modId` and `modTime` must be left out, also of an entity that was just read.
    pub async fn update_entities(&self, session_id: &str, entities: &[Value]) -> Result<(), WriteError> {
        send::send_for_success(self.prepare_write(session_id, entities)?, &[session_id]).await.map(drop)
    }

    /// Deletes entities of one kind with everything that belongs to them, all or none.
    ///
    /// The ids travel in the request's address: some 150 fit. Callers with more decide where to cut.
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
