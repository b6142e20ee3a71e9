//! `sambung`: everything on one machine with one command, and a look at what is going on. Exit 0: done;
//! 1: it failed on the way; 2: what was asked cannot be, and nothing was started.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod conference;
mod configuration;
mod database;
mod events;
mod live;
mod log_level;
mod media;
mod migrate;
mod orders;
mod organisation;
mod people;
mod queue;
mod recording;
mod route;
mod selftest;
mod switch;
mod terminal;
mod trunks;
mod up;
mod voicemail;
mod whom;
mod why;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Run and look after the sambung softswitch.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine: database, switch, API and a demo organisation
    Up(up::Arguments),
    /// Bring a database up to date
    Migrate(migrate::Arguments),
    /// Show the calls that are going on
    Calls(live::CallArguments),
    /// Show the phones that are registered
    Registrations(live::Arguments),
    /// Show queues: who waits, who answers; pause somebody or let them be asked again
    Queue(queue::QueueArguments),
    /// Show who does not want to be disturbed, or has no second call ring; turn either on or off
    People(people::PeopleArguments),
    /// Show conferences: who is there; mute somebody, or have somebody leave
    Conference(conference::ConferenceArguments),
    /// Show trunks: whether they are registered with their providers, and whether those are there
    Trunks(live::Arguments),
    /// Say why a call went as it did: route, events, SIP ladder
    Why(why::Arguments),
    /// Say what a call would come to and why: from whom, to what number, when
    Route(route::Arguments),
    /// Write the SIP messages of a call into a capture file
    Pcap(why::Capture),
    /// Call a number for somebody: their own phones ring, and whoever answers there has dialled it
    Call(orders::Call),
    /// Have somebody's own phones ring in a call that rings elsewhere: they have it if they answer first
    Pickup(orders::PickUp),
    /// Have a call recorded, or its recording paused, resumed or ended
    Record(orders::Record),
    /// Send the caller, or another side, of a call on to another number
    Transfer(orders::Transfer),
    /// Put two calls of somebody together: the two others talk to each other
    Connect(orders::Connect),
    /// Put a call on hold, in the name of one side, or take it back
    Hold(orders::Hold),
    /// Have a supervisor listen to a call: their own phones ring first
    Listen(orders::Listen),
    /// Have a supervisor who listens to a call (`*33NUMBER`) be heard by nobody there, one or both
    Supervise(orders::Supervise),
    /// End a call for everybody in it
    HangUp(orders::OneCall),
    /// Show recordings, fetch one to hear it, make keys for them
    #[command(subcommand)]
    Recording(recording::What),
    /// Show the messages in mailboxes
    #[command(subcommand)]
    Voicemail(voicemail::What),
    /// Follow what happens, as JSON lines
    Events(events::Arguments),
    /// Look for mistakes in configuration files and descriptions of organisations
    Check(configuration::check::Arguments),
    /// Write down an organisation as the file that describes it
    Describe(configuration::describe::Arguments),
    /// Show what applying descriptions would change. Exit 0: nothing, 2: something, 1: it cannot be told
    Diff(configuration::diff::Arguments),
    /// Make organisations what their descriptions say, or nothing at all
    Apply(configuration::apply::Arguments),
    /// Prove a running switch with two built-in phones
    Selftest(selftest::Arguments),
    /// Show or change what the switch logs
    LogLevel(log_level::Arguments),
}

/// Why a command did not do what it was told.
#[derive(Debug)]
enum Failure {
    /// What was asked cannot be; nothing has been started. Everything that is wrong, one line each.
    Mistakes(Vec<String>),
    /// It failed on the way.
    Failed(anyhow::Error),
    /// Everything has been said, and this is the exit code.
    Said(u8),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Where programs are built together reqwest has the TLS that buckets want, and asks for this although nothing here
    // speaks HTTPS through it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread is enough: the work is in the children and in the database.
    let result = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(arguments.command)),
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Mistakes(mistakes)) => {
            for mistake in mistakes {
                terminal::say(&format!("sambung: {mistake}"));
            }
            ExitCode::from(2)
        }
        Err(Failure::Said(code)) => ExitCode::from(code),
        Err(Failure::Failed(error)) => {
            terminal::say(&format!("sambung: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Up(arguments) => up::run(&arguments).await,
        Command::Migrate(arguments) => migrate::run(&arguments).await,
        Command::Calls(arguments) => live::calls(&arguments).await,
        Command::Registrations(arguments) => live::registrations(&arguments).await,
        Command::People(arguments) => people::run(&arguments).await,
        Command::Queue(arguments) => queue::run(&arguments).await,
        Command::Trunks(arguments) => trunks::run(&arguments).await,
        Command::Route(arguments) => route::run(&arguments).await,
        Command::Why(arguments) => why::run(&arguments).await,
        Command::Pcap(arguments) => why::capture(&arguments).await,
        Command::Call(arguments) => orders::call(&arguments).await,
        Command::Pickup(arguments) => orders::pick_up(&arguments).await,
        Command::Record(arguments) => orders::record(&arguments).await,
        Command::Transfer(arguments) => orders::transfer(&arguments).await,
        Command::Connect(arguments) => orders::connect(&arguments).await,
        Command::Hold(arguments) => orders::hold(&arguments).await,
        Command::Listen(arguments) => orders::listen(&arguments).await,
        Command::Supervise(arguments) => orders::supervise(&arguments).await,
        Command::HangUp(arguments) => orders::hang_up(&arguments).await,
        Command::Conference(arguments) => conference::run(&arguments).await,
        Command::Recording(what) => recording::run(&what).await,
        Command::Voicemail(what) => voicemail::run(&what).await,
        Command::Events(arguments) => events::run(&arguments).await,
        Command::Check(arguments) => configuration::check::run(&arguments),
        Command::Describe(arguments) => configuration::describe::run(&arguments).await,
        Command::Diff(arguments) => configuration::diff::run(&arguments).await,
        Command::Apply(arguments) => configuration::apply::run(&arguments).await,
        Command::Selftest(arguments) => selftest::run(&arguments).await,
        Command::LogLevel(arguments) => log_level::run(&arguments).await,
    }
}
