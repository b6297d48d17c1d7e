//! The INCLUDE clause: which relations to follow from the selected row.

use icat_client::schema::{self, Entity, Member};

use super::QueryError;
use super::cursor::Cursor;
use super::lexer::Token;

/// Relations one after another. The longest way through the schema without a turn has fewer.
const DEEPEST: usize = 20;
/// Relations in all.
const MOST: usize = 500;

/// A relation to follow, and those to follow from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    pub relation: &'static str,
    pub target: &'static Entity,
    pub children: Vec<Include>,
}

impl Include {
    fn new(relation: &'static str, target: &'static Entity) -> Self {
        Self { relation, target, children: Vec::new() }
    }
}

/// All to-one relations, one level: `INCLUDE 1`.
pub fn all_to_one(entity: &'static Entity) -> Vec<Include> {
    entity.one.iter().map(|one| Include::new(one.name, one.target())).collect()
}

/// Reads `1` alone, if it stands here.
pub fn one(cursor: &mut Cursor<'_>) -> Result<bool, QueryError> {
    match cursor.peek() {
        Some(Token::Integer(1)) => {
            cursor.at += 1;
            if cursor.is_sign(",") {
                return Err(QueryError::bad("\"INCLUDE 1\" must not be followed by other things to include."));
            }
            Ok(true)
        }
        Some(Token::Integer(_)) => Err(QueryError::bad("Only integer value allowed in the INCLUDE list is 1")),
        _ => Ok(false),
    }
}

/// Reads `v.relation[.relation…] [[AS] w], …` from the selected variable on.
pub fn paths(
    cursor: &mut Cursor<'_>,
    selected: Option<&str>,
    entity: &'static Entity,
) -> Result<Vec<Include>, QueryError> {
    let mut roots = Vec::new();
    let mut count = 0;
    // Where each name leads: places of children from the root on.
    let mut names: Vec<(String, Vec<usize>)> =
        selected.map(|name| (name.to_uppercase(), Vec::new())).into_iter().collect();
    loop {
        let text = cursor.name()?;
        if !text.contains('.') {
            return Err(QueryError::bad(format!("Path {text} must contain a '.'")));
        }
        let mut parts = text.split('.');
        let head = parts.next().unwrap_or_default().to_uppercase();
        let start = names.iter().find(|(name, _)| *name == head).map(|(_, place)| place.clone());
        let mut place = start
            .ok_or_else(|| QueryError::bad(format!("variable {head} mentioned in INCLUDE clause is not defined")))?;
        for relation in parts {
            count += 1;
            if place.len() == DEEPEST || count > MOST {
                let text = format!("INCLUDE takes up to {DEEPEST} relations one after another and {MOST} in all");
                return Err(QueryError::bad(text));
            }
            let (here, children) = below(&mut roots, entity, &place);
            children.push(follow(here, children, relation)?);
            place.push(children.len() - 1);
        }
        cursor.word("AS");
        if let Some(Token::Name(alias)) = cursor.peek()
            && !alias.eq_ignore_ascii_case("LIMIT")
        {
            let alias = alias.to_uppercase();
            if names.iter().any(|(name, _)| *name == alias) {
                let text = format!("variable {alias} mentioned in INCLUDE clause is already defined");
                return Err(QueryError::bad(text));
            }
            names.push((alias, place));
            cursor.at += 1;
        }
        if !cursor.sign(",") {
            return Ok(roots);
        }
    }
}

/// The entity at a place in the tree, and the includes below it.
fn below<'i>(
    roots: &'i mut Vec<Include>,
    entity: &'static Entity,
    place: &[usize],
) -> (&'static Entity, &'i mut Vec<Include>) {
    place.iter().fold((entity, roots), |(_, children), n| {
        let child = &mut children[*n];
        (child.target, &mut child.children)
    })
}

fn follow(entity: &'static Entity, present: &[Include], relation: &str) -> Result<Include, QueryError> {
    let (name, target) = match entity.find_member(relation) {
        Some(Member::One(one)) => (one.name, one.target()),
        Some(Member::Many(many)) => (many.name, many.target()),
        _ => {
            let text = format!("Problem with INCLUDE clause: {relation} is not a field of {}", entity.name);
            return Err(QueryError::bad(text));
        }
    };
    if present.iter().any(|include| include.relation == name) {
        return Err(QueryError::bad(format!("INCLUDE clause contains redundant path to {relation}")));
    }
    Ok(Include::new(name, target))
}

/// The classic `INCLUDE Dataset, Investigation`: each kind must be reached from the root by exactly one route through
/// the listed kinds; after a to-one relation only to-one relations are followed.
pub fn types(cursor: &mut Cursor<'_>, root: &'static Entity) -> Result<Vec<Include>, QueryError> {
    let mut wanted: Vec<&'static Entity> = Vec::new();
    loop {
        let name = cursor.name()?;
        let entity =
            schema::find_entity(name).ok_or_else(|| QueryError::bad(format!("{name} is not an ICAT entity")))?;
        if !wanted.contains(&entity) {
            wanted.push(entity);
        }
        if !cursor.sign(",") {
            break;
        }
    }
    let mut reached = Vec::new();
    let includes = route(root, None, true, &wanted, &mut reached)?;
    match wanted.iter().find(|entity| !reached.contains(*entity)) {
        Some(missing) => Err(QueryError::bad(format!("Unable to reach {} in list of INCLUDES.", missing.name))),
        None => Ok(includes),
    }
}

fn route(
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
        // The way back to where we came from is no second route.
        if !wanted.contains(&target) || came_from == Some(target.name) {
            continue;
        }
        if reached.contains(&target) {
            let text = format!(
                "Can't have loop in graph of entities. '{}' was encountered twice following {} in list of INCLUDES.",
                target.name, here.name
            );
            return Err(QueryError::bad(text));
        }
        reached.push(target);
        steps.push((relation, target, is_many));
    }
    let mut includes = Vec::new();
    for (relation, target, is_many) in steps {
        let children = route(target, Some(here.name), is_many, wanted, reached)?;
        includes.push(Include { relation, target, children });
    }
    Ok(includes)
}
