//! The mounts and the route table, nothing else.

pub mod icat;
pub mod lucene;
pub mod v1;

use std::sync::Arc;

use icat_client::ICAT_ERRORS;
use service_kit::{CredentialLocation, ErrorFormat, Listener, Mount};

use crate::error_format::LUCENE_ERRORS;
use crate::state::State;

/// Where portals of an icat.server put the session: in the query, or in a form.
const ICAT_CREDENTIALS: &[CredentialLocation] =
    &[CredentialLocation::Query("sessionId"), CredentialLocation::Parameter("sessionId")];

pub fn build_mounts(state: &Arc<State>) -> Vec<Mount> {
    let icat_mount = |prefix: &'static str| {
        let mount = Mount::new(prefix, Listener::Public, ICAT_ERRORS).cors_for_everybody().state(Arc::clone(state));
        state.identity.accept_credentials(mount, ICAT_CREDENTIALS)
    };
    vec![
        icat_mount("/icat/search").get("/documents", icat::search_documents::search_documents),
        icat_mount("/icat/facet").get("/documents", icat::facet_documents::count_facets),
        icat_mount("/icat/lucene")
            .get("/data", icat::lucene::search_ids::search_ids)
            .get("/db", icat::lucene::list_populations::list_populations)
            .post("/db", icat::lucene::commit::commit_index)
            .delete("/db", icat::lucene::stop_populations::stop_populations)
            .post("/db/{entity}", icat::lucene::populate::request_population)
            .post("/db/{entity}/{minid}", icat::lucene::populate_from::request_population_from),
        state
            .identity
            .accept_credentials(
                Mount::new("/search/v1", Listener::Public, ErrorFormat::PROBLEM_DETAILS)
                    .cors()
                    .state(Arc::clone(state)),
                &[],
            )
            .post("/datafiles", v1::search::search_datafiles)
            .post("/datasets", v1::search::search_datasets)
            .post("/investigations", v1::search::search_investigations)
            .get("/directories", v1::directories::list_directories)
            .get("/index", v1::index::read_index_status)
            .get("/values", v1::values::list_values),
        Mount::new("/icat.lucene", Listener::Internal, LUCENE_ERRORS)
            .accept_trailing_slash()
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
