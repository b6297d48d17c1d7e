//! What errors of the file system mean for downloads.

use std::io;

/// Whether a location is invalid, because it leads out of the storage or below `data_dir`.
pub fn is_invalid_location(e: &io::Error) -> bool {
    match e.kind() {
        io::ErrorKind::InvalidInput => true,
        // An error of the operating system has a number; without one, the check of the location has failed.
        io::ErrorKind::PermissionDenied => e.raw_os_error().is_none(),
        _ => false,
    }
}

/// Whether there is no file at a location. Every other error may mean a file that cannot be read.
pub fn is_file_absent(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) || is_invalid_location(e)
}

/// Why a file is missing or cannot be read, as a text for users.
pub fn describe_failure(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "there is no such file",
        _ if is_invalid_location(e) => "it is no file of this storage",
        io::ErrorKind::PermissionDenied => "the server may not read it",
        _ => "it cannot be read now",
    }
}
