//! The table of port pairs: what each is used for now. The packet path reaches a leg by index, never by search.
//!
//! A slot is a port pair for good, or one of the legs that may be on the shared port; its generation tells one lease of the pair from the next, so that a late command
//! about a lease that was given back cannot touch a stranger's call.

use std::net::SocketAddr;

use streams::{
    diagnosis::Obstacle,
    keys::Ear,
    leg::{Channel, LegState},
    media::{LeaseId, LegMedia, LegReport, Tap},
    voice::Outgoing,
};

use crate::{shaking::Shaking, sockets::Sockets, syscall::Sent, way::Way, worker::Seated};

/// Times that one packet may pass through us.
const HOPS_MAX: usize = 8;

#[derive(Debug, Default)]
enum Use {
    #[default]
    Free,
    Stocked(Sockets),
    Open(Box<Leg>),
}

#[derive(Debug, Default)]
struct Slot {
    generation: u16,
    used: Use,
}

/// An open leg with its sockets.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) sockets: Sockets,
    pub(crate) state: LegState,
    peer: Option<usize>,
    /// What its latest image showed, and when it was made.
    pub(crate) imaged: Option<(Option<SocketAddr>, u64)>,
    /// Where copies of what it sends go.
    pub(crate) tap: Option<Tap>,
    /// Listens for its keys, where somebody wants to know them.
    pub(crate) ear: Option<Box<Ear>>,
    /// Where it sits with others, in place of a peer.
    pub(crate) seated: Option<Box<Seated>>,
    /// What it is sent, where that is not simply what its peer sends.
    pub(crate) outgoing: Option<Box<Outgoing>>,
    /// When it has its turn next, by the agenda.
    pub(crate) due_micros: Option<u64>,
    /// The poll of those whose packets gather tells of its sockets.
    pub(crate) gathers: bool,
    pub(crate) shaking: Shaking,
}

impl Leg {
    fn new(sockets: Sockets, state: LegState) -> Self {
        Self {
            sockets,
            state,
            peer: None,
            imaged: None,
            tap: None,
            ear: None,
            seated: None,
            outgoing: None,
            due_micros: None,
            gathers: false,
            shaking: Shaking::default(),
        }
    }

    /// It is joined to nobody and sits in no room.
    pub(crate) fn is_alone(&self) -> bool {
        self.peer.is_none() && self.seated.is_none()
    }

    /// It hears what it says.
    pub(crate) fn is_echoed(&self) -> bool {
        self.outgoing.as_ref().is_some_and(|outgoing| outgoing.is_echo())
    }

    /// What became of speech that it was sent.
    pub(crate) fn sent(&mut self, sent: Sent, now_micros: u64) {
        self.state.sent(sent.datagrams, sent.bytes);
        if sent.errors > 0 {
            self.state.unsent(now_micros, Obstacle::Here);
        }
    }

    /// How one of its channels leaves.
    pub(crate) fn way(&self, channel: Channel) -> Way<'_> {
        self.sockets.way(channel)
    }

    /// Where datagrams go that are sent to it; what goes on a connection comes to no port of ours.
    pub(crate) fn destination(&self, channel: Channel) -> Option<SocketAddr> {
        let is_connected = matches!(self.sockets, Sockets::Connected(_));
        self.state.destination(channel).filter(|_| !is_connected)
    }
}

/// All pairs of one relay.
#[derive(Debug)]
pub(crate) struct Slots(Vec<Slot>);

impl Slots {
    pub(crate) fn new(pairs: usize) -> Self {
        Self((0..pairs).map(|_| Slot::default()).collect())
    }

    /// Puts a bound pair on stock.
    pub(crate) fn stock(&mut self, at: usize, sockets: Sockets) -> Option<LeaseId> {
        let slot = self.0.get_mut(at)?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.used = Use::Stocked(sockets);
        let index = u32::try_from(at).ok()?;
        Some(LeaseId(u32::from(slot.generation) << 16 | index))
    }

    /// The slot of a lease that has not been given back.
    pub(crate) fn find(&self, lease: LeaseId) -> Option<usize> {
        let at = (lease.0 & 0xffff) as usize;
        let slot = self.0.get(at)?;
        let current = u32::from(slot.generation) == lease.0 >> 16 && !matches!(slot.used, Use::Free);
        current.then_some(at)
    }

    /// A leg of a former life, under the lease that it had. `None` if its slot is in use or does not exist.
    pub(crate) fn resume(&mut self, lease: LeaseId, sockets: Sockets, state: LegState) -> Option<usize> {
        let at = (lease.0 & 0xffff) as usize;
        let slot = self.0.get_mut(at).filter(|slot| matches!(slot.used, Use::Free))?;
        slot.generation = u16::try_from(lease.0 >> 16).ok()?;
        slot.used = Use::Open(Box::new(Leg::new(sockets, state)));
        Some(at)
    }

    /// The lease of a slot.
    pub(crate) fn lease(&self, at: usize) -> Option<LeaseId> {
        let index = u32::try_from(at).ok()?;
        self.0.get(at).map(|slot| LeaseId(u32::from(slot.generation) << 16 | index))
    }

    /// An open leg for its image, with the lease of its peer.
    pub(crate) fn seen(&mut self, at: usize) -> Option<(LeaseId, Option<LeaseId>, &mut Leg)> {
        let lease = self.lease(at)?;
        let peer = self.leg(at)?.peer.and_then(|peer| self.lease(peer));
        self.leg(at).map(|leg| (lease, peer, leg))
    }

    /// How many slots there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// From stock to open. `None` if the slot is not on stock.
    pub(crate) fn open(&mut self, at: usize, media: LegMedia) -> Option<&mut Leg> {
        let slot = self.0.get_mut(at)?;
        match std::mem::take(&mut slot.used) {
            Use::Stocked(sockets) => {
                slot.used = Use::Open(Box::new(Leg::new(sockets, LegState::new(media))));
                self.leg(at)
            }
            used => {
                slot.used = used;
                None
            }
        }
    }

    pub(crate) fn leg(&mut self, at: usize) -> Option<&mut Leg> {
        match &mut self.0.get_mut(at)?.used {
            Use::Open(leg) => Some(leg),
            Use::Free | Use::Stocked(_) => None,
        }
    }

    /// The leg that an open leg is joined to.
    pub(crate) fn peer(&self, at: usize) -> Option<usize> {
        match &self.0.get(at)?.used {
            Use::Open(leg) => leg.peer,
            Use::Free | Use::Stocked(_) => None,
        }
    }

    /// Whether a leg that is echoed would be echoed to a port of ours.
    pub(crate) fn comes_back(&self, at: usize, own: impl Fn(SocketAddr) -> Option<usize>) -> bool {
        let Some(Use::Open(leg)) = self.0.get(at).map(|slot| &slot.used) else { return false };
        leg.is_echoed() && leg.destination(Channel::Rtp).and_then(own).is_some()
    }

    /// An open leg and the one it is joined to.
    pub(crate) fn leg_and_peer(&mut self, at: usize) -> Option<(&mut Leg, Option<&mut Leg>)> {
        let Some(peer) = self.leg(at)?.peer else {
            return self.leg(at).map(|leg| (leg, None));
        };
        let [one, other] = self.0.get_disjoint_mut([at, peer]).ok()?;
        match (&mut one.used, &mut other.used) {
            (Use::Open(leg), Use::Open(peer)) => Some((leg, Some(peer))),
            _ => None,
        }
    }

    /// Joins two open legs, each parted first. False if they are not two open legs.
    pub(crate) fn join(&mut self, a: usize, b: usize) -> bool {
        if a == b || self.leg(a).is_none() || self.leg(b).is_none() {
            return false;
        }
        self.part(a);
        self.part(b);
        for (one, other) in [(a, b), (b, a)] {
            if let Some(leg) = self.leg(one) {
                leg.peer = Some(other);
            }
        }
        true
    }

    /// Ends the join of a leg, if there is one, on both sides.
    pub(crate) fn part(&mut self, at: usize) {
        let Some((leg, Some(peer))) = self.leg_and_peer(at) else { return };
        let (one, other) = (leg.state.as_other(), peer.state.as_other());
        leg.state.part_from(other);
        peer.state.part_from(one);
        (leg.peer, peer.peer) = (None, None);
    }

    /// What an open leg is like.
    pub(crate) fn report(&mut self, at: usize, now: u64) -> Option<LegReport> {
        let (leg, peer) = self.leg_and_peer(at)?;
        Some(leg.state.seen(now, peer.map(|peer| peer.state.as_other()), leg.outgoing.is_some()))
    }

    /// Closes the sockets and says what the leg was like. `None` for a leg that was never opened.
    pub(crate) fn close(&mut self, at: usize, now: u64) -> Option<LegReport> {
        self.part(at);
        match std::mem::take(&mut self.0.get_mut(at)?.used) {
            Use::Open(mut leg) => Some(leg.state.last_seen(now, None, leg.outgoing.is_some())),
            Use::Free | Use::Stocked(_) => None,
        }
    }

    /// Whether what a leg receives would come back to it through ports of our own, for ever: RTP has no hop count,
    /// and two descriptions that name our ports suffice. `own` gives the slot of an address of ours. A path through
    /// us more than once that ends elsewhere is fine.
    pub(crate) fn goes_round(
        &self,
        at: usize,
        channel: Channel,
        own: impl Fn(SocketAddr) -> Option<usize>,
    ) -> bool {
        let open = |at: usize| match &self.0.get(at)?.used {
            Use::Open(leg) => Some(leg),
            Use::Free | Use::Stocked(_) => None,
        };
        let mut here = at;
        for _ in 0..HOPS_MAX {
            let peer = open(here).and_then(|leg| open(leg.peer?));
            let next = peer.and_then(|leg| leg.destination(channel)).and_then(&own);
            match next {
                None => return false,
                Some(next) if next == at => return true,
                Some(next) => here = next,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use mio::net::UdpSocket;

    use super::*;
    use crate::sockets::Pair;

    fn pair() -> Sockets {
        let any = || UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Sockets::Own(Pair { rtp: any(), rtcp: any() })
    }

    fn open(slots: &mut Slots, at: usize) -> LeaseId {
        let lease = slots.stock(at, pair()).unwrap();
        assert!(slots.open(at, LegMedia::unknown([127, 0, 0, 1].into())).is_some());
        lease
    }

    #[test]
    fn a_lease_that_was_given_back_is_not_found_again() {
        let mut slots = Slots::new(2);
        let first = open(&mut slots, 1);
        assert_eq!(slots.find(first), Some(1));
        assert!(slots.close(1, 0).is_some());
        assert_eq!(slots.find(first), None);
        let second = slots.stock(1, pair()).unwrap();
        assert_ne!(first, second);
        assert_eq!((slots.find(first), slots.find(second)), (None, Some(1)));
        assert_eq!(slots.close(1, 0), None, "never opened");
        assert_eq!(slots.find(LeaseId(u32::MAX)), None);
    }

    #[test]
    fn a_pair_is_opened_once() {
        let mut slots = Slots::new(1);
        open(&mut slots, 0);
        assert!(slots.open(0, LegMedia::unknown([127, 0, 0, 1].into())).is_none());
        assert!(slots.leg(0).is_some(), "and stays open");
    }

    /// Ports 10, 11, 12 … are ours, and belong to slots 0, 1, 2 …
    #[test]
    fn packets_that_would_come_back_for_ever_are_seen() {
        let to = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let check = |remotes: &[u16], joins: &[(usize, usize)]| {
            let mut slots = Slots::new(remotes.len());
            for (at, port) in remotes.iter().enumerate() {
                slots.stock(at, pair()).unwrap();
                let known = LegMedia { remote: Some(to(*port)), ..LegMedia::unknown([127, 0, 0, 1].into()) };
                slots.open(at, known).unwrap();
            }
            for (a, b) in joins {
                assert!(slots.join(*a, *b));
            }
            let own = |address: SocketAddr| {
                Some(usize::from(address.port().checked_sub(10).filter(|slot| *slot < 90)?))
            };
            slots.goes_round(0, Channel::Rtp, own)
        };
        assert!(!check(&[4_000, 5_000], &[(0, 1)]), "two phones");
        assert!(!check(&[4_000, 5_000], &[]), "not joined");
        assert!(check(&[4_000, 10], &[(0, 1)]), "the second says that it is the first");
        assert!(!check(&[4_000, 12, 11, 5_000], &[(0, 1), (2, 3)]), "through us twice, then out");
        assert!(check(&[4_000, 12, 4_000, 10], &[(0, 1), (2, 3)]), "round over two calls");
        assert!(check(&[4_000, 12, 4_000, 12], &[(0, 1), (2, 3)]), "round without its beginning");
        assert!(!check(&[4_000, 60], &[(0, 1)]), "a port of ours that is not open");
    }

    #[test]
    fn joins_are_mutual_and_exclusive() {
        let mut slots = Slots::new(3);
        for at in 0..3 {
            open(&mut slots, at);
        }
        let peers = |slots: &mut Slots| -> Vec<Option<usize>> {
            (0..3).map(|at| slots.leg(at).unwrap().peer).collect()
        };
        assert!(!slots.join(0, 0));
        assert!(!slots.join(0, 9));
        assert!(slots.join(0, 1));
        assert_eq!(peers(&mut slots), [Some(1), Some(0), None]);
        assert!(slots.join(2, 0));
        assert_eq!(peers(&mut slots), [Some(2), None, Some(0)]);
        slots.part(1);
        assert_eq!(peers(&mut slots), [Some(2), None, Some(0)]);
        assert!(slots.leg_and_peer(0).unwrap().1.is_some());
        slots.close(2, 0);
        assert!(slots.leg_and_peer(0).unwrap().1.is_none());
        assert!(slots.leg_and_peer(2).is_none());
    }
}
