//! `/probe/effects`: the effects that events had here.

pub mod list;
