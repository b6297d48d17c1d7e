//! Checks whether a user may do what a request does. Rule conditions are evaluated on the rows as they are at that
//! moment of the transaction; the rules themselves are those from before the transaction.

use std::collections::HashSet;

use icat_client::schema::Entity;
use service_kit::Tx;

use crate::authorization::{Operation, Rights};
use crate::error::Error;
use crate::query::{Access, QueryEnvironment, compile_filter};

/// The rights and the query environment of one request.
#[derive(Clone, Copy)]
pub struct Permissions<'a> {
    pub rights: &'a Rights,
    pub env: QueryEnvironment<'a>,
}

impl Permissions<'_> {
    /// Fails unless the operation is allowed on all rows.
    pub async fn require_operation(
        &self,
        tx: &mut Tx,
        operation: Operation,
        entity: &'static Entity,
        ids: &[i64],
    ) -> Result<(), Error> {
        if self.allows_rows(tx, &self.rights.access_to(entity, operation), entity, ids).await? {
            return Ok(());
        }
        Err(Error::access_denied(operation.as_str(), entity.name))
    }

    /// Those of the rows on which the operation is not allowed, in their order.
    pub async fn find_denied(
        &self,
        tx: &mut Tx,
        operation: Operation,
        entity: &'static Entity,
        ids: &[i64],
    ) -> Result<Vec<i64>, Error> {
        self.find_denied_rows(tx, &self.rights.access_to(entity, operation), entity, ids).await
    }

    /// Those of the rows on which no rule allows to update this attribute or to-one relation, in their order.
    pub async fn find_denied_attribute(
        &self,
        tx: &mut Tx,
        entity: &'static Entity,
        name: &str,
        ids: &[i64],
    ) -> Result<Vec<i64>, Error> {
        self.find_denied_rows(tx, &self.rights.attribute_update_access(entity, name), entity, ids).await
    }

    /// Requires UPDATE on the row, or an UPDATE rule for each named attribute and to-one relation.
    pub async fn require_update(
        &self,
        tx: &mut Tx,
        entity: &'static Entity,
        id: i64,
        named: &[&'static str],
        has_children: bool,
    ) -> Result<(), Error> {
        if (named.is_empty() && !has_children)
            || self.allows_rows(tx, &self.rights.access_to(entity, Operation::Update), entity, &[id]).await?
        {
            return Ok(());
        }
        let mut covered = !has_children;
        for name in named {
            covered = covered && self.find_denied_attribute(tx, entity, name, &[id]).await?.is_empty();
        }
        if covered { Ok(()) } else { Err(Error::access_denied(Operation::Update.as_str(), entity.name)) }
    }

    /// Requires DELETE on a row whose unique key changes, because afterwards it is another row.
    pub async fn require_key_change(&self, tx: &mut Tx, entity: &'static Entity, id: i64) -> Result<(), Error> {
        if self.allows_rows(tx, &self.rights.access_to(entity, Operation::Delete), entity, &[id]).await? {
            return Ok(());
        }
        Err(Error::Forbidden(format!("DELETE access implied by UPDATE to this {} is not allowed.", entity.name)))
    }

    async fn allows_rows(
        &self,
        tx: &mut Tx,
        access: &Access,
        entity: &'static Entity,
        ids: &[i64],
    ) -> Result<bool, Error> {
        Ok(self.find_denied_rows(tx, access, entity, ids).await?.is_empty())
    }

    async fn find_denied_rows(
        &self,
        tx: &mut Tx,
        access: &Access,
        entity: &'static Entity,
        ids: &[i64],
    ) -> Result<Vec<i64>, Error> {
        Ok(match access {
            Access::All => Vec::new(),
            Access::None => ids.to_vec(),
            Access::Rules(rules) => {
                // The sets of granted rows follow only at the end of the transaction.
                let env = QueryEnvironment { granted_user: None, ..self.env };
                let allowed = find_matching_ids(tx, &compile_filter(entity, rules, ids, &env)).await?;
                ids.iter().copied().filter(|id| !allowed.contains(id)).collect()
            }
        })
    }
}

async fn find_matching_ids(tx: &mut Tx, statement: &crate::query::Statement) -> Result<HashSet<i64>, Error> {
    let rows = statement.fetch_rows(tx).await?;
    Ok(rows.iter().map(|row| row.get_at(0)).collect::<Result<_, _>>()?)
}
