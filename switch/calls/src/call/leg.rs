//! One side of a call: a SIP session, the person on it, and its media.
//!
//! A leg is held by the state of its call. When it is done it leaves: it says goodbye and returns its ports in its
//! own time, and is written down when both have happened or the time for it is over.

use std::net::IpAddr;

use contract::{
    id::CallId,
    journal::{Fact, Leg as LegFact},
    live::{LegStage, LiveLeg, LiveStream},
    snapshot::RecordingPolicy,
    time::Timestamp,
};
use dialplan::{Payer, PersonKey, Trust};
use serde::{Deserialize, Serialize};
use sip::{Flow, SessionKey};
use streams::{
    media::{LeaseId, LegReport},
    sdp::Description,
};

use super::{
    Toll, events::ClosedRecord, identity::Identity, keypad::Keypad, media_plan::LegStreams, outside::Onward,
    sound::ToldSound,
};
use crate::{clock::Moment, guests::UsedPass, means::Means, output::Notice};

/// One side of a call.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Leg {
    /// From 1; the caller's is 1.
    pub(crate) no: u16,
    pub(crate) session: SessionKey,
    pub(crate) person: PersonKey,
    /// What is known of somebody outside.
    pub(crate) outside: Option<Box<Outsider>>,
    /// Their number among the participants, once they are one.
    pub(crate) participant: Option<u16>,
    /// What its INVITE may fork into further on, when it says so (RFC 5393).
    pub(crate) breadth: Option<u8>,
    /// It has answered 180 or 183.
    pub(crate) has_rung: bool,
    /// What it has said of its early media.
    pub(crate) early: Option<Description>,
    pub(crate) streams: LegStreams,
    /// What the extension says of recording through which it was reached, if it was and that says anything.
    pub(crate) recording: Option<RecordingPolicy>,
    pub(crate) keypad: Keypad,
    /// What its device was told of how the call sounds, if anything.
    pub(crate) sound: Option<Box<ToldSound>>,
    /// How it is invited again, as long as it has not answered.
    pub(crate) again: Option<Box<Again>>,
    flow: Flow,
    created_at: Timestamp,
    answered_at: Option<Timestamp>,
}

/// Somebody outside.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Outsider {
    pub(crate) who: Identity,
    /// What the leg is counted for, if it was called and not to the emergency services.
    pub(crate) toll: Option<Toll>,
    /// What has let them in, where they are a guest.
    pub(crate) pass: Option<UsedPass>,
}

/// Why a device is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Asking {
    /// The call has led to its person.
    Called,
    /// Its person may take the call from those to whom it has led, by order.
    PickUp { auto_answer: bool },
}

impl Asking {
    /// Why it is its person who has the call, where that takes a word.
    pub(crate) fn reason(self) -> Option<&'static str> {
        matches!(self, Self::PickUp { .. }).then_some("picked_up")
    }
}

/// What the invitation of a device had of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Again {
    pub(crate) number: Box<str>,
    pub(crate) trust: Trust,
    pub(crate) request_uri: Box<str>,
    pub(crate) routes: Box<[String]>,
    pub(crate) reliable: bool,
    /// See [`Leg::recording`].
    pub(crate) recording: Option<RecordingPolicy>,
    pub(crate) asking: Asking,
    /// Where else the number can be tried, if it is one in the telephone network.
    pub(crate) onward: Option<Box<Onward>>,
}

impl Leg {
    /// The way it was invited on.
    pub(crate) fn flow(&self) -> Flow {
        self.flow
    }

    pub(crate) fn new(
        no: u16,
        session: SessionKey,
        person: PersonKey,
        flow: Flow,
        streams: LegStreams,
        created_at: Timestamp,
    ) -> Self {
        Self {
            no,
            session,
            person,
            outside: None,
            participant: None,
            breadth: None,
            has_rung: false,
            early: None,
            streams,
            recording: None,
            keypad: Keypad::default(),
            sound: None,
            again: None,
            flow,
            created_at,
            answered_at: None,
        }
    }

    /// The address by which its far end knows the switch: the one in Via and Contact.
    pub(crate) fn switch_address(&self) -> IpAddr {
        self.flow.local.ip().to_canonical()
    }

    /// Why it is asked, as long as it has not answered.
    pub(crate) fn asking(&self) -> Asking {
        self.again.as_ref().map_or(Asking::Called, |again| again.asking)
    }

    /// What it is counted for, if it is on anybody's budget.
    pub(crate) fn toll(&self) -> Option<Toll> {
        self.outside.as_ref()?.toll
    }

    /// When it was created, and answered, if it was.
    pub(crate) fn times(&self) -> (Timestamp, Option<Timestamp>) {
        (self.created_at, self.answered_at)
    }

    /// What an operator is shown of it.
    pub(crate) fn shown(&self, stage: LegStage, is_holding: bool) -> LiveLeg {
        let streams = self.streams.shown().map(|(local, said)| LiveStream {
            local,
            remote: said.as_ref().and_then(|said| said.address),
            kind: said.as_ref().map(|said| said.kind.as_str().to_owned()),
            direction: said.as_ref().map(|said| said.direction.as_str().to_owned()),
            formats: said.iter().flat_map(|said| &said.formats).map(ToString::to_string).collect(),
        });
        LiveLeg {
            no: self.no,
            stage,
            is_holding,
            transport: self.flow.transport.as_str().to_ascii_lowercase(),
            local: self.flow.local,
            remote: self.flow.remote,
            created_at: self.created_at,
            answered_at: self.answered_at,
            streams: streams.collect(),
        }
    }

    /// Where its far end is heard from.
    pub(crate) fn source(&self) -> IpAddr {
        self.flow.remote.ip()
    }

    /// Goes over to another call, as this number there. Until now it is written down here; its media is judged where it ends.
    pub(crate) fn go_over(
        mut self,
        record: &mut ClosedRecord,
        (call, no): (CallId, u16),
        means: &mut Means<'_>,
    ) -> Self {
        let sip_status = self.answered_at.map(|_| 200);
        record.fact(Fact::Leg(self.fact(sip_status)), means);
        means.hand_over(call, self.session, self.streams.lease_ids().collect());
        self.streams.go_over(call);
        self.created_at = means.wall;
        self.answered_at = self.answered_at.map(|_| means.wall);
        Self { no, participant: None, ..self }
    }

    fn fact(&self, sip_status: Option<u16>) -> LegFact {
        LegFact {
            no: self.no,
            participant: self.participant,
            transport: self.flow.transport.as_str().to_ascii_lowercase(),
            created_at: self.created_at,
            answered_at: self.answered_at,
            sip_status,
            payer: self.toll().and_then(|toll| payer_of(toll.payer)),
            rupiah_per_minute: self.toll().and_then(|toll| toll.rupiah_per_minute),
        }
    }

    pub(crate) fn set_answered(&mut self, wall: Timestamp) {
        // The clock may have been set back since.
        self.answered_at = Some(wall.max(self.created_at));
        self.again = None;
    }
}

/// Whose budget it was, as rows name them.
fn payer_of(payer: Payer) -> Option<contract::journal::Payer> {
    use contract::journal::Payer as Row;
    match payer {
        Payer::Person(PersonKey::User(user)) => Some(Row::User(user)),
        Payer::Person(PersonKey::Account(account)) => Some(Row::Account(account)),
        Payer::Person(PersonKey::Trunk(_) | PersonKey::Guest(_)) => None,
        Payer::Extension(extension) => Some(Row::Extension(extension)),
    }
}

/// How a leg's session stands when it leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Farewell {
    /// It is over, with this final status of its INVITE.
    Over(Option<u16>),
    /// We have hung up; the endpoint will say when it is over.
    Awaited,
}

/// A leg that is done.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Leaving {
    leg: Leg,
    farewell: Farewell,
    until: Moment,
}

impl Leaving {
    pub(crate) fn new(mut leg: Leg, farewell: Farewell, means: &mut Means<'_>) -> Self {
        leg.streams.close(means);
        means.left_outside((leg.streams.call(), leg.no));
        if let Farewell::Over(_) = farewell {
            means.sessions.remove(&leg.session);
        }
        Self { leg, farewell, until: means.after(means.config.timeouts.leaving) }
    }

    pub(crate) fn session(&self) -> SessionKey {
        self.leg.session
    }

    pub(crate) fn leg(&self) -> &Leg {
        &self.leg
    }

    pub(crate) fn until(&self) -> Moment {
        self.until
    }

    /// The endpoint says that the session is over.
    pub(crate) fn set_over(&mut self, status: Option<u16>, means: &mut Means<'_>) {
        means.sessions.remove(&self.leg.session);
        self.farewell = Farewell::Over(status);
    }

    /// The relay has closed a lease; false when it is none of this leg's.
    pub(crate) fn closed(&mut self, lease: LeaseId, report: &LegReport, means: &mut Means<'_>) -> bool {
        self.leg.streams.closed(self.leg.no, lease, report, means)
    }

    /// Its session is over.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.farewell, Farewell::Over(_))
    }

    /// Nothing more is to come.
    pub(crate) fn is_gone(&self) -> bool {
        self.leg.streams.is_closed() && self.is_over()
    }

    /// Gives up on what has not come in time.
    pub(crate) fn give_up(&mut self, means: &mut Means<'_>) {
        self.leg.streams.give_up(means);
        if self.farewell == Farewell::Awaited {
            means.sessions.remove(&self.leg.session);
            means.notice(Notice::LegNotEnded);
            self.farewell = Farewell::Over(None);
        }
    }

    /// Writes the leg down.
    pub(crate) fn write(self, record: &mut ClosedRecord, means: &mut Means<'_>) {
        let mut leg = self.leg;
        let sip_status = match self.farewell {
            Farewell::Over(status) => status,
            Farewell::Awaited => None,
        };
        // A leg that was answered had a 2xx, whatever ended it, unless the 2xx was still waiting for a PRACK.
        leg.answered_at = leg.answered_at.filter(|_| sip_status.is_none());
        let is_answered = leg.answered_at.is_some();
        record.fact(Fact::Leg(leg.fact(if is_answered { Some(200) } else { sip_status })), means);
        leg.streams.write_quality(leg.no, is_answered, record, means);
    }
}
