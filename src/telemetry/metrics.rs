//! Metrics of this process, as Prometheus reads them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
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

/// Whether a tenant was found ready to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantReady {
    /// The realm.
    pub realm: String,
    /// The organization's key in the configuration; none for the realm itself.
    pub organization: Option<String>,
    /// Was it?
    pub ready: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TenantLabels {
    realm: String,
    organization: String,
}

/// The metrics. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    reloads: Family<ReloadLabels, Counter>,
    successful: Gauge,
    in_force_since: Gauge,
    /// Filled whenever it is asked for: tenants come and go. One asks at a time.
    ready: Mutex<Family<TenantLabels, Gauge>>,
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
        let ready = Family::default();
        registry.register(
            "tenant_ready",
            "1 where the realm, or the organization of it, was found ready to be served, else 0",
            ready.clone(),
        );
        let ready = Mutex::new(ready);
        Self(Arc::new(Inner { registry, reloads, successful, in_force_since, ready }))
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

    /// All metrics in the OpenMetrics text format, with the tenants as they are; empty where they can't be written.
    pub fn text(&self, tenants: &[TenantReady]) -> String {
        let ready = self.0.ready.lock().unwrap_or_else(PoisonError::into_inner);
        ready.clear();
        for tenant in tenants {
            let organization = tenant.organization.clone().unwrap_or_default();
            let labels = TenantLabels { realm: tenant.realm.clone(), organization };
            ready.get_or_create(&labels).set(tenant.ready.into());
        }
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
        let has = |line: &str| metrics.text(&[]).lines().any(|found| found == line);
        assert!(has("scimgate_config_reloads_total{result=\"refused\"} 0"), "{}", metrics.text(&[]));
        assert!(has("scimgate_config_last_reload_successful 1"));
        metrics.reloaded(Reloaded::Refused);
        assert!(has("scimgate_config_reloads_total{result=\"refused\"} 1"));
        assert!(has("scimgate_config_last_reload_successful 0"));
        metrics.reloaded(Reloaded::Applied);
        assert!(has("scimgate_config_last_reload_successful 1"));
        assert!(has("scimgate_config_reloads_total{result=\"applied\"} 1"));
    }

    #[test]
    fn tenants_are_told_as_they_are_now() {
        let metrics = Metrics::default();
        let tenant = |organization: Option<&str>, ready| TenantReady {
            realm: "acme".into(),
            organization: organization.map(ToOwned::to_owned),
            ready,
        };
        let told = |tenants: &[TenantReady]| -> Vec<String> {
            let text = metrics.text(tenants);
            let mut told: Vec<_> = text
                .lines()
                .filter_map(|line| line.strip_prefix("scimgate_tenant_ready"))
                .map(ToOwned::to_owned)
                .collect();
            told.sort();
            told
        };
        let (realm, contoso) =
            (r#"{realm="acme",organization=""} 1"#, r#"{realm="acme",organization="contoso"} 0"#);
        assert_eq!(told(&[tenant(None, true), tenant(Some("contoso"), false)]), [realm, contoso]);
        assert_eq!(told(&[tenant(None, true)]), [realm]);
    }
}
