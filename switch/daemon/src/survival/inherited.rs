//! What a former life has left with the service manager: descriptors with names (sd_listen_fds(3)).
//!
//! The manager puts them from descriptor 3 on and says so by `LISTEN_FDS`, `LISTEN_FDNAMES` and `LISTEN_PID`. To be
//! taken once, before anything else is opened. All of this package's unsafe code is here: to own a descriptor that
//! somebody else has opened is nothing a compiler could check.

#![allow(unsafe_code)]

use std::{
    env,
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::{FromRawFd as _, IntoRawFd as _, OwnedFd, RawFd},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::io::{FdFlags, fcntl_getfd, fcntl_setfd};

/// The first descriptor that the manager passes.
const FIRST: RawFd = 3;
/// More than any store holds; a number beyond is no number of descriptors.
const DESCRIPTORS_MAX: i32 = 1 << 16;

/// The descriptors of a former life, by name.
#[derive(Debug, Default)]
pub struct Inherited(Vec<(String, OwnedFd)>);

/// Takes the descriptors of sockets whose names begin so.
fn tail<T: std::str::FromStr>(start: &'static str) -> impl Fn(&str) -> Option<T> {
    move |found| found.strip_prefix(start)?.parse().ok()
}

/// What a descriptor is by its name.
pub(crate) mod name {
    /// The state file of calls.
    pub const CALLS: &str = "calls";
    /// The state file of media legs.
    pub const LEGS: &str = "legs";
    /// The tail of the journal, first half.
    pub const TAIL_ONE: &str = "tail-1";
    /// The tail of the journal, second half.
    pub const TAIL_TWO: &str = "tail-2";
    /// The start of the name of a SIP socket of datagrams; its address follows.
    pub const UDP: &str = "sip-udp-";
    /// The start of the name of a SIP listener; its address follows.
    pub const LISTENER: &str = "sip-listener-";
    /// The start of the name of a SIP connection; its id follows.
    pub const CONNECTION: &str = "connection-";
    /// The start of the name of a leg's RTP socket; its lease follows.
    pub const RTP: &str = "rtp-";
}

impl Inherited {
    /// Takes what is there for this process; nothing the second time. To be called before anything is opened.
    pub fn take() -> Self {
        static IS_TAKEN: AtomicBool = AtomicBool::new(false);
        if IS_TAKEN.swap(true, Ordering::Relaxed) {
            return Self::default();
        }
        let is_for_us = env::var("LISTEN_PID").is_ok_and(|pid| pid == std::process::id().to_string());
        let count: i32 = env::var("LISTEN_FDS").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        if !is_for_us || !(1..=DESCRIPTORS_MAX).contains(&count) {
            return Self::default();
        }
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut taken = Vec::new();
        for number in FIRST..FIRST + count {
            // SAFETY: the manager has opened it for this process, as LISTEN_PID says, and nobody else in the process
            // owns it: this is done once and before anything is opened.
            let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
            // It must not leak into whatever this process starts.
            if fcntl_getfd(&descriptor).is_ok() && fcntl_setfd(&descriptor, FdFlags::CLOEXEC).is_ok() {
                taken.push((names.next().unwrap_or("").to_owned(), descriptor));
            } else {
                // A number that is not open: to close it would be somebody else's loss later.
                let _ = descriptor.into_raw_fd();
                let _ = names.next();
            }
        }
        Self(taken)
    }

    /// Descriptors with names, as from a manager.
    pub fn of(descriptors: Vec<(String, OwnedFd)>) -> Self {
        Self(descriptors)
    }

    /// The names of what is there.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes one by its name; the latest, should there be several.
    pub fn one(&mut self, name: &str) -> Option<OwnedFd> {
        self.all(|found| (found == name).then_some(())).pop().map(|((), descriptor)| descriptor)
    }

    /// Takes all whose names say something.
    pub fn all<T>(&mut self, read: impl Fn(&str) -> Option<T>) -> Vec<(T, OwnedFd)> {
        let mut found = Vec::new();
        let mut rest = Vec::new();
        for (name, descriptor) in self.0.drain(..) {
            match read(&name) {
                Some(what) => found.push((what, descriptor)),
                None => rest.push((name, descriptor)),
            }
        }
        self.0 = rest;
        found
    }

    /// Takes the SIP sockets of datagrams.
    pub fn udp_sockets(&mut self) -> Vec<UdpSocket> {
        let is_it = |found: &str| found.starts_with(name::UDP).then_some(());
        self.all(is_it).into_iter().map(|((), descriptor)| descriptor.into()).collect()
    }

    /// Takes the SIP listeners.
    pub fn listeners(&mut self) -> Vec<TcpListener> {
        let is_it = |found: &str| found.starts_with(name::LISTENER).then_some(());
        self.all(is_it).into_iter().map(|((), descriptor)| descriptor.into()).collect()
    }

    /// Takes the SIP connections with their ids.
    pub fn connections(&mut self) -> Vec<(u64, TcpStream)> {
        let found = self.all(tail(name::CONNECTION)).into_iter();
        found.map(|(id, descriptor)| (id, descriptor.into())).collect()
    }

    /// Takes the RTP sockets with their leases.
    pub fn rtp_sockets(&mut self) -> Vec<(u32, UdpSocket)> {
        let found = self.all(tail(name::RTP)).into_iter();
        found.map(|(lease, descriptor)| (lease, descriptor.into())).collect()
    }
}
