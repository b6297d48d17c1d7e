//! The formats in which a selection can be downloaded: archives, and lists of files.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::invalid_parameter::InvalidParameter;

/// The value of the parameter `format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    Zip,
    Tar,
    TarGz,
    /// A list of the files with signed URLs (RFC 5854).
    Metalink,
    /// A list of the files with signed URLs and their offsets in the archives.
    Json,
}

impl ArchiveFormat {
    const ALL: [Self; 5] = [Self::Zip, Self::Tar, Self::TarGz, Self::Metalink, Self::Json];

    /// The value of the parameter, the media type and the extension of file names.
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Zip => ("zip", "application/zip", "zip"),
            Self::Tar => ("tar", "application/x-tar", "tar"),
            Self::TarGz => ("tar.gz", "application/gzip", "tar.gz"),
            Self::Metalink => ("metalink", "application/metalink4+xml", "meta4"),
            Self::Json => ("json", "application/json", "json"),
        }
    }

    fn parameter_value(self) -> &'static str {
        self.names().0
    }

    pub fn media_type(self) -> &'static str {
        self.names().1
    }

    pub fn parse_optional(value: Option<&str>) -> Result<Option<Self>, InvalidParameter> {
        let Some(value) = value else { return Ok(None) };
        match Self::ALL.into_iter().find(|format| format.parameter_value() == value) {
            Some(format) => Ok(Some(format)),
            None => {
                let known = Self::ALL.map(Self::parameter_value).join(", ");
                Err(InvalidParameter(format!("The format parameter '{value}' is none of {known}")))
            }
        }
    }

    /// The name of a download: `outname` or `default`, with the extension of the format.
    pub fn file_name(self, outname: Option<&str>, default: &str) -> String {
        let ending = format!(".{}", self.names().2);
        match outname {
            Some(name) if name.ends_with(&ending) => name.to_owned(),
            Some(name) => format!("{name}{ending}"),
            None => format!("{default}{ending}"),
        }
    }
}

impl PartialSchema for ArchiveFormat {
    fn schema() -> RefOr<Schema> {
        let values = Self::ALL.map(Self::parameter_value);
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(values)).into()
    }
}

impl ToSchema for ArchiveFormat {
    fn name() -> Cow<'static, str> {
        "ArchiveFormat".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_extension_of_the_format() {
        let name = |format: ArchiveFormat, outname| format.file_name(outname, "MX-1_1_0f3a");
        assert_eq!(name(ArchiveFormat::Zip, None), "MX-1_1_0f3a.zip");
        assert_eq!(name(ArchiveFormat::Zip, Some("a.zip")), "a.zip");
        assert_eq!(name(ArchiveFormat::Zip, Some("a.ZIP")), "a.ZIP.zip", "as ids.server");
        assert_eq!(name(ArchiveFormat::TarGz, Some("a.tar")), "a.tar.tar.gz");
    }

    #[test]
    fn formats_are_known_by_their_values() {
        for format in ArchiveFormat::ALL {
            assert_eq!(ArchiveFormat::parse_optional(Some(format.parameter_value())).unwrap(), Some(format));
        }
        assert_eq!(ArchiveFormat::parse_optional(None).unwrap(), None);
        let refused = ArchiveFormat::parse_optional(Some("rar")).unwrap_err();
        assert_eq!(refused.0, "The format parameter 'rar' is none of zip, tar, tar.gz, metalink, json");
    }
}
