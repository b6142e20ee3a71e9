//! Questions about the media of calls that are up, on their way to the relay and back.
//!
//! The relay answers every [`MediaCommand::Look`] with one [`MediaEvent::Seen`], and every
//! [`MediaCommand::Capture`] with one `Captured`, also about a lease that is gone. Nobody waits for it: who asks is answered
//! when the last of its leases has been told.

use std::{collections::VecDeque, net::SocketAddr, time::Instant};

use calls::{Input, quality};
use contract::{id::CallId, media::MediaView};
use streams::{
    capture::Capture,
    media::{LeaseId, LegReport, MediaCommand, MediaEvent, PortLease},
};
use tokio::sync::oneshot;

use super::{Control, Engine, Handle};

/// Questions that may wait; a further one takes the place of the oldest, whose asker hears that nobody answers.
const ASKED_MAX: usize = 64;

/// What the media of some calls is like, stream by stream.
pub type Sights = Vec<(CallId, MediaView)>;

impl Handle {
    /// Has the relay look at the media of these calls. The answer fails when either of the two is gone or too busy.
    pub fn media(&self, calls: Vec<CallId>) -> oneshot::Receiver<Sights> {
        let (answer, answered) = oneshot::channel();
        if self.controls.try_send(Control::Media(calls, answer)).is_ok() {
            let _ = self.waker.wake();
        }
        answered
    }

    /// Has the relay keep what comes and goes on the legs of a call for so many seconds. The answer fails as that of
    /// [`Handle::media`] does.
    pub fn capture(&self, call: CallId, secs: u16) -> oneshot::Receiver<Vec<(CallId, CapturedStream)>> {
        let (answer, answered) = oneshot::channel();
        if self.controls.try_send(Control::Capture(call, secs, answer)).is_ok() {
            let _ = self.waker.wake();
        }
        answered
    }
}

impl Engine {
    /// What carries media of these calls.
    pub(super) fn streams(&self, calls: &[CallId]) -> Vec<(CallId, u16, PortLease)> {
        let streams = calls.iter().flat_map(|call| {
            let leases = self.switchboard.open_leases(*call).into_iter();
            leases.map(|(leg, lease)| (*call, leg, lease))
        });
        streams.collect()
    }

    /// The relay has looked at a lease. Both may have asked, and each takes any answer: one is as new as the other.
    pub(super) fn seen(&mut self, now: Instant, lease: LeaseId, report: Option<Box<LegReport>>) {
        self.asked.seen(lease, report.as_deref());
        self.handle(now, Input::Media(MediaEvent::Seen { lease, report }));
    }
}

/// What came and went on the ports of one stream of a leg.
#[derive(Debug)]
pub struct CapturedStream {
    /// The number of the leg.
    pub leg: u16,
    /// Its RTP port.
    pub local: SocketAddr,
    /// Wall clock at the beginning of the packets' time line, in microseconds since 1970.
    pub origin_unix_micros: u64,
    /// The packets; `None` when too much was captured already.
    pub capture: Option<Box<Capture>>,
}

/// Questions that get a `T` about each stream.
#[derive(Debug)]
pub(super) struct Asked<T>(VecDeque<Question<T>>);

#[derive(Debug)]
struct Question<T> {
    left: Vec<(CallId, u16, PortLease)>,
    told: Vec<((CallId, u16, SocketAddr), T)>,
    answer: oneshot::Sender<Vec<(CallId, T)>>,
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Asked<T> {
    /// Asks about these streams; the orders are for the relay.
    pub(super) fn ask(
        &mut self,
        streams: Vec<(CallId, u16, PortLease)>,
        order: impl Fn(LeaseId) -> MediaCommand,
        answer: oneshot::Sender<Vec<(CallId, T)>>,
    ) -> Vec<MediaCommand> {
        if streams.is_empty() {
            let _ = answer.send(Vec::new());
            return Vec::new();
        }
        if self.0.len() >= ASKED_MAX {
            self.0.pop_front();
        }
        let orders = streams.iter().map(|(_, _, lease)| order(lease.id)).collect();
        self.0.push_back(Question { left: streams, told: Vec::new(), answer });
        orders
    }

    /// The relay has answered about a lease; `what` becomes of it, given the leg and its port.
    fn told(&mut self, lease: LeaseId, what: impl FnOnce(u16, SocketAddr) -> Option<T>) {
        let place = |question: &Question<T>| question.left.iter().position(|(_, _, left)| left.id == lease);
        let Some((at, index)) =
            self.0.iter().enumerate().find_map(|(at, question)| Some((at, place(question)?)))
        else {
            return;
        };
        let Some(question) = self.0.get_mut(at) else { return };
        let (call, leg, lease) = question.left.swap_remove(index);
        if let Some(what) = what(leg, lease.address) {
            question.told.push(((call, leg, lease.address), what));
        }
        if question.left.is_empty()
            && let Some(Question { mut told, answer, .. }) = self.0.remove(at)
        {
            told.sort_by_key(|(stream, _)| *stream);
            let _ = answer.send(told.into_iter().map(|((call, ..), what)| (call, what)).collect());
        }
    }
}

impl Asked<MediaView> {
    /// The relay has looked at a lease; `None`: it is gone.
    pub(super) fn seen(&mut self, lease: LeaseId, report: Option<&LegReport>) {
        self.told(lease, |leg, local| report.map(|report| quality::view(leg, local, report)));
    }
}

impl Asked<CapturedStream> {
    /// The relay has kept what came and went.
    pub(super) fn captured(
        &mut self,
        lease: LeaseId,
        capture: Option<Box<Capture>>,
        origin_unix_micros: u64,
    ) {
        self.told(lease, |leg, local| Some(CapturedStream { leg, local, origin_unix_micros, capture }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(call: u128, leg: u16, id: u32) -> (CallId, u16, PortLease) {
        let address = ([192, 0, 2, 1], 20_000 + leg).into();
        (CallId(uuid::Uuid::from_u128(call)), leg, PortLease { id: LeaseId(id), address })
    }

    fn look(lease: LeaseId) -> MediaCommand {
        MediaCommand::Look { lease }
    }

    #[test]
    fn who_asks_is_answered_when_all_streams_have_been_seen() {
        let mut asked = Asked::<MediaView>::default();
        let (answer, mut answered) = oneshot::channel();
        let looks = asked.ask(vec![stream(1, 1, 7), stream(1, 2, 8), stream(1, 3, 9)], look, answer);
        assert_eq!(looks.len(), 3);
        let report = LegReport { packets_received: 5, ..LegReport::default() };
        asked.seen(LeaseId(8), Some(&report));
        asked.seen(LeaseId(99), Some(&report));
        asked.seen(LeaseId(7), Some(&report));
        assert!(answered.try_recv().is_err());
        asked.seen(LeaseId(9), None);
        let seen = answered.try_recv().unwrap();
        assert_eq!(seen.iter().map(|(_, media)| media.leg).collect::<Vec<_>>(), [1, 2], "the third is gone");
        assert!(asked.0.is_empty());
    }

    #[test]
    fn two_who_ask_the_same_are_answered_in_turn() {
        let mut asked = Asked::<MediaView>::default();
        let (one, mut first) = oneshot::channel();
        let (other, mut second) = oneshot::channel();
        asked.ask(vec![stream(1, 1, 7)], look, one);
        asked.ask(vec![stream(1, 1, 7)], look, other);
        asked.seen(LeaseId(7), Some(&LegReport::default()));
        assert!(first.try_recv().is_ok() && second.try_recv().is_err());
        asked.seen(LeaseId(7), Some(&LegReport::default()));
        assert!(second.try_recv().is_ok());
        let (none, mut nobody) = oneshot::channel();
        assert!(asked.ask(Vec::new(), look, none).is_empty());
        assert_eq!(nobody.try_recv().unwrap().len(), 0);
    }

    #[test]
    fn a_question_too_many_displaces_the_oldest() {
        let mut asked = Asked::<MediaView>::default();
        let mut answers = Vec::new();
        for n in 0..=ASKED_MAX {
            let (answer, answered) = oneshot::channel();
            asked.ask(vec![stream(1, 1, u32::try_from(n).unwrap())], look, answer);
            answers.push(answered);
        }
        assert_eq!(asked.0.len(), ASKED_MAX);
        assert!(matches!(answers[0].try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    }
}
