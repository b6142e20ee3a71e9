//! A menu with real phones: a key that is an event and one that is told by INFO each lead to somebody, and both hear each other.

use anyhow::{Context, Result, ensure};
use tests::{
    audio,
    demo::Demo,
    phones::{Baresip, Linphone, PCMU, Phone, Transport},
    process::wait_until,
    record::{Record, Story},
};

use crate::{
    operator::sambung,
    voices::{LEAST_MS, SOUNDS_MAX, TONES_HZ, desk, phone, uri},
};

/// So much of a prompt has been heard when a key is pressed into it.
const PROMPT_MS: usize = 300;
/// So much later than the other may linphonec begin to hear.
const LATE_MS: usize = 2_000;
const MENU: &str = "\n[[extension]]\nnumber = \"300\"\nname = \"Menu\"\n\n[[menu]]\nextension = \"300\"\n\
                    greeting = \"none-such\"\ndirect_dialling = true\n\
                    choices = [\"1: voicemail 1001\", \"2: forward_staff 1002\", \"*: repeat\"]\n";

/// Gives the demo a menu whose greeting is not there: the common words are heard.
fn open_menu(demo: &Demo) -> Result<()> {
    let described = sambung(demo, &["describe", "demo.sambung.test"])?;
    let described = described.replacen("number = \"1001\"\n", "number = \"1001\"\nvoicemail = true\n", 1);
    let file = demo.folder().join("menu.toml");
    std::fs::write(&file, format!("{described}{MENU}"))?;
    let path = file.to_str().context("a path")?;
    let told = sambung(demo, &["apply", path])?;
    ensure!(told.contains("+ menu 300"), "{told}");
    ensure!(sambung(demo, &["diff", path])?.contains("0 to add, 0 to change, 0 to remove"), "it is applied");
    let route = sambung(demo, &["route", "1001", "300"])?;
    let offered = "the menu of 300 offers 1 voicemail 1001, 2 forward_staff 1002, * ivr 300";
    ensure!(
        route.contains(offered) && route.contains("→ the caller chooses from the menu of 300"),
        "{route}"
    );
    Ok(())
}

/// The caller, who is in the menu, presses into what it hears.
fn hears_prompt(caller: &Baresip) -> Result<()> {
    wait_until(SOUNDS_MAX, "a prompt", || Ok(audio::sound_ms(&caller.recording()?) >= PROMPT_MS))
}

/// Both talk and hear each other, until the caller goes.
fn talk(caller: &mut Baresip, budi: &mut Baresip) -> Result<()> {
    budi.talking().context("Budi")?;
    budi.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
    caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
    caller.hang_up()?;
    caller.over()?;
    budi.over()
}

fn led(story: &Story) -> Result<()> {
    let steps: Vec<&str> = story.events.iter().filter_map(|event| event.split(' ').next()).collect();
    let expected = ["created", "forward", "forward_ringing", "forward_answered", "answered", "ended"];
    ensure!(steps == expected, "{story:#?}");
    Ok(())
}

/// RFC 4733: the key is pressed while the menu speaks. The caller hears what it chose, and the other phone hears it.
#[test]
fn a_key_pressed_into_the_prompt_leads_to_the_other_phone() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    open_menu(&demo)?;
    let (mut caller, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut budi, _) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let before = record.calls()?;
    let outcome = (|| {
        caller.dial(&uri("300", &account))?;
        caller.talking().context("the menu answers")?;
        hears_prompt(&caller)?;
        caller.press("2")?;
        talk(&mut caller, &mut budi)
    })();
    outcome.with_context(|| {
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}\n{}", caller.printed(), budi.printed(), demo.logs())
    })?;
    led(&record.next_story(&before)?)?;
    // Sounds are read when the first one is wanted; from then on a greeting that is not there is counted.
    caller.dial(&uri("300", &account))?;
    caller.talking().context("the menu answers again")?;
    wait_until(SOUNDS_MAX, "a count of missing sounds", || {
        Ok(demo.figure("sambung_media_sounds_missing_total")? >= 1)
    })?;
    caller.hang_up()?;
    caller.over()?;
    drop((caller, budi));
    demo.stop()
}

/// A phone of another maker that tells its keys by INFO. It takes seconds from one to the next, longer than a number in a menu
/// may take.
#[test]
fn a_key_told_by_info_leads_to_the_other_phone() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    open_menu(&demo)?;
    let (mut budi, _) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let account = demo.account(2, Transport::Udp)?;
    let mut caller = Linphone::start(&account, &desk(&mut demo, "info", TONES_HZ[0])?)?;
    caller.registered()?;
    let before = record.calls()?;
    let outcome = (|| {
        caller.dial(&uri("300", &account))?;
        caller.talking().context("the menu answers")?;
        caller.press("2")?;
        budi.talking().context("Budi")?;
        // The caller's recording can be read when the call is over: both must have talked long enough for its late start.
        budi.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS + LATE_MS)?;
        caller.hang_up()?;
        caller.over()?;
        budi.over()?;
        caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)
    })();
    outcome.with_context(|| {
        let why = sambung(&demo, &["why", "last", "--messages"]).unwrap_or_default();
        format!("{why}\n{}\n{}\n{}", caller.printed(), budi.printed(), demo.logs())
    })?;
    led(&record.next_story(&before)?)?;
    drop((caller, budi));
    demo.stop()
}
