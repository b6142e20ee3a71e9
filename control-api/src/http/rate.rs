//! How many requests one source, and one actor, may send (GCRA, the `governor` library). A source is counted before anything is
//! known of the request, an actor once it is known who asks; both are told in `RateLimit` and `RateLimit-Policy`
//! (draft-ietf-httpapi-ratelimit-headers) how much is left. Counts of one process, in memory alone.

use std::{
    fmt,
    hash::Hash,
    net::IpAddr,
    num::{NonZeroU32, NonZeroUsize},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, MonotonicClock},
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed},
};
use lru::LruCache;
use uuid::Uuid;

use super::error::ApiError;

/// Sources, and actors, that are counted at the same time.
const COUNTED_MAX: usize = 65_536;

pub(super) const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub(super) const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// So many requests at once, and so many a minute for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// For good.
    pub per_minute: NonZeroU32,
    /// At once, by whoever has been quiet.
    pub burst: NonZeroU32,
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, StateInformationMiddleware>;

/// A bucket for each of those who were heard last; when there are too many, whoever was quiet for longest is forgotten and
/// begins anew.
pub struct Counted<K: Hash + Eq> {
    /// What is counted, for the headers.
    name: &'static str,
    allowance: Allowance,
    clock: MonotonicClock,
    buckets: Mutex<LruCache<K, Bucket>>,
}

impl<K: Hash + Eq> fmt::Debug for Counted<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counted").field("name", &self.name).field("allowance", &self.allowance).finish()
    }
}

impl<K: Hash + Eq> Counted<K> {
    /// Everybody has all of `allowance`.
    pub fn new(name: &'static str, allowance: Allowance) -> Self {
        let most = NonZeroUsize::new(COUNTED_MAX).unwrap_or(NonZeroUsize::MIN);
        let buckets = Mutex::new(LruCache::new(most));
        Self { name, allowance, clock: MonotonicClock, buckets }
    }

    /// Counts one more of `who`'s; how that one stands then.
    pub fn count(&self, who: K) -> Standing {
        let Allowance { per_minute, burst } = self.allowance;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get_or_insert(who, || {
            let quota = Quota::per_minute(per_minute).allow_burst(burst);
            RateLimiter::direct_with_clock(quota, self.clock.clone()).with_middleware()
        });
        let (left, wait) = match bucket.check() {
            Ok(standing) => (standing.remaining_burst_capacity(), None),
            Err(refused) => (0, Some(refused.wait_time_from(self.clock.now()))),
        };
        Standing { name: self.name, allowance: self.allowance, left, wait }
    }
}

/// How somebody stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    name: &'static str,
    allowance: Allowance,
    left: u32,
    /// It was one too many; the next may come after this.
    wait: Option<Duration>,
}

impl Standing {
    /// Refuses what was too much.
    pub fn check(self) -> Result<(), ApiError> {
        self.wait.map_or(Ok(()), |wait| Err(ApiError::TooMany(wait)))
    }

    /// Seconds until `requests` are allowed again.
    fn seconds(self, requests: u32) -> u64 {
        (u64::from(requests) * 60).div_ceil(self.allowance.per_minute.get().into())
    }

    fn tell(self, headers: &mut HeaderMap) {
        let (name, burst) = (self.name, self.allowance.burst.get());
        let texts = [
            (POLICY, format!("\"{name}\";q={burst};w={}", self.seconds(burst))),
            (RATE_LIMIT, format!("\"{name}\";r={};t={}", self.left, self.seconds(burst - self.left))),
        ];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.append(name, value);
            }
        }
    }
}

/// All counts.
#[derive(Debug)]
pub struct Rates {
    sources: Counted<IpAddr>,
    actors: Counted<Uuid>,
}

impl Rates {
    /// Nobody has asked for anything yet.
    pub fn new(sources: Allowance, actors: Allowance) -> Self {
        Self { sources: Counted::new("source", sources), actors: Counted::new("actor", actors) }
    }

    /// A request from there comes in.
    pub fn admit(self: &Arc<Self>, source: IpAddr) -> Admission {
        Admission {
            source: self.sources.count(source),
            rates: Arc::clone(self),
            actor: Arc::new(OnceLock::new()),
        }
    }
}

/// What goes with a request, in its extensions: whoever finds out who asks says so here.
#[derive(Clone, Debug)]
pub struct Admission {
    rates: Arc<Rates>,
    pub(super) source: Standing,
    actor: Arc<OnceLock<Standing>>,
}

impl Admission {
    /// It is this actor's: a key's id, or a person's. Refuses when it is one too many.
    pub fn actor(&self, id: Uuid) -> Result<(), ApiError> {
        self.actor.get_or_init(|| self.rates.actors.count(id)).check()
    }

    /// Says in the answer how both stand.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        self.source.tell(headers);
        if let Some(actor) = self.actor.get() {
            actor.tell(headers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(per_minute: u32, burst: u32) -> Counted<u32> {
        let number = |number| NonZeroU32::new(number).unwrap();
        Counted::new("x", Allowance { per_minute: number(per_minute), burst: number(burst) })
    }

    #[test]
    fn whoever_is_at_the_end_waits_and_nobody_else_does() {
        let counted = counted(1, 3);
        let standings = [counted.count(7), counted.count(7), counted.count(7)];
        assert_eq!(
            standings.map(|standing| (standing.left, standing.wait)),
            [(2, None), (1, None), (0, None)]
        );
        assert!(matches!(counted.count(7).check(), Err(ApiError::TooMany(wait)) if wait.as_secs() >= 50));
        assert_eq!(counted.count(8).wait, None);
    }

    #[test]
    fn the_headers_say_what_holds_and_what_is_left() {
        let mut headers = HeaderMap::new();
        counted(60, 10).count(1).tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"x\";q=10;w=10");
        assert_eq!(headers["ratelimit"], "\"x\";r=9;t=1");
    }

    #[test]
    fn no_crowd_makes_it_grow_without_end() {
        let counted = counted(1, 1);
        let most = u32::try_from(COUNTED_MAX).unwrap();
        for who in 0..most + 10 {
            counted.count(who);
        }
        assert_eq!(counted.buckets.lock().unwrap().len(), COUNTED_MAX);
        assert!(counted.count(most + 9).wait.is_some(), "who was heard last is known");
    }
}
