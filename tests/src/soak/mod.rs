//! The switch as built under hours of phone life in minutes: the simulated world's phones on real sockets.
//!
//! [`run`] starts `sambung up`, lets phones of [`crate::world::phone`] register over UDP and TCP, call each other,
//! hold, refuse, cancel, lose power and talk RTP through a bad network (`wire`), and then lets everything end. What
//! lives in the switch is read before and after ([`gauge`]): all of it has to be back where it was. It does not
//! judge single calls; the simulation does.

pub mod gauge;
mod sound;
mod street;
mod wire;

use std::{
    io::Write,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use self::{
    gauge::{Gauge, Reading, Verdict},
    street::Street,
};
use crate::demo::Demo;

/// How long phones may take to register.
const REGISTERED_WITHIN: Duration = Duration::from_secs(30);
/// How long after the curtain everything may take to end: a ringing call, a BYE nobody answers, the transactions.
const QUIET_WITHIN: Duration = Duration::from_secs(150);
/// Between two looks at memory.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After the curtain: when the operator ends what only dead phones hold open.
const SWEEP_AFTER: Duration = Duration::from_secs(3);

/// What is remembered of calls that are over is full before the first reading, so that what grows after it is a leak.
const LITTLE_MEMORY: &str = "trace.memory_bytes_max=1048576";

/// Longest time in which phones make calls before the first reading.
const WARM_UP_MAX: Duration = Duration::from_secs(60);

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How long calls are made.
    pub duration: Duration,
    /// Phones; every fifth one over TCP.
    pub phones: usize,
    /// Calls begun in a second.
    pub calls_per_sec: u32,
    /// What chance decides by.
    pub seed: u64,
    /// RTP and RTCP ports for the switch.
    pub rtp_ports: u16,
    /// Whether the first reading is made after some calls.
    pub has_warm_up: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Calls that phones began.
    pub calls: u64,
    /// Calls that were answered.
    pub answered: u64,
    /// RTP packets sent and received by phones.
    pub packets: (u64, u64),
    /// What strict phones complained about.
    pub complaints: Vec<String>,
    /// Figure by figure, before and after.
    pub verdict: Verdict,
}

/// Plays it all and reads the figures.
pub fn run(plan: Plan, out: &mut dyn Write) -> Result<Outcome> {
    let accounts = plan.phones.to_string();
    let demo = Demo::start_with(&["--sip-accounts", &accounts, "--set", LITTLE_MEMORY], plan.rtp_ports)?;
    let played = play(&demo, plan, out).map_err(|error| error.context(demo.logs()))?;
    demo.stop()?;
    Ok(played)
}

fn play(demo: &Demo, plan: Plan, out: &mut dyn Write) -> Result<Outcome> {
    let gauge = Gauge::of(demo)?;
    let mut street = Street::build(demo, plan)?;
    street.register();
    street.live(REGISTERED_WITHIN, |street| street.is_registered())?;
    ensure!(street.is_registered(), "not all phones could register: {}", street.unregistered());
    // Buffers and caches that come with the first calls are no leak; a short run allows for them by its limits.
    if plan.has_warm_up {
        street.calls_until((plan.duration / 5).min(WARM_UP_MAX))?;
        settle(demo, &gauge, &mut street)?;
    }
    let before = gauge.read(demo)?;
    writeln!(out, "{} phones, {} calls to warm up; now {:?}", plan.phones, street.calls, plan.duration)?;

    let mut memory = Vec::new();
    let (began, mut looked_at) = (Instant::now(), Instant::now());
    while began.elapsed() < plan.duration {
        street.calls_until(LOOK_EVERY.min(plan.duration.saturating_sub(began.elapsed())))?;
        if looked_at.elapsed() >= LOOK_EVERY {
            looked_at = Instant::now();
            memory.push((street.calls, gauge.resident_bytes()?));
        }
    }
    settle(demo, &gauge, &mut street)?;
    let verdict =
        at_rest(demo, &gauge, &mut street, |after| Verdict::of(&before, after, &memory, plan.duration))?;
    write!(out, "{verdict}")?;
    Ok(Outcome {
        calls: street.calls,
        answered: street.answered(),
        packets: street.packets(),
        complaints: street.complaints(),
        verdict,
    })
}

/// What is left, judged again as long as something is: a pair of ports that is just put on stock, or the connection by which the
/// figures were asked for, is counted now and not in a moment. What leaks stays.
fn at_rest(
    demo: &Demo,
    gauge: &Gauge,
    street: &mut Street,
    judge: impl Fn(&Reading) -> Verdict,
) -> Result<Verdict> {
    let end = Instant::now() + QUIET_WITHIN;
    loop {
        let verdict = judge(&gauge.read(demo)?);
        if verdict.leaks().is_empty() || Instant::now() >= end {
            return Ok(verdict);
        }
        street.live(Duration::from_secs(1), |_| false)?;
    }
}

/// Everybody hangs up; then until the figures that have to be 0 are, twice in a row.
fn settle(demo: &Demo, gauge: &Gauge, street: &mut Street) -> Result<()> {
    street.let_go();
    street.live(SWEEP_AFTER, |_| false)?;
    let end = Instant::now() + QUIET_WITHIN;
    let mut quiet_looks = 0;
    while quiet_looks < 2 && Instant::now() < end {
        // Calls that got on meanwhile, and those of phones that lost power: nobody else ends them.
        street.let_go();
        gauge.hang_up_all(demo)?;
        street.live(Duration::from_secs(1), |_| false)?;
        let is_quiet = gauge.read(demo).context("the switch's figures")?.is_quiet();
        quiet_looks = if is_quiet { quiet_looks + 1 } else { 0 };
    }
    Ok(())
}
