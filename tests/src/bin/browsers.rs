//! What the switch needs for a call of browsers, for `bin/bench browsers`: processor and memory a call, between two browsers, between a
//! browser and a phone with plain RTP, and between two such phones, by which the others are to be read. Arguments: calls at the same time
//! (100), seconds measured (30), and kinds, by a part of their name.

use std::{
    io::{self, Write as _},
    time::Duration,
};

use anyhow::Result;
use tests::load::browsers::{Kind, cost};

const CALLS: u32 = 100;
const SECONDS: u32 = 30;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut numbers = words.iter().filter_map(|word| word.parse::<u32>().ok());
    let (calls, seconds) = (numbers.next().unwrap_or(CALLS), numbers.next().unwrap_or(SECONDS));
    let chosen: Vec<&String> = words.iter().filter(|word| word.parse::<u32>().is_err()).collect();
    let mut out = io::stdout().lock();
    for kind in [Kind::Phones, Kind::BrowserAndPhone, Kind::Browsers] {
        let name = kind.to_string();
        if chosen.is_empty() || chosen.iter().any(|one| name.contains(one.as_str())) {
            writeln!(out, "{}", cost(kind, calls, Duration::from_secs(seconds.into()))?)?;
        }
    }
    Ok(())
}
