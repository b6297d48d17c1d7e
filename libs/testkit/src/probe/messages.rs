//! The event that the probe publishes. A service has its messages in `proto/`.

use ::events::Event;

/// A thing was created or changed.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct ThingChanged {
    #[prost(int64, tag = "1")]
    pub id: i64,
    /// Rises with every change of the thing.
    #[prost(int64, tag = "2")]
    pub revision: i64,
}

impl Event for ThingChanged {
    const SUBJECT: &'static str = "undulator.v1.probe.thing.changed";
}
