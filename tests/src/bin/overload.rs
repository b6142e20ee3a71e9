//! The stories of load in full size, for `bin/overload`: ten times the peak for a minute, 20,000 phones that register at
//! once, ten million messages of strangers, 500 desks with 50 lamps each. Names as arguments choose among them, a number is the seconds of the
//! flood, and a second one the rate, calls a second, with which the search for the peak begins.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use tests::load::{
    lamps::{Floor, lamps},
    stories::{Size, flood, storm, strangers},
};

/// For how long ten times the peak is offered, unless told otherwise.
const FLOOD_SECS: u32 = 60;
/// Calls a second that any machine carries.
const FIRST_RATE: u32 = 400;

fn main() -> io::Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = chosen.iter().filter_map(|word| word.parse::<u32>().ok());
    let seconds = numbers.next().unwrap_or(FLOOD_SECS);
    let first_rate = numbers.next().unwrap_or(FIRST_RATE);
    let chosen: Vec<&String> = chosen.iter().filter(|word| word.parse::<u32>().is_err()).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|one| name.contains(one.as_str()));
    let mut out = io::stdout().lock();
    if is_chosen("flood") {
        let size = Size {
            first_rate,
            try_for: Duration::from_secs(4),
            flood_for: Duration::from_secs(seconds.into()),
            running: 50,
        };
        writeln!(out, "{}", flood(size))?;
    }
    if is_chosen("storm") {
        writeln!(out, "{}", storm(20_000).1)?;
    }
    if is_chosen("strangers") {
        writeln!(out, "{}", strangers(10_000_000).1)?;
    }
    if is_chosen("lamps") {
        // Two numbers change with each call; a floor of 500 makes a call a minute each in its busiest hour, 8 a second.
        for per_second in [8, 20, 50] {
            let floor = Floor { phones: 500, keys: 50, per_second, span: Duration::from_secs(20) };
            write!(out, "{}", lamps(floor).report)?;
        }
    }
    Ok(())
}
