//! python-icat's unique keys: `Dataset_investigation-(facility-(name-ESNF)_name-10100601=2DST_visitId-1=2E1=2DN)_name-e208339`.

use icat_client::schema::{self, Entity, FieldKind, Member};
use service_kit::{Tx, Val};

use super::record::Record;
use super::record_ids::RecordIds;
use crate::error::Error;
use crate::store::entities::{empty_values, find_by_key, value_index};

/// A parsed key: the entity type, and a text or a nested key for each member.
#[derive(Debug, PartialEq, Eq)]
pub struct Key<'k> {
    pub entity: &'static Entity,
    pub members: Vec<(&'k str, &'k str)>,
}

/// How deep keys may nest; the schema's own keys nest four deep.
const MAX_DEPTH: usize = 10;

/// Parses a key; `None` if it is invalid.
pub fn parse_key(text: &str) -> Option<Key<'_>> {
    let (name, rest) = text.split_once('_')?;
    Some(Key { entity: schema::find_entity(name)?, members: parse_members(rest)? })
}

/// Splits `facility-(name-ESNF)_name-x` at underscores outside of parentheses.
fn parse_members(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut pairs = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in text.char_indices().chain([(text.len(), '_')]) {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            '_' if depth == 0 => {
                let (name, value) = text[start..at].split_once('-')?;
                let inner = value.strip_prefix('(').and_then(|value| value.strip_suffix(')'));
                pairs.push((name, inner.unwrap_or(value)));
                start = at + 1;
            }
            _ => {}
        }
    }
    (depth == 0).then_some(pairs)
}

/// Decodes escapes such as `=2D` for `-`.
fn unquote_key_part(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        if b == b'=' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(b);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The id of the stored row with a key. Ids of rows in the file that are `known` need no look-up.
pub async fn find_by_row_key(tx: &mut Tx, known: &RecordIds, text: &str) -> Result<Option<i64>, Error> {
    find_nested(tx, known, text, 0).await
}

/// Whether the key of a record consists of its unique key, so that [`find_by_row_key`] finds its row.
pub fn is_canonical_key(record: &Record) -> bool {
    let Some(key) = parse_key(&record.key).filter(|key| key.entity == record.entity) else { return false };
    let is_own = |name: &&str| {
        let Some((_, text)) = key.members.iter().find(|(member, _)| member == name) else { return false };
        if let Some((one, reference)) = record.ones.iter().find(|(one, _)| one.name == *name) {
            return reference.strip_prefix(one.target).and_then(|rest| rest.strip_prefix('_')) == Some(text);
        }
        let value = record.fields.iter().find(|(field, _)| field.name == *name).map(|(_, value)| value);
        matches!(value, Some(Val::Text(Some(value))) if unquote_key_part(text).as_ref() == Some(value))
    };
    !record.entity.unique.is_empty() && record.entity.unique.iter().all(is_own)
}

type Finding<'f> = std::pin::Pin<Box<dyn Future<Output = Result<Option<i64>, Error>> + Send + 'f>>;

fn find_nested<'f>(tx: &'f mut Tx, known: &'f RecordIds, text: &'f str, depth: usize) -> Finding<'f> {
    Box::pin(async move {
        let Some(key) = parse_key(text).filter(|_| depth < MAX_DEPTH) else {
            return Ok(None);
        };
        let mut values = empty_values(key.entity);
        for (name, value) in key.members {
            let (Some(member), Some(at)) = (key.entity.find_member(name), value_index(key.entity, name)) else {
                return Ok(None);
            };
            values[at] = match member {
                Member::One(one) => {
                    let inner = format!("{}_{value}", one.target);
                    let id = match known.get(&inner) {
                        Some(id) => Some(id),
                        None => find_nested(tx, known, &inner, depth + 1).await?,
                    };
                    let Some(id) = id else { return Ok(None) };
                    id.into()
                }
                Member::Field(field) if field.kind == FieldKind::String => match unquote_key_part(value) {
                    Some(text) => Val::from(text),
                    None => return Ok(None),
                },
                _ => return Ok(None),
            };
        }
        Ok(find_by_key(tx, key.entity, &values).await?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_apart_at_underscores_outside_of_parentheses() {
        let key =
            parse_key("Dataset_investigation-(facility-(name-ESNF)_name-10=2DST_visitId-1=2E1)_name-e208339").unwrap();
        assert_eq!(key.entity.name, "Dataset");
        assert_eq!(
            key.members,
            [("investigation", "facility-(name-ESNF)_name-10=2DST_visitId-1=2E1"), ("name", "e208339")]
        );
        assert_eq!(unquote_key_part("10=2DST=5Fü").as_deref(), Some("10-ST_ü"));
        for broken in ["Rule", "Nothing_name-x", "User_name", "User_name-(x", "User_name-x)"] {
            assert_eq!(parse_key(broken), None, "{broken}");
        }
        assert_eq!(unquote_key_part("=2"), None);
    }
}
