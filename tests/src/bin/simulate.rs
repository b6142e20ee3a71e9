//! Plays seeds of the simulated world until one fails: `bin/soak` and `bin/planted`.
//!
//! `simulate` takes its seeds from `SAMBUNG_SEEDS`, `SAMBUNG_FROM` or `SAMBUNG_SEED`. Exit code 0: no seed
//! fails; 1: one does, and its seed, SIP ladder and events are printed. `simulate --must-fail` turns that
//! around: it is for builds with a planted bug. `simulate --survey` plays all seeds whatever happens and lists
//! the kinds of failure with the first seed of each. `simulate --races` plays agents who take the same call at once.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Instant,
};

use tests::world::{
    races, run_seed,
    soak::{Game, Plays, play, survey},
};

fn main() -> io::Result<ExitCode> {
    let is_said = |wanted: &str| std::env::args().skip(1).any(|word| word == wanted);
    let must_fail = is_said("--must-fail");
    let game: Game = if is_said("--races") { races::run_seed } else { run_seed };
    let plays = Plays::from_environment(300);
    let began = Instant::now();
    let mut out = io::stdout().lock();
    if is_said("--survey") {
        let kinds = survey(plays, game);
        for (kind, (count, first)) in &kinds {
            writeln!(out, "{count:>6} times, first at seed {}: {kind}", first.seed)?;
        }
        return Ok(if kinds.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let outcome = play(plays, game);
    let took = began.elapsed().as_secs_f64();
    match &outcome {
        Ok(tally) => {
            let hours = tally.lasted.as_secs_f64() / 3_600.0;
            writeln!(
                out,
                "{} seeds, {} calls ({} answered), {} messages, {hours:.0} simulated hours in {took:.1} s: {:.0} hours a second",
                tally.seeds,
                tally.calls,
                tally.answered,
                tally.messages,
                hours / took
            )?;
        }
        Err(failure) if must_fail => {
            writeln!(out, "found at seed {} after {took:.1} s: {}", failure.seed, failure.what)?;
        }
        Err(failure) => writeln!(out, "{failure}")?,
    }
    let is_right = outcome.is_err() == must_fail;
    if !is_right && must_fail {
        writeln!(out, "the planted bug was not found")?;
    }
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
