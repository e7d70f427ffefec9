//! What goes wrong on purpose: a status, a delay, a reset before or after the effect, a body cut short.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This status with this body in place of an answer; nothing is carried out.
    Status(u16, String),
    /// The request is carried out so much later, also where nobody waits for the answer any more.
    DelayBefore(Duration),
    /// The request was carried out; the answer comes so much later.
    DelayAfter(Duration),
    /// The connection is reset; nothing was carried out.
    ResetBefore,
    /// The request was carried out, then the connection is reset.
    ResetAfter,
    /// The request was carried out; half of the answer's body comes, then the connection closes.
    Truncate,
}

/// Which requests a fault meets.
#[derive(Debug, Clone)]
pub struct When {
    method: Option<Method>,
    path: String,
    skip: usize,
    times: usize,
}

impl When {
    /// The next request, whatever it is.
    #[must_use]
    pub fn next() -> Self {
        Self { method: None, path: String::new(), skip: 0, times: 1 }
    }

    /// Only with this method.
    #[must_use]
    pub fn method(self, method: Method) -> Self {
        Self { method: Some(method), ..self }
    }

    /// Only where path and query, as sent, contain this text.
    #[must_use]
    pub fn path(self, part: impl Into<String>) -> Self {
        Self { path: part.into(), ..self }
    }

    /// Not before so many of them have passed.
    #[must_use]
    pub fn after(self, passed: usize) -> Self {
        Self { skip: passed, ..self }
    }

    /// So many of them; `usize::MAX` for ever.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }
}

/// The switches. Of several faults that want the same request the oldest has it.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<(When, Fault)>>);

impl Faults {
    /// Switches a fault on.
    pub fn add(&self, when: When, fault: Fault) {
        self.rules().push((when, fault));
    }

    /// Switches all of them off.
    pub fn clear(&self) {
        self.rules().clear();
    }

    /// Whether each of them has met all the requests that it was meant for.
    #[must_use]
    pub fn are_spent(&self) -> bool {
        self.rules().iter().all(|(when, _)| when.times == 0)
    }

    /// The fault that this request meets.
    pub(super) fn meets(&self, method: &Method, path_and_query: &str) -> Option<Fault> {
        let mut rules = self.rules();
        let matching = |when: &When| {
            when.method.as_ref().is_none_or(|wanted| wanted == method) && path_and_query.contains(&when.path)
        };
        for (when, fault) in rules.iter_mut().filter(|(when, _)| when.times > 0 && matching(when)) {
            if when.skip > 0 {
                when.skip -= 1;
                continue;
            }
            when.times = if when.times == usize::MAX { usize::MAX } else { when.times - 1 };
            return Some(fault.clone());
        }
        None
    }

    fn rules(&self) -> std::sync::MutexGuard<'_, Vec<(When, Fault)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
