//! Messages that real phones leave in a mailbox: what was said is in the store, the owner's phone is told that it waits, and
//! plays it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use sambung::ports::free_port;
use serde_json::Value;
use tests::{
    audio,
    demo::Demo,
    phones::{Account, Baresip, PCMU, Phone, Transport},
    process::wait_until,
    record::Record,
    sipp::{Actor, Playing},
    smtp::Smtp,
};

use crate::{
    operator::{rest, sambung},
    voices::{TONES_HZ, phone, uri},
};

/// How long greeting, recording and the way to the store may take on a busy machine.
const STORED_MAX: Duration = Duration::from_secs(60);
/// Of a message this much at least is in the store.
const SAID_MS: usize = 3_000;
/// And this much at least is heard of it, before anybody presses a key.
const HEARD_MS: usize = 1_500;
/// Ports for media where `sambung up` gets further arguments.
const MEDIA_PORTS: u16 = 96;
/// Greeting and beep are longer than this.
pub const GREETED_MS: usize = 2_500;

/// Budi of 1002 gets a mailbox, and extension 200 sends everybody there.
pub fn give_mailbox(demo: &Demo, mails: &str) -> Result<()> {
    let described = sambung(demo, &["describe", "demo.sambung.test"])?;
    let (before, budi) = described.split_once("number = \"1002\"\n").context("1002 is described")?;
    let rule = "[[rule]]\nextension = \"200\"\naction = \"voicemail\"\ntarget = \"1002\"\n";
    let wanted = format!(
        "{before}number = \"1002\"\nvoicemail = true\nvoicemail_secs_max = 60\n{mails}{budi}\n{rule}"
    );
    let file = demo.folder().join("mailbox.toml");
    std::fs::write(&file, wanted)?;
    let file = file.to_str().context("a path")?;
    let told = sambung(demo, &["apply", file])?;
    ensure!(told.contains("voicemail false → true") && told.contains("+ rule 200/01"), "{told}");
    // Exit 0: what was written is what was meant.
    sambung(demo, &["diff", file]).map(drop)
}

/// HX-9 with e-mail: what a real phone says is in the mail that a real server has taken, once, although it was away at first.
#[test]
fn a_message_arrives_by_mail_with_its_sound() -> Result<()> {
    let mut server = Smtp::down(free_port()?)?;
    let address = format!("mail.server=\"127.0.0.1:{}\"", server.port);
    let speaking =
        ["--set", "calls.announcements=true", "--set", &address, "--set", "mail.security=\"none\""];
    let mut demo = Demo::start_with(&speaking, MEDIA_PORTS)?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    give_mailbox(&demo, "voicemail_email = \"budi@example.test\"\nvoicemail_email_delete = true\n")?;
    let (mut caller, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let outcome = (|| {
        leave_message(&demo, &mut caller, &uri("1002", &account))?;
        wait_until(STORED_MAX, "a mail that nobody takes", || {
            Ok(sambung(&demo, &["voicemail", "list", "1002"])?.contains("1 tried: smtp_unreachable"))
        })?;
        server.start()?;
        record.execute("update telephony.voicemail_mails set due_at = now()")?;
        let mut mails = Vec::new();
        wait_until(STORED_MAX, "a mail", || {
            mails = server.taken()?;
            Ok(!mails.is_empty())
        })?;
        // It was deleted together with saying that it was sent.
        wait_until(STORED_MAX, "an empty mailbox", || {
            Ok(!sambung(&demo, &["voicemail", "list", "1002"])?.contains("1001"))
        })?;
        ensure!(mails.len() == 1 && server.taken()?.len() == 1, "{mails:?}");
        let mail = mails.first().context("one")?;
        ensure!(mail.contains("To: budi@example.test") && mail.contains("(1001)"), "{mail}");
        let file = demo.folder().join("mailed.wav");
        std::fs::write(&file, server.attached()?)?;
        let heard = audio::listen(&audio::read(&file)?, TONES_HZ[0], TONES_HZ[1]);
        ensure!(heard.tone_ms >= SAID_MS && heard.other_ms == 0, "{heard:?}");
        Ok(())
    })();
    outcome.with_context(|| format!("{}\n{}", caller.printed(), demo.logs()))?;
    drop(caller);
    demo.stop()
}

/// Calls and talks until so much of the message has been recorded, by the word of the switch.
fn leave_message(demo: &Demo, caller: &mut Baresip, target: &str) -> Result<()> {
    let recorded = || demo.figure("sambung_recording_packets_total");
    let before = recorded()?;
    caller.dial(target)?;
    caller.talking().context("the mailbox answers")?;
    // A packet is of 20 ms.
    let enough = u64::try_from(SAID_MS / 20)? + 25;
    wait_until(STORED_MAX, "a message", || Ok(recorded()? >= before + enough))?;
    caller.hang_up()?;
    caller.over()?;
    let greeted_ms = audio::sound_ms(&caller.recording()?);
    ensure!(greeted_ms >= GREETED_MS, "{greeted_ms} ms of greeting and beep");
    Ok(())
}

/// Waits until the owner's light shows so many new and old messages.
fn shows(light: &Playing, messages: &str) -> Result<()> {
    wait_until(STORED_MAX, messages, || Ok(light.messages().contains(&format!("Voice-Message: {messages}"))))
}

/// The owner hears what the caller has said, and deletes it.
fn listen(demo: &Demo, (owner, light): (&mut Baresip, &Playing), account: &Account) -> Result<()> {
    owner.dial(&uri(demo.field("/numbers/voicemail")?, account))?;
    owner.talking().context("the mailbox answers its owner")?;
    owner.press("1")?;
    owner.hears(TONES_HZ[0], TONES_HZ[1], HEARD_MS)?;
    shows(light, "1/1")?;
    owner.press("3")?;
    owner.press("*")?;
    owner.over().context("the mailbox says goodbye")?;
    wait_until(STORED_MAX, "one message in the list", || {
        let listed = sambung(demo, &["voicemail", "list", "1002"])?;
        Ok(listed.matches("  new").count() == 1 && !listed.contains("heard"))
    })
}

/// HX-9, RFC 3842: nobody is there, and a rule; both messages are kept and the light of the owner's phone says so.
#[test]
fn messages_are_left_told_to_the_owners_phone_and_heard_there() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    give_mailbox(&demo, "")?;
    let (mut caller, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let budi = demo.account(1, Transport::Udp)?;
    let mut owner = None;
    let watching = Actor { folder: demo.folder().join("light"), account: budi, port: demo.ports.take(4) };
    let outcome = (|| {
        leave_message(&demo, &mut caller, &uri("1002", &account))?;
        let query = "select id::text from telephony.voicemail_messages where caller_number = '1001'";
        let mut found = Vec::new();
        wait_until(STORED_MAX, "a message in the database", || {
            found = record.texts(query, None)?;
            Ok(!found.is_empty())
        })?;
        let message = found.first().context("one")?.clone();
        let owner = owner.insert(phone(&mut demo, 1, PCMU, TONES_HZ[1])?.0);
        let states = [("first", "1/0"), ("second", "2/0"), ("third", "1/1"), ("fourth", "1/0")];
        let light = watching.play("light", "1002", &states)?;
        shows(&light, "1/0")?;
        let before = record.calls()?;
        leave_message(&demo, &mut caller, &uri("200", &account))?;
        shows(&light, "2/0")?;
        // The light does not wait for the database.
        let mut listed = String::new();
        wait_until(STORED_MAX, "two messages in the list", || {
            listed = sambung(&demo, &["voicemail", "list", "1002"])?;
            Ok(listed.matches("  new").count() == 2)
        })?;
        ensure!(listed.contains(&message), "{listed}");
        let file = demo.folder().join("message.wav");
        sambung(&demo, &["recording", "fetch", &message, "-o", file.to_str().context("a path")?])?;
        let heard = audio::listen(&audio::read(&file)?, TONES_HZ[0], TONES_HZ[1]);
        ensure!(heard.tone_ms >= SAID_MS && heard.other_ms == 0, "neither greeting nor beep: {heard:?}");
        let story = record.next_story(&before)?;
        let steps: Vec<&str> = story.events.iter().filter_map(|event| event.split(' ').next()).collect();
        ensure!(steps == ["created", "forward", "forward_answered", "answered", "ended"], "{story:#?}");
        listen(&demo, (owner, &light), &account)?;
        light.finish().context("the light")
    })();
    outcome.with_context(|| {
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        let owner = owner.as_ref().map(|owner| owner.printed()).unwrap_or_default();
        format!("{why}\n{}\n{owner}\n{}", caller.printed(), demo.logs())
    })?;
    drop((caller, owner));
    demo.stop()
}

/// The only message, over HTTP: its sound by a link, marked and deleted.
fn look_after(demo: &Demo, light: &Playing) -> Result<()> {
    const MESSAGES: &str = "/api/telephony/voicemail-messages";
    let list = || rest(demo, ("GET", MESSAGES), "", "")?.json();
    let mut found = Value::Null;
    wait_until(STORED_MAX, "a message in the list", || {
        found = list()?.pointer("/items/0").cloned().unwrap_or_default();
        Ok(found.is_object())
    })?;
    ensure!(found["caller_number"] == "1001" && found["heard_at"].is_null(), "{found}");
    let at = format!("{MESSAGES}/{}", found["id"].as_str().context("an id")?);
    let link = rest(demo, ("POST", &format!("{at}/link")), "", "{}")?.json()?;
    let file = demo.folder().join("linked.wav");
    std::fs::write(&file, rest(demo, ("GET", link["url"].as_str().context("a link")?), "", "")?.body)?;
    let heard = audio::listen(&audio::read(&file)?, TONES_HZ[0], TONES_HZ[1]);
    ensure!(heard.tone_ms >= SAID_MS && heard.other_ms == 0, "{heard:?}");
    rest(demo, ("POST", &format!("{at}/mark")), "", r#"{"is_heard": true}"#)?;
    shows(light, "0/1")?;
    rest(demo, ("POST", &format!("{at}/delete")), "", "")?;
    shows(light, "0/0")?;
    ensure!(list()?["items"].as_array().is_some_and(Vec::is_empty), "nothing is left");
    wait_until(STORED_MAX, "a store without it", || {
        Ok(sambung(demo, &["recording", "list"])?.contains("owner"))
    })
}

/// RFC 3842: what is done to a message over HTTP is seen on the owner's phone.
#[test]
fn a_message_is_heard_and_deleted_over_http_and_the_owners_light_goes_out() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    give_mailbox(&demo, "")?;
    let (mut caller, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let budi = demo.account(1, Transport::Udp)?;
    let watching = Actor { folder: demo.folder().join("light"), account: budi, port: demo.ports.take(4) };
    let outcome = (|| {
        let states = [("first", "0/0"), ("second", "1/0"), ("third", "0/1"), ("fourth", "0/0")];
        let light = watching.play("light", "1002", &states)?;
        shows(&light, "0/0")?;
        leave_message(&demo, &mut caller, &uri("1002", &account))?;
        shows(&light, "1/0")?;
        look_after(&demo, &light)?;
        light.finish().context("the light")
    })();
    outcome.with_context(|| format!("{}\n{}", caller.printed(), demo.logs()))?;
    drop(caller);
    demo.stop()
}
