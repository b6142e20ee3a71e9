//! Registering with a provider (RFC 3261 §10.2): when to ask, where, and what to make of the answer.
//!
//! A pure machine of one trunk. It sends nothing: [`Registration::due`] and [`Registration::answered`] give the REGISTER that
//! is to be sent, if any. Challenges are answered below it (`sip::Login`). What was granted before stays good until it runs
//! out, whatever the answer to a refresh is; whoever asks too often is shut out by providers, so every wait grows and is
//! drawn by lot (RFC 5626 §4.5).

use std::{
    collections::BTreeSet,
    net::IpAddr,
    time::{Duration, Instant},
};

use sip::{ANSWERS_MAX, ContactValue, Flow, HeaderName, Message, Refused, Uri};

use crate::means::Random;

/// The longest wait before the first REGISTER of a trunk: all trunks of a switch begin at once when it does.
pub(crate) const SPREAD_MAX: Duration = Duration::from_secs(8);
/// A registration is refreshed when a quarter of its time is left, or this much where that is less: two servers may be
/// silent meanwhile (64*T1 each).
const LEAD_MAX: Duration = Duration::from_secs(75);
/// Wait after the first failure of a server to answer, and the longest one.
const AWAY_MIN: Duration = Duration::from_secs(10);
const AWAY_MAX: Duration = Duration::from_secs(300);
/// Wait after the first refusal, and the longest one: only somebody at the provider, or here, can mend it.
const REFUSED_MIN: Duration = Duration::from_secs(60);
const REFUSED_MAX: Duration = Duration::from_secs(3_600);
/// Seconds of a `Retry-After`, or of an expiry, that are believed.
const SECS_MAX: u32 = 86_400;
/// What a refusal is called where there was no answer because nothing could be asked.
pub(crate) const NOT_LOCATED: u16 = 0;
/// And where what was to be asked cannot be written (RFC 3261 §21.4.1).
const UNWRITABLE: u16 = 400;

/// A REGISTER to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) flow: Flow,
    /// The URI of the target, whose host is the provider's domain.
    pub(crate) target: Box<str>,
    /// 0 ends the registration.
    pub(crate) expires_secs: u32,
    /// Call-ID and number, if it goes on with one before.
    pub(crate) series: Option<(Box<str>, u32)>,
}

/// A way to a target of the trunk.
pub(crate) type WayTo = (Box<str>, Flow);

/// The last final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    /// Its status; [`NOT_LOCATED`] where nobody could be asked.
    pub(crate) status: u16,
    pub(crate) at: Instant,
}

/// Where a registration stands.
#[derive(Debug)]
pub(crate) struct Registration {
    /// What is asked for: what configuration says, or more where the provider wants more.
    asked_secs: u32,
    series: Option<(Box<str>, u32)>,
    phase: Phase,
    /// What is registered, if anything is.
    granted: Option<Granted>,
    answered: Option<Answered>,
    /// Rounds over all ways in a row in which nobody was there.
    away: u32,
    /// Refusals since it was granted last: what a provider counts too.
    refused: u32,
}

#[derive(Debug)]
enum Phase {
    Waits(Instant),
    Asks {
        asking: Asking,
        /// The other ways, the next one last.
        rest: Vec<WayTo>,
        /// The provider has said that the time is too brief, once.
        is_longer: bool,
        /// Configuration says something else meanwhile.
        is_outdated: bool,
    },
}

/// What a provider has granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) until: Instant,
    pub(crate) flow: Flow,
    pub(crate) target: Box<str>,
    /// A NAT stands between us: it forgets a flow on which nothing is said.
    pub(crate) is_behind_nat: bool,
    heard_at: Heard,
}

/// From where a peer hears us, as far as it says (RFC 3581 §4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Heard {
    ip: Option<IpAddr>,
    port: Option<u16>,
}

impl Heard {
    fn by(message: &Message<'_>) -> Self {
        let via = message.via().ok();
        let ip = via.as_ref().and_then(|via| via.received()).map(|ip| ip.to_canonical());
        Self { ip, port: via.and_then(|via| via.rport().flatten()) }
    }

    /// Whether that is somewhere else than where we say that we are.
    fn is_behind_nat(self, flow: Flow) -> bool {
        let there = Self { ip: Some(flow.local.ip().to_canonical()), port: Some(flow.local.port()) };
        // The port of a stream is the system's choice, and says nothing.
        let ours = if flow.transport.is_reliable() { Self { port: None, ..there } } else { there };
        self.is_elsewhere(ours)
    }

    fn is_elsewhere(self, other: Self) -> bool {
        self.ip.zip(other.ip).is_some_and(|(ip, other)| ip != other)
            || self.port.zip(other.port).is_some_and(|(port, other)| port != other)
    }
}

/// What an answer means.
enum Said {
    Granted {
        secs: u32,
        heard_at: Heard,
    },
    TooBrief {
        min_secs: u32,
    },
    /// Nobody is there, or not now.
    Away {
        retry_after_secs: Option<u32>,
    },
    Refused,
}

impl Said {
    fn of(status: u16, message: Option<&Message<'_>>, contact: &str, asking: &Asking) -> Self {
        let secs = |name| message.and_then(|message| message.leading_seconds(name));
        match (status, message) {
            (200..300, Some(message)) => Self::Granted {
                secs: granted_secs(message, contact).unwrap_or(asking.expires_secs).min(SECS_MAX),
                heard_at: Heard::by(message),
            },
            (423, _) => {
                secs(HeaderName::MinExpires).map_or(Self::Refused, |min_secs| Self::TooBrief { min_secs })
            }
            (NOT_LOCATED | 408 | 430 | 500..600, _) => {
                Self::Away { retry_after_secs: secs(HeaderName::RetryAfter) }
            }
            _ => Self::Refused,
        }
    }
}

impl Registration {
    /// One that asks for so long, for the first time at `first`.
    pub(crate) fn new(expiry_secs: u32, first: Instant) -> Self {
        Self {
            asked_secs: expiry_secs,
            series: None,
            phase: Phase::Waits(first),
            granted: None,
            answered: None,
            away: 0,
            refused: 0,
        }
    }

    /// When it wants to ask.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Waits(at) => Some(at),
            Phase::Asks { .. } => None,
        }
    }

    /// What is registered at this moment.
    pub(crate) fn granted(&self, now: Instant) -> Option<&Granted> {
        self.granted.as_ref().filter(|granted| granted.until > now)
    }

    /// The last final answer there was.
    pub(crate) fn last_answer(&self) -> Option<Answered> {
        self.answered
    }

    /// The targets where it is, or is being asked for.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &str> {
        let asked = match &self.phase {
            Phase::Waits(_) => None,
            Phase::Asks { asking, .. } => Some(&*asking.target),
        };
        self.granted.iter().map(|granted| &*granted.target).chain(asked)
    }

    /// Configuration says something else: it asks for it now, or when it has heard what it has asked.
    pub(crate) fn change(&mut self, now: Instant, expiry_secs: u32) {
        self.asked_secs = expiry_secs;
        (self.away, self.refused) = (0, 0);
        match &mut self.phase {
            Phase::Waits(at) => *at = now,
            Phase::Asks { is_outdated, .. } => *is_outdated = true,
        }
    }

    /// It is time to ask: the first of these ways, in order. `None`: there is none, so it asks later.
    pub(crate) fn due(&mut self, now: Instant, mut ways: Vec<WayTo>, random: &mut Random) -> Option<Asking> {
        if self.deadline().is_none_or(|at| at > now) {
            return None;
        }
        ways.reverse();
        let Some(first) = ways.pop() else {
            self.answered = Some(Answered { status: NOT_LOCATED, at: now });
            self.be_away(now, None, random);
            return None;
        };
        Some(self.ask(first, ways, false))
    }

    /// Its targets are at these addresses now: if it waits for one it asks at once, and soon if it is registered at none of
    /// them, because who is not found any more may be gone.
    pub(crate) fn located(&mut self, now: Instant, addresses: &BTreeSet<IpAddr>, random: &mut Random) {
        let Phase::Waits(at) = &mut self.phase else { return };
        if self.answered.is_some_and(|answered| answered.status == NOT_LOCATED) {
            *at = now.min(*at);
        }
        let granted = self.granted.as_ref().filter(|granted| granted.until > now);
        if granted.is_some_and(|granted| !addresses.contains(&granted.flow.remote.ip().to_canonical())) {
            *at = (*at).min(now + drawn(LEAD_MAX, random));
        }
    }

    /// The connection by which it was registered is gone: behind a NAT nobody gets in any more, so it asks soon.
    pub(crate) fn lost(&mut self, now: Instant, failed: &Flow, random: &mut Random) {
        let was_ours =
            |granted: &Granted| granted.flow.transport.is_reliable() && granted.flow.is_hit_by(failed);
        if let (Phase::Waits(at), true) = (&mut self.phase, self.granted.as_ref().is_some_and(was_ours)) {
            *at = (*at).min(now + drawn(AWAY_MIN, random));
        }
    }

    /// Whether an answer on its flow says that a NAT, or our line, has given us another address since: whatever is registered
    /// leads to the former one (RFC 5626 §4.4.2).
    pub(crate) fn has_moved(&self, message: &Message<'_>) -> bool {
        self.granted.as_ref().is_some_and(|granted| Heard::by(message).is_elsewhere(granted.heard_at))
    }

    /// The flow does not answer any more: whatever is registered on it reaches nobody.
    pub(crate) fn is_deaf(&mut self, now: Instant, random: &mut Random) {
        if let Phase::Waits(at) = &mut self.phase {
            *at = (*at).min(now + drawn(AWAY_MIN, random));
        }
    }

    /// A final answer to what was asked last, or the endpoint's word that there is none (408, 503). `contact` is the user
    /// part of our Contact. Gives what is to be asked next, now.
    pub(crate) fn answered(
        &mut self,
        now: Instant,
        (status, message): (u16, Option<&Message<'_>>),
        contact: &str,
        random: &mut Random,
    ) -> Option<Asking> {
        let waiting = Phase::Waits(now + AWAY_MAX);
        let Phase::Asks { asking, mut rest, is_longer, is_outdated } =
            std::mem::replace(&mut self.phase, waiting)
        else {
            return None;
        };
        self.answered = Some(Answered { status, at: now });
        self.series =
            match message.and_then(|message| Some((message.call_id().ok()?, message.cseq().ok()?.number))) {
                Some((call_id, number)) => Some((Box::from(call_id), number.saturating_add(1))),
                // It may have been sent again with credentials before it fell silent.
                None => asking
                    .series
                    .clone()
                    .map(|(id, number)| (id, number.saturating_add(1 + u32::from(ANSWERS_MAX)))),
            };
        match Said::of(status, message, contact, &asking) {
            Said::Granted { secs, heard_at } if secs > 0 => {
                let span = Duration::from_secs(secs.into());
                let lead = (span / 4).min(LEAD_MAX);
                let next = if is_outdated { now } else { now + span - lead - drawn(lead, random) };
                self.phase = Phase::Waits(next);
                let Asking { flow, target, .. } = asking;
                let is_behind_nat = heard_at.is_behind_nat(flow);
                self.granted = Some(Granted { until: now + span, flow, target, is_behind_nat, heard_at });
                (self.away, self.refused) = (0, 0);
            }
            // It was said of what is not wanted any more.
            _ if is_outdated => self.phase = Phase::Waits(now),
            Said::TooBrief { min_secs } if !is_longer && (self.asked_secs..=SECS_MAX).contains(&min_secs) => {
                self.asked_secs = min_secs;
                return Some(self.ask((asking.target, asking.flow), rest, true));
            }
            Said::Away { retry_after_secs } => {
                if let Some(next) = rest.pop() {
                    return Some(self.ask(next, rest, false));
                }
                self.be_away(now, retry_after_secs, random);
            }
            Said::Granted { .. } | Said::TooBrief { .. } | Said::Refused => {
                self.be_refused(now, random);
            }
        }
        None
    }

    /// What it wanted to ask could not be sent: for want of room, as if nobody had answered anywhere, or because of what
    /// configuration says, which only people can mend.
    pub(crate) fn unsent(&mut self, now: Instant, refused: Refused, random: &mut Random) {
        if refused == Refused::Full {
            self.answered = Some(Answered { status: 503, at: now });
            self.be_away(now, None, random);
        } else {
            self.answered = Some(Answered { status: UNWRITABLE, at: now });
            self.be_refused(now, random);
        }
    }

    /// It is not wanted any more: the REGISTER that ends it, if there is something to end.
    pub(crate) fn leave(self, now: Instant) -> Option<Asking> {
        let granted = self.granted.filter(|granted| granted.until > now)?;
        let Granted { flow, target, .. } = granted;
        Some(Asking { flow, target, expires_secs: 0, series: self.series })
    }

    fn ask(&mut self, (target, flow): WayTo, rest: Vec<WayTo>, is_longer: bool) -> Asking {
        let asking = Asking { flow, target, expires_secs: self.asked_secs, series: self.series.clone() };
        self.phase = Phase::Asks { asking: asking.clone(), rest, is_longer, is_outdated: false };
        asking
    }

    /// All ways have failed: it asks again later, not before the provider wants it to.
    fn be_away(&mut self, now: Instant, wanted_secs: Option<u32>, random: &mut Random) {
        let wanted = Duration::from_secs(wanted_secs.unwrap_or(0).min(SECS_MAX).into());
        let wait = doubling((AWAY_MIN, AWAY_MAX), &mut self.away, random);
        self.phase = Phase::Waits(now + wait.max(wanted + drawn(AWAY_MIN / 2, random)));
    }

    /// The provider refuses, and does so again.
    fn be_refused(&mut self, now: Instant, random: &mut Random) {
        self.away = 0;
        let wait = doubling((REFUSED_MIN, REFUSED_MAX), &mut self.refused, random);
        self.phase = Phase::Waits(now + wait);
    }
}

/// A wait that doubles with each time, the latter half of it by lot.
fn doubling((least, most): (Duration, Duration), times: &mut u32, random: &mut Random) -> Duration {
    let doubled = least.saturating_mul(1 << (*times).min(16)).min(most);
    *times = times.saturating_add(1);
    doubled / 2 + drawn(doubled / 2, random)
}

/// A part of a span, by lot.
pub(super) fn drawn(span: Duration, random: &mut Random) -> Duration {
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1);
    Duration::from_micros(random.number() % micros)
}

/// How long our contact is registered for, by a 200 (RFC 3261 §10.2.1): other contacts of the same address may stand beside.
fn granted_secs(message: &Message<'_>, contact: &str) -> Option<u32> {
    let ours = message.contacts().find_map(|value| match value.ok()? {
        ContactValue::Address(address) => {
            let is_ours =
                Uri::parse(address.uri).is_ok_and(|uri| uri.user_text().as_deref() == Some(contact));
            is_ours.then(|| address.params.get("expires").and_then(|secs| secs.parse().ok()))
        }
        ContactValue::All => None,
    });
    ours.flatten().or_else(|| message.expires().ok().flatten())
}
