//! `sambung-api`: reads its configuration, makes sure that the database keeps organisations apart, serves,
//! and stops in good order. Exit 0: told to stop; 1: could not go on; 2: the configuration is wrong and
//! nothing was started.

use std::{io::Write as _, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use sambung_api::{
    app::{self, App},
    config::{Config, Log, OpenId, SwitchDoor},
    database::Database,
    egress::Egress,
    identity::{Proofs, letters::job::Letters},
    platform::{jobs::runner::Runner, notices::Notices, webhooks::deliver::Courier},
    serve,
    telephony::{calls::intake::Intake, mails::job::Mailer},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::Instant,
};
use tracing_subscriber::EnvFilter;

/// REST API of the sambung softswitch.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Configuration file; conf/api.toml explains every key
    #[arg(long, value_name = "FILE", required_unless_present = "describe")]
    config: Option<PathBuf>,
    /// Only look whether the configuration is right
    #[arg(long)]
    check: bool,
    /// Only print the description of the API (OpenAPI 3.1)
    #[arg(long, conflicts_with_all = ["config", "check"])]
    describe: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let Some(path) = arguments.config else { return describe() };
    let config = match Config::load(&path) {
        Ok(config) if arguments.check => {
            let openid = config.openid.as_ref().and_then(|openid| openid.open().err());
            let mistakes = [
                config.database_options().err(),
                config.pass_secret().err(),
                config.mail.open().err(),
                openid,
            ];
            return complain(&mistakes.into_iter().flatten().collect::<Vec<_>>());
        }
        Ok(config) => config,
        Err(mistakes) => return complain(&mistakes),
    };
    start_log(&config.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&[format!("cannot start: {error}")]),
    };
    match runtime.block_on(run(&config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The database, which keeps organisations apart.
async fn sound_database(config: &Config) -> anyhow::Result<Database> {
    let options = config.database_options().map_err(anyhow::Error::msg)?;
    // sqlx's own message could repeat the URL, which holds the password.
    let database = Database::new(&options).map_err(|_| anyhow::anyhow!("the database's URL is none"))?;
    let faults = database.faults().await.context("cannot look at the database")?;
    if !faults.is_empty() {
        let all = faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        bail!("refusing to serve from a database that does not keep organisations apart: {all}");
    }
    Ok(database)
}

async fn run(config: &Config) -> anyhow::Result<()> {
    let database = sound_database(config).await?;
    let switch = config.switch.as_ref().map(SwitchDoor::open).transpose().map_err(anyhow::Error::msg)?;
    let openid = config.openid.as_ref().map(OpenId::open).transpose().map_err(anyhow::Error::msg)?;
    let post = Arc::new(config.mail.open().map_err(anyhow::Error::msg)?);
    let mailer = Mailer { database: database.clone(), post: Arc::clone(&post), switch: switch.clone() };
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
    let proofs = Arc::new(Proofs::open(&config.keys).map_err(anyhow::Error::msg)?);
    let letters = Letters {
        database: database.clone(),
        post,
        proofs: Arc::clone(&proofs),
        url: config.public_url.clone(),
    };
    let notices = Notices::default();
    let egress = Egress::new(config.webhooks.clone()).context("cannot make an HTTP client")?;
    let app = App {
        database: database.clone(),
        proofs,
        public_url: config.public_url.as_str().into(),
        phones: Arc::new(config.phones.clone()),
        web: Arc::new(config.web.clone()),
        pass_secret: config.pass_secret().map_err(anyhow::Error::msg)?,
        switch: switch.clone(),
        feed: notices.feed.clone(),
        egress: egress.clone(),
        openid,
    };
    let router = app::router(app, config.request.clone());
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tracing::info!(listen = %config.listen, "serving");
    let (goes_on, stopped) = watch::channel(());
    let mut tasks = JoinSet::new();
    tasks.spawn(mailer.run(stopped.clone()));
    tasks.spawn(letters.run(stopped.clone()));
    let courier = Arc::new(Courier { database: database.clone(), egress });
    let runner =
        Runner { database: database.clone(), workers: vec![courier], ordered: Arc::clone(&notices.jobs) };
    tasks.spawn(runner.run(stopped.clone()));
    if let Some(switch) = switch {
        tasks.spawn(Intake { database: database.clone(), switch }.run(stopped.clone()));
    }
    tasks.spawn(notices.run(database.clone(), stopped));
    let stop = async {
        let is_told = tokio::select! {
            _ = terminate.recv() => true,
            _ = interrupt.recv() => true,
            _ = tasks.join_next() => false,
        };
        tracing::info!("stopping");
        drop(goes_on);
        (is_told, Instant::now() + config.socket.shutdown_max, tasks)
    };
    let (is_told, until, mut tasks) = serve::serve(listener, router, config.socket, stop).await;
    ensure!(is_told, "one of the tasks behind the doors has come to an end that nobody ordered");
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout_at(until, all_ended).await.is_err() {
        tracing::warn!(
            "mails were being sent, or jobs done, when the time to stop was up; they are done again"
        );
    }
    database.close().await;
    Ok(())
}

/// What clients are generated from, without a database or a configuration.
fn describe() -> ExitCode {
    let description = app::description().to_pretty_json().map_err(|error| error.to_string());
    let said = description.and_then(|text| {
        std::io::stdout().write_all(text.as_bytes()).map_err(|error| format!("cannot print it: {error}"))
    });
    complain(&said.err().into_iter().collect::<Vec<_>>())
}

fn start_log(log: &Log) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::new(&log.filter))
        .with_ansi(false);
    if log.is_json {
        subscriber.json().init();
    } else {
        subscriber.init();
    }
    // The default hook writes the panic's text, which may hold somebody's data.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

/// Nothing is 0; anything is said line by line, and 2.
fn complain(mistakes: &[String]) -> ExitCode {
    for mistake in mistakes {
        // Nobody to tell when standard error is closed.
        let _ = writeln!(std::io::stderr(), "sambung-api: {mistake}");
    }
    if mistakes.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) }
}
