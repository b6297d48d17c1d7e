//! Types and categories of entries.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The type of an entry: written by a person, by a program, for everybody, or a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EntryType {
    #[default]
    Annotation,
    Notification,
    Broadcast,
    Attachment,
}

/// The category of an entry; requests may use upper or lower case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    #[default]
    Comment,
    Info,
    Error,
    Debug,
    Commandline,
    File,
}

impl EntryType {
    pub const ALL: [Self; 4] = [Self::Annotation, Self::Notification, Self::Broadcast, Self::Attachment];

    /// The name in requests, answers and the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Annotation => "annotation",
            Self::Notification => "notification",
            Self::Broadcast => "broadcast",
            Self::Attachment => "attachment",
        }
    }
}

impl Category {
    pub const ALL: [Self; 6] = [Self::Comment, Self::Info, Self::Error, Self::Debug, Self::Commandline, Self::File];

    /// The name in requests, answers and the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Info => "info",
            Self::Error => "error",
            Self::Debug => "debug",
            Self::Commandline => "commandline",
            Self::File => "file",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_those_on_the_wire() {
        for kind in EntryType::ALL {
            assert_eq!(json!(kind), kind.name());
        }
        for category in Category::ALL {
            assert_eq!(json!(category), category.name());
        }
    }
}
