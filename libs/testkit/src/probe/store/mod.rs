//! All SQL of the probe.

pub mod effects;
pub mod reconciliations;
pub mod things;
