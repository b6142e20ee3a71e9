//! Does jobs: each is claimed in a unit of work of its own under a lease, done, and settled together with what its worker writes.
//! Whoever dies in the middle leaves a job that is due again. A worker whose lease has run out meanwhile settles nothing.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use contract::id::OrgId;
use serde_json::Value;
use sqlx::{FromRow, PgConnection, Row as _, postgres::PgRow};
use tokio::{
    sync::{Notify, Semaphore, watch},
    task::{AbortHandle, JoinSet},
    time,
};
use uuid::Uuid;

use super::store;
use crate::database::{Database, DatabaseError, Scope, Work};

/// How often it is asked whether something is due, should nobody have said so.
const POLL_EVERY: Duration = Duration::from_secs(5);
/// Organisations that are asked for in one round, those that wait longest first.
pub(super) const ORGANISATIONS_MAX: i32 = 100;
/// Jobs that are done at the same time, of all organisations.
const AT_ONCE_MAX: usize = 16;
/// Jobs of one organisation that are done at the same time: one whose jobs all hang leaves places to the others.
const ORGANISATION_AT_ONCE_MAX: usize = 4;
/// A job that is being done is nobody else's for so long.
pub(super) const LEASE_SECS: i32 = 120;
/// One attempt; less than the lease.
const ATTEMPT_MAX: Duration = Duration::from_secs(90);
/// Characters of a reason.
const REASON_CHARS_MAX: usize = 64;
/// How long what was done is remembered, and with it that there is to be no second one of its key.
pub(super) const KEPT_DAYS: i32 = 7;

/// Does jobs of one kind.
pub trait Worker: fmt::Debug + Send + Sync {
    /// Which: `webhook.deliver`.
    fn kind(&self) -> &'static str;

    /// The pauses between attempts, seconds; after the last of them a job is given up.
    fn pauses_secs(&self) -> &'static [i32];

    /// One attempt. It may be made again although it was successful: whoever does it may die before that is written down.
    fn attempt<'a>(&'a self, job: &'a Claimed) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

    /// What else is written in the unit of work that writes down the outcome. Not of a job that is `lost`: its last attempt ended without
    /// an outcome, perhaps because this could not be written.
    fn settle<'c>(&'c self, _: &'c mut PgConnection, _: &'c Claimed, _: &'c Settled) -> Work<'c, ()> {
        Box::pin(async { Ok(()) })
    }
}

/// A job that is being done.
#[derive(Clone, Debug, PartialEq)]
pub struct Claimed {
    /// Whose.
    pub org: OrgId,
    /// Which.
    pub id: Uuid,
    /// Of what kind.
    pub kind: String,
    /// Which of its kind.
    pub key: String,
    /// What was ordered.
    pub payload: Value,
    /// This attempt, from 1.
    pub attempts: i32,
}

impl FromRow<'_, PgRow> for Claimed {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            org: OrgId(row.try_get("org_id")?),
            id: row.try_get("id")?,
            kind: row.try_get("kind")?,
            key: row.try_get("key")?,
            payload: row.try_get("payload")?,
            attempts: row.try_get("attempts")?,
        })
    }
}

/// What has come of an attempt. Reasons are words for programs, without anything of what the job is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// Not this time.
    Failed(String),
    /// It will never be.
    Hopeless(String),
}

impl Outcome {
    /// With a reason that there is room for.
    fn cut(self) -> Self {
        let cut = |reason: String| reason.chars().take(REASON_CHARS_MAX).collect();
        match self {
            Self::Done => Self::Done,
            Self::Failed(reason) => Self::Failed(cut(reason)),
            Self::Hopeless(reason) => Self::Hopeless(cut(reason)),
        }
    }

    /// Why it is not done.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Failed(reason) | Self::Hopeless(reason) => Some(reason),
        }
    }
}

/// An outcome, and what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// What has come of the attempt.
    pub outcome: Outcome,
    /// There is another one after so many seconds.
    pub pause_secs: Option<i32>,
}

/// What is being done.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    whose: Vec<(OrgId, AbortHandle)>,
}

impl Running {
    fn begin(&mut self, org: OrgId, task: impl Future<Output = ()> + Send + 'static) {
        self.whose.retain(|(_, job)| !job.is_finished());
        self.whose.push((org, self.tasks.spawn(task)));
    }

    /// Whether as much is being done for this one as may be.
    fn is_full(&self, org: OrgId) -> bool {
        let jobs = self.whose.iter().filter(|(whose, job)| *whose == org && !job.is_finished());
        jobs.count() >= ORGANISATION_AT_ONCE_MAX
    }
}

/// All workers, and what they share.
#[derive(Clone, Debug)]
pub struct Runner {
    /// Where jobs are due.
    pub database: Database,
    /// One for each kind.
    pub workers: Vec<Arc<dyn Worker>>,
    /// Somebody has ordered something.
    pub ordered: Arc<Notify>,
}

impl Runner {
    /// Works until the other end of `stop` is dropped; what is being done then is brought to its end.
    pub async fn run(self, mut stop: watch::Receiver<()>) {
        let (places, mut running) = (Arc::new(Semaphore::new(AT_ONCE_MAX)), Running::default());
        let (mut is_away, mut is_left_out) = (false, false);
        loop {
            match self.round(&places, &mut running, &stop).await {
                Ok(left_out) => (is_away, is_left_out) = (false, left_out),
                Err(error) if !is_away => {
                    is_away = true;
                    tracing::warn!(%error, "jobs wait: the database does not say which are due");
                }
                Err(_) => {}
            }
            tokio::select! {
                _ = stop.changed() => break,
                () = self.ordered.notified() => {}
                Some(_) = running.tasks.join_next(), if is_left_out => {}
                () = time::sleep(POLL_EVERY) => {}
            }
        }
        while running.tasks.join_next().await.is_some() {}
    }

    fn kinds(&self) -> Vec<&'static str> {
        self.workers.iter().map(|worker| worker.kind()).collect()
    }

    /// Begins all that is due, one of each organisation in turn, until nothing is; `true`: but for organisations that are full.
    async fn round(
        &self,
        places: &Arc<Semaphore>,
        running: &mut Running,
        stop: &watch::Receiver<()>,
    ) -> Result<bool, DatabaseError> {
        loop {
            while running.tasks.try_join_next().is_some() {}
            let kinds = self.kinds();
            let due = self.database.read(Scope::Nothing, |c| Box::pin(store::due(c, kinds))).await?;
            let (mut has_begun, mut is_left_out) = (false, false);
            for org in due.into_iter().map(OrgId) {
                if running.is_full(org) {
                    is_left_out = true;
                    continue;
                }
                let Ok(place) = Arc::clone(places).acquire_owned().await else { return Ok(false) };
                if stop.has_changed().is_err() {
                    return Ok(false);
                }
                let kinds = self.kinds();
                let claim = self
                    .database
                    .write(Scope::Organisation(org), move |c| Box::pin(store::claim(c, org, kinds)));
                let Some(job) = claim.await? else { continue };
                has_begun = true;
                let runner = self.clone();
                running.begin(org, async move {
                    runner.carry_out(job).await;
                    drop(place);
                });
            }
            if !has_begun {
                return Ok(is_left_out);
            }
        }
    }

    async fn carry_out(&self, job: Claimed) {
        let Some(worker) = self.workers.iter().find(|worker| worker.kind() == job.kind).cloned() else {
            return;
        };
        // After the last attempt nobody has said what came of it: whoever made it has died, or what it wrote was refused.
        let is_lost = usize::try_from(job.attempts).is_ok_and(|n| n > worker.pauses_secs().len() + 1);
        let outcome = if is_lost {
            Outcome::Hopeless("lost".to_owned())
        } else {
            attempt(Arc::clone(&worker), job.clone()).await
        };
        let pause_secs = match &outcome {
            Outcome::Failed(_) => pause(worker.pauses_secs(), job.attempts, jitter()),
            Outcome::Done | Outcome::Hopeless(_) => None,
        };
        let (org, id, attempts, kind) = (job.org.0, job.id, job.attempts, worker.kind());
        if let Some(reason) = outcome.reason() {
            let is_dead = pause_secs.is_none();
            tracing::warn!(%org, job = %id, kind, attempts, reason, is_dead, "a job has failed");
        }
        let settled = Settled { outcome, pause_secs };
        let written = self.database.write(Scope::Organisation(job.org), move |c| {
            Box::pin(async move {
                if store::settle(c, &job, &settled.outcome, pause_secs).await? && !is_lost {
                    worker.settle(c, &job, &settled).await?;
                }
                Ok(())
            })
        });
        if let Err(error) = written.await {
            tracing::warn!(%org, job = %id, kind, %error, "what came of a job could not be written down: it is done again");
        }
    }
}

/// One attempt of `worker`. One that panics has failed as any other.
async fn attempt(worker: Arc<dyn Worker>, job: Claimed) -> Outcome {
    let attempt = tokio::spawn(async move { time::timeout(ATTEMPT_MAX, worker.attempt(&job)).await });
    match attempt.await {
        Ok(Ok(outcome)) => outcome.cut(),
        Ok(Err(_)) => Outcome::Failed("too_slow".to_owned()),
        Err(_) => Outcome::Failed("panicked".to_owned()),
    }
}

/// After the `attempts`th attempt has failed: the pause, up to a quarter shorter as `jitter` says, so that what has failed together does
/// not come back together; `None`: there is no further one.
fn pause(pauses_secs: &[i32], attempts: i32, jitter: u8) -> Option<i32> {
    let longest = *pauses_secs.get(usize::try_from(attempts).ok()?.checked_sub(1)?)?;
    Some(longest - longest / 4 * i32::from(jitter) / 255)
}

/// Zero should the system be out of random bytes.
fn jitter() -> u8 {
    let mut byte = [0_u8; 1];
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_those_of_the_kind_or_a_little_shorter_and_come_to_an_end() {
        let pauses = [8, 400, 4_000];
        assert_eq!([1, 2, 3, 4].map(|n| pause(&pauses, n, 0)), [Some(8), Some(400), Some(4_000), None]);
        assert_eq!([1, 2, 3].map(|n| pause(&pauses, n, 255)), [Some(6), Some(300), Some(3_000)]);
        assert_eq!((pause(&pauses, 0, 0), pause(&[], 1, 0)), (None, None));
    }
}
