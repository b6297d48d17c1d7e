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
            .get("/version", lucene::version::get_version)
            .post("/modify", lucene::modify::modify_documents)
            .without_timeout()
            .post("/addNow/{entity}", lucene::add_now::add_documents)
            .without_timeout()
            .post("/lock/{entity}", lucene::lock::lock_entity)
            .without_timeout()
            .post("/unlock/{entity}", lucene::unlock::unlock_entity)
            .without_timeout()
            .post("/commit", lucene::commit::commit_changes)
            .without_timeout()
            .post("/clear", lucene::clear::clear_index)
            .without_timeout()
            .post("/datafile", lucene::search::search_datafiles)
            .post("/dataset", lucene::search::search_datasets)
            .post("/investigation", lucene::search::search_investigations)
            .post("/{entity}/facet", lucene::facet::count_facets),
    ]
}
