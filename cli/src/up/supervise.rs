//! The two daemons: started one after the other, watched, and stopped in reverse.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::bail;
use sambung::{
    child::{Child, Program, Signal},
    postgres::Cluster,
};
use sqlx::PgPool;
use tokio::time::sleep;

use super::{logs, options::Options, place::Place, store};

/// How long a daemon may take to be ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// How often it is asked.
const POLL: Duration = Duration::from_millis(100);

/// How often the logs' lengths are looked at.
const LOGS_EVERY: Duration = Duration::from_secs(10);

/// Lines of a dead child's log that are shown.
const LAST_LINES: usize = 12;

/// What runs. Dropping it stops the API first and then the switch, which is given the time to deliver what it
/// knows to the database.
#[derive(Debug, Default)]
pub(super) struct Daemons {
    api: Option<Child>,
    switch: Option<Child>,
}

impl Daemons {
    /// Starts sambungd and waits until it takes calls.
    pub(super) async fn start_switch(&mut self, place: &Place) -> anyhow::Result<()> {
        let url_file = place.folder.join("switch/switch_api.url");
        // Of a switch that was killed: not where this one listens.
        let _ = fs::remove_file(&url_file);
        let switch = self.switch.insert(spawn(place, "sambungd", &place.switch, "sambung.toml")?);
        let health = || fs::read_to_string(&url_file).ok().map(|url| format!("{}/v1/health", url.trim()));
        wait_until_ready(switch, health).await
    }

    /// Starts sambung-api and waits until it serves.
    pub(super) async fn start_api(&mut self, place: &Place, options: &Options) -> anyhow::Result<()> {
        let health = format!("http://{}/health", options.reachable(options.http));
        let api = self.api.insert(spawn(place, "sambung-api", &place.api, "api.toml")?);
        wait_until_ready(api, || Some(health.clone())).await
    }

    fn all(&self) -> impl Iterator<Item = &Child> {
        [&self.api, &self.switch].into_iter().flatten()
    }
}

fn spawn(place: &Place, name: &'static str, path: &Path, config: &str) -> anyhow::Result<Child> {
    let logs = place.folder.private("log")?;
    let program = Program {
        name,
        path: path.to_owned(),
        args: vec!["--config".into(), place.folder.join("conf").join(config).into()],
        identity: None,
        handed_over: Vec::new(),
        stop_signal: Signal::TERM,
        log: logs.join(format!("{name}.log")),
    };
    Ok(Child::spawn(&program)?)
}

async fn wait_until_ready(child: &Child, health: impl Fn() -> Option<String>) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(2)).no_proxy().build()?;
    let until = Instant::now() + READY_MAX;
    loop {
        must_live(child)?;
        if let Some(url) = health()
            && let Ok(answer) = client.get(url).send().await
            && answer.status().is_success()
        {
            return Ok(());
        }
        if Instant::now() > until {
            bail!(
                "{} is not ready after {} s:\n{}",
                child.name(),
                READY_MAX.as_secs(),
                child.last_words(LAST_LINES)
            );
        }
        sleep(POLL).await;
    }
}

/// A switch that starts with the plan it has kept on disk takes traffic before it has read the rows of this
/// start; `ready` means these.
pub(super) async fn wait_until_applied(daemons: &Daemons, pool: &PgPool) -> anyhow::Result<()> {
    let until = Instant::now() + READY_MAX;
    while !store::is_applied(pool).await? {
        daemons.all().try_for_each(must_live)?;
        if Instant::now() > until {
            bail!("the switch has not taken over the database's rows after {} s", READY_MAX.as_secs());
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// Returns when one of them has died, and says which and why.
pub(super) async fn watch(
    daemons: &Daemons,
    cluster: Option<&Cluster>,
    log_folder: &Path,
) -> anyhow::Result<()> {
    let mut logs_due = Instant::now();
    loop {
        if Instant::now() >= logs_due {
            logs_due += LOGS_EVERY;
            // A log that cannot be bounded now is tried again; what runs does not depend on it.
            let _ = logs::bound(log_folder);
        }
        for child in daemons.all().chain(cluster.and_then(Cluster::server)) {
            must_live(child)?;
        }
        sleep(POLL).await;
    }
}

fn must_live(child: &Child) -> anyhow::Result<()> {
    match child.exited() {
        None => Ok(()),
        Some(status) => bail!(
            "{} ended by itself ({status}). Its last words:\n{}",
            child.name(),
            child.last_words(LAST_LINES)
        ),
    }
}
