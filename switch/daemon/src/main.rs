//! `sambungd`: reads its arguments and configuration, and hands over to [`sambungd::daemon`].
//!
//! Exit codes: 0 stopped by a signal, 2 bad configuration or something it names cannot be opened (nothing was
//! started), anything else a defect.

use std::{io::Write, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use sambungd::{
    config::{Config, Mistake},
    daemon::{Daemon, Stop},
    logging,
    survival::{Inherited, heir},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Measured beside glibc's: `benches/README.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads for the database, the switch API and signals; calls and media have their own.
const CONTROL_THREADS: usize = 2;

/// A service manager that starts us again at once gets this pause after a start that could not be: what is wrong then is
/// wrong for longer.
const REFUSED_PAUSE: Duration = Duration::from_secs(1);

/// The sambung switch: SIP, calls, media, call records.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, default_value = "/etc/sambung/sambung.toml")]
    config: PathBuf,
    /// Only check the configuration.
    #[arg(long)]
    check: bool,
    /// Only say by the exit code whether the calls in a state file on standard input can be gone on with.
    #[arg(long, value_name = "KIND", hide = true)]
    reads_images: Option<heir::Kind>,
}

fn main() -> ExitCode {
    let inherited = Inherited::take();
    let arguments = Arguments::parse();
    if let Some(kind) = arguments.reads_images {
        let can = heir::reads(kind, std::io::stdin()).is_ok_and(|can| can);
        return if can { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let config = match Config::load(&arguments.config) {
        Ok(config) => config,
        Err(mistakes) => return refuse(&mistakes),
    };
    if arguments.check {
        return ExitCode::SUCCESS;
    }
    let _last_lines = match logging::start(&config.log) {
        Ok(last_lines) => last_lines,
        Err(error) => return refuse(&[Mistake::new("log", error)]),
    };
    logging::log_panics();
    match run(config, inherited) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(mistakes)) => refuse(&mistakes),
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config, inherited: Inherited) -> anyhow::Result<Result<(), Vec<Mistake>>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(CONTROL_THREADS)
        .thread_name("control")
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(async {
        // Before anything is opened, so that a stop at any moment is one in good order.
        let mut signals = Signals::watch()?;
        match Daemon::resume(config, inherited) {
            Ok(daemon) => daemon.run(signals.stop()).await.map(Ok),
            Err(mistakes) => Ok(Err(mistakes)),
        }
    });
    // Whoever still waits for a disk has lost: the next life has the calls already, or nobody has.
    runtime.shutdown_background();
    outcome
}

/// What tells us to stop.
struct Signals {
    hand_over: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn watch() -> std::io::Result<Self> {
        Ok(Self {
            hand_over: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The manager sends SIGTERM right behind the word that another one takes over: a busy machine finds both at once, and
    /// then the first is meant.
    async fn stop(&mut self) -> Stop {
        tokio::select! {
            biased;
            _ = self.hand_over.recv() => Stop::HandOver,
            _ = self.terminate.recv() => Stop::Drain,
            _ = self.interrupt.recv() => Stop::Drain,
        }
    }
}

/// One line for each mistake, for people and for whoever started us.
fn refuse(mistakes: &[Mistake]) -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    for mistake in mistakes {
        // Nobody to tell if stderr is closed.
        let _ = writeln!(stderr, "sambungd: {mistake}");
    }
    if std::env::var_os("NOTIFY_SOCKET").is_some() {
        std::thread::sleep(REFUSED_PAUSE);
    }
    ExitCode::from(2)
}

#[cfg(test)]
mod tests {
    use rustix::process::{Signal, getpid, kill_process};

    use super::{Signals, Stop};

    #[tokio::test]
    #[allow(clippy::unwrap_used)]
    async fn a_stop_right_behind_the_word_that_another_one_takes_over_ends_no_call() {
        for _ in 0..32 {
            let mut signals = Signals::watch().unwrap();
            for signal in [Signal::USR2, Signal::TERM] {
                kill_process(getpid(), signal).unwrap();
            }
            // What was asked for is known by the time anybody asks.
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            assert_eq!(signals.stop().await, Stop::HandOver);
        }
    }
}
