//! Inviting devices: what every INVITE of one call has in common, and whom it has been sent to.
//!
//! All devices of everybody who is to ring are invited at once, whatever their `q`: people answer what is nearest.
//! A person is rung once in a call, however many numbers lead to them, and a number is looked up once: so a call that
//! is redirected ends (`redirect`).

use std::collections::BTreeSet;

use contract::id::{AccountId, CallId, OrgId};
use dialplan::{PersonKey, Ring, Trust};
use serde::{Deserialize, Serialize};
use sip::{Body, Invite, Party, Refused};
use streams::sdp::Description;

use super::{
    identity::Identity,
    leg::Leg,
    media_plan::{LegStreams, NoPorts},
    outcome::{LegResult, Tally, Words},
    state::Head,
};
use crate::{means::Means, output::Notice, registrar::Reach};

/// What every invitation of one call has in common.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Invitation {
    pub(crate) call: CallId,
    pub(crate) org: OrgId,
    /// Whose call it is.
    pub(crate) account: AccountId,
    pub(crate) caller: Identity,
    /// The organisation's SIP domain.
    pub(crate) domain: Box<str>,
    /// The caller takes an offer in a reliable provisional answer (RFC 3262 §5).
    pub(crate) can_answer_early: bool,
    /// As written by us; 0 when the call may not be sent any further.
    pub(crate) max_forwards: u8,
    /// Numbers this call has been sent to.
    pub(crate) numbers: BTreeSet<String>,
    /// People it has been sent to.
    pub(crate) people: BTreeSet<PersonKey>,
}

/// Devices that were asked, and what has become of those that could not be.
pub(crate) struct Asked<'a> {
    pub(crate) head: &'a mut Head,
    pub(crate) forks: &'a mut Vec<Leg>,
    pub(crate) tally: &'a mut Tally,
}

impl Invitation {
    /// Invites all devices of the people who ring for a number and have not been asked in this call.
    pub(crate) fn ring(
        &mut self,
        number: &str,
        ring: &Ring,
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) {
        let registrar = means.registrar;
        let people = ring.targets.iter().filter(|target| self.people.insert(target.person));
        let devices: Vec<(PersonKey, Trust, Reach)> = people
            .flat_map(|target| {
                let reaches = target.accounts.iter().flat_map(|account| registrar.devices(*account));
                reaches.map(|reach| (target.person, target.trust, reach))
            })
            .collect();
        let room = means.config.limits.legs_per_call_max.saturating_sub(asked.forks.len());
        let left_out = devices.len().saturating_sub(room);
        // An early offer of a device has to be answered at once, by the caller: so by one that can, and one at a time.
        let is_alone = devices.len() == 1 && asked.forks.is_empty() && self.people.len() == 1;
        for (person, trust, reach) in devices.into_iter().take(room) {
            let mut invite = self.invite_for(number, trust, reach);
            invite.reliable = self.can_answer_early && is_alone;
            self.ask(person, invite, offer, asked, means);
        }
        if left_out > 0 {
            means.notice(Notice::LegsLeftOut(left_out));
        }
    }

    fn ask(
        &self,
        person: PersonKey,
        mut invite: Invite,
        offer: Option<&Description>,
        asked: &mut Asked<'_>,
        means: &mut Means<'_>,
    ) {
        let flow = invite.flow;
        let mut streams = LegStreams::new(self.call, flow);
        invite.body = match offer {
            None => None,
            Some(offer) => match streams.reserve(offer, false, means) {
                Ok(()) => Some(streams.describe(offer, means)),
                Err(NoPorts) => {
                    asked.tally.add(person, LegResult::Congested, Words::default());
                    return;
                }
            },
        };
        invite.reliable |= offer.is_some();
        match means.invite(self.call, invite) {
            Ok(session) => {
                let no = asked.head.next_leg();
                asked.forks.push(Leg::new(no, session, person, flow, streams, means.wall));
            }
            Err(refusal) => {
                let result = match refusal {
                    Refused::Full => LegResult::Congested,
                    _ => LegResult::Unreachable,
                };
                asked.tally.add(person, result, Words::default());
                // No leg was made of it, so nobody waits for the report.
                streams.close(means);
            }
        }
    }

    fn invite_for(&self, number: &str, trust: Trust, reach: Reach) -> Invite {
        let shown = self.caller.shown(trust);
        Invite {
            flow: reach.flow,
            request_uri: reach.request_uri,
            from: shown.from,
            to: Party::new(format!("sip:{number}@{}", self.domain)),
            contact_user: shown.contact_user,
            routes: reach.routes,
            fallbacks: reach.fallbacks,
            max_forwards: self.max_forwards,
            headers: shown.headers,
            body: None::<Body>,
            reliable: false,
            max_breadth: None,
        }
    }
}
