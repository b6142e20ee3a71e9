//! `sambung log-level debug --for 5m`: what the switch logs, changed while it runs.

use contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Failure,
    switch::{Place, instant},
    terminal,
};

/// `sambung log-level …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A level (error, warn, info, debug, trace, off) or a filter such as info,sambungd::wire=debug; without it, say
    /// what is logged now
    filter: Option<String>,
    /// Go back to what is configured after this long: 90s, 5m, 1h. Without it the change lasts until a restart
    #[arg(long = "for", value_name = "TIME", requires = "filter")]
    lasts: Option<String>,
    #[command(flatten)]
    place: Place,
}

#[derive(Serialize)]
struct Change<'a> {
    filter: &'a str,
    for_secs: Option<u32>,
}

#[derive(Deserialize)]
struct LogLevel {
    filter: String,
    configured: String,
    until: Option<Timestamp>,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let for_secs = match arguments.lasts.as_deref() {
        None => None,
        Some(text) => Some(seconds(text).ok_or_else(|| {
            Failure::Mistakes(vec![format!(
                "--for {text}: expected a number with s, m or h, like 90s, 5m or 1h"
            )])
        })?),
    };
    let switch = arguments.place.find()?;
    let level: LogLevel = match arguments.filter.as_deref() {
        None => switch.get("/v1/log-level").await?,
        Some(filter) => switch.put("/v1/log-level", &Change { filter, for_secs }).await?,
    };
    let until = level.until.map(|until| format!(" until {}, then {}", instant(until), level.configured));
    terminal::print(&format!("{}{}\n", level.filter, until.unwrap_or_default()))?;
    Ok(())
}

fn seconds(text: &str) -> Option<u32> {
    let unit = text.chars().last()?;
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return None,
    };
    number.checked_mul(factor).filter(|seconds| *seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        let read = ["90s", "5m", "1h", "5", "m", "-1s", "0m", "5x", "9999999h"].map(seconds);
        assert_eq!(read, [Some(90), Some(300), Some(3_600), None, None, None, None, None, None]);
    }
}
