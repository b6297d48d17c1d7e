//! Reads the rows of a chunk and builds the nodes that the writers write.

use std::collections::{HashMap, HashSet};

use icat_client::schema::{Entity, FieldKind, Member};
use service_kit::{DbError, Tx, Val};

use super::chunks::{Chunk, ChunkKind};
use super::row_keys::RowKeys;
use super::{KindRows, MemberValue, RowNode, element_name};
use crate::search::to_one_key;
use crate::store::entities::{self, StoredRow, member_layout, value_index};

/// The number of leading entity types in an investigation's chunk that are written before datasets: Investigation, Sample.
const KINDS_UP_TO_SAMPLE: usize = 2;

/// Ids read by one statement.
const IDS_PER_PAGE: usize = 5_000;

/// A part of a chunk.
pub enum ChunkPart {
    /// All rows of these entity types.
    AllRows(&'static [ChunkKind]),
    /// The rows of these entity types that belong to one row.
    RowsOf(i64, &'static [ChunkKind]),
}

pub struct ChunkReader {
    tx: Tx,
    keys: RowKeys,
    pub written: usize,
    pub total: usize,
}

impl ChunkReader {
    pub async fn new(mut tx: Tx) -> Result<Self, DbError> {
        let mut total = 0;
        for entity in icat_client::schema::all_entities() {
            total += entities::count_rows(&mut tx, entity).await?;
        }
        Ok(Self { tx, keys: RowKeys::default(), written: 0, total })
    }

    /// Splits a chunk into parts. If a dataset belongs to a sample of another investigation, all investigations and their
    /// samples are written before all datasets.
    pub async fn split_chunk(&mut self, chunk: &'static Chunk) -> Result<Vec<ChunkPart>, DbError> {
        let Some(owner) = chunk.each.and_then(icat_client::schema::find_entity) else {
            return Ok(vec![ChunkPart::AllRows(chunk.kinds)]);
        };
        let mut ids = Vec::new();
        loop {
            let after = ids.last().copied().unwrap_or_default();
            let page = entities::list_ids_after(&mut self.tx, owner, after, IDS_PER_PAGE).await?;
            if page.is_empty() {
                break;
            }
            ids.extend(page);
        }
        let apart = owner.name == "Investigation" && entities::has_foreign_samples(&mut self.tx).await?;
        let (first, second) = chunk.kinds.split_at(if apart { KINDS_UP_TO_SAMPLE } else { chunk.kinds.len() });
        let of = |kinds: &'static [ChunkKind]| ids.iter().map(move |id| ChunkPart::RowsOf(*id, kinds));
        Ok(if second.is_empty() { of(first).collect() } else { of(first).chain(of(second)).collect() })
    }

    pub async fn read_chunk(&mut self, chunk: &'static Chunk, part: &ChunkPart) -> Result<Vec<KindRows>, DbError> {
        let owner = chunk.each.and_then(icat_client::schema::find_entity);
        let kinds = match part {
            ChunkPart::AllRows(kinds) | ChunkPart::RowsOf(_, kinds) => *kinds,
        };
        let mut found = Vec::with_capacity(kinds.len());
        for chunk_kind in kinds {
            let rows = match (part, owner) {
                (ChunkPart::RowsOf(id, _), Some(owner)) => self.find_owned_rows(owner, *id, chunk_kind).await?,
                _ => entities::list_all(&mut self.tx, chunk_kind.find_entity()).await?,
            };
            let rows = self.build_named_nodes(chunk_kind, rows).await?;
            if !rows.is_empty() {
                found.push(KindRows { tag: element_name(chunk_kind.name), rows });
            }
        }
        Ok(found)
    }

    /// The rows of an entity type that belong to a row, over the relations of its owner path.
    async fn find_owned_rows(
        &mut self,
        owner: &'static Entity,
        id: i64,
        chunk_kind: &'static ChunkKind,
    ) -> Result<Vec<StoredRow>, DbError> {
        let mut ids = vec![id];
        let mut here = owner;
        for step in chunk_kind.owner.iter().rev() {
            // The entity type that the relation starts from.
            let from = chunk_kind.owner.iter().position(|name| name == step).unwrap_or_default();
            let kind = chunk_kind.owner[..from]
                .iter()
                .fold(chunk_kind.find_entity(), |kind, name| kind.find_to_one(name).map_or(kind, |one| one.target()));
            let Some(one) = kind.find_to_one(step) else { return Ok(Vec::new()) };
            let pairs = entities::list_child_ids(&mut self.tx, kind, one.column, &ids, usize::MAX).await?;
            ids = pairs.into_iter().map(|(_, child)| child).collect();
            here = kind;
        }
        let mut rows = entities::find_by_ids(&mut self.tx, here, &ids).await?;
        rows.sort_unstable_by_key(|row| row.id);
        Ok(rows)
    }

    async fn build_named_nodes(
        &mut self,
        chunk_kind: &ChunkKind,
        rows: Vec<StoredRow>,
    ) -> Result<Vec<(String, RowNode)>, DbError> {
        let entity = chunk_kind.find_entity();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let mut parts: HashMap<i64, Vec<(&'static str, MemberValue)>> = HashMap::new();
        for name in chunk_kind.parts {
            let Some(many) = entity.find_to_many(name) else { continue };
            let pairs =
                entities::list_child_ids(&mut self.tx, many.target(), many.inverse().column, &ids, usize::MAX).await?;
            let owners: HashMap<i64, i64> = pairs.iter().map(|(owner, child)| (*child, *owner)).collect();
            let children: Vec<i64> = pairs.iter().map(|(_, child)| *child).collect();
            let mut rows = entities::find_by_ids(&mut self.tx, many.target(), &children).await?;
            rows.sort_unstable_by_key(|row| row.id);
            let mut nodes: HashMap<i64, Vec<RowNode>> = HashMap::new();
            let made = self.build_nodes(many.target(), &rows, Some(many.mapped_by)).await?;
            for (row, node) in rows.iter().zip(made) {
                nodes.entry(owners.get(&row.id).copied().unwrap_or_default()).or_default().push(node);
            }
            for (owner, nodes) in nodes {
                parts.entry(owner).or_default().push((name, MemberValue::Parts(nodes)));
            }
        }
        if !entity.unique.is_empty() {
            self.keys.load_keys(&mut self.tx, entity, ids.iter().copied().collect()).await?;
        }
        let nodes = self.build_nodes(entity, &rows, None).await?;
        let mut named = Vec::with_capacity(rows.len());
        for (row, mut node) in rows.iter().zip(nodes) {
            node.members.extend(parts.remove(&row.id).unwrap_or_default());
            node.members.sort_by_key(|(name, _)| *name);
            let key = match self.keys.get(entity, row.id) {
                Some(key) if !entity.unique.is_empty() => key,
                _ => self.keys.assign_number(entity, row.id),
            };
            named.push((key, node));
        }
        Ok(named)
    }

    /// Builds nodes without nested rows; `but` is the relation to the row that they are nested in.
    async fn build_nodes(
        &mut self,
        entity: &'static Entity,
        rows: &[StoredRow],
        but: Option<&str>,
    ) -> Result<Vec<RowNode>, DbError> {
        for one in entity.one.iter().filter(|one| but != Some(one.name)) {
            let at = value_index(entity, one.name).unwrap_or_default();
            let ids: HashSet<i64> = rows.iter().filter_map(|row| to_one_key(row, at)).collect();
            self.keys.load_keys(&mut self.tx, one.target(), ids).await?;
        }
        self.written += rows.len();
        Ok(rows.iter().map(|row| self.build_node(entity, row, but)).collect())
    }

    fn build_node(&self, entity: &'static Entity, row: &StoredRow, but: Option<&str>) -> RowNode {
        let members = member_layout(entity).iter().filter_map(|(member, at)| {
            let val = row.values.get((*at)?)?;
            let item = match member {
                Member::Field(field) => to_member_value(field.kind, val)?,
                Member::One(one) if but != Some(one.name) => match val {
                    Val::I64(Some(id)) => MemberValue::Reference(self.keys.get(one.target(), *id)?),
                    _ => return None,
                },
                _ => return None,
            };
            Some((member.name(), item))
        });
        RowNode { members: members.collect() }
    }
}

/// Converts a value as python-icat does: integers and booleans as such, everything else as text.
fn to_member_value(kind: FieldKind, val: &Val) -> Option<MemberValue> {
    Some(match (kind, val) {
        (FieldKind::Boolean, Val::I64(truth)) => MemberValue::Boolean(truth.unwrap_or_default() != 0),
        (FieldKind::Date, Val::I64(Some(micros))) => {
            let moment = jiff::Timestamp::from_microsecond(*micros).unwrap_or_default();
            MemberValue::Text(moment.strftime("%Y-%m-%dT%H:%M:%S%.f+00:00").to_string())
        }
        (FieldKind::Enum(def), Val::I64(Some(at))) => {
            MemberValue::Text((*def.values.get(usize::try_from(*at).ok()?)?).to_owned())
        }
        (_, Val::I64(Some(number))) => MemberValue::Integer(*number),
        (_, Val::F64(Some(number))) => MemberValue::Text(format!("{number:?}")),
        (_, Val::Text(Some(text))) => MemberValue::Text(text.clone()),
        _ => return None,
    })
}
