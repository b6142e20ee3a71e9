//! A thread that hangs, for good, while the others of its process go on: as ptrace(2) stops it.

use std::{sync::mpsc, thread};

use anyhow::{Context as _, Result};
use nix::{
    sys::{
        ptrace,
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

/// Stops the thread called `name` of process `pid`. It stays stopped until its process ends.
pub fn hang(pid: u32, name: &str) -> Result<()> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"))?;
    let found = threads
        .flatten()
        .find(|thread| {
            let called = std::fs::read_to_string(thread.path().join("comm"));
            called.is_ok_and(|called| called.trim() == name)
        })
        .with_context(|| format!("process {pid} has a thread called {name}"))?;
    let hung = Pid::from_raw(found.file_name().to_string_lossy().parse()?);
    let (is_stopped, stopped) = mpsc::channel();
    // Whoever traces a thread has to take note of its end, or its process never ends; and must be a thread itself.
    thread::spawn(move || {
        let _ = is_stopped.send(stop(hung));
        while waitpid(hung, Some(WaitPidFlag::__WALL))
            .is_ok_and(|status| !matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)))
        {
        }
    });
    stopped.recv()?
}

fn stop(thread: Pid) -> Result<()> {
    ptrace::seize(thread, ptrace::Options::empty())?;
    ptrace::interrupt(thread)?;
    waitpid(thread, Some(WaitPidFlag::__WALL))?;
    Ok(())
}
