//! The list of services.

use service_kit::ServiceDef;

/// Every service of the suite.
pub const SERVICES: &[ServiceDef] = &[
    auth::SERVICE,
    download::SERVICE,
    icat::SERVICE,
    logbook::SERVICE,
    search::SERVICE,
    // The next service goes here.
];
