//! Programs we start, watch and stop, and that do not outlive us: not even when we are killed with SIGKILL.
//!
//! `setpriv` (util-linux, on every Debian) drops to another user and arms the parent-death signal between
//! fork and exec, where Rust itself would need unsafe code. Standard error and output go to a log file, not to
//! a pipe, so that a child never waits for us.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::fd_store::FdStore;
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// How often a child is looked at.
const POLL: Duration = Duration::from_millis(20);

/// How long a child that was asked to stop may take before SIGKILL.
pub const STOP_MAX: Duration = Duration::from_secs(20);

/// A program of ours, which stands beside this one.
pub fn beside(name: &str) -> Result<PathBuf, String> {
    let folder = env::current_exe().ok().and_then(|own| own.parent().map(Path::to_owned)).unwrap_or_default();
    let path = folder.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("{} is missing: build it with cargo build --release", path.display()))
    }
}

/// A user to run a program as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Numeric user id.
    pub uid: u32,
    /// Numeric group id.
    pub gid: u32,
}

/// What to start, and how it ends.
#[derive(Clone, Debug)]
pub struct Program {
    /// For people: `PostgreSQL`, `sambungd` …
    pub name: &'static str,
    /// The executable.
    pub path: PathBuf,
    /// Its arguments; never a secret, everybody on the machine can read them.
    pub args: Vec<OsString>,
    /// Whom to run it as; `None` is ourselves.
    pub identity: Option<Identity>,
    /// Files and folders that it finds at [`handed_over`], also when it could not get to them by itself.
    pub handed_over: Vec<PathBuf>,
    /// What makes it stop in good order; also sent when we die.
    pub stop_signal: Signal,
    /// Where its output goes; emptied at every start but a restart.
    pub log: PathBuf,
    /// It goes on where it stopped: what it keeps in this store is passed to it.
    pub store: Option<Arc<FdStore>>,
    /// It has run before, and its log goes on.
    pub is_restart: bool,
}

/// A running program.
#[derive(Debug)]
pub struct Child {
    name: &'static str,
    stop_signal: Signal,
    log: PathBuf,
    pid: u32,
    process: Arc<Mutex<Process>>,
}

#[derive(Debug)]
struct Process {
    child: std::process::Child,
    status: Option<ExitStatus>,
    is_owned: bool,
}

impl Process {
    /// Reaps under the same lock that signals are sent under, so that a signal never meets a recycled pid.
    fn look(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status
    }
}

impl Child {
    /// Starts `program`. The parent-death signal follows the *thread* that forked, so that thread stays for as
    /// long as the child runs.
    pub fn spawn(program: &Program) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let mut command = command(program)?;
        let store = program.store.clone();
        thread::Builder::new().name(format!("child {}", program.name)).spawn(move || {
            match command.spawn() {
                Err(error) => {
                    if let Some(store) = store {
                        store.believe(0);
                    }
                    drop(sender.send(Err(error)));
                }
                Ok(child) => {
                    let pid = child.id();
                    if let Some(store) = store {
                        store.believe(pid);
                    }
                    let process = Arc::new(Mutex::new(Process { child, status: None, is_owned: true }));
                    drop(sender.send(Ok((pid, Arc::clone(&process)))));
                    keep(&process);
                }
            }
        })?;
        let (pid, process) = receiver.recv().map_err(io::Error::other)??;
        Ok(Self {
            name: program.name,
            stop_signal: program.stop_signal,
            log: program.log.clone(),
            pid,
            process,
        })
    }

    /// The name it was started under.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it has.
    pub fn exited(&self) -> Option<ExitStatus> {
        self.lock().look()
    }

    /// Sends `signal`, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        let mut process = self.lock();
        if process.look().is_none()
            && let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw)
        {
            // Nothing to be done about a failure that waiting will not show.
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits at most `limit` for it to end.
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.exited() {
                None if Instant::now() < until => thread::sleep(POLL),
                status => return status,
            }
        }
    }

    /// Stops it in good order, or after [`STOP_MAX`] without.
    pub fn stop(&self) {
        self.signal(self.stop_signal);
        if self.wait(STOP_MAX).is_none() {
            self.signal(Signal::KILL);
            self.wait(STOP_MAX);
        }
    }

    /// The last `lines` lines it said.
    pub fn last_words(&self, lines: usize) -> String {
        last_lines(&self.log, lines)
    }

    fn lock(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stop();
        self.lock().is_owned = false;
    }
}

fn keep(process: &Mutex<Process>) {
    loop {
        {
            let mut process = process.lock().unwrap_or_else(PoisonError::into_inner);
            if process.look().is_some() || !process.is_owned {
                return;
            }
        }
        thread::sleep(POLL);
    }
}

fn command(program: &Program) -> io::Result<Command> {
    // Emptied at a first start and appended to from then on, so that it can be emptied again while the program writes.
    if !program.is_restart {
        File::create(&program.log)?;
    }
    let log = File::options().append(true).create(true).open(&program.log)?;
    let mut command = setpriv(program.identity.as_ref(), Some(program.stop_signal), &program.handed_over);
    if let Some(store) = &program.store {
        store.pass_to(&mut command)?;
        // The program's process id is known to nobody earlier than to the shell that becomes it.
        command.args(["sh", "-c", "export LISTEN_PID=$$ && exec \"$@\"", "sh"]);
    }
    command.arg(&program.path).args(&program.args);
    // It holds a password, and whoever may see the process may see its environment.
    command.env_remove("DATABASE_URL");
    // Its own process group: Ctrl-C in a terminal must reach us alone, so that we can stop things in order.
    command.process_group(0).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    Ok(command)
}

/// The descriptor of the first file that is handed over; the others follow.
const FIRST_HANDED: usize = 7;

/// Where a program finds the `at`-th thing handed over to it. The link leads to the open file itself, past
/// all folders on the way to it.
pub(crate) fn handed_over(at: usize) -> PathBuf {
    format!("/proc/self/fd/{}", FIRST_HANDED + at).into()
}

/// `setpriv … --`, ready for a program and its arguments. What is to be handed over (three things at most) is
/// opened before any right is dropped, by a shell that becomes setpriv.
pub(crate) fn setpriv(
    identity: Option<&Identity>,
    death_signal: Option<Signal>,
    handed: &[PathBuf],
) -> Command {
    let mut command = Command::new(if handed.is_empty() { "setpriv" } else { "sh" });
    if !handed.is_empty() {
        let open = |at| format!("exec {}<\"$1\" && shift && ", FIRST_HANDED + at);
        let script: String = (0..handed.len()).map(open).collect();
        command.arg("-c").arg(format!("{script}exec \"$@\"")).arg("sh").args(handed).arg("setpriv");
    }
    if let Some(Identity { uid, gid }) = identity {
        command.args([format!("--reuid={uid}"), format!("--regid={gid}"), "--clear-groups".to_owned()]);
        // HOME and the like of root mean nothing to somebody else.
        command.arg("--reset-env");
    }
    if let Some(signal) = death_signal {
        // It knows signals by name only.
        let name = match signal {
            Signal::INT => "INT",
            Signal::QUIT => "QUIT",
            _ => "TERM",
        };
        command.args(["--pdeathsig", name]);
    }
    command.arg("--");
    command
}

/// The end of a text file, at most 64 KiB of it; empty when it cannot be read.
fn last_lines(path: &Path, lines: usize) -> String {
    const BYTES_MAX: usize = 65_536;
    let bytes = fs::read(path).unwrap_or_default();
    let tail = bytes.get(bytes.len().saturating_sub(BYTES_MAX)..).unwrap_or_default();
    let text = String::from_utf8_lossy(tail);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, log: &str) -> Program {
        Program {
            name: "shell",
            path: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            identity: None,
            handed_over: Vec::new(),
            stop_signal: Signal::TERM,
            store: None,
            is_restart: false,
            log: std::env::temp_dir().join(format!("sambung-child-{}-{log}", std::process::id())),
        }
    }

    #[test]
    fn a_child_that_fails_leaves_its_status_and_its_last_words() {
        let child = Child::spawn(&shell("echo one; echo two >&2; exit 3", "fails")).unwrap();
        assert_eq!(child.wait(Duration::from_secs(5)).and_then(|status| status.code()), Some(3));
        assert_eq!(child.last_words(1), "two");
        fs::remove_file(&child.log).unwrap();
    }

    #[test]
    fn a_dropped_child_has_stopped() {
        let child = Child::spawn(&shell("exec sleep 60", "dropped")).unwrap();
        assert_eq!(child.wait(Duration::from_millis(100)), None);
        let process = Arc::clone(&child.process);
        let log = child.log.clone();
        drop(child);
        assert!(process.lock().unwrap().look().is_some());
        fs::remove_file(log).unwrap();
    }
}
