//! A mail server nobody here wrote: aiosmtpd, which puts what it takes into a folder (Maildir).

use std::{
    fs,
    net::{Ipv4Addr, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use sambung::ports::free_port;
use tempfile::TempDir;

/// Debian's own, whose packages `bin/install-deps test` installs.
const PYTHON: &str = "/usr/bin/python3";

/// It, gone at the end.
pub struct Smtp {
    pub port: u16,
    folder: TempDir,
    running: Option<Child>,
}

impl Smtp {
    /// A port where nobody listens yet.
    pub fn down() -> Self {
        Self { port: free_port().unwrap(), folder: tempfile::tempdir().unwrap(), running: None }
    }

    /// One that takes mails.
    pub fn up() -> Self {
        let mut server = Self::down();
        server.start(&[]);
        server
    }

    /// Begins to listen.
    pub fn start(&mut self, arguments: &[&str]) {
        let mails = self.mails().to_str().unwrap().to_owned();
        let place = format!("127.0.0.1:{}", self.port);
        let handler = ["-c", "aiosmtpd.handlers.Mailbox", &mails];
        self.run(&[&["-m", "aiosmtpd", "-n", "-l", &place], arguments, &handler].concat());
    }

    /// One that wants STARTTLS with that certificate and its key, and from `login` a user and a password.
    pub fn guarded((certificate, key): (&str, &str), login: &[&str]) -> Self {
        let mut server = Self::down();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/server.py");
        let (port, mails) = (server.port.to_string(), server.mails().to_str().unwrap().to_owned());
        let answers = server.folder.path().to_str().unwrap().to_owned();
        server.run(&[&[script, &port, &mails, &answers, certificate, key], login].concat());
        server
    }

    /// From now on a guarded one says this to that command.
    pub fn says(&self, command: &str, answer: &str) {
        fs::write(self.folder.path().join(command), answer).unwrap();
    }

    /// How often a guarded one has heard that command.
    pub fn heard(&self, command: &str) -> usize {
        let heard = fs::read_to_string(self.folder.path().join("heard")).unwrap_or_default();
        heard.lines().filter(|line| *line == command).count()
    }

    fn run(&mut self, arguments: &[&str]) {
        let mut command = Command::new(PYTHON);
        command.args(arguments);
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.running = Some(started.expect("python3-aiosmtpd: bin/install-deps test"));
        for _ in 0..500 {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("aiosmtpd does not listen: bin/install-deps test");
    }

    fn mails(&self) -> PathBuf {
        self.folder.path().join("mails")
    }

    /// What it has taken, without the line breaks of quoted-printable.
    pub fn taken(&self) -> Vec<String> {
        let Ok(files) = fs::read_dir(self.mails().join("new")) else { return Vec::new() };
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap().replace("=\n", "")).collect()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.kill();
            let _ = running.wait();
        }
    }
}
