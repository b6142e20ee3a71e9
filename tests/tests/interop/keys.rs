//! Keys that real phones press, and what comes of them.

use anyhow::{Context, Result};
use tests::{
    audio,
    demo::Demo,
    phones::{Baresip, PCMU, Phone, Transport},
    process::wait_until,
    sipp::Actor,
};

use crate::voices::{LEAST_MS, SOUNDS_MAX, TONES_HZ, phone, uri};

/// Milliseconds of what it has heard that were not its own tone.
fn said_ms(phone: &Baresip) -> Result<usize> {
    let recording = phone.recording()?;
    let own = audio::listen(&recording, TONES_HZ[0], TONES_HZ[1]).tone_ms;
    Ok(audio::sound_ms(&recording).saturating_sub(own))
}

/// `*43`: a digit is understood and said, and then the phone hears itself again (RFC 4733).
#[test]
fn the_echo_test_says_a_digit_that_is_pressed() -> Result<()> {
    let mut demo = Demo::start()?;
    let code = demo.field("/numbers/echo")?.to_owned();
    let (mut caller, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let outcome = (|| {
        caller.dial(&uri(&code, &account))?;
        caller.talking()?;
        caller.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        let (said, tone) = (said_ms(&caller)?, tone_ms(&caller)?);
        caller.press("5")?;
        wait_until(SOUNDS_MAX, "a word", || Ok(said_ms(&caller)? >= said + 300))?;
        caller.hears(TONES_HZ[0], TONES_HZ[1], tone + LEAST_MS)?;
        caller.hang_up()?;
        caller.over()
    })();
    outcome.with_context(|| format!("{}\n{}", caller.printed(), demo.logs()))?;
    demo.stop()
}

/// Events (RFC 4733) of a phone are INFO for one that has none, and INFO is an event for the phone.
#[test]
fn keys_reach_a_phone_that_understands_another_way() -> Result<()> {
    let mut demo = Demo::start()?;
    let (mut phone, called) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let account = demo.account(1, Transport::Udp)?;
    let other = Actor { folder: demo.folder().join("info"), account, port: demo.ports.take(4) };
    let outcome = (|| {
        other.register()?;
        let number = other.account.username.clone();
        let told = other.play("callee_info", &number, &[])?;
        phone.dial(&uri(&number, &called))?;
        phone.talking()?;
        phone.press("5")?;
        wait_until(SOUNDS_MAX, "INFO", || Ok(told.messages().contains("INFO sip:")))?;
        phone.hang_up()?;
        told.finish()?;
        phone.over()?;
        let telling = other.play("info", &called.username, &[("talk_ms", "1000")])?;
        phone.is_pressed_to()?;
        telling.finish()?;
        phone.over()
    })();
    outcome.with_context(|| format!("{}\n{}", phone.printed(), demo.logs()))?;
    demo.stop()
}

fn tone_ms(phone: &Baresip) -> Result<usize> {
    Ok(audio::listen(&phone.recording()?, TONES_HZ[0], TONES_HZ[1]).tone_ms)
}
