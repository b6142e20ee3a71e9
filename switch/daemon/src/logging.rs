//! Log lines on stderr, panics among them; which lines are written can be changed while the switch runs ([`level`]).
//!
//! A thread of its own writes them. Whoever logs, the engine and the media thread among them, never waits for a pipe
//! that nobody empties: lines that find no room are dropped, and a line says how many those were.

mod level;

use std::{
    io::{self, Write},
    panic,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::config::{Log, LogFormat};
pub use level::{Current, Filter, filter, problem_of};

/// Lines on their way to the thread.
const LINES_MAX: usize = 4_096;
/// At the end the last lines have this long to be written.
const LAST_LINES_MAX: Duration = Duration::from_secs(1);

/// Starts logging. To be called once, with a checked configuration. Lines are sure to be written until the value
/// that it gives is dropped.
pub fn start(log: &Log) -> io::Result<LastLines> {
    let (lines, last_lines) = Lines::through_thread(io::stderr())?;
    let filter = level::parse(&log.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    match log.format {
        LogFormat::Text => {
            let subscriber = subscriber.with_ansi(false).with_filter_reloading();
            let handle = subscriber.reload_handle();
            subscriber.init();
            level::keep(&log.filter, move |filter| handle.reload(filter).is_ok());
        }
        LogFormat::Json => {
            let subscriber = subscriber.json().flatten_event(true).with_filter_reloading();
            let handle = subscriber.reload_handle();
            subscriber.init();
            level::keep(&log.filter, move |filter| handle.reload(filter).is_ok());
        }
    }
    Ok(last_lines)
}

/// Has panics logged like everything else. What they lead to is not decided here: a thread or task that the switch
/// cannot be without is looked after by the engine and the daemon, which then end the process in order.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| {
        let thread = thread::current();
        let name = thread.name().unwrap_or("unnamed");
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let reason = panic.payload_as_str().unwrap_or_default();
        tracing::error!(thread = name, place, reason, "panic");
    }));
}

enum Order {
    Write(Vec<u8>),
    /// Answer when everything before this is written.
    Answer(Sender<()>),
}

/// Where lines are written to without waiting.
struct Lines {
    orders: Sender<Order>,
    dropped: Arc<AtomicU64>,
}

impl Lines {
    fn through_thread(out: impl Write + Send + 'static) -> io::Result<(Self, LastLines)> {
        let (orders, taken) = crossbeam_channel::bounded(LINES_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let for_thread = Arc::clone(&dropped);
        thread::Builder::new().name("log".into()).spawn(move || write_all(out, &taken, &for_thread))?;
        Ok((Self { orders: orders.clone(), dropped }, LastLines { orders }))
    }
}

fn write_all(mut out: impl Write, orders: &Receiver<Order>, dropped: &AtomicU64) {
    for order in orders {
        match order {
            Order::Write(line) => {
                // Nobody to tell if stderr is closed.
                let _ = out.write_all(&line);
            }
            Order::Answer(asker) => drop(asker.send(())),
        }
        let lines = if orders.is_empty() { dropped.swap(0, Ordering::Relaxed) } else { 0 };
        if lines > 0 {
            tracing::warn!(lines, "log lines were dropped: standard error did not take them");
        }
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Write for &Lines {
    /// Takes the whole line, or drops it.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.orders.try_send(Order::Write(line.to_vec())).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Dropping it waits a moment until the lines so far are written.
#[must_use]
pub struct LastLines {
    orders: Sender<Order>,
}

impl Drop for LastLines {
    fn drop(&mut self) {
        let (answer, answered) = crossbeam_channel::bounded(1);
        if self.orders.send_timeout(Order::Answer(answer), LAST_LINES_MAX).is_ok() {
            let _ = answered.recv_timeout(LAST_LINES_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stderr whose reader takes a line for each word it is given.
    struct Pipe {
        allowed: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Pipe {
        fn write(&mut self, line: &[u8]) -> io::Result<usize> {
            let _ = self.allowed.recv();
            self.written.send(line.to_vec()).map_err(io::Error::other)?;
            Ok(line.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_standard_error_that_nobody_reads_stops_no_thread_that_logs() {
        let (allow, allowed) = crossbeam_channel::bounded(0);
        let (written, read) = crossbeam_channel::unbounded();
        let (lines, last_lines) = Lines::through_thread(Pipe { allowed, written }).unwrap();
        for line in 0..LINES_MAX + 10 {
            (&lines).write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let dropped = lines.dropped.load(Ordering::Relaxed);
        assert!((9..=10).contains(&dropped), "one may be in the thread's hands: {dropped}");
        drop(allow);
        drop(last_lines);
        let read: Vec<String> = read.try_iter().map(|line| String::from_utf8(line).unwrap()).collect();
        assert_eq!(read.len() as u64, LINES_MAX as u64 + 10 - dropped);
        assert_eq!((read[0].as_str(), read[4_000].as_str()), ("0\n", "4000\n"));
    }
}
