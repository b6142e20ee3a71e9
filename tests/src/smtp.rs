//! A mail server nobody here wrote: aiosmtpd, which puts what it takes into a folder (Maildir).

use std::{fs, net::TcpStream, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result, ensure};

use crate::process::{Running, wait_until};

/// Debian's own, whose packages `bin/install-deps test` installs.
const PYTHON: &str = "/usr/bin/python3";
const START_MAX: Duration = Duration::from_secs(20);
/// Writes what is attached to a mail.
const ATTACHED: &str = "import email, sys\n\
    for part in email.message_from_binary_file(open(sys.argv[1], 'rb')).walk():\n\
    \x20   if part.get_content_disposition() == 'attachment':\n\
    \x20       sys.stdout.buffer.write(part.get_payload(decode=True))";

/// A server that may be away.
#[derive(Debug)]
pub struct Smtp {
    /// Where it listens, or will.
    pub port: u16,
    folder: tempfile::TempDir,
    running: Option<Running>,
}

impl Smtp {
    /// One that does not listen yet, on that port.
    pub fn down(port: u16) -> Result<Self> {
        Ok(Self { port, folder: tempfile::tempdir()?, running: None })
    }

    /// Begins to listen.
    pub fn start(&mut self) -> Result<()> {
        let mut command = Command::new(PYTHON);
        command.args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{}", self.port)]);
        command.args(["-c", "aiosmtpd.handlers.Mailbox"]).arg(self.folder.path().join("mails"));
        self.running = Some(Running::start(&mut command, &self.folder.path().join("log"))?);
        wait_until(START_MAX, "aiosmtpd", || Ok(TcpStream::connect(("127.0.0.1", self.port)).is_ok()))
    }

    /// The mails that it has taken.
    pub fn taken(&self) -> Result<Vec<String>> {
        self.files()?.iter().map(|path| Ok(fs::read_to_string(path)?)).collect()
    }

    /// What is attached to the only mail, by the word of Python's own reader.
    pub fn attached(&self) -> Result<Vec<u8>> {
        let files = self.files()?;
        ensure!(files.len() == 1, "{files:?}");
        let file = files.first().context("one")?;
        let read = Command::new(PYTHON).args(["-c", ATTACHED]).arg(file).output()?;
        ensure!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        Ok(read.stdout)
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let Ok(files) = fs::read_dir(self.folder.path().join("mails/new")) else { return Ok(Vec::new()) };
        files.map(|file| Ok(file?.path())).collect()
    }
}
