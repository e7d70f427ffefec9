//! Where secrets come from besides files: the process environment, or a test's own.

use std::collections::BTreeMap;
use std::env::VarError;

/// The environment variables that a configuration may name.
pub trait Environment {
    /// The value of the variable `name`.
    ///
    /// # Errors
    /// `NotPresent` if it is not set, `NotUnicode` if its value is not text.
    fn var(&self, name: &str) -> Result<String, VarError>;
}

/// The environment of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Result<String, VarError> {
        std::env::var(name)
    }
}

/// An environment that holds just these variables.
impl Environment for BTreeMap<String, String> {
    fn var(&self, name: &str) -> Result<String, VarError> {
        self.get(name).cloned().ok_or(VarError::NotPresent)
    }
}
