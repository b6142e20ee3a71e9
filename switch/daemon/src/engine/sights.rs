//! Questions about the media of calls that are up, on their way to the relay and back.
//!
//! The relay answers every [`MediaCommand::Look`] with one [`MediaEvent::Seen`](streams::media::MediaEvent::Seen), also
//! about a lease that is gone. Nobody waits for it: who asks is answered when the last of its leases has been seen.

use std::collections::VecDeque;

use calls::quality;
use contract::{id::CallId, media::MediaView};
use streams::media::{LeaseId, LegReport, MediaCommand, PortLease};
use tokio::sync::oneshot;

/// Questions that may wait; a further one takes the place of the oldest, whose asker hears that nobody answers.
const ASKED_MAX: usize = 64;

/// What the media of some calls is like, stream by stream.
pub type Sights = Vec<(CallId, MediaView)>;

#[derive(Debug, Default)]
pub(super) struct Asked(VecDeque<Question>);

#[derive(Debug)]
struct Question {
    left: Vec<(CallId, u16, PortLease)>,
    seen: Sights,
    answer: oneshot::Sender<Sights>,
}

impl Asked {
    /// Asks about these streams; the orders are for the relay.
    pub(super) fn ask(
        &mut self,
        streams: Vec<(CallId, u16, PortLease)>,
        answer: oneshot::Sender<Sights>,
    ) -> Vec<MediaCommand> {
        if streams.is_empty() {
            let _ = answer.send(Vec::new());
            return Vec::new();
        }
        if self.0.len() >= ASKED_MAX {
            self.0.pop_front();
        }
        let looks = streams.iter().map(|(_, _, lease)| MediaCommand::Look { lease: lease.id }).collect();
        self.0.push_back(Question { left: streams, seen: Vec::new(), answer });
        looks
    }

    /// The relay has looked at a lease; `None`: it is gone.
    pub(super) fn seen(&mut self, lease: LeaseId, report: Option<&LegReport>) {
        let place = |question: &Question| question.left.iter().position(|(_, _, left)| left.id == lease);
        let Some((at, index)) =
            self.0.iter().enumerate().find_map(|(at, question)| Some((at, place(question)?)))
        else {
            return;
        };
        let Some(question) = self.0.get_mut(at) else { return };
        let (call, leg, lease) = question.left.swap_remove(index);
        if let Some(report) = report {
            question.seen.push((call, quality::view(leg, lease.address, report)));
        }
        if question.left.is_empty()
            && let Some(Question { mut seen, answer, .. }) = self.0.remove(at)
        {
            seen.sort_by_key(|(call, media)| (*call, media.leg, media.local));
            let _ = answer.send(seen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(call: u128, leg: u16, id: u32) -> (CallId, u16, PortLease) {
        let address = ([192, 0, 2, 1], 20_000 + leg).into();
        (CallId(uuid::Uuid::from_u128(call)), leg, PortLease { id: LeaseId(id), address })
    }

    #[test]
    fn who_asks_is_answered_when_all_streams_have_been_seen() {
        let mut asked = Asked::default();
        let (answer, mut answered) = oneshot::channel();
        let looks = asked.ask(vec![stream(1, 1, 7), stream(1, 2, 8), stream(1, 3, 9)], answer);
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
        let mut asked = Asked::default();
        let (one, mut first) = oneshot::channel();
        let (other, mut second) = oneshot::channel();
        asked.ask(vec![stream(1, 1, 7)], one);
        asked.ask(vec![stream(1, 1, 7)], other);
        asked.seen(LeaseId(7), Some(&LegReport::default()));
        assert!(first.try_recv().is_ok() && second.try_recv().is_err());
        asked.seen(LeaseId(7), Some(&LegReport::default()));
        assert!(second.try_recv().is_ok());
        let (none, mut nobody) = oneshot::channel();
        assert!(asked.ask(Vec::new(), none).is_empty());
        assert_eq!(nobody.try_recv().unwrap().len(), 0);
    }

    #[test]
    fn a_question_too_many_displaces_the_oldest() {
        let mut asked = Asked::default();
        let mut answers = Vec::new();
        for n in 0..=ASKED_MAX {
            let (answer, answered) = oneshot::channel();
            asked.ask(vec![stream(1, 1, u32::try_from(n).unwrap())], answer);
            answers.push(answered);
        }
        assert_eq!(asked.0.len(), ASKED_MAX);
        assert!(matches!(answers[0].try_recv(), Err(oneshot::error::TryRecvError::Closed)));
    }
}
