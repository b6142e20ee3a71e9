//! Keeps the switch's plan up to date with the configuration rows (HOUSE §4d).
//!
//! Postgres says `telephony_revision` when rows change; a poll every [`POLL_EVERY`] is there for when it could
//! not. The rows of the organisations that have changed since the plan in use are read at one instant, compiled, and handed to the
//! engine as one plan with all others as they were ([`dialplan::Plan::with`]); only then is the revision reported as applied. All
//! rows are read at first, and whenever nobody can tell what has changed. Rows that do not compile are refused with a log line for
//! each mistake, and the plan in use stays. The last good rows are kept on disk, so that the switch starts and routes with Postgres
//! away.
//!
//! In the first minutes of its life it also tells what was used of budgets before: what is written down of the former life
//! may still be on its way.
//!
//! Sounds that organisations have uploaded are of a revision too: before one is reported as applied they are on the disk (decision 0068).
//!
//! On the same connection it is told `telephony_voicemail` when messages in mailboxes have come or gone, and then tells them
//! all: what is in a mailbox is no configuration and has no revision. So it is with `telephony_availability` and what people have
//! turned on and off: all of it at first, then what is new, and after each new plan all of the organisations that it has changed,
//! because it is told of the people of the plan.

mod availability;
mod kept;
mod outside;
mod sounds;
mod store;

use std::{
    collections::BTreeSet,
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use calls::{OutsideUse, StoredAvailability, StoredMessage};
use contract::{id::OrgId, time::Timestamp};
use dialplan::{Diagnostic, Plan};
use sqlx::{
    Connection, PgConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{sync::oneshot, time::Instant};

pub(crate) use self::sounds::OwnSounds;
pub use kept::read_kept;

use crate::{backoff::Backoff, clock, disk::aside};
use kept::Kept;
use store::Loaded;

/// Rows of the plan have changed.
const REVISION: &str = "telephony_revision";
/// Messages in mailboxes have.
const VOICEMAIL: &str = "telephony_voicemail";
/// What people have turned on and off has.
const AVAILABILITY: &str = "telephony_availability";
/// How often the revision is looked at without being told to.
const POLL_EVERY: Duration = Duration::from_secs(10);
/// Connecting, authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Reading all rows.
const LOAD_TIMEOUT: Duration = Duration::from_secs(60);
/// How long facts of a former life may take to get to the database once that can be asked.
const FORMER_LIFE_MAX: Duration = Duration::from_secs(120);
/// Rows of what people have turned on and off may come later than those of others by so much.
const AVAILABILITY_LATE_MAX: Duration = Duration::from_secs(600);
/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// Diagnostics logged for one revision.
const DIAGNOSTICS_LOGGED_MAX: usize = 50;

/// How the plan stands; read by metrics and health.
#[derive(Debug, Default)]
pub struct Counters {
    /// The engine has a plan.
    pub has_plan: AtomicBool,
    /// The revision in use.
    pub revision: AtomicI64,
    /// Revisions refused because they did not compile.
    pub refused: AtomicU64,
    /// Postgres cannot be asked at the moment.
    pub database_away: AtomicBool,
}

impl Counters {
    /// The engine works with this revision.
    pub fn now_in_use(&self, revision: i64) {
        self.revision.store(revision, Ordering::Relaxed);
        self.has_plan.store(true, Ordering::Relaxed);
    }
}

/// Whom to tell all messages in mailboxes; false: not now.
type TellMailboxes = Box<dyn Fn(Vec<StoredMessage>) -> bool + Send + Sync>;
/// Whom to tell what people have turned on and off; false: not now.
type TellAvailability = Box<dyn Fn(Vec<StoredAvailability>) -> bool + Send + Sync>;
/// Whom to tell what was used of budgets before this life; false: not now.
type TellBudgets = Box<dyn Fn(Vec<OutsideUse>) -> bool + Send + Sync>;

/// The task between configuration rows and the engine.
pub struct PlanWatch<F> {
    options: PgConnectOptions,
    kept: Kept,
    /// Gives the engine a plan; it answers when it works with it.
    install: F,
    tell_mailboxes: Option<TellMailboxes>,
    tell_availability: Option<TellAvailability>,
    tell_budgets: Option<TellBudgets>,
    sounds: Option<OwnSounds>,
    /// When budgets were told for the first time since the database was away.
    budgets_told_since: Option<Instant>,
    /// When this life began.
    born: Timestamp,
    counters: Arc<Counters>,
    backoff: Backoff,
    /// The revision that was looked at last, good or bad.
    seen: Option<i64>,
    /// What the next plan is made of, beside what has changed; `None`: nothing of this life's yet.
    in_use: Option<Arc<Plan>>,
    /// The revision in use that the database has not been told of yet.
    unreported: Option<i64>,
}

impl<F: Fn(Arc<Plan>) -> oneshot::Receiver<()>> PlanWatch<F> {
    /// Installs plans through `install` and keeps their rows in the file `kept`.
    pub fn new(options: PgConnectOptions, kept: PathBuf, install: F, counters: Arc<Counters>) -> Self {
        Self {
            options,
            kept: Kept::at(kept),
            install,
            tell_mailboxes: None,
            tell_availability: None,
            tell_budgets: None,
            sounds: None,
            budgets_told_since: None,
            born: clock::unix_now(),
            counters,
            backoff: Backoff::new(PAUSE_MAX),
            seen: None,
            in_use: None,
            unreported: None,
        }
    }

    /// Tells messages in mailboxes too.
    pub fn with_mailboxes(
        mut self,
        tell: impl Fn(Vec<StoredMessage>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.tell_mailboxes = Some(Box::new(tell));
        self
    }

    /// Tells what people have turned on and off, too.
    pub fn with_availability(
        mut self,
        tell: impl Fn(Vec<StoredAvailability>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.tell_availability = Some(Box::new(tell));
        self
    }

    /// Tells what was used of budgets before, too.
    pub fn with_budgets(mut self, tell: impl Fn(Vec<OutsideUse>) -> bool + Send + Sync + 'static) -> Self {
        self.tell_budgets = Some(Box::new(tell));
        self
    }

    /// Brings sounds to the disk, too.
    pub(crate) fn with_sounds(mut self, sounds: Option<OwnSounds>) -> Self {
        self.sounds = sounds;
        self
    }

    /// Runs until the engine is gone. Dropping it at any point is safe.
    pub async fn run(mut self) {
        loop {
            match self.watch().await {
                Ok(()) => return,
                Err(error) => {
                    self.database_is_away(&error);
                    tokio::time::sleep(self.backoff.pause()).await;
                }
            }
        }
    }

    /// A former life's facts do not come to it either meanwhile.
    fn database_is_away(&mut self, error: &sqlx::Error) {
        if !self.counters.database_away.swap(true, Ordering::Relaxed) {
            tracing::warn!(%error, "the database does not give configuration; the plan in use stays");
        }
        self.budgets_told_since = None;
    }

    /// Hears what has changed from now on.
    async fn listen(&self) -> Result<PgListener, sqlx::Error> {
        let one = PgPoolOptions::new().max_connections(1).acquire_timeout(CONNECT_TIMEOUT);
        let pool = one.connect_with(self.options.clone()).await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen_all([REVISION, VOICEMAIL, AVAILABILITY]).await?;
        Ok(listener)
    }

    /// Watches for as long as the connections live. `Ok`: the engine is gone.
    async fn watch(&mut self) -> Result<(), sqlx::Error> {
        // Not through the pool, which would go on trying for a while before it says that nobody is there.
        let mut connection = within(CONNECT_TIMEOUT, PgConnection::connect_with(&self.options)).await?;
        // Before the first look, so that no change falls in between.
        let mut listener = self.listen().await?;
        let (mut are_mailboxes_due, mut is_availability_due, mut are_sounds_due) = (true, true, true);
        let (mut availability_since, mut availability_of) = (None, BTreeSet::new());
        loop {
            let load = store::load_if_changed(&mut connection, self.seen, self.followed());
            if let Some(rows) = within(LOAD_TIMEOUT, load).await? {
                are_sounds_due = true;
                match self.take(rows).await {
                    Taken::InUse(revision, Some(whose)) => {
                        (self.unreported, is_availability_due) = (Some(revision), true);
                        availability_of.extend(whose);
                    }
                    Taken::InUse(revision, None) => {
                        (self.unreported, is_availability_due) = (Some(revision), true);
                        availability_since = None;
                    }
                    Taken::Refused => {}
                    Taken::EngineGone => return Ok(()),
                }
            }
            if are_sounds_due && let Some(sounds) = &mut self.sounds {
                are_sounds_due = !within(LOAD_TIMEOUT, sounds.look(&mut connection)).await?;
            }
            // Perhaps one whose report went down with an earlier connection: it is not read a second time.
            if let Some(revision) = self.unreported {
                within(LOAD_TIMEOUT, store::write_applied(&mut connection, revision)).await?;
                self.unreported = None;
            }
            if let Some(tell) = &self.tell_budgets {
                let all = within(LOAD_TIMEOUT, store::load_outside_use(&mut connection, self.born)).await?;
                let is_told = tell(all);
                self.budgets_were_told(is_told, Instant::now());
            }
            if are_mailboxes_due && let Some(tell) = &self.tell_mailboxes {
                let all = within(LOAD_TIMEOUT, store::load_messages(&mut connection)).await?;
                are_mailboxes_due = !tell(all);
            }
            if is_availability_due && let Some(tell) = &self.tell_availability {
                let load = store::load_availability(&mut connection, (availability_since, &availability_of));
                let news = within(LOAD_TIMEOUT, load).await?;
                let since = since(&news, clock::unix_now()).max(availability_since);
                is_availability_due = !tell(news);
                if !is_availability_due {
                    availability_since = since;
                    availability_of.clear();
                }
            }
            self.backoff.reset();
            if self.counters.database_away.swap(false, Ordering::Relaxed) {
                tracing::info!("the database gives configuration again");
            }
            match tokio::time::timeout(POLL_EVERY, listener.try_recv()).await {
                Ok(Ok(Some(told))) => {
                    are_mailboxes_due |= told.channel() == VOICEMAIL;
                    is_availability_due |= told.channel() == AVAILABILITY;
                }
                // Time to look without being told.
                Err(_) => {}
                Ok(Ok(None)) => return Err(sqlx::Error::PoolClosed),
                Ok(Err(error)) => return Err(error),
            }
        }
    }

    /// Budgets have been told, or not, and are told no more when a former life's facts have had their time since the first telling:
    /// they come to the database no sooner than it can be asked.
    fn budgets_were_told(&mut self, is_told: bool, now: Instant) {
        let since = is_told.then(|| *self.budgets_told_since.get_or_insert(now));
        if since.is_some_and(|since| now.duration_since(since) >= FORMER_LIFE_MAX) {
            self.tell_budgets = None;
        }
    }

    /// The revision that changes may follow; `None`: all rows are wanted.
    fn followed(&self) -> Option<i64> {
        self.in_use.as_ref().filter(|_| self.kept.is_whole()).map(|plan| plan.revision())
    }

    async fn take(&mut self, rows: Loaded) -> Taken {
        let revision = rows.changes.revision;
        self.seen = Some(revision);
        let before = self.in_use.clone().unwrap_or_default();
        // Compiling takes as long as there are rows, and keeping them as long as the disk takes.
        let compiled = aside(move || {
            let rows = rows.after(&before);
            Ok((before.with(revision, (&rows.changes.changed, &rows.changes.gone)), rows))
        });
        let Ok((compiled, rows)) = compiled.await else {
            self.counters.refused.fetch_add(1, Ordering::Relaxed);
            tracing::error!(revision, "compiling the configuration has failed: the plan in use stays");
            return Taken::Refused;
        };
        let plan = match compiled {
            Ok(plan) => Arc::new(plan),
            Err(diagnostics) => {
                self.counters.refused.fetch_add(1, Ordering::Relaxed);
                tracing::error!(revision, "the configuration does not compile: the plan in use stays");
                for diagnostic in diagnostics.iter().take(DIAGNOSTICS_LOGGED_MAX) {
                    tracing::error!(revision, "{diagnostic}");
                }
                return Taken::Refused;
            }
        };
        if (self.install)(Arc::clone(&plan)).await.is_err() {
            return Taken::EngineGone;
        }
        self.counters.now_in_use(revision);
        let (read, organisations) = (rows.changes.changed.len(), plan.organisations().count());
        tracing::info!(revision, read, organisations, "plan in use");
        // Let go here, not by the engine: what nobody uses any more is freed by whoever held it last.
        self.in_use = Some(plan);
        Taken::InUse(revision, self.keep(rows).await)
    }

    /// Keeps what has been read; whose it is, unless it is everybody's.
    async fn keep(&mut self, rows: Loaded) -> Option<Vec<OrgId>> {
        let whose = (!rows.is_all).then(|| rows.changes.touched().collect());
        let path = self.kept.path().to_owned();
        let mut kept = std::mem::replace(&mut self.kept, Kept::at(path.clone()));
        let written = aside(move || {
            let written = if rows.is_all { kept.replace(rows.changes) } else { kept.add(&rows.changes) };
            Ok((written, kept))
        });
        let written: io::Result<()> = written.await.and_then(|(written, kept)| {
            self.kept = kept;
            written
        });
        if let Err(error) = written {
            tracing::error!(%error, path = %path.display(), "the plan cannot be kept on disk");
        }
        whose
    }
}

enum Taken {
    /// The engine works with this revision, by which these organisations have changed; `None`: perhaps all.
    InUse(i64, Option<Vec<OrgId>>),
    /// It does not compile.
    Refused,
    /// There is nobody to take it.
    EngineGone,
}

/// From when on what is told later than this may be new. A row of tomorrow is somebody's clock.
fn since(told: &[StoredAvailability], now: Timestamp) -> Option<Timestamp> {
    let latest = told.iter().map(|row| row.changed_at).max()?.min(now);
    let late = i64::try_from(AVAILABILITY_LATE_MAX.as_micros()).unwrap_or(i64::MAX);
    Some(Timestamp(latest.0.saturating_sub(late)))
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    tokio::time::timeout(limit, work).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

fn list(diagnostics: &[Diagnostic]) -> String {
    let texts: Vec<String> =
        diagnostics.iter().take(DIAGNOSTICS_LOGGED_MAX).map(ToString::to_string).collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use contract::snapshot::Changes;

    use super::*;
    use crate::disk::tests::StuckDisk;

    /// Bugs: the time ran from the start, and later from the first answer, so a database that came back after that was asked once,
    /// before the former life's facts were in it.
    #[test]
    fn a_database_that_was_away_is_asked_for_budgets_as_long_as_any_once_it_is_back() {
        let install = |_| oneshot::channel().1;
        let watch = PlanWatch::new(PgConnectOptions::new(), PathBuf::new(), install, Arc::default());
        let mut watch = watch.with_budgets(|_| true);
        let first = Instant::now() + 10 * FORMER_LIFE_MAX;
        let (told, busy, away) = (Some(true), Some(false), None);
        for (what, after, is_over) in [
            (busy, 0, false),
            (told, 1, false),
            (told, 120, false),
            (away, 120, false),
            (told, 1_000, false),
            (told, 1_119, false),
            (busy, 1_120, false),
            (told, 1_120, true),
        ] {
            match what {
                Some(is_told) => watch.budgets_were_told(is_told, first + Duration::from_secs(after)),
                None => watch.database_is_away(&sqlx::Error::PoolClosed),
            }
            assert_eq!(watch.tell_budgets.is_none(), is_over, "{what:?} after {after} s");
        }
    }

    #[test]
    fn a_plan_that_the_disk_does_not_take_holds_up_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let kept = folder.path().join("plan.json");
        let install = |_| oneshot::channel().1;
        let mut watch = PlanWatch::new(PgConnectOptions::new(), kept.clone(), install, Arc::default());
        let disk = StuckDisk::under(&kept);
        let rows = Loaded { changes: Changes { revision: 1, ..Changes::default() }, is_all: true };
        assert!(disk.leaves_the_thread_to_others(watch.keep(rows)));
    }
}
