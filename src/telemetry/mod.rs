//! What the process tells of itself: the log's format and what may stand in it, and metrics.

mod mask;
mod metrics;

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::config::{Log, LogFormat};

pub use mask::Mask;
pub use metrics::{Metrics, Reloaded, TenantReady};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The directives can't be read. A checked configuration has none such.
    #[error("log.level is not understood: {0}")]
    Level(#[from] ParseError),
    /// This process logs already.
    #[error("the log was set up before: {0}")]
    Repeated(#[from] TryInitError),
}

/// Starts the log of this process, on standard error, so that standard output stays for answers;
/// with colours only where a person looks on.
///
/// # Errors
/// If the level can't be read, or the process logs already.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    let colours = io::stderr().is_terminal();
    subscriber(log, io::stderr, colours)?.try_init()?;
    Ok(())
}

fn subscriber<W>(log: &Log, writer: W, colours: bool) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::builder().parse(&log.level)?)
        .with_writer(writer)
        .with_ansi(colours);
    Ok(match log.format {
        LogFormat::Text => Box::new(builder.finish()),
        // Fields stand at the top, where log collectors look for them without being told how.
        LogFormat::Json => Box::new(builder.json().flatten_event(true).finish()),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, level: &str) -> String {
        let log = Log { format, level: level.to_owned(), mask_personal_data: true };
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(&log, move || writer.clone(), false).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            let request = tracing::info_span!("request", realm = "acme");
            let _entered = request.enter();
            tracing::info!(status = 201, "answered\nfalse line");
            tracing::debug!("detail");
        });
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_is_one_object_a_line_with_its_fields_at_the_top() {
        let text = logged(LogFormat::Json, "info");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["status"], 201);
        assert_eq!(lines[0]["message"], "answered\nfalse line");
        assert_eq!(lines[0]["span"]["realm"], "acme");
    }

    #[test]
    fn text_is_plain_where_no_terminal_is() {
        let text = logged(LogFormat::Text, "info,scimgate=debug");
        assert!(text.contains("request{realm=\"acme\"}"), "{text}");
        assert!(text.contains("detail"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_level_that_is_not_understood_is_an_error() {
        let log =
            Log { format: LogFormat::Text, level: "scimgate=loud".to_owned(), mask_personal_data: true };
        assert!(matches!(init(&log), Err(TelemetryError::Level(_))));
    }
}
