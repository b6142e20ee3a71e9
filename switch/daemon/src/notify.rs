//! Talks to systemd (sd_notify): ready, stopping, and the watchdog's heartbeat. Without systemd it does nothing.

use std::{
    env, io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
};

/// The way to the service manager.
pub struct Notifier {
    way: Option<(UnixDatagram, SocketAddr)>,
    /// A watchdog wants to hear from us, more than once a second if it can be had (the unit's `WatchdogSec=`).
    pub is_watched: bool,
}

impl Notifier {
    /// By `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub fn from_environment() -> Self {
        let way = env::var("NOTIFY_SOCKET").ok().and_then(|path| open(&path).ok());
        let for_us = env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
        let micros: u64 = env::var("WATCHDOG_USEC").ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        Self { way, is_watched: for_us && micros > 0 }
    }

    /// A socket of its own to the manager, for the store of descriptors; `None` without a manager.
    pub fn socket(&self) -> Option<UnixDatagram> {
        let (_, address) = self.way.as_ref()?;
        let socket = UnixDatagram::unbound().ok()?;
        socket.connect_addr(address).ok()?;
        Some(socket)
    }

    /// Sends a state such as `READY=1`.
    pub fn send(&self, state: &str) {
        if let Some((socket, address)) = &self.way {
            // A manager that does not listen is nothing we could mend.
            let _ = socket.send_to_addr(state.as_bytes(), address);
        }
    }
}

fn open(path: &str) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match path.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(path)?,
    };
    Ok((UnixDatagram::unbound()?, address))
}
