//! Laws of the protocol core, held on random input.

mod bodies;
mod expression;
mod filters;
mod naive;
mod operations;
mod oracle;
mod patches;
pub(crate) mod people;
mod projections;
