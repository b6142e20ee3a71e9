//! A private PostgreSQL server: made with `initdb` in a folder of ours, reachable on one port of 127.0.0.1
//! with a password, and gone when its owner is (CRATES §9).
//!
//! It does not replace a server that somebody looks after; it is for one machine that wants none. PostgreSQL
//! refuses to run as root, so root lends it the user `postgres`, or `nobody`.

mod binaries;
mod stand_in;
mod store;
mod temporary;

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

pub use self::binaries::{Binaries, VERSION_MIN};
use crate::{
    child::{Child, Identity, Program, handed_over, setpriv},
    ports, secret,
};

/// The superuser of a private server.
pub const SUPERUSER: &str = "postgres";

/// How long a start may take; longest after a crash, when the log is replayed.
const START_MAX: Duration = Duration::from_secs(60);

/// How long a server that lost its parent may take to stop by itself.
const ORPHAN_MAX: Duration = Duration::from_secs(30);

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable server programs.
    #[error(
        "no PostgreSQL server programs of version {VERSION_MIN} or newer found (looked {looked}); install them: apt-get install postgresql-15"
    )]
    NoBinaries {
        /// The places, for people.
        looked: String,
    },
    /// The folder was made by another major version.
    #[error("{} was made by PostgreSQL {version}, whose programs are not installed: apt-get install postgresql-{version}", dir.display())]
    OtherVersion {
        /// The data folder.
        dir: PathBuf,
        /// Major version in its `PG_VERSION`.
        version: String,
    },
    /// We are root and nobody else exists.
    #[error(
        "PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody` to run it as"
    )]
    NoStandIn,
    /// A program that should do a step did not.
    #[error("{step} failed: {said}")]
    Step {
        /// `initdb` …
        step: &'static str,
        /// What it said last.
        said: String,
    },
    /// It did not get ready in time.
    #[error("PostgreSQL is not ready after {} s: {said}", START_MAX.as_secs())]
    Slow {
        /// What it said last.
        said: String,
    },
    /// A file or folder.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server refused a statement.
    #[error("PostgreSQL refused: {0}")]
    Statement(#[from] sqlx::Error),
    /// The system gives no random bytes.
    #[error("no randomness: {0}")]
    Random(#[from] getrandom::Error),
}

/// What a server is to be like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data folder; made when missing, its parent must exist.
    pub dir: PathBuf,
    /// Where the server's log goes.
    pub log: PathBuf,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// The superuser's password, letters and digits.
    pub password: String,
    /// Whether commits survive a power cut. Off only where nothing is worth keeping.
    pub is_durable: bool,
}

/// A private server. Dropping it stops it; a throw-away one is then deleted.
#[derive(Debug)]
pub struct Cluster {
    settings: Settings,
    binaries: Binaries,
    identity: Option<Identity>,
    /// Whether the stand-in cannot get to the data folder and must be handed it, open. It has the right to
    /// it, only no way: a checkout in /root is enough.
    is_closed_off: bool,
    server: Option<Child>,
    /// Declared after the server: it stops before its folder goes.
    temporary: Option<temporary::Home>,
}

impl Cluster {
    /// Makes the data folder if it is missing. Does not start the server.
    pub fn prepare(settings: Settings) -> Result<Self, Error> {
        let binaries = Binaries::find(&settings.dir)?;
        let identity = stand_in::stand_in(&settings.dir)?;
        let parent = settings.dir.parent().unwrap_or(Path::new("/"));
        let is_closed_off = identity.as_ref().is_some_and(|user| !stand_in::may_enter(user, parent));
        let cluster = Self { settings, binaries, identity, is_closed_off, server: None, temporary: None };
        if !cluster.settings.dir.join("PG_VERSION").exists() {
            cluster.init()?;
        }
        Ok(cluster)
    }

    /// A started server in a temporary folder, for tests: nothing is flushed to disk, and everything is gone
    /// when the value is dropped. If it never is (a static, a killed process), the server ends with the
    /// process and the next one to throw away takes the folder along.
    pub fn throw_away() -> Result<Self, Error> {
        let home = temporary::claim()?;
        let settings = Settings {
            dir: home.path().join("data"),
            log: home.path().join("log"),
            port: ports::free_port()
                .map_err(|source| Error::File { path: home.path().to_owned(), source })?,
            password: secret::password(20)?,
            is_durable: false,
        };
        let mut cluster = Self::prepare(settings)?;
        cluster.temporary = Some(home);
        cluster.start()?;
        Ok(cluster)
    }

    /// Starts the server and waits until it takes connections. Does nothing when it runs.
    pub fn start(&mut self) -> Result<(), Error> {
        if self.server.as_ref().is_some_and(|server| server.exited().is_none()) {
            return Ok(());
        }
        end_orphan(&self.settings.dir);
        let server = at(&self.settings.log, Child::spawn(&self.program()))?;
        let until = Instant::now() + START_MAX;
        while !self.is_ready(&server) {
            if server.exited().is_some() {
                return Err(Error::Step { step: "starting PostgreSQL", said: server.last_words(5) });
            }
            if Instant::now() > until {
                return Err(Error::Slow { said: server.last_words(5) });
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server in good order, ending its connections. It can be started again.
    pub fn stop(&mut self) {
        self.server = None;
    }

    /// Ends the server as a power cut would (SIGKILL). It can be started again.
    pub fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.signal(Signal::KILL);
            server.wait(ORPHAN_MAX);
        }
    }

    /// The running server.
    pub fn server(&self) -> Option<&Child> {
        self.server.as_ref()
    }

    /// Where the superuser finds `database`.
    pub fn url(&self, database: &str) -> String {
        self.url_as(SUPERUSER, &self.settings.password, database)
    }

    /// Where `user` finds `database`.
    pub fn url_as(&self, user: &str, password: &str, database: &str) -> String {
        format!("postgres://{user}:{password}@127.0.0.1:{}/{database}", self.settings.port)
    }

    /// Makes an empty database unless there is one of that name; gives the superuser's URL of it.
    pub async fn create_database(&self, name: &str) -> Result<String, Error> {
        store::create_database(&self.url("postgres"), name).await?;
        Ok(self.url(name))
    }

    fn program(&self) -> Program {
        let Settings { dir, log, port, is_durable, .. } = &self.settings;
        let mut options = vec![
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            "unix_socket_directories=".to_owned(),
            "log_min_error_statement=panic".to_owned(),
        ];
        if !is_durable {
            // Commits wait for the system, not for the disk: a server that is killed loses none.
            options.extend(["fsync=off", "full_page_writes=off", "min_wal_size=2MB"].map(str::to_owned));
        }
        let options = options.into_iter().flat_map(|option| ["-c".to_owned(), option]);
        let (dir, handed) =
            if self.is_closed_off { (handed_over(0), vec![dir.clone()]) } else { (dir.clone(), Vec::new()) };
        let args = ["-D".into(), dir.into()].into_iter().chain(options.map(Into::into)).collect();
        Program {
            store: None,
            is_restart: false,
            name: "PostgreSQL",
            path: self.binaries.program("postgres"),
            args,
            identity: self.identity.clone(),
            handed_over: handed,
            // SIGINT: do not wait for clients ("fast shutdown"); SIGTERM would.
            stop_signal: Signal::INT,
            log: log.clone(),
        }
    }

    /// What pg_ctl looks at: the eighth line of postmaster.pid, written by the server itself.
    fn is_ready(&self, server: &Child) -> bool {
        let text = fs::read_to_string(self.settings.dir.join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines().map(str::trim);
        lines.next() == Some(&server.pid().to_string()) && lines.nth(6) == Some("ready")
    }

    /// initdb into a folder beside, then rename: there is never half a cluster.
    fn init(&self) -> Result<(), Error> {
        let dir = &self.settings.dir;
        let parent = dir.parent().unwrap_or(Path::new("."));
        let parent = at(parent, fs::canonicalize(parent))?;
        let fresh = parent.join("postgres.new");
        let password_file = parent.join("postgres.password");
        if fresh.exists() {
            at(&fresh, fs::remove_dir_all(&fresh))?;
        }
        at(&fresh, fs::DirBuilder::new().mode(0o700).create(&fresh))?;
        self.give_away(&fresh)?;
        self.write_password(&password_file)?;
        let done = self.initdb(&fresh, &password_file);
        at(&password_file, fs::remove_file(&password_file))?;
        done?;
        at(dir, fs::rename(&fresh, dir))
    }

    fn initdb(&self, fresh: &Path, password_file: &Path) -> Result<(), Error> {
        // Handed over in any case: what is made once is made in one way.
        let handed = [fresh.to_owned(), password_file.to_owned()];
        let mut initdb = setpriv(self.identity.as_ref(), None, &handed);
        initdb.arg(self.binaries.program("initdb")).arg("-D").arg(handed_over(0));
        initdb.arg("--pwfile").arg(handed_over(1));
        initdb.args(["-U", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"]);
        if !self.settings.is_durable {
            // Small segments: what is thrown away soon should not take 16 MiB of disk for a log of 2.
            initdb.args(["--no-sync", "--wal-segsize=1"]);
        }
        run("initdb", &mut initdb).map(drop)
    }

    fn write_password(&self, path: &Path) -> Result<(), Error> {
        if path.exists() {
            at(path, fs::remove_file(path))?;
        }
        let mut options = fs::OpenOptions::new();
        let mut file = at(path, options.write(true).create_new(true).mode(0o600).open(path))?;
        at(path, file.write_all(self.settings.password.as_bytes()))?;
        self.give_away(path)
    }

    fn give_away(&self, path: &Path) -> Result<(), Error> {
        match &self.identity {
            Some(identity) => at(path, chown(path, Some(identity.uid), Some(identity.gid))),
            None => Ok(()),
        }
    }
}

/// Whether a server could run from the data folder `dir` (there or not): its programs, and somebody to run
/// it as.
pub fn check(dir: &Path) -> Result<(), Error> {
    Binaries::find(dir)?;
    run("setpriv (package util-linux)", setpriv(None, None, &[]).arg("true"))?;
    stand_in::stand_in(dir).map(drop)
}

/// Waits for a server of the data folder `dir` that lost its parent, and hurries it on. A server whose parent was killed stops by itself a moment later; the next start must wait for it. The
/// pid counts only while it is a `postgres` working in this very folder, so a recycled one is left alone.
pub fn end_orphan(dir: &Path) {
    let text = fs::read_to_string(dir.join("postmaster.pid")).unwrap_or_default();
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw)
    else {
        return;
    };
    let process = PathBuf::from(format!("/proc/{}", pid.as_raw_nonzero()));
    let lives = || fs::read_link(process.join("cwd")).ok() == fs::canonicalize(dir).ok();
    for signal in [Signal::INT, Signal::QUIT, Signal::KILL] {
        let until = Instant::now() + ORPHAN_MAX;
        if lives() {
            let _ = kill_process(pid, signal);
        }
        while lives() && Instant::now() < until {
            thread::sleep(Duration::from_millis(50));
        }
    }
}

fn run(step: &'static str, command: &mut Command) -> Result<Output, Error> {
    let output = command.output().map_err(|error| Error::Step { step, said: error.to_string() })?;
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Step { step, said })
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error::File { path: path.to_owned(), source })
}
