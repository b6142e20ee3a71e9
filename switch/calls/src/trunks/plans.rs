//! What a new plan changes at providers: what is gone from it is ended there, what is new begins, and what says something else of a
//! registration has it asked for again.
//!
//! A registration goes on as the same series of requests while the provider, our user there and the target that it is at stay: a
//! registrar goes by Call-ID and CSeq (RFC 3261 §10.3), and two series about one contact can overtake each other. One that
//! cannot go on is ended first, and the next one waits until that is answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use contract::id::{OrgId, TrunkId};
use dialplan::{Difference, OrgPlan, Trunk};
use sip::{Message, digest::Login};

use super::{
    links::{Link, Purpose, contact},
    registration::Registration,
};
use crate::switchboard::Switchboard;

/// A registration that is being ended at its provider, by who the trunk was there.
#[derive(Debug)]
pub(super) struct Leaving {
    trunk: Trunk,
    login: Option<Arc<Login>>,
    /// Until there is an answer to what it has asked. None: it has been ended, and the answer to that is awaited.
    registration: Option<Registration>,
}

impl Switchboard {
    /// There is a new plan: what is not in it any more is ended at its provider, what is new begins.
    pub(crate) fn adopt_trunks(&mut self, changed: &[Difference<'_>]) {
        let now = self.now;
        let after = changed.iter().filter_map(|one| one.after);
        let mut wanted: BTreeMap<TrunkId, (OrgId, &Trunk)> = after
            .flat_map(|org| org.trunks().map(move |trunk| (trunk.id, (org.id(), trunk))))
            .filter(|(_, (_, trunk))| trunk.registration.is_some() || trunk.options_interval_secs.is_some())
            .collect();
        let before = changed.iter().filter_map(|one| one.before).flat_map(OrgPlan::trunks);
        let linked: BTreeSet<TrunkId> =
            before.map(|trunk| trunk.id).filter(|id| self.links.get_mut(*id).is_some()).collect();
        for id in linked {
            match wanted.remove(&id) {
                Some((_, trunk)) => self.change_trunk(id, trunk),
                None => {
                    let link = self.links.remove(id);
                    let leaving = link.and_then(|link| Some((link.trunk, link.login, link.registration?)));
                    if let Some(leaving) = leaving {
                        self.leave(id, leaving);
                    }
                }
            }
        }
        for (id, (org, trunk)) in wanted {
            let link = Link::new(org, trunk, now, &mut self.random);
            self.links.add(id, link, now);
        }
        self.links.find_places(changed, self.registrar.located(), now);
    }

    /// A trunk that is still there, and may be another one.
    fn change_trunk(&mut self, id: TrunkId, trunk: &Trunk) {
        let now = self.now;
        let Some(link) = self.links.get_mut(id) else { return };
        let before = std::mem::replace(&mut link.trunk, trunk.clone());
        let is_same_way = before.targets == trunk.targets;
        if !is_same_way || before.options_interval_secs != trunk.options_interval_secs {
            link.health = Link::health_of(trunk, now, &mut self.random);
            self.links.forget(id, |purpose| matches!(purpose, Purpose::Options(_)));
        }
        if !is_same_way
            || before.credentials != trunk.credentials
            || before.registration != trunk.registration
        {
            self.change_registration(id, before);
        }
        self.links.set_due(id, now);
    }

    fn change_registration(&mut self, id: TrunkId, before: Trunk) {
        let now = self.now;
        let Some(link) = self.links.get_mut(id) else { return };
        let login = std::mem::replace(&mut link.login, super::links::login(&link.trunk));
        let wanted = link.trunk.registration;
        let has_stayed = link.is_where_it_was(&before);
        match (&mut link.registration, wanted) {
            (Some(registration), Some(wanted)) if has_stayed => registration.change(now, wanted.expiry_secs),
            (registration, wanted) => {
                let anew = wanted.map(|wanted| Registration::new(wanted.expiry_secs, now));
                if let Some(old) = std::mem::replace(registration, anew) {
                    (link.keep_at, link.told) = (None, None);
                    self.leave(id, (before, login, old));
                }
            }
        }
    }

    /// Ends a registration at its provider, after the answer to what it asks now: that tells what there is to end.
    fn leave(
        &mut self,
        id: TrunkId,
        (trunk, login, registration): (Trunk, Option<Arc<Login>>, Registration),
    ) {
        self.links.forget(id, |purpose| purpose == Purpose::Keep);
        if registration.deadline().is_some() {
            self.end_registration(id, (trunk, login, registration));
        } else {
            self.links.give_up(id, Leaving { trunk, login, registration: Some(registration) });
        }
    }

    fn end_registration(
        &mut self,
        id: TrunkId,
        (trunk, login, registration): (Trunk, Option<Arc<Login>>, Registration),
    ) {
        let Some(asking) = registration.leave(self.now) else { return };
        // Where it cannot be sent it runs out by itself.
        if let Ok(request) = self.send_register((&trunk, login.clone()), &asking) {
            self.links.ends(id, request, Leaving { trunk, login, registration: None });
        }
    }

    /// The answer for a registration that is being ended.
    pub(super) fn trunk_left(&mut self, id: TrunkId, answer: (u16, Option<&Message<'_>>)) {
        let Some(Leaving { trunk, login, registration }) = self.links.leaving.remove(&id) else { return };
        if let Some(mut registration) = registration {
            // What it would ask next it asks no more.
            let _ = registration.answered(self.now, answer, &contact(id), &mut self.random);
            self.end_registration(id, (trunk, login, registration));
        }
        self.links.set_due(id, self.now);
    }
}
