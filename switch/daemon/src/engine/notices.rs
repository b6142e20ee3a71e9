//! What the switchboard notices: every notice is counted by its kind, and of each kind at most one in
//! [`LOG_EVERY`] is logged. Notices hold no personal data, so neither do these lines.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use calls::{Notice, Offence, SecurityEvent};
use sip::DropReason;

/// Between two lines about the same kind.
const LOG_EVERY: Duration = Duration::from_secs(10);

macro_rules! kinds {
    ($($pattern:pat => $name:literal, $is_news:literal;)*) => {
        const KINDS: &[(&str, bool)] = &[$(($name, $is_news),)*];

        /// The name of a notice's kind.
        fn kind_of(notice: &Notice) -> &'static str {
            match notice { $($pattern => $name,)* }
        }
    };
}

// Name, and whether an operator wants to hear of it without looking.
kinds! {
    Notice::Dropped(DropReason::Malformed) => "dropped_malformed", false;
    Notice::Dropped(DropReason::Refused) => "dropped_refused", false;
    Notice::Dropped(DropReason::UnknownResponse) => "dropped_unknown_response", false;
    Notice::Dropped(DropReason::StrayAck) => "dropped_stray_ack", false;
    Notice::Dropped(DropReason::Full) => "dropped_full", true;
    Notice::Dropped(DropReason::Unanswered) => "dropped_unanswered", false;
    Notice::Dropped(DropReason::Unwritable) => "dropped_unwritable", true;
    Notice::Challenged => "challenged", false;
    Notice::Security(SecurityEvent { what: Offence::WrongPassword, .. }) => "authentication_failed", false;
    Notice::Security(SecurityEvent { what: Offence::AccountClosed, .. }) => "account_closed_to_strangers", false;
    Notice::Security(SecurityEvent { what: Offence::LockedOut, .. }) => "source_locked_out", false;
    Notice::Security(SecurityEvent { what: Offence::Scanner, .. }) => "scanner", false;
    Notice::Security(SecurityEvent { what: Offence::ForeignDomain, .. }) => "foreign_domain", false;
    Notice::Silenced => "silenced", false;
    Notice::Shed => "shed", true;
    Notice::ShedAcked => "shed_acked", false;
    Notice::CallsFull => "calls_full", true;
    Notice::JournalPressure => "journal_pressure", true;
    Notice::TrunkFull => "trunk_full", true;
    Notice::OutsideBarred { .. } => "outside_barred", true;
    Notice::OutsideSpent(_) => "outside_budget_spent", true;
    Notice::StockEmpty => "media_ports_exhausted", true;
    Notice::LegsLeftOut(_) => "legs_left_out", true;
    Notice::BindingReplaced => "binding_replaced", false;
    Notice::BindingsFull => "bindings_full", true;
    Notice::LeaseNotReturned(_) => "lease_not_returned", true;
    Notice::ImageUnreadable(_) => "image_unreadable", true;
    Notice::LegNotEnded => "leg_not_ended", true;
    Notice::DescriptionRefused => "description_refused", false;
    Notice::MessagesLimited => "messages_limited", true;
    Notice::SubscriptionsFull => "subscriptions_full", true;
    Notice::SubscriptionReplaced => "subscription_replaced", false;
}

/// Counts by kind, for anybody to read.
#[derive(Debug)]
pub struct Notices {
    counts: Vec<AtomicU64>,
}

impl Default for Notices {
    fn default() -> Self {
        Self { counts: KINDS.iter().map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Notices {
    /// Names and counts, for metrics.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        KINDS.iter().zip(&self.counts).map(|((name, _), count)| (*name, count.load(Ordering::Relaxed)))
    }
}

/// What the engine remembers of its own log lines, by kind.
#[derive(Debug, Default)]
pub(super) struct NoticeLog {
    logged: BTreeMap<&'static str, Logged>,
}

#[derive(Debug)]
struct Logged {
    at: Instant,
    count: u64,
}

impl NoticeLog {
    /// Counts a notice and perhaps logs it.
    pub(super) fn note(&mut self, now: Instant, notice: &Notice, notices: &Notices) {
        let name = kind_of(notice);
        let kinds = KINDS.iter().zip(&notices.counts);
        let Some(((_, is_news), count)) = kinds.into_iter().find(|((known, _), _)| *known == name) else {
            return;
        };
        let count = count.fetch_add(1, Ordering::Relaxed) + 1;
        let logged = self.logged.get(name);
        if *is_news && logged.is_none_or(|logged| now.saturating_duration_since(logged.at) >= LOG_EVERY) {
            let times = count - logged.map_or(0, |logged| logged.count);
            tracing::warn!(?notice, times, "{name}");
            self.logged.insert(name, Logged { at: now, count });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_are_counted_by_kind() {
        let (notices, mut log) = (Notices::default(), NoticeLog::default());
        let now = Instant::now();
        for _ in 0..3 {
            log.note(now, &Notice::CallsFull, &notices);
        }
        log.note(now, &Notice::Dropped(DropReason::Malformed), &notices);
        let seen: Vec<_> = notices.all().filter(|(_, count)| *count > 0).collect();
        assert_eq!(seen, [("dropped_malformed", 1), ("calls_full", 3)]);
        assert_eq!(log.logged.keys().collect::<Vec<_>>(), [&"calls_full"], "garbage is silent");
    }
}
