//! The INVITE usage of one dialog (RFC 5057): the dialog, what the two sides have said of the media, and the
//! UPDATE or PRACK that changes it.
//!
//! Offer and answer are kept apart from the messages that carry them, because any of INVITE, reliable provisional
//! answer, PRACK, 2xx, ACK and UPDATE may (RFC 3264 4, RFC 3311 5.1, RFC 6337 2). Bodies are not looked into.

use serde::{Deserialize, Serialize};

use crate::dialog::Dialog;
use crate::endpoint::{Body, ClientKey, ServerKey};

/// A dialog and what is being said in it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Usage {
    pub(super) dialog: Dialog,
    pub(super) descriptions: Descriptions,
    /// The UPDATE, or the PRACK with an offer, that has no final answer.
    pub(super) update: Option<Update>,
}

/// An UPDATE, or a PRACK with an offer, that has no final answer.
#[derive(Serialize, Deserialize)]
pub(super) enum Update {
    /// Ours.
    Ours {
        /// Its transaction.
        client: ClientKey,
        /// Whether the endpoint made it, to refresh the session (RFC 4028 10).
        is_refresh: bool,
    },
    /// Theirs; the owner has been asked.
    Theirs {
        /// Its transaction.
        server: ServerKey,
        /// The target it brings along once it is accepted. A PRACK brings none.
        target: Option<Box<str>>,
    },
}

impl Update {
    /// Whether it is ours, with this transaction.
    pub(super) fn is_ours(&self, client: ClientKey) -> bool {
        matches!(self, Self::Ours { client: open, .. } if *open == client)
    }
}

impl Usage {
    /// A dialog in which an offer may be open already.
    pub(super) fn new(dialog: Dialog, descriptions: Descriptions) -> Self {
        Self { dialog, descriptions, update: None }
    }

    /// The owner has been asked for the answer to an offer.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.update, Some(Update::Theirs { .. }))
    }

    /// The UPDATE that is open is the endpoint's own and carries no offer.
    pub(super) fn is_refreshed(&self) -> bool {
        matches!(self.update, Some(Update::Ours { is_refresh: true, .. }))
    }
}

/// Who has an offer open (RFC 3264), and what each side said last that the other has agreed to.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Descriptions {
    open: Option<Box<Open>>,
    ours: Option<Body>,
    theirs: Option<Body>,
    we_answered: bool,
}

/// An offer without its answer.
#[derive(Clone, Serialize, Deserialize)]
enum Open {
    Ours(Body),
    Theirs(Body),
}

impl Descriptions {
    /// The INVITE was ours.
    pub(super) fn offered(offer: Option<&Body>) -> Self {
        let mut descriptions = Self::default();
        descriptions.we_say(offer);
        descriptions
    }

    /// The INVITE was theirs.
    pub(super) fn heard(offer: Option<&Body>) -> Self {
        let mut descriptions = Self::default();
        descriptions.they_say(offer);
        descriptions
    }

    /// We send a body: the answer to an offer of theirs that is open, else an offer.
    pub(super) fn we_say(&mut self, body: Option<&Body>) {
        let Some(body) = body.filter(|body| body.is_description()) else { return };
        match self.open.take().map(|open| *open) {
            Some(Open::Theirs(offer)) => self.settle(body.clone(), offer, true),
            Some(Open::Ours(_)) | None => self.open = Some(Box::new(Open::Ours(body.clone()))),
        }
    }

    /// They send a body.
    pub(super) fn they_say(&mut self, body: Option<&Body>) {
        let Some(body) = body.filter(|body| body.is_description()) else { return };
        match self.open.take().map(|open| *open) {
            Some(Open::Ours(offer)) => self.settle(offer, body.clone(), false),
            Some(Open::Theirs(_)) | None => self.open = Some(Box::new(Open::Theirs(body.clone()))),
        }
    }

    /// They send the message that has to carry their answer, if an offer of ours is open. Without it the offer is
    /// void: nothing may wait for it any longer.
    pub(super) fn they_conclude(&mut self, body: Option<&Body>) {
        let was_open = self.is_ours_open();
        self.they_say(body);
        if was_open {
            self.open = None;
        }
    }

    /// The same for a message of ours.
    pub(super) fn we_conclude(&mut self, body: Option<&Body>) {
        let was_open = self.is_theirs_open();
        self.we_say(body);
        if was_open {
            self.open = None;
        }
    }

    fn settle(&mut self, ours: Body, theirs: Body, we_answered: bool) {
        *self = Self { open: None, ours: Some(ours), theirs: Some(theirs), we_answered };
    }

    /// The offer that is open was refused, or its answer never came: what was agreed before stays (14.1).
    pub(super) fn withdraw(&mut self) {
        self.open = None;
    }

    /// Offer and answer are complete, and none is open.
    pub(super) fn are_settled(&self) -> bool {
        self.open.is_none() && self.ours.is_some()
    }

    /// Nothing has been said yet.
    pub(super) fn are_empty(&self) -> bool {
        self.open.is_none() && self.ours.is_none()
    }

    /// An offer of ours waits for its answer.
    pub(super) fn is_ours_open(&self) -> bool {
        matches!(self.open.as_deref(), Some(Open::Ours(_)))
    }

    /// An offer of theirs waits for our answer.
    pub(super) fn is_theirs_open(&self) -> bool {
        matches!(self.open.as_deref(), Some(Open::Theirs(_)))
    }

    /// What we said last.
    pub(super) fn ours(&self) -> Option<&Body> {
        self.ours.as_ref()
    }

    /// What they said last.
    pub(super) fn theirs(&self) -> Option<&Body> {
        self.theirs.as_ref()
    }

    /// Whether `body` says again what we answered: the only description that a later answer to the same INVITE may
    /// carry (RFC 3261 13.2.1).
    pub(super) fn repeats_answer(&self, body: &Body) -> bool {
        self.we_answered && self.ours.as_ref() == Some(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_closes_the_offer_of_the_other_side() {
        let (offer, answer, hold) = (Body::sdp("offer"), Body::sdp("answer"), Body::sdp("hold"));
        let mut said = Descriptions::offered(Some(&offer));
        assert!(said.is_ours_open() && !said.are_settled());
        said.they_say(Some(&answer));
        assert!(said.are_settled() && !said.repeats_answer(&offer));
        assert_eq!((said.ours.as_ref(), said.theirs()), (Some(&offer), Some(&answer)));
        said.they_say(Some(&hold));
        assert!(said.is_theirs_open());
        said.withdraw();
        assert_eq!((said.are_settled(), said.theirs()), (true, Some(&answer)));
        said.they_say(Some(&hold));
        said.we_say(Some(&answer));
        assert!(said.are_settled() && said.repeats_answer(&answer) && !said.repeats_answer(&hold));
    }

    #[test]
    fn an_offer_whose_answer_was_forgotten_is_void() {
        let offer = Body::sdp("offer");
        let mut said = Descriptions::offered(Some(&offer));
        said.they_conclude(None);
        assert!(!said.is_ours_open() && !said.are_settled());
        // A late offer is no answer and stays open.
        said.they_conclude(Some(&offer));
        assert!(said.is_theirs_open());
        said.we_conclude(None);
        assert!(!said.is_theirs_open());
    }

    #[test]
    fn a_body_that_describes_no_session_is_neither_offer_nor_answer() {
        let text = Body { content_type: "text/plain".into(), headers: None, bytes: "hello".into() };
        let mut said = Descriptions::heard(Some(&text));
        said.we_say(Some(&text));
        assert!(!said.is_theirs_open() && !said.is_ours_open() && !said.are_settled());
        let multipart =
            Body { content_type: "Multipart/mixed;boundary=x".into(), headers: None, bytes: "--x".into() };
        said.they_say(Some(&multipart));
        assert!(said.is_theirs_open());
    }
}
