//! The logbook from outside, over the embedded catalogue, on every engine at hand.

mod exports;
mod facility;
mod history;
mod live;
mod operations;
mod permissions;
mod programs;
mod search;
