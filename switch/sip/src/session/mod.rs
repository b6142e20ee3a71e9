//! The INVITE usage of a dialog (RFC 3261 13-15): from the first INVITE to the BYE.
//!
//! `outgoing.rs` is the caller's side until the answer, `incoming.rs` the callee's, `reinvite.rs` changes a
//! confirmed session in either direction, `in_dialog.rs` carries every other request, `end.rs` ends what is
//! there by whatever it needs. Which stage a session is in is one enum; a session that is over is not kept.

mod end;
mod in_dialog;
mod incoming;
mod name;
mod outgoing;
mod reinvite;

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::dialog::Dialog;
use crate::endpoint::{Cause, ClientKey, Reason, ServerKey, Why};
use crate::flow::Flow;
use crate::message::Message;
use crate::timer::Running;

/// Names an INVITE session. It is also the random part of the session's local tag.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct SessionKey(pub(crate) u64);

/// One INVITE session.
#[derive(Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) stage: Stage,
    /// User part of our Contact, as plain text.
    contact_user: Box<str>,
    /// Requests of the peer that wait for the owner.
    pub(crate) pending: Vec<ServerKey>,
    #[serde(skip)]
    pub(crate) running: Running<Why>,
}

/// Where a session stands.
#[derive(Serialize, Deserialize)]
pub(crate) enum Stage {
    /// Our INVITE has no final answer.
    Outgoing(Outgoing),
    /// Their INVITE has no final answer.
    Incoming(Incoming),
    /// A 2xx was sent or received.
    Confirmed(Confirmed),
    /// We have sent BYE and wait for its answer, to meet a BYE of the peer that crosses it.
    Leaving(Dialog),
}

/// Our INVITE has no final answer.
#[derive(Serialize, Deserialize)]
pub(crate) struct Outgoing {
    client: ClientKey,
    call_id: Box<str>,
    /// One dialog for each fork that has rung.
    early: Vec<Dialog>,
    cancel: Option<Cancel>,
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
    dialog: Dialog,
    /// The last answer above 100, to be repeated now and then.
    progress: Option<Bytes>,
}

/// A 2xx was sent or received.
#[derive(Serialize, Deserialize)]
pub(crate) struct Confirmed {
    dialog: Dialog,
    exchange: Exchange,
    /// The owner has hung up, but BYE has to wait for the ACK of our first 2xx (15).
    hang_up: Option<HangUp>,
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
    Ours { client: ClientKey },
    /// Our INVITE or re-INVITE was answered 2xx; the owner owes the ACK.
    OursAnswered { client: ClientKey, cseq: u32 },
    /// Their re-INVITE has no final answer.
    Theirs { server: ServerKey, cseq: u32 },
    /// We have answered 2xx and repeat it until the ACK comes.
    TheirsAnswered(Answer),
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
    fn new(stage: Stage, contact_user: String) -> Self {
        Self {
            stage,
            contact_user: contact_user.into_boxed_str(),
            pending: Vec::new(),
            running: Running::default(),
        }
    }

    /// A connection is gone: what used it opens a new one.
    pub(crate) fn reopen(&mut self, failed: &Flow) {
        match &mut self.stage {
            Stage::Outgoing(outgoing) => outgoing.early.iter_mut().for_each(|dialog| dialog.reopen(failed)),
            Stage::Incoming(incoming) => incoming.dialog.reopen(failed),
            Stage::Confirmed(confirmed) => confirmed.dialog.reopen(failed),
            Stage::Leaving(dialog) => dialog.reopen(failed),
        }
    }

    /// The dialog of this session that a request of the peer belongs to.
    fn dialog_of(&mut self, request: &Message<'_>) -> Option<&mut Dialog> {
        let dialog = match &mut self.stage {
            Stage::Outgoing(outgoing) => {
                return outgoing.early.iter_mut().find(|dialog| dialog.owns(request));
            }
            Stage::Incoming(incoming) => &mut incoming.dialog,
            Stage::Confirmed(confirmed) => &mut confirmed.dialog,
            Stage::Leaving(dialog) => dialog,
        };
        dialog.owns(request).then_some(dialog)
    }

    fn confirmed(&mut self) -> Option<&mut Confirmed> {
        match &mut self.stage {
            Stage::Confirmed(confirmed) => Some(confirmed),
            Stage::Outgoing(_) | Stage::Incoming(_) | Stage::Leaving(_) => None,
        }
    }
}
