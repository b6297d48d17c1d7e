//! The ICAT schema as data: what icat.server 6.2 stores, from `schema/icat-6.2.json`.
//!
//! All code that handles entities (queries, writes, imports, JSON) uses this data; none of it names an entity.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::entities::ENTITIES;

/// A type of row in the ICAT schema.
#[derive(Debug, PartialEq, Eq)]
pub struct Entity {
    pub name: &'static str,
    /// Lower case, unquoted.
    pub table: &'static str,
    /// Attributes in alphabetical order, without [`BASE_FIELDS`].
    pub fields: &'static [Field],
    /// Relations to one other row, in alphabetical order.
    pub one: &'static [ToOne],
    /// Relations to rows that belong to this one and go with it, in alphabetical order.
    pub many: &'static [ToMany],
    /// Names of the members of the unique key in the order in which messages print them; empty if there is none.
    pub unique: &'static [&'static str],
}

/// An attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub column: &'static str,
    pub kind: FieldKind,
    /// The maximum length of a string in characters; 0 without limit.
    pub length: usize,
    pub nullable: bool,
}

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    String,
    Long,
    Integer,
    Double,
    /// Never NULL in answers: false if it is not set.
    Boolean,
    Date,
    /// Stored as the position in [`EnumDef::values`].
    Enum(&'static EnumDef),
}

/// The values of an enumerated attribute.
#[derive(Debug, PartialEq, Eq)]
pub struct EnumDef {
    pub name: &'static str,
    pub values: &'static [&'static str],
}

/// A relation to one row of another entity, or of the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToOne {
    pub name: &'static str,
    pub column: &'static str,
    pub target: &'static str,
    pub nullable: bool,
}

/// A relation to many rows, whose to-one relation `mapped_by` leads to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToMany {
    pub name: &'static str,
    pub target: &'static str,
    pub mapped_by: &'static str,
}

/// A member of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    Field(&'static Field),
    One(&'static ToOne),
    Many(&'static ToMany),
}

const fn base_field(name: &'static str, column: &'static str, kind: FieldKind) -> Field {
    Field { name, column, kind, length: 255, nullable: false }
}

/// The attributes of all entities, which the server sets.
pub static BASE_FIELDS: [Field; 5] = [
    base_field("id", "id", FieldKind::Long),
    base_field("createId", "create_id", FieldKind::String),
    base_field("createTime", "create_time", FieldKind::Date),
    base_field("modId", "mod_id", FieldKind::String),
    base_field("modTime", "mod_time", FieldKind::Date),
];

/// All entities, parents before children.
pub fn all_entities() -> &'static [Entity] {
    ENTITIES
}

/// The entity with this name; names are case-sensitive.
pub fn find_entity(name: &str) -> Option<&'static Entity> {
    static BY_NAME: OnceLock<HashMap<&str, &Entity>> = OnceLock::new();
    BY_NAME.get_or_init(|| ENTITIES.iter().map(|e| (e.name, e)).collect()).get(name).copied()
}

impl Entity {
    /// The attribute with this name, including base fields.
    pub fn find_field(&'static self, name: &str) -> Option<&'static Field> {
        BASE_FIELDS.iter().chain(self.fields).find(|f| f.name == name)
    }

    pub fn find_to_one(&'static self, name: &str) -> Option<&'static ToOne> {
        self.one.iter().find(|r| r.name == name)
    }

    pub fn find_to_many(&'static self, name: &str) -> Option<&'static ToMany> {
        self.many.iter().find(|r| r.name == name)
    }

    /// The member with this name.
    pub fn find_member(&'static self, name: &str) -> Option<Member> {
        let field = self.find_field(name).map(Member::Field);
        field.or_else(|| self.find_to_one(name).map(Member::One)).or_else(|| self.find_to_many(name).map(Member::Many))
    }

    /// All own members in alphabetical order: the order of keys in ICAT's JSON after the base fields.
    pub fn members(&'static self) -> &'static [Member] {
        static BY_NAME: OnceLock<HashMap<&str, Vec<Member>>> = OnceLock::new();
        let all =
            BY_NAME.get_or_init(|| ENTITIES.iter().map(|entity| (entity.name, entity.sorted_members())).collect());
        all.get(self.name).map_or(&[], Vec::as_slice)
    }

    fn sorted_members(&'static self) -> Vec<Member> {
        let mut all: Vec<Member> = self.fields.iter().map(Member::Field).collect();
        all.extend(self.one.iter().map(Member::One));
        all.extend(self.many.iter().map(Member::Many));
        all.sort_by_key(Member::name);
        all
    }
}

impl Member {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Field(f) => f.name,
            Self::One(r) => r.name,
            Self::Many(r) => r.name,
        }
    }
}

impl ToOne {
    pub fn target(&self) -> &'static Entity {
        require_entity(self.target)
    }
}

impl ToMany {
    pub fn target(&self) -> &'static Entity {
        require_entity(self.target)
    }

    /// The child's relation back to the parent.
    pub fn inverse(&self) -> &'static ToOne {
        let target = self.target();
        target.find_to_one(self.mapped_by).unwrap_or_else(|| unreachable!("{} has {}", target.name, self.mapped_by))
    }
}

/// The target of a relation; `cargo xtask gen` checks that it exists.
fn require_entity(name: &'static str) -> &'static Entity {
    find_entity(name).unwrap_or_else(|| unreachable!("the schema has {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_whole() {
        assert_eq!(all_entities().len(), 53);
        for entity in all_entities() {
            for one in entity.one {
                assert!(one.target().name == one.target);
            }
            for many in entity.many {
                assert_eq!(many.inverse().target, entity.name, "{}.{}", entity.name, many.name);
            }
            for name in entity.unique {
                assert!(entity.find_member(name).is_some(), "{}.{name}", entity.name);
            }
        }
    }

    #[test]
    fn members_stand_in_the_order_of_the_json() {
        let names: Vec<&str> = find_entity("Grouping").unwrap().members().iter().map(Member::name).collect();
        assert_eq!(names, ["investigationGroups", "name", "rules", "userGroups"]);
    }
}
