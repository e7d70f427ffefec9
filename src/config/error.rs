//! What is wrong with a configuration: every problem with its file, line, key and what was expected.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::files::Contents;

/// All that is wrong with one configuration file, in the order of its lines.
///
/// Its `Display` is one line for each problem, as an administrator reads it at start.
#[derive(Debug)]
pub struct ConfigErrors {
    file: PathBuf,
    problems: Vec<Problem>,
    files: Contents,
}

impl ConfigErrors {
    pub(super) fn new(file: &Path, mut problems: Vec<Problem>) -> Self {
        // Problems without a line stand first: they are about the file as a whole.
        problems.sort_by_key(Problem::line);
        // What comes from [defaults] is checked once for each realm, but is one problem.
        let mut seen = Vec::new();
        problems.retain(|problem| {
            let text = problem.to_string();
            let new = !seen.contains(&text);
            seen.push(text);
            new
        });
        Self { file: file.to_owned(), problems, files: Contents::default() }
    }

    /// The same, with what was read.
    pub(super) fn after(self, files: Contents) -> Self {
        Self { files, ..self }
    }

    /// What was read, or could not be: the file itself, and those that it names.
    pub fn files(&self) -> &Contents {
        &self.files
    }

    /// The file that was read.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Every problem, in the order of the file's lines; never empty.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let file = self.file.display();
            match problem.line() {
                Some(line) => write!(f, "{file}:{line}: {problem}")?,
                None if matches!(problem, Problem::Variable { .. }) => write!(f, "{problem}")?,
                None => write!(f, "{file}: {problem}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// One thing that is wrong with a configuration file. No message holds a secret's value.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The file itself can't be read.
    #[error("cannot read this file: {source}")]
    Unreadable {
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("this is not valid TOML: {message}")]
    Syntax {
        /// Line in the file, from 1.
        line: usize,
        /// What the parser expected.
        message: String,
    },
    /// An environment variable that should override a key has a value that can't be used, or overrides none.
    #[error("the environment variable {name}: {message}")]
    Variable {
        /// The variable.
        name: String,
        /// What was expected, what was found, what to do.
        message: String,
    },
    /// A key is unknown, missing or has a value that can't be used.
    #[error("{key}: {message}")]
    Key {
        /// Line in the file, from 1; of the surrounding table where the key is missing.
        line: Option<usize>,
        /// The key with its tables, as in `realms.acme.issuer`.
        key: String,
        /// What was expected, what was found, what to do.
        message: String,
    },
}

impl Problem {
    /// Line in the file, from 1, where the problem has one.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Unreadable { .. } | Self::Variable { .. } => None,
            Self::Syntax { line, .. } => Some(*line),
            Self::Key { line, .. } => *line,
        }
    }

    /// The key that the problem is about, as in `realms.acme.issuer`, where it is about one.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Key { key, .. } => Some(key),
            Self::Unreadable { .. } | Self::Syntax { .. } | Self::Variable { .. } => None,
        }
    }
}
