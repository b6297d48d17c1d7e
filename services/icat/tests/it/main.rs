//! The catalogue from outside its modules, on every engine at hand.

mod evaluator;
mod property;
mod statements;
