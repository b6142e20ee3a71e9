//! A store of descriptors for a program we start, by the protocol of systemd's (sd_notify(3), sd_listen_fds(3)).
//!
//! What the program sends with `FDSTORE=1` is kept while it is down and passed to it when it is started again, so
//! that a switch that dies finds its sockets and its state. One program, one store: messages of other processes are
//! not believed. It knows no time-outs, no watchdog and no polling of what it keeps.

use std::{
    io::{self, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::OwnedFd,
        linux::net::SocketAddrExt as _,
        unix::net::{SocketAddr, UnixDatagram},
    },
    process::Command,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use command_fds::{CommandFdExt as _, FdMapping};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg, sockopt::set_socket_passcred,
};

/// Descriptors that are kept at most; more are closed.
const KEPT_MAX: usize = 8_192;
/// Longest message that is read.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// Descriptors in one message.
const PER_MESSAGE_MAX: usize = 16;
/// How often the thread looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// In place of a process id: a program is being started.
const STARTING: u32 = u32::MAX;
/// The first descriptor that a program is passed.
const FIRST: i32 = 3;

/// The store of one program.
#[derive(Debug)]
pub struct FdStore {
    /// Abstract name of the socket that the program writes to.
    name: String,
    /// Whose messages are believed; 0 is nobody.
    program: AtomicU32,
    kept: Mutex<Vec<(String, OwnedFd)>>,
}

impl FdStore {
    /// An empty store, with a thread that listens for as long as somebody has the store.
    pub fn start() -> io::Result<Arc<Self>> {
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(io::Error::other)?;
        let name = format!("sambung-fd-store-{:016x}", u64::from_le_bytes(number));
        let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
        set_socket_passcred(&socket, true)?;
        socket.set_read_timeout(Some(LOOK_EVERY))?;
        let store = Arc::new(Self { name, program: AtomicU32::new(0), kept: Mutex::default() });
        let listener = Arc::downgrade(&store);
        thread::Builder::new().name("fd store".into()).spawn(move || listen(&socket, &listener))?;
        Ok(store)
    }

    /// How many descriptors are kept.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes everything: the program has stopped for good.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// From now on this process is the program.
    pub(crate) fn believe(&self, pid: u32) {
        self.program.store(pid, Ordering::SeqCst);
    }

    /// Passes everything that is kept to a program that is about to be started. Its shell has to set `LISTEN_PID`.
    pub(crate) fn pass_to(&self, command: &mut Command) -> io::Result<()> {
        self.program.store(STARTING, Ordering::SeqCst);
        let kept = self.lock();
        let mut mappings = Vec::new();
        let mut names = Vec::new();
        for (child_fd, (name, descriptor)) in (FIRST..).zip(kept.iter()) {
            mappings.push(FdMapping { parent_fd: descriptor.try_clone()?, child_fd });
            names.push(name.as_str());
        }
        command.env("NOTIFY_SOCKET", format!("@{}", self.name));
        if !names.is_empty() {
            command.env("LISTEN_FDS", names.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
        }
        command.fd_mappings(mappings).map_err(io::Error::other)?;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, OwnedFd)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn obey(&self, message: &str, descriptors: Vec<OwnedFd>) {
        let says = |word: &str| message.lines().any(|line| line == word);
        let name = message.lines().find_map(|line| line.strip_prefix("FDNAME=")).unwrap_or("stored");
        if name.contains(':') {
            return;
        }
        let mut kept = self.lock();
        if says("FDSTOREREMOVE=1") {
            kept.retain(|(found, _)| found != name);
        }
        if says("FDSTORE=1") {
            let room = KEPT_MAX.saturating_sub(kept.len());
            kept.extend(descriptors.into_iter().take(room).map(|descriptor| (name.to_owned(), descriptor)));
        }
    }
}

fn listen(socket: &UnixDatagram, store: &Weak<FdStore>) {
    let mut bytes = [0; MESSAGE_BYTES_MAX];
    loop {
        let received = receive(socket, &mut bytes);
        let Some(store) = store.upgrade() else { return };
        let Ok((length, sender, descriptors)) = received else { continue };
        // It may speak before whoever has started it knows its process id.
        while store.program.load(Ordering::SeqCst) == STARTING {
            thread::sleep(Duration::from_millis(1));
        }
        let is_ours = sender.is_some_and(|pid| pid == store.program.load(Ordering::SeqCst));
        if let Some(message) = bytes.get(..length).and_then(|message| str::from_utf8(message).ok())
            && is_ours
        {
            store.obey(message, descriptors);
        }
    }
}

fn receive(socket: &UnixDatagram, bytes: &mut [u8]) -> io::Result<(usize, Option<u32>, Vec<OwnedFd>)> {
    let mut space =
        [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PER_MESSAGE_MAX), ScmCredentials(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let message = recvmsg(socket, &mut [IoSliceMut::new(bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let (mut sender, mut descriptors) = (None, Vec::new());
    for part in ancillary.drain() {
        match part {
            RecvAncillaryMessage::ScmRights(found) => descriptors.extend(found),
            RecvAncillaryMessage::ScmCredentials(found) => {
                sender = u32::try_from(found.pid.as_raw_nonzero().get()).ok();
            }
            _ => {}
        }
    }
    Ok((message.bytes, sender, descriptors))
}
