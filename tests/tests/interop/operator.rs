//! What an operator is told of real calls: the ladder, the capture as Wireshark reads it, the event stream across a
//! restart, the log's level.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::{
    demo::Demo,
    phones::{Account, Baresip, PCMU, Phone as _, STEP, Transport},
    process::{self, wait_until},
};

use crate::{
    stage::{ANSWERED, PLAIN, Part, Stage},
    voices::{LEAST_MS, TONES_HZ, desk, phone, uri},
};

const CALL: Part<'_> = ("call", &[("talk_ms", "300")]);
const ANSWER: Option<Part<'_>> = Some(("callee_answer", PLAIN));

/// What `sambung …` prints about the demo's switch.
pub(crate) fn sambung(demo: &Demo, arguments: &[&str]) -> Result<String> {
    let output =
        process::our("sambung", arguments)?.arg("--switch").arg(demo.data().join("switch")).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "sambung {arguments:?}: {said}\n{}", demo.logs());
    Ok(String::from_utf8(output.stdout)?)
}

fn tell_one_call(transport: Transport) -> Result<()> {
    let mut stage = Stage::set(transport)?;
    stage.tell(CALL, ANSWER, &ANSWERED)?;
    let story = sambung(&stage.demo, &["why", "last", "--messages"])?;
    let ladder: Vec<&str> = story.lines().skip_while(|line| !line.starts_with("Ladder")).collect();
    // In the order in which they must come; what a phone repeats may stand between them.
    let rungs = [
        ("INVITE + SDP", "▶│ "),
        ("401 Unauthorized (INVITE)", "│◀"),
        ("INVITE + SDP", "▶│ "),
        ("100 Trying (INVITE)", "│◀"),
        ("INVITE + SDP", "▶│"),
        ("● ringing", ""),
        ("200 OK (INVITE) + SDP", "◀"),
        ("● answered", ""),
        ("BYE", ""),
        ("● ended", ""),
    ];
    let mut rest = ladder.iter();
    for (words, arrow) in rungs {
        let found = rest.any(|line| line.contains(words) && line.contains(arrow));
        ensure!(found, "{words} {arrow} in\n{story}");
    }
    ensure!(
        story.contains("answered; they talked for 0 s") && story.contains("rings 1 person on 1 account"),
        "{story}"
    );
    ensure!(story.contains("response=****") && !story.contains("response=\""), "{story}");
    check_capture(&stage, transport)?;
    stage.strike()
}

/// Wireshark must see what the ladder shows, all of it SIP and none of it malformed.
fn check_capture(stage: &Stage, transport: Transport) -> Result<()> {
    let file = stage.demo.folder().join("call.pcapng");
    let path = file.to_str().context("a path of text")?;
    sambung(&stage.demo, &["pcap", "last", "-o", path])?;
    let trace: Value = serde_json::from_str(&sambung(&stage.demo, &["why", "last", "--json"])?)?;
    let messages = trace["messages"].as_array().context("messages")?;
    let port = stage.demo.sip(transport)?.port();
    let layer = transport.as_str();
    let tshark = |fields: &[&str]| -> Result<Vec<String>> {
        let decode = format!("{layer}.port=={port},sip");
        let mut command = Command::new("tshark");
        command.args([
            "-r",
            path,
            "-d",
            &decode,
            "-o",
            "tcp.check_checksum:TRUE",
            "-o",
            "udp.check_checksum:TRUE",
        ]);
        let output = command.args(fields).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
    };
    let source = format!("{layer}.srcport");
    let seen = tshark(&[
        "-Y",
        "sip",
        "-T",
        "fields",
        "-E",
        "separator=/s",
        "-e",
        &source,
        "-e",
        "sip.Method",
        "-e",
        "sip.Status-Code",
    ])?;
    let sent = messages.iter().map(|message| {
        let text = message["text"].as_str().unwrap_or_default();
        let from = if message["way"] == "in" { &message["remote"] } else { &message["local"] };
        let port = from.as_str().and_then(|from| from.rsplit(':').next()).unwrap_or_default();
        let mut words = text.split(' ');
        match (words.next(), words.next()) {
            (Some("SIP/2.0"), Some(status)) => format!("{port}  {status}"),
            (Some(method), _) => format!("{port} {method} "),
            _ => String::new(),
        }
    });
    let trim = |line: &str| line.trim_end().to_owned();
    let (sent, seen): (Vec<String>, Vec<String>) =
        (sent.map(|line| trim(&line)).collect(), seen.iter().map(|line| trim(line)).collect());
    ensure!(sent == seen && seen.len() >= 10, "{sent:#?}\n{seen:#?}");
    let bad = tshark(&[
        "-Y",
        "_ws.malformed || udp.checksum.status == 0 || tcp.checksum.status == 0 || tcp.analysis.flags",
    ])?;
    ensure!(bad.is_empty(), "{bad:#?}");
    Ok(())
}

#[test]
fn why_and_pcap_tell_a_call_over_udp() -> Result<()> {
    tell_one_call(Transport::Udp)
}

#[test]
fn why_and_pcap_tell_a_call_over_tcp() -> Result<()> {
    tell_one_call(Transport::Tcp)
}

/// `(cursor, entry)` of so many events behind a cursor.
fn events(demo: &Demo, after: &str, count: usize) -> Result<Vec<(String, Value)>> {
    let text = sambung(demo, &["events", "--after", after, "--count", &count.to_string()])?;
    let read = |line: &str| {
        let mut event: Value = serde_json::from_str(line)?;
        let cursor = event["cursor"].as_str().context("a cursor")?.to_owned();
        Ok((cursor, event["entry"].take()))
    };
    text.lines().map(read).collect()
}

#[test]
fn the_event_stream_goes_on_where_it_was_across_a_restart() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    stage.tell(CALL, ANSWER, &ANSWERED)?;
    // Call, three participants, four events, two legs; quality only of legs that carried media.
    let before = events(&stage.demo, "0", 8)?;
    let (cursor, _) = before.get(3).context("eight events")?.clone();
    let refused =
        sambung(&stage.demo, &["events", "--after", "999-16"]).err().context("a cursor of nobody")?;
    ensure!(refused.to_string().contains("beyond the end"), "{refused}");
    let level = sambung(&stage.demo, &["log-level", "debug", "--for", "1h"])?;
    ensure!(level.starts_with("debug until ") && level.trim_end().ends_with("then info"), "{level}");
    sambung(&stage.demo, &["log-level", "dbug"]).err().context("no level")?;

    let status = stage.demo.restart()?;
    ensure!(status.success(), "{status}");
    ensure!(sambung(&stage.demo, &["log-level"])?.trim() == "info");
    let again = events(&stage.demo, &cursor, 4)?;
    ensure!(before[4..] == again[..], "{before:#?}\n{again:#?}");
    stage.strike()
}

#[test]
fn the_self_test_passes_on_a_sound_switch_and_fails_where_none_listens() -> Result<()> {
    let stage = Stage::set(Transport::Udp)?;
    for _ in 0..2 {
        let report = sambung(&stage.demo, &["selftest"])?;
        ensure!(
            report.lines().count() == 21
                && report.contains("TLS: both hear the other's tone")
                && report.lines().all(|line| line.ends_with(" ok")),
            "{report}"
        );
    }
    // Nobody listens on port 1.
    let mut command = process::our("sambung", ["selftest", "--sip", "127.0.0.1:1", "--switch"])?;
    let output = command.arg(stage.demo.data().join("switch")).output()?;
    let report = String::from_utf8(output.stdout)?;
    ensure!(output.status.code() == Some(1) && report.matches("FAILED").count() == 2, "{report}");
    stage.strike()
}

#[test]
fn a_call_goes_on_while_numbers_are_changed_and_changed_back_under_it() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let description = sambung(&stage.demo, &["describe", "demo.sambung.test"])?;
    let file = stage.demo.folder().join("demo.toml");
    let path = file.to_str().context("a path of text")?;
    // The caller is somebody else's colleague, under another number, and the callee's number is nobody's.
    let description = description
        .replace("number = \"1001\"\nname = \"Sari\"", "number = \"2001\"\nname = \"Sinta\"")
        .replace("number = \"1002\"\nname = \"Budi\"", "number = \"2002\"\nname = \"Budi\"")
        .replace("\"1001\", ", "\"2001\", ")
        .replace("[\"1002\", ", "[\"2002\", ")
        .replace("staff = \"1001\"", "staff = \"2001\"")
        .replace("staff = \"1002\"", "staff = \"2002\"");
    std::fs::write(&file, description)?;
    let before = stage.record.calls()?;
    let ongoing = stage.begin("call", ("call", &[("talk_ms", "15000")]), ANSWER)?;
    wait_until(Duration::from_secs(10), "a call", || {
        let calls = sambung(&stage.demo, &["calls", "answered", "--brief"])?;
        Ok(calls.lines().count() == 2)
    })?;
    let shown = sambung(&stage.demo, &["calls"])?;
    let switch = stage.demo.sip(Transport::Udp)?;
    for words in ["  leg 1 answered for 0:00:", "  leg 2 answered for 0:00:", " sendrecv  PCM"] {
        ensure!(shown.contains(words), "{words}\n{shown}");
    }
    ensure!(shown.matches(&format!("udp {switch} ↔ 127.0.0.1:")).count() == 2, "{shown}");
    let registered = sambung(&stage.demo, &["registrations", "1002"])?;
    ensure!(registered.lines().count() == 2 && registered.contains(&switch.to_string()), "{registered}");
    let live = stage.demo.live_calls()?;
    let applied = sambung(&stage.demo, &["apply", path])?;
    ensure!(applied.contains("number \"1002\" → \"2002\"") && applied.contains("in use"), "{applied}");
    ensure!(live == stage.demo.live_calls()? && live.len() == 1, "{live:?}");
    let back = sambung(&stage.demo, &["apply", "--rollback"])?;
    ensure!(back.contains("number \"2002\" → \"1002\"") && back.contains("in use"), "{back}");
    ensure!(live == stage.demo.live_calls()?, "{live:?}");
    ongoing.finish()?;
    ANSWERED.check(&stage.record.next_story(&before)?)?;
    stage.strike()
}

/// One request to the REST API of the demo, with its key; the status, a header and the body of the answer.
pub(crate) fn rest(demo: &Demo, request: (&str, &str), headers: &str, body: &str) -> Result<Reply> {
    rest_as(demo, demo.field("/api_key")?, request, headers, body)
}

/// The same with another key or an access token.
pub(crate) fn rest_as(
    demo: &Demo,
    key: &str,
    request: (&str, &str),
    headers: &str,
    body: &str,
) -> Result<Reply> {
    exchange(demo, key, request, &format!("Content-Type: application/json\r\n{headers}"), body.as_bytes())
}

/// The same with whatever stands in the body, which the headers say.
pub(crate) fn exchange(
    demo: &Demo,
    key: &str,
    request: (&str, &str),
    headers: &str,
    body: &[u8],
) -> Result<Reply> {
    let (method, path) = request;
    let reply = ask(demo, key, request, headers, body)?;
    let is_good = (200..300).contains(&reply.status()?);
    ensure!(is_good, "{method} {path}: {}{}", reply.head, String::from_utf8_lossy(&reply.body));
    Ok(reply)
}

/// The same, whatever is answered.
pub(crate) fn ask(
    demo: &Demo,
    key: &str,
    (method, path): (&str, &str),
    headers: &str,
    body: &[u8],
) -> Result<Reply> {
    let address = demo.field("/http")?.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut stream = TcpStream::connect(&address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n"
    );
    stream.write_all(format!("{head}Content-Length: {length}\r\n{headers}\r\n").as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|octets| octets == b"\r\n\r\n").context("an answer has a head")?;
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    Ok(Reply { head, body: body.to_owned() })
}

#[derive(Debug)]
pub(crate) struct Reply {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self) -> Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    pub(crate) fn status(&self) -> Result<u16> {
        let status = self.head.strip_prefix("http/1.1 ").and_then(|rest| rest.get(..3));
        Ok(status.with_context(|| format!("a status in {}", self.head))?.parse()?)
    }

    pub(crate) fn header(&self, name: &str) -> Result<&str> {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.with_context(|| format!("{name} in {}", self.head))
    }

    /// Waits until calls are decided by what this has changed.
    fn is_live(&self, demo: &Demo) -> Result<()> {
        let revision = self.header("sambung-revision")?;
        let path = format!("/api/telephony/revision?applied={revision}&wait_seconds=5");
        wait_until(Duration::from_secs(30), "the revision in use", || {
            let shown: Value = serde_json::from_slice(&rest(demo, ("GET", &path), "", "")?.body)?;
            Ok(shown["applied"].as_i64() >= Some(revision.parse()?))
        })
    }
}

#[test]
fn an_extension_that_is_changed_over_http_changes_the_next_call_and_not_the_one_that_goes_on() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let budi = "select user_id::text from telephony.numbers where number = '1002'";
    let budi = stage.record.texts(budi, None)?.swap_remove(0);
    let described = |number: &str| format!(r#"{{"number":"{number}","name":"Gudang","staff":["{budi}"]}}"#);
    let made = rest(&stage.demo, ("POST", "/api/telephony/extensions"), "", &described("150"))?;
    made.is_live(&stage.demo)?;
    let (caller, callee) = (stage.actor(0, "http")?, stage.actor(1, "http")?);
    callee.register()?;
    let answering = callee.play("callee_answer", "1002", PLAIN)?;
    let calling = caller.play("call", "150", &[("talk_ms", "20000")])?;
    wait_until(Duration::from_secs(10), "a call", || {
        Ok(sambung(&stage.demo, &["calls", "answered", "--brief"])?.lines().count() == 2)
    })?;
    let live = stage.demo.live_calls()?;
    let (path, version) = (made.header("location")?, format!("If-Match: {}\r\n", made.header("etag")?));
    rest(&stage.demo, ("PUT", path), &version, &described("151"))?.is_live(&stage.demo)?;
    ensure!(live == stage.demo.live_calls()? && live.len() == 1, "{live:?}");
    stage.actor(0, "gone")?.perform("refused", "150", &[("status", "404")])?;
    calling.finish()?;
    answering.finish()?;
    let answering = callee.play("callee_answer", "1002", PLAIN)?;
    stage.actor(0, "moved")?.perform("call", "151", &[("talk_ms", "1000")])?;
    answering.finish()?;
    callee.unregister()?;
    stage.strike()
}

/// A phone is given an account over HTTP and calls; when it has another password it is let in by that one alone.
#[test]
fn an_account_that_is_made_over_http_registers_calls_and_has_another_password() -> Result<()> {
    let mut demo = Demo::start()?;
    let told = |reply: &Reply| -> Result<String> {
        let shown: Value = serde_json::from_slice(&reply.body)?;
        Ok(shown["password"].as_str().context("a password")?.to_owned())
    };
    let made = rest(&demo, ("POST", "/api/telephony/sip-accounts"), "", r#"{"username":"lobby"}"#)?;
    made.is_live(&demo)?;
    let lobby = |password: String, demo: &Demo| -> Result<Account> {
        let username = "lobby".to_owned();
        Ok(Account { username, password, ..demo.account(0, Transport::Udp)? })
    };
    let old = lobby(told(&made)?, &demo)?;
    let (mut callee, called) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let mut caller = Baresip::start(&old, &desk(&mut demo, "first", TONES_HZ[0])?)?;
    caller.registered()?;
    caller.dial(&uri(&called.username, &called))?;
    callee.talking()?;
    caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
    caller.hang_up()?;
    callee.over()?;
    drop(caller);
    let path = format!("{}/rotate-password", made.header("location")?);
    let rotated = rest(&demo, ("POST", &path), "", "")?;
    rotated.is_live(&demo)?;
    let new = lobby(told(&rotated)?, &demo)?;
    let mut phone = Baresip::start(&new, &desk(&mut demo, "new", TONES_HZ[0])?)?;
    phone.registered()?;
    // Last, because it tries again at once until the switch is silent to it.
    let refusal = "auth_failed source=127.0.0.1";
    ensure!(!demo.logs().contains(refusal), "{}", demo.logs());
    let late = Baresip::start(&old, &desk(&mut demo, "late", TONES_HZ[0])?)?;
    let refused = wait_until(STEP, "a refusal", || Ok(demo.logs().contains(refusal)));
    refused.with_context(|| format!("{}\n{}", late.printed(), demo.logs()))?;
    ensure!(!late.printed().contains("200 OK"), "{}", late.printed());
    drop(callee);
    demo.stop()
}
