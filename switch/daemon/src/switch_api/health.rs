//! Whether calls can be made, and what is in the way: `/health`, also by its first name `/v1/health`, without a token.
//!
//! Live: the process answers. Ready: a plan, a journal, ports, an engine that turns. Degraded: something is away that
//! calls do not need.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use axum::{Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};

use super::Switch;

/// An engine that does not answer for so long hangs.
const ENGINE_ANSWER_MAX: Duration = Duration::from_secs(2);
/// Free bytes below which the disk is nearly full: some segments of the journal.
const DISK_FREE_MIN: u64 = 256 * 1024 * 1024;

/// The body.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// A word for programs and a sentence for people.
type Condition = (bool, &'static str, &'static str);

impl Switch {
    /// Whether calls can be made, and what is in the way, as far as figures tell.
    pub fn health(&self) -> Health {
        let missing: [Condition; 4] = [
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
        let degraded: [Condition; 2] = [
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
        Health { live: true, ready: missing.is_empty(), missing, degraded, reasons }
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
