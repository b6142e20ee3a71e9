//! The program as a whole: what it says when it cannot start, what it does without a database, how it stops.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(15);

/// A folder, a configuration in it, and perhaps a switch that runs with it.
struct Fixture {
    folder: tempfile::TempDir,
    sip: SocketAddr,
    media_ports: u16,
    child: Option<Child>,
}

/// Ports that one test takes: one for SIP, the rest for media.
const PORTS_PER_TEST: u16 = 42;

/// The first of some ports that nobody uses, below those that the system gives to clients by itself.
fn free_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let offset = u16::try_from(std::process::id() % 100).unwrap() * 150;
    loop {
        let first = 11_000 + (offset + NEXT.fetch_add(PORTS_PER_TEST, Ordering::Relaxed)) % 20_000;
        let is_free = |port| {
            TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
        };
        if (first..first + PORTS_PER_TEST).all(is_free) {
            return first;
        }
    }
}

impl Fixture {
    fn new() -> Self {
        let first = free_ports();
        let sip = SocketAddr::from(([127, 0, 0, 1], first));
        Self { folder: tempfile::tempdir().unwrap(), sip, media_ports: first + 2, child: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn config(&self) -> String {
        let (sip, first, last) = (self.sip, self.media_ports, self.media_ports + 39);
        format!(
            "data_dir = 'data'\n[sip]\nudp = ['{sip}']\ntcp = ['{sip}']\n[media]\nports = '{first}-{last}'\n\
             port_quarantine_secs = 0\n[log]\nformat = 'json'\n"
        )
    }

    fn command(&self, config: &str) -> Command {
        let path = self.path("sambung.toml");
        fs::write(&path, config).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sambungd"));
        command.arg("--config").arg(path).env_remove("CREDENTIALS_DIRECTORY");
        // Nobody listens on port 1: the database is away for the whole test.
        command.env("DATABASE_URL", "postgres://sambung_switch:secret-word@127.0.0.1:1/sambung");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to its end, which must come by itself.
    fn refused(&self, config: &str) -> Vec<String> {
        let started = Instant::now();
        let Output { status, stdout, stderr } = self.command(config).output().unwrap();
        assert_eq!(status.code(), Some(2), "{}", String::from_utf8_lossy(&stderr));
        assert!(stdout.is_empty() && started.elapsed() < PATIENCE);
        let text = String::from_utf8(stderr).unwrap();
        text.lines().filter(|line| !line.starts_with('{')).map(str::to_owned).collect()
    }

    fn start(&mut self) {
        self.child = Some(self.command(&self.config()).spawn().unwrap());
        let started = Instant::now();
        while !self.path("data/switch_api.url").exists() {
            assert!(started.elapsed() < PATIENCE, "it does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        self.http("GET", path, token, "")
    }

    fn http(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
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

    fn token(&self) -> String {
        fs::read_to_string(self.path("data/switch_api.token")).unwrap().trim().to_owned()
    }

    fn metric(&self, name: &str) -> u64 {
        let (_, page) = self.get("/metrics", Some(&self.token()));
        let line = page.lines().find(|line| line.starts_with(name) && line[name.len()..].starts_with(' '));
        line.unwrap_or_else(|| panic!("no {name} in {page}"))[name.len()..].trim().parse().unwrap()
    }

    /// Sends a signal and gives the exit code and what was logged.
    fn stop(&mut self, signal: &str) -> (Option<i32>, String) {
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

impl Drop for Fixture {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn all_mistakes_of_the_configuration_are_listed_and_nothing_is_started() {
    let fixture = Fixture::new();
    let lines = fixture
        .refused("data_dir = 'data'\nmood = 'good'\n[sip]\nudp = ['everywhere']\n[media]\nports = 'all'\n");
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("sambungd: sip.udp: expected an address with a port"), "{lines:?}");
    assert!(lines[1].starts_with("sambungd: media.ports: expected"), "{lines:?}");
    assert!(lines[2].starts_with("sambungd: mood: no such key"), "{lines:?}");
    assert!(!fixture.path("data").exists());
}

#[test]
fn check_says_nothing_about_a_sound_configuration_and_opens_nothing() {
    let fixture = Fixture::new();
    let output = fixture.command(&fixture.config()).arg("--check").output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
    assert!(!fixture.path("data").exists());
}

#[test]
fn busy_ports_a_bad_url_and_an_unusable_data_directory_are_named_together() {
    let fixture = Fixture::new();
    let _tcp = TcpListener::bind(fixture.sip).unwrap();
    fs::write(fixture.path("data"), "a file, not a folder").unwrap();
    fs::write(fixture.path("url"), "not a url with secret-word").unwrap();
    let lines = fixture.refused(&format!("{}[database]\nurl_file = 'url'\n", fixture.config()));
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("sambungd: data_dir: ") && lines[0].contains("cannot be read"), "{lines:?}");
    assert!(lines[1].starts_with("sambungd: database.url_file: is not a URL"), "{lines:?}");
    let busy = format!("sambungd: sip.tcp: cannot listen on {}: Address already in use", fixture.sip);
    assert!(lines[2].starts_with(&busy), "{lines:?}");
    assert!(!lines.concat().contains("secret-word"));
}

#[test]
fn a_data_directory_belongs_to_one_switch() {
    let mut first = Fixture::new();
    first.start();
    let second = Fixture::new();
    let config = second.config().replace("'data'", &format!("'{}'", first.path("data").display()));
    let lines = second.refused(&config);
    assert!(lines.len() == 1 && lines[0].ends_with("another sambungd is using it"), "{lines:?}");
    assert_eq!(first.get("/v1/health", None).0, 503, "the first one goes on");
}

#[test]
fn without_a_database_it_runs_says_so_and_stops_in_order() {
    let mut fixture = Fixture::new();
    fixture.start();
    let started = Instant::now();
    let wanted = r#"{"live":true,"ready":false,"missing":["plan"],"degraded":["database"]}"#;
    while fixture.get("/v1/health", None) != (503, wanted.into()) {
        assert!(started.elapsed() < PATIENCE, "{:?}", fixture.get("/v1/health", None));
        std::thread::sleep(Duration::from_millis(20));
    }
    let (code, log) = fixture.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("sambungd has stopped") && !log.contains("secret-word"), "{log}");
    assert!(!fixture.path("data/switch_api.url").exists(), "nobody is sent to a door that is gone");
    fixture.start();
    assert_eq!(fixture.stop("-INT").0, Some(0));
}

#[test]
fn everything_but_health_asks_for_the_token() {
    let mut fixture = Fixture::new();
    fixture.start();
    let token = fixture.token();
    for path in ["/v1/calls", "/v1/registrations", "/metrics"] {
        assert_eq!(fixture.get(path, None).0, 401, "{path}");
        assert_eq!(fixture.get(path, Some("0000000000000000")).0, 401, "{path}");
        assert_eq!(fixture.get(path, Some(&token)).0, 200, "{path}");
    }
    assert_eq!(fixture.get("/v1/calls", Some(&token)).1, "[]");
    let hang_up = r#"{"command":"hang_up","call":"01890a5d-ac96-774b-bcce-b302099a8057"}"#;
    assert_eq!(fixture.http("POST", "/v1/commands", None, hang_up).0, 401);
    let answer = fixture.http("POST", "/v1/commands", Some(&token), hang_up);
    assert_eq!(answer, (200, r#"{"outcome":"unknown_call"}"#.into()));
    assert_eq!(fixture.http("POST", "/v1/commands", Some(&token), "{}").0, 422);
    assert_eq!(fixture.http("POST", "/v1/commands", Some(&token), &" ".repeat(20_000)).0, 413);
    assert_eq!(fixture.get("/v1/secrets", Some(&token)).0, 404);
}

#[test]
fn garbage_is_counted_and_leads_to_nothing() {
    let mut fixture = Fixture::new();
    fixture.start();
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut noise = vec![0_u8; 1_400];
    for round in 0..500_u32 {
        noise.iter_mut().enumerate().for_each(|(at, byte)| *byte = (round as usize * 31 + at * 7) as u8);
        stranger.send_to(&noise[..(round as usize % 1_400).max(5)], fixture.sip).unwrap();
    }
    let started = Instant::now();
    while fixture.metric("sambung_notices_total{kind=\"dropped_malformed\"}") < 500 {
        assert!(started.elapsed() < PATIENCE);
        std::thread::sleep(Duration::from_millis(20));
    }
    stranger.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stranger.recv(&mut noise).unwrap_err();
    let (code, log) = fixture.stop("-TERM");
    assert_eq!(code, Some(0));
    assert!(log.lines().count() < 20, "garbage must not fill the log: {log}");
}
