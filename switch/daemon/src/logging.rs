//! Log lines on stderr, and what a panic does.

use std::{panic, process::abort, thread};

use tracing_subscriber::EnvFilter;

use crate::{
    config::{Log, LogFormat},
    daemon::CONTROL_THREAD,
};

/// Starts logging. To be called once, with a checked configuration.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_new(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Text => lines.with_ansi(false).init(),
        LogFormat::Json => lines.json().flatten_event(true).init(),
    }
}

/// A panic ends the process, so that the service manager starts a whole switch instead of leaving half of one. Only
/// the control threads are spared: what matters on them is watched by the daemon, and a request that panics is
/// answered with 500.
pub fn abort_on_panic() {
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let reason = panic.payload_as_str().unwrap_or_default();
        tracing::error!(thread = name, place, reason, "panic");
        if !name.starts_with(CONTROL_THREAD) {
            abort();
        }
    }));
}
