//! baresip, driven through its `ctrl_tcp` module: JSON in netstrings, commands one way and events the other.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::{Account, Desk, Phone, STEP, Srtp, TONE_SECS};
use crate::{
    audio,
    process::{Running, wait_until},
};

/// How long it may take to sign off. A switch that is gone does not answer, and it would wait for that for Timer F, 32 s.
const SIGN_OFF_MAX: Duration = Duration::from_secs(1);

/// A running baresip that answers every call at once.
#[derive(Debug)]
pub struct Baresip {
    running: Running,
    control: TcpStream,
    unread: Vec<u8>,
    events: Vec<String>,
    desk: Desk,
    username: String,
}

impl Baresip {
    /// Starts one. It registers by itself when its account says where.
    pub fn start(account: &Account, desk: &Desk) -> Result<Self> {
        let folder = desk.folder.display();
        // It takes the port after the SIP port for TLS.
        let (sip, control, rtp) = (desk.ports, desk.ports + 2, desk.ports + 4);
        audio::write_tone(&desk.folder.join("tone.wav"), desk.tone_hz, TONE_SECS)?;
        let authority = account.authority.as_ref();
        let is_ipv6 = account.switch.is_some_and(|switch| switch.is_ipv6());
        let (interface, ours, family) =
            if is_ipv6 { ("::1", "[::1]", "-6") } else { ("127.0.0.1", "127.0.0.1", "-4") };
        let believes = authority.map(|path| format!("sip_cafile {}\n", path.display())).unwrap_or_default();
        let config = format!(
            "{believes}net_interface {interface}\nsip_listen {ours}:{sip}\n\
             audio_source aufile,{folder}/tone.wav\naudio_player aubridge,phone\naudio_alert aubridge,alert\n\
             ausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\naudio_buffer 20-160\n\
             rtp_ports {rtp}-{}\nmodule_path /usr/lib/baresip/modules\n\
             module srtp.so\nmodule dtls_srtp.so\nmodule g711.so\nmodule opus.so\nmodule aufile.so\nmodule aubridge.so\n\
             module sndfile.so\n\
             module_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
             ctrl_tcp_listen 127.0.0.1:{control}\nsnd_path {folder}\n",
            rtp + 20
        );
        // It writes to its current contact only, and shows what it gets where it reads what it is told.
        let (contact, contacts) = match &desk.friend {
            Some(friend) => ("module stdio.so\nmodule_app contact.so\n", format!("\"friend\" <{friend}>\n")),
            None => ("", String::new()),
        };
        std::fs::write(desk.folder.join("current_contact"), desk.friend.as_deref().unwrap_or(""))?;
        std::fs::write(desk.folder.join("config"), config + contact)?;
        std::fs::write(desk.folder.join("accounts"), account_line(account, sip))?;
        std::fs::write(desk.folder.join("contacts"), contacts)?;
        let mut command = Command::new("baresip");
        command.args([family, "-v", "-f"]).arg(&desk.folder);
        let mut running = Running::start(&mut command, &desk.folder.join("log"))?.killed_after(SIGN_OFF_MAX);
        running.wait_for("baresip is ready", STEP)?;
        let control = TcpStream::connect(("127.0.0.1", control))?;
        control.set_read_timeout(Some(Duration::from_millis(20)))?;
        let (unread, events) = (Vec::new(), Vec::new());
        Ok(Self { running, control, unread, events, desk: desk.clone(), username: account.username.clone() })
    }

    /// Puts its call on hold, or takes it back.
    pub fn hold(&mut self, holds: bool) -> Result<()> {
        self.command(if holds { "hold" } else { "resume" }, "")
    }

    /// Sends its call on to a target, a SIP URI.
    pub fn transfer(&mut self, target: &str) -> Result<()> {
        self.forget()?;
        self.command("transfer", target)
    }

    /// Presses keys, one after the other.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        self.command("sndcode", keys)
    }

    /// Waits until its far end presses a key.
    pub fn is_pressed_to(&mut self) -> Result<()> {
        self.event("CALL_DTMF_START")
    }

    /// Waits until the switch has refused its registration with this answer.
    pub fn refused(&mut self, answer: &str) -> Result<()> {
        self.running.wait_for(answer, STEP)
    }

    fn command(&mut self, name: &str, params: &str) -> Result<()> {
        let text = json!({ "command": name, "params": params, "token": name }).to_string();
        Ok(self.control.write_all(format!("{}:{text},", text.len()).as_bytes())?)
    }

    /// Waits for the next event of this type; what came before it is forgotten with it.
    fn event(&mut self, name: &str) -> Result<()> {
        let end = Instant::now() + STEP;
        loop {
            if let Some(at) = self.events.iter().position(|event| event == name) {
                self.events.drain(..=at);
                return Ok(());
            }
            if Instant::now() > end {
                bail!("baresip {}: no {name}, only {:?}\n{}", self.username, self.events, self.printed());
            }
            self.read_events()?;
        }
    }

    /// Forgets what has happened so far.
    fn forget(&mut self) -> Result<()> {
        self.read_events()?;
        self.events.clear();
        Ok(())
    }

    fn read_events(&mut self) -> Result<()> {
        let mut buffer = [0; 4_096];
        match self.control.read(&mut buffer) {
            Ok(0) => bail!("baresip has gone:\n{}", self.printed()),
            Ok(length) => self.unread.extend_from_slice(&buffer[..length]),
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        while let Some(text) = take_netstring(&mut self.unread)? {
            let value: Value = serde_json::from_slice(&text).context("ctrl_tcp speaks JSON")?;
            self.events.extend(value["type"].as_str().map(str::to_owned));
        }
        Ok(())
    }
}

/// `<address of record>;parameters`, the format of the module `account`.
fn account_line(account: &Account, port: u16) -> String {
    let transport = account.transport.as_str();
    let codec = format!("answermode=auto;audio_codecs={}", account.codec);
    let encryption = match account.srtp {
        Srtp::Off => "",
        Srtp::Optional => ";mediaenc=srtp",
        Srtp::Mandatory => ";mediaenc=srtp-mand",
        Srtp::Dtls => ";mediaenc=dtls_srtp",
    };
    match account.switch {
        Some(switch) => format!(
            "<sip:{user}@{domain};transport={transport}>;auth_user={user};auth_pass={password};regint=300;\
             outbound=\"sip:{switch};transport={transport}\";{codec}{encryption}\n",
            user = account.username,
            domain = account.domain,
            password = account.password,
        ),
        None => {
            format!(
                "<sip:{}@127.0.0.1:{port};transport={transport}>;regint=0;{codec}{encryption}\n",
                account.username
            )
        }
    }
}

/// Takes the first whole netstring, `LENGTH:BYTES,`, off the front.
fn take_netstring(unread: &mut Vec<u8>) -> Result<Option<Vec<u8>>> {
    let Some(colon) = unread.iter().position(|byte| *byte == b':') else { return Ok(None) };
    let length: usize = std::str::from_utf8(&unread[..colon])?.parse().context("a netstring's length")?;
    let end = colon + 1 + length;
    if unread.len() <= end {
        return Ok(None);
    }
    let text = unread[colon + 1..end].to_vec();
    unread.drain(..=end);
    Ok(Some(text))
}

impl Phone for Baresip {
    fn registered(&mut self) -> Result<()> {
        // The event may have been raised before the control connection was there; the log has it in any case.
        self.running.wait_for("200 OK", STEP)
    }

    fn dial(&mut self, target: &str) -> Result<()> {
        self.forget()?;
        self.command("dial", target)
    }

    fn talking(&mut self) -> Result<()> {
        self.event("CALL_ESTABLISHED")
    }

    fn hang_up(&mut self) -> Result<()> {
        self.command("hangup", "")
    }

    fn over(&mut self) -> Result<()> {
        self.event("CALL_CLOSED")
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.command("message", text)
    }

    fn shows(&mut self, text: &str) -> Result<()> {
        self.running.wait_for(text, STEP)
    }

    fn direct_uri(&self) -> String {
        format!("sip:{}@127.0.0.1:{}", self.username, self.desk.ports)
    }

    /// How long it is baresip writes when it has put the call away, which is after it has told that the call is over.
    fn recording(&self) -> Result<Vec<i16>> {
        let mut samples = Vec::new();
        wait_until(STEP, "baresip's recording", || {
            let files = std::fs::read_dir(&self.desk.folder)?.flatten().map(|entry| entry.path());
            // Named by the time: of the latest call.
            if let Some(path) = files.filter(|path| path.to_string_lossy().ends_with("-dec.wav")).max() {
                samples = audio::read(&path)?;
            }
            Ok(!samples.is_empty())
        })?;
        Ok(samples)
    }

    /// Without its counter of octets, which it prints ten times a second.
    fn printed(&self) -> String {
        let printed = self.running.printed();
        let is_count = |part: &&str| part.trim_start().starts_with('[') && part.contains("(bit/s)");
        printed.split(['\r', '\n']).filter(|part| !is_count(part)).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netstrings_are_taken_whole() {
        let mut unread = b"2:ab,3:c".to_vec();
        assert_eq!(take_netstring(&mut unread).unwrap(), Some(b"ab".to_vec()));
        assert_eq!(take_netstring(&mut unread).unwrap(), None);
        unread.extend_from_slice(b"de,");
        assert_eq!(take_netstring(&mut unread).unwrap(), Some(b"cde".to_vec()));
        assert!(unread.is_empty());
    }
}
