//! `put`: a new file and its datafile. As a PUT with the bytes as they are, or as the form of a page.

mod form;
mod new_datafile;
mod stream;
mod upload;

pub use self::form::{__path_post, post};
pub use self::stream::{__path_put, put};
