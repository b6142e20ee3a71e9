//! A folder, ports and a running demo for one test, gone at its end.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use sambung::{ports::Ports, secret};
use serde_json::Value;

/// `sambung` with the daemons beside it.
pub fn binary() -> &'static Path {
    let own = Path::new(env!("CARGO_BIN_EXE_sambung"));
    for daemon in ["sambungd", "sambung-api"].map(|name| own.with_file_name(name)) {
        // Not built from here: that would put another build in the place of the one that other tests run.
        assert!(daemon.exists(), "{} is missing: run `cargo build --workspace --bins`", daemon.display());
    }
    own
}

const RTP_PORTS: u16 = 100;

/// A folder and ports for one test, gone at its end.
pub struct Site {
    pub home: PathBuf,
    pub sip: u16,
    pub sips: u16,
    pub ws: u16,
    pub wss: u16,
    pub http: u16,
    rtp: u16,
    _ports: Ports,
}

impl Site {
    pub fn new() -> Self {
        let home =
            std::env::temp_dir().join(format!("sambung-up-{}", secret::hex(&secret::bytes::<8>().unwrap())));
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
        let mut ports = Ports::claim().unwrap();
        let [sip, sips, ws, wss, http, rtp] = [1, 1, 1, 1, 1, RTP_PORTS].map(|count| ports.take(count));
        Self { home, sip, sips, ws, wss, http, rtp, _ports: ports }
    }

    pub fn data(&self) -> PathBuf {
        self.home.join("var")
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(binary());
        command.arg("up").arg("--data").arg(self.data()).env_remove("DATABASE_URL");
        let rtp = format!("{}-{}", self.rtp, self.rtp + RTP_PORTS - 1);
        let address = |port| format!("127.0.0.1:{port}");
        command.args(["--sip", &address(self.sip), "--sips", &address(self.sips)]);
        command.args(["--ws", &address(self.ws), "--wss", &address(self.wss)]);
        command.args(["--http", &address(self.http), "--rtp", &rtp]);
        command
    }

    pub fn demo(&self) -> Value {
        serde_json::from_slice(&fs::read(self.data().join("demo.json")).unwrap()).unwrap()
    }

    /// Starts, and waits for the line `ready`.
    pub fn start(&self, more: &[&str]) -> Up<'_> {
        let mut command = self.command();
        self.start_as(command.args(more))
    }

    pub fn start_as(&self, command: &mut Command) -> Up<'_> {
        let (out, err) = (self.home.join("out"), self.home.join("err"));
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let mut up = Up { site: self, process: command.spawn().unwrap() };
        let until = Instant::now() + Duration::from_secs(60);
        while !up.said("out").ends_with("\nready\n") {
            assert!(up.process.try_wait().unwrap().is_none(), "ended:\n{}", up.said("err"));
            assert!(Instant::now() < until, "not ready:\n{}", up.said("err"));
            sleep(Duration::from_millis(50));
        }
        up
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

pub struct Up<'a> {
    pub site: &'a Site,
    pub process: Child,
}

impl Up<'_> {
    pub fn said(&self, stream: &str) -> String {
        fs::read_to_string(self.site.home.join(stream)).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.process.id().cast_signed()).unwrap(), signal).unwrap();
    }

    pub fn stop(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.process.wait().unwrap()
    }

    /// The processes whose command line names the folder, as (pid, command line). What Postgres has just forked looks like
    /// itself for a moment, and is none.
    pub fn family(&self) -> Vec<(i32, String)> {
        let folder = self.site.data().display().to_string();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let lines = processes.filter_map(|process| {
            let pid = process.file_name().to_str()?.parse().ok()?;
            let line =
                String::from_utf8_lossy(&fs::read(process.path().join("cmdline")).ok()?).replace('\0', " ");
            (line.contains(&folder) && !line.contains(" up ")).then_some((pid, line))
        });
        let named: Vec<(i32, String)> = lines.collect();
        let is_forked = |pid: i32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
            named.iter().any(|(other, _)| Some(*other) == parent)
        };
        named.iter().filter(|(pid, _)| !is_forked(*pid)).cloned().collect()
    }

    pub fn child(&self, name: &str) -> Pid {
        let family = self.family();
        let found = family.iter().find(|(_, line)| line.split(' ').next().unwrap().ends_with(name));
        Pid::from_raw(found.unwrap_or_else(|| panic!("no {name} in {family:?}")).0).unwrap()
    }
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        if self.process.try_wait().unwrap().is_none() {
            self.signal(Signal::TERM);
            let _ = self.process.wait();
        }
    }
}

pub fn get(url: &str, key: &str) -> (u16, String) {
    // See `main`.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let answer = reqwest::Client::new().get(url).bearer_auth(key).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

pub fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("no {path} in {value}"))
}
