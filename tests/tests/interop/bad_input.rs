//! What people and strangers do wrong: a clear sentence or a silent drop with a counter, and never a panic.

use std::{
    fs,
    net::UdpSocket,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use sambung::ports::Ports;
use tests::{
    demo::{self, Demo},
    phones::Transport,
    process::{our, wait_until},
};

use crate::stage::{ANSWERED, PLAIN, Stage};

fn say(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs `sambung up` where it cannot start: it must say all of `words`, exit 2 and leave nothing behind.
fn check_refused(arguments: &[String], words: &[&str], data: &Path) -> Result<()> {
    let output = our("sambung", arguments)?.output()?;
    let said = say(&output);
    ensure!(output.status.code() == Some(2), "{}: {said}", output.status);
    for word in words {
        ensure!(said.contains(word), "{word:?} is not said: {said}");
    }
    ensure!(!said.contains("panicked"), "{said}");
    ensure!(!data.join("postgres").exists(), "it has begun to set up Postgres: {said}");
    Ok(())
}

#[test]
fn all_mistakes_in_the_arguments_are_said_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("var");
    let text =
        format!("up --data {} --sip nowhere --http 127.0.0.1:99999 --rtp 5-4 --staff 0", data.display());
    let arguments: Vec<String> = text.split(' ').map(str::to_owned).collect();
    check_refused(&arguments, &["--sip", "--http", "--rtp", "--staff"], &data)?;
    ensure!(!data.exists(), "it has made {}", data.display());
    Ok(())
}

#[test]
fn all_mistakes_in_the_configuration_are_said_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("sambung.toml");
    let text = "[sip]\nudp = [\"nowhere\"]\ncolour = 1\n[media]\nports = \"9-8\"\n[limits]\ncalls_max = -1\n";
    fs::write(&file, text)?;
    let output = our("sambungd", ["--config".as_ref(), file.as_os_str()])?.output()?;
    let said = say(&output);
    ensure!(output.status.code() == Some(2), "{}: {said}", output.status);
    for key in ["sip.udp", "sip.colour", "media.ports", "limits.calls_max"] {
        ensure!(said.contains(key), "{key} is not said: {said}");
    }
    Ok(())
}

#[test]
fn a_busy_port_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("var");
    let mut ports = Ports::claim()?;
    for (flag, what) in [("--sip", "SIP"), ("--http", "HTTP")] {
        let mut arguments = demo::arguments(&data, &mut ports);
        let busy = format!("127.0.0.1:{}", ports.busy());
        let at = arguments.iter().position(|argument| argument == flag).context("the flag")?;
        arguments[at + 1].clone_from(&busy);
        check_refused(&arguments, &[&busy], &data).context(what)?;
    }
    Ok(())
}

#[test]
fn a_data_folder_that_cannot_be_one_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut ports = Ports::claim()?;
    let file = folder.path().join("file");
    fs::write(&file, "not a folder")?;
    for data in [file.clone(), file.join("var"), Path::new("/proc/nothing").join("var")] {
        let shown = data.display().to_string();
        check_refused(&demo::arguments(&data, &mut ports), &[&shown], &data)?;
    }
    // Root may enter every folder; anybody else is told about a closed one.
    let closed = folder.path().join("closed");
    fs::create_dir(&closed)?;
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000))?;
    if fs::read_dir(&closed).is_err() {
        let data = closed.join("var");
        check_refused(&demo::arguments(&data, &mut ports), &[&closed.display().to_string()], &data)?;
    }
    Ok(())
}

/// In a mount namespace of its own, in which the folder of Debian's servers is empty.
#[test]
fn a_missing_postgres_is_named_with_what_to_install() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("var");
    let up = our("sambung", demo::arguments(&data, &mut Ports::claim()?))?;
    let mut command = Command::new("unshare");
    command.arg("--mount");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let hide = "mount -t tmpfs none /usr/lib/postgresql && exec \"$0\" \"$@\"";
    command
        .args(["sh", "-c", hide])
        .arg(up.get_program())
        .args(up.get_args())
        .env("PATH", "/usr/bin:/bin:/usr/sbin");
    let output = command.output()?;
    let said = say(&output);
    ensure!(output.status.code() == Some(2), "{}: {said}", output.status);
    ensure!(said.contains("apt-get install postgresql-15"), "{said}");
    ensure!(!data.join("postgres").exists(), "{said}");
    Ok(())
}

/// Rubbish from the network: dropped, counted, and the switch answers the next honest message.
#[test]
fn rubbish_is_dropped_and_counted() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let switch = stage.demo.sip(Transport::Udp)?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let dropped = |demo: &Demo| demo.figure("sambung_notices_total{kind=\"dropped_malformed\"}");
    let before = dropped(&stage.demo)?;
    let rubbish: [&[u8]; 6] = [
        b"hello\r\n\r\n",
        b"\0\0\0\0",
        b"INVITE\r\n\r\n",
        b"SIP/2.0 200\r\n\r\n",
        b"INVITE sip:1001@x SIP/2.0\r\nVia: \xff\xfe\r\n\r\n",
        &[0xff; 1_400],
    ];
    for round in 0_u8..50 {
        for bytes in rubbish {
            socket.send_to(bytes, switch)?;
        }
        socket.send_to(&[round; 700], switch)?;
    }
    wait_until(Duration::from_secs(10), "dropped messages are counted", || {
        Ok(dropped(&stage.demo)? >= before + 100)
    })?;
    stage.actor(0, "options")?.perform("options", "1001", PLAIN).with_context(|| stage.demo.logs())?;
    stage.tell(("call", &[("talk_ms", "100")]), Some(("callee_answer", PLAIN)), &ANSWERED)?;
    stage.strike()
}
