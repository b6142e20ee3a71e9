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

/// A stop by a service manager is one for good when no word of an heir has come this long after it. The word is sent
/// first, but signals that wait for the same thread are handled last in, first out: on a busy machine it comes second.
const LATE_WORD_MAX: Duration = Duration::from_millis(250);

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
    // The allocator asks for pages of 2 MiB, of which many are used for a corner: they were half of what a switch holds with a hundred
    // calls (`benches/README.md`). A kernel that has none is as good.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
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
        // Where nobody keeps calls for a next life, every stop is one for good at once.
        let late_word_max = if is_managed() { LATE_WORD_MAX } else { Duration::ZERO };
        match Daemon::resume(config, inherited) {
            Ok(daemon) => daemon.run(signals.stop(late_word_max)).await.map(Ok),
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

    /// The manager sends SIGTERM right behind the word that another one takes over, and the word is what is meant.
    async fn stop(&mut self, late_word_max: Duration) -> Stop {
        let is_for_good = tokio::select! {
            biased;
            _ = self.hand_over.recv() => false,
            _ = self.terminate.recv() => {
                tokio::time::timeout(late_word_max, self.hand_over.recv()).await.is_err()
            }
            _ = self.interrupt.recv() => true,
        };
        if is_for_good { Stop::Drain } else { Stop::HandOver }
    }
}

/// Whether a service manager has started us.
fn is_managed() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// One line for each mistake, for people and for whoever started us.
fn refuse(mistakes: &[Mistake]) -> ExitCode {
    let mut stderr = std::io::stderr().lock();
    for mistake in mistakes {
        // Nobody to tell if stderr is closed.
        let _ = writeln!(stderr, "sambungd: {mistake}");
    }
    if is_managed() {
        std::thread::sleep(REFUSED_PAUSE);
    }
    ExitCode::from(2)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    use super::{Signals, Stop};

    /// Longer than any machine is busy.
    const LATE_WORD_MAX: Duration = Duration::from_secs(60);

    /// One test, because signals are for the whole process.
    #[tokio::test]
    async fn a_stop_around_the_word_that_another_one_takes_over_ends_no_call() {
        for signal in [Signal::TERM, Signal::INT] {
            let mut signals = Signals::watch().unwrap();
            kill_process(getpid(), signal).unwrap();
            assert_eq!(signals.stop(Duration::ZERO).await, Stop::Drain, "{signal:?} alone");
        }
        for order in [[Signal::USR2, Signal::TERM], [Signal::TERM, Signal::USR2]] {
            for pause in [0, 1, 5].map(Duration::from_millis) {
                let mut signals = Signals::watch().unwrap();
                let stop = tokio::spawn(async move { signals.stop(LATE_WORD_MAX).await });
                for signal in order {
                    tokio::time::sleep(pause).await;
                    kill_process(getpid(), signal).unwrap();
                }
                assert_eq!(stop.await.unwrap(), Stop::HandOver, "{order:?}, {pause:?}");
            }
        }
    }
}
