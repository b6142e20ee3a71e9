//! The switchboard: every input finds the call, the registrar or the door it is for. Dispatch and nothing else.
//!
//! One switchboard serves one shard: the organisations pinned to it, with their calls and registrations
//! (DESIGN D1). What a request may do is decided in `admission`, what a call does in `call`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Instant,
};

use contract::{
    availability::Availability,
    command::{Command, Outcome},
    id::{CallId, OrgId},
    live::LiveLeg,
    time::Timestamp,
};
use dialplan::{Difference, PersonKey, Plan};
use sip::{Endpoint, Event, Flow, Index, OwnedMessage, SessionKey};
use streams::media::{LeaseId, MediaEvent, PortLease};

use crate::{
    admission::Overload,
    authentication::Authenticator,
    availability::Availabilities,
    call::{Call, refer::other_call, sound, transfer::Parking},
    clock::{ClockMark, Moment},
    conferences::Conferences,
    config::{CLOCK_STEP_MICROS_MIN, RINGING_MAX, SwitchboardConfig},
    fraud::Fraud,
    guard::{Fingerprints, Guard},
    guests::Guests,
    input::Input,
    located::Located,
    mailboxes::Mailboxes,
    means::{Means, Random},
    messages::Messages,
    originations::{Order, Ordered, Wants},
    output::{Notice, Output, Outputs, Why},
    presence::Presence,
    queues::{AgentKey, Queues},
    registrar::Registrar,
    sights::Sights,
    stock::Stock,
    supervision::Supervisions,
    trunks::{Channels, Links},
};

/// One shard's calls and registrations.
pub struct Switchboard {
    pub(crate) config: SwitchboardConfig,
    pub(crate) plan: Arc<Plan>,
    pub(crate) now: Instant,
    pub(crate) endpoint: Endpoint,
    pub(crate) wire: sip::Outputs,
    pub(crate) authenticator: Authenticator,
    pub(crate) guard: Guard,
    pub(crate) overload: Overload,
    /// Scratch of the parser.
    pub(crate) index: Index,
    pub(crate) registrar: Registrar,
    pub(crate) mailboxes: Mailboxes,
    pub(crate) availability: Availabilities,
    pub(crate) messages: Messages,
    pub(crate) presence: Presence,
    pub(crate) queues: Queues,
    pub(crate) conferences: Conferences,
    pub(crate) supervisions: Supervisions,
    pub(crate) sights: Sights,
    pub(crate) calls: BTreeMap<CallId, Call>,
    pub(crate) sessions: BTreeMap<SessionKey, CallId>,
    pub(crate) stock: Stock,
    pub(crate) channels: Channels,
    pub(crate) guests: Guests,
    pub(crate) parking: Parking,
    pub(crate) links: Links,
    pub(crate) ordered: Ordered,
    pub(crate) fraud: Fraud,
    pub(crate) random: Random,
    pub(crate) has_journal_pressure: bool,
    pub(crate) clock: ClockMark,
    /// Where [`Moment`]s are counted from.
    pub(crate) origin: Instant,
    /// Calls to be put out as images; `None` when nobody keeps them.
    pub(crate) changed: Option<BTreeSet<CallId>>,
    deadlines: BTreeSet<(Moment, CallId)>,
    /// Calls whose `ended` is written and whose legs are still leaving.
    over: usize,
}

/// How much lives in a switchboard. At rest all are 0 but `registrations` and `stock`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Calls that have not ended.
    pub calls: usize,
    /// Calls that have ended and whose legs are leaving.
    pub leaving_calls: usize,
    /// Legs, up or leaving.
    pub legs: usize,
    /// Leases drawn and not reported closed.
    pub leases: usize,
    /// INVITE sessions.
    pub sessions: usize,
    /// SIP transactions.
    pub transactions: usize,
    /// Subscriptions of phones.
    pub subscriptions: usize,
    /// Messages that some device has not answered.
    pub messages: usize,
    /// Calls that show on a lamp.
    pub lamps: usize,
    /// Timers of SIP and of calls; not the expiries of registrations.
    pub timers: usize,
    /// Contacts of all accounts.
    pub registrations: usize,
    /// Leases free to be drawn.
    pub stock: usize,
}

impl Switchboard {
    /// A switchboard without calls and registrations. The seed decides every branch, tag, nonce and call id.
    #[must_use]
    pub fn new(mut config: SwitchboardConfig, plan: Arc<Plan>, seed: [u8; 32], clock: ClockMark) -> Self {
        // Timer C must not end what the ring timeout is to end.
        config.endpoint.timers.c = config.endpoint.timers.c.max(RINGING_MAX);
        for known in ["path", "outbound"] {
            if !config.endpoint.supported.iter().any(|tag| tag == known) {
                config.endpoint.supported.push(String::from(known));
            }
        }
        sound::PACKAGE.clone_into(&mut config.endpoint.info_package);
        let mut random = Random::new(seed);
        let fingerprints = Fingerprints::new(&mut random);
        let located = Located::new(config.listeners.clone(), config.trusted_proxies.clone());
        let mut board = Self {
            plan,
            now: clock.instant,
            endpoint: Endpoint::new(config.endpoint.clone(), random.bytes()),
            wire: sip::Outputs::new(),
            authenticator: Authenticator::new(&config, &mut random),
            guard: Guard::new(config.guard.clone(), config.timeouts.nonce_lifetime, fingerprints),
            overload: Overload::new(config.queue_delay_target, clock.instant),
            index: Index::new(),
            registrar: Registrar::new(config.limits, located),
            mailboxes: Mailboxes::default(),
            availability: Availabilities::default(),
            messages: Messages::default(),
            presence: Presence::default(),
            queues: Queues::default(),
            conferences: Conferences::default(),
            supervisions: Supervisions::default(),
            sights: Sights::default(),
            calls: BTreeMap::new(),
            sessions: BTreeMap::new(),
            stock: Stock::default(),
            channels: Channels::default(),
            guests: Guests::default(),
            parking: Parking::default(),
            links: Links::default(),
            ordered: Ordered::since(clock.instant),
            fraud: Fraud::default(),
            random,
            has_journal_pressure: false,
            clock,
            origin: clock.instant,
            changed: None,
            deadlines: BTreeSet::new(),
            over: 0,
            config,
        };
        let plan = Arc::clone(&board.plan);
        board.adopt_trunks(&plan.changed_since(&Plan::default()).collect::<Vec<_>>());
        board
    }

    /// A new plan. Whatever is here of organisations that are as they were is not looked at: most plans change one of thousands.
    fn adopt(&mut self, plan: &Arc<Plan>, out: &mut Outputs) {
        let before = std::mem::replace(&mut self.plan, Arc::clone(plan));
        let changed: Vec<Difference<'_>> = plan.changed_since(&before).collect();
        self.registrar.adopt(&changed, out);
        self.queues.adopt(&changed);
        self.availability.adopt_plan(&changed);
        self.adopt_trunks(&changed);
        let (orgs, wall): (BTreeSet<OrgId>, _) =
            (changed.iter().filter_map(Difference::id).collect(), self.wall());
        self.fraud.adopt_plan(|org| orgs.contains(&org), (plan, wall));
        self.supervisions.review();
        self.review_watches(&orgs);
    }

    /// Takes one input and appends what follows from it to `out`. `now` never goes back.
    pub fn handle(&mut self, now: Instant, input: Input<'_>, out: &mut Outputs) {
        self.now = now;
        match input {
            Input::Received { flow, bytes, queued } => self.received(flow, bytes, queued, out),
            Input::Idle => self.overload.idle(),
            Input::Unreachable { flow } => self.unreachable(flow),
            Input::Timeout => self.timeout(out),
            Input::Plan(plan) => self.adopt(&plan, out),
            Input::Media(event) => self.media(event, out),
            Input::Command(command) => self.command(command, out),
            Input::RecordingFailed { call, recording, reason } => {
                self.with_call(call, out, |call, means| call.recording_failed(recording, reason, means));
            }
            Input::Mailboxes(all) => self.mailboxes.adopt(all),
            Input::Availability(all) => {
                if self.availability.adopt(&all, &self.plan) {
                    self.queues.wake();
                }
            }
            Input::OutsideUsed(all) => {
                let wall = self.wall();
                self.fraud.adopt(&all, (&self.plan, wall));
            }
            Input::MessageReady { call, recording, is_there } => {
                self.with_call(call, out, |call, means| call.fetched((recording, is_there), means));
            }
            Input::MessageLeft(message) => self.mailboxes.left(message),
            Input::Clock(mark) => self.set_clock(mark, out),
            Input::Restore(bindings) => {
                let wall = self.wall();
                self.trust_restored(&bindings);
                self.registrar.restore(bindings, &self.plan, wall, out);
            }
            Input::Resume { calls, rest } => self.resume(calls, &rest, out),
            Input::Located(target, choices) => {
                self.registrar.locate(&target, choices, |name| self.links.is_named(name));
                self.hurry_trunks(&target);
            }
            Input::JournalPressure(is_high) => self.has_journal_pressure = is_high,
        }
        self.carry_out(out);
        self.serve_conferences(out);
        self.serve_supervisions(out);
        self.serve_queues(out);
        self.put_out_images(out);
    }

    /// When to call with [`Input::Timeout`] next, and why.
    #[must_use]
    pub fn deadline(&self) -> Option<(Instant, Why)> {
        let sip = self.endpoint.deadline().map(|(at, why)| (at, Why::Sip(why)));
        let call = self.deadlines.first().map(|(at, call)| (at.instant(self.origin), Why::Call(*call)));
        let expiry = self.registrar.deadline().map(|at| (self.clock.instant(at), Why::Registration));
        let message = self.messages.deadline().map(|at| (at, Why::Message));
        let agent = self.queues.deadline(Moment::of(self.now, self.origin));
        let agent = agent.map(|at| (at.instant(self.origin), Why::Agent));
        let trunk = self.links.deadline().map(|at| (at, Why::Trunk));
        let budget = self.fraud.deadline().map(|at| (self.clock.instant(at), Why::Budget));
        let look = self.sights.deadline().map(|at| (at.instant(self.origin), Why::Look));
        let all = [sip, call, expiry, message, agent, trunk, budget, look];
        all.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// What lives in the switchboard now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let sip = self.endpoint.counts();
        Counts {
            calls: self.calls.len() - self.over,
            leaving_calls: self.over,
            legs: self.calls.values().map(Call::legs).sum(),
            leases: self.stock.held(),
            sessions: sip.sessions.max(self.sessions.len()),
            transactions: sip.transactions,
            subscriptions: sip.subscriptions.max(self.presence.len()),
            messages: self.messages.len(),
            lamps: self.presence.calls(),
            timers: sip.timers + self.deadlines.len() + self.sights.len(),
            registrations: self.registrar.len(),
            stock: self.stock.free(),
        }
    }

    /// Bytes of the heap that count strangers, proofs and nonces. They grow with what is counted, up to a limit, and are kept.
    #[must_use]
    pub fn guard_bytes(&self) -> usize {
        self.guard.bytes()
    }

    /// The plan in use.
    #[must_use]
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The legs of a call by number, leaving ones too; none when there is no such call.
    #[must_use]
    pub fn live_legs(&self, call: CallId) -> Vec<LiveLeg> {
        self.calls.get(&call).map(Call::live_legs).unwrap_or_default()
    }

    /// The ports that carry a call's media now, with the number of the leg of each; none when there is no such call.
    #[must_use]
    pub fn open_leases(&self, call: CallId) -> Vec<(u16, PortLease)> {
        self.calls.get(&call).map(Call::open_leases).unwrap_or_default()
    }

    /// The leases that calls hold.
    #[must_use]
    pub fn leases(&self) -> BTreeSet<LeaseId> {
        self.stock.leases()
    }

    /// The wall time of the current input.
    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.wall(self.now)
    }

    /// Seconds of the guard's own clock, which starts with the switchboard.
    pub(crate) fn guard_secs(&self) -> u32 {
        let since = self.now.saturating_duration_since(self.origin);
        u32::try_from(since.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
    }

    /// The means by which a call acts during the current input.
    pub(crate) fn means<'a>(&'a mut self, out: &'a mut Outputs) -> Means<'a> {
        Means {
            now: self.now,
            origin: self.origin,
            wall: self.clock.wall(self.now),
            config: &self.config,
            plan: &self.plan,
            endpoint: &mut self.endpoint,
            wire: &mut self.wire,
            registrar: &self.registrar,
            mailboxes: &mut self.mailboxes,
            availability: &mut self.availability,
            queues: &mut self.queues,
            conferences: &self.conferences,
            presence: &self.presence,
            parking: &self.parking,
            channels: &self.channels,
            links: &self.links,
            fraud: &mut self.fraud,
            stock: &mut self.stock,
            sessions: &mut self.sessions,
            random: &mut self.random,
            out,
        }
    }

    pub(crate) fn sip(&mut self, input: sip::Input<'_>) {
        self.endpoint.handle(self.now, input, &mut self.wire);
    }

    /// Puts out what the endpoint has decided and takes up what it has to tell, until nothing follows.
    pub(crate) fn carry_out(&mut self, out: &mut Outputs) {
        loop {
            self.put_out_availability(out);
            let Some(output) = self.wire.pop() else {
                if self.show_changes() {
                    self.queues.wake();
                    continue;
                }
                break;
            };
            match output {
                sip::Output::Send { flow, bytes } => out.push(Output::Send { flow, bytes }),
                sip::Output::Event(event) => self.event(event, out),
            }
        }
    }

    fn event(&mut self, event: Event, out: &mut Outputs) {
        match event {
            Event::Request(request) => self.request(&request, out),
            Event::Dropped(reason) => out.notice(Notice::Dropped(reason)),
            Event::OutsideResponse { request, status, message } => {
                let message = message.as_ref().map(OwnedMessage::view);
                if !self.trunk_answered(request, (status, message.as_ref()), out) {
                    self.message_answered(request, status);
                }
            }
            Event::StateWanted { subscription, is_full } => self.state_wanted(subscription, is_full),
            Event::SubscriptionEnded { subscription, .. } => self.subscription_ended(subscription),
            event => self.session_event(event, out),
        }
    }

    fn session_event(&mut self, event: Event, out: &mut Outputs) {
        if let Event::InDialog { session, request, message } = &event
            && let Some(other) = other_call(&message.view())
        {
            return self.transfer_to_call((*session, *request), (message, &other), out);
        }
        let Some(session) = event.session() else { return };
        if let Some(id) = self.sessions.get(&session).copied() {
            if let Event::Answered { .. } = event {
                self.look_again(id);
            }
            self.with_call(id, out, |call, means| call.signal(session, event, means));
        }
    }

    /// Lets a call change and keeps what has become of it; false when there is no such call.
    pub(crate) fn with_call(
        &mut self,
        id: CallId,
        out: &mut Outputs,
        change: impl FnOnce(Call, &mut Means<'_>) -> Call,
    ) -> bool {
        let Some((call, before)) = self.take_out(id) else { return false };
        let call = change(call, &mut self.means(out));
        self.put_back(id, (call, before), out);
        true
    }

    /// Takes a call out to be changed, with the time at which it was to be woken.
    pub(crate) fn take_out(&mut self, id: CallId) -> Option<(Call, Option<Moment>)> {
        let call = self.calls.remove(&id)?;
        self.over -= usize::from(call.is_over());
        self.channels.release(&call);
        self.guests.release(&call);
        self.parking.release(&call);
        let before = call.deadline();
        Some((call, before))
    }

    /// Keeps what has become of a call that was taken out.
    pub(crate) fn put_back(
        &mut self,
        id: CallId,
        (mut call, before): (Call, Option<Moment>),
        out: &mut Outputs,
    ) {
        call.mind_recording(&mut self.means(out));
        call.mind_keys(&mut self.means(out));
        self.keep(id, call, before);
    }

    /// Keeps a call for as long as something of it is left.
    pub(crate) fn keep(&mut self, id: CallId, call: Call, before: Option<Moment>) {
        if self.show(id, call.lamps()) {
            self.queues.wake();
        }
        let (now, wall) = (Moment::of(self.now, self.origin), self.wall());
        for agent in self.queues.note(id, call.standing(), &self.plan, now) {
            self.availability.missed((agent.org, agent.person), wall);
        }
        self.fraud.note(id, &call.outside_legs(), (&self.plan, wall));
        self.conferences.note(id, call.sits());
        self.supervisions.note(id, call.supervises());
        let wants = |session| self.endpoint.peer(session).is_some_and(|peer| peer.package);
        self.sights.note(id, call.sounding(wants), now);
        if let Some(changed) = &mut self.changed {
            changed.insert(id);
        }
        let after = call.deadline().filter(|_| !call.is_gone());
        if before != after {
            if let Some(before) = before {
                self.deadlines.remove(&(before, id));
            }
            if let Some(after) = after {
                self.deadlines.insert((after, id));
            }
        }
        if !call.is_gone() {
            self.channels.take(&call);
            self.guests.take(&call);
            self.parking.take(id, &call);
            self.over += usize::from(call.is_over());
            self.calls.insert(id, call);
        }
    }

    /// A clock that runs a little fast or slow is followed; one that was set must not make contacts expire.
    fn set_clock(&mut self, mark: ClockMark, out: &mut Outputs) {
        let step = mark.unix.0.saturating_sub(self.clock.wall(mark.instant).0);
        if step.unsigned_abs() > CLOCK_STEP_MICROS_MIN {
            self.registrar.shift(step, out);
        }
        self.clock = mark;
    }

    fn unreachable(&mut self, flow: Flow) {
        if flow.connection != 0 {
            self.registrar.connection_lost(flow.connection);
        }
        self.trunk_connection_lost(&flow);
        self.sip(sip::Input::Unreachable { flow });
    }

    fn timeout(&mut self, out: &mut Outputs) {
        let now = Moment::of(self.now, self.origin);
        // What is set while others fire is due at the next call, so this ends.
        for _ in 0..self.deadlines.len() {
            let Some((_, id)) = self.deadlines.first().filter(|(at, _)| *at <= now).copied() else {
                break;
            };
            self.with_call(id, out, Call::wake);
        }
        self.queues.wake();
        let wall = self.wall();
        for (id, why) in self.fraud.spent((&self.plan, wall)) {
            out.notice(Notice::OutsideSpent(id));
            self.with_call(id, out, |call, means| call.end(why.reason(), means));
        }
        self.registrar.expire(wall, out);
        self.answer_late_messages();
        self.mind_trunks(out);
        self.look(out);
        self.sip(sip::Input::Timeout);
    }

    fn media(&mut self, event: MediaEvent, out: &mut Outputs) {
        match event {
            MediaEvent::Stock(leases) => self.stock.restock(leases),
            MediaEvent::SharedStock(leases) => self.stock.restock_shared(leases),
            // News for the relay's own gauges; the stock here is what counts.
            MediaEvent::StockEmpty { .. } => {}
            MediaEvent::Played { lease } => {
                if let Some(id) = self.stock.holder(lease) {
                    self.with_call(id, out, |call, means| call.played(lease, means));
                }
            }
            MediaEvent::Key { lease, key } => {
                if let Some(id) = self.stock.holder(lease) {
                    self.with_call(id, out, |call, means| call.key(lease, key, means));
                }
            }
            MediaEvent::Seen { lease, report } => self.seen(lease, report.as_deref(), out),
            // Whoever captures media does so past call control.
            MediaEvent::Captured { .. } => {}
            MediaEvent::Closed { lease, report } => {
                if let Some(id) = self.stock.returned(lease) {
                    self.with_call(id, out, |call, means| call.closed(lease, &report, means));
                }
            }
        }
    }

    fn command(&mut self, command: Command, out: &mut Outputs) {
        match command {
            Command::HangUp { call } => self.hang_up(call, out),
            Command::Record { call, order } => {
                self.order(call, out, |call, outcome, means| call.record(order, outcome, means));
            }
            Command::Transfer { call, leg, to } => {
                self.order(call, out, |call, outcome, means| call.transfer(leg, &to, outcome, means));
            }
            Command::Hold { call, leg, is_on } => {
                self.order(call, out, |call, outcome, means| call.hold((leg, is_on), outcome, means));
            }
            Command::Connect { call, other } => self.connect(call, other, out),
            Command::Call { org, call, from, to, auto_answer } => {
                let wants = Wants::Number(&to);
                self.originate(&Order { org, call, from: &from, wants, auto_answer }, out);
            }
            Command::Listen { org, call, subject, from, mode, auto_answer } => {
                let wants = Wants::Listening { subject, mode };
                self.originate(&Order { org, call, from: &from, wants, auto_answer }, out);
            }
            Command::PickUp { org, call, by, auto_answer } => {
                self.pick_up((org, call), (&by, auto_answer), out);
            }
            Command::Mute { call, is_muted } => {
                self.order(call, out, |call, outcome, means| call.mute(is_muted, outcome, means));
            }
            Command::Supervise { call, mode } => {
                self.order(call, out, |call, outcome, means| call.supervise(mode, outcome, means));
            }
            Command::PauseAgent { org, user, is_paused } => {
                let agent = AgentKey { org, person: PersonKey::User(user) };
                self.pause_agent(agent, is_paused, out);
            }
            Command::DoNotDisturb { org, person, is_on } => {
                self.turn((org, person), Availability::DoNotDisturb(is_on), out);
            }
            Command::CallWaiting { org, person, is_on } => {
                self.turn((org, person), Availability::CallWaiting(is_on), out);
            }
        }
    }

    /// Has one call do something, and says what has come of it.
    pub(crate) fn order(
        &mut self,
        call: CallId,
        out: &mut Outputs,
        change: impl FnOnce(Call, &mut Outcome, &mut Means<'_>) -> Call,
    ) {
        let mut outcome = Outcome::UnknownCall;
        if self.calls.get(&call).is_some_and(|call| !call.is_over()) {
            self.with_call(call, out, |call, means| change(call, &mut outcome, means));
        }
        out.push(Output::Command(outcome));
    }

    fn hang_up(&mut self, call: CallId, out: &mut Outputs) {
        let is_up = self.calls.get(&call).is_some_and(|call| !call.is_over());
        let outcome = if is_up && self.with_call(call, out, Call::hang_up) {
            Outcome::Done
        } else {
            Outcome::UnknownCall
        };
        out.push(Output::Command(outcome));
    }
}
