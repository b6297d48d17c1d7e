//! The formats of exports.

use crate::error::Error;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Text,
    Csv {
        /// Some spreadsheets assume another encoding without it.
        has_byte_order_mark: bool,
    },
    JsonLines,
    /// A ZIP with RO-Crate metadata, which other electronic laboratory notebooks can read.
    Eln,
    /// One file, or a ZIP of several files.
    Pdf,
}

impl Format {
    pub const ALL: [Self; 5] =
        [Self::Pdf, Self::Eln, Self::Csv { has_byte_order_mark: false }, Self::Text, Self::JsonLines];

    /// `None` for JSON, which is not a file.
    pub fn parse(text: Option<&str>) -> Result<Option<Self>, Error> {
        match text.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "json" => Ok(None),
            "text" => Ok(Some(Self::Text)),
            name => match Self::ALL.into_iter().find(|format| format.name() == name) {
                Some(format) => Ok(Some(format)),
                None => Err(Error::invalid(format!("format must be json, pdf, eln, csv, txt or jsonl, not {name}"))),
            },
        }
    }

    /// The same with a byte order mark, if the format has one.
    pub fn with_byte_order_mark(self, has_byte_order_mark: bool) -> Self {
        if matches!(self, Self::Csv { .. }) { Self::Csv { has_byte_order_mark } } else { self }
    }

    /// The name, which is also the extension of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Csv { .. } => "csv",
            Self::JsonLines => "jsonl",
            Self::Eln => "eln",
            Self::Pdf => "pdf",
        }
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv { .. } => "text/csv; charset=utf-8",
            Self::Text => "text/plain; charset=utf-8",
            Self::JsonLines => "application/jsonl",
            Self::Eln => "application/vnd.eln+zip",
            Self::Pdf => "application/pdf",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_names() {
        assert!(Format::parse(Some("docx")).is_err());
        assert_eq!(Format::parse(Some(" JSON")).unwrap(), None);
        for format in Format::ALL {
            assert_eq!(Format::parse(Some(format.name())).unwrap(), Some(format));
        }
    }
}
