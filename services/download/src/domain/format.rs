//! The forms in which a selection can be had.

use service_kit::Problem;

use crate::error::bad_request;

/// What `format` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Zip,
    Tar,
    TarGz,
    Metalink,
    Json,
}

impl Format {
    pub fn of(value: Option<&str>) -> Result<Option<Self>, Problem> {
        Ok(Some(match value {
            None => return Ok(None),
            Some("zip") => Self::Zip,
            Some("tar") => Self::Tar,
            Some("tar.gz") => Self::TarGz,
            Some("metalink") => Self::Metalink,
            Some("json") => Self::Json,
            Some(other) => {
                let text = format!("The format parameter '{other}' is none of zip, tar, tar.gz, metalink, json");
                return Err(bad_request(text));
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

    fn extension(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::TarGz => "tar.gz",
            Self::Metalink => "meta4",
            Self::Json => "json",
        }
    }

    /// `outname` as it is if it has the ending, else with it; without one `default` with it.
    pub fn file_name(self, outname: Option<&str>, default: &str) -> String {
        let ending = format!(".{}", self.extension());
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
    fn names_have_the_ending_of_the_format() {
        let name = |format: Format, outname| format.file_name(outname, "MX-1_1_0f3a");
        assert_eq!(name(Format::Zip, None), "MX-1_1_0f3a.zip");
        assert_eq!(name(Format::Zip, Some("a.zip")), "a.zip");
        assert_eq!(name(Format::Zip, Some("a.ZIP")), "a.ZIP.zip", "as ids.server");
        assert_eq!(name(Format::TarGz, Some("a.tar")), "a.tar.tar.gz");
        assert!(Format::of(Some("rar")).is_err() && Format::of(None).unwrap().is_none());
    }
}
