//! Programs under test, started and ended without leaving any behind.

use std::{
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often a condition is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(20);
/// How long a program that was asked to stop may take, unless it is said otherwise.
const STOP_MAX: Duration = Duration::from_secs(20);

/// A program that runs, and is killed when this is dropped. Its output goes to a file.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
    stop_max: Duration,
}

impl Running {
    /// Starts `command` with a piped standard input and both outputs in `log`. It gets SIGTERM when the thread that
    /// started it ends, so that a test killed half-way leaves nothing behind.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::create(log).with_context(|| log.display().to_string())?;
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "TERM", "--"]).arg(command.get_program()).args(command.get_args());
        wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        let child = wrapped
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("{:?}", command.get_program()))?;
        Ok(Self { child, log: log.to_owned(), stop_max: STOP_MAX })
    }

    /// Is killed when it has not stopped so long after it was asked to, where this is dropped.
    pub fn killed_after(mut self, stop_max: Duration) -> Self {
        self.stop_max = stop_max;
        self
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard input.
    pub fn input(&mut self) -> Option<&mut std::process::ChildStdin> {
        self.child.stdin.as_mut()
    }

    /// What it has printed so far.
    pub fn printed(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// Waits until it has printed `text`; fails when it ends first or takes longer than `within`.
    pub fn wait_for(&mut self, text: &str, within: Duration) -> Result<()> {
        let end = Instant::now() + within;
        while !self.printed().contains(text) {
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended with {status} before it said {text:?}:\n{}",
                    self.log.display(),
                    self.printed()
                );
            }
            if Instant::now() > end {
                bail!("{} did not say {text:?} within {within:?}:\n{}", self.log.display(), self.printed());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits for it to end by itself.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let mut status = None;
        wait_until(within, "the program's end", || {
            status = self.child.try_wait()?;
            Ok(status.is_some())
        })
        .with_context(|| self.printed())?;
        status.context("ended")
    }

    /// Sends SIGINT, as Ctrl-C does, and waits for the end.
    pub fn interrupt(&mut self) -> Result<ExitStatus> {
        signal(self.pid(), Signal::INT)?;
        self.wait(STOP_MAX)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) && signal(self.pid(), Signal::TERM).is_ok() {
            let end = Instant::now() + self.stop_max;
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
                std::thread::sleep(POLL);
            }
        }
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `signal` to process `pid`.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a process id")?;
    kill_process(pid, signal).context("kill")
}

/// Ids of the processes whose parent is `pid` and whose program is called `name`.
pub fn children(pid: u32, name: &str) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // "PID (NAME) STATE PARENT …"; the name may hold anything.
            let (id, rest) = stat.split_once(" (")?;
            let (command, rest) = rest.rsplit_once(") ")?;
            let parent = rest.split(' ').nth(1)?.parse::<u32>().ok()?;
            (parent == pid && command == name).then(|| id.parse().ok())?
        })
        .collect()
}

/// Polls `condition` until it holds; fails, naming `what`, after `within`.
pub fn wait_until(within: Duration, what: &str, mut condition: impl FnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + within;
    while !condition()? {
        if Instant::now() > end {
            bail!("{what}: not within {within:?}");
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// One of our programs, as cargo built it beside the test or the program that runs.
pub fn binary(name: &str) -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    // Tests stand in `deps`, programs beside each other.
    let folders = test.ancestors().skip(1).take(2);
    let path = folders.map(|folder| folder.join(name)).find(|path| path.exists());
    let path = path.unwrap_or_else(|| test.with_file_name(name));
    if !path.exists() {
        bail!("{} is missing: run `cargo build --workspace --bins` first, as bin/test does", path.display());
    }
    Ok(path)
}

/// A command for one of our programs.
pub fn our<S: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = S>) -> Result<Command> {
    let mut command = Command::new(binary(name)?);
    command.args(args);
    Ok(command)
}
