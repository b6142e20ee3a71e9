//! Writes Prometheus' text format (version 0.0.4): a head for every metric, then its values.

use std::{
    fmt::Write,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

/// The page as it grows. All names are ours but those of the process, which are the same for every program.
pub(super) struct Page(String);

impl Page {
    pub(super) fn new() -> Self {
        Self(String::with_capacity(16 * 1024))
    }

    pub(super) fn text(self) -> String {
        self.0
    }

    fn head(&mut self, kind: &str, name: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, kind: &str, name: &str, help: &str, value: u64) {
        self.head(kind, name, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: &AtomicU64) {
        self.value("counter", name, help, value.load(Relaxed));
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.value("gauge", name, help, value);
    }

    pub(super) fn flag(&mut self, name: &str, help: &str, value: &AtomicBool) {
        self.gauge(name, help, u64::from(value.load(Relaxed)));
    }

    /// A histogram of microseconds, told in seconds: `(bound, so many up to it)`, the last without a bound.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        cumulative: impl Iterator<Item = (Option<u64>, u64)>,
        sum_micros: u64,
    ) {
        self.head("histogram", name, help);
        let mut all = 0;
        for (bound, count) in cumulative {
            all = count;
            let _ = match bound {
                Some(bound) => {
                    let (seconds, micros) = (bound / 1_000_000, bound % 1_000_000);
                    writeln!(self.0, "{name}_bucket{{le=\"{seconds}.{micros:06}\"}} {count}")
                }
                None => writeln!(self.0, "{name}_bucket{{le=\"+Inf\"}} {count}"),
            };
        }
        let (seconds, micros) = (sum_micros / 1_000_000, sum_micros % 1_000_000);
        let _ = writeln!(self.0, "{name}_sum {seconds}.{micros:06}\n{name}_count {all}");
    }

    /// Microseconds, told in seconds as Prometheus wants them.
    pub(super) fn seconds(&mut self, kind: &str, name: &str, help: &str, micros: u64) {
        self.head(kind, name, help);
        let _ = writeln!(self.0, "{name} {}.{:06}", micros / 1_000_000, micros % 1_000_000);
    }

    /// Values by one label. The label's values are words of ours, so nothing needs escaping.
    pub(super) fn labelled<'a>(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'a str, u64)>,
    ) {
        self.head(kind, name, help);
        for (value, count) in values {
            let _ = writeln!(self.0, "{name}{{{label}=\"{value}\"}} {count}");
        }
    }
}
