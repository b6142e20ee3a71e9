//! A call as one phone knows it: its dialog (RFC 3261 §12) and its media.

use std::{collections::VecDeque, time::Duration};

use super::{
    manner::{Manner, Move},
    referring::Referral,
    refresh::Timer,
    reliable::Unacknowledged,
    sdp::Media,
    text::{Text, uri_of},
};

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Our INVITE has no final response.
    Calling,
    /// Their INVITE has none.
    Ringing,
    /// We have answered, their ACK has not come.
    Answered,
    /// Both sides know that it is answered.
    Talking,
    /// Our BYE has no final response.
    Leaving,
    /// Nothing more will happen.
    Over,
}

/// A call.
pub struct Call {
    /// Number of the call on this phone.
    pub number: u32,
    /// We made it.
    pub is_outgoing: bool,
    /// How far it is.
    pub phase: Phase,
    /// RFC 3261 §8.1.1.4.
    pub call_id: String,
    /// Ours.
    pub local_tag: String,
    /// Theirs, once known.
    pub remote_tag: Option<String>,
    /// What was dialled, or who called.
    pub number_or_caller: String,
    /// Final status of the INVITE that made it.
    pub status: Option<u16>,
    /// 1xx statuses heard, without 100.
    pub progress: Vec<u16>,
    /// When it was answered, from our point of view.
    pub answered_at: Option<Duration>,
    /// The `Reason` with which it was cancelled or ended by the switch.
    pub reason: Option<String>,
    /// The switch ended it (BYE or CANCEL).
    pub ended_by_switch: bool,
    /// Ours and theirs.
    pub media: Media,
    /// We have put the other side on hold by a re-INVITE of ours. What an answer of ours says does not count:
    /// taking nothing from somebody who sends nothing is no hold.
    pub holds: bool,
    /// When something last happened to its signalling.
    pub touched_at: Duration,
    /// What came of sending the other side on.
    pub referral: Option<Referral>,
    /// Who the switch has said the other side is since, by number (RFC 3325 §5).
    pub asserted: Option<String>,
    /// It hangs up as soon as its REFER is accepted.
    pub(super) leaves_when_referred: bool,
    pub(super) invite: Text,
    pub(super) target: String,
    pub(super) routes: Vec<String>,
    pub(super) local_seq: u32,
    pub(super) remote_seq: u32,
    pub(super) is_late_offer: bool,
    pub(super) has_answer: bool,
    /// Our 200 to the INVITE of this number made an offer; its ACK must bring the answer.
    pub(super) awaits_answer: Option<u32>,
    pub(super) wants_cancel: bool,
    pub(super) is_cancel_sent: bool,
    pub(super) manner: Option<Manner>,
    /// The answer we made, the same in 183 and 200.
    pub(super) answer: Option<String>,
    pub(super) talk: VecDeque<(Duration, Move)>,
    pub(super) retry: Option<(Move, u32)>,
    /// RSeq of the last reliable provisional answer (RFC 3262 §4).
    pub(super) heard_to: Option<u32>,
    /// Our provisional answer that waits for its PRACK.
    pub(super) unacknowledged: Option<Unacknowledged>,
    /// Whether we know session timers in this call (RFC 4028).
    pub(super) knows_timer: bool,
    /// The one that was agreed on.
    pub(super) timer: Option<Timer>,
    /// Whether we take UPDATE in this call (RFC 3311).
    pub(super) knows_update: bool,
    /// ACKs of 2xx by CSeq number and To tag, to be said again.
    pub(super) acks: Vec<(u32, String, Vec<u8>)>,
}

impl Call {
    pub(super) fn new(number: u32, is_outgoing: bool, invite: Text, media: Media, now: Duration) -> Self {
        let (sequence, party) = (invite.cseq().0, if is_outgoing { "To" } else { "From" });
        let number_or_caller =
            super::text::user_and_host(uri_of(invite.one(party).unwrap_or(""))).0.to_owned();
        Self {
            number,
            is_outgoing,
            phase: if is_outgoing { Phase::Calling } else { Phase::Ringing },
            call_id: invite.call_id().to_owned(),
            local_tag: String::new(),
            remote_tag: None,
            number_or_caller,
            status: None,
            progress: Vec::new(),
            answered_at: None,
            reason: None,
            ended_by_switch: false,
            media,
            holds: false,
            touched_at: now,
            referral: None,
            asserted: None,
            leaves_when_referred: false,
            target: String::new(),
            routes: Vec::new(),
            local_seq: if is_outgoing { sequence } else { 0 },
            remote_seq: if is_outgoing { 0 } else { sequence },
            is_late_offer: invite.body.is_empty(),
            has_answer: false,
            awaits_answer: None,
            wants_cancel: false,
            is_cancel_sent: false,
            manner: None,
            answer: None,
            talk: VecDeque::new(),
            retry: None,
            heard_to: None,
            unacknowledged: None,
            knows_timer: false,
            timer: None,
            knows_update: false,
            acks: Vec::new(),
            invite,
        }
    }

    /// Whether nothing more will happen.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether a dialog is confirmed on our side and nobody is leaving.
    pub fn is_talking(&self) -> bool {
        matches!(self.phase, Phase::Talking | Phase::Answered)
    }

    /// Takes over what a message of the other side says about the dialog (§12.1, §12.2.1.2).
    pub(super) fn learn(&mut self, message: &Text) {
        if let Some(contact) = message.one("Contact") {
            uri_of(contact).clone_into(&mut self.target);
        }
        if self.remote_tag.is_none() {
            let side = if self.is_outgoing { "To" } else { "From" };
            self.remote_tag = message.tag(side).map(str::to_owned);
            self.routes = message.all("Record-Route").map(str::to_owned).collect();
            if self.is_outgoing {
                self.routes.reverse();
            }
        }
    }

    /// A request inside the dialog (§12.2.1.1), without its Via.
    pub(super) fn request(&mut self, method: &str, number: Option<u32>) -> Text {
        let number = number.unwrap_or_else(|| {
            self.local_seq += 1;
            self.local_seq
        });
        let (local, remote) = if self.is_outgoing { ("From", "To") } else { ("To", "From") };
        let party = |name: &str, tag: Option<&String>| {
            let uri = uri_of(self.invite.one(name).unwrap_or(""));
            tag.map_or_else(|| format!("<{uri}>"), |tag| format!("<{uri}>;tag={tag}"))
        };
        let mut request = Text::request(method, &self.target);
        request.add("Max-Forwards", "70");
        self.routes.iter().for_each(|route| request.add("Route", route.clone()));
        request.add("From", party(local, Some(&self.local_tag)));
        request.add("To", party(remote, self.remote_tag.as_ref()));
        request.add("Call-ID", self.call_id.clone());
        request.add("CSeq", format!("{number} {method}"));
        request
    }
}
