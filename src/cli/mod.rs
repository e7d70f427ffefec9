//! The commands: `serve` and `setup`.
