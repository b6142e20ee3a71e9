//! What the switch does to sound, heard by real phones: codecs turned into each other, music, an echo, a spoken reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tests::{
    audio,
    demo::Demo,
    phones::{Account, Baresip, Desk, PCMU, PORTS, Phone, Srtp, Transport},
    process::wait_until,
};

use crate::operator::sambung;

const OPUS: &str = "opus/48000/2";
const PCMA: &str = "PCMA/8000/1";
/// What the two play.
pub const TONES_HZ: [u32; 2] = [600, 1_000];
/// How long the first sound of a switch may take to be decoded and heard.
pub const SOUNDS_MAX: Duration = Duration::from_secs(30);
/// This much must be heard of whoever speaks.
pub const LEAST_MS: usize = 2_200;

pub fn desk(demo: &mut Demo, name: &str, tone_hz: u32) -> Result<Desk> {
    let folder = demo.folder().join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(Desk { folder, ports: demo.ports.take(PORTS), tone_hz, friend: None })
}

pub fn phone(demo: &mut Demo, staff: usize, codec: &'static str, tone_hz: u32) -> Result<(Baresip, Account)> {
    let account = Account { codec, ..demo.account(staff, Transport::Udp)? };
    let mut phone = Baresip::start(&account, &desk(demo, &staff.to_string(), tone_hz)?)?;
    phone.registered()?;
    Ok((phone, account))
}

pub fn uri(number: &str, account: &Account) -> String {
    format!("sip:{number}@{}", account.domain)
}

/// Issue 4: Opus to G.711 and back, tones heard right both ways.
#[test]
fn a_phone_with_opus_alone_and_one_with_g_711_alone_hear_each_other() -> Result<()> {
    let mut demo = Demo::start()?;
    for (n, codecs) in [[OPUS, PCMA], [PCMA, OPUS], [PCMU, PCMA]].into_iter().enumerate() {
        let (mut caller, _) = phone(&mut demo, 2 * n, codecs[0], TONES_HZ[0])?;
        let (mut callee, called) = phone(&mut demo, 2 * n + 1, codecs[1], TONES_HZ[1])?;
        let outcome = (|| {
            caller.dial(&uri(&called.username, &called))?;
            caller.talking().context("the caller")?;
            callee.talking().context("the callee")?;
            caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
            callee.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
            caller.hang_up()?;
            caller.over()?;
            callee.over()?;
            for (phone, hz, own) in [(&caller, TONES_HZ[1], TONES_HZ[0]), (&callee, TONES_HZ[0], TONES_HZ[1])]
            {
                let heard = audio::listen(&phone.recording()?, hz, own);
                ensure!(heard.tone_ms >= LEAST_MS && heard.other_ms == 0, "{hz} Hz: {heard:?}");
            }
            Ok(())
        })();
        outcome.with_context(|| {
            format!("{codecs:?}\n{}\n{}\n{}", caller.printed(), callee.printed(), demo.logs())
        })?;
    }
    demo.stop()
}

/// `*43`: who calls hears itself.
#[test]
fn the_echo_test_gives_back_what_it_hears() -> Result<()> {
    let mut demo = Demo::start()?;
    let code = demo.field("/numbers/echo")?.to_owned();
    for (n, codec) in [PCMU, OPUS].into_iter().enumerate() {
        let (mut caller, account) = phone(&mut demo, n, codec, TONES_HZ[0])?;
        let outcome = (|| {
            caller.dial(&uri(&code, &account))?;
            caller.talking()?;
            // The introduction comes first.
            caller.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
            caller.hang_up()?;
            caller.over()
        })();
        outcome.with_context(|| format!("{codec}\n{}\n{}", caller.printed(), demo.logs()))?;
    }
    demo.stop()
}

#[test]
fn whoever_is_held_hears_music() -> Result<()> {
    held_and_taken_back(|caller, _, holds| caller.hold(holds))
}

#[test]
fn whoever_is_held_by_order_hears_music() -> Result<()> {
    held_and_taken_back(|_, demo, holds| {
        let call = demo.live_calls()?.pop().context("a call")?;
        let order = ["hold", &call, "--leg", "1", "--off"];
        sambung(demo, if holds { &order[..4] } else { &order }).map(drop)
    })
}

/// Whoever is put on hold hears something that is not the other's tone, and the other's tone again afterwards.
fn held_and_taken_back(hold: impl Fn(&mut Baresip, &Demo, bool) -> Result<()>) -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let (mut caller, _) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut callee, called) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let outcome = (|| {
        caller.dial(&uri(&called.username, &called))?;
        caller.talking()?;
        callee.talking()?;
        callee.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        hold(&mut caller, &demo, true)?;
        wait_until(SOUNDS_MAX, "music", || {
            let recording = callee.recording()?;
            let heard = audio::listen(&recording, TONES_HZ[0], TONES_HZ[1]);
            Ok(audio::sound_ms(&recording).saturating_sub(heard.tone_ms) >= LEAST_MS / 2)
        })?;
        let before = audio::listen(&callee.recording()?, TONES_HZ[0], TONES_HZ[1]).tone_ms;
        hold(&mut caller, &demo, false)?;
        callee.hears(TONES_HZ[0], TONES_HZ[1], before + LEAST_MS)?;
        caller.hang_up()?;
        caller.over()?;
        callee.over()
    })();
    outcome.with_context(|| format!("{}\n{}\n{}", caller.printed(), callee.printed(), demo.logs()))?;
    drop((caller, callee));
    demo.stop()
}

/// Who dials a number that leads nowhere hears so before the refusal.
#[test]
fn a_wrong_number_is_explained() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let (mut caller, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let outcome = (|| {
        // The first call has the sounds read, which may take longer than anybody is kept waiting for them.
        caller.dial(&uri("9999", &account))?;
        caller.over()?;
        wait_until(SOUNDS_MAX, "sounds", || Ok(demo.logs().contains("sounds are read")))?;
        // Recordings are named by the second.
        std::thread::sleep(Duration::from_secs(1));
        caller.dial(&uri("9999", &account))?;
        caller.over()?;
        let heard_ms = audio::sound_ms(&caller.recording()?);
        ensure!(heard_ms >= 500, "{heard_ms} ms of sound");
        Ok(())
    })();
    outcome.with_context(|| format!("{}\n{}", caller.printed(), demo.logs()))?;
    drop(caller);
    demo.stop()
}

/// Packets that Wireshark finds in a capture: ports, payload type, and the octets behind the header.
fn rtp(path: &str, sip: [u16; 2]) -> Result<Vec<([String; 3], String)>> {
    let mut command = std::process::Command::new("tshark");
    // By description a stream with keys would be SRTP, which it is not any more.
    command.args(["-r", path, "--enable-heuristic", "rtp_udp", "-Y", "rtp.p_type == 0 || rtp.p_type == 8"]);
    // Some ports that a test may claim belong to other protocols in Wireshark's book.
    command.args(["-o", "udp.try_heuristic_first:TRUE"]);
    command.args(["-o", "udp.check_checksum:TRUE", "-T", "fields"]);
    for port in sip {
        command.args(["-d", &format!("udp.port=={port},sip")]);
    }
    let fields = ["udp.srcport", "udp.dstport", "rtp.p_type", "udp.payload", "udp.checksum.status"];
    let output = command.args(fields.iter().flat_map(|field| ["-e", field])).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let read = |line: &str| {
        let words: Vec<&str> = line.split('\t').collect();
        let [source, destination, kind, payload, "1"] = words[..] else { bail!("{line}") };
        let body = payload.get(24..).context("a header")?;
        Ok(([source, destination, kind].map(str::to_owned), body.to_owned()))
    };
    text.lines().map(read).collect()
}

/// `sambung pcap --media` in the middle of a call between a phone with SRTP and one without, of different codecs: four streams,
/// all of them plain.
#[test]
fn wireshark_reads_the_sound_of_an_encrypted_call_that_an_operator_captures() -> Result<()> {
    let mut demo = Demo::start()?;
    let secure = Account { srtp: Srtp::Mandatory, codec: PCMA, ..demo.account(0, Transport::Tls)? };
    let mut caller = Baresip::start(&secure, &desk(&mut demo, "secure", TONES_HZ[0])?)?;
    caller.registered()?;
    let (mut callee, called) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let file = demo.folder().join("sound.pcapng");
    let path = file.to_str().context("a path of text")?;
    let outcome = (|| {
        caller.dial(&uri(&called.username, &called))?;
        caller.talking()?;
        callee.talking()?;
        sambung(&demo, &["pcap", "last", "--media", "4", "-o", path])?;
        let sip = [demo.sip(Transport::Tls)?.port(), demo.sip(Transport::Udp)?.port()];
        let mut streams = BTreeMap::<[String; 3], Vec<String>>::new();
        for (stream, body) in rtp(path, sip)? {
            streams.entry(stream).or_default().push(body);
        }
        let kinds: Vec<&str> = streams.keys().map(|[.., kind]| kind.as_str()).collect();
        ensure!(kinds.iter().filter(|kind| **kind == "8").count() == 2, "to and from the caller: {kinds:?}");
        ensure!(kinds.iter().filter(|kind| **kind == "0").count() == 2, "to and from the callee: {kinds:?}");
        for ([source, destination, _], packets) in &streams {
            let is_answered = streams.keys().any(|[from, to, _]| from == destination && to == source);
            ensure!(is_answered && packets.len() >= 80, "{source} to {destination}: {}", packets.len());
            // A tone has as many values as its period has samples; under a key all would come.
            let octets: BTreeSet<&[u8]> = packets.iter().flat_map(|body| body.as_bytes().chunks(2)).collect();
            ensure!(octets.len() < 128, "{source} to {destination}: {} different octets", octets.len());
        }
        let refused = sambung(&demo, &["pcap", "last", "--media", "2", "-o", path]).err();
        ensure!(refused.is_some_and(|error| error.to_string().contains("sound.pcapng")), "the file is there");
        caller.hang_up()?;
        caller.over()?;
        callee.over()?;
        let other = demo.folder().join("late.pcapng");
        let late = sambung(&demo, &["pcap", "last", "--media", "1", "-o", other.to_str().context("text")?]);
        ensure!(
            late.err().is_some_and(|error| error.to_string().contains("no media now")) && !other.exists()
        );
        Ok(())
    })();
    outcome.with_context(|| format!("{}\n{}\n{}", caller.printed(), callee.printed(), demo.logs()))?;
    drop((caller, callee));
    demo.stop()
}
