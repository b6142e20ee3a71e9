//! What an endpoint takes in and puts out: inputs, outputs, and the events for its owner.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::flow::Flow;
use crate::message::OwnedMessage;
use crate::session::SessionKey;
use crate::subscription::{SubscriptionEnd, SubscriptionKey, SubscriptionState, WatchEnd, WatchKey};

use super::order::{Body, Reason};
use super::table::RequestKey;

/// What happens to an endpoint from outside.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A datagram, or one framed message of a stream.
    Received {
        /// Where it came from.
        flow: Flow,
        /// The whole message.
        bytes: &'a [u8],
    },
    /// Sending on this flow failed, or its connection is gone.
    Unreachable {
        /// The flow.
        flow: Flow,
    },
    /// Who was at the other end of one connection is at that of another now, as it has proved: what goes on between us goes on
    /// there (RFC 5626 5.3).
    Moved {
        /// The flow that was.
        from: Flow,
        /// The flow that is.
        to: Flow,
    },
    /// The deadline has come. Early or late calls do no harm.
    Timeout,
}

/// What an endpoint wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Hand these bytes to the transport.
    Send {
        /// Where to.
        flow: Flow,
        /// One whole message; repeats of a message share the same buffer.
        bytes: Bytes,
    },
    /// Something the owner has to know.
    Event(Event),
}

/// A reusable queue of outputs. The order is meaningful.
#[derive(Default, Debug)]
pub struct Outputs {
    queue: VecDeque<Output>,
    /// Sessions whose transactions have moved; `None` when nobody asks.
    touched: Option<BTreeSet<SessionKey>>,
}

impl Outputs {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty queue that notes which sessions change, for an owner who keeps images of them.
    #[must_use]
    pub fn noting_sessions() -> Self {
        Self { touched: Some(BTreeSet::new()), ..Self::default() }
    }

    /// One of the sessions that have changed, each once.
    pub fn pop_touched(&mut self) -> Option<SessionKey> {
        self.touched.as_mut()?.pop_first()
    }

    pub(crate) fn touch(&mut self, session: Option<SessionKey>) {
        if let Some(touched) = &mut self.touched {
            touched.extend(session);
        }
    }

    /// Takes the oldest output.
    pub fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Appends an output.
    pub fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Forgets all, keeping the memory.
    pub fn clear(&mut self) {
        self.queue.clear();
    }

    /// Takes all, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Output> + '_ {
        self.queue.drain(..)
    }

    pub(crate) fn send(&mut self, flow: Flow, bytes: Bytes) {
        self.push(Output::Send { flow, bytes });
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }
}

/// A request outside any dialog, of which the endpoint has kept nothing.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// Where it came from.
    pub flow: Flow,
    /// A copy of it.
    pub message: OwnedMessage,
}

/// Something the owner has to know.
#[derive(Clone, Debug)]
pub enum Event {
    /// A new request outside any dialog: valid, of an allowed method, `Max-Forwards` above 0, nothing required
    /// that is not supported. Nothing is kept of it until `accept` or `accept_invite`.
    Request(NewRequest),
    /// Our INVITE was answered 101 to 199.
    Progress {
        /// The session.
        session: SessionKey,
        /// The early dialog that speaks: its To tag. Empty when there is none.
        dialog: Box<str>,
        /// The status code.
        status: u16,
        /// The reason phrase.
        phrase: String,
        /// Early media, or anything else.
        body: Option<Body>,
        /// Whether it was sent reliably, and who has acknowledged it.
        reliability: Reliability,
    },
    /// Our INVITE was answered 2xx, the first one. The owner has to call `ack`.
    Answered {
        /// The session.
        session: SessionKey,
        /// The dialog that was confirmed: its To tag.
        dialog: Box<str>,
        /// The answer, or the offer when our INVITE had none. When both were complete before the 2xx, what the peer
        /// said last in this dialog (RFC 3261 13.2.1).
        body: Option<Body>,
        /// The URI of the peer's `Contact`.
        contact: Option<String>,
        /// The peer's `User-Agent` or `Server`.
        user_agent: Option<String>,
    },
    /// Our INVITE failed. The session is over.
    Failed {
        /// The session.
        session: SessionKey,
        /// The status code: the peer's, or 408, 487 or 503 made here.
        status: u16,
        /// Why.
        cause: Cause,
        /// The peer's `Reason` header.
        reason: Option<Reason>,
        /// The peer's `Retry-After` in seconds.
        retry_after: Option<u32>,
        /// The URIs of `Contact` in a 3xx, best first as sent.
        contacts: Vec<String>,
    },
    /// Our reliable provisional answer with the offer was acknowledged; 200 has been sent (RFC 3262 5).
    Pracked {
        /// The session.
        session: SessionKey,
        /// The answer. Without one the peer has broken the RFC.
        body: Option<Body>,
    },
    /// The peer's INVITE has come to an end without the peer's doing. The session is over.
    Lapsed {
        /// The session.
        session: SessionKey,
        /// Why.
        why: Lapse,
    },
    /// The peer makes an offer outside an INVITE, by UPDATE or PRACK. The owner has to call `answer_update` or
    /// `refuse_update`.
    Update {
        /// The session.
        session: SessionKey,
        /// The offer.
        body: Body,
    },
    /// Our UPDATE was accepted.
    UpdateAnswered {
        /// The session.
        session: SessionKey,
        /// The answer.
        body: Option<Body>,
    },
    /// Our UPDATE failed; the session goes on as before unless its end follows (408, 481).
    UpdateFailed {
        /// The session.
        session: SessionKey,
        /// The status code.
        status: u16,
        /// When to try again: the random time of RFC 3261 14.1 after 491, else the peer's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Our 2xx was acknowledged, of the first INVITE or of a re-INVITE.
    Acked {
        /// The session.
        session: SessionKey,
        /// The answer, when our 2xx carried an offer.
        body: Option<Body>,
    },
    /// Our 2xx was not acknowledged for 64*T1. A BYE has been sent, `Ended` follows (RFC 3261 13.3.1.4).
    AckMissing {
        /// The session.
        session: SessionKey,
    },
    /// The peer took back its INVITE in time; 200 and 487 have been sent. The session is over.
    Canceled {
        /// The session.
        session: SessionKey,
        /// The peer's `Reason` header.
        reason: Option<Reason>,
    },
    /// The peer sent a re-INVITE. The owner has to answer or refuse it.
    Reinvite {
        /// The session.
        session: SessionKey,
        /// The offer, or none.
        body: Option<Body>,
    },
    /// The peer took back its re-INVITE; 487 has been sent, the session goes on.
    ReinviteCanceled {
        /// The session.
        session: SessionKey,
    },
    /// Our re-INVITE was answered 2xx. The owner has to call `ack`. It is also told of a session refresh made here
    /// whose answer is not what the peer said last; that one is acknowledged already.
    ReinviteAnswered {
        /// The session.
        session: SessionKey,
        /// The answer, or the offer when our re-INVITE had none.
        body: Option<Body>,
    },
    /// Our re-INVITE failed; the session goes on as before unless `Ended` follows (408, 481).
    ReinviteFailed {
        /// The session.
        session: SessionKey,
        /// The status code.
        status: u16,
        /// When to try again: the random time of RFC 3261 14.1 after 491, else the peer's `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// A request inside the dialog of a method that the endpoint does not answer itself.
    /// The owner has to answer it within 64*T1.
    InDialog {
        /// The session.
        session: SessionKey,
        /// To answer it by.
        request: RequestKey,
        /// A copy of it.
        message: OwnedMessage,
    },
    /// The final answer to a request of ours inside the dialog.
    Response {
        /// The session.
        session: SessionKey,
        /// Which request.
        request: RequestKey,
        /// The status code: the peer's, or 408 (no answer) or 503 (unreachable) made here.
        status: u16,
        /// The peer's response, if there was one.
        message: Option<OwnedMessage>,
    },
    /// The final answer to a request of ours outside any dialog; exactly one for each.
    OutsideResponse {
        /// Which request.
        request: RequestKey,
        /// The status code: the peer's, or 408 (no answer) or 503 (unreachable) made here.
        status: u16,
        /// The peer's response, if there was one.
        message: Option<OwnedMessage>,
    },
    /// The owner has to answer by `notify` in the same turn, with the state as it is then.
    StateWanted {
        /// The subscription.
        subscription: SubscriptionKey,
        /// Everything is wanted, not only what has changed since the last NOTIFY: the subscriber has subscribed or
        /// refreshed, or it is the last.
        is_full: bool,
    },
    /// A subscription is over; exactly one for each that was accepted.
    SubscriptionEnded {
        /// The subscription.
        subscription: SubscriptionKey,
        /// How.
        end: SubscriptionEnd,
    },
    /// A NOTIFY of a subscription of ours; 200 has been sent.
    Watched {
        /// The subscription.
        watch: WatchKey,
        /// What it says of the subscription.
        state: SubscriptionState,
        /// What it tells.
        body: Option<Body>,
    },
    /// A subscription of ours is over; exactly one for each.
    WatchEnded {
        /// The subscription.
        watch: WatchKey,
        /// How.
        why: WatchEnd,
    },
    /// A confirmed session is over.
    Ended {
        /// The session.
        session: SessionKey,
        /// Who ended it.
        by: EndedBy,
        /// The `Reason` header of the BYE, the peer's or ours.
        reason: Option<Reason>,
        /// Our 2xx to the peer's INVITE was still waiting for a PRACK (RFC 3262 3) and was never sent: the status
        /// that was sent instead.
        instead: Option<u16>,
    },
    /// A message led to nothing, or a limit was met. To be counted.
    Dropped(DropReason),
}

impl Event {
    /// The INVITE session that it is about, if it is about one.
    pub fn session(&self) -> Option<SessionKey> {
        match self {
            Self::Progress { session, .. }
            | Self::Answered { session, .. }
            | Self::Failed { session, .. }
            | Self::Acked { session, .. }
            | Self::AckMissing { session }
            | Self::Canceled { session, .. }
            | Self::Lapsed { session, .. }
            | Self::Pracked { session, .. }
            | Self::Update { session, .. }
            | Self::UpdateAnswered { session, .. }
            | Self::UpdateFailed { session, .. }
            | Self::Reinvite { session, .. }
            | Self::ReinviteCanceled { session }
            | Self::ReinviteAnswered { session, .. }
            | Self::ReinviteFailed { session, .. }
            | Self::InDialog { session, .. }
            | Self::Response { session, .. }
            | Self::Ended { session, .. } => Some(*session),
            Self::Request(_)
            | Self::OutsideResponse { .. }
            | Self::StateWanted { .. }
            | Self::SubscriptionEnded { .. }
            | Self::Watched { .. }
            | Self::WatchEnded { .. }
            | Self::Dropped(_) => None,
        }
    }
}

/// How a provisional answer of the peer has come (RFC 3262).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reliability {
    /// It may get lost; another fork's may say something else.
    Unreliable,
    /// Its PRACK has been sent.
    Reliable,
    /// It carries the offer that our INVITE did not: the owner has to give the answer by `prack`.
    AnswerWanted,
}

/// Why the peer's INVITE has come to an end here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lapse {
    /// A reliable provisional answer was not acknowledged for 64*T1; 504 has been sent (RFC 3262 3).
    PrackMissing,
    /// The time its `Expires` gave is over; 487 has been sent (RFC 3261 13.3.1).
    Expired,
}

/// Why an INVITE of ours failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Cause {
    /// The peer said so.
    Response,
    /// No answer (timer B), or it rang too long (timer C).
    Timeout,
    /// The transport could not deliver.
    Unreachable,
    /// We took it back.
    Canceled,
}

/// Who ended a confirmed session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum EndedBy {
    /// We sent BYE.
    Us,
    /// The peer sent BYE, or said that it knows no such dialog.
    Peer,
    /// The peer fell silent.
    Timeout,
    /// The session was not refreshed in its interval (RFC 4028 10); we sent BYE.
    Expired,
}

/// Why a message led to nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DropReason {
    /// Not a SIP message, or one that cannot be answered.
    Malformed,
    /// A request that was refused with 4xx or 5xx without being shown to the owner.
    Refused,
    /// A response that belongs to no transaction here, or that passed a proxy wrongly.
    UnknownResponse,
    /// An ACK that belongs to nothing here.
    StrayAck,
    /// A limit of transactions, sessions or pending requests was met; 503 was answered.
    Full,
    /// The owner did not answer a request in time.
    Unanswered,
    /// A message could not be written.
    Unwritable,
}
