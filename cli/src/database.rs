//! The database as the deploying user's commands reach it: where its URL is, and new ids for rows. No SQL but in
//! `store`.

pub(crate) mod store;

use std::{
    env, fs,
    path::{Path, PathBuf},
    str::FromStr as _,
    time::SystemTime,
};

use anyhow::Context as _;
use contract::{id::of_a_time, time::Timestamp};
use sambung::secret;
use serde_json::Value;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use crate::{Failure, switch::Place};

/// Which database.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Access {
    /// File with the database's URL on one line; without it, DATABASE_URL, else that of demo.json. Its user may act as
    /// every role of ours, as the one who ran `sambung migrate` may
    #[arg(long, value_name = "FILE")]
    database_url_file: Option<PathBuf>,
}

impl Access {
    /// The URL; `demo` is what [`demo`] has found.
    pub(crate) fn url(&self, demo: &Value) -> Result<String, Failure> {
        let url = match &self.database_url_file {
            Some(path) => fs::read_to_string(path).with_context(|| path.display().to_string())?,
            None => env::var("DATABASE_URL")
                .ok()
                .filter(|url| !url.is_empty())
                .or_else(|| demo["database_url"].as_str().map(str::to_owned))
                .ok_or_else(|| {
                    Failure::Mistakes(vec!["give --database-url-file, or set DATABASE_URL".to_owned()])
                })?,
        };
        Ok(url.trim().to_owned())
    }

    /// A connection for the whole command, to the database of the switch at `place` unless another one is named.
    pub(crate) async fn connect(&self, place: &Place) -> Result<PgConnection, Failure> {
        Ok(connect(&self.url(&demo(&place.folder()))?).await?)
    }
}

/// A connection for the whole command: locks live as long as it does.
pub(crate) async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    // sqlx's own message could repeat the URL, which holds the password.
    let options =
        PgConnectOptions::from_str(url).map_err(|_| anyhow::anyhow!("the database's URL is none"))?;
    let options = options.application_name("sambung").disable_statement_logging();
    options.connect().await.context("cannot reach the database")
}

/// What `sambung up` says of the demo whose switch keeps its data in `switch`; null when it is none.
pub(crate) fn demo(switch: &Path) -> Value {
    let text = fs::read(switch.join("../demo.json")).ok();
    text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// A UUIDv7 of now (RFC 9562 §5.7).
pub(crate) fn new_id() -> anyhow::Result<Uuid> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(of_a_time(Timestamp(now.as_micros().try_into()?), secret::bytes::<10>()?))
}
