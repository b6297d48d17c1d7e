//! The mounts and the route table, nothing else.

pub mod lucene;

use std::sync::Arc;

use service_kit::{Listener, Mount};

use crate::error_format::LUCENE_ERRORS;
use crate::state::State;

pub fn build_mounts(state: &Arc<State>) -> Vec<Mount> {
    vec![
        Mount::new("/icat.lucene", Listener::Internal, LUCENE_ERRORS)
            .state(Arc::clone(state))
            .get("/version", lucene::version::get_version),
    ]
}
