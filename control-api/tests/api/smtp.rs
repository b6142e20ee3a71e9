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
        let mut command = Command::new(PYTHON);
        command.args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{}", self.port)]);
        command.args(arguments).args(["-c", "aiosmtpd.handlers.Mailbox"]).arg(self.mails());
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
