//! Who is kept out: lists of addresses, lock-outs after wrong passwords, scanners.
//!
//! A lock-out must not become a weapon. Only wrong passwords count towards one, and only with a nonce that we have sent
//! to that very address, so nobody gets another locked out by writing his address on datagrams. A source from which
//! somebody has proven a password lately is not locked out as a whole; there the pair of source and account is, and a
//! device that has proven itself from its own address and port not even then. An account under attack from everywhere
//! is closed to strangers only. What needs no proof to be sent (requests for foreign domains, OPTIONS, requests for
//! challenges) is left unanswered beyond a measure, and nothing more.
//!
//! Everything is counted in tables of bounded size under keyed hashes (`table.rs`); no names are kept.

mod access;
mod counts;
mod offences;
mod source;
mod table;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

pub use access::{Access, AccessList};
pub(crate) use source::Source;
pub(crate) use table::Fingerprints;

use contract::id::OrgId;
use counts::Counts;
use offences::{Fading, ONE, Offences, worth_of_failures};
use table::{Table, Worth};

/// Sources, pairs of source and account, and accounts whose offences are kept.
const OFFENDERS_MAX: usize = 65_536;
/// Sources, and accounts at a source or at an address and port, that have proven themselves.
const TRUSTED_MAX: usize = 524_288;
/// Challenges to a source that has proven nothing, until further requests for one are left unanswered.
const UNPROVEN_MAX: u32 = 1_000;
/// Of these so many are forgotten in a second.
const UNPROVEN_FADE_PER_SEC: u32 = 10;
/// Requests that nobody has to send here, until further ones of the source are left unanswered.
const NUISANCES_MAX: u32 = 20;
/// One of these is forgotten after so many seconds.
const NUISANCE_FADE_SECS: u32 = 3;
/// A source that has proven itself may fail so many times as often over all accounts.
const TRUSTED_FAILURES_FACTOR: u32 = 10;

/// Who is kept out, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardConfig {
    /// Networks that may or may not speak to the switch.
    pub access: AccessList,
    /// What User-Agents of scanners begin with, in any case. Such requests are not answered.
    pub scanner_user_agents: Vec<String>,
    /// Wrong passwords from one source within the window until it is locked out.
    pub auth_failures_max: u32,
    /// Wrong passwords for one account within the window, from everywhere, until it is closed to strangers.
    pub account_failures_max: u32,
    /// The window, in which the counts fade to nothing.
    pub window: Duration,
    /// The first lock-out of a source; every further one within a day is twice as long.
    pub lock_out: Duration,
    /// How long a source counts as known after a proof. To be longer than phones take to register again.
    pub trust: Duration,
}

impl Default for GuardConfig {
    fn default() -> Self {
        let scanners = [
            "friendly-scanner",
            "friendly-request",
            "sipvicious",
            "sipcli",
            "sip-scan",
            "sipscan",
            "sundayddr",
            "vaxsipuseragent",
            "pplsip",
            "iwar",
            "smap",
            "sivus",
        ];
        Self {
            access: AccessList::default(),
            scanner_user_agents: scanners.map(String::from).to_vec(),
            auth_failures_max: 10,
            account_failures_max: 50,
            window: Duration::from_secs(600),
            lock_out: Duration::from_secs(600),
            trust: Duration::from_secs(7_500),
        }
    }
}

/// Somebody who says that he is an account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) org: OrgId,
    /// As given; there may be no such account, and nothing here depends on it.
    pub(crate) username: &'a str,
}

/// What a wrong password has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// It is counted.
    Counted,
    /// The account is closed to strangers from now on.
    AccountClosed,
    /// Nothing is answered any more.
    LockedOut,
}

/// Until when somebody is trusted. Who was last is worth most.
#[derive(Clone, Copy, Debug, Default)]
struct Trusted {
    until_secs: u32,
}

impl Worth for Trusted {
    fn worth(&self, now_secs: u32) -> u32 {
        if self.until_secs > now_secs { self.until_secs } else { 0 }
    }
}

/// All that is known of whom.
#[derive(Debug)]
pub(crate) struct Guard {
    config: GuardConfig,
    fading: Fading,
    fingerprints: Fingerprints,
    offenders: Table<Offences>,
    trusted: Table<Trusted>,
    counts: Counts,
}

impl Guard {
    pub(crate) fn new(config: GuardConfig, nonce_lifetime: Duration, fingerprints: Fingerprints) -> Self {
        let window = secs(config.window).max(1);
        let fading = Fading {
            failures: config.auth_failures_max.saturating_mul(ONE).div_ceil(window),
            unproven: UNPROVEN_FADE_PER_SEC * ONE,
            nuisances: ONE / NUISANCE_FADE_SECS,
        };
        Self {
            config,
            fading,
            fingerprints,
            offenders: Table::new(OFFENDERS_MAX),
            trusted: Table::new(TRUSTED_MAX),
            counts: Counts::new(secs(nonce_lifetime)),
        }
    }

    /// Bytes of its tables.
    pub(crate) fn bytes(&self) -> usize {
        self.offenders.bytes() + self.trusted.bytes() + self.counts.bytes()
    }

    /// Whether anything from this address is looked at. A trunk's is not locked out: whoever writes it on datagrams would
    /// cut the organisation off.
    pub(crate) fn lets_in(&self, now: u32, address: IpAddr, is_trunk: impl FnOnce() -> bool) -> bool {
        match self.config.access.of(address) {
            Some(Access::Allowed) => true,
            Some(Access::Denied) => false,
            None => {
                let source = Source::of(address);
                let is_locked = self
                    .offenders
                    .get(self.of_source(source))
                    .is_some_and(|offences| offences.is_locked(now));
                !is_locked || self.trusts(now, source) || is_trunk()
            }
        }
    }

    /// Whether somebody has proven a password from there lately.
    pub(crate) fn trusts(&self, now: u32, source: Source) -> bool {
        self.is_trusted(now, self.of_source(source))
    }

    /// Whether a User-Agent is that of a scanner.
    pub(crate) fn is_scanner(&self, user_agent: &str) -> bool {
        self.config.scanner_user_agents.iter().any(|scanner| {
            user_agent.get(..scanner.len()).is_some_and(|start| start.eq_ignore_ascii_case(scanner))
        })
    }

    /// Whether a request without good credentials is answered with a challenge.
    pub(crate) fn may_be_challenged(&mut self, now: u32, address: IpAddr) -> bool {
        self.is_within(now, address, UNPROVEN_MAX, |offences| &mut offences.unproven)
    }

    /// Whether a request that nobody has to send here is answered.
    pub(crate) fn may_be_a_nuisance(&mut self, now: u32, address: IpAddr) -> bool {
        self.is_within(now, address, NUISANCES_MAX, |offences| &mut offences.nuisances)
    }

    fn is_within(
        &mut self,
        now: u32,
        address: IpAddr,
        most: u32,
        count: impl Fn(&mut Offences) -> &mut u32,
    ) -> bool {
        let source = Source::of(address);
        let is_exempt = self.config.access.of(address).is_some() || self.trusts(now, source);
        let (of, fading) = (self.of_source(source), self.fading);
        // Where there is no room for one more count, those who are there have done worse.
        let Some(offences) = self.offenders.entry(now, of, ONE).filter(|_| !is_exempt) else { return true };
        offences.fade(now, fading);
        let count = count(offences);
        *count = count.saturating_add(ONE).min((most + 1) * ONE);
        *count <= most * ONE
    }

    /// Whether credentials for this account are not even looked at from there. Depends on who asks for which name, not
    /// on whether there is such an account.
    pub(crate) fn is_shut_to(&self, now: u32, attempt: &Attempt<'_>) -> bool {
        let is_locked = |of| self.offenders.get(of).is_some_and(|offences| offences.is_locked(now));
        let here = self.of_pair(attempt);
        (is_locked(here) && !self.is_trusted(now, self.of_device(attempt)))
            || (is_locked(self.of_source(Source::of(attempt.from.ip()))) && !self.is_trusted(now, here))
    }

    /// Whether the account is closed to those who have not proven themselves from there before.
    pub(crate) fn is_closed_to(&self, now: u32, attempt: &Attempt<'_>) -> bool {
        let account = self.offenders.get(self.of_account(attempt));
        account.is_some_and(|offences| offences.is_locked(now))
            && !self.is_trusted(now, self.of_pair(attempt))
    }

    /// A wrong password by somebody who has received our challenge at his address.
    pub(crate) fn failed(&mut self, now: u32, attempt: &Attempt<'_>) -> Consequence {
        let source = Source::of(attempt.from.ip());
        let is_allowed = self.config.access.of(attempt.from.ip()).is_some();
        let most = self.config.auth_failures_max;
        let most_of_source =
            if self.trusts(now, source) { most.saturating_mul(TRUSTED_FAILURES_FACTOR) } else { most };
        let lock_out = secs(self.config.lock_out);
        let of_account = self.of_account(attempt);
        let closed =
            self.count_failure(now, of_account, self.config.account_failures_max, secs(self.config.window));
        let (of_pair, of_source) = (self.of_pair(attempt), self.of_source(source));
        let locked = if is_allowed {
            [Some(false); 2]
        } else {
            [
                self.count_failure(now, of_pair, most, lock_out),
                self.count_failure(now, of_source, most_of_source, lock_out),
            ]
        };
        // Where there is no room left to count, all places are taken by others who are locked out: so is he.
        if locked.into_iter().any(|locked| locked.unwrap_or(true)) {
            Consequence::LockedOut
        } else if closed == Some(true) {
            Consequence::AccountClosed
        } else {
            Consequence::Counted
        }
    }

    /// Whether that was one too many; `None` when there is no room to count.
    fn count_failure(&mut self, now: u32, of: u64, most: u32, lock_secs: u32) -> Option<bool> {
        let fading = self.fading;
        let offences = self.offenders.entry(now, of, worth_of_failures(ONE))?;
        offences.fade(now, fading);
        offences.failures = offences.failures.saturating_add(ONE);
        let is_too_many = offences.failures > most.saturating_sub(1).saturating_mul(ONE);
        if is_too_many && !offences.is_locked(now) {
            offences.lock(now, lock_secs);
            return Some(true);
        }
        Some(false)
    }

    /// Whether these credentials have not been used before.
    pub(crate) fn is_first_use(&mut self, now: u32, attempt: &Attempt<'_>, nonce: &str, count: u32) -> bool {
        let org = attempt.org.0;
        let of = self.fingerprints.of(&[b"n", org.as_bytes(), attempt.username.as_bytes(), nonce.as_bytes()]);
        self.counts.take(now, of, count)
    }

    /// A proof of a password, or a contact from before a restart that stood on one.
    pub(crate) fn proven(&mut self, now: u32, attempt: &Attempt<'_>) {
        let of_source = self.of_source(Source::of(attempt.from.ip()));
        let until_secs = now.saturating_add(secs(self.config.trust));
        for of in [of_source, self.of_pair(attempt), self.of_device(attempt)] {
            if let Some(trusted) = self.trusted.entry(now, of, u32::MAX) {
                trusted.until_secs = until_secs;
            }
        }
    }

    fn is_trusted(&self, now: u32, of: u64) -> bool {
        self.trusted.get(of).is_some_and(|trusted| trusted.until_secs > now)
    }

    fn of_source(&self, source: Source) -> u64 {
        self.fingerprints.of(&[b"s", source.as_bytes()])
    }

    /// An account at a source.
    fn of_pair(&self, attempt: &Attempt<'_>) -> u64 {
        let source = Source::of(attempt.from.ip());
        self.fingerprints.of(&[
            b"p",
            source.as_bytes(),
            attempt.org.0.as_bytes(),
            attempt.username.as_bytes(),
        ])
    }

    /// An account at an address and port.
    fn of_device(&self, attempt: &Attempt<'_>) -> u64 {
        let (port, source) = (attempt.from.port().to_be_bytes(), Source::of(attempt.from.ip()));
        let name = attempt.username.as_bytes();
        self.fingerprints.of(&[b"d", source.as_bytes(), &port, attempt.org.0.as_bytes(), name])
    }

    fn of_account(&self, attempt: &Attempt<'_>) -> u64 {
        self.fingerprints.of(&[b"a", attempt.org.0.as_bytes(), attempt.username.as_bytes()])
    }
}

fn secs(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
