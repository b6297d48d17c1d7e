//! What an engine is asked: conditions on the rows of one entity, with all names resolved and all words analysed.

use std::sync::Arc;

use roaring::RoaringTreemap;

use crate::domain::paths::PathPattern;
use crate::domain::query_syntax::WildcardPattern;

/// A set of ids of rows.
pub type Ids = Arc<RoaringTreemap>;

/// A set of the ids of rows.
pub fn collect_set(ids: impl IntoIterator<Item = i64>) -> Ids {
    Arc::new(ids.into_iter().map(i64::cast_unsigned).collect())
}

/// What of a text is one term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TermKind {
    /// A word, after analysis.
    Word,
    /// The whole text.
    Whole,
    /// A directory in which the file lies, directly or not, in lower case; `/` and `//` are directories.
    Directory,
    /// The directory that contains the file, in lower case.
    Parent,
    /// The whole path, in lower case.
    FullPath,
    /// A directory or the whole path, if it has upper-case letters; and the same in lower case after [`LOWERCASED_MARK`].
    CaseSensitivePath,
    /// A part of a path between two separators, in lower case.
    Component,
    /// What follows a dot of the file name, in lower case, such as `gz` and `tar.gz`.
    Extension,
    /// Three characters of the file name between two separators, in lower case.
    Trigram,
    /// A part of the file name between dots, in lower case.
    NamePart,
}

/// Precedes the lower case of a path that has upper-case ones, so that a search in lower case can leave it out.
pub const LOWERCASED_MARK: char = '\0';

/// The terms of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TermField {
    pub attribute: &'static str,
    pub kind: TermKind,
}

/// Which terms a condition accepts.
#[derive(Debug, Clone, PartialEq)]
pub enum TermPattern {
    Prefix(String),
    Wildcard(WildcardPattern),
    /// Bounds, each with whether it belongs to the range.
    Range(Option<(String, bool)>, Option<(String, bool)>),
}

/// A condition on rows of one entity.
#[derive(Debug, Clone)]
pub enum Plan {
    All,
    Nothing,
    /// The row is one of these.
    Ids(Ids),
    /// The row refers to one of these by the relation of this name.
    Related(&'static str, Ids),
    /// Inclusive bounds.
    Integer(&'static str, i64, i64),
    /// Inclusive bounds.
    Number(&'static str, f64, f64),
    Term(TermField, String),
    /// Terms at these positions, in this order, with at most so many moves.
    Phrase(TermField, Vec<(u32, String)>, u32),
    Pattern(TermField, TermPattern),
    /// Terms that differ by at most so many insertions, deletions, replacements and swaps of characters: 1 or 2.
    Fuzzy(TermField, String, u8),
    /// Each path is compared with the pattern; other conditions must have made them few.
    Path(&'static str, Arc<PathPattern>),
    And(Vec<Plan>),
    /// The more conditions hold, the better a row matches.
    Or(Vec<Plan>),
    /// The rows of the first; those that are also rows of the second match better.
    Preferred(Box<Plan>, Box<Plan>),
    Not(Box<Plan>),
    /// Multiplies how well a row matches.
    Boost(Box<Plan>, f32),
    /// Matches equally well for each row.
    Constant(Box<Plan>, f32),
}

impl Plan {
    pub fn and(plans: Vec<Self>) -> Self {
        if plans.iter().any(|plan| matches!(plan, Self::Nothing)) {
            return Self::Nothing;
        }
        let mut plans: Vec<Self> = plans.into_iter().filter(|plan| !matches!(plan, Self::All)).collect();
        match plans.len() {
            0 => Self::All,
            1 => plans.remove(0),
            _ => Self::And(plans),
        }
    }

    pub fn or(plans: Vec<Self>) -> Self {
        let mut plans: Vec<Self> = plans.into_iter().filter(|plan| !matches!(plan, Self::Nothing)).collect();
        match plans.len() {
            0 => Self::Nothing,
            1 => plans.remove(0),
            _ => Self::Or(plans),
        }
    }
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// How well the row matches.
    Score,
    Id,
    Attribute(&'static str),
    /// The id of the related row.
    Relation(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    pub key: SortKey,
    pub descending: bool,
}

/// The value that a row is sorted by; rows without one come first in ascending order.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub enum SortValue {
    Missing,
    Integer(i64),
    Number(f64),
    Text(String),
}

/// One row of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub id: i64,
    /// How well it matches, if the search is sorted by that.
    pub score: Option<f32>,
    /// One for each [`Order`].
    pub sorted_by: Vec<SortValue>,
}
