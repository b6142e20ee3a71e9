//! Guests, who may make one call with a pass and nothing else (H-020, HX-17, decision 0070).
//!
//! A pass says itself what it is for, and its password proves it (`contract::guests`), so nothing is known here of passes that have
//! not been used. What is kept is which have been, until they expire, and how many calls guests have. Whether somebody gets a pass is
//! the API's to say; what the call comes to, the plan's.

use std::{collections::BTreeMap, net::IpAddr};

use contract::{
    guests::Pass,
    id::{GuestId, OrgId},
    time::Timestamp,
};
use dialplan::OrgPlan;
use serde::{Deserialize, Serialize};
use sip::{Message, NewRequest, Reply};
use uuid::Uuid;

use crate::{call::Call, facts, guard::Source, switchboard::Switchboard};

/// Passes that have been used and have not expired.
const USED_PASSES_MAX: usize = 4_096;
/// Calls of one guest at once.
const GUEST_CALLS_MAX: usize = 1;
/// Calls of guests from one IPv4 address or IPv6 network (/64) at once: visitors of one place may share theirs.
const GUEST_CALLS_PER_SOURCE_MAX: usize = 8;
/// Calls of guests in one organisation at once.
const GUEST_CALLS_PER_ORG_MAX: usize = 50;
/// What a guest is told who wants anything but a call.
pub(crate) const ONLY_CALLS: &str = "Guests May Only Call";

/// A pass that somebody has called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UsedPass {
    id: Uuid,
    /// Afterwards nobody can use it anyway.
    expires_at: Timestamp,
}

/// A guest who has proven a pass.
#[derive(Debug)]
pub(crate) struct Guest {
    /// As in the credentials.
    pub(crate) username: String,
    pub(crate) pass: Pass,
}

/// What is known of guests.
#[derive(Debug, Default)]
pub(crate) struct Guests {
    used: BTreeMap<Uuid, Timestamp>,
    by_guest: BTreeMap<GuestId, usize>,
    by_source: BTreeMap<Source, usize>,
    by_org: BTreeMap<OrgId, usize>,
}

impl Guests {
    /// Uses a pass.
    ///
    /// # Errors
    /// Why there is no call for it: the answer.
    fn admit(&mut self, pass: &Pass, from: IpAddr, now: Timestamp) -> Result<UsedPass, Reply> {
        self.used.retain(|_, expires_at| *expires_at > now);
        let refused = |status: u16, phrase: &str| Err(Reply::new(status).phrase(phrase));
        if self.used.contains_key(&pass.id) {
            return refused(403, "Pass Already Used");
        }
        if count(&self.by_guest, &GuestId(pass.guest)) >= GUEST_CALLS_MAX {
            return refused(486, "One Call At A Time");
        }
        if count(&self.by_source, &Source::of(from)) >= GUEST_CALLS_PER_SOURCE_MAX {
            return refused(480, "Too Many Guests From There");
        }
        if count(&self.by_org, &pass.org) >= GUEST_CALLS_PER_ORG_MAX || self.used.len() >= USED_PASSES_MAX {
            return refused(480, "Too Many Guests");
        }
        let used = UsedPass { id: pass.id, expires_at: pass.expires_at };
        self.note(used);
        Ok(used)
    }

    /// A pass has been used, in this life or a former one.
    fn note(&mut self, UsedPass { id, expires_at }: UsedPass) {
        self.used.insert(id, expires_at);
    }

    /// A call is kept as it is now.
    pub(crate) fn take(&mut self, call: &Call) {
        for (guest, from) in call.guests() {
            *self.by_guest.entry(guest).or_default() += 1;
            *self.by_source.entry(Source::of(from)).or_default() += 1;
            *self.by_org.entry(call.org()).or_default() += 1;
        }
    }

    /// A call that was kept like this is about to change.
    pub(crate) fn release(&mut self, call: &Call) {
        for (guest, from) in call.guests() {
            less(&mut self.by_guest, guest);
            less(&mut self.by_source, Source::of(from));
            less(&mut self.by_org, call.org());
        }
    }

    /// A call of a former life goes on: what let its caller in has been used.
    pub(crate) fn resume(&mut self, call: &Call) {
        call.passes().for_each(|pass| self.note(pass));
    }

    /// What a planned restart hands over besides calls.
    pub(crate) fn used(&self) -> &BTreeMap<Uuid, Timestamp> {
        &self.used
    }

    /// The same, taken up.
    pub(crate) fn take_up(&mut self, used: BTreeMap<Uuid, Timestamp>) {
        self.used.extend(used);
    }
}

fn count<K: Ord>(counts: &BTreeMap<K, usize>, of: &K) -> usize {
    counts.get(of).copied().unwrap_or_default()
}

fn less<K: Ord>(counts: &mut BTreeMap<K, usize>, of: K) {
    if let std::collections::btree_map::Entry::Occupied(mut entry) = counts.entry(of) {
        *entry.get_mut() = entry.get().saturating_sub(1);
        if *entry.get() == 0 {
            entry.remove();
        }
    }
}

impl Switchboard {
    /// Lets a guest call what the pass is for. `None`: the request has been answered.
    pub(crate) fn admit_guest(
        &mut self,
        (org, pass): (&OrgPlan, &Pass),
        request: &NewRequest,
    ) -> Option<UsedPass> {
        let wall = self.wall();
        let admitted = if is_for(org, pass, &request.message.view()) {
            self.guests.admit(pass, request.flow.remote.ip(), wall)
        } else {
            Err(Reply::new(403).phrase("Not What The Pass Is For"))
        };
        admitted.map_err(|reply| self.refuse_sender(request, reply)).ok()
    }
}

/// Whether a call is one to an extension of the pass, and into no other call (RFC 3891).
fn is_for(org: &OrgPlan, pass: &Pass, message: &Message<'_>) -> bool {
    let dialled = facts::dialled(message).unwrap_or_default();
    message.named("Replaces").is_none() && org.is_number_of(&dialled, &pass.extensions)
}
