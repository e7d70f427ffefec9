//! The figures, and the table that they make.

use std::time::{Duration, Instant};

/// The operations of a user's life, in their order.
pub const OPERATIONS: &[&str] =
    &["lookup, nobody", "create", "get", "lookup, found", "update", "deactivate", "reactivate", "delete"];

/// What one way's operations took, or why it can't do one.
#[derive(Debug, Default)]
pub struct Times {
    taken: Vec<(&'static str, Duration)>,
    refused: Vec<(&'static str, String)>,
}

impl Times {
    /// Does an operation, and keeps how long it took or why it failed; then lets all others breathe.
    pub async fn take<T>(
        &mut self,
        operation: &'static str,
        doing: impl Future<Output = Result<T, String>>,
    ) -> Option<T> {
        let began = Instant::now();
        let done = doing.await;
        let took = began.elapsed();
        tokio::time::sleep(crate::PAUSE).await;
        match done {
            Ok(done) => {
                self.taken.push((operation, took));
                Some(done)
            }
            Err(reason) => {
                self.refused.push((operation, reason));
                None
            }
        }
    }

    /// Notes that the operation was not done, whatever was answered.
    pub fn fail(&mut self, operation: &'static str, reason: &str) {
        self.refused.push((operation, reason.to_owned()));
    }

    /// p50 and p99 in milliseconds, if the operation was always done; else why not.
    fn quantiles(&self, operation: &str) -> Result<(f64, f64), String> {
        if let Some((_, reason)) = self.refused.iter().find(|(name, _)| *name == operation) {
            return Err(reason.clone());
        }
        let mut times: Vec<Duration> =
            self.taken.iter().filter(|(name, _)| *name == operation).map(|(_, time)| *time).collect();
        times.sort();
        let at = |share: f64| {
            let index = ((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1));
            times.get(index).map(|time| time.as_secs_f64() * 1000.0).ok_or_else(|| "not tried".to_owned())
        };
        Ok((at(0.5)?, at(0.99)?))
    }
}

/// One line for each operation: gateway, preview, bare Admin REST, and the ratios of the medians.
pub fn markdown(operations: &[&str], [gateway, preview, bare]: &[Times; 3]) -> String {
    let mut lines = vec![
        "| operation | gateway p50 / p99 | SCIM preview p50 / p99 | Admin REST p50 / p99 | gateway ÷ Admin REST | gateway ÷ preview |"
            .to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for operation in operations {
        let found = [gateway, preview, bare].map(|times| times.quantiles(operation));
        let shown = found.each_ref().map(|found| match found {
            Ok((p50, p99)) => format!("{p50:.2} / {p99:.2}"),
            Err(reason) => reason.replace('|', "/"),
        });
        let ratio = |to: &Result<(f64, f64), String>| match (&found[0], to) {
            (Ok((one, _)), Ok((other, _))) => format!("{:.2}", one / other),
            _ => "–".to_owned(),
        };
        lines.push(format!(
            "| {operation} | {} | {} | {} | {} | {} |",
            shown[0],
            shown[1],
            shown[2],
            ratio(&found[2]),
            ratio(&found[1])
        ));
    }
    lines.push(String::new());
    lines.join("\n")
}
