//! `put`: stores a new file and its datafile, sent as the body of a PUT or with the form of a page.

mod datafile_parameters;
mod form;
mod stream;

pub use self::form::{__path_put_form, put_form};
pub use self::stream::{__path_put_data, put_data};
