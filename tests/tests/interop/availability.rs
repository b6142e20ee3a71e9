//! Somebody who does not want to be disturbed, at a real phone: who calls them gets their mailbox, also after the switch has died,
//! until they dial the other code.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{
    audio,
    demo::Demo,
    phones::{Baresip, PCMU, Phone},
    process::wait_until,
    record::Record,
};

use crate::{
    operator::{rest, sambung},
    survival::kill_switch,
    voicemail::{GREETED_MS, give_mailbox},
    voices::{LEAST_MS, TONES_HZ, phone, uri},
};

/// How long the next life may take to hear what the former one has written down.
const KNOWN_MAX: Duration = Duration::from_secs(30);
/// More of it is sound than of any tone, and less than of any sentence.
const WORDS_MS: usize = 1_000;

/// Dials a code and hears what it is now.
fn turns(phone: &mut Baresip, code: &str) -> Result<()> {
    phone.dial(code)?;
    phone.talking().with_context(|| format!("{code} is answered"))?;
    phone.over().with_context(|| format!("{code} has been said back"))?;
    ensure!(audio::sound_ms(&phone.recording()?) >= WORDS_MS, "{code} is said back");
    Ok(())
}

fn is_shown(demo: &Demo, line: &str) -> Result<bool> {
    let shown = sambung(demo, &["people", "1002"])?;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(shown.lines().any(|one| words(one) == line))
}

#[test]
fn who_does_not_want_to_be_disturbed_is_left_alone_also_by_the_next_life_of_the_switch() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    give_mailbox(&demo, "")?;
    let (mut caller, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut budi, own) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let outcome = (|| {
        turns(&mut budi, &uri("*78", &own))?;
        ensure!(is_shown(&demo, "1002 Budi on on")?, "{}", sambung(&demo, &["people"])?);
        let query = "select setting || ' ' || value from telephony.availability";
        wait_until(KNOWN_MAX, "the row", || Ok(record.texts(query, None)? == ["do_not_disturb on"]))?;
        kill_switch(&demo)?;
        wait_until(KNOWN_MAX, "what was turned on", || is_shown(&demo, "1002 Budi on on"))?;
        caller.dial(&uri("1002", &account))?;
        caller.talking().context("the mailbox answers")?;
        wait_until(KNOWN_MAX, "the greeting", || Ok(audio::sound_ms(&caller.recording()?) >= GREETED_MS))?;
        caller.hang_up()?;
        caller.over()?;
        let why = sambung(&demo, &["why", "last"])?;
        ensure!(why.contains("has a mailbox: the caller may leave a message"), "{why}");
        turns(&mut budi, &uri("*79", &own))?;
        caller.dial(&uri("1002", &account))?;
        budi.talking().context("1002 rings again")?;
        caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        caller.hang_up()?;
        budi.over()?;
        let said = sambung(&demo, &["people", "call-waiting", "1002", "--off"])?;
        ensure!(said == "call waiting of 1002 is off\n" && is_shown(&demo, "1002 Budi off off")?, "{said}");
        let whose = "select user_id::text from telephony.numbers where number = '1002'";
        let person = format!("/api/telephony/people/{}", record.texts(whose, None)?.swap_remove(0));
        let order = format!("{person}/do-not-disturb");
        rest(&demo, ("POST", &order), "Content-Type: application/json\r\n", "{\"is_on\": true}")?.json()?;
        ensure!(is_shown(&demo, "1002 Budi on off")?, "{}", sambung(&demo, &["people"])?);
        let turned = || {
            let shown = rest(&demo, ("GET", &format!("{person}/availability")), "", "")?.json()?;
            Ok(shown["do_not_disturb"] == true && shown["call_waiting"] == false)
        };
        wait_until(KNOWN_MAX, "what the API shows", turned)
    })();
    outcome.with_context(|| format!("{}\n{}\n{}", caller.printed(), budi.printed(), demo.logs()))?;
    drop((caller, budi));
    demo.stop()
}
