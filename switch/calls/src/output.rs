//! What a switchboard wants done and known.

use std::{collections::VecDeque, net::IpAddr, sync::Arc};

use bytes::Bytes;
use contract::{
    command::Outcome,
    id::{AccountId, CallId, OrgId, RecordingId, TrunkId},
    journal::{Entry, MessageFor},
    live::LiveCall,
    media::MediaView,
    time::Timestamp,
};
use dialplan::{Barred, Decision};
use sip::{DropReason, Flow};
use streams::media::{LeaseId, MediaCommand};

use crate::registrar::Binding;

/// One thing to do or to know.
#[derive(Debug)]
pub enum Output {
    /// Hand these bytes to the transport.
    Send {
        /// Where to.
        flow: Flow,
        /// One whole message.
        bytes: Bytes,
    },
    /// The peer of this connection has proved who it is.
    Trusted {
        /// [`Flow::connection`], not 0.
        connection: u64,
    },
    /// An order to the relay.
    Media(MediaCommand),
    /// An order to the recorder. It comes before the orders to the relay that it is for.
    Recording(RecordingOrder),
    /// A message is to be brought to the relay; [`crate::Input::MessageReady`] answers.
    FetchMessage(MessageFetch),
    /// A fact for the journal.
    Journal(Entry),
    /// A change of the contacts, to survive a restart.
    Binding(BindingChange),
    /// A change of the table of calls that are up.
    Live(LiveChange),
    /// A change of the images of calls. To be kept before anything of the same input is sent.
    Image(ImageChange),
    /// What came of [`crate::Input::Command`].
    Command(Outcome),
    /// To be counted and, at a bounded rate, logged. Holds no personal data.
    Notice(Notice),
    /// For whoever asks later why a call went as it did. Nothing depends on it.
    Trace(Trace),
    /// Something has become of a trunk, to be logged and counted.
    Trunk(TrunkChange),
}

/// What has become of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrunkChange {
    /// Whose.
    pub org: OrgId,
    /// Which.
    pub trunk: TrunkId,
    /// What.
    pub news: TrunkNews,
}

/// What becomes of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkNews {
    /// It is registered with its provider.
    Registered,
    /// It was not registered, or not once more.
    NotRegistered {
        /// The provider's answer; 408 silence, 503 perhaps a broken transport, 0: the provider is not located.
        status: u16,
        /// What was registered before still stands.
        is_still: bool,
    },
    /// A target answers again.
    TargetUp {
        /// Its place among the trunk's targets, from 0.
        target: usize,
    },
    /// A target does not answer: calls go there last.
    TargetDown {
        /// As above.
        target: usize,
    },
}

/// A message that somebody wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageFetch {
    /// In which call.
    pub call: CallId,
    /// Which.
    pub recording: RecordingId,
    /// The object in the store.
    pub key: String,
}

/// What is to be recorded. Instants are that of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordingOrder {
    /// A recording begins, or goes on in this life.
    Begin {
        /// Which.
        recording: RecordingId,
        /// What taps, and the orders below, call it.
        number: u32,
        /// Whose.
        org: OrgId,
        /// Of what.
        call: CallId,
        /// When it began; before this input if it goes on.
        began_at: Timestamp,
        /// It is paused.
        is_paused: bool,
        /// For whom it is, if it is a message.
        message: Option<MessageFor>,
    },
    /// Silence from here on.
    Pause {
        /// Which.
        number: u32,
    },
    /// Sound again.
    Resume {
        /// Which.
        number: u32,
    },
    /// That was all.
    End {
        /// Which.
        number: u32,
    },
}

/// What explains a call besides its facts. It comes before the messages that follow from it.
#[derive(Debug)]
pub enum Trace {
    /// What the plan made of what was dialled.
    Routed {
        /// The call.
        call: CallId,
        /// Revision of the plan that was asked.
        revision: i64,
        /// What it said and why.
        decision: Box<Decision>,
    },
    /// Another leg of the call, in the order of their numbers, by the name its messages carry.
    Leg {
        /// The call.
        call: CallId,
        /// Its Call-ID (RFC 3261 §8.1.1.4).
        sip_call_id: Box<str>,
    },
    /// What the media of a stream was like that is closed now.
    Media {
        /// The call.
        call: CallId,
        /// One stream of one leg.
        media: Box<MediaView>,
    },
}

/// A change of the registrar's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingChange {
    /// New, or replaces the one with the same account and key.
    Put(Arc<Binding>),
    /// Gone.
    Remove {
        /// Whose.
        account: AccountId,
        /// [`Binding::key`].
        key: Arc<str>,
    },
}

/// A change of the images of calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageChange {
    /// New or changed.
    Put {
        /// Which call.
        call: CallId,
        /// All there is to know of it.
        image: Bytes,
    },
    /// Nothing is left of it.
    Remove(CallId),
}

/// A change of the table of calls that have not ended.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveChange {
    /// New or changed.
    Put(LiveCall),
    /// Ended.
    Remove(CallId),
}

/// Something to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A message led to nothing.
    Dropped(DropReason),
    /// A request was challenged: it had no credentials yet, or their nonce was old.
    Challenged,
    /// Something that an operator, or fail2ban for him, may want to act on.
    Security(SecurityEvent),
    /// A message was not answered: its sender is locked out, denied, or has sent too many of the kind.
    Silenced,
    /// New work was answered 503 before it was taken up: messages have to wait too long for us.
    Shed,
    /// The ACK of such a 503.
    ShedAcked,
    /// A new call was answered 503: too many calls.
    CallsFull,
    /// A new call was answered 503: the journal cannot keep up.
    JournalPressure,
    /// A call was answered 503: as many as may be are up on its trunk.
    TrunkFull,
    /// A call to the telephone network was refused: the budget of whoever would pay for it does not allow it.
    OutsideBarred {
        /// The organisation.
        org: OrgId,
        /// Why.
        why: Barred,
    },
    /// A call was ended because the minutes of whoever pays for it are used up.
    OutsideSpent(CallId),
    /// A call or a device in it found no ports in stock.
    StockEmpty,
    /// Devices beyond `legs_per_call_max` did not ring.
    LegsLeftOut(usize),
    /// A contact made room for a newer one of the same account.
    BindingReplaced,
    /// A contact was refused: too many of all accounts together.
    BindingsFull,
    /// A call of a former life could not be taken back; the journal ends it.
    ImageUnreadable(CallId),
    /// The relay did not return a lease in time.
    LeaseNotReturned(LeaseId),
    /// A leg of a finished call did not end in time.
    LegNotEnded,
    /// A session description of a phone could not be read or used.
    DescriptionRefused,
    /// A message was refused: its account has sent too many in this minute.
    MessagesLimited,
    /// A subscription was refused: too many.
    SubscriptionsFull,
    /// A subscription made room for a newer one of the same account.
    SubscriptionReplaced,
}

/// Somebody has done what he should not have. The address is the only thing that names a person; it is what the
/// operator has to act on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// What.
    pub what: Offence,
    /// From where. Proven for wrong passwords and what follows from them; otherwise as the datagram says.
    pub source: IpAddr,
    /// The organisation it was tried on.
    pub org: Option<OrgId>,
}

/// What a peer should not have done, and what has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// Wrong password or unknown user; who guesses passwords shows here.
    WrongPassword,
    /// With that, the account is closed to strangers for a while.
    AccountClosed,
    /// With that, nothing from there is answered for a while.
    LockedOut,
    /// A request by a known scanner.
    Scanner,
    /// A request for a domain that is not ours.
    ForeignDomain,
}

/// Why a switchboard wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A SIP timer.
    Sip(sip::Why),
    /// A call has been in one state for as long as it may.
    Call(CallId),
    /// A contact expires.
    Registration,
    /// Somebody is free again whom a caller waits for.
    Agent,
    /// Somebody's minutes outside are used up.
    Budget,
    /// Somebody wants to know how a call sounds.
    Look,
    /// The sender of a message has to be answered.
    Message,
    /// Something is to be done at a trunk's provider.
    Trunk,
}

/// A reusable queue of outputs. The order is meaningful.
#[derive(Debug, Default)]
pub struct Outputs {
    queue: VecDeque<Output>,
}

impl Outputs {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the oldest output.
    pub fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// Appends an output.
    pub fn push(&mut self, output: Output) {
        self.queue.push_back(output);
    }

    /// Appends outputs.
    pub fn extend(&mut self, outputs: impl IntoIterator<Item = Output>) {
        self.queue.extend(outputs);
    }

    /// What there is, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Output> {
        self.queue.iter()
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

    /// Takes all, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = Output> + '_ {
        self.queue.drain(..)
    }

    pub(crate) fn notice(&mut self, notice: Notice) {
        self.push(Output::Notice(notice));
    }
}
