//! The INVITE usage of a dialog (RFC 3261 13-15): from the first INVITE to the BYE.
//!
//! `outgoing.rs` is the caller's side until the answer, with other ways there in `elsewhere.rs`, `incoming.rs` the
//! callee's; `again.rs` sends again what was asked for something more; `reliable.rs` (our provisional
//! answers) and `prack.rs` (theirs) are RFC 3262. `reinvite.rs` and `update.rs` change a session in either
//! direction, `refresh.rs` keeps its time, `in_dialog.rs` carries every other request, `end.rs` ends what is there
//! by whatever it needs. Which stage a session is in is one enum; a session that is over is not kept.

mod again;
mod elsewhere;
mod end;
mod in_dialog;
mod incoming;
mod name;
mod outgoing;
mod prack;
mod refresh;
mod reinvite;
mod reliable;
mod update;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use elsewhere::Prepared;

use crate::dialog::Dialog;
use crate::digest::Login;
use crate::endpoint::{Body, Cause, ClientKey, PeerAbilities, Reason, ServerKey};
use crate::flow::Flow;
use crate::message::Message;
use crate::timer::Running;

use refresh::SessionTimer;
use reliable::{Progress, Sending};
use usage::Usage;

/// Names an INVITE session. It is also the random part of the session's local tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SessionKey(pub(crate) u64);

/// One INVITE session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) stage: Stage,
    /// User part of our Contact, as plain text.
    contact_user: Box<str>,
    /// Who we are to the peer, where our INVITE said so.
    pub(crate) login: Option<Arc<Login>>,
    /// What the peer says it can do.
    peer: PeerAbilities,
    /// Requests of the peer that wait for the owner.
    pub(crate) pending: Vec<ServerKey>,
    #[serde(skip)]
    pub(crate) running: Running,
}

/// Where a session stands.
#[derive(Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Our INVITE has no final answer.
    Outgoing(Outgoing),
    /// Their INVITE has no final answer. Boxed: it does not last and is larger than all others.
    Incoming(Box<Incoming>),
    /// A 2xx was sent or received.
    Confirmed(Confirmed),
    /// We have sent BYE and wait for its answer, to meet a BYE of the peer that crosses it.
    Leaving(Dialog),
}

/// Our INVITE has no final answer.
#[derive(Serialize, Deserialize)]
pub(crate) struct Outgoing {
    client: ClientKey,
    /// Its sequence number.
    cseq: u32,
    call_id: Box<str>,
    /// What it offers.
    offer: Option<Body>,
    /// Whether it has advertised `100rel`.
    reliable: bool,
    /// Whether it has been sent again for a longer session interval (RFC 4028 7.3).
    is_longer: bool,
    /// Seconds that it may hear nothing, where that is not timer B.
    silence_secs: Option<u16>,
    /// One dialog for each fork that has rung.
    early: Vec<Early>,
    cancel: Option<Cancel>,
    /// INVITEs that are sent when this one fails, the next one last.
    elsewhere: Vec<Prepared>,
}

/// A fork of our INVITE that has rung.
#[derive(Serialize, Deserialize)]
pub(crate) struct Early {
    usage: Usage,
    /// `RSeq` of the last reliable provisional answer that was taken (RFC 3262 4).
    rseq: Option<u32>,
    /// The owner owes the answer for the PRACK of that one.
    owes_prack: bool,
    /// The PRACK that has no final answer.
    prack: Option<ClientKey>,
}

/// An INVITE of ours is being taken back.
#[derive(Serialize, Deserialize)]
struct Cancel {
    /// What its end is to be called.
    cause: Cause,
    status: u16,
    /// Value of the CANCEL's `Reason`.
    reason: Option<Reason>,
    /// CANCEL has to wait for a provisional answer (9.1).
    sent: bool,
}

/// Their INVITE has no final answer.
#[derive(Serialize, Deserialize)]
pub(crate) struct Incoming {
    server: ServerKey,
    /// Its sequence number; other requests may have raised the dialog's since.
    cseq: u32,
    usage: Usage,
    /// Our reliable provisional answers.
    sending: Sending,
    /// The last answer above 100 that is not acknowledged, to be repeated now and then.
    progress: Option<Progress>,
}

/// A 2xx was sent or received.
#[derive(Serialize, Deserialize)]
pub(crate) struct Confirmed {
    usage: Usage,
    /// `RSeq` of a provisional answer that our 2xx has overtaken, and the sequence number of its INVITE: its PRACK
    /// may still come (RFC 3262 3).
    overtaken: Option<(u32, u32)>,
    timer: Option<SessionTimer>,
    exchange: Exchange,
    /// The owner has hung up, but BYE has to wait for the ACK of our first 2xx (15).
    hang_up: Option<Box<HangUp>>,
}

/// A postponed BYE.
#[derive(Serialize, Deserialize)]
struct HangUp {
    reason: Option<Reason>,
}

/// The INVITE exchange that is open in a confirmed session.
#[derive(Serialize, Deserialize)]
enum Exchange {
    /// None.
    Idle,
    /// Our re-INVITE has no final answer.
    Ours {
        client: ClientKey,
        /// Whether the endpoint made it, to refresh the session (RFC 4028 10).
        is_refresh: bool,
    },
    /// Our INVITE or re-INVITE was answered 2xx; the owner owes the ACK.
    OursAnswered { client: ClientKey, cseq: u32 },
    /// Their re-INVITE has no final answer.
    Theirs {
        server: ServerKey,
        cseq: u32,
        /// The target it brings along once it is accepted (RFC 6141 4).
        target: Option<Box<str>>,
    },
    /// We have answered 2xx and repeat it until the ACK comes.
    TheirsAnswered(Box<Answer>),
}

/// A 2xx of ours that is not acknowledged.
#[derive(Serialize, Deserialize)]
struct Answer {
    server: ServerKey,
    cseq: u32,
    response: Bytes,
    interval: Duration,
    /// Whether it confirmed the session, as opposed to changing it.
    first: bool,
}

impl Session {
    /// Seconds that its INVITE may hear nothing, where that is not timer B.
    pub(crate) fn silence_secs(&self) -> Option<u16> {
        if let Stage::Outgoing(outgoing) = &self.stage { outgoing.silence_secs } else { None }
    }

    fn new(stage: Stage, contact_user: String) -> Self {
        Self {
            stage,
            contact_user: contact_user.into_boxed_str(),
            login: None,
            peer: PeerAbilities::default(),
            pending: Vec::new(),
            running: Running::default(),
        }
    }

    /// A connection is gone: what used it opens a new one.
    pub(crate) fn reopen(&mut self, failed: &Flow) {
        match &mut self.stage {
            Stage::Leaving(dialog) => dialog.reopen(failed),
            Stage::Outgoing(_) | Stage::Incoming(_) | Stage::Confirmed(_) => {
                self.usages().for_each(|usage| usage.dialog.reopen(failed));
            }
        }
    }

    /// The peer is at another connection now.
    pub(crate) fn move_over(&mut self, from: &Flow, to: Flow) {
        self.usages().for_each(|usage| usage.dialog.move_over(from, to));
    }

    /// The dialog of this session that a request of the peer belongs to.
    fn dialog_of(&mut self, request: &Message<'_>) -> Option<&mut Dialog> {
        if matches!(self.stage, Stage::Leaving(_)) {
            let Stage::Leaving(dialog) = &mut self.stage else { return None };
            return dialog.owns(request).then_some(dialog);
        }
        self.usages().map(|usage| &mut usage.dialog).find(|dialog| dialog.owns(request))
    }

    /// The usages that are not over: one, or one for each fork that rings.
    fn usages(&mut self) -> impl Iterator<Item = &mut Usage> {
        let (forks, one) = match &mut self.stage {
            Stage::Outgoing(outgoing) => (outgoing.early.as_mut_slice(), None),
            Stage::Incoming(incoming) => (Default::default(), Some(&mut incoming.usage)),
            Stage::Confirmed(confirmed) => (Default::default(), Some(&mut confirmed.usage)),
            Stage::Leaving(_) => (Default::default(), None),
        };
        forks.iter_mut().map(|early| &mut early.usage).chain(one)
    }

    /// The dialogs that are not over: one, or one for each fork that rings.
    pub(crate) fn dialogs(&self) -> impl Iterator<Item = &Dialog> {
        let (forks, one) = match &self.stage {
            Stage::Outgoing(outgoing) => (outgoing.early.as_slice(), None),
            Stage::Incoming(incoming) => (Default::default(), Some(&incoming.usage)),
            Stage::Confirmed(confirmed) => (Default::default(), Some(&confirmed.usage)),
            Stage::Leaving(_) => (Default::default(), None),
        };
        forks.iter().map(|early| &early.usage).chain(one).map(|usage| &usage.dialog)
    }

    /// Whether our INVITE is still wanted.
    pub(crate) fn wants_invite(&self) -> bool {
        matches!(&self.stage, Stage::Outgoing(outgoing) if outgoing.cancel.is_none())
    }

    fn confirmed(&mut self) -> Option<&mut Confirmed> {
        match &mut self.stage {
            Stage::Confirmed(confirmed) => Some(confirmed),
            Stage::Outgoing(_) | Stage::Incoming(_) | Stage::Leaving(_) => None,
        }
    }
}
