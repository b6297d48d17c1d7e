//! The `OpenAPI` document: the operations stand at their handlers, what services share stands in the service kit.

use service_kit::openapi::{BEARER, Failure};
use utoipa::OpenApi;

use super::routes::{effects, things};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Undulator: probe",
        description = "The worked example of a service.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    tags(
        (name = "things", description = "Things"),
        (name = "effects", description = "What events of others did"),
    ),
    paths(things::create::create_thing, things::get::get_thing, effects::list::list_effects),
    components(schemas(Failure)),
    modifiers(&BEARER),
)]
pub struct Document;
