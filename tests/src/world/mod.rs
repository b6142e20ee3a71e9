//! The simulated world: phones, a network, a relay and a journal around the switch's own call control, on a
//! virtual clock, all from one seed.
//!
//! [`run_seed`] plays one plot to its end and checks the switch after every step (see [`checker`]);
//! [`story::Story`] plays a plot written by hand. A [`Failure`] prints the seed, what is wrong, the SIP
//! ladder of the call it concerns and that call's events. Nothing in here waits, and nothing depends on the
//! machine: the same seed gives the same trace.

mod acts;
pub mod checker;
pub mod clock;
pub mod dice;
pub mod failure;
mod hearing;
pub mod ladder;
pub mod ledger;
pub mod network;
pub mod orders;
pub mod organisation;
pub mod phone;
pub mod races;
pub mod relay;
pub mod scenario;
pub mod soak;
pub mod story;
pub mod stranger;
pub mod switch;

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use calls::{Input, Output, Trace};
use contract::{
    id::CallId,
    journal::{Event, EventKind, Fact},
};
use sip::{Flow, Transport};
use streams::media::MediaEvent;

use self::{
    clock::{Agenda, Clock},
    dice::Dice,
    failure::{About, Failure, Fault},
    ladder::{Fate, Ladder, Line},
    ledger::Ledger,
    network::Network,
    phone::{Phone, sdp::Speech, text::Text},
    relay::Relay,
    scenario::{Act, Scenario},
    switch::Switch,
};

/// After the curtain: when the operator ends what only dead phones hold open.
const SWEEP_AFTER: Duration = Duration::from_secs(60);
/// After the curtain: when nothing but registrations may be left. Covers the longest ringing, a CANCEL that
/// is never answered and a BYE that is never answered (64·T1 each), and what the sweep started.
const QUIET_AFTER: Duration = Duration::from_secs(200);
/// After the curtain: when the last registration has run out.
const REST_AFTER: Duration = Duration::from_secs(8_000);
/// How often the state in the middle of calls is looked at.
const PROBE_EVERY: Duration = Duration::from_millis(2_500);
/// Steps in one world; more is a storm.
const STEPS_MAX: u64 = 400_000;
/// Wake-ups of the switch at one instant; more is a timer that does not go off.
const WAKE_UPS_MAX: u32 = 2_000;

/// Streams of chance.
mod actor {
    pub const PLOT: u64 = 0;
    pub const NETWORK: u64 = 1;
    pub const RELAY: u64 = 2;
    pub const SWITCH: u64 = 3;
    pub const WORLD: u64 = 4;
    pub const TRANSFERS: u64 = 5;
    pub const QUEUES: u64 = 6;
    pub const FEATURES: u64 = 7;
    pub const FIRST_PHONE: u64 = 100;
}

/// What is on the agenda.
enum Happening {
    Act(Act),
    ToPhone(usize, Vec<u8>),
    ToPhoneStream(u64, Vec<u8>),
    ToSwitch(Flow, Vec<u8>),
    ToSwitchStream(u64, Vec<u8>),
    SwitchUnreachable(Flow),
    Media(MediaEvent),
    Probe,
}

/// One phone's side of a call: the phone and the Call-ID it knows the call by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Index of the phone; `None` is a stranger.
    pub phone: Option<usize>,
    /// Its Call-ID.
    pub call_id: String,
}

/// Which dialogs belong to which call, learnt by watching what the switch does in one step.
#[derive(Clone, Debug, Default)]
pub struct Link {
    /// Who called.
    pub caller: Option<Side>,
    /// Who was called, and who has come in since.
    pub callees: Vec<Side>,
    /// Those among them who are in another call now.
    gone: Vec<Side>,
}

impl Link {
    /// Who takes or took part to the end.
    fn present(&self) -> impl Iterator<Item = &Side> + Clone {
        self.caller.iter().chain(&self.callees).filter(|side| !self.gone.contains(side))
    }
}

/// What a world has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Hash of everything that was said, written and commanded, and when.
    pub hash: u64,
    /// Virtual time until the curtain; what runs out after it is not counted.
    pub lasted: Duration,
    /// Calls in the journal.
    pub calls: usize,
    /// Calls among them that were answered.
    pub answered: usize,
    /// Messages sent.
    pub messages: usize,
}

/// The world.
pub struct World {
    /// What everything came from.
    pub seed: u64,
    /// The time.
    pub clock: Clock,
    /// By index.
    pub phones: Vec<Phone>,
    /// The switch.
    pub switch: Switch,
    /// The relay.
    pub relay: Relay,
    /// The journal.
    pub ledger: Ledger,
    /// What was said.
    pub ladder: Ladder,
    /// The network.
    pub network: Network,
    /// Who is in which call.
    pub links: BTreeMap<CallId, Link>,
    agenda: Agenda<Happening>,
    buffers: BTreeMap<u64, Vec<u8>>,
    dice: Dice,
    snapshot: contract::snapshot::Snapshot,
    curtain: Option<Duration>,
    steps: u64,
    wake_ups: u32,
    faults: Vec<Fault>,
    /// Which call each Call-ID is a leg of, by the switch's own word.
    legs: BTreeMap<Box<str>, CallId>,
    /// Call-ID of the message the switch is reading.
    in_hand: Option<String>,
    journal_hash: u64,
}

/// Plays the plot of a seed.
pub fn run_seed(seed: u64) -> Result<Report, Box<Failure>> {
    let mut scenario = Scenario::draw(&mut Dice::for_actor(seed, actor::PLOT));
    scenario.draw_transfers(&mut Dice::for_actor(seed, actor::TRANSFERS));
    // Who waits hears music, so only where the switch speaks.
    if speaks(seed) {
        organisation::draw_queue(&mut scenario.snapshot, &mut Dice::for_actor(seed, actor::QUEUES));
    }
    scenario.draw_features(&mut Dice::for_actor(seed, actor::FEATURES));
    let curtain = scenario.curtain;
    let mut world = World::new(seed, scenario);
    failure::catch_panics();
    let played = catch_unwind(AssertUnwindSafe(|| world.play(curtain)));
    match played {
        Ok(Ok(())) => Ok(world.report()),
        Ok(Err(fault)) => Err(Box::new(world.failure(fault))),
        Err(_) => {
            let about = world.in_hand.take().map(About::Dialog);
            Err(Box::new(world.failure(Fault { what: failure::last_panic(), about })))
        }
    }
}

impl World {
    /// A world before its first instant.
    pub fn new(seed: u64, scenario: Scenario) -> Self {
        let dice = |actor| Dice::for_actor(seed, actor);
        let clock = Clock::default();
        let (relay, stock) = Relay::new(scenario.leases, dice(actor::RELAY));
        let speaks = speaks(seed);
        let kind = (speaks, scenario.is_mortal);
        let switch = Switch::new(&scenario.snapshot, dice(actor::SWITCH).key(), &clock, kind);
        let mut world = Self {
            seed,
            phones: Vec::new(),
            switch,
            relay,
            ledger: Ledger::of(&scenario.snapshot),
            ladder: Ladder::default(),
            network: Network::new(scenario.weather, dice(actor::NETWORK)),
            links: BTreeMap::new(),
            agenda: Agenda::default(),
            buffers: BTreeMap::new(),
            dice: dice(actor::WORLD),
            snapshot: scenario.snapshot,
            curtain: None,
            steps: 0,
            wake_ups: 0,
            faults: Vec::new(),
            legs: BTreeMap::new(),
            in_hand: None,
            journal_hash: 0,
            clock,
        };
        for device in scenario.devices {
            let index = u64::try_from(world.phones.len()).unwrap_or(0);
            let chance = dice(actor::FIRST_PHONE + index);
            let mut phone = Phone::new(&device.name, device.login, device.line, chance);
            phone.speech = if speaks { Speech::of(world.phones.len()) } else { Speech::default() };
            world.phones.push(phone);
        }
        world.agenda.add(Duration::ZERO, Happening::Media(stock));
        world.agenda.add(PROBE_EVERY, Happening::Probe);
        scenario.acts.into_iter().for_each(|(at, act)| world.agenda.add(at, Happening::Act(act)));
        world
    }

    /// To the very end.
    fn play(&mut self, curtain: Duration) -> Result<(), Fault> {
        self.run_until(curtain)?;
        self.close()
    }

    /// Everybody stops; checks that nothing is left when everything has come to rest.
    pub fn close(&mut self) -> Result<(), Fault> {
        let curtain = self.clock.now();
        self.curtain = Some(curtain);
        self.let_go();
        self.settle()?;
        self.run_until(curtain + SWEEP_AFTER)?;
        self.sweep()?;
        self.run_until(curtain + QUIET_AFTER)?;
        self.check_quiet()?;
        self.run_until(curtain + REST_AFTER)?;
        self.check_rest()
    }

    /// Lets things happen until an instant.
    pub fn run_until(&mut self, end: Duration) -> Result<(), Fault> {
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            self.step(at)?;
        }
        self.clock.advance(end);
        Ok(())
    }

    fn next_at(&self) -> Option<Duration> {
        let phones = self.phones.iter().filter_map(Phone::deadline);
        let switch = self.switch.deadline(&self.clock);
        phones.chain(switch).chain(self.agenda.next_at()).min()
    }

    fn step(&mut self, at: Duration) -> Result<(), Fault> {
        if at > self.clock.now() {
            self.wake_ups = 0;
        }
        self.clock.advance(at);
        let now = self.clock.now();
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(Fault::from("the world does not come to rest".to_owned()));
        }
        if self.agenda.next_at().is_some_and(|due| due <= now) {
            if let Some((_, happening)) = self.agenda.take() {
                self.happen(happening);
            }
        } else if self.switch.deadline(&self.clock).is_some_and(|due| due <= now) {
            self.wake_ups += 1;
            if self.wake_ups > WAKE_UPS_MAX {
                return Err(Fault::from(format!("timer {} does not go off", self.switch.why())));
            }
            self.tell_switch(Input::Timeout, None);
        } else if let Some(phone) =
            self.phones.iter_mut().find(|phone| phone.deadline().is_some_and(|due| due <= now))
        {
            phone.wake(now);
        }
        self.settle()
    }

    /// Sends what the phones want to send, and checks.
    pub(crate) fn settle(&mut self) -> Result<(), Fault> {
        for index in 0..self.phones.len() {
            for bytes in std::mem::take(&mut self.phones[index].outbox) {
                self.send_from_phone(index, bytes);
            }
        }
        self.check_step()
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.clock.now();
        match happening {
            Happening::Act(act) => self.act(act),
            Happening::ToPhone(phone, bytes) => self.phones[phone].receive(now, &bytes),
            Happening::ToPhoneStream(connection, piece) => self.phone_reads(connection, &piece),
            Happening::ToSwitch(flow, bytes) => self.switch_receives(flow, &bytes),
            Happening::ToSwitchStream(connection, piece) => self.switch_reads(connection, &piece),
            Happening::SwitchUnreachable(flow) => self.tell_switch(Input::Unreachable { flow }, None),
            Happening::Media(event) => {
                if let MediaEvent::Stock(stock) = &event {
                    self.relay.lend(stock);
                }
                self.tell_switch(Input::Media(event), None);
            }
            Happening::Probe => {
                self.probe();
                if self.curtain.is_none_or(|curtain| now < curtain + QUIET_AFTER) {
                    self.agenda.add(now + PROBE_EVERY, Happening::Probe);
                }
            }
        }
    }

    /// A restart of the switch while no call is up: connections break, the relay's ports are new.
    pub(crate) fn restart(&mut self) {
        let key = self.dice.key();
        self.switch.restart(&self.snapshot, key, &self.clock);
        (0..self.phones.len()).for_each(|phone| self.cut(phone));
        let leases = u32::try_from(self.relay.lent()).unwrap_or(0);
        let (relay, stock) = Relay::new(leases, Dice::for_actor(self.seed, actor::RELAY));
        self.relay = relay;
        self.tell_switch(Input::Media(stock), None);
    }

    /// The switch's process ends in the middle of whatever it is doing, and another goes on. Sockets and the
    /// relay's legs survive it.
    fn die(&mut self, is_planned: bool) {
        let key = self.dice.key();
        if !is_planned {
            // Repeats of what was over by then are answered by nobody, or not as the first time.
            self.phones.iter_mut().for_each(|phone| (phone.troubled, phone.is_bereft) = (true, true));
        }
        self.switch.reincarnate(&self.snapshot, key, &self.clock, is_planned);
        let stock = self.relay.in_stock();
        self.tell_switch(Input::Media(MediaEvent::Stock(stock)), None);
    }

    fn send_from_phone(&mut self, index: usize, bytes: Vec<u8>) {
        let now = self.clock.now();
        let line = self.phones[index].line;
        let arrivals = if line.is_tcp {
            let connection = match self.network.connection_of(index) {
                Some(connection) => connection,
                None => self.network.connect(index, line.switch, line.outside),
            };
            let pieces = self.network.stream(now, connection, true, &bytes);
            let arrivals: Vec<Duration> = pieces.iter().map(|(at, _)| *at).take(1).collect();
            for (at, piece) in pieces {
                self.agenda.add(at, Happening::ToSwitchStream(connection, piece));
            }
            arrivals
        } else {
            let arrivals = self.network.datagram(now, index, true, &bytes);
            for at in &arrivals {
                self.agenda
                    .add(*at, Happening::ToSwitch(Flow::udp(line.switch, line.outside), bytes.clone()));
            }
            arrivals
        };
        self.remember(index, true, &arrivals, bytes);
    }

    fn send_from_switch(&mut self, flow: Flow, bytes: Vec<u8>) {
        let now = self.clock.now();
        if flow.transport == Transport::Tcp {
            return self.stream_from_switch(flow, bytes);
        }
        let found =
            self.phones.iter().position(|phone| !phone.line.is_tcp && phone.line.outside == flow.remote);
        let Some(index) = found else {
            if flow.remote.ip() != stranger::ADDRESS.ip() {
                self.fault(format!("the switch sends to {}, where nobody is", flow.remote));
            }
            return;
        };
        let arrivals = self.network.datagram(now, index, false, &bytes);
        for at in &arrivals {
            self.agenda.add(*at, Happening::ToPhone(index, bytes.clone()));
        }
        self.remember(index, false, &arrivals, bytes);
    }

    fn stream_from_switch(&mut self, flow: Flow, bytes: Vec<u8>) {
        let now = self.clock.now();
        let Some((number, phone)) = self.connection_for(flow) else {
            let at = now + Duration::from_millis(1);
            return self.agenda.add(at, Happening::SwitchUnreachable(flow));
        };
        let pieces = self.network.stream(now, number, false, &bytes);
        let arrivals: Vec<Duration> = pieces.iter().map(|(at, _)| *at).take(1).collect();
        for (at, piece) in pieces {
            self.agenda.add(at, Happening::ToPhoneStream(number, piece));
        }
        self.remember(phone, false, &arrivals, bytes);
    }

    /// The connection a flow names; else, as the daemon does, one that is open to that address, or a new one
    /// to a phone that listens there.
    fn connection_for(&mut self, flow: Flow) -> Option<(u64, usize)> {
        let open = self.network.connections.iter().filter(|(_, one)| one.is_open);
        let mut fitting = open.filter(|(number, one)| {
            **number == flow.connection || (flow.connection == 0 && one.remote == flow.remote)
        });
        if let Some((number, connection)) = fitting.next() {
            return Some((*number, connection.phone));
        }
        let listens = |phone: &Phone| phone.line.is_tcp && !phone.is_gone && phone.line.inside == flow.remote;
        let phone = self.phones.iter().position(listens).filter(|_| flow.connection == 0)?;
        Some((self.network.connect(phone, flow.local, flow.remote), phone))
    }

    fn remember(&mut self, phone: usize, to_switch: bool, arrivals: &[Duration], bytes: Vec<u8>) {
        let at = self.clock.now();
        let fate = match arrivals {
            [] => Fate::Lost,
            [one] => Fate::Arrives(one.saturating_sub(at)),
            [first, second, ..] => Fate::Twice((*first).min(*second).saturating_sub(at)),
        };
        self.ladder.lines.push(Line { at, phone, to_switch, fate, bytes });
    }

    fn phone_reads(&mut self, number: u64, piece: &[u8]) {
        let Some(connection) = self.network.connections.get(&number).filter(|one| one.is_open) else {
            return;
        };
        let (phone, now) = (connection.phone, self.clock.now());
        let buffer = self.buffers.entry(number).or_default();
        buffer.extend_from_slice(piece);
        for message in phone::text::cut_stream(buffer) {
            self.phones[phone].receive(now, &message);
        }
    }

    fn switch_reads(&mut self, number: u64, piece: &[u8]) {
        let Some(connection) = self.network.connections.get(&number).copied().filter(|one| one.is_open)
        else {
            return;
        };
        let flow = connection.flow(number);
        match self.switch.read_stream(number, piece) {
            Ok(messages) => messages.iter().for_each(|bytes| self.switch_receives(flow, bytes)),
            Err(error) => self.fault(format!("the switch cannot frame a phone's stream: {error}")),
        }
    }

    fn cut(&mut self, phone: usize) {
        let Some(number) = self.network.connection_of(phone) else { return };
        let now = self.clock.now();
        if let Some(connection) = self.network.connections.get_mut(&number) {
            connection.is_open = false;
            let flow = connection.flow(number);
            self.agenda.add(now + Duration::from_millis(30), Happening::SwitchUnreachable(flow));
        }
        self.buffers.remove(&number);
        self.phones[phone].lose_connection(now);
    }

    fn switch_receives(&mut self, flow: Flow, bytes: &[u8]) {
        let text = Text::read(bytes).ok();
        self.in_hand = text.as_ref().map(|text| text.call_id().to_owned());
        let caller = text.filter(|text| text.method() == "INVITE" && text.tag("To").is_none());
        let phone = self.phone_at(flow);
        let caller = caller.map(|text| Side { phone, call_id: text.call_id().to_owned() });
        self.tell_switch(Input::Received { flow, bytes, queued: Duration::ZERO }, caller.as_ref());
    }

    fn phone_at(&self, flow: Flow) -> Option<usize> {
        match flow.transport {
            Transport::Tcp => {
                self.network.connections.get(&flow.connection).map(|connection| connection.phone)
            }
            _ => self.phones.iter().position(|phone| !phone.line.is_tcp && phone.line.outside == flow.remote),
        }
    }

    /// Hands the switch one input and carries out what it decides.
    pub(crate) fn tell_switch(&mut self, input: Input<'_>, caller: Option<&Side>) {
        self.switch.handle(self.clock.instant(), input);
        while let Some(output) = self.switch.next_output() {
            self.carry_out(output, caller);
        }
    }

    fn carry_out(&mut self, output: Output, caller: Option<&Side>) {
        match output {
            Output::Send { flow, bytes } => {
                self.note_new_dialog(flow, &bytes);
                self.send_from_switch(flow, bytes.to_vec());
            }
            Output::Media(command) => {
                for (at, event) in self.relay.obey(self.clock.now(), command) {
                    self.agenda.add(at, Happening::Media(event));
                }
            }
            Output::Journal(entry) => {
                self.journal_hash = self.journal_hash.rotate_left(5) ^ switch::hash_of(&entry);
                let Some(call) = entry.call else { return self.ledger.turn(&entry.fact) };
                if let Fact::Call(_) = entry.fact {
                    let link = self.links.entry(call).or_default();
                    link.caller = caller.cloned();
                    if self.switch.has_pressure {
                        self.fault_in(call, "a new call under journal pressure".to_owned());
                    }
                }
                if let Err(what) = self.ledger.write(&entry) {
                    self.fault_in(call, what);
                }
                if let Fact::Event(event) = &entry.fact {
                    self.note_transfer(call, event);
                }
            }
            Output::Trusted { .. } => {}
            Output::Live(change) => {
                if let Err(what) = self.switch.show(change) {
                    self.fault(what);
                }
            }
            Output::Binding(change) => {
                if let Err(what) = self.switch.store(change) {
                    self.fault(what);
                }
            }
            Output::Image(change) => self.switch.keep(change),
            Output::Trace(Trace::Leg { call, sip_call_id }) => {
                self.note_entrant(call, caller.filter(|side| *side.call_id == *sip_call_id));
                self.legs.insert(sip_call_id, call);
            }
            // What is counted depends on chance; an order's outcome is in the journal.
            Output::Command(_)
            | Output::Notice(_)
            | Output::Trace(_)
            | Output::Trunk(_)
            | Output::Recording(_)
            | Output::FetchMessage(_) => {}
        }
    }

    fn note_new_dialog(&mut self, flow: Flow, bytes: &[u8]) {
        if !bytes.starts_with(b"INVITE ") {
            return;
        }
        let Ok(text) = Text::read(bytes) else { return };
        let Some(call) = self.legs.get(text.call_id()).filter(|_| text.tag("To").is_none()) else { return };
        let side = Side { phone: self.phone_at(flow), call_id: text.call_id().to_owned() };
        let link = self.links.entry(*call).or_default();
        if !link.callees.contains(&side) {
            link.callees.push(side);
        }
    }

    /// Whoever has called may have come into a call that goes on.
    fn note_entrant(&mut self, call: CallId, side: Option<&Side>) {
        let link =
            self.links.get_mut(&call).filter(|link| link.caller.is_some() && link.caller.as_ref() != side);
        if let (Some(link), Some(side)) = (link, side) {
            link.callees.push(side.clone());
        }
    }

    /// An attended transfer brings somebody over from another call: its other side, or all who ring there.
    fn note_transfer(&mut self, call: CallId, event: &Event) {
        let Some(other) = event.detail.call.and_then(|other| self.links.get(&other)) else { return };
        let transferor = event.participant.and_then(|no| {
            let record = self.ledger.calls.get(&call)?;
            record.participants.iter().find(|one| one.no == no).map(|one| one.reference)
        });
        let is_transferor = |side: &&Side| {
            let login = side.phone.map(|phone| &self.phones[phone].login);
            login.and_then(|login| organisation::person(&self.snapshot, login)) == transferor
        };
        let moved: Vec<Side> = match event.kind {
            EventKind::TransferConsulting => {
                other.present().filter(|side| !is_transferor(side)).cloned().collect()
            }
            EventKind::Transfer => other.callees.clone(),
            _ => return,
        };
        if let Some(link) = event.detail.call.and_then(|other| self.links.get_mut(&other)) {
            link.gone.extend(moved.iter().cloned());
        }
        self.links.entry(call).or_default().callees.extend(moved);
    }

    fn fault(&mut self, what: String) {
        self.faults.push(Fault::from(what));
    }

    fn fault_in(&mut self, call: CallId, what: String) {
        self.faults.push(Fault { what, about: Some(About::Call(call)) });
    }

    /// What came of it.
    pub fn report(&self) -> Report {
        Report {
            hash: self.ladder.hash() ^ self.journal_hash,
            lasted: self.curtain.unwrap_or_default(),
            calls: self.ledger.calls.len(),
            answered: self.ledger.calls.values().filter(|record| record.has(EventKind::Answered)).count(),
            messages: self.ladder.lines.len(),
        }
    }
}

/// In every other world phones have different codecs, and the switch speaks.
fn speaks(seed: u64) -> bool {
    seed % 2 == 1
}
