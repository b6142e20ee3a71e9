//! Chance decides: what is lost, doubled and late, when who answers, changes or hangs up. However it goes, each
//! side hears one end, and nothing is left.

use std::time::Duration;

use sip::{Body, EndpointConfig, Event, Provisional, SessionKey, Transport};

use crate::world::*;

/// Seeds in an ordinary run. `SEEDS=n` asks for more.
const SEEDS: u64 = 400;

/// A small generator (`SplitMix64`): a seed replays its story.
#[derive(Clone)]
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What one side has been told of its session.
#[derive(Default, Debug)]
struct Told {
    answered: u32,
    called: u32,
    over: u32,
    /// Their INVITE waits for us: ending it makes no event.
    ringing: bool,
}

struct Story {
    world: World,
    chance: Chance,
    told: [Told; 2],
    calls: u32,
    /// When an endpoint's process dies, and goes on as another.
    deaths: Option<Chance>,
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed);
        let config = || EndpointConfig { session_expires_secs: 90, ..config() };
        let mut world = World::with(seed as u8, [config(), config()]);
        world.reliable = chance.below(3) > 0;
        if chance.below(5) == 0 {
            world.transport = Transport::Tcp;
        } else {
            let loss = if chance.below(8) == 0 { 85 } else { chance.below(45) };
            let mut fate = Chance(seed ^ 0x5bd1);
            // An INVITE that comes after the 64*T1 that its transaction lives is a new one, by the RFC.
            let latest = |flight: &Flight| if flight.label() == "INVITE" { 450 } else { 1_500 };
            world.fate(move |flight| match fate.below(100) {
                dice if dice < loss => Fate::Lose,
                dice if dice < loss + 8 => Fate::Double,
                dice if dice < loss + 20 => Fate::Delay(Duration::from_millis(fate.below(latest(flight)))),
                _ => Fate::Deliver,
            });
        }
        Self { world, chance, told: Default::default(), calls: 0, deaths: None }
    }

    /// Plays one call to its end.
    fn play(&mut self) {
        self.world.invite(A, B);
        self.calls = 1;
        let mut orders = 6 + self.chance.below(10);
        while self.calls > 0 {
            let pause = Duration::from_millis(self.chance.below(4_000));
            self.run(pause);
            if orders == 0 {
                // Both have had enough; once more for an INVITE that came after that.
                for _ in 0..2 {
                    self.hang_up(A);
                    self.hang_up(B);
                    self.run(Duration::from_secs(300));
                }
                break;
            }
            orders -= 1;
            let node = self.chance.below(2) as usize;
            match self.chance.below(9) {
                0 => self.hang_up(node),
                1 | 2 => self.change(node),
                3 => self.inform(node),
                4 | 5 => self.update(node),
                _ => {}
            }
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.world.now + time;
        loop {
            self.listen();
            if let Some(chance) = &mut self.deaths
                && chance.below(8) == 0
            {
                let node = chance.below(2) as usize;
                self.world.reincarnate(node);
            }
            if !self.world.step(end) {
                break;
            }
        }
        self.world.now = end;
        self.listen();
    }

    fn hang_up(&mut self, node: usize) {
        if self.world.nodes[node].session.is_some() {
            self.world.hang_up(node);
            self.decline(node);
        }
    }

    fn decline(&mut self, node: usize) {
        if std::mem::take(&mut self.told[node].ringing) {
            self.told[node].over += 1;
        }
    }

    fn change(&mut self, node: usize) {
        if let Some(key) = self.world.nodes[node].session {
            // Busy, gone or done: all are fine.
            let _ = self.world.order(node, |endpoint, now, out| endpoint.reinvite(now, key, None, out));
        }
    }

    fn update(&mut self, node: usize) {
        if let Some(key) = self.world.nodes[node].session {
            let _ = self
                .world
                .order(node, |endpoint, now, out| endpoint.update(now, key, Body::sdp("update"), out));
        }
    }

    fn inform(&mut self, node: usize) {
        if let Some(key) = self.world.nodes[node].session {
            let _ = self
                .world
                .order(node, |endpoint, now, out| endpoint.request(now, key, "INFO", Vec::new(), None, out));
        }
    }

    /// The two owners do what their events ask for.
    fn listen(&mut self) {
        for node in [A, B] {
            for event in self.world.take_events(node) {
                self.heard(node, event);
            }
        }
    }

    fn heard(&mut self, node: usize, event: Event) {
        let chance = self.chance.below(100);
        match event {
            Event::Request(request) => self.called(node, request, chance),
            Event::Answered { session, .. } => {
                self.told[node].answered += 1;
                self.ack(node, session);
            }
            Event::ReinviteAnswered { session, .. } => self.ack(node, session),
            Event::Reinvite { session, .. } if chance < 70 => {
                self.world
                    .order(node, |endpoint, now, out| endpoint.answer_reinvite(now, session, None, out));
            }
            Event::Reinvite { session, .. } if chance < 90 => {
                let reply = sip::Reply::new(488);
                self.world
                    .order(node, |endpoint, now, out| endpoint.refuse_reinvite(now, session, reply, out));
            }
            Event::Update { session, .. } if chance < 60 => {
                let answer = Body::sdp("updated");
                self.world
                    .order(node, |endpoint, now, out| endpoint.answer_update(now, session, answer, out));
            }
            Event::Update { session, .. } if chance < 90 => {
                let reply = sip::Reply::new(488);
                self.world.order(node, |endpoint, now, out| endpoint.refuse_update(now, session, reply, out));
            }
            Event::InDialog { request, .. } if chance < 80 => {
                let reply = sip::Reply::new(200);
                self.world
                    .order(node, |endpoint, now, out| endpoint.respond_in_dialog(now, request, reply, out));
            }
            Event::Failed { .. } | Event::Canceled { .. } | Event::Lapsed { .. } | Event::Ended { .. } => {
                self.told[node].over += 1;
                self.told[node].ringing = false;
            }
            _ => {}
        }
    }

    fn called(&mut self, node: usize, request: sip::NewRequest, chance: u64) {
        let accepted = self.world.order(node, |endpoint, now, out| endpoint.accept_invite(now, request, out));
        let Ok(session) = accepted else { return };
        self.told[node].called += 1;
        self.world.nodes[node].session = Some(session);
        self.told[node].ringing = true;
        if chance < 60 {
            self.world.ring(node);
        }
        if chance % 4 < 2 {
            let early = Provisional::new(183).body(Body::sdp("early"));
            self.world.order(node, |endpoint, now, out| endpoint.ring(now, session, early, out));
        }
        if chance % 10 < 7 {
            self.told[node].ringing = false;
            self.world.answer(node);
        } else if chance % 10 < 8 {
            self.world
                .order(node, |endpoint, now, out| endpoint.refuse(now, session, sip::Reply::new(486), out));
            self.decline(node);
        }
    }

    fn ack(&mut self, node: usize, session: SessionKey) {
        self.world.order(node, |endpoint, now, out| endpoint.ack(now, session, None, out));
    }
}

/// What became of a call, for the tally.
fn check(seed: u64, deaths: Option<Chance>) -> &'static str {
    let mut story = Story::new(seed);
    story.deaths = deaths;
    story.play();
    story.run(Duration::from_secs(600));
    let ladder = || story.world.ladder.join("\n");
    let was_called = story.told[B].called > 0;
    assert!(story.told[B].called <= 1, "seed {seed}: one INVITE made two calls\n{}", ladder());
    for (node, ends) in [(A, 1), (B, u32::from(was_called))] {
        let told = &story.told[node];
        assert_eq!(told.over, ends, "seed {seed}: {} {told:?}\n{}", name(node), ladder());
        assert_eq!(
            story.world.counts(node),
            sip::Counts::default(),
            "seed {seed}: {}\n{}",
            name(node),
            ladder()
        );
    }
    match story.told[A].answered {
        0 if was_called => "failed",
        0 => "unheard",
        1 => "talked",
        _ => panic!("seed {seed}: answered twice\n{}", ladder()),
    }
}

#[test]
fn however_it_goes_both_sides_end_and_nothing_is_left() {
    play_all(|_| None);
}

/// Every state of every machine goes through an image at some instant, and nobody outside can tell.
#[test]
fn whatever_state_the_process_dies_in_the_next_one_goes_on_with_it() {
    play_all(|seed| Some(Chance(seed ^ 0xdead)));
}

#[allow(clippy::disallowed_methods, reason = "more seeds are asked for by environment")]
fn play_all(deaths: impl Fn(u64) -> Option<Chance>) {
    let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    let mut tally = std::collections::BTreeMap::new();
    for seed in 0..seeds {
        *tally.entry(check(seed, deaths(seed))).or_insert(0) += 1;
    }
    // Chance has been everywhere.
    assert_eq!(tally.len(), 3, "{tally:?}");
    assert!(tally.values().all(|count| *count >= seeds / 100), "{tally:?}");
}

#[test]
fn a_seed_replays_its_story() {
    let ladder = |seed| {
        let mut story = Story::new(seed);
        story.play();
        story.world.ladder
    };
    for seed in 0..20 {
        assert_eq!(ladder(seed), ladder(seed), "seed {seed}");
    }
    assert_ne!(ladder(1), ladder(2));
}
