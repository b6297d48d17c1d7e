//! The `OpenAPI` document. Each operation is described at its handler.

use service_kit::openapi::{Bearer, Failure};
use utoipa::OpenApi;

use crate::routes::icat::failure::IcatFailure;
use crate::routes::{icat, v1};

/// `services/search/openapi.json`
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: search",
        description = "Search in the catalogue by words, paths and parameters. Whoever searches finds, counts and sees only what \
            the catalogue lets them read.\n\nThe paths below `/icat` are those of icat.server 6.2, with its errors. Every path \
            answers OPTIONS with `Allow`, and every GET also as HEAD; other methods are answered 405 with `Allow`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "search", description = "Search, count and browse"),
        (name = "icat", description = "The searches of icat.server"),
    ),
    paths(
        v1::search::search_datafiles,
        v1::search::search_datasets,
        v1::search::search_investigations,
        v1::directories::list_directories,
        v1::index::read_index_status,
        v1::values::list_values,
        icat::search_documents::search_documents,
        icat::facet_documents::count_facets,
        icat::lucene::search_ids::search_ids,
        icat::lucene::list_populations::list_populations,
        icat::lucene::commit::commit_index,
        icat::lucene::stop_populations::stop_populations,
        icat::lucene::populate::request_population,
        icat::lucene::populate_from::request_population_from,
    ),
    components(schemas(Failure, IcatFailure)),
    modifiers(&BEARER),
)]
pub struct Document;

const BEARER: Bearer =
    Bearer("A session id or an access token; for `/search/v1` also an API key with the scope `read`");
