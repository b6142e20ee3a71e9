//! How many messages an account may send: so many a minute, counted from its first.
//!
//! Only accounts that have sent in the last minute are kept, so the table is never larger than they are many.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use contract::id::AccountId;

const WINDOW: Duration = Duration::from_secs(60);

/// Who has sent how many messages in the minute that runs for them.
#[derive(Debug, Default)]
pub(super) struct Rate {
    sent: BTreeMap<AccountId, Sent>,
    /// When each account's minute ends, the next one first.
    ends: VecDeque<(Instant, AccountId)>,
}

/// One account's minute.
#[derive(Debug)]
struct Sent {
    count: u32,
    end: Instant,
}

impl Rate {
    /// Counts a message.
    ///
    /// # Errors
    /// How long the account has to wait.
    pub(super) fn take(&mut self, now: Instant, account: AccountId, max: u32) -> Result<(), Duration> {
        while let Some((_, account)) = self.ends.front().filter(|(at, _)| *at <= now).copied() {
            self.ends.pop_front();
            self.sent.remove(&account);
        }
        let sent = self.sent.entry(account).or_insert_with(|| {
            self.ends.push_back((now + WINDOW, account));
            Sent { count: 0, end: now + WINDOW }
        });
        if sent.count >= max {
            return Err(sent.end.saturating_duration_since(now));
        }
        sent.count += 1;
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test has to begin at some instant")]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_minute_takes_so_many_and_leaves_nothing() {
        let [one, two] = [1, 2].map(|n| AccountId(Uuid::from_u128(n)));
        let start = Instant::now();
        let mut rate = Rate::default();
        for _ in 0..3 {
            assert_eq!(rate.take(start, one, 3), Ok(()));
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(rate.take(later, one, 3), Err(Duration::from_secs(40)));
        assert_eq!(rate.take(later, two, 3), Ok(()), "each account has its own");
        assert_eq!(rate.take(start + WINDOW, one, 3), Ok(()));
        assert_eq!(rate.take(later + WINDOW, one, 3), Ok(()));
        assert_eq!((rate.sent.len(), rate.ends.len()), (1, 1), "the other's minute is over");
    }
}
