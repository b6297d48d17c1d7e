//! How a test says who it is: by the API key of a program, for which no login and no catalogue is needed.

/// An API key; known to services whose settings have [`key_of`], and sent with `bearer_auth(KEY)`.
pub const KEY: &str = "abc";

/// Settings in which [`KEY`] is the key of an ICAT user such as `db/alice`, for at least one scope. Stands after the
/// settings without a section.
pub fn key_of(user: &str, scopes: &[&str]) -> String {
    // `printf %s abc | sha256sum`
    format!(
        "[[identity.api_keys]]\nname = \"test\"\nuser = \"{user}\"\nscopes = {scopes:?}\n\
         sha256 = \"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"\n\
         expires = \"2100-01-01T00:00:00Z\"\n"
    )
}
