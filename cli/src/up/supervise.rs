//! The two daemons: started one after the other, watched, and stopped in reverse.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::bail;
use sambung::{
    child::{Child, Program, Signal},
    fd_store::FdStore,
    postgres::Cluster,
};
use sqlx::PgPool;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};

use super::{logs, options::Options, place::Place};
use crate::{database::store, terminal};

/// How long a daemon may take to be ready.
const READY_MAX: Duration = Duration::from_secs(60);

/// How often it is asked.
const POLL: Duration = Duration::from_millis(100);

/// How often the logs' lengths are looked at.
const LOGS_EVERY: Duration = Duration::from_secs(10);

/// How often somebody looks whether all live: a part of the silence that a dead switch leaves.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A switch that dies more often than this …
const DEATHS_MAX: usize = 5;

/// … within this time is left dead.
const DEATHS_WITHIN: Duration = Duration::from_secs(10);

/// The switch's exit code for a configuration that it cannot use.
const BAD_CONFIGURATION: i32 = 2;

/// Lines of a dead child's log that are shown.
const LAST_LINES: usize = 12;

/// What runs. Dropping it stops the API first and then the switch, which is given the time to deliver what it
/// knows to the database.
#[derive(Debug, Default)]
pub(super) struct Daemons {
    api: Option<Child>,
    switch: Option<Child>,
    /// What the switch leaves to its next life.
    store: Option<Arc<FdStore>>,
    /// When the switch was restarted because it had died, lately.
    deaths: Vec<Instant>,
}

impl Daemons {
    /// Starts sambungd and waits until it takes calls.
    pub(super) async fn start_switch(&mut self, place: &Place) -> anyhow::Result<()> {
        let url_file = place.folder.join("switch/switch_api.url");
        // Of a switch that was killed: not where this one listens.
        let _ = fs::remove_file(&url_file);
        let store = self.store.insert(FdStore::start()?);
        let switch = spawn(place, "sambungd", &place.switch, "sambung.toml", Some((store, false)))?;
        let switch = self.switch.insert(switch);
        let health = || fs::read_to_string(&url_file).ok().map(|url| format!("{}/v1/health", url.trim()));
        wait_until_ready(switch, health).await
    }

    /// Starts sambung-api and waits until it serves.
    pub(super) async fn start_api(&mut self, place: &Place, options: &Options) -> anyhow::Result<()> {
        let health = format!("http://{}/health", options.reachable(options.http));
        let api = self.api.insert(spawn(place, "sambung-api", &place.api, "api.toml", None)?);
        wait_until_ready(api, || Some(health.clone())).await
    }

    /// Has the switch hand over to its next life. Nobody on the phone notices.
    fn restart_switch(&self) {
        if let Some(switch) = &self.switch {
            terminal::say("restarting the switch …");
            switch.signal(Signal::USR2);
        }
    }

    /// Starts the switch again when it has ended, with what it has left. An end that is none of its business to
    /// repeat, or too many in a row, is the error.
    fn keep_switch_up(&mut self, place: &Place) -> anyhow::Result<()> {
        let Some(switch) = &self.switch else { return Ok(()) };
        let Some(status) = switch.exited() else { return Ok(()) };
        if !status.success() {
            let now = Instant::now();
            self.deaths.retain(|death| now.duration_since(*death) < DEATHS_WITHIN);
            self.deaths.push(now);
            if status.code() == Some(BAD_CONFIGURATION) || self.deaths.len() > DEATHS_MAX {
                return must_live(switch);
            }
            terminal::say(&format!("the switch has died ({status}) and is started again"));
        }
        let store = self.store.as_ref().map(|store| (store, true));
        self.switch = Some(spawn(place, "sambungd", &place.switch, "sambung.toml", store)?);
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = &Child> {
        [&self.api, &self.switch].into_iter().flatten()
    }
}

fn spawn(
    place: &Place,
    name: &'static str,
    path: &Path,
    config: &str,
    life: Option<(&Arc<FdStore>, bool)>,
) -> anyhow::Result<Child> {
    let logs = place.folder.private("log")?;
    let program = Program {
        name,
        path: path.to_owned(),
        args: vec!["--config".into(), place.folder.join("conf").join(config).into()],
        identity: None,
        handed_over: Vec::new(),
        stop_signal: Signal::TERM,
        log: logs.join(format!("{name}.log")),
        store: life.map(|(store, _)| Arc::clone(store)),
        is_restart: life.is_some_and(|(_, is_restart)| is_restart),
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
    while !store::revisions(&mut *pool.acquire().await?).await?.is_applied() {
        daemons.all().try_for_each(must_live)?;
        if Instant::now() > until {
            bail!("the switch has not taken over the database's rows after {} s", READY_MAX.as_secs());
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// Keeps the switch up, and returns when something has died that cannot be replaced: which, and why. SIGUSR2
/// restarts the switch without loss of a call, for a new version of it.
pub(super) async fn watch(
    daemons: &mut Daemons,
    place: &Place,
    cluster: Option<&Cluster>,
    log_folder: &Path,
) -> anyhow::Result<()> {
    let mut restart = signal(SignalKind::user_defined2())?;
    let mut logs_due = Instant::now();
    loop {
        if Instant::now() >= logs_due {
            logs_due += LOGS_EVERY;
            // A log that cannot be bounded now is tried again; what runs does not depend on it.
            let _ = logs::bound(log_folder);
        }
        daemons.keep_switch_up(place)?;
        for child in daemons.api.iter().chain(cluster.and_then(Cluster::server)) {
            must_live(child)?;
        }
        tokio::select! {
            () = sleep(LOOK_EVERY) => {}
            _ = restart.recv() => daemons.restart_switch(),
        }
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
