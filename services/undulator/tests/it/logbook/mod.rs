//! The logbook from outside, over the embedded catalogue, on every engine at hand.

mod bodies;
mod careless;
mod closed;
mod exports;
pub mod facility;
mod history;
mod institute;
mod live;
mod notifications;
mod operations;
mod permissions;
mod placing;
mod programs;
mod requests;
mod search;
mod tickets;
