//! What an operator sees of the switch besides its log: the ladder of the last calls, Homer, the event stream.

use std::path::PathBuf;

use toml::Value;

use super::{
    Mistake,
    read::{self, Reader},
};

/// `[trace]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Memory for the messages of the last calls; 0 remembers none.
    pub memory_bytes_max: usize,
}

/// `[hep]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hep {
    /// `HOST:PORT` that SIP messages are mirrored to over UDP; `None` mirrors nothing.
    pub target: Option<String>,
    /// By which the server tells its sources apart.
    pub capture_id: u32,
    /// File with the server's password on one line.
    pub password_file: Option<PathBuf>,
}

/// `[events]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// Delivered journal segments kept for readers of the event stream that come back later.
    pub kept_segments: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Self { memory_bytes_max: 32 * 1024 * 1024 }
    }
}

impl Default for Hep {
    fn default() -> Self {
        Self { target: None, capture_id: 1, password_file: None }
    }
}

impl Default for Events {
    fn default() -> Self {
        Self { kept_segments: 4 }
    }
}

impl Reader<'_> {
    pub(super) fn read_observe(&mut self, config: &mut super::Config) {
        self.section("trace", |s| {
            let bytes = &mut config.trace.memory_bytes_max;
            s.take("memory_bytes_max", bytes, |v| read::number(v, 0, 4 * 1024 * 1024 * 1024));
        });
        self.section("hep", |s| {
            s.take("target", &mut config.hep.target, target);
            s.take("capture_id", &mut config.hep.capture_id, |v| read::number(v, 0, u32::MAX.into()));
            s.take("password_file", &mut config.hep.password_file, read::optional_path);
        });
        self.section("events", |s| {
            s.take("kept_segments", &mut config.events.kept_segments, |v| read::number(v, 1, 1_000));
        });
    }
}

fn target(value: &Value) -> Result<Option<String>, String> {
    let wrong = || format!("expected \"udp:HOST:PORT\" or \"\", found {value}");
    let text = value.as_str().ok_or_else(wrong)?;
    if text.is_empty() {
        return Ok(None);
    }
    let place = text.strip_prefix("udp:").ok_or_else(wrong)?;
    let (host, port) = place.rsplit_once(':').ok_or_else(wrong)?;
    let is_sound = !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0);
    is_sound.then(|| Some(place.to_owned())).ok_or_else(wrong)
}

/// Mistakes that only the world can tell.
pub(super) fn check(config: &super::Config, mistakes: &mut Vec<Mistake>) {
    if config.hep.target.is_none() && config.hep.password_file.is_some() {
        mistakes.push(Mistake::new("hep.password_file", "is of no use without hep.target"));
    }
}
