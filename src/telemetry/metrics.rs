//! Metrics of this process, as Prometheus reads them.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What became of a new configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reloaded {
    /// It is in force.
    Applied,
    /// It is refused, and the old one stays.
    Refused,
}

impl Reloaded {
    fn labels(self) -> ReloadLabels {
        let result = match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
        };
        ReloadLabels { result }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReloadLabels {
    result: &'static str,
}

/// The metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    reloads: Family<ReloadLabels, Counter>,
    successful: Gauge,
    in_force_since: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("scimgate");
        let reloads = Family::default();
        for result in [Reloaded::Applied, Reloaded::Refused] {
            // Told from the start, so that the first increase is seen.
            let _at_zero = reloads.get_or_create(&result.labels());
        }
        registry.register("config_reloads", "New configurations, by what became of them", reloads.clone());
        let successful = Gauge::default();
        successful.set(1);
        registry.register(
            "config_last_reload_successful",
            "1 where the newest configuration is in force, 0 where it was refused and an older one is",
            successful.clone(),
        );
        let in_force_since = Gauge::default();
        in_force_since.set(now());
        registry.register(
            "config_in_force_since_timestamp_seconds",
            "When the configuration in force was read, in seconds since 1970",
            in_force_since.clone(),
        );
        Self(Arc::new(Inner { registry, reloads, successful, in_force_since }))
    }
}

impl Metrics {
    /// Notes what became of a new configuration.
    pub fn reloaded(&self, result: Reloaded) {
        self.0.reloads.get_or_create(&result.labels()).inc();
        match result {
            Reloaded::Applied => {
                self.0.successful.set(1);
                self.0.in_force_since.set(now());
            }
            Reloaded::Refused => {
                self.0.successful.set(0);
            }
        }
    }

    /// All metrics in the OpenMetrics text format; empty where they can't be written.
    pub fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.0.registry) {
            Ok(()) => text,
            Err(_) => String::new(),
        }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_configuration_shows_until_one_is_taken() {
        let metrics = Metrics::default();
        let has = |line: &str| metrics.text().lines().any(|found| found == line);
        assert!(has("scimgate_config_reloads_total{result=\"refused\"} 0"), "{}", metrics.text());
        assert!(has("scimgate_config_last_reload_successful 1"));
        metrics.reloaded(Reloaded::Refused);
        assert!(has("scimgate_config_reloads_total{result=\"refused\"} 1"));
        assert!(has("scimgate_config_last_reload_successful 0"));
        metrics.reloaded(Reloaded::Applied);
        assert!(has("scimgate_config_last_reload_successful 1"));
        assert!(has("scimgate_config_reloads_total{result=\"applied\"} 1"));
    }
}
