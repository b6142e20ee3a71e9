//! What has come in on a socket, out through the other leg's. Carrying a packet allocates nothing, locks nothing, asks no
//! clock, logs nothing and searches nothing: the poll token is the index of the leg.

use std::{
    collections::VecDeque,
    io::{Error, ErrorKind},
    net::SocketAddr,
    ops::Range,
};

use streams::{
    keys::Ear,
    leg::{Channel, DropReason},
    media::{LeaseId, MediaEvent, Tap, Voice},
    path::{Path, Step},
    voice::MADE_PACKETS_MAX,
};

use super::{
    BACKLOG_ROOM, BATCHES_PER_TURN_MAX, Seated, Worker,
    ports::{leg_of, token},
};
use crate::{
    config::PortRange,
    counters::Tally,
    shaking::Heard,
    slots::Leg,
    stock::Pool,
    syscall::{BATCH_MAX, Batch, Sent},
    tap::Taps,
    way::Way,
};

/// Packets of our own making that are sent with one system call; as many again may come of one datagram.
const MADE_AT_ONCE_MAX: usize = MADE_PACKETS_MAX / 2;

impl<W: Fn()> Worker<W> {
    /// Everything that has come in on one socket.
    pub(super) fn carry(&mut self, batch: &mut Batch, token: usize, now: u64) {
        batch.clear(None);
        self.carry_more(batch, token, now);
        self.send_postponed(batch, now);
    }

    /// The same behind what the batch holds already; what leaves together with that is left to be sent.
    pub(super) fn carry_more(&mut self, batch: &mut Batch, token: usize, now: u64) {
        let (at, channel) = leg_of(token);
        self.mind_image(at, now);
        let is_all = (0..BATCHES_PER_TURN_MAX).any(|_| !self.carry_batch(batch, at, channel, now));
        if !is_all {
            // The poll tells edges only: ask to be told again.
            self.ask_again(at, channel);
        }
        self.mind_gathering(at);
    }

    /// One batch from one socket, out through the other leg's: whether there may be more.
    fn carry_batch(&mut self, batch: &mut Batch, at: usize, channel: Channel, now: u64) -> bool {
        if batch.left() == 0 {
            self.send_postponed(batch, now);
            batch.clear(None);
        }
        let socket = self.slots.leg(at).and_then(|leg| leg.sockets.own(channel));
        let Some(socket) = socket else { return false };
        let room = batch.left();
        let came = match batch.receive_more(socket) {
            Ok(came) => came,
            Err(error) => return has_more(&error, &mut self.tally),
        };
        let received = came.len();
        self.tally.datagrams_received += received as u64;
        self.carry_those(batch, (at, channel), all(came), now);
        received == room
    }

    /// Those datagrams of a batch that are for one leg, a bit for each, out through the other leg's socket.
    pub(super) fn carry_those(
        &mut self,
        batch: &mut Batch,
        (at, channel): (usize, Channel),
        which: u64,
        now: u64,
    ) {
        let ports = self.config.ports;
        let pools = &self.pools;
        let own = |address| own_slot(pools, ports, address);
        let round = self.slots.goes_round(at, channel, own) || self.slots.comes_back(at, own);
        let (lease, peer) = (self.slots.lease(at), self.slots.peer(at));
        let Some((from, to)) = self.slots.leg_and_peer(at) else { return };
        let whose = token(peer.filter(|_| !from.is_echoed()).unwrap_or(at), channel);
        self.tally.send_loops += if round { u64::from(which.count_ones()) } else { 0 };
        let mut listeners = Listeners::of(from, channel, &mut self.taps, &mut self.backlog);
        let (mut path, way) = path_of(channel, from, to, round.then_some(now));
        let (mut handshakes, mut is_behind) = (0_u64, false);
        for n in each(which) {
            let Some((source, room, len)) = batch.datagram(n) else {
                self.tally.dropped_too_long += 1;
                path.missed();
                continue;
            };
            let step = match path.accept(now, source, room, len) {
                Ok(accepted) => {
                    let packet = room.get(..accepted.len).unwrap_or_default();
                    listeners.hear(lease, path.voice(), now, packet, &mut self.tally);
                    let is_kept = listeners.ear.as_ref().is_some_and(|ear| ear.keeps_latest());
                    if let Some(seated) = listeners.seated.as_deref_mut().filter(|_| accepted.goes_on) {
                        seated.member.take(now, packet, is_kept);
                    }
                    if is_kept { Step::Keep } else { path.pass_on(now, accepted, room, &mut self.made) }
                }
                Err(reason) => Step::Drop(reason),
            };
            match step {
                Step::Send(len) => batch.queue(n, len),
                Step::SendMade => {
                    if self.made.len() >= MADE_AT_ONCE_MAX
                        && let Some(destination) = path.destination()
                    {
                        let sent = way.send_made(batch, &mut self.made, destination);
                        note_sent(sent, &mut path, &mut self.tally, now);
                    }
                }
                Step::Keep => self.tally.kept += 1,
                Step::Drop(reason) => {
                    handshakes |= u64::from(reason == DropReason::Handshake) << n;
                    is_behind |= reason == DropReason::Behind;
                    self.tally.dropped(reason);
                }
            }
        }
        if let Some(destination) = path.destination() {
            let sent = if self.made.is_empty() {
                way.postpone_batch(batch, destination, whose.0)
            } else {
                way.send_batch(batch, destination).and(way.send_made(batch, &mut self.made, destination))
            };
            note_sent(sent, &mut path, &mut self.tally, now);
        }
        let wants_turn = path.wants_turn();
        if listeners.leave(self.slots.leg(at)) {
            self.changed.push(at);
        }
        self.mind_peer(at, wants_turn, is_behind);
        self.shake(batch, (at, channel), handshakes, now);
    }

    /// What leaves by a shared port, of all legs that a batch was for.
    pub(super) fn send_postponed(&mut self, batch: &mut Batch, now: u64) {
        batch.send_postponed(|token, sent| {
            self.tally.sent(sent);
            // RTCP says nothing about sound.
            if let (at, Channel::Rtp) = leg_of(token)
                && let Some(leg) = self.slots.leg(at)
            {
                leg.sent(sent, now);
            }
        });
    }

    /// The one that a batch was carried to wants a turn without a packet, or cannot be sent what comes as it comes.
    fn mind_peer(&mut self, at: usize, wants_turn: bool, is_behind: bool) {
        let Some(peer) = self.slots.peer(at) else { return };
        if is_behind {
            self.take_over(peer);
        }
        if wants_turn {
            self.schedule(peer);
        }
    }

    /// Those datagrams of a batch that are parts of handshakes, a bit for each.
    pub(super) fn shake(&mut self, batch: &mut Batch, (at, channel): (usize, Channel), which: u64, now: u64) {
        for n in each(which) {
            let (Some(leg), Some((source, room, len))) = (self.slots.leg(at), batch.datagram(n)) else {
                return;
            };
            let heard = Heard { channel, source, datagram: room.get(..len).unwrap_or_default() };
            if self.shakers.take((at, leg), heard, now, &mut self.tally) {
                self.changed.push(at);
            }
        }
    }
}

/// Who hears what a leg sends besides its peer: the recorder, whoever wants to know its keys, and the room it sits in.
struct Listeners<'a> {
    tap: Option<Tap>,
    taps: &'a mut Taps,
    /// Taken from the leg for the length of a batch.
    ear: Option<Box<Ear>>,
    /// As well.
    seated: Option<Box<Seated>>,
    has_key: bool,
    backlog: &'a mut VecDeque<MediaEvent>,
}

impl<'a> Listeners<'a> {
    /// Reports are nobody's to hear.
    fn of(
        leg: &mut Leg,
        channel: Channel,
        taps: &'a mut Taps,
        backlog: &'a mut VecDeque<MediaEvent>,
    ) -> Self {
        let (tap, ear, seated) = match channel {
            Channel::Rtp => (leg.tap, leg.ear.take(), leg.seated.take()),
            Channel::Rtcp => (None, None, None),
        };
        Self { tap, taps, ear, seated, has_key: false, backlog }
    }

    /// An accepted packet, plain.
    fn hear(
        &mut self,
        lease: Option<LeaseId>,
        voice: Option<&Voice>,
        now: u64,
        packet: &[u8],
        tally: &mut Tally,
    ) {
        if let Some(tap) = self.tap {
            self.taps.hear(tap, voice, now, packet, tally);
        }
        let Some(ear) = &mut self.ear else { return };
        let Some((lease, key)) = lease.zip(ear.hear(now, packet)) else { return };
        self.has_key = true;
        if self.backlog.len() < BACKLOG_ROOM {
            self.backlog.push_back(MediaEvent::Key { lease, key });
        } else {
            tally.keys_lost += 1;
        }
    }

    /// The batch is over: whether a key was heard.
    fn leave(self, leg: Option<&mut Leg>) -> bool {
        if let Some(leg) = leg {
            leg.ear = self.ear.or(leg.ear.take());
            leg.seated = self.seated.or(leg.seated.take());
        }
        self.has_key
    }
}

/// There is a bit for each datagram.
const _: () = assert!(BATCH_MAX < 64);

/// All datagrams from one on until another one.
fn all(came: Range<usize>) -> u64 {
    came.fold(0, |which, n| which | 1 << n)
}

/// The numbers of the datagrams whose bits are set.
fn each(which: u64) -> impl Iterator<Item = usize> {
    (0..BATCH_MAX).filter(move |n| which >> n & 1 == 1)
}

/// An error of reading is about something that was sent before, unless it says that there is nothing.
pub(super) fn has_more(error: &Error, tally: &mut Tally) -> bool {
    let is_empty = error.kind() == ErrorKind::WouldBlock;
    tally.receive_errors += u64::from(!is_empty);
    !is_empty
}

fn note_sent(sent: Sent, path: &mut Path<'_>, tally: &mut Tally, now: u64) {
    tally.sent(sent);
    path.sent(sent.datagrams, sent.bytes);
    if sent.errors > 0 {
        path.unsent(now);
    }
}

/// From one leg to the other, or back to itself, with the way that it leaves by. What would go round goes nowhere.
fn path_of<'a>(
    channel: Channel,
    from: &'a mut Leg,
    to: Option<&'a mut Leg>,
    round_micros: Option<u64>,
) -> (Path<'a>, Way<'a>) {
    let echo = from.outgoing.as_deref_mut().filter(|outgoing| outgoing.is_echo());
    match (echo, to) {
        (_, to) if round_micros.is_some() => {
            if let (Some(to), Some(now)) = (to, round_micros) {
                to.state.looped(now);
            }
            (Path::new(channel, &mut from.state, None), from.sockets.way(channel))
        }
        (Some(outgoing), _) => (Path::echo(channel, &mut from.state, outgoing), from.sockets.way(channel)),
        (None, Some(to)) => {
            let path = Path::new(channel, &mut from.state, Some(&mut to.state));
            (path.through(to.outgoing.as_deref_mut()), to.sockets.way(channel))
        }
        (None, None) => (Path::new(channel, &mut from.state, None), from.sockets.way(channel)),
    }
}

/// The slot whose port an address is, if it is one of our own.
pub(super) fn own_slot(pools: &[Pool], ports: PortRange, address: SocketAddr) -> Option<usize> {
    let at = pools.iter().position(|pool| pool.is_own(address.ip()))?;
    Some(at * ports.pairs() + ports.pair_of(address.port())?)
}
