//! Calls that rules send on, with real phones: one rings in vain, another one is heard.

use anyhow::{Context, Result, ensure};
use tests::{
    audio,
    phones::{PCMU, Phone, Transport},
};

use crate::{
    operator::sambung,
    stage::{PLAIN, Stage},
    voices::{LEAST_MS, TONES_HZ, phone, uri},
};

/// H-055, H-060: nobody of an extension answers, and the call is heard at another one.
#[test]
fn a_call_that_nobody_answers_goes_on_to_another_extension_and_is_heard_there() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let described = sambung(&stage.demo, &["describe", "demo.sambung.test"])?;
    let rule = "[[rule]]\nextension = \"200\"\ncondition = \"no_answer\"\naction = \"forward_extension\"\n\
                target = \"100\"\n";
    let wanted = described.replace("ring_timeout_secs = 60", "ring_timeout_secs = 5");
    let file = stage.demo.folder().join("ruled.toml");
    std::fs::write(&file, format!("{wanted}\n{rule}"))?;
    sambung(&stage.demo, &["apply", file.to_str().context("a path")?])?;
    let before = stage.record.calls()?;

    // Of 200 one phone is there, and rings. Of 100 one answers; the caller is of 100 too and is left out.
    let silent = stage.actor(1, "silent")?;
    silent.register()?;
    let ringing = silent.play("callee_rings", "200", PLAIN)?;
    let (mut answers, _) = phone(&mut stage.demo, 0, PCMU, TONES_HZ[1])?;
    let (mut caller, account) = phone(&mut stage.demo, 2, PCMU, TONES_HZ[0])?;
    let outcome = (|| {
        caller.dial(&uri("200", &account))?;
        caller.talking().context("the caller")?;
        answers.talking().context("who answers")?;
        caller.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        answers.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        caller.hang_up()?;
        caller.over()?;
        answers.over()?;
        for (phone, hz, own) in [(&caller, TONES_HZ[1], TONES_HZ[0]), (&answers, TONES_HZ[0], TONES_HZ[1])] {
            let heard = audio::listen(&phone.recording()?, hz, own);
            ensure!(heard.tone_ms >= LEAST_MS && heard.other_ms == 0, "{hz} Hz: {heard:?}");
        }
        ringing.finish().context("the phone that rings in vain")
    })();
    outcome.with_context(|| format!("{}\n{}\n{}", caller.printed(), answers.printed(), stage.demo.logs()))?;
    let story = stage.record.next_story(&before)?;
    ensure!(story.participants == ["host extension", "caller user", "recipient user"], "{story:#?}");
    let steps: Vec<&str> = story.events.iter().filter_map(|event| event.split(' ').next()).collect();
    let expected =
        ["created", "ringing", "forward", "forward_ringing", "forward_answered", "answered", "ended"];
    ensure!(steps == expected, "{story:#?}");
    let why = sambung(&stage.demo, &["why", "last"])?;
    ensure!(why.contains("rule 1 (any hours, no answer) forwards to 100 “Resepsionis”"), "{why}");
    drop((caller, answers));
    stage.strike()
}
