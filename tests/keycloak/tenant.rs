//! Whose users a trial's gateway serves: a realm's, or those of an organization in it.

/// What the callers of a trial call for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tenant {
    Realm,
    Organization,
}

tokio::task_local! {
    static TENANT: Tenant;
}

/// Runs a test for this tenant.
pub async fn of<T>(tenant: Tenant, test: impl Future<Output = T>) -> T {
    TENANT.scope(tenant, test).await
}

/// The tenant of the trial that asks; the realm where nothing was said. A spawned task does not know it.
pub fn current() -> Tenant {
    TENANT.try_get().unwrap_or(Tenant::Realm)
}
