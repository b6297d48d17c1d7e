//! The interface of ids.server 2.1 under `/ids`; what is not listed answers 501 `NOT_IMPLEMENTED`.

pub mod get_data;
pub mod ping;
pub mod version;

use std::sync::Arc;

use service_kit::{Dialect, Listener, Mount};

use crate::state::State;

pub fn mount(state: Arc<State>) -> Mount {
    Mount::new("/ids", Listener::Public, Dialect::Ids)
        .header("access-control-allow-origin", "*")
        .header("access-control-allow-methods", "GET, POST, DELETE, PUT")
        .header("access-control-allow-headers", "Content-Type, Range, If-Range, Authorization")
        .header(
            "access-control-expose-headers",
            "Content-Length, Content-Range, Content-Disposition, ETag, Accept-Ranges, Retry-After",
        )
        .state(state)
        .get("/ping", ping::get)
        .get("/version", version::get)
        .get("/getData", get_data::get)
}
