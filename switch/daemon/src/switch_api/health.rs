//! Whether calls can be made, and what is in the way: `/health`, also by its first name `/v1/health`, without a token.
//!
//! Live: the process answers. Ready: a plan, a journal, ports, an engine that turns. Degraded: something is away that
//! calls do not need.

use std::{
    sync::atomic::{AtomicI64, Ordering::Relaxed},
    time::Duration,
};

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;

use super::Switch;
use crate::clock;

/// An engine that does not answer for so long hangs.
const ENGINE_ANSWER_MAX: Duration = Duration::from_secs(2);
/// Free bytes below which the disk is nearly full: some segments of the journal.
const DISK_FREE_MIN: u64 = 256 * 1024 * 1024;

/// The body.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The process answers.
    pub live: bool,
    /// Calls can be made.
    pub ready: bool,
    /// What is missing for that.
    pub missing: Vec<String>,
    /// What is away without calls suffering from it.
    pub degraded: Vec<String>,
    /// Why, for each of them, in words.
    pub reasons: Vec<String>,
    /// Every part and how it does.
    pub checks: Vec<Check>,
}

/// One part of the switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Which.
    pub name: &'static str,
    /// Nothing is wrong with it.
    pub is_well: bool,
    /// Figures, for people.
    pub detail: String,
}

/// An engine that has not ticked for so long, microseconds, is in trouble: it does every second.
const ENGINE_SILENCE_MAX: u64 = 3_000_000;
/// The same for the media thread, which the engine has turn once a second and looks at a second later.
const MEDIA_SILENCE_MAX: u64 = 5_000_000;
/// A certificate that expires sooner should have been replaced.
const CERTIFICATE_LEFT_MIN_SECS: i64 = 7 * 86_400;

/// A word for programs and a sentence for people.
type Condition = (bool, &'static str, &'static str);

impl Switch {
    /// Whether calls can be made, and what is in the way, as far as figures tell.
    pub fn health(&self) -> Health {
        let media_silence = self.since(&self.engine_counters.media_turned_at);
        let expires_soon = |tls: &crate::wire::Tls| {
            tls.expires_at().saturating_sub(clock::unix_now().0 / 1_000_000) < CERTIFICATE_LEFT_MIN_SECS
        };
        let missing: [Condition; 5] = [
            (
                media_silence > MEDIA_SILENCE_MAX,
                "media",
                "the media thread does not turn: calls have no sound",
            ),
            (
                !self.plan.has_plan.load(Relaxed),
                "plan",
                "no plan yet: the database has not been read and none is on disk",
            ),
            (
                self.engine_counters.journal_pressure.load(Relaxed),
                "journal",
                "the journal does not keep up or its disk refuses: new calls get 503",
            ),
            (
                self.relay.pairs_stocked.load(Relaxed) == 0,
                "media_ports",
                "no media ports in stock: media.ports is used up or cannot be bound",
            ),
            (self.engine_counters.draining.load(Relaxed), "draining", "the switch is stopping"),
        ];
        let database_away = self.plan.database_away.load(Relaxed) || self.journal.database_away.load(Relaxed);
        let free = rustix::fs::statvfs(&*self.data_dir).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
        let degraded: [Condition; 3] = [
            (
                self.tls.as_ref().is_some_and(expires_soon),
                "certificate",
                "the TLS certificate expires within a week, or has: phones will not connect",
            ),
            (
                database_away,
                "database",
                "the database does not answer: changes wait there, call records here",
            ),
            (free < DISK_FREE_MIN, "disk", "less than 256 MiB are free where data_dir is"),
        ];
        let words = |conditions: &[Condition]| -> Vec<String> {
            conditions.iter().filter(|(holds, ..)| *holds).map(|(_, word, _)| (*word).to_owned()).collect()
        };
        let reasons = missing.iter().chain(&degraded).filter(|(holds, ..)| *holds);
        let reasons = reasons.map(|(_, word, why)| format!("{word}: {why}")).collect();
        let (missing, degraded) = (words(&missing), words(&degraded));
        let checks = self.checks();
        Health { live: true, ready: missing.is_empty(), missing, degraded, reasons, checks }
    }
}

/// What health looks at, one line each.
impl Switch {
    /// Microseconds since an instant that somebody else keeps; 0 when it is none.
    pub(super) fn since(&self, instant: &AtomicI64) -> u64 {
        match instant.load(Relaxed) {
            0 => 0,
            instant => u64::try_from(clock::unix_now().0.saturating_sub(instant)).unwrap_or(0),
        }
    }

    /// Every part and how it does, also when all is well.
    fn checks(&self) -> Vec<Check> {
        let seconds = |micros: u64| format!("{}.{} s", micros / 1_000_000, micros / 100_000 % 10);
        let engine = self.since(&self.engine_counters.ticked_at);
        let media = self.since(&self.engine_counters.media_turned_at);
        let (journal, relay, plan) = (&self.journal, &self.relay, &self.plan);
        let unwritten = journal.recorded.load(Relaxed).saturating_sub(journal.written.load(Relaxed));
        let lag = self.since(&journal.undelivered_since);
        let bytes = journal.undelivered_bytes.load(Relaxed);
        let (legs, stock) = (relay.legs_open.load(Relaxed), relay.pairs_stocked.load(Relaxed));
        let check = |name, is_well, detail| Check { name, is_well, detail };
        let mut checks = vec![
            check("engine", engine < ENGINE_SILENCE_MAX, format!("turned within {}", seconds(engine))),
            check(
                "media",
                media < MEDIA_SILENCE_MAX,
                format!("turned within {}, {legs} streams, {stock} pairs of ports in stock", seconds(media)),
            ),
            check(
                "journal",
                !journal.disk_in_trouble.load(Relaxed)
                    && !self.engine_counters.journal_pressure.load(Relaxed),
                format!("{unwritten} records wait for the disk"),
            ),
            check(
                "database",
                !plan.database_away.load(Relaxed) && !journal.database_away.load(Relaxed),
                format!("{bytes} bytes of records wait for it, the oldest for {}", seconds(lag)),
            ),
            check(
                "plan",
                plan.has_plan.load(Relaxed),
                format!(
                    "revision {} in use, {} refused",
                    plan.revision.load(Relaxed),
                    plan.refused.load(Relaxed)
                ),
            ),
        ];
        if let Some(tls) = &self.tls {
            let left = tls.expires_at().saturating_sub(clock::unix_now().0 / 1_000_000);
            let detail = format!("expires in {} days", left / 86_400);
            checks.push(check("certificate", left > CERTIFICATE_LEFT_MIN_SECS, detail));
        }
        checks
    }
}

pub(super) async fn health(State(switch): State<Switch>) -> (StatusCode, Json<Health>) {
    let mut health = switch.health();
    let answer = tokio::time::timeout(ENGINE_ANSWER_MAX, switch.engine.look(|_, _| ()));
    if !matches!(answer.await, Ok(Ok(()))) {
        health.ready = false;
        health.missing.push("engine".into());
        health.reasons.push("engine: it does not turn".into());
    }
    (if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(health))
}
