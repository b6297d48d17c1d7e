//! What is wrong with a parameter of a request.

use std::fmt;

/// A parameter that cannot be used; its text is sent to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidParameter(pub String);

impl fmt::Display for InvalidParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
