//! The switch as built under load for some minutes: `bin/soak`. Exit code 1 when something has leaked.
//!
//! `soak [SECONDS [PHONES [CALLS_PER_SECOND [SEED]]]]`: 600 200 12 1 unless told otherwise.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result};
use tests::soak::{Plan, run};

/// Room for the calls of a busy ten minutes, closed ports that rest included.
const RTP_PORTS: u16 = 8_000;

fn main() -> Result<ExitCode> {
    let mut numbers = [600, 200, 12, 1];
    for (number, word) in numbers.iter_mut().zip(std::env::args().skip(1)) {
        *number = word.parse::<u64>().with_context(|| format!("{word} is no number"))?;
    }
    let [seconds, phones, calls_per_sec, seed] = numbers;
    let plan = Plan {
        duration: Duration::from_secs(seconds),
        phones: usize::try_from(phones)?,
        calls_per_sec: u32::try_from(calls_per_sec)?,
        seed,
        rtp_ports: RTP_PORTS,
        has_warm_up: true,
    };
    let mut out = io::stdout().lock();
    let outcome = run(plan, &mut out)?;
    let (sent, received) = outcome.packets;
    writeln!(
        out,
        "{} calls, {} answered; phones sent {sent} RTP packets and received {received}",
        outcome.calls, outcome.answered
    )?;
    for complaint in outcome.complaints.iter().take(20) {
        writeln!(out, "a phone complains: {complaint}")?;
    }
    let is_well = outcome.verdict.leaks().is_empty() && outcome.complaints.is_empty();
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
