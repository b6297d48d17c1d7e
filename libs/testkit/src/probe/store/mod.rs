//! All SQL of the probe.

pub mod effects;
pub mod reconciles;
pub mod things;
