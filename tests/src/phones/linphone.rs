//! linphonec, driven through its prompt.

use std::{io::Write as _, process::Command};

use anyhow::{Context, Result};

use super::{Account, Desk, Phone, STEP, TONE_SECS};
use crate::{
    audio,
    process::{Running, wait_until},
};

/// A running linphonec that answers every call at once.
#[derive(Debug)]
pub struct Linphone {
    running: Running,
    desk: Desk,
    username: String,
}

impl Linphone {
    /// Starts one and registers it when its account says where.
    pub fn start(account: &Account, desk: &Desk) -> Result<Self> {
        audio::write_tone(&desk.folder.join("tone.wav"), desk.tone_hz, TONE_SECS)?;
        std::fs::write(desk.folder.join("rc"), config(account, desk.ports))?;
        // Without this folder its database cannot be made, and without the database it never looks at the network.
        std::fs::create_dir_all(desk.folder.join(".local/share/linphone"))?;
        let mut command = Command::new("linphonec");
        command.env("HOME", &desk.folder).env("TERM", "dumb");
        command.args(["-a", "-c"]).arg(desk.folder.join("rc"));
        command.args(["-d", "4", "-l"]).arg(desk.folder.join("debug.log"));
        let running = Running::start(&mut command, &desk.folder.join("log"))?;
        let mut phone = Self { running, desk: desk.clone(), username: account.username.clone() };
        phone.running.wait_for("linphonec>", STEP)?;
        phone.logged("SIP network reachability state is now [UP]")?;
        phone.say("soundcard use files")?;
        phone.say(&format!("play {}", desk.folder.join("tone.wav").display()))?;
        phone.say(&format!("record {}", desk.folder.join("heard.wav").display()))?;
        Ok(phone)
    }

    /// Puts its call on hold, without which it takes no other one.
    pub fn hold(&mut self) -> Result<()> {
        self.say("pause")?;
        self.running.wait_for("is now paused", STEP)
    }

    /// Presses keys, one after the other; they are told by INFO.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        self.say(keys)
    }

    /// Connects the two others of its two calls, the first one's other to the second one's (attended transfer).
    pub fn transfer_to_other_call(&mut self) -> Result<()> {
        self.say("transfer 1 --to-call 2")
    }

    /// Waits until its debug log, which knows more than its prompt, holds `text`.
    fn logged(&self, text: &str) -> Result<()> {
        wait_until(STEP, text, || {
            let log = std::fs::read(self.desk.folder.join("debug.log"))?;
            Ok(String::from_utf8_lossy(&log).contains(text))
        })
    }

    fn say(&mut self, line: &str) -> Result<()> {
        let input = self.running.input().context("its standard input")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }
}

/// Its linphonerc: one transport, G.711 only, keys by INFO, no STUN, no IPv6, no video.
fn config(account: &Account, port: u16) -> String {
    let (user, domain) = (&account.username, &account.domain);
    let mut text = format!(
        "[sip]\nsip_port={udp}\nsip_tcp_port={tcp}\nsip_tls_port=0\nbind_address=127.0.0.1\nguess_hostname=0\n\
         contact=\"{user}\" <sip:{user}@127.0.0.1>\nuse_info=1\nuse_rfc2833=0\nuse_ipv6=0\nipv6_migration_done=1\nmedia_encryption=none\n\
         default_proxy={proxy}\n\
         [rtp]\naudio_rtp_port={rtp}\naudio_jitt_comp=60\n[net]\nmtu=1500\n[app]\nauto_download_incoming_files_max_size=-1\n",
        udp = if account.transport == super::Transport::Udp { i32::from(port) } else { 0 },
        tcp = if account.transport == super::Transport::Tcp { i32::from(port) } else { 0 },
        proxy = if account.switch.is_some() { 0 } else { -1 },
        rtp = port + 2,
    );
    for (n, (mime, enabled)) in [("PCMU", 1), ("PCMA", 0), ("opus", 0), ("speex", 0)].into_iter().enumerate()
    {
        let (rate, channels) = if mime == "opus" { (48_000, 2) } else { (8_000, 1) };
        text +=
            &format!("[audio_codec_{n}]\nmime={mime}\nrate={rate}\nchannels={channels}\nenabled={enabled}\n");
    }
    if let Some(switch) = account.switch {
        let transport = account.transport.as_str();
        text += &format!(
            "[proxy_0]\nreg_proxy=<sip:{switch};transport={transport}>\nreg_route=<sip:{switch};transport={transport};lr>\n\
             reg_identity=<sip:{user}@{domain}>\nreg_expires=300\nreg_sendregister=1\npublish=0\n\
             [auth_info_0]\nusername={user}\npasswd={password}\nrealm={domain}\n",
            password = account.password,
        );
    }
    text
}

impl Phone for Linphone {
    fn registered(&mut self) -> Result<()> {
        self.logged("[LinphoneRegistrationOk]")
    }

    fn dial(&mut self, target: &str) -> Result<()> {
        self.say(&format!("call {target}"))
    }

    fn talking(&mut self) -> Result<()> {
        self.running.wait_for("Media streams established", STEP)
    }

    fn hang_up(&mut self) -> Result<()> {
        self.say("terminate")
    }

    fn over(&mut self) -> Result<()> {
        self.running.wait_for("ended (", STEP)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        let friend = self.desk.friend.clone().context("somebody to write to")?;
        self.say(&format!("chat {friend} \"{text}\""))
    }

    fn shows(&mut self, text: &str) -> Result<()> {
        self.logged(text)
    }

    fn direct_uri(&self) -> String {
        format!("sip:{}@127.0.0.1:{}", self.username, self.desk.ports)
    }

    fn recording(&self) -> Result<Vec<i16>> {
        audio::read(&self.desk.folder.join("heard.wav"))
    }

    fn printed(&self) -> String {
        self.running.printed()
    }
}
