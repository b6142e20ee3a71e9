//! A call that is sent on to where the switch itself answers: a queue, a menu, a mailbox.
//!
//! Nobody has to take it there, so the transferor is told at once that it is done, and let go; the one who waits is from then on
//! a caller like one who has dialled that number, and its record says of the transfer what that one's would say of the call. Whoever has gone to a queue or a menu first hands over where it stands: the
//! other one has its place in the queue, or hears the menu from its beginning. Where the call goes when nobody takes it there
//! is not the transferor's business any more.

use contract::journal::{Detail, EventKind};
use dialplan::{Decision, PersonKey};
use sip::SessionKey;

use super::super::{
    attended::{TRANSFERRED, link},
    events::because,
    feature::menu::{self, Visit},
    identity::Identity,
    line::Line,
    queued::{self, Arriving, Stand},
    refer::Referral,
    state::{Head, Side, State, Talking, end},
};
use crate::means::Means;

/// How somebody has asked for it, and in which session it is told of it, if it wants to be.
type Told = Option<(SessionKey, Referral)>;

impl Talking {
    /// The one who waits goes where this leads.
    pub(super) fn led(
        mut self: Box<Self>,
        (by, referral): (Side, Option<Referral>),
        (number, who): (&str, Identity),
        decision: Decision,
        head: &mut Head,
        means: &mut Means<'_>,
    ) -> State {
        let told = Detail { number: Some(number.to_owned()), ..Detail::default() };
        let (transferor, session) = (self.leg(by).participant, self.leg(by).session);
        self.record.event(EventKind::Transfer, transferor, told, means);
        self.record.forwarded(&decision.forwards, means);
        means.trace_route(self.record.call(), means.plan.revision(), decision.clone());
        let told = referral.map(|referral| (session, referral));
        let line = self.hand_over(by, told, head, means);
        let arriving = Arriving { who, visit: None, language: means.language(line.record.org()) };
        queued::lead(line, arriving, decision, head, means)
    }

    /// The switch is the other side from now on.
    fn hand_over(mut self: Box<Self>, by: Side, told: Told, head: &mut Head, means: &mut Means<'_>) -> Line {
        self.give_up_carried(means);
        let Self { record, caller, callee, is_held, .. } = *self;
        let (transferor, waiting) = by.of_call(caller, callee);
        if let Some((session, referral)) = told {
            referral.report(session, 200, means);
        }
        head.hang_up(transferor, None, means);
        let side = by.other();
        let mut line = Line::new(record, waiting, side);
        line.is_held = is_held.is_said(side);
        // An order is at its end where nobody could take it back (decision 0045).
        if is_held.by(side) != line.is_held {
            line.record.hold(false, (line.caller.no, line.caller.participant), means);
        }
        line
    }
}

/// Whoever has called a queue or a menu lets the one who was to hear of it stand there instead (`attended`).
pub(in crate::call) fn take_place(
    (mut talking, session): (Box<Talking>, SessionKey),
    consulting: State,
    (head, other_head): (&mut Head, &mut Head),
    told: Told,
    means: &mut Means<'_>,
) -> (State, State) {
    let whose = talking.side_of(session).zip(talking.stranded(session, head, means));
    let Some((by, who)) = whose else { return (State::Talking(talking), consulting) };
    let (left, stand) = match consulting.give_place(other_head, means) {
        Ok(given) => given,
        Err(kept) => return (State::Talking(talking), kept),
    };
    let (call, other) = (talking.record.call(), left.record.call());
    let detail = Detail { number: Some(left.record.dialled().to_owned()), ..link(other) };
    let transferor = talking.leg(by).participant;
    talking.record.event(EventKind::Transfer, transferor, detail, means);
    let line = talking.hand_over(by, told, head, means);
    let arriving = Arriving { who, visit: None, language: means.language(line.record.org()) };
    let on = match stand {
        Stand::Queue(place, trail) => queued::stand_in(line, arriving, (place, trail), head, means),
        Stand::Menu(of) => menu::take_over(line, Visit::first(arriving.who, of), head, means),
    };
    let Line { record, caller, .. } = left;
    other_head.hang_up(caller, None, means);
    let told = Detail { call: Some(call), ..because(TRANSFERRED) };
    let events: &[EventKind] = if record.is_answered() { &[] } else { &[EventKind::Canceled] };
    (on, end(record, events, &told.clone(), told, means))
}

impl Talking {
    /// As whom the other one than this one goes on alone.
    fn stranded(&self, session: SessionKey, head: &Head, means: &Means<'_>) -> Option<Identity> {
        let side = self.side_of(session)?.other();
        let org = means.plan.organisation(self.record.org())?;
        Identity::of(self.leg(side), org, side.shown(head.privacy))
    }
}

impl State {
    /// Who stands in a queue or a menu in this session, and could let somebody else stand there.
    pub(in crate::call) fn stands(&self, session: SessionKey) -> Option<PersonKey> {
        let line = match self {
            Self::Queued(queued) if queued.has_place() => &queued.line,
            Self::Served(served) if served.menu().is_some() => &served.line,
            _ => return None,
        };
        (line.caller.session == session).then_some(line.caller.person)
    }

    /// Where it stands, for somebody else; nobody rings for it any more.
    fn give_place(self, head: &mut Head, means: &mut Means<'_>) -> Result<(Line, Stand), Self> {
        match self {
            Self::Queued(queued) => queued.give_place(head, means).map_err(Self::Queued),
            Self::Served(served) => match served.menu() {
                Some(of) => Ok((served.line, Stand::Menu(of))),
                None => Err(Self::Served(served)),
            },
            state => Err(state),
        }
    }
}
