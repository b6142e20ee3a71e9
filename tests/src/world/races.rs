//! Agents of a queue who take the same call in the same instant: one of them has it, and the others are told so.
//!
//! A world of its own for each seed, with [`ROUNDS`] calls one after the other. Devices answer together or nearly so, over a network
//! in which datagrams overtake each other, are lost and come twice; now and then one declines in that instant, or the caller
//! gives up. Who wins is left to chance; that there is one, and what the record and the losers' phones say, is not. The process
//! does not end here, so no images are kept.

use std::time::Duration;

use super::{
    Report, World, actor,
    dice::Dice,
    failure::{About, Failure, Fault},
    network::Weather,
    organisation::{self, DOMAIN, SUPPORT, login},
    phone::manner::{CallPlan, Manner, Verdict},
    scenario::{Device, Place, Scenario},
};
use contract::{id::CallId, journal::EventKind, queues::Strategy, snapshot::Snapshot};

/// Calls of one world.
pub const ROUNDS: usize = 20;
/// How long answers, and what they come to, may be under way: three repetitions.
const SETTLES: Duration = Duration::from_secs(8);
/// How long it takes until the next one calls: nobody's BYE has been lost so often.
const HANGS_UP: Duration = Duration::from_secs(4);
/// What a phone is told that was not fast enough.
const ELSEWHERE: &str = "Call completed elsewhere";

/// Rows in which everybody but the caller answers the queue of one extension, all at once.
fn rows(agents: u32) -> Snapshot {
    let mut own = organisation::organisation(1, DOMAIN, 1 + agents, 30);
    let agents: Vec<_> = own.staff.iter().skip(1).map(|one| one.user).collect();
    for extension in own.extensions.iter_mut().filter(|one| one.number == SUPPORT) {
        extension.staff.clone_from(&agents);
        extension.queue = Some(organisation::queue(Strategy::RingAll));
    }
    Snapshot { revision: 1, organisations: vec![own] }
}

fn weather(dice: &mut Dice) -> Weather {
    let low = dice.between(1, 40);
    Weather {
        latency_millis: (low, low + dice.pick(&[0, 5, 40])),
        loss_permille: dice.pick(&[0, 0, 20]),
        twice_permille: dice.pick(&[0, 50]),
        late_permille: 0,
        is_fair: true,
    }
}

fn scenario(dice: &mut Dice) -> Scenario {
    // Mostly the two of whom one loses; now and then the loser has company.
    let snapshot = rows(dice.pick(&[2, 2, 2, 3]));
    let people = snapshot.organisations.iter().flat_map(|own| &own.staff).map(|one| one.number.clone());
    let device = |(at, name): (usize, String)| {
        let place = Place { is_tcp: dice.chance(200), ..Place::default() };
        Device { login: login(DOMAIN, &name), line: place.line(at), name }
    };
    let devices: Vec<Device> = people.enumerate().map(device).collect();
    Scenario {
        snapshot,
        weather: weather(dice),
        is_mortal: false,
        leases: 16,
        devices,
        acts: Vec::new(),
        curtain: Duration::ZERO,
    }
}

/// Plays the races of a seed. The report's answered calls are races that somebody won.
pub fn run_seed(seed: u64) -> Result<Report, Box<Failure>> {
    let mut dice = Dice::for_actor(seed, actor::PLOT);
    // A queue is there where the switch speaks: in odd worlds.
    let mut world = World::new(seed * 2 + 1, scenario(&mut dice));
    let played = world.races(&mut dice);
    played.map(|()| world.report()).map_err(|fault| Box::new(world.failure(fault)))
}

impl World {
    fn races(&mut self, dice: &mut Dice) -> Result<(), Fault> {
        for phone in 0..self.phones.len() {
            self.phones[phone].register(Duration::ZERO);
        }
        self.settle()?;
        self.run_until(Duration::from_secs(10))?;
        for _ in 0..ROUNDS {
            self.race(dice)?;
        }
        self.close()
    }

    /// One call, and who takes it.
    fn race(&mut self, dice: &mut Dice) -> Result<(), Fault> {
        let begins = self.clock.now();
        let after = dice.millis(1_000, 3_000);
        for agent in 1..self.phones.len() {
            let nearly = if dice.chance(500) { Duration::ZERO } else { dice.millis(0, 80) };
            let verdict = if dice.chance(100) { Verdict::Refuse(486) } else { Verdict::Answer };
            let manner =
                Manner { ring_after: Some(dice.millis(0, 300)), ..Manner::of(verdict, after + nearly) };
            self.phones[agent].manners.push_back(Manner { talk: Vec::new(), ..manner });
        }
        let gives_up = dice.chance(50);
        let mut plan = CallPlan::to(SUPPORT, Duration::ZERO).with_talk(&[]);
        let length = if gives_up { after + dice.millis(0, 160) } else { after + SETTLES };
        plan.talk = vec![(length, super::phone::manner::Move::HangUp)];
        self.phones[0].call(begins, plan);
        self.settle()?;
        self.run_until(begins + after + SETTLES)?;
        let call = self
            .ledger
            .calls
            .keys()
            .next_back()
            .copied()
            .ok_or_else(|| Fault::from("nobody was called".to_owned()))?;
        self.check_race(call, gives_up).map_err(|what| Fault { what, about: Some(About::Call(call)) })?;
        for agent in 1..self.phones.len() {
            let talk = self.phones[agent].talks_in();
            let now = self.clock.now();
            talk.into_iter().for_each(|call| self.phones[agent].hang_up(now, call));
        }
        self.settle()?;
        self.run_until(self.clock.now() + HANGS_UP)
    }

    /// One has it, the record says who, and the others know why they have not.
    fn check_race(&self, call: CallId, gives_up: bool) -> Result<(), String> {
        let agents = || self.phones.iter().skip(1);
        let talking: Vec<&str> =
            agents().filter(|phone| phone.talks_in().is_some()).map(|phone| phone.name.as_str()).collect();
        let record = self.ledger.calls.get(&call).ok_or("no record")?;
        let answered = record.kinds().iter().filter(|kind| **kind == EventKind::Answered).count();
        let would = agents()
            .filter(|phone| phone.calls.values().next_back().is_some_and(|last| last.status != Some(486)));
        let is_won = would.count() > 0 && !gives_up;
        if (talking.len(), answered) != (usize::from(is_won), usize::from(is_won)) && !gives_up {
            return Err(format!("{talking:?} talk, the record has {answered} answers"));
        }
        if gives_up && (talking.len() > 1 || answered > 1) {
            return Err(format!("{talking:?} talk to one who gave up, the record has {answered} answers"));
        }
        for phone in agents().filter(|phone| is_won && phone.talks_in().is_none()) {
            let last = phone.calls.values().next_back().ok_or("a phone that nobody called")?;
            let is_told =
                last.ended_by_switch && last.reason.as_deref().is_some_and(|why| why.contains(ELSEWHERE));
            if last.status != Some(486) && !is_told {
                return Err(format!("{} was told {:?} after {:?}", phone.name, last.reason, last.status));
            }
        }
        Ok(())
    }
}
