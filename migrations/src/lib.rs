//! The database as files: one Postgres schema per context, forward only (`sql/`). Roles, grants and
//! row-level security are migrations too, so there is no moment at which a table stands without them.
//!
//! Running them twice changes nothing. The user who runs them is a superuser, or has CREATEROLE and owns the
//! database; it is never one of the roles that the daemons log in as. Passwords are no migration: a
//! deployment sets them with [`set_password`].

mod scram;

use sqlx::{AssertSqlSafe, PgPool, migrate::MigrateError, migrate::Migrator, postgres::PgPoolOptions};

static MIGRATOR: Migrator = sqlx::migrate!("./sql");

/// The roles that log in; `sambung_owner` does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `sambung-api`: one organisation's rows at a time.
    Api,
    /// `sambungd`: reads configuration, adds to the call tables.
    Switch,
    /// Organisations, people and their credentials.
    Platform,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 3] = [Role::Api, Role::Switch, Role::Platform];

    /// Its name in Postgres.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Api => "sambung_api",
            Role::Switch => "sambung_switch",
            Role::Platform => "sambung_platform",
        }
    }
}

/// Why the database is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server does not answer, or refuses the user.
    #[error("cannot reach the database: {0}")]
    Connect(#[source] sqlx::Error),
    /// The server is older than what the migrations are written for.
    #[error("PostgreSQL {found} is too old: version {PG_VERSION_MIN} or newer is needed")]
    TooOld {
        /// `server_version` as the server says it.
        found: String,
    },
    /// A migration failed; the ones before it stay.
    #[error("a migration failed: {0}")]
    Migrate(#[from] MigrateError),
    /// A role's password could not be set.
    #[error("cannot set the password of {role}: {source}")]
    Password {
        /// The role's name.
        role: &'static str,
        /// What the server said.
        source: sqlx::Error,
    },
    /// The system gives no random bytes.
    #[error("no randomness: {0}")]
    Random(getrandom::Error),
}

/// Oldest PostgreSQL this runs on (D19).
pub const PG_VERSION_MIN: u32 = 15;

/// How often a password is set again when somebody else was setting it.
const TRIES_MAX: u32 = 20;

/// Brings the database behind `pool` up to date. Safe to run by several programs at once: they take turns.
pub async fn run(pool: &PgPool) -> Result<(), Error> {
    let (number, found): (i32, String) = sqlx::query_as(
        "select current_setting('server_version_num')::int4, current_setting('server_version')",
    )
    .fetch_one(pool)
    .await
    .map_err(Error::Connect)?;
    if u32::try_from(number).unwrap_or(0) / 10_000 < PG_VERSION_MIN {
        return Err(Error::TooOld { found });
    }
    Ok(MIGRATOR.run(pool).await?)
}

/// [`run`] for whoever has a URL only.
pub async fn run_at(url: &str) -> Result<(), Error> {
    let pool = PgPoolOptions::new().max_connections(1).connect(url).await.map_err(Error::Connect)?;
    let done = run(&pool).await;
    pool.close().await;
    done
}

/// Versions of the migrations of this build, oldest first, with their names.
pub fn versions() -> impl Iterator<Item = (i64, &'static str)> {
    MIGRATOR.iter().map(|migration| (migration.version, migration.description.as_ref()))
}

/// Gives `role` the password, ASCII without control characters. The server only ever sees its SCRAM
/// verifier (RFC 5803), so that no statement log can hold the password.
pub async fn set_password(pool: &PgPool, role: Role, password: &str) -> Result<(), Error> {
    let mut salt = [0_u8; scram::SALT_BYTES];
    getrandom::fill(&mut salt).map_err(Error::Random)?;
    let verifier = scram::verifier(password, &salt);
    // Safe: the role is one of three words and the verifier is base64 with `$` and `:`.
    let statement = format!("alter role {} password '{verifier}'", role.as_str());
    let mut tries = 0;
    loop {
        match sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(pool).await {
            Ok(_) => return Ok(()),
            // Roles belong to the whole server, where another database's deployment may be at the same row:
            // "tuple concurrently updated", which Postgres calls an internal error.
            Err(sqlx::Error::Database(refusal))
                if refusal.code().as_deref() == Some("XX000") && tries < TRIES_MAX =>
            {
                tries += 1;
            }
            Err(source) => return Err(Error::Password { role: role.as_str(), source }),
        }
    }
}
