//! SIPp, playing the scenarios of `tests/sipp` against the switch.
//!
//! A scenario is a template: `{name}` is replaced before SIPp sees it. Words that start with `callee_` wait for a
//! call on their own port, the others begin one.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::{
    phones::{Account, Transport},
    process::Running,
};

/// How long a scenario may take before SIPp gives it up: longer than a session that nobody refreshes.
const SCENARIO_SECS: u16 = 90;

/// Scenarios that must see repeated messages, which SIPp otherwise swallows (`-nr`).
const SEEING_REPEATS: &[&str] = &["lost_200", "callee_lost_ack"];

/// Somebody with an account and a port of their own.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Where scenarios and traces of this actor stand.
    pub folder: PathBuf,
    /// The account.
    pub account: Account,
    /// The SIP port; the RTP port is the next even one.
    pub port: u16,
}

/// A scenario that is being played.
#[derive(Debug)]
pub struct Playing {
    running: Running,
    name: String,
    folder: PathBuf,
}

impl Actor {
    /// Plays `scenario` once, with `{number}` for whom it is about and further words; does not wait for its end.
    pub fn play(&self, scenario: &str, number: &str, words: &[(&str, &str)]) -> Result<Playing> {
        let words: Vec<_> = words.iter().copied().chain([("number", number)]).collect();
        self.start(scenario, &words, &["-m", "1", "-l", "1"], true)
    }

    /// Plays it so many times: at `rate` a second, or whenever somebody calls.
    pub fn play_many(
        &self,
        scenario: &str,
        words: &[(&str, &str)],
        count: u32,
        rate: Option<u32>,
    ) -> Result<Playing> {
        let (count, rate) = (count.to_string(), rate.map(|rate| rate.to_string()));
        let mut how = vec!["-m", &count, "-l", &count];
        if let Some(rate) = &rate {
            how.extend(["-r", rate]);
        }
        self.start(scenario, words, &how, false)
    }

    fn start(
        &self,
        scenario: &str,
        words: &[(&str, &str)],
        how: &[&str],
        is_traced: bool,
    ) -> Result<Playing> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp").join(format!("{scenario}.xml"));
        let mut text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let account = &self.account;
        let media_port = (self.port + 2).to_string();
        let own = [
            ("user", account.username.as_str()),
            ("password", &account.password),
            ("domain", &account.domain),
            ("media_port", &media_port),
        ];
        for (word, value) in own.iter().chain(words) {
            text = text.replace(&format!("{{{word}}}"), value);
        }
        std::fs::create_dir_all(&self.folder)?;
        let stem = format!("{}-{scenario}", account.username);
        let file = self.folder.join(format!("{stem}.xml"));
        std::fs::write(&file, text)?;
        let mut command = self.command(&file, &stem, is_traced)?;
        command.args(how);
        if SEEING_REPEATS.contains(&scenario) {
            command.arg("-nr");
        }
        let running = Running::start(&mut command, &self.folder.join(format!("{stem}.out")))?;
        Ok(Playing { running, name: stem, folder: self.folder.clone() })
    }

    fn command(&self, scenario: &Path, stem: &str, is_traced: bool) -> Result<Command> {
        let switch: SocketAddr = self.account.switch.context("a switch to talk to")?;
        let transport = if self.account.transport == Transport::Tcp { "t1" } else { "u1" };
        let mut command = Command::new("sipp");
        command.arg(switch.to_string()).arg("-sf").arg(scenario);
        command.args(["-i", "127.0.0.1", "-p", &self.port.to_string(), "-t", transport]);
        command.args(["-nostdin", "-nd", "-default_behaviors", "none"]);
        command.args(["-timeout", &SCENARIO_SECS.to_string(), "-timeout_error"]);
        if is_traced {
            let messages = format!("{stem}.messages");
            command.args(["-trace_msg", "-message_file", &messages, "-message_overwrite", "true"]);
        }
        command.args(["-trace_err", "-error_file", &format!("{stem}.errors")]).env("TERM", "dumb");
        command.current_dir(&self.folder);
        Ok(command)
    }

    /// Plays a scenario to its end.
    pub fn perform(&self, scenario: &str, number: &str, words: &[(&str, &str)]) -> Result<()> {
        self.play(scenario, number, words)?.finish()
    }

    /// Registers at the switch, so that calls reach this actor's port.
    pub fn register(&self) -> Result<()> {
        let contact = format!("Contact: &lt;sip:{}@", self.account.username);
        self.perform("register", &self.account.username, &[("expires", "300"), ("expected", &contact)])
    }

    /// Takes the registration back.
    pub fn unregister(&self) -> Result<()> {
        self.perform("register", &self.account.username, &[("expires", "0"), ("expected", "REGISTER")])
    }
}

impl Playing {
    /// Waits for the scenario's end and for its success; a failure carries the SIP messages.
    pub fn finish(mut self) -> Result<()> {
        let status = self.running.wait(Duration::from_secs(u64::from(SCENARIO_SECS) + 10))?;
        ensure!(status.success(), "{} failed ({status})\n{}", self.name, self.messages());
        Ok(())
    }

    /// The SIP messages so far.
    pub fn messages(&self) -> String {
        let read = |end: &str| std::fs::read_to_string(self.folder.join(format!("{}.{end}", self.name)));
        format!("{}\n{}", read("errors").unwrap_or_default(), read("messages").unwrap_or_default())
    }
}
