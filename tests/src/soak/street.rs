//! All phones and what they do: one thread, one loop, real time.
//!
//! Each phone has a loopback address of its own, so that its SIP and RTP ports are its own too.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    Plan,
    sound::Sound,
    wire::{Weather, Wire},
};
use crate::{
    demo::Demo,
    phones::Transport,
    world::{
        dice::Dice,
        phone::{
            Line, Login, Phone,
            manner::{CallPlan, draw_talk},
        },
    },
};

/// Longest sleep of the loop.
const NAP_MAX: Duration = Duration::from_millis(20);
/// Calls one phone has at once.
const CALLS_PER_PHONE_MAX: usize = 2;
/// How long a call that is over is kept by its phone, for messages that come late.
const KEPT_FOR: Duration = Duration::from_secs(40);
/// How long a phone that has lost power stays away.
const AWAY_MILLIS: (u64, u64) = (2_000, 12_000);
/// While everything is to end phones register for so long that none has to again: each time is a transaction.
const RESTING_FOR_SECS: u32 = 900;
/// Phones lie down to this many thousandths before each call.
const VANISHING: u64 = 4;

pub(super) struct Street {
    phones: Vec<Phone>,
    wires: Vec<Wire>,
    /// When a phone without power comes back.
    back_at: Vec<Option<Duration>>,
    sound: Sound,
    dice: Dice,
    began: Instant,
    calls_per_sec: u32,
    next_call_at: Duration,
    is_calling: bool,
    /// While phones rest: for how long they register otherwise.
    awake_for_secs: Option<Vec<u32>>,
    answered_before: u64,
    /// Calls that phones began.
    pub(super) calls: u64,
}

impl Street {
    /// Phones with sockets, not registered yet.
    pub(super) fn build(demo: &Demo, plan: Plan) -> Result<Self> {
        let domain = demo.field("/sip/domain")?.to_owned();
        let (udp, tcp) = (demo.sip(Transport::Udp)?, demo.sip(Transport::Tcp)?);
        let (mut phones, mut wires) = (Vec::new(), Vec::new());
        for index in 0..plan.phones {
            let dice = |purpose: u64| Dice::for_actor(plan.seed, purpose + 10 * index as u64);
            let ip = own_address(index)?;
            let wire = if index % 5 == 4 {
                Wire::tcp(ip, tcp, dice(1))
            } else {
                // Half of the phones have a good network.
                let bad = Weather { lost: 50, doubled: 30, late: 100 };
                Wire::udp(ip, udp, if index % 2 == 0 { bad } else { Weather::default() }, dice(1))
            };
            let wire = wire.with_context(|| format!("the socket of phone {index} at {ip}"))?;
            let address = wire.address()?;
            let login = Login {
                username: format!("u{index}"),
                password: "secret".to_owned(),
                domain: domain.clone(),
            };
            let switch = if wire.is_tcp() { tcp } else { udp };
            let line = Line { is_tcp: wire.is_tcp(), inside: address, outside: address, switch };
            phones.push(Phone::new(&format!("u{index}"), login, line, dice(2)));
            wires.push(wire);
        }
        Ok(Self {
            back_at: vec![None; phones.len()],
            phones,
            wires,
            sound: Sound::new(Dice::for_actor(plan.seed, 3)),
            dice: Dice::for_actor(plan.seed, 4),
            began: Instant::now(),
            calls_per_sec: plan.calls_per_sec.max(1),
            next_call_at: Duration::ZERO,
            is_calling: false,
            awake_for_secs: None,
            answered_before: 0,
            calls: 0,
        })
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn register(&mut self) {
        let now = self.now();
        self.phones.iter_mut().for_each(|phone| phone.register(now));
    }

    pub(super) fn is_registered(&self) -> bool {
        self.phones.iter().all(|phone| phone.registration.is_up())
    }

    pub(super) fn unregistered(&self) -> String {
        let missing = self.phones.iter().filter(|phone| !phone.registration.is_up());
        missing.map(|phone| phone.business()).collect::<Vec<_>>().join("\n")
    }

    pub(super) fn packets(&self) -> (u64, u64) {
        (self.sound.sent, self.sound.received)
    }

    /// Calls of ours that somebody answered.
    pub(super) fn answered(&self) -> u64 {
        let still_known = self
            .phones
            .iter()
            .flat_map(|phone| phone.calls.values())
            .filter(|call| call.is_outgoing && call.answered_at.is_some());
        self.answered_before + still_known.count() as u64
    }

    pub(super) fn complaints(&self) -> Vec<String> {
        let all = self.phones.iter().flat_map(|phone| {
            phone.complaints.iter().map(|(call, text)| format!("{} in {call}: {text}", phone.name))
        });
        all.collect()
    }

    /// Begins calls for so long.
    pub(super) fn calls_until(&mut self, span: Duration) -> Result<()> {
        if let Some(awake) = self.awake_for_secs.take() {
            self.register_for(awake);
        }
        self.is_calling = true;
        self.live(span, |_| false)
    }

    fn register_for(&mut self, secs: Vec<u32>) -> Vec<u32> {
        let phones = self.phones.iter_mut().map(|phone| &mut phone.registration.expires);
        let before = phones.zip(secs).map(|(now, wish)| std::mem::replace(now, wish)).collect();
        self.register();
        before
    }

    /// Everybody hangs up and begins nothing new.
    pub(super) fn let_go(&mut self) {
        self.is_calling = false;
        if self.awake_for_secs.is_none() {
            self.awake_for_secs = Some(self.register_for(vec![RESTING_FOR_SECS; self.phones.len()]));
        }
        let now = self.now();
        for phone in &mut self.phones {
            let calls: Vec<u32> = phone.calls.keys().copied().collect();
            calls.into_iter().for_each(|call| phone.hang_up(now, call));
        }
    }

    /// Lets life go on for so long, or until it is as wished.
    pub(super) fn live(&mut self, span: Duration, mut enough: impl FnMut(&Self) -> bool) -> Result<()> {
        let end = self.now() + span;
        while self.now() < end && !enough(self) {
            self.nap(end)?;
            let now = self.now();
            for (phone, wire) in self.phones.iter_mut().zip(&mut self.wires) {
                wire.receive(now).iter().for_each(|message| phone.receive(now, message));
                if phone.deadline().is_some_and(|at| at <= now) {
                    phone.wake(now);
                }
                phone.outbox.drain(..).for_each(|message| wire.send(now, message));
            }
            self.come_and_go(now);
            self.begin_calls(now);
            self.sound.play(now, &self.phones);
        }
        Ok(())
    }

    fn nap(&self, end: Duration) -> Result<()> {
        let deadlines = self.phones.iter().filter_map(Phone::deadline);
        let arrivals = self.wires.iter().filter_map(Wire::deadline);
        let next = deadlines.chain(arrivals).chain([end, self.sound.deadline()]).min().unwrap_or(end);
        let nap = next.saturating_sub(self.now()).min(NAP_MAX);
        let mut sockets: Vec<_> = self.wires.iter().map(|wire| PollFd::new(wire, PollFlags::IN)).collect();
        let nap = Timespec { tv_sec: 0, tv_nsec: i64::from(nap.subsec_nanos()) };
        poll(&mut sockets, Some(&nap)).context("poll")?;
        Ok(())
    }

    /// Phones lose power and come back; calls that are long over are forgotten.
    fn come_and_go(&mut self, now: Duration) {
        for (phone, back_at) in self.phones.iter_mut().zip(&mut self.back_at) {
            if phone.is_gone && back_at.is_none() {
                *back_at = Some(now + self.dice.millis(AWAY_MILLIS.0, AWAY_MILLIS.1));
            }
            if back_at.is_some_and(|at| at <= now) {
                *back_at = None;
                phone.reboot(now);
            }
            let answered = &mut self.answered_before;
            phone.calls.retain(|_, call| {
                let is_kept = !call.is_over() || now.saturating_sub(call.touched_at) < KEPT_FOR;
                *answered += u64::from(!is_kept && call.is_outgoing && call.answered_at.is_some());
                is_kept
            });
        }
    }

    fn begin_calls(&mut self, now: Duration) {
        while self.is_calling && self.next_call_at <= now {
            let gap = Duration::from_secs(1) / self.calls_per_sec;
            self.next_call_at = self.next_call_at.max(now.saturating_sub(gap)) + gap;
            let caller = self.any_phone();
            let plan = self.draw_call();
            if self.dice.chance(VANISHING) {
                let victim = self.any_phone();
                self.phones[victim].vanish();
            }
            let phone = &mut self.phones[caller];
            let busy = phone.calls.values().filter(|call| !call.is_over()).count();
            if !phone.is_gone && phone.registration.is_up() && busy < CALLS_PER_PHONE_MAX {
                self.calls += u64::from(phone.call(now, plan).is_some());
            }
        }
    }

    fn any_phone(&mut self) -> usize {
        usize::try_from(self.dice.below(self.phones.len() as u64)).unwrap_or(0)
    }

    fn draw_call(&mut self) -> CallPlan {
        let to = match self.dice.below(100) {
            0..=95 => format!("u{}", self.any_phone()),
            _ => "9999".to_owned(),
        };
        let patience = match self.dice.below(100) {
            0..=9 => Some(self.dice.millis(0, 400)),
            10..=69 => Some(self.dice.millis(400, 8_000)),
            _ => Some(self.dice.millis(8_000, 15_000)),
        };
        CallPlan {
            to,
            is_late_offer: self.dice.chance(150),
            video: self.dice.chance(150),
            odd_body: None,
            patience,
            talk: draw_talk(&mut self.dice),
        }
    }
}

/// The loopback address of phone `index` in this process: 127.(100 + …).x.y.
fn own_address(index: usize) -> Result<IpAddr> {
    let block = u8::try_from(std::process::id() % 100)? + 100;
    let (high, low) = (u8::try_from(index / 250)?, u8::try_from(index % 250)? + 1);
    Ok(Ipv4Addr::new(127, block, high, low).into())
}
