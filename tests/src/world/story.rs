//! Plots written by hand: named phones on a perfect network, and what the journal says in the end.

use std::time::Duration;

use calls::Input;
use contract::{journal::ParticipantKind, snapshot::Snapshot};

use super::{
    World,
    failure::Fault,
    ledger::Record,
    network::Weather,
    organisation::{self, DOMAIN, login},
    phone::{
        Phone,
        call::Call,
        manner::{CallPlan, Manner, Move},
    },
    scenario::{Device, Place, Scenario},
};

/// H-052 in stories, in seconds.
pub const RING_TIMEOUT_SECS: u16 = 20;

/// A plot in the making.
pub struct Story {
    /// Where it happens.
    pub world: World,
}

impl Story {
    /// Phones by name: a username and, for a second device, a letter (`1001`, `1001b`). All register.
    ///
    /// Staff 1001 and 1002 are assigned to extension 100, 1003 and 1004 to 200.
    pub fn with(names: &[&str]) -> Self {
        let rows = organisation::organisation(1, DOMAIN, 4, RING_TIMEOUT_SECS);
        Self::of(Snapshot { revision: 1, organisations: vec![rows] }, names)
    }

    /// The same with these rows.
    pub fn of(snapshot: Snapshot, names: &[&str]) -> Self {
        let device = |(index, name): (usize, &&str)| Device {
            name: (*name).to_owned(),
            login: login(DOMAIN, name.trim_end_matches(['a', 'b', 'c'])),
            line: Place::default().line(index),
        };
        let devices: Vec<Device> = names.iter().enumerate().map(device).collect();
        let (weather, curtain) = (Weather::perfect(), Duration::ZERO);
        let scenario =
            Scenario { snapshot, weather, is_mortal: true, leases: 32, devices, acts: Vec::new(), curtain };
        let mut world = World::new(1, scenario);
        world.phones = std::mem::take(&mut world.phones).into_iter().map(Phone::plain).collect();
        let mut story = Self { world };
        // Who is outside is found by the way there.
        for name in names.iter().filter(|name| !name.starts_with('+')) {
            story.phone(name).register(Duration::ZERO);
        }
        story.runs_for(1_000);
        story
    }

    /// A phone.
    pub fn phone(&mut self, name: &str) -> &mut Phone {
        let found = self.world.phones.iter_mut().find(|phone| phone.name == name);
        found.unwrap_or_else(|| panic!("no phone {name}"))
    }

    /// How a phone meets the next call.
    pub fn meets(&mut self, name: &str, manner: Manner) {
        self.phone(name).manners.push_back(manner);
    }

    /// A phone makes a call now.
    pub fn calls(&mut self, name: &str, plan: CallPlan) {
        let now = self.world.clock.now();
        self.phone(name).call(now, plan);
        self.goes_on(World::settle);
    }

    /// A phone watches the lamp of a number from now on.
    pub fn watches(&mut self, name: &str, number: &str) {
        let now = self.world.clock.now();
        self.phone(name).watch(now, number);
        self.runs_for(100);
    }

    /// A phone does something in its latest call now.
    pub fn moves(&mut self, name: &str, step: Move) {
        let now = self.world.clock.now();
        let phone = self.phone(name);
        let last = phone.calls.keys().next_back().copied();
        last.into_iter().for_each(|call| phone.make_move(now, call, step));
        self.goes_on(World::settle);
    }

    /// A phone sends the other side of its latest talk on.
    pub fn sends_on(&mut self, name: &str, to: &str, and_leaves: bool) {
        let now = self.world.clock.now();
        let phone = self.phone(name);
        phone.talks_in().into_iter().for_each(|call| phone.send_on(now, call, to, and_leaves));
        self.goes_on(World::settle);
    }

    /// A phone that has called somebody in the middle of a call puts the two others in touch: by a REFER in the first of its
    /// calls, or in the second one.
    pub fn connects(&mut self, name: &str, in_second: bool, and_leaves: bool) {
        let now = self.world.clock.now();
        let phone = self.phone(name);
        if let Some((call, other)) = phone.consults_in() {
            let calls = if in_second { (other, call) } else { (call, other) };
            phone.connect(now, calls, and_leaves);
        }
        self.goes_on(World::settle);
    }

    /// A phone takes its registration back.
    pub fn leaves(&mut self, name: &str) {
        let now = self.world.clock.now();
        self.phone(name).unregister(now);
        self.goes_on(World::settle);
        self.runs_for(200);
    }

    /// The latest call in which somebody at a phone talks.
    pub fn talk_of(&mut self, name: &str) -> Option<&Call> {
        let phone = self.phone(name);
        phone.talks_in().and_then(|call| phone.calls.get(&call))
    }

    /// The switch is told something now.
    pub fn tells_switch(&mut self, input: Input<'_>) {
        self.world.tell_switch(input, None);
        self.goes_on(World::settle);
    }

    /// The switch is stopped and started again; only what is on disk comes back.
    pub fn restarts(&mut self) {
        self.world.restart();
        self.goes_on(World::settle);
    }

    /// Time passes.
    pub fn runs_for(&mut self, millis: u64) {
        let end = self.world.clock.now() + Duration::from_millis(millis);
        self.goes_on(|world| world.run_until(end));
    }

    /// Lets the plot play out, then as [`Story::ends`].
    pub fn ends_after(&mut self, secs: u64) {
        self.runs_for(secs * 1_000);
        self.ends();
    }

    /// Everybody hangs up and everything comes to rest.
    pub fn ends(&mut self) {
        self.goes_on(World::close);
    }

    fn goes_on(&mut self, part: impl FnOnce(&mut World) -> Result<(), Fault>) {
        if let Err(fault) = part(&mut self.world) {
            panic!("{}", self.world.failure(fault));
        }
    }

    /// A phone's calls, in order.
    pub fn calls_of(&mut self, name: &str) -> Vec<&Call> {
        self.phone(name).calls.values().collect()
    }

    /// Final status a phone's first call came to.
    pub fn status_of(&mut self, name: &str) -> Option<u16> {
        self.phone(name).calls.values().next().and_then(|call| call.status)
    }

    /// The journal's calls, oldest first.
    pub fn records(&self) -> Vec<&Record> {
        self.world.ledger.calls.values().collect()
    }

    /// The first call's participants and events as the source document prints them:
    /// `host/extension caller/user | created ringing answered(3) ended`.
    pub fn told(&self) -> String {
        self.records().first().map_or_else(String::new, |record| told(record))
    }
}

/// One call's rows in a line.
pub fn told(record: &Record) -> String {
    let kind = |kind: ParticipantKind| format!("{kind:?}").to_lowercase();
    let participants: Vec<String> = record
        .participants
        .iter()
        .map(|one| format!("{}/{}", format!("{:?}", one.role).to_lowercase(), kind(one.kind)))
        .collect();
    let events: Vec<String> = record
        .events
        .iter()
        .map(|(_, event)| {
            let who = event.participant.map(|no| format!("({no})")).unwrap_or_default();
            format!("{}{who}", event.kind.as_str())
        })
        .collect();
    format!("{} | {}", participants.join(" "), events.join(" "))
}
