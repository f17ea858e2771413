//! How many requests a caller may make in a minute: reads and writes of each principal, and what
//! comes without a login from each address. It never slows anybody down: a request passes or is
//! refused with the time to wait.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use governor::clock::{Clock, MonotonicClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::http::codes;
use crate::http::options::RateOptions;
use crate::http::problem::ApiError;

/// Keys of one kind that are remembered: beyond it all new ones share one, so that memory is
/// bounded and a flood of keys limits itself.
const KEYS_MAX: usize = 10_000;
/// Requests, while there is no place, between two looks for idle keys.
const CROWDED_SWEEP: u32 = 1_000;
/// The key of those that found no place of their own.
const OTHERS: &str = "others";
/// The time that the limits are about, seconds.
const WINDOW_SECS: u32 = 60;
/// What is left (draft-ietf-httpapi-ratelimit-headers, section 4).
const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// What the limit is (section 3 of the same).
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request of a principal that only reads.
    Read,
    /// A request of a principal that may change something.
    Write,
    /// A request that came without a login.
    Anonymous,
}

impl Kind {
    /// What a signed-in request of this method is.
    pub fn of(method: &Method) -> Self {
        if method.is_safe() { Self::Read } else { Self::Write }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Read => "reads",
            Self::Write => "writes",
            Self::Anonymous => "anonymous",
        }
    }
}

/// What a request that passed may be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed {
    kind: Kind,
    per_minute: u32,
    left: u32,
}

impl Passed {
    /// Says what the limit is and what is left of it.
    pub fn tell(self, headers: &mut HeaderMap) {
        tell(headers, self.kind, self.per_minute, self.left, 0);
    }
}

/// The counts of all callers.
#[derive(Debug)]
pub(crate) struct Rates<C: Clock = MonotonicClock> {
    reads: Option<Limit<C>>,
    writes: Option<Limit<C>>,
    anonymous: Option<Limit<C>>,
}

type Limiter<C> = RateLimiter<String, HashMapStateStore<String>, C, StateInformationMiddleware>;

struct Limit<C: Clock> {
    per_minute: NonZeroU32,
    limiter: Limiter<C>,
    clock: C,
    crowded: AtomicU32,
}

impl<C: Clock> std::fmt::Debug for Limit<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limit").field("per_minute", &self.per_minute).finish_non_exhaustive()
    }
}

impl Rates {
    /// Counts for these limits, by the clock of the machine that nobody can set.
    pub fn new(options: RateOptions) -> Self {
        Self::by(options, MonotonicClock)
    }
}

impl<C: Clock + Clone> Rates<C> {
    fn by(options: RateOptions, clock: C) -> Self {
        let limit = |per_minute| {
            let per_minute = NonZeroU32::new(per_minute)?;
            let quota = Quota::per_minute(per_minute);
            let limiter = RateLimiter::hashmap_with_clock(quota, clock.clone());
            let limiter = limiter.with_middleware::<StateInformationMiddleware>();
            let crowded = AtomicU32::new(0);
            Some(Limit { per_minute, limiter, clock: clock.clone(), crowded })
        };
        Self {
            reads: limit(options.reads_per_minute),
            writes: limit(options.writes_per_minute),
            anonymous: limit(options.anonymous_per_minute),
        }
    }

    /// Counts a request of this kind for this key, or refuses it. Nothing to tell where there is no
    /// limit.
    ///
    /// # Errors
    /// 429 with `Retry-After`.
    pub fn admit(&self, kind: Kind, key: &str) -> Result<Option<Passed>, ApiError> {
        let limit = match kind {
            Kind::Read => &self.reads,
            Kind::Write => &self.writes,
            Kind::Anonymous => &self.anonymous,
        };
        let Some(limit) = limit else { return Ok(None) };
        let per_minute = limit.per_minute.get();
        match limit.admit(key) {
            Ok(left) => Ok(Some(Passed { kind, per_minute, left })),
            Err(wait) => Err(refused(kind, per_minute, wait)),
        }
    }

    /// Forgets whoever made no request for so long that it makes no difference.
    pub fn sweep(&self) {
        for limit in [&self.reads, &self.writes, &self.anonymous].into_iter().flatten() {
            limit.limiter.retain_recent();
            limit.limiter.shrink_to_fit();
        }
    }
}

impl<C: Clock> Limit<C> {
    /// Is there no place for another key? To look for idle ones costs as much as there are, so it
    /// is done now and then only.
    fn is_crowded(&self) -> bool {
        if self.limiter.len() < KEYS_MAX {
            return false;
        }
        if self.crowded.fetch_add(1, Ordering::Relaxed).is_multiple_of(CROWDED_SWEEP) {
            self.limiter.retain_recent();
        }
        self.limiter.len() >= KEYS_MAX
    }

    /// What is left after this request, or the time to wait.
    fn admit(&self, key: &str) -> Result<u32, Duration> {
        let key = if self.is_crowded() { OTHERS } else { key };
        match self.limiter.check_key(&key.to_owned()) {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(refused) => Err(refused.wait_time_from(self.clock.now())),
        }
    }
}

fn refused(kind: Kind, per_minute: u32, wait: Duration) -> ApiError {
    let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
    let name = kind.name();
    let detail = format!("more than {per_minute} {name} in a minute; wait {seconds} s");
    ApiError::new(codes::TOO_MANY_REQUESTS, detail).retry_after(seconds)
}

fn tell(headers: &mut HeaderMap, kind: Kind, per_minute: u32, left: u32, wait_s: u64) {
    let name = kind.name();
    let policy = format!("\"{name}\";q={per_minute};w={WINDOW_SECS}");
    let state = format!("\"{name}\";r={left};t={wait_s}");
    for (header, text) in [(POLICY, policy), (LEFT, state)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(header, value);
        }
    }
}

/// The key of an address. An IPv6 host has a whole /64, so that is one caller.
pub(crate) fn key_of(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => format!("address {address}"),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("address {a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn options(per_minute: u32) -> RateOptions {
        RateOptions {
            reads_per_minute: per_minute,
            writes_per_minute: per_minute * 2,
            anonymous_per_minute: 0,
            limit_loopback: false,
        }
    }

    #[test]
    fn the_last_allowed_passes_and_the_first_beyond_it_is_told_when_to_come_again() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::by(options(4), clock.clone());
        for left in [3, 2, 1, 0] {
            let passed = rates.admit(Kind::Read, "ann").unwrap().unwrap();
            assert_eq!(passed.left, left);
        }
        let refused = rates.admit(Kind::Read, "ann").unwrap_err();
        assert_eq!(refused.code.status.as_u16(), 429);
        let (_, seconds) = *refused.header.unwrap();
        assert_eq!(seconds, "15", "a quarter of a minute");
        assert!(rates.admit(Kind::Write, "ann").is_ok(), "writes are counted apart");
        assert!(rates.admit(Kind::Read, "bob").is_ok(), "others are counted apart");
        clock.advance(Duration::from_secs(14));
        assert!(rates.admit(Kind::Read, "ann").is_err(), "too early");
        clock.advance(Duration::from_secs(1));
        assert!(rates.admit(Kind::Read, "ann").is_ok(), "as was said");
        assert!(rates.admit(Kind::Anonymous, "ann").unwrap().is_none(), "0 is no limit");
    }

    #[test]
    fn remembers_a_bounded_number_of_callers() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::by(options(1), clock.clone());
        for number in 0..KEYS_MAX {
            assert!(rates.admit(Kind::Read, &number.to_string()).is_ok());
        }
        assert!(rates.admit(Kind::Read, "one more").is_ok());
        assert!(rates.admit(Kind::Read, "and one").is_err(), "the rest share one count");
        let limit = rates.reads.as_ref().unwrap();
        assert_eq!(limit.limiter.len(), KEYS_MAX + 1);
        clock.advance(Duration::from_secs(121));
        rates.sweep();
        assert!(limit.limiter.is_empty());
        assert!(rates.admit(Kind::Read, "and one").is_ok());
    }

    #[test]
    fn a_host_of_ipv6_is_one_caller_whatever_address_it_takes() {
        let key = |text: &str| key_of(text.parse().unwrap());
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn an_answer_says_what_is_left() {
        let mut headers = HeaderMap::new();
        Passed { kind: Kind::Write, per_minute: 60, left: 59 }.tell(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"writes\";q=60;w=60");
        assert_eq!(headers["ratelimit"], "\"writes\";r=59;t=0");
    }
}
