//! The program under test: a folder with its configuration, its process, its local door.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use contract::outside::Outside;
use sambung::ports::Ports;

/// Longest wait for anything that must happen.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Nobody listens on port 1.
const AWAY: &str = "postgres://sambung_switch:secret-word@127.0.0.1:1/sambung";

/// A folder, a configuration in it, and perhaps a switch that runs with it.
pub struct Switch {
    folder: tempfile::TempDir,
    pub sip: SocketAddr,
    media_ports: u16,
    /// Held until it has ended.
    _ports: Ports,
    /// Where it listens besides, and then carries media over IPv6 too.
    pub sip6: Option<SocketAddr>,
    /// What connects its organisation with the telephone network.
    pub outside: Outside,
    /// More lines for `[sip]`.
    pub sip_more: String,
    /// By default nobody is there.
    pub database_url: String,
    child: Option<Child>,
}

/// For RTP and RTCP.
const MEDIA_PORTS: u16 = 40;

impl Switch {
    pub fn new() -> Self {
        let mut ports = Ports::claim().unwrap();
        let sip = SocketAddr::from(([127, 0, 0, 1], ports.take(1)));
        Self {
            folder: tempfile::tempdir().unwrap(),
            sip,
            media_ports: ports.take(MEDIA_PORTS),
            _ports: ports,
            sip6: None,
            outside: Outside::default(),
            sip_more: String::new(),
            database_url: AWAY.into(),
            child: None,
        }
    }

    /// Has it listen on IPv6 too, at the same port.
    pub fn on_both_families(&mut self) {
        self.sip6 = Some(SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, self.sip.port())));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn config(&self) -> String {
        let (first, last) = (self.media_ports, self.media_ports + MEDIA_PORTS - 1);
        let listeners: Vec<String> =
            [self.sip].iter().chain(&self.sip6).map(|address| format!("'{address}'")).collect();
        let (sip, more) = (listeners.join(", "), &self.sip_more);
        let media = self.sip6.map_or("['127.0.0.1']", |_| "['127.0.0.1', '::1']");
        format!(
            "data_dir = 'data'\n[sip]\nudp = [{sip}]\ntcp = [{sip}]\n{more}[media]\naddresses = {media}\nports = '{first}-{last}'\n\
             port_quarantine_secs = 0\n[log]\nformat = 'json'\n"
        )
    }

    pub fn command(&self, config: &str) -> Command {
        let path = self.path("sambung.toml");
        fs::write(&path, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sambungd"));
        command.arg("--config").arg(path).env_remove("CREDENTIALS_DIRECTORY");
        command.env("DATABASE_URL", &self.database_url);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end, which must come by itself.
    pub fn refused(&self, config: &str) -> Vec<String> {
        let started = Instant::now();
        let Output { status, stdout, stderr } = self.command(config).output().unwrap();
        assert_eq!(status.code(), Some(2), "{}", String::from_utf8_lossy(&stderr));
        assert!(stdout.is_empty() && started.elapsed() < PATIENCE);
        let text = String::from_utf8(stderr).unwrap();
        text.lines().filter(|line| !line.starts_with('{')).map(str::to_owned).collect()
    }

    pub fn start(&mut self) {
        // A killed one leaves it behind; the new one removes it before it opens anything.
        let _ = fs::remove_file(self.path("data/switch_api.url"));
        self.child = Some(self.command(&self.config()).spawn().unwrap());
        let started = Instant::now();
        while !self.path("data/switch_api.url").exists() {
            assert!(started.elapsed() < PATIENCE, "it does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        self.http("GET", path, token, "")
    }

    pub fn http(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let url = fs::read_to_string(self.path("data/switch_api.url")).unwrap();
        let host = url.trim().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{token}");
        let head = format!("{head}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub fn token(&self) -> String {
        fs::read_to_string(self.path("data/switch_api.token")).unwrap().trim().to_owned()
    }

    pub fn metric(&self, name: &str) -> u64 {
        let (_, page) = self.get("/metrics", Some(&self.token()));
        let line = page.lines().find(|line| line.starts_with(name) && line[name.len()..].starts_with(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}"))[name.len()..].trim().parse().unwrap()
    }

    /// Waits until calls can be made.
    pub fn wait_until_ready(&self) {
        let started = Instant::now();
        while self.get("/v1/health", None).0 != 200 {
            assert!(started.elapsed() < PATIENCE, "{:?}", self.get("/v1/health", None));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until a metric has grown to a value.
    pub fn wait_for(&self, metric: &str, value: u64) {
        let started = Instant::now();
        while self.metric(metric) < value {
            assert!(started.elapsed() < PATIENCE, "{metric} stays at {}", self.metric(metric));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What the kernel says of the running program under this name; `None` where it does not know it.
    pub fn status(&self, name: &str) -> Option<String> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.as_ref()?.id())).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        Some(value.trim().to_owned())
    }

    /// SIGKILL, as by a crash.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a signal and gives the exit code and what was logged.
    pub fn stop(&mut self, signal: &str) -> (Option<i32>, String) {
        let mut child = self.child.take().unwrap();
        assert!(Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap().success());
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "it does not stop");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        (status.code(), text)
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The next connection.
pub fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let started = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                return stream;
            }
            Err(error) => assert!(started.elapsed() < PATIENCE, "nobody connects: {error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
