//! Long lists of ids. ICAT has no search by POST, and servers refuse URLs longer than about 8 KiB, so a list is split into
//! several queries. Each also respects the server's limit of entities per answer.

use std::collections::BTreeSet;

use super::IcatClient;
use super::query::{Query, QueryError, resolve_attribute};
use crate::schema::FieldKind;

/// The default maximum length of a URL: below 8 KiB, the usual limit of servers and proxies.
pub const DEFAULT_MAX_URL_BYTES: usize = 7 * 1024;

/// The limits of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Maximum length of the URL, after percent-encoding.
    pub url_bytes: usize,
    /// The server's `maxEntities`.
    pub max_entities: u64,
}

/// Splits a list of ids into queries, each with as many ids as one request can have; together they contain each id once,
/// in ascending order. `url_bytes` returns the length of the URL of a query.
///
/// The condition is on `id`, so each id gives at most one row. The number of included entities must be limited too.
pub fn split_by_ids(
    query: &Query,
    ids: &[i64],
    limits: RequestLimits,
    url_bytes: impl Fn(&str) -> usize,
) -> Result<Vec<Query>, QueryError> {
    let per_row = 1 + query.included_per_row().ok_or(QueryError::Unbounded)?;
    let rows = usize::try_from(limits.max_entities / per_row).unwrap_or(usize::MAX);
    if rows == 0 {
        return Err(QueryError::Unbounded);
    }
    let empty = url_bytes(&query.with_ids("id", &[]).to_string());
    let lists = cut_id_lists(ids, empty, limits.url_bytes, rows)?;
    Ok(lists.iter().map(|list| query.with_ids("id", list)).collect())
}

/// Splits a list for queries that are read in pages, for any attribute; only the length of the URL is limited.
pub(super) fn split_for_pages(
    query: &Query,
    path: &str,
    ids: &[i64],
    limit: usize,
    url_bytes: impl Fn(&str) -> usize,
) -> Result<Vec<Query>, QueryError> {
    if resolve_attribute(query.entity(), path)?.kind != FieldKind::Long {
        return Err(QueryError::Kind(path.to_owned()));
    }
    let longest = query.with_ids(path, &[]).next_page(Some(i64::MIN), u32::MAX);
    let lists = cut_id_lists(ids, url_bytes(&longest.to_string()), limit, usize::MAX)?;
    Ok(lists.iter().map(|list| query.with_ids(path, list)).collect())
}

/// `empty` is the length of the URL with an empty list; a comma becomes `%2C`.
fn cut_id_lists(ids: &[i64], empty: usize, limit: usize, most: usize) -> Result<Vec<Vec<i64>>, QueryError> {
    let ids: BTreeSet<i64> = ids.iter().copied().collect();
    let mut lists: Vec<Vec<i64>> = Vec::new();
    let mut length = 0;
    for id in ids {
        let digits = id.to_string().len();
        if empty + digits > limit {
            return Err(QueryError::TooLong(limit));
        }
        match lists.last_mut() {
            Some(list) if list.len() < most && length + "%2C".len() + digits <= limit => {
                list.push(id);
                length += "%2C".len() + digits;
            }
            _ => {
                lists.push(vec![id]);
                length = empty + digits;
            }
        }
    }
    Ok(lists)
}

impl IcatClient {
    /// [`split_by_ids`] for this server and session; `max_entities` is that of [`max_entities`](Self::max_entities).
    pub fn split_by_ids(
        &self,
        session_id: &str,
        query: &Query,
        ids: &[i64],
        max_entities: u64,
    ) -> Result<Vec<Query>, QueryError> {
        let limits = RequestLimits { url_bytes: self.max_url_bytes, max_entities };
        split_by_ids(query, ids, limits, |text| self.search_url_bytes(session_id, text))
    }

    /// The length of the URL of a query.
    pub fn search_url_bytes(&self, session_id: &str, query: &str) -> usize {
        self.search_url(session_id, query).map_or(usize::MAX, |url| url.as_str().len())
    }
}
