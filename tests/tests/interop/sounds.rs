//! Prompts of an organisation's own: what it uploads is what a phone hears in its next call, and no longer when it is taken away.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tests::{
    audio,
    demo::Demo,
    phones::{Baresip, PCMU, Phone},
    process::wait_until,
};

use crate::{
    operator::{exchange, rest},
    voices::{TONES_HZ, phone, uri},
};

/// What is uploaded: tones that nobody else makes, in hertz, and how long they are.
const UPLOADED_HZ: [u32; 2] = [1_300, 1_700];
const UPLOADED_MS: u32 = 4_000;
/// Of it this much at least is heard.
const HEARD_MS: usize = 2_000;
/// How long a revision takes to the switch, on a busy machine.
const APPLIED_MAX: Duration = Duration::from_secs(30);

/// A WAV file with a tone.
fn tone(demo: &Demo, hz: u32) -> Result<Vec<u8>> {
    let path = demo.folder().join("uploaded.wav");
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec)?;
    for n in 0..UPLOADED_MS * 16 {
        let phase = f64::from(n) * f64::from(hz) / 16_000.0 * std::f64::consts::TAU;
        #[allow(clippy::cast_possible_truncation, reason = "it is within 8000")]
        writer.write_sample((phase.sin() * 8_000.0) as i16)?;
    }
    writer.finalize()?;
    Ok(std::fs::read(path)?)
}

/// Sends a tone, waits until the switch works with it, and gives where it is.
fn upload(demo: &Demo, (method, path): (&str, &str), headers: &str, hz: u32) -> Result<String> {
    let headers = format!("Content-Type: audio/wav\r\n{headers}");
    let reply = exchange(demo, demo.field("/api_key")?, (method, path), &headers, &tone(demo, hz)?)?;
    applied(demo, reply.header("sambung-revision")?.parse()?)?;
    let id = reply.json()?["id"].as_str().context("an id")?.to_owned();
    Ok(format!("/api/telephony/sounds/{id}"))
}

fn applied(demo: &Demo, revision: i64) -> Result<()> {
    let path = format!("/api/telephony/revision?applied={revision}&wait_seconds=1");
    wait_until(APPLIED_MAX, "the sound at the switch", || {
        let stands = rest(demo, ("GET", &path), "", "")?.json()?;
        Ok(stands["applied"].as_i64().is_some_and(|applied| applied >= revision))
    })
}

/// Hears the introduction of the echo test, and says which of the two tones it is.
fn introduced(phone: &mut Baresip, echo: &str) -> Result<[bool; 2]> {
    phone.dial(echo)?;
    phone.talking().context("the echo test")?;
    std::thread::sleep(Duration::from_millis(u64::from(UPLOADED_MS) + 1_000));
    phone.hang_up()?;
    phone.over()?;
    let heard = phone.recording()?;
    Ok(UPLOADED_HZ.map(|hz| audio::listen(&heard, hz, TONES_HZ[1]).tone_ms >= HEARD_MS))
}

#[test]
fn a_prompt_that_is_uploaded_replaced_and_taken_away_is_what_the_next_call_hears() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let (mut phone, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let echo = uri(demo.field("/numbers/echo")?, &account);
    let language = rest(&demo, ("GET", "/api/telephony/settings"), "", "")?.json()?;
    let language = language["language"].as_str().context("a language")?.to_owned();
    let outcome = (|| {
        let heard = introduced(&mut phone, &echo)?;
        ensure!(heard == [false, false], "the switch's own voice: {heard:?}");
        let new = format!("/api/telephony/sounds?name={language}/echo-intro");
        let path = upload(&demo, ("POST", &new), "", UPLOADED_HZ[0])?;
        let heard = introduced(&mut phone, &echo)?;
        ensure!(heard == [true, false], "the first one: {heard:?}");
        upload(&demo, ("PUT", &path), "If-Match: \"1\"\r\n", UPLOADED_HZ[1])?;
        let heard = introduced(&mut phone, &echo)?;
        ensure!(heard == [false, true], "the one in its place: {heard:?}");
        let gone = rest(&demo, ("DELETE", &path), "If-Match: \"2\"\r\n", "")?;
        applied(&demo, gone.header("sambung-revision")?.parse()?)?;
        let heard = introduced(&mut phone, &echo)?;
        ensure!(heard == [false, false], "the switch's own voice again: {heard:?}");
        Ok(())
    })();
    outcome.with_context(|| format!("{}\n{}", phone.printed(), demo.logs()))?;
    drop(phone);
    demo.stop()
}
