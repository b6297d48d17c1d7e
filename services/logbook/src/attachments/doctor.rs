//! What `doctor` says of the logbook: the reader account, and whether attachments can be stored.

use std::io;
use std::path::{Path, PathBuf};

use service_kit::Finding;
use service_kit::problem::format_error_chain;

use crate::attachments::s3::{self, BucketSettings};

/// Examines where attachments are received, and the bucket if there is one.
pub async fn examine_storage(directory: &Path, bucket: Option<&BucketSettings>) -> Vec<Finding> {
    let mut findings = vec![check_directory(directory)];
    if let Some(settings) = bucket {
        findings.push(check_bucket(settings).await);
    }
    findings
}

/// Attachments are received in a directory, also those that go to a bucket.
fn check_directory(directory: &Path) -> Finding {
    let shown = directory.display();
    let outcome = match is_writable(directory) {
        Ok(_) if directory.is_dir() => Ok(format!("can be written to {shown}")),
        Ok(parent) => Ok(format!("{shown} is created in {} at the start", parent.display())),
        Err((place, e)) => Err(format!(
            "cannot be stored: logbook.attachments_dir is {shown}, and {} cannot be written ({e}). Make it writable for \
             the user that runs this, or set another directory",
            place.display()
        )),
    };
    Finding::from_result("attachments of the logbook", outcome)
}

/// The directory, or where it would be created: the nearest one above that is there.
fn is_writable(directory: &Path) -> Result<PathBuf, (PathBuf, io::Error)> {
    use rustix::fs::{Access, access};
    let there = directory.ancestors().find(|place| place.as_os_str().is_empty() || place.exists());
    let place = match there {
        Some(place) if !place.as_os_str().is_empty() => place.to_owned(),
        _ => PathBuf::from("."),
    };
    if !place.is_dir() {
        return Err((place, io::ErrorKind::NotADirectory.into()));
    }
    match access(&place, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Ok(place),
        Err(e) => Err((place, e.into())),
    }
}

async fn check_bucket(settings: &BucketSettings) -> Finding {
    let what = format!("bucket {}", settings.bucket);
    let outcome = match s3::check_bucket(settings).await {
        Ok(()) => Ok("answers".to_owned()),
        Err(e) => Err(format!(
            "attachments of the logbook cannot be stored: {}. Look at logbook.s3_endpoint, s3_region and the access key",
            format_error_chain(&*e)
        )),
    };
    Finding::from_result(what, outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_cannot_be_written_is_named() {
        let scratch = std::env::temp_dir();
        assert!(is_writable(&scratch.join("not/there/yet")).is_ok());
        let (place, e) = is_writable(Path::new("/proc/self/status/attachments")).unwrap_err();
        assert_eq!((place.to_str(), e.kind()), (Some("/proc/self/status"), io::ErrorKind::NotADirectory));
    }
}
