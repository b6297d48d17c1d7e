//! Secrets of identity providers, which stand in files of their own.

use std::path::Path;

use service_kit::Secret;

/// The content of a file without its line end. An empty file is a mistake: without a secret, auth would be somebody else at the
/// provider. `setting` is the name of the setting, for the error.
pub fn read_secret_file(setting: &str, file: &Path) -> Result<Secret, String> {
    let refused = |text: &str| format!("{setting} {}: {text}", file.display());
    let text = std::fs::read_to_string(file).map_err(|e| refused(&e.to_string()))?;
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(refused("the file is empty")),
        secret => Ok(Secret::new(secret)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_content_of_a_file_that_is_not_empty() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = read_secret_file("client_secret_file", file.path()).unwrap_err();
        assert!(refused.contains("client_secret_file") && refused.ends_with("the file is empty"), "{refused}");
        std::fs::write(file.path(), " s\n").unwrap();
        assert_eq!(read_secret_file("client_secret_file", file.path()).unwrap().expose(), " s");
    }
}
