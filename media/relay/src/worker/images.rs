//! Legs from one life to the next: which are imaged at the end of a turn, and how those of a former life are taken back
//! (decision 0014).

use std::{collections::BTreeMap, net::UdpSocket};

use streams::{
    keys::Ear,
    leg::LegState,
    media::{LeaseId, MediaEvent},
};

use super::{Worker, connections::is_connection};
use crate::{
    sockets::{Pair, Sockets},
    survival::{IMAGE_AGE_MICROS_MAX, LegImage, Resumed},
};

impl<W: Fn()> Worker<W> {
    /// Takes back what can be taken back; the rest is reported closed.
    pub(super) fn resume(&mut self, resumed: Resumed) {
        let mut sockets: BTreeMap<LeaseId, UdpSocket> = resumed.sockets.into_iter().collect();
        let mut joins = BTreeMap::new();
        for (lease, image) in resumed.images {
            let image = LegImage::read(&image);
            let report = image.as_ref().map(|image| image.state.report()).unwrap_or_default();
            let peer = image.as_ref().and_then(|image| image.peer).map(LeaseId);
            match image.and_then(|image| self.resume_leg(lease, image, sockets.remove(&lease))) {
                Some(at) => drop(joins.insert(lease, (at, peer))),
                None => {
                    self.forget(lease);
                    self.tell(MediaEvent::Closed { lease, report: Box::new(report) });
                }
            }
        }
        // Either half of a pair may be older than the other: only what both say is so.
        for (lease, (at, peer)) in &joins {
            if let Some((other, Some(back))) = peer.and_then(|peer| joins.get(&peer))
                && back == lease
            {
                self.slots.join(*at, *other);
            }
        }
        for (lease, (at, _)) in &joins {
            self.retune(*at);
            self.tell_silence(*lease, *at);
        }
        sockets.into_keys().for_each(|lease| self.forget(lease));
    }

    /// A leg that is to hear something and does not: the order has not been obeyed, or its end not been told, because the former
    /// life ended between the two. Who waits for that end waits no longer; to others it is no news.
    fn tell_silence(&mut self, lease: LeaseId, at: usize) {
        let leg = self.slots.leg(at);
        let is_alone = leg.as_ref().is_some_and(|leg| leg.is_alone());
        let is_silent =
            leg.is_some_and(|leg| leg.outgoing.as_ref().is_none_or(|outgoing| outgoing.is_nothing()));
        if is_alone && is_silent {
            self.tell(MediaEvent::Played { lease });
        }
    }

    pub(super) fn resume_leg(
        &mut self,
        lease: LeaseId,
        mut image: LegImage<LegState>,
        socket: Option<UdpSocket>,
    ) -> Option<usize> {
        image.state.forget_routes(is_connection);
        let sockets = self.resume_sockets(lease, &image.state, socket)?;
        let at = self.slots.resume(lease, sockets, image.state)?;
        self.remember_routes(at);
        let leg = self.slots.leg(at)?;
        leg.tap = image.tap;
        leg.ear = image.keys.map(|(keys, keeps)| {
            let mut ear = Ear::new(leg.state.voice(), keys);
            ear.set_keeps(keeps);
            Box::new(ear)
        });
        if let Some(outgoing) = image.outgoing {
            self.resume_outgoing(at, outgoing, image.is_exact);
        }
        if let Some((room, sitting)) = image.room {
            self.sit_down(at, (room, sitting), self.now_micros());
        }
        self.listen_on(at);
        self.expect_reports(lease, self.now_micros());
        self.tally.legs_open += 1;
        self.changed.push(at);
        let (now, leg) = (self.now_micros(), self.slots.leg(at)?);
        self.shakers.mind((at, leg), now, true, &mut self.tally);
        if let Some((pool, pair)) = self.pool_of(at) {
            pool.taken(pair);
        }
        Some(at)
    }

    /// What it sent by, bound anew where the former life has not left it.
    fn resume_sockets(
        &mut self,
        lease: LeaseId,
        state: &LegState,
        inherited: Option<UdpSocket>,
    ) -> Option<Sockets> {
        let (ports, dscp, at) = (self.config.ports, self.config.dscp, (lease.0 & 0xffff) as usize);
        if let Some(ice) = state.ice() {
            return self.shared.sockets(at, ice.chosen());
        }
        let (pool, pair) = self.pool_of(at)?;
        Pair::resume(pool.address.bind, ports.rtp_port(pair), dscp, inherited).ok().map(Sockets::Own)
    }

    pub(super) fn forget(&mut self, lease: LeaseId) {
        if let Some(keep) = &mut self.keep {
            keep.close(lease);
        }
    }

    /// Has the legs imaged that have changed.
    pub(super) fn put_images(&mut self, now: u64, is_exact: bool) {
        let Some(keep) = &mut self.keep else { return self.changed.clear() };
        for at in self.changed.drain(..) {
            if let Some((lease, peer, leg)) = self.slots.seen(at) {
                leg.imaged = Some((leg.state.pinned(), now));
                let image = LegImage {
                    peer: peer.map(|peer| peer.0),
                    is_exact,
                    tap: leg.tap,
                    room: leg.seated.as_ref().map(|seated| (seated.id, seated.sitting)),
                    keys: leg.ear.as_ref().map(|ear| (ear.events(), ear.keeps())),
                    outgoing: leg.outgoing.as_ref().map(|outgoing| outgoing.image()),
                    state: &leg.state,
                };
                image.keep(lease, keep.as_mut());
            }
        }
    }

    /// Whether the image of a leg that packets have come for is too old, or shows another source.
    pub(super) fn mind_image(&mut self, at: usize, now: u64) {
        if self.keep.is_none() {
            return;
        }
        let Some(leg) = self.slots.leg(at) else { return };
        let is_good = leg.imaged.is_some_and(|(pinned, made)| {
            pinned == leg.state.pinned() && now.saturating_sub(made) < IMAGE_AGE_MICROS_MAX
        });
        if !is_good {
            self.changed.push(at);
        }
    }
}
