//! What one leg receives, the other is sent: the decision for each packet of a batch.
//!
//! Same codec on both sides: nothing is rewritten. Between legs without SRTP the datagram goes out as it came in;
//! else it is opened with the keys of one and sealed with those of the other, where it lies. Where the legs have not
//! agreed on the same, or a leg hears something else, [`Outgoing`] says what becomes of a packet. The caller owns the
//! sockets; it sends from the port that the receiving far end knows (symmetric RTP, RFC 4961).

use std::net::SocketAddr;

use crate::{
    diagnosis::Obstacle,
    leg::{Channel, DropReason, LegState, Verdict},
    media::Voice,
    voice::{Made, Outgoing, Passed},
};

/// What to do with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send this many bytes of it to [`Path::destination`].
    Send(usize),
    /// What was made of it, sealed, is to be sent there in its place; that may be nothing.
    SendMade,
    /// Accepted, but there is nobody to send it to now (hold, no partner yet, no address yet).
    Keep,
    /// Dropped.
    Drop(DropReason),
}

/// A datagram that its leg has taken, uncovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// How many bytes of it are plain.
    pub len: usize,
    /// Its far end sends now, by its description.
    pub goes_on: bool,
}

/// Where a path ends.
#[derive(Debug)]
enum End<'a> {
    Nowhere,
    /// At another leg.
    Leg(&'a mut LegState),
    /// Where it began: an echo.
    Back,
}

/// One direction between two legs on one channel, borrowed for a batch.
#[derive(Debug)]
pub struct Path<'a> {
    from: &'a mut LegState,
    to: End<'a>,
    outgoing: Option<&'a mut Outgoing>,
    channel: Channel,
    destination: Option<SocketAddr>,
}

impl<'a> Path<'a> {
    /// `to` is the joined leg, if there is one.
    pub fn new(channel: Channel, from: &'a mut LegState, to: Option<&'a mut LegState>) -> Self {
        let destination = to.as_deref().and_then(|leg| leg.destination(channel));
        Self { from, to: to.map_or(End::Nowhere, End::Leg), outgoing: None, channel, destination }
    }

    /// With what the joined leg is sent where that is not simply what comes.
    #[must_use]
    pub fn through(mut self, outgoing: Option<&'a mut Outgoing>) -> Self {
        self.outgoing = outgoing;
        self
    }

    /// From a leg back to itself. Its reports are about nobody's stream but its own, and go nowhere.
    pub fn echo(channel: Channel, from: &'a mut LegState, outgoing: &'a mut Outgoing) -> Self {
        let destination = if channel == Channel::Rtp { from.destination(channel) } else { None };
        Self { from, to: End::Back, outgoing: Some(outgoing), channel, destination }
    }

    /// Where the batch goes; it cannot change while the batch is judged.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.destination
    }

    /// What the speech of the receiving leg is written in.
    pub fn voice(&self) -> Option<&Voice> {
        self.from.voice()
    }

    /// Judges, counts and uncovers the datagram `room[..len]`.
    pub fn accept(
        &mut self,
        now_micros: u64,
        source: SocketAddr,
        room: &mut [u8],
        len: usize,
    ) -> Result<Accepted, DropReason> {
        let packet = room.get_mut(..len).unwrap_or_default();
        match self.from.accept(now_micros, self.channel, source, packet) {
            Verdict::Forward(len) => Ok(Accepted { len, goes_on: true }),
            Verdict::Keep(len) => Ok(Accepted { len, goes_on: false }),
            Verdict::Drop(reason) => Err(reason),
        }
    }

    /// A datagram was too long to be read. RTCP says nothing about sound.
    pub fn missed(&mut self) {
        if self.channel == Channel::Rtp {
            self.from.missed();
        }
    }

    /// Prepares what was accepted for the other leg: where it lies, and then what is sent may be longer, or as new packets.
    pub fn pass_on(&mut self, now_micros: u64, accepted: Accepted, room: &mut [u8], made: &mut Made) -> Step {
        if !accepted.goes_on || self.destination.is_none() {
            return Step::Keep;
        }
        let passed = match (&mut self.outgoing, self.channel) {
            (None, _) => Passed::InPlace,
            (Some(outgoing), Channel::Rtcp) if outgoing.shows_joined() => Passed::InPlace,
            (Some(_), Channel::Rtcp) => Passed::Kept,
            (Some(outgoing), Channel::Rtp) => {
                let packet = room.get_mut(..accepted.len).unwrap_or_default();
                match outgoing.pass_on(now_micros, packet, made) {
                    Ok(passed) => passed,
                    Err(reason) => return Step::Drop(reason),
                }
            }
        };
        let is_ours = self.outgoing.as_ref().is_some_and(|outgoing| !outgoing.shows_joined());
        let to = match &mut self.to {
            End::Nowhere => return Step::Keep,
            End::Leg(to) => {
                if self.channel == Channel::Rtcp && matches!(passed, Passed::InPlace) {
                    to.pass_report(now_micros, self.from);
                }
                to
            }
            End::Back => &mut *self.from,
        };
        match passed {
            Passed::Kept => Step::Keep,
            Passed::InPlace => {
                if self.channel == Channel::Rtp {
                    to.speak(now_micros, room.get(..accepted.len).unwrap_or_default(), is_ours);
                }
                to.seal(now_micros, self.channel, room, accepted.len).map_or_else(Step::Drop, Step::Send)
            }
            Passed::Made => match to.seal_made(now_micros, made) {
                0 => Step::SendMade,
                _ => Step::Drop(DropReason::Unsealed),
            },
        }
    }

    /// Counts packets that the kernel took, for the leg that they went to.
    pub fn sent(&mut self, packets: u64, bytes: u64) {
        match (&mut self.to, self.channel) {
            (_, Channel::Rtcp) | (End::Nowhere, _) => {}
            (End::Leg(to), Channel::Rtp) => to.sent(packets, bytes),
            (End::Back, Channel::Rtp) => self.from.sent(packets, bytes),
        }
    }

    /// The kernel refused some of it, for the leg that it was to go to. RTCP says nothing about sound.
    pub fn unsent(&mut self, now_micros: u64) {
        match (&mut self.to, self.channel) {
            (_, Channel::Rtcp) | (End::Nowhere, _) => {}
            (End::Leg(to), Channel::Rtp) => to.unsent(now_micros, Obstacle::Here),
            (End::Back, Channel::Rtp) => self.from.unsent(now_micros, Obstacle::Here),
        }
    }

    /// Whether the other leg wants a turn without a packet.
    pub fn wants_turn(&self) -> bool {
        matches!(self.to, End::Leg(_))
            && self.outgoing.as_ref().is_some_and(|outgoing| outgoing.due().is_some())
    }

    /// Both in one, between legs of which none is sent anything else.
    pub fn carry(&mut self, now_micros: u64, source: SocketAddr, room: &mut [u8], len: usize) -> Step {
        match self.accept(now_micros, source, room, len) {
            Ok(accepted) => self.pass_on(now_micros, accepted, room, &mut Made::none()),
            Err(reason) => Step::Drop(reason),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnosis::{Diagnosis, Other},
        media::LegMedia,
    };

    fn address(last: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, last], 4_000))
    }

    fn leg(last: u8, sends: bool, receives: bool) -> LegState {
        let remote = address(last);
        let rtcp = SocketAddr::new(remote.ip(), 4_001);
        LegState::new(LegMedia {
            remote: Some(remote),
            remote_rtcp: Some(rtcp),
            sends,
            receives,
            ..LegMedia::unknown(remote.ip())
        })
    }

    fn check(channel: Channel, sends: bool, receives: bool) -> Step {
        let (mut from, mut to) = (leg(1, sends, true), leg(2, true, receives));
        let (packet, port): (&[u8], u16) = match channel {
            Channel::Rtp => (&[0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3], 4_000),
            Channel::Rtcp => (&[0x80, 201, 0, 1, 0, 0, 0, 3], 4_001),
        };
        let mut path = Path::new(channel, &mut from, Some(&mut to));
        if let Some(to) = path.destination() {
            assert_eq!(to, SocketAddr::from(([192, 0, 2, 2], port)));
        }
        path.carry(0, SocketAddr::from(([192, 0, 2, 1], port)), &mut packet.to_vec(), packet.len())
    }

    /// RFC 3264 §8.4: hold stops RTP in the direction it says, never RTCP.
    #[test]
    fn hold_stops_rtp_and_not_rtcp() {
        assert_eq!(check(Channel::Rtp, true, true), Step::Send(12));
        assert_eq!(check(Channel::Rtp, false, true), Step::Keep, "the sender said recvonly");
        assert_eq!(check(Channel::Rtp, true, false), Step::Keep, "the receiver said sendonly");
        assert_eq!(check(Channel::Rtcp, false, false), Step::Send(8));
    }

    #[test]
    fn what_cannot_be_read_or_sent_is_told_of_rtp_and_not_of_rtcp() {
        let told = |channel| {
            let (mut from, mut to) = (leg(1, true, true), leg(2, true, true));
            let mut path = Path::new(channel, &mut from, Some(&mut to));
            for second in 0..30 {
                path.missed();
                path.unsent(second * 1_000_000);
            }
            let other = Some(Other { receives: true, loss_percent: 0 });
            [from, to].map(|leg| leg.seen(29_000_000, other, false).judgement.diagnosis.unwrap())
        };
        let unreachable = Diagnosis::Unreachable { address: address(2), obstacle: Obstacle::Here };
        assert_eq!(told(Channel::Rtp), [Diagnosis::TooLong, unreachable]);
        assert_eq!(told(Channel::Rtcp), [Diagnosis::NothingReceived; 2]);
    }

    #[test]
    fn a_leg_without_partner_receives_into_nothing() {
        let mut from = leg(1, true, true);
        let mut packet = [0x80, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        let mut path = Path::new(Channel::Rtp, &mut from, None);
        assert_eq!(path.carry(0, address(1), &mut packet, 12), Step::Keep);
        assert_eq!(path.carry(0, address(9), &mut packet, 12), Step::Drop(DropReason::Foreign));
        assert_eq!(from.report().packets_received, 1);
        assert_eq!(from.report().packets_foreign, 1);
    }
}
