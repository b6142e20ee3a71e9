//! The only way to a connection: a unit of work, one transaction under one scope.
//!
//! A unit runs in a task of its own. A request that is cancelled (the client went away, the time is up)
//! drops its future at any await; inside sqlx's `begin()` that would hand a connection with an open transaction back
//! to the pool (sqlx #4393). A task is not dropped: it ends by itself, within the statement timeout.

mod store;

use std::{future::Future, pin::Pin, str::FromStr as _, sync::Arc, time::Duration};

use contract::id::OrgId;
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use store::Fault;
pub(crate) use store::{enter, enter_actor, enter_login, leave_staff, one_at_a_time};

/// What a unit of work does with its connection.
pub type Work<'c, T, E = sqlx::Error> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>;

/// Units that may wait for a connection, for each connection there is; more are refused.
const WAITING_PER_CONNECTION: usize = 16;

/// A connection that has rested longer is asked whether it is still there before it is used: a restarted database takes longer to be
/// back, and one that is busy is spared the question.
const RESTED_MAX: Duration = Duration::from_millis(100);

/// How long the database may take to say that it is there.
const HEALTH_MAX: Duration = Duration::from_secs(2);

/// Whose rows a unit of work sees. Row-level security does the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Nobody's.
    Nothing,
    /// One organisation's.
    Organisation(OrgId),
    /// The one API key that was presented; its organisation is not known yet.
    PresentedKey(Uuid),
    /// The one sign-in whose refresh token was presented; whose it is is not known yet.
    SignIn(Uuid),
    /// The one letter that is sent, or whose token was presented.
    Letter(Uuid),
    /// The one device whose address was presented; its organisation is not known yet.
    Device(Uuid),
    /// The one session of a guest that was presented; its organisation is not known yet.
    Guest(Uuid),
    /// One person's own, in whatever organisation.
    Person(Uuid),
    /// What the platform's staff see of everybody, if this person is one of them: the database asks itself.
    Staff(Uuid),
}

/// Why a unit of work came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// More units wait than we want to keep waiting, or others hold what this one needs.
    #[error("too many units of work are waiting")]
    Busy,
    /// The server does not answer, or not in time.
    #[error("the database is away: {0}")]
    Away(#[source] sqlx::Error),
    /// It refused a statement: our mistake.
    #[error("the database refused: {0}")]
    Refused(#[source] sqlx::Error),
    /// The unit's task panicked.
    #[error("a unit of work was lost: {0}")]
    Lost(String),
}

/// What a unit of work does with the rows it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// It looks at them, all as of one instant.
    Read,
    Write,
}

/// How to reach it, and how much of it to use.
#[derive(Clone, Debug)]
pub struct Options {
    /// `postgres://user:password@host/database`
    pub url: String,
    /// Connections at most.
    pub connections_max: u32,
    /// How long a unit may wait for a connection.
    pub acquire_timeout: Duration,
    /// How long one statement, and so a transaction's every step, may take.
    pub statement_timeout: Duration,
}

/// The control plane's database.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
    /// One connection, for whoever listens.
    listening: PgPool,
    places: Arc<Semaphore>,
}

impl Database {
    /// Makes the pool; does not connect yet. Fails on a URL that is none.
    pub fn new(options: &Options) -> Result<Self, sqlx::Error> {
        let millis = options.statement_timeout.as_millis().to_string();
        let connect = PgConnectOptions::from_str(&options.url)?
            .application_name("sambung-api")
            .options([
                ("statement_timeout", millis.as_str()),
                ("idle_in_transaction_session_timeout", millis.as_str()),
                ("search_path", "pg_catalog"),
            ])
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(options.connections_max)
            .acquire_timeout(options.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, rested| {
                Box::pin(async move {
                    if rested.idle_for > RESTED_MAX {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            // Whatever went wrong: a connection that is still inside a transaction is not given to the next.
            .after_release(|connection, _| Box::pin(store::is_idle(connection)))
            .connect_lazy_with(connect.clone());
        let listening = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(options.acquire_timeout)
            .connect_lazy_with(connect);
        let places = usize::try_from(options.connections_max).unwrap_or(1) * WAITING_PER_CONNECTION;
        Ok(Self { pool, listening, places: Arc::new(Semaphore::new(places)) })
    }

    /// Runs `work` in one transaction that sees `scope`'s rows as of one instant and changes none. It is
    /// carried through even when nobody waits for the result any more.
    pub async fn read<T, W>(&self, scope: Scope, work: W) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    {
        self.unit(Access::Read, scope, work).await
    }

    /// Runs `work` in one transaction that sees and changes `scope`'s rows, or nothing of it when it fails. It is carried through
    /// even when nobody waits for the result any more.
    pub async fn write<T, W>(&self, scope: Scope, work: W) -> Result<T, DatabaseError>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T> + Send + 'static,
    {
        self.unit(Access::Write, scope, work).await
    }

    /// As [`Self::write`], for `work` that has reasons of its own to change nothing.
    pub async fn change<T, E, W>(&self, scope: Scope, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T, E> + Send + 'static,
    {
        self.unit(Access::Write, scope, work).await
    }

    async fn unit<T, F, E, W>(&self, access: Access, scope: Scope, work: W) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<F> + From<DatabaseError> + Send + 'static,
        W: for<'c> FnOnce(&'c mut PgConnection) -> Work<'c, T, F> + Send + 'static,
    {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| DatabaseError::Busy)?;
        let pool = self.pool.clone();
        let unit = tokio::spawn(async move {
            let _place = place;
            let mut transaction =
                pool.begin_with(store::begin(access, scope)).await.map_err(DatabaseError::from)?;
            let result = work(&mut transaction).await?;
            // Nobody has to wait until what has changed nothing is taken back.
            if access == Access::Write {
                transaction.commit().await.map_err(DatabaseError::from)?;
            }
            Ok(result)
        });
        unit.await.unwrap_or_else(|lost| Err(DatabaseError::Lost(lost.to_string()).into()))
    }

    /// Hears what is announced on these channels, until the connection is lost. There is one listener at a time, on a connection of
    /// its own.
    pub async fn listen(&self, channels: &[&str]) -> Result<PgListener, DatabaseError> {
        let mut listener = PgListener::connect_with(&self.listening).await?;
        listener.listen_all(channels.iter().copied()).await?;
        Ok(listener)
    }

    /// Whether the database answers now.
    pub async fn answers(&self) -> Result<(), DatabaseError> {
        let asked = self.read(Scope::Nothing, |connection| Box::pin(store::ping(connection)));
        match tokio::time::timeout(HEALTH_MAX, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(DatabaseError::Away(sqlx::Error::PoolTimedOut)),
        }
    }

    /// What makes this database unsafe to serve from: see [`Fault`]. Empty is good.
    pub async fn faults(&self) -> Result<Vec<Fault>, DatabaseError> {
        self.read(Scope::Nothing, |connection| Box::pin(store::faults(connection))).await
    }

    /// Ends all connections once they are idle.
    pub async fn close(&self) {
        self.listening.close().await;
        self.pool.close().await;
    }
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        // 40 rolled back for another one's sake (deadlock, serialization), 55P03 a lock that was not to be had in time.
        if code.is_some_and(|code| code.starts_with("40") || code == "55P03") {
            return Self::Busy;
        }
        let is_away = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed => true,
            // 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout), 28 sign-in.
            sqlx::Error::Database(refusal) => refusal
                .code()
                .is_some_and(|code| ["08", "53", "57", "28"].iter().any(|class| code.starts_with(class))),
            _ => false,
        };
        if is_away { Self::Away(error) } else { Self::Refused(error) }
    }
}
