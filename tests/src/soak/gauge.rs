//! What lives in the switch, before and after: its own figures, its process as the kernel sees it, and the verdict.

use std::{fmt, fs, time::Duration};

use anyhow::{Context, Result};

use crate::demo::Demo;

/// Bytes that the process may have grown by between two rests: bounded caches that fill while calls are made.
const GROWTH_BYTES_MAX: i64 = 48 * 1024 * 1024;
/// Bytes for each call that the process may grow by while calls are made, by a straight line through its second
/// half; looked at in long runs only.
const SLOPE_BYTES_PER_CALL_MAX: f64 = 512.0;
/// Shorter runs say nothing about the slope.
const SLOPE_AFTER: Duration = Duration::from_secs(300);

/// A thread, a connection to the database: what comes with the first use and stays. A leak is as large as its use.
const FIRST_USE_MAX: i64 = 2;

/// Figures of the switch that must be 0 at rest.
const MUST_BE_ZERO: [&str; 8] = [
    "sambung_calls_live",
    "sambung_call_legs",
    "sambung_sip_sessions",
    "sambung_sip_transactions",
    "sambung_sip_timers",
    "sambung_media_leases",
    "sambung_media_legs",
    "sambung_media_orders_lost_total",
];
/// Figures that must be as before.
const MUST_BE_SAME: [&str; 2] = ["sambung_registrations", "sambung_tcp_connections"];
/// Pairs of ports bound ahead of need: as many as the relay likes, each with two sockets.
const STOCKED: &str = "sambung_media_ports_stocked";

/// Where the figures are read.
pub struct Gauge {
    pid: u32,
}

/// All figures at one moment.
#[derive(Clone, Debug)]
pub struct Reading {
    zero: Vec<(&'static str, i64)>,
    same: Vec<(&'static str, i64)>,
    resident_bytes: i64,
}

impl Gauge {
    /// Of the switch that a demo runs.
    pub fn of(demo: &Demo) -> Result<Self> {
        let pid = *demo.daemons("sambungd").first().context("sambungd runs")?;
        Ok(Self { pid })
    }

    /// Reads all.
    pub fn read(&self, demo: &Demo) -> Result<Reading> {
        let page = demo.metrics()?;
        let figure = |name: &'static str| -> Result<i64> {
            let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            Ok(line.with_context(|| format!("{name} in\n{page}"))?.trim().parse::<f64>()? as i64)
        };
        let of = |names: &[&'static str]| -> Result<Vec<_>> {
            names.iter().map(|name| Ok((*name, figure(name)?))).collect()
        };
        let mut same = of(&MUST_BE_SAME)?;
        same.push(("threads", self.count("task")?));
        same.push(("file descriptors but the stock's", self.count("fd")? - 2 * figure(STOCKED)?));
        Ok(Reading { zero: of(&MUST_BE_ZERO)?, same, resident_bytes: self.resident_bytes()? })
    }

    /// What the process holds in memory.
    pub fn resident_bytes(&self) -> Result<i64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kilobytes: i64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kilobytes * 1024)
    }

    /// The operator ends every call that is up.
    pub fn hang_up_all(&self, demo: &Demo) -> Result<()> {
        for call in demo.live_calls()? {
            demo.hang_up(&call)?;
        }
        Ok(())
    }

    fn count(&self, what: &str) -> Result<i64> {
        Ok(i64::try_from(fs::read_dir(format!("/proc/{}/{what}", self.pid))?.count())?)
    }
}

impl Reading {
    /// What must be 0 at rest is 0.
    pub fn is_quiet(&self) -> bool {
        self.zero.iter().all(|(_, value)| *value == 0)
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    name: String,
    before: String,
    after: String,
    /// It has not come back to where it was.
    pub is_leak: bool,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Figure by figure.
    pub rows: Vec<Row>,
}

impl Verdict {
    /// Compares two readings at rest; `memory` is calls so far and bytes, in the time between.
    pub fn of(before: &Reading, after: &Reading, memory: &[(u64, i64)], lasted: Duration) -> Self {
        let pairs =
            |one: &[(&'static str, i64)], two: &[(&'static str, i64)], is_leak: fn(i64, i64) -> bool| {
                let row = |(first, second): (&(&'static str, i64), &(&'static str, i64))| Row {
                    name: first.0.trim_start_matches("sambung_").to_owned(),
                    before: first.1.to_string(),
                    after: second.1.to_string(),
                    is_leak: is_leak(first.1, second.1),
                };
                one.iter().zip(two).map(row).collect::<Vec<_>>()
            };
        let mut rows = pairs(&before.zero, &after.zero, |_, after| after != 0);
        rows.extend(pairs(&before.same, &after.same, |before, after| after > before + FIRST_USE_MAX));
        let mebibytes = |bytes: i64| format!("{:.1} MiB", bytes as f64 / 1_048_576.0);
        let growth = after.resident_bytes - before.resident_bytes;
        rows.push(Row {
            name: "resident memory".to_owned(),
            before: mebibytes(before.resident_bytes),
            after: mebibytes(after.resident_bytes),
            is_leak: growth > GROWTH_BYTES_MAX,
        });
        if let Some(slope) = slope(&memory[memory.len() / 2..]) {
            rows.push(Row {
                name: "bytes for each call".to_owned(),
                before: String::from("-"),
                after: format!("{slope:.0}"),
                is_leak: lasted >= SLOPE_AFTER && slope > SLOPE_BYTES_PER_CALL_MAX,
            });
        }
        Self { rows }
    }

    /// Names of what leaks.
    pub fn leaks(&self) -> Vec<&str> {
        self.rows.iter().filter(|row| row.is_leak).map(|row| row.name.as_str()).collect()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34} {:>12} {:>12}", "figure", "before", "after")?;
        for row in &self.rows {
            let mark = if row.is_leak { "  LEAK" } else { "" };
            writeln!(f, "{:<34} {:>12} {:>12}{mark}", row.name, row.before, row.after)?;
        }
        Ok(())
    }
}

/// Bytes for each call, by least squares; none without two different points.
fn slope(points: &[(u64, i64)]) -> Option<f64> {
    let count = points.len() as f64;
    let (mut x, mut y) = (0.0, 0.0);
    for (calls, bytes) in points {
        x += *calls as f64 / count;
        y += *bytes as f64 / count;
    }
    let (mut top, mut bottom) = (0.0, 0.0);
    for (calls, bytes) in points {
        let along = *calls as f64 - x;
        top += along * (*bytes as f64 - y);
        bottom += along * along;
    }
    (bottom > 0.0).then(|| top / bottom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(zero: i64, descriptors: i64) -> Reading {
        Reading {
            zero: vec![("sambung_calls_live", zero)],
            same: vec![("file descriptors", descriptors)],
            resident_bytes: 1 << 20,
        }
    }

    #[test]
    fn what_does_not_come_back_is_a_leak() {
        let before = reading(0, 20);
        let leaks = |after: &Reading, memory: &[(u64, i64)]| {
            let verdict = Verdict::of(&before, after, memory, SLOPE_AFTER);
            verdict.leaks().into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert!(leaks(&reading(0, 22), &[(1, 5), (2, 5), (3, 5), (4, 5)]).is_empty());
        assert_eq!(leaks(&reading(1, 23), &[]), ["calls_live", "file descriptors"]);
        assert_eq!(leaks(&reading(0, 19), &[(1, 0), (2, 0), (10, 0), (20, 10_000)]), ["bytes for each call"]);
    }
}
