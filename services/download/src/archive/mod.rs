//! Archives of several files.

mod layout;
mod stream;

pub use self::layout::{Member, total};
pub use self::stream::stream;
