//! Slows down who guesses passwords and tokens: so many failures a minute for each account and for
//! each address.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::http::rate;
use crate::model::time::{Span, Timestamp};

/// Logins that one account or one address may try within the window.
pub const LOGINS_MAX: u32 = 10;
/// The window.
pub const WINDOW: Span = Span::from_secs(60);
/// Keys remembered: beyond that old ones are dropped, then new ones are refused, so that memory is
/// bounded.
const KEYS_MAX: usize = 10_000;

/// Since when, and how many, for each key.
type Windows = HashMap<String, (Timestamp, u32)>;

/// The key of an address: whoever has one IPv6 address has a whole /64 of them.
pub fn address_key(address: &str) -> String {
    address.parse().map_or_else(|_| format!("address {address}"), rate::key_of)
}

/// Counts of logins by key.
#[derive(Debug, Default)]
pub struct Throttle {
    windows: Mutex<Windows>,
}

impl Throttle {
    /// Counts one try for each of these keys; too many of any of them give the time to wait.
    pub fn admit(&self, keys: &[String], now: Timestamp) -> Result<(), Span> {
        let mut windows = self.windows();
        if windows.len() >= KEYS_MAX {
            windows.retain(|_, (since, _)| now.since(*since) < WINDOW);
        }
        for key in keys {
            let is_known = windows.contains_key(key);
            if !is_known && windows.len() >= KEYS_MAX {
                return Err(WINDOW);
            }
            let (since, count) = windows.entry(key.clone()).or_insert((now, 0));
            if now.since(*since) >= WINDOW {
                (*since, *count) = (now, 0);
            }
            if *count >= LOGINS_MAX {
                return Err(Span(WINDOW.0.saturating_sub(now.since(*since).0)));
            }
            *count += 1;
        }
        Ok(())
    }

    /// Takes back one try for each of these keys.
    pub fn forgive(&self, keys: &[String]) {
        let mut windows = self.windows();
        for key in keys {
            if let Some((_, count)) = windows.get_mut(key) {
                *count = count.saturating_sub(1);
            }
        }
    }

    fn windows(&self) -> MutexGuard<'_, Windows> {
        // The map is valid whatever the holder was doing when it died.
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_000_000);

    #[test]
    fn admits_the_limit_and_no_more_until_the_window_is_over() {
        let throttle = Throttle::default();
        let keys = ["email a@b".to_owned()];
        for _ in 0..LOGINS_MAX {
            assert_eq!(throttle.admit(&keys, START), Ok(()));
        }
        let later = START.after(Span::from_secs(20));
        assert_eq!(throttle.admit(&keys, later), Err(Span::from_secs(40)));
        throttle.forgive(&keys);
        assert_eq!(throttle.admit(&keys, later), Ok(()), "one was taken back");
        assert_eq!(throttle.admit(&["email c@d".to_owned()], later), Ok(()), "another account");
        assert_eq!(throttle.admit(&keys, START.after(WINDOW)), Ok(()));
    }

    #[test]
    fn remembers_a_bounded_number_of_keys() {
        let throttle = Throttle::default();
        for number in 0..KEYS_MAX {
            assert_eq!(throttle.admit(&[number.to_string()], START), Ok(()));
        }
        let new = ["one more".to_owned()];
        assert_eq!(throttle.admit(&new, START), Err(WINDOW));
        assert_eq!(throttle.admit(&new, START.after(WINDOW)), Ok(()));
    }
}
