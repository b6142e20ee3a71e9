//! What the machine must have before anything is started. Everything that is missing is found in one go.

use std::{
    env,
    fs::{File, TryLockError},
    net::{IpAddr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rustix::fs::{Access, access};
use sambung::{
    child::{self, STOP_MAX},
    ports,
    postgres::{self, Settings},
};

use super::{
    folder::Folder,
    options::{Arguments, Options},
    state::State,
};

/// The machine, found fit.
#[derive(Debug)]
pub(crate) struct Place {
    pub(super) folder: Folder,
    pub(super) switch: PathBuf,
    pub(super) api: PathBuf,
    pub(super) database_url: Option<String>,
    /// Whether the address for audio is one of this machine's own, or a router's in front of it.
    pub(super) is_media_address_ours: bool,
}

impl Place {
    /// Looks, and claims the folder if all is well. `options` is missing when they are wrong themselves.
    pub(crate) fn look(arguments: &Arguments, options: Option<&Options>) -> Result<Self, Vec<String>> {
        // One that runs from here holds the ports as well: say the cause, not its effects.
        Folder::must_be_free(&arguments.data).map_err(|mistake| vec![mistake])?;
        let mut mistakes = Vec::new();
        let database_url = env::var("DATABASE_URL").ok().filter(|url| !url.is_empty());
        let data = arguments.data.display();
        if let Err(mistake) = writable(&arguments.data) {
            mistakes.push(format!("--data {data}: {mistake}"));
        } else if database_url.is_none()
            && let Err(error) = postgres::check(&arguments.data.join("postgres"))
        {
            mistakes.push(format!("--data {data}: {error}"));
        }
        let mut program =
            |name| child::beside(name).map_err(|mistake| mistakes.push(mistake)).unwrap_or_default();
        let (switch, api) = (program("sambungd"), program("sambung-api"));
        let is_media_address_ours = match options {
            Some(options) => {
                mistakes.extend(busy_in_the_end(options, &arguments.data));
                is_ours(options.media_address)
            }
            None => false,
        };
        if options.is_none() || !mistakes.is_empty() {
            return Err(mistakes);
        }
        let folder = Folder::claim(&arguments.data).map_err(|mistake| vec![mistake])?;
        Ok(Self { folder, switch, api, database_url, is_media_address_ours })
    }

    /// The private server's settings, with a port that is free now.
    pub(super) fn cluster_settings(&self, state: &mut State) -> std::io::Result<Settings> {
        let logs = self.folder.private("log")?;
        // It would still hold the port that everybody knows.
        postgres::end_orphan(&self.folder.join("postgres"));
        state.postgres_port = still_free(state.postgres_port)?;
        Ok(Settings {
            dir: self.folder.join("postgres"),
            log: logs.join("postgres.log"),
            port: state.postgres_port,
            password: state.postgres_password.clone(),
            is_durable: true,
        })
    }
}

/// `port` if nobody has it on 127.0.0.1, else another one.
pub(super) fn still_free(port: u16) -> std::io::Result<u16> {
    if port != 0 && ports::claim(port) { Ok(port) } else { ports::free_port() }
}

/// Whether the folder is one that can be written to, or can be made.
fn writable(path: &Path) -> Result<(), String> {
    let existing = path.ancestors().find(|ancestor| ancestor.as_os_str().is_empty() || ancestor.exists());
    let existing = existing.filter(|ancestor| !ancestor.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !existing.is_dir() {
        return Err(format!("{} is not a folder", existing.display()));
    }
    access(existing, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("cannot write to {}: {error}", existing.display()))
}

/// Daemons whose parent was killed end by themselves, but not at once: the switch may still be writing down what it knows
/// when it listens no more.
fn busy_in_the_end(options: &Options, data: &Path) -> Vec<String> {
    let until = Instant::now() + if Folder::is_left_behind(data) { STOP_MAX } else { Duration::ZERO };
    loop {
        let mut mistakes = busy(options);
        if is_locked(&data.join("switch/lock")) {
            mistakes.push(format!("--data {}: a switch is still running from it", data.display()));
        }
        if mistakes.is_empty() || Instant::now() >= until {
            return mistakes;
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// Whether some process holds the file's lock.
fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn busy(options: &Options) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut check = |flag: &str, address: SocketAddr, protocol: &str, result: std::io::Result<()>| {
        if let Err(error) = result {
            mistakes.push(format!("{flag} {address}: cannot listen on it ({protocol}): {error}"));
        }
    };
    for sip in options.both(options.sip) {
        check("--sip", sip, "UDP", UdpSocket::bind(sip).map(drop));
        check("--sip", sip, "TCP", TcpListener::bind(sip).map(drop));
    }
    for (flag, listener) in [("--sips", options.sips), ("--ws", options.ws), ("--wss", options.wss)] {
        for address in listener.into_iter().flat_map(|listener| options.both(listener)) {
            check(flag, address, "TCP", TcpListener::bind(address).map(drop));
        }
    }
    check("--http", options.http, "TCP", TcpListener::bind(options.http).map(drop));
    mistakes
}

fn is_ours(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}
