//! `/probe/effects`: what events had as effects here.

pub mod list;
