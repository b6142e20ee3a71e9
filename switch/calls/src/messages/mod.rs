//! Instant messages between the accounts of one organisation (RFC 3428): to all devices of whoever a number stands
//! for, answered by the first that takes it.
//!
//! Nothing is stored: a message that no device takes is refused, and 202 is never sent. `content` judges what may be
//! in one, `rate` how many an account may send. A MESSAGE inside a dialog belongs to its call.

mod content;
mod rate;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use dialplan::{Account, Facts, OrgPlan, Refusal, Trust};
use sip::{Body, NewRequest, OutsideRequest, Party, Refused, Reply, RequestKey, ServerKey, Way};

use crate::{
    call::identity::{Identity, Privacy, PrivacyFailure},
    config::MAX_FORWARDS_DEFAULT,
    facts,
    output::{Notice, Outputs},
    registrar::Reach,
    switchboard::Switchboard,
};
use rate::Rate;

/// Bytes of a MESSAGE over a transport that does not control congestion (RFC 3428 §8).
const DATAGRAM_BYTES_MAX: usize = 1_300;

/// Messages on their way.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    open: BTreeMap<ServerKey, Open>,
    by_request: BTreeMap<RequestKey, Sent>,
    deadlines: BTreeSet<(Instant, ServerKey)>,
    rate: Rate,
}

/// A message on its way to one device.
#[derive(Debug)]
struct Sent {
    sender: ServerKey,
    /// What to send, and where else, when the device is not reached this way; where there is nothing else, nothing.
    again: Again,
}

type Again = Option<Box<(OutsideRequest, Vec<Way>)>>;

/// A message on its way to the devices.
#[derive(Debug)]
struct Open {
    /// Requests without an answer.
    waiting: usize,
    /// The weightiest of the refusals so far.
    refusal: u16,
    is_answered: bool,
    until: Instant,
}

impl Messages {
    /// How many are on their way.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// When the next sender has to be answered.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    fn insert(&mut self, sender: ServerKey, open: Open, requests: Vec<(RequestKey, Again)>) {
        self.deadlines.insert((open.until, sender));
        self.by_request
            .extend(requests.into_iter().map(|(request, again)| (request, Sent { sender, again })));
        self.open.insert(sender, open);
    }

    /// A device has answered; what the sender is to get now, if anything.
    fn answered(&mut self, request: RequestKey, status: u16) -> Option<(ServerKey, u16)> {
        let sender = self.by_request.remove(&request)?.sender;
        let open = self.open.get_mut(&sender)?;
        open.waiting = open.waiting.saturating_sub(1);
        let is_taken = (200..300).contains(&status);
        if !is_taken && weight(status) > weight(open.refusal) {
            open.refusal = status;
        }
        let verdict = match is_taken {
            _ if open.is_answered => None,
            true => Some(200),
            false => (open.waiting == 0).then(|| told(open.refusal)),
        };
        open.is_answered |= verdict.is_some();
        if open.waiting == 0 {
            self.deadlines.remove(&(open.until, sender));
            self.open.remove(&sender);
        }
        verdict.map(|status| (sender, status))
    }

    /// Whose time is over: the devices are silent, and the sender gives up soon.
    fn late(&mut self, now: Instant) -> Option<ServerKey> {
        let (_, sender) = self.deadlines.first().filter(|(at, _)| *at <= now).copied()?;
        self.deadlines.pop_first();
        // What is still to come from the devices is for nobody.
        if let Some(open) = self.open.get_mut(&sender) {
            open.is_answered = true;
        }
        Some(sender)
    }
}

/// How much a refusal says: of all devices, that of the person comes first, then what the device can do nothing with,
/// then a device's own reasons, then silence (RFC 3261 §16.7 step 6).
fn weight(status: u16) -> u8 {
    match status {
        600..=699 => 4,
        406 | 413 | 415 | 488 | 493 | 513 => 3,
        404 | 408 | 410 | 480 | 481 => 1,
        400..=499 => 2,
        _ => 0,
    }
}

/// What the sender is told of a refusal. A device's challenge is not the sender's to answer; 408 is never sent for a
/// request that is no INVITE (RFC 4320 §4.1), and one device's trouble is not the switch's (RFC 3261 §16.7).
fn told(status: u16) -> u16 {
    match status {
        300..=399 | 401 | 404 | 407 | 408 | 410 | 481 | 482 | 483 => 480,
        513 => 513,
        500..=599 => 480,
        _ => status,
    }
}

/// A message that may go out.
struct Letter<'p> {
    org: &'p OrgPlan,
    sender: &'p Account,
    privacy: Privacy,
    number: String,
    devices: Vec<(Trust, Reach)>,
}

impl Switchboard {
    /// A MESSAGE outside any dialog.
    pub(crate) fn message(&mut self, request: &NewRequest, out: &mut Outputs) {
        let plan = std::sync::Arc::clone(&self.plan);
        let Some((org, sender)) = self.sender(&plan, request, out) else { return };
        let letter = match self.letter(request, org, sender, out) {
            Ok(letter) => letter,
            Err(reply) => return self.refuse_sender(request, reply),
        };
        let Ok(key) = self.endpoint.accept(self.now, request.clone(), &mut self.wire) else { return };
        let mut requests = Vec::new();
        let mut refusal = 480;
        for (trust, reach) in &letter.devices {
            match self.deliver(request, &letter, *trust, reach) {
                Ok(sent) => requests.push(sent),
                Err(Refused::TooLarge) => refusal = 513,
                Err(_) => {}
            }
        }
        if requests.is_empty() {
            return self.endpoint.respond(self.now, key, Reply::new(refusal), &mut self.wire);
        }
        let until = self.now + self.config.timeouts.message;
        let open = Open { waiting: requests.len(), refusal, is_answered: false, until };
        self.messages.insert(key, open, requests);
    }

    /// Judges a message whose sender is known, and finds its devices.
    fn letter<'p>(
        &mut self,
        request: &NewRequest,
        org: &'p OrgPlan,
        sender: &'p Account,
        out: &mut Outputs,
    ) -> Result<Letter<'p>, Reply> {
        let message = request.message.view();
        let privacy = Privacy::of(&message).map_err(|PrivacyFailure(unknown)| {
            Reply::new(500).phrase(format!("Privacy Not Provided: {unknown}"))
        })?;
        content::judge(&message, org, sender, self.config.limits.message_body_bytes_max)?;
        if let Err(wait) =
            self.messages.rate.take(self.now, sender.id, self.config.limits.messages_per_minute_max)
        {
            out.notice(Notice::MessagesLimited);
            let reply = Reply::new(480).phrase("Too Many Messages");
            return Err(reply.header("Retry-After", wait.as_secs().max(1).to_string()));
        }
        let number = facts::dialled(&message).ok_or_else(|| Reply::new(404))?.into_owned();
        let asked = Facts { org: org.id(), caller: sender.person, dialled: &number };
        let ring = match self.plan.people(&asked) {
            Ok(ring) => ring,
            // A feature reads no letters.
            Err(
                Refusal::UnknownNumber | Refusal::Barred(_) | Refusal::NoIntercom(_) | Refusal::InsideOnly(_),
            ) => return Err(Reply::new(404)),
            Err(Refusal::SelfCall(_)) => return Err(Reply::new(403).phrase("Message To Oneself")),
            Err(Refusal::Inactive(_) | Refusal::NoStaff(_) | Refusal::Closed(_)) => {
                return Err(Reply::new(480));
            }
        };
        let (registrar, random) = (&self.registrar, &mut self.random);
        let accounts = ring
            .targets
            .iter()
            .flat_map(|target| target.accounts.iter().map(|account| (target.trust, *account)));
        let reaches = accounts.flat_map(|(trust, account)| {
            registrar.devices(account, random).into_iter().map(move |reach| (trust, reach))
        });
        let devices: Vec<(Trust, Reach)> = reaches.take(self.config.limits.legs_per_call_max).collect();
        if devices.is_empty() {
            return Err(Reply::new(480));
        }
        Ok(Letter { org, sender, privacy, number, devices })
    }

    fn deliver(
        &mut self,
        request: &NewRequest,
        letter: &Letter<'_>,
        trust: Trust,
        reach: &Reach,
    ) -> Result<(RequestKey, Again), Refused> {
        let message = request.message.view();
        let shown = Identity::new(letter.sender, letter.org, letter.privacy).shown(trust);
        let mut headers = shown.headers;
        headers.extend(content::headers(&message));
        let max_forwards = message.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS_DEFAULT);
        let outside = OutsideRequest {
            flow: reach.flow,
            method: "MESSAGE".into(),
            request_uri: reach.request_uri.clone(),
            from: shown.from,
            to: Party::new(format!("sip:{}@{}", letter.number, letter.org.sip_domain())),
            contact_user: None,
            routes: reach.routes.clone(),
            max_forwards: max_forwards.saturating_sub(1),
            headers,
            body: Body::of(&message),
            datagram_bytes_max: Some(DATAGRAM_BYTES_MAX),
            login: None,
            series: None,
        };
        let again =
            (!reach.fallbacks.is_empty()).then(|| Box::new((outside.clone(), reach.fallbacks.clone())));
        let key = self.endpoint.request_outside(self.now, outside, &mut self.wire)?;
        Ok((key, again))
    }

    /// Sends a message that did not reach its device the next way there is (RFC 3263 §4.3, RFC 5626 §5.3). False: it is
    /// over.
    fn goes_elsewhere(&mut self, request: RequestKey) -> bool {
        let Some(Sent { sender, again }) = self.messages.by_request.get_mut(&request) else { return false };
        let (sender, Some(mut again)) = (*sender, again.take()) else { return false };
        let (outside, ways) = &mut *again;
        while !ways.is_empty() {
            let Way { flow, request_uri, routes } = ways.remove(0);
            let outside = OutsideRequest { flow, request_uri, routes, ..outside.clone() };
            if let Ok(key) = self.endpoint.request_outside(self.now, outside, &mut self.wire) {
                self.messages.by_request.remove(&request);
                self.messages.by_request.insert(key, Sent { sender, again: Some(again) });
                return true;
            }
        }
        false
    }

    /// A device has answered.
    pub(crate) fn message_answered(&mut self, request: RequestKey, status: u16) {
        if matches!(status, 430 | 503) && self.goes_elsewhere(request) {
            return;
        }
        if let Some((sender, status)) = self.messages.answered(request, status) {
            self.endpoint.respond(self.now, sender, Reply::new(status), &mut self.wire);
        }
    }

    /// Answers senders before they give up (RFC 4320 §4.2).
    pub(crate) fn answer_late_messages(&mut self) {
        while let Some(sender) = self.messages.late(self.now) {
            self.endpoint.respond(self.now, sender, Reply::new(480), &mut self.wire);
        }
    }
}
