//! The formats in which a selection can be downloaded.

use super::invalid_parameter::InvalidParameter;

/// The value of the parameter `format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestedFormat {
    Zip,
    Tar,
    TarGz,
    Metalink,
    Json,
}

impl RequestedFormat {
    pub fn parse_optional(value: Option<&str>) -> Result<Option<Self>, InvalidParameter> {
        Ok(Some(match value {
            None => return Ok(None),
            Some("zip") => Self::Zip,
            Some("tar") => Self::Tar,
            Some("tar.gz") => Self::TarGz,
            Some("metalink") => Self::Metalink,
            Some("json") => Self::Json,
            Some(other) => {
                let text = format!("The format parameter '{other}' is none of zip, tar, tar.gz, metalink, json");
                return Err(InvalidParameter(text));
            }
        }))
    }

    pub fn media_type(self) -> &'static str {
        match self {
            Self::Zip => "application/zip",
            Self::Tar => "application/x-tar",
            Self::TarGz => "application/gzip",
            Self::Metalink => "application/metalink4+xml",
            Self::Json => "application/json",
        }
    }

    fn file_extension(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::Metalink => "meta4",
            Self::Json => "json",
        }
    }

    /// The name of a download: `outname` or `default`, with the extension of the format.
    pub fn file_name(self, outname: Option<&str>, default: &str) -> String {
        let ending = format!(".{}", self.file_extension());
        match outname {
            Some(name) if name.ends_with(&ending) => name.to_owned(),
            Some(name) => format!("{name}{ending}"),
            None => format!("{default}{ending}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_extension_of_the_format() {
        let name = |format: RequestedFormat, outname| format.file_name(outname, "MX-1_1_0f3a");
        assert_eq!(name(RequestedFormat::Zip, None), "MX-1_1_0f3a.zip");
        assert_eq!(name(RequestedFormat::Zip, Some("a.zip")), "a.zip");
        assert_eq!(name(RequestedFormat::Zip, Some("a.ZIP")), "a.ZIP.zip", "as ids.server");
        assert_eq!(name(RequestedFormat::TarGz, Some("a.tar")), "a.tar.tar.gz");
        assert!(
            RequestedFormat::parse_optional(Some("rar")).is_err()
                && RequestedFormat::parse_optional(None).unwrap().is_none()
        );
    }
}
