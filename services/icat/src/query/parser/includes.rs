//! Parses the INCLUDE clause: the relations to follow from the selected row.

use icat_client::schema::{self, Entity, Member};

use super::lexer::Token;
use super::token_cursor::TokenCursor;
use crate::query::error::QueryError;
use crate::query::tree::Include;

/// Relations in one path. The longest path through the schema without repetition is shorter.
const MAX_DEPTH: usize = 20;
/// Relations in total.
const MAX_INCLUDES: usize = 500;

/// All to-one relations, one level: `INCLUDE 1`.
pub fn include_all_to_one(entity: &'static Entity) -> Vec<Include> {
    entity.one.iter().map(|one| Include::new(one.name, one.target())).collect()
}

/// Consumes `1`, if it is next; nothing else may follow in the list.
pub fn parse_include_one(cursor: &mut TokenCursor<'_>) -> Result<bool, QueryError> {
    match cursor.peek() {
        Some(Token::Integer(1)) => {
            cursor.at += 1;
            if cursor.is_sign(",") {
                return Err(QueryError::bad_parameter(
                    "\"INCLUDE 1\" must not be followed by other things to include.",
                ));
            }
            Ok(true)
        }
        Some(Token::Integer(_)) => {
            Err(QueryError::bad_parameter("Only integer value allowed in the INCLUDE list is 1"))
        }
        _ => Ok(false),
    }
}

/// Parses `v.relation[.relation…] [[AS] w], …`, starting from the selected variable.
pub fn parse_include_paths(
    cursor: &mut TokenCursor<'_>,
    selected: Option<&str>,
    entity: &'static Entity,
) -> Result<Vec<Include>, QueryError> {
    let mut roots = Vec::new();
    let mut count = 0;
    // The path of each alias: indexes of children from the root.
    let mut names: Vec<(String, Vec<usize>)> =
        selected.map(|name| (name.to_uppercase(), Vec::new())).into_iter().collect();
    loop {
        let text = cursor.take_name()?;
        if !text.contains('.') {
            return Err(QueryError::bad_parameter(format!("Path {text} must contain a '.'")));
        }
        let mut parts = text.split('.');
        let head = parts.next().unwrap_or_default().to_uppercase();
        let start = names.iter().find(|(name, _)| *name == head).map(|(_, place)| place.clone());
        let mut place = start.ok_or_else(|| {
            QueryError::bad_parameter(format!("variable {head} mentioned in INCLUDE clause is not defined"))
        })?;
        for relation in parts {
            count += 1;
            if place.len() == MAX_DEPTH || count > MAX_INCLUDES {
                let text =
                    format!("INCLUDE takes up to {MAX_DEPTH} relations one after another and {MAX_INCLUDES} in all");
                return Err(QueryError::bad_parameter(text));
            }
            let (here, children) = children_at(&mut roots, entity, &place);
            children.push(resolve_relation(here, children, relation)?);
            place.push(children.len() - 1);
        }
        cursor.take_word("AS");
        if let Some(Token::Name(alias)) = cursor.peek()
            && !alias.eq_ignore_ascii_case("LIMIT")
        {
            let alias = alias.to_uppercase();
            if names.iter().any(|(name, _)| *name == alias) {
                let text = format!("variable {alias} mentioned in INCLUDE clause is already defined");
                return Err(QueryError::bad_parameter(text));
            }
            names.push((alias, place));
            cursor.at += 1;
        }
        if !cursor.take_sign(",") {
            return Ok(roots);
        }
    }
}

/// The entity at a path in the tree, and the includes below it.
fn children_at<'i>(
    roots: &'i mut Vec<Include>,
    entity: &'static Entity,
    place: &[usize],
) -> (&'static Entity, &'i mut Vec<Include>) {
    place.iter().fold((entity, roots), |(_, children), n| {
        let child = &mut children[*n];
        (child.target, &mut child.children)
    })
}

fn resolve_relation(entity: &'static Entity, present: &[Include], relation: &str) -> Result<Include, QueryError> {
    let (name, target) = match entity.find_member(relation) {
        Some(Member::One(one)) => (one.name, one.target()),
        Some(Member::Many(many)) => (many.name, many.target()),
        _ => {
            let text = format!("Problem with INCLUDE clause: {relation} is not a field of {}", entity.name);
            return Err(QueryError::bad_parameter(text));
        }
    };
    if present.iter().any(|include| include.relation == name) {
        return Err(QueryError::bad_parameter(format!("INCLUDE clause contains redundant path to {relation}")));
    }
    Ok(Include::new(name, target))
}

/// Parses the classic `INCLUDE Dataset, Investigation`. Each entity must be reachable from the root by exactly one route
/// through the listed entities; after a to-one relation only to-one relations are followed.
pub fn parse_include_types(cursor: &mut TokenCursor<'_>, root: &'static Entity) -> Result<Vec<Include>, QueryError> {
    let mut wanted: Vec<&'static Entity> = Vec::new();
    loop {
        let name = cursor.take_name()?;
        let entity = schema::find_entity(name)
            .ok_or_else(|| QueryError::bad_parameter(format!("{name} is not an ICAT entity")))?;
        if !wanted.contains(&entity) {
            wanted.push(entity);
        }
        if !cursor.take_sign(",") {
            break;
        }
    }
    let mut reached = Vec::new();
    let includes = find_routes(root, None, true, &wanted, &mut reached)?;
    match wanted.iter().find(|entity| !reached.contains(*entity)) {
        Some(missing) => {
            Err(QueryError::bad_parameter(format!("Unable to reach {} in list of INCLUDES.", missing.name)))
        }
        None => Ok(includes),
    }
}

fn find_routes(
    here: &'static Entity,
    came_from: Option<&'static str>,
    many_allowed: bool,
    wanted: &[&'static Entity],
    reached: &mut Vec<&'static Entity>,
) -> Result<Vec<Include>, QueryError> {
    let ones = here.one.iter().map(|one| (one.name, one.target(), false));
    let many = here.many.iter().map(|many| (many.name, many.target(), true)).filter(|_| many_allowed);
    let mut steps = Vec::new();
    for (relation, target, is_many) in ones.chain(many) {
        // The relation back to the previous entity is not a second route.
        if !wanted.contains(&target) || came_from == Some(target.name) {
            continue;
        }
        if reached.contains(&target) {
            let text = format!(
                "Can't have loop in graph of entities. '{}' was encountered twice following {} in list of INCLUDES.",
                target.name, here.name
            );
            return Err(QueryError::bad_parameter(text));
        }
        reached.push(target);
        steps.push((relation, target, is_many));
    }
    let mut includes = Vec::new();
    for (relation, target, is_many) in steps {
        let children = find_routes(target, Some(here.name), is_many, wanted, reached)?;
        includes.push(Include { relation, target, children });
    }
    Ok(includes)
}
