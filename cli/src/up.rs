//! `sambung up`: a whole installation on one machine, kept in one folder (DESIGN §2, the demo contract).
//!
//! The order is fixed: everything that can be wrong is looked at before anything is started; the database is
//! up before the daemons, and goes down after them. Nothing outside the folder is written.

mod certificate;
mod configs;
mod demo;
mod folder;
mod logs;
mod options;
mod place;
mod seed;
mod state;
mod store;
mod supervise;
mod table;

use anyhow::Context as _;
use sambung::postgres::Cluster;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};

use self::{options::Options, place::Place, state::State, supervise::Daemons};
use crate::{Failure, terminal};

pub(crate) use options::Arguments;

/// Runs until it is told to stop or a child dies.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let options = Options::check(arguments);
    let place = Place::look(arguments, options.as_ref().ok());
    let (options, place) = match (options, place) {
        (Ok(options), Ok(place)) => (options, place),
        (options, place) => {
            let mut mistakes = options.err().unwrap_or_default();
            mistakes.extend(place.err().unwrap_or_default());
            return Err(Failure::Mistakes(mistakes));
        }
    };
    for notice in options.notices() {
        terminal::say(&format!("sambung: {notice}"));
    }
    let mut stop = Stop::listen()?;
    let mut running = Running::default();
    let result = tokio::select! {
        biased;
        () = stop.asked() => Ok(()),
        result = bring_up_and_watch(&options, &place, &mut running) => result,
    };
    terminal::say("stopping …");
    running.stop();
    Ok(result?)
}

/// What has been started, in the order in which it must stop.
#[derive(Default)]
struct Running {
    daemons: Option<Daemons>,
    cluster: Option<Cluster>,
}

impl Running {
    fn stop(&mut self) {
        self.daemons = None;
        self.cluster = None;
    }
}

async fn bring_up_and_watch(options: &Options, place: &Place, running: &mut Running) -> anyhow::Result<()> {
    step(1, &format!("preparing {}", place.folder.root().display()));
    let mut state = State::load_or_make(&place.folder, options.staff)?;
    let (pool, url) = database(place, &mut state, running).await?;
    step(3, "bringing the database up to date");
    migrations::run(&pool).await?;
    step(4, &format!("filling in the demo organisation with {} staff", state.staff.len()));
    let code = seed::fill(&pool, &state, options).await?;
    // Not before it is certain that the database is ours: these are the passwords of whoever uses it now.
    for (role, password) in state.role_passwords() {
        migrations::set_password(&pool, role, password).await?;
    }
    configs::write(place, options, &mut state, &url)?;
    let daemons = running.daemons.insert(Daemons::default());
    step(5, "starting the switch");
    daemons.start_switch(place).await?;
    supervise::wait_until_applied(daemons, &pool).await?;
    pool.close().await;
    step(6, "starting the API");
    daemons.start_api(place, options).await?;
    let switch_api = configs::switch_api(&place.folder)?;
    let demo = demo::Demo::new(options, &state, (&url, &code), &switch_api);
    place.folder.write_secret("demo.json", &serde_json::to_string_pretty(&demo)?)?;
    terminal::print(&table::table(&demo, options, place.folder.root()))?;
    terminal::print("ready\n")?;
    supervise::watch(daemons, place, running.cluster.as_ref(), &place.folder.private("log")?).await
}

/// A pool of the deploying user, and the URL it came from.
async fn database(
    place: &Place,
    state: &mut State,
    running: &mut Running,
) -> anyhow::Result<(PgPool, String)> {
    let url = match &place.database_url {
        Some(url) => {
            step(2, "using the PostgreSQL server of DATABASE_URL");
            state.save(&place.folder)?;
            url.clone()
        }
        None => {
            step(2, "starting PostgreSQL");
            let settings = place.cluster_settings(state)?;
            // Before a server is made with the password in it: whoever breaks the start off can start again.
            state.save(&place.folder)?;
            let cluster = running.cluster.insert(Cluster::prepare(settings)?);
            cluster.start()?;
            cluster.create_database("sambung").await?
        }
    };
    let pool = PgPoolOptions::new().max_connections(2).connect(&url).await;
    Ok((pool.context("cannot reach the database")?, url))
}

fn step(number: u8, what: &str) {
    terminal::say(&format!("[{number}/6] {what} …"));
}

/// The orders to stop. While this exists, they no longer end the process by themselves.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
