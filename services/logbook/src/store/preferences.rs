//! What users have set in the portal.

use service_kit::{DbError, Tx};

const GET: &str = "SELECT id, body FROM preference WHERE user_name = $1";
const SET: &str = "INSERT INTO preference (user_name, id, body) VALUES ($1, $2, $3) \
                   ON CONFLICT (user_name) DO UPDATE SET body = EXCLUDED.body";
/// Every statement, for the test that prepares them on each engine.
pub const ALL: [&str; 2] = [GET, SET];

/// The id and the JSON of a user's preferences.
pub async fn get_preferences(tx: &mut Tx, user_name: &str) -> Result<Option<(String, String)>, DbError> {
    let row = tx.fetch_optional(GET, &[user_name.into()]).await?;
    row.map(|row| Ok((row.get("id")?, row.get("body")?))).transpose()
}

/// The id stays that of the first time.
pub async fn set_preferences(tx: &mut Tx, user_name: &str, id: &str, body: &str) -> Result<(), DbError> {
    tx.execute(SET, &[user_name.into(), id.into(), body.into()]).await.map(drop)
}
