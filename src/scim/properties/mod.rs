//! Laws of the protocol core, held on random input.

mod bodies;
mod expression;
mod filters;
mod naive;
pub(crate) mod people;
