//! How many requests there may be: of one caller, and of all together.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use ipnet::IpNet;

use crate::config::{CallerName, RateLimit, Realm, Server};

/// Too many requests; how many whole seconds there should be until the next one, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany(pub u64);

/// Counts requests against a rate.
#[derive(Debug)]
struct Limiter {
    rate: RateLimit,
    counter: DefaultDirectRateLimiter,
    clock: DefaultClock,
}

impl Limiter {
    fn new(rate: RateLimit) -> Arc<Self> {
        // A quota without a period is none; the shortest that there can be is 1 s by 1,000,000 requests.
        let quota = Quota::with_period(rate.per / rate.requests.get())
            .unwrap_or_else(|| Quota::per_second(rate.requests))
            .allow_burst(rate.requests);
        let clock = DefaultClock::default();
        Arc::new(Self { rate, counter: RateLimiter::direct_with_clock(quota, clock.clone()), clock })
    }

    fn check(&self) -> Result<(), TooMany> {
        self.counter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            // Rounded up: a client that comes a moment too early is refused again.
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
            TooMany(seconds.max(1))
        })
    }
}

/// In how many counts the clients of token requests are sorted.
const CLIENT_COUNTS: usize = 4096;

/// Counts the token requests of each client against a rate. Nobody is known to have sent them, so that whoever names a
/// client may use up its rate, but not that of all others. So that made-up ids take no memory, ids share a fixed number
/// of counts; which ones do, nobody can foresee.
#[derive(Debug)]
struct ClientLimiter {
    counts: Vec<Arc<Limiter>>,
    hasher: RandomState,
}

impl ClientLimiter {
    fn new(rate: RateLimit) -> Arc<Self> {
        let counts = std::iter::repeat_with(|| Limiter::new(rate)).take(CLIENT_COUNTS).collect();
        Arc::new(Self { counts, hasher: RandomState::new() })
    }

    fn check(&self, realm: &str, client: &str) -> Result<(), TooMany> {
        let hash = self.hasher.hash_one((realm, client)) % CLIENT_COUNTS as u64;
        let count = usize::try_from(hash).ok().and_then(|index| self.counts.get(index));
        count.map_or(Ok(()), |limiter| limiter.check())
    }
}

/// The limits of a tenant's callers.
#[derive(Debug, Default)]
pub struct CallerLimits(BTreeMap<CallerName, Arc<Limiter>>);

impl CallerLimits {
    /// As configured, with nothing counted yet.
    pub fn of(tenant: &Realm) -> Self {
        Self::default().for_next(tenant)
    }

    /// The limits of the same tenant after a reload: what was counted still counts where the rate is the same.
    #[must_use]
    pub fn for_next(&self, tenant: &Realm) -> Self {
        let limiter = |name: &CallerName, rate: RateLimit| {
            let known = self.0.get(name).filter(|known| known.rate == rate);
            known.map_or_else(|| Limiter::new(rate), Arc::clone)
        };
        let limited = tenant.callers.iter().filter_map(|(name, caller)| Some((name, caller.rate_limit?)));
        Self(limited.map(|(name, rate)| (name.clone(), limiter(name, rate))).collect())
    }

    /// Counts a request of this caller.
    ///
    /// # Errors
    /// [`TooMany`], and then it doesn't count.
    pub fn check(&self, caller: &CallerName) -> Result<(), TooMany> {
        self.0.get(caller).map_or(Ok(()), |limiter| limiter.check())
    }
}

/// What holds for all callers of all tenants.
#[derive(Debug)]
pub struct InstanceLimits {
    limiter: ArcSwapOption<Limiter>,
    /// Token requests have counts of their own.
    token_limiter: ArcSwapOption<ClientLimiter>,
    trusted_proxies: ArcSwap<Vec<IpNet>>,
}

impl InstanceLimits {
    /// As configured, with nothing counted yet.
    pub fn of(server: &Server) -> Self {
        Self {
            limiter: ArcSwapOption::new(server.rate_limit.map(Limiter::new)),
            token_limiter: ArcSwapOption::new(server.rate_limit.map(ClientLimiter::new)),
            trusted_proxies: ArcSwap::from_pointee(server.trusted_proxies.clone()),
        }
    }

    /// Goes on as configured now; what was counted still counts where the rate is the same.
    pub fn reload(&self, server: &Server) {
        self.trusted_proxies.store(Arc::new(server.trusted_proxies.clone()));
        if self.limiter.load().as_ref().map(|limiter| limiter.rate) != server.rate_limit {
            self.limiter.store(server.rate_limit.map(Limiter::new));
            self.token_limiter.store(server.rate_limit.map(ClientLimiter::new));
        }
    }

    /// Counts a token request for this client of the realm.
    ///
    /// # Errors
    /// [`TooMany`], and then it doesn't count.
    pub fn check_token(&self, realm: &str, client: &str) -> Result<(), TooMany> {
        self.token_limiter.load().as_ref().map_or(Ok(()), |limiter| limiter.check(realm, client))
    }

    /// Counts a request of a known caller.
    ///
    /// # Errors
    /// [`TooMany`], and then it doesn't count.
    pub fn check(&self) -> Result<(), TooMany> {
        self.limiter.load().as_ref().map_or(Ok(()), |limiter| limiter.check())
    }

    /// The proxies whose word is taken for where a request comes from.
    pub fn trusted_proxies(&self) -> Arc<Vec<IpNet>> {
        self.trusted_proxies.load_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_the_rate_says_may_come_at_once_and_no_more() {
        let limiter = Limiter::new("3/h".parse().unwrap());
        for _ in 0..3 {
            assert_eq!(limiter.check(), Ok(()));
        }
        // One comes back every twenty minutes.
        let TooMany(seconds) = limiter.check().unwrap_err();
        assert!((1195..=1200).contains(&seconds), "{seconds}");
        // Whoever is refused does not move the time.
        let TooMany(again) = limiter.check().unwrap_err();
        assert!(again <= seconds);
    }

    #[test]
    fn the_wait_is_a_whole_second_at_least() {
        let limiter = Limiter::new("1000/s".parse().unwrap());
        let refused = (0..100_000).find_map(|_| limiter.check().err());
        assert_eq!(refused, Some(TooMany(1)));
    }

    #[test]
    fn token_requests_count_for_their_client_and_realm_alone() {
        let limiter = ClientLimiter::new("2/h".parse().unwrap());
        for _ in 0..2 {
            assert_eq!(limiter.check("acme", "okta"), Ok(()));
        }
        assert!(limiter.check("acme", "okta").is_err());
        // Of many others hardly any shares its count.
        let others = (0..40).map(|number| format!("client-{number}"));
        let free = others.filter(|client| limiter.check("acme", client).is_ok()).count();
        assert!(free >= 37, "{free}");
        let realms = (0..40).map(|number| format!("realm-{number}"));
        let free = realms.filter(|realm| limiter.check(realm, "okta").is_ok()).count();
        assert!(free >= 37, "{free}");
    }

    #[test]
    fn the_highest_rate_is_one() {
        assert_eq!(Limiter::new("1000000/s".parse().unwrap()).check(), Ok(()));
    }
}
