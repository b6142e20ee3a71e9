//! The stories of load in full size, for `bin/overload`: ten times the peak for a minute, 20,000 phones that register at
//! once, ten million messages of strangers. Names as arguments choose among them.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use tests::load::stories::{Size, flood, storm, strangers};

fn main() -> io::Result<()> {
    let chosen: Vec<String> = std::env::args().skip(1).collect();
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|one| name.contains(one.as_str()));
    let mut out = io::stdout().lock();
    if is_chosen("flood") {
        let flooded = flood(Size {
            first_rate: 400,
            try_for: Duration::from_secs(4),
            flood_for: Duration::from_secs(60),
            running: 50,
        });
        writeln!(out, "{}", flooded.report)?;
    }
    if is_chosen("storm") {
        writeln!(out, "{}", storm(20_000).1)?;
    }
    if is_chosen("strangers") {
        writeln!(out, "{}", strangers(10_000_000).1)?;
    }
    Ok(())
}
