//! Calls that are sent on, with real phones: who hears whom before, meanwhile and afterwards.

use anyhow::{Context, Result, ensure};
use tests::{
    audio,
    demo::Demo,
    phones::{Linphone, PCMU, Phone, Transport},
    process::wait_until,
    record::{Record, Story},
};

use crate::{
    operator::sambung,
    queues::{MUSIC_MS, open_queue},
    voices::{LEAST_MS, SOUNDS_MAX, desk, phone, uri},
};

const PCMA: &str = "PCMA/8000/1";
/// What Sari, Budi and Dewi play.
const TONES_HZ: [u32; 3] = [600, 1_000, 800];

/// Sari has called Budi, who sends her on to Dewi, whose phone speaks another codec; Dewi sends her on to Budi, and an operator
/// to Dewi. H-060, RFC 3515.
#[test]
fn a_call_is_sent_on_thrice_and_everybody_hears_who_is_there() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    let (mut sari, _) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut budi, called) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let (mut dewi, target) = phone(&mut demo, 2, PCMA, TONES_HZ[2])?;
    let before = record.calls()?;
    let outcome = (|| {
        sari.dial(&uri(&called.username, &called))?;
        sari.talking().context("Sari")?;
        budi.talking().context("Budi")?;
        sari.hears(TONES_HZ[1], TONES_HZ[2], LEAST_MS)?;
        budi.transfer(&uri(&target.username, &target))?;
        dewi.talking().context("Dewi")?;
        budi.over().context("Budi is let go")?;
        sari.hears(TONES_HZ[2], TONES_HZ[1], LEAST_MS)?;
        dewi.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        dewi.transfer(&uri(&called.username, &called))?;
        budi.talking().context("Budi again")?;
        dewi.over().context("Dewi is let go")?;
        budi.hears(TONES_HZ[0], TONES_HZ[2], LEAST_MS)?;
        let call = demo.live_calls()?.pop().context("a call")?;
        sambung(&demo, &["transfer", &call, &target.username])?;
        dewi.talking().context("Dewi again")?;
        budi.over().context("Budi is let go again")?;
        dewi.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS)?;
        sari.hang_up()?;
        sari.over()?;
        dewi.over()
    })();
    outcome.with_context(|| {
        let printed = [&sari, &budi, &dewi].map(|phone| phone.printed());
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let story = record.next_story(&before)?;
    let transfer = "transfer transfer_ringing transfer_answered";
    ensure!(
        steps(&story) == format!("created ringing answered {transfer} {transfer} {transfer} ended"),
        "{story:#?}"
    );
    ensure!(
        story.participants == [&["host user", "caller user"][..], &["recipient user"; 4]].concat(),
        "{story:#?}"
    );
    drop((sari, budi, dewi));
    demo.stop()
}

/// Sari has called Budi, who asks Dewi first and then puts Sari through; his phone is another make, which holds the one while it
/// calls the other. H-035, RFC 5589 §7.
#[test]
fn who_has_asked_first_puts_the_caller_through() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    let (mut sari, _) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let called = demo.account(1, Transport::Udp)?;
    let mut budi = Linphone::start(&called, &desk(&mut demo, "budi", TONES_HZ[1])?)?;
    budi.registered()?;
    let (mut dewi, target) = phone(&mut demo, 2, PCMA, TONES_HZ[2])?;
    let before = record.calls()?;
    let outcome = (|| {
        sari.dial(&uri(&called.username, &called))?;
        sari.talking().context("Sari")?;
        budi.talking().context("Budi")?;
        sari.hears(TONES_HZ[1], TONES_HZ[2], LEAST_MS)?;
        budi.hold()?;
        budi.dial(&uri(&target.username, &target))?;
        dewi.talking().context("Dewi")?;
        dewi.hears(TONES_HZ[1], TONES_HZ[0], LEAST_MS)?;
        budi.transfer_to_other_call()?;
        sari.hears(TONES_HZ[2], TONES_HZ[1], LEAST_MS).context("Sari hears Dewi")?;
        dewi.hears(TONES_HZ[0], TONES_HZ[1], LEAST_MS).context("Dewi hears Sari")?;
        sari.hang_up()?;
        sari.over()?;
        dewi.over()
    })();
    outcome.with_context(|| {
        let printed = [sari.printed(), budi.printed(), dewi.printed()];
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let stories = record.next_stories(&before, 2)?;
    let transfer = "transfer_consulting transfer_connecting transfer_completed transfer_attended";
    ensure!(steps(&stories[0]) == format!("created ringing answered {transfer} ended"), "{stories:#?}");
    ensure!(steps(&stories[1]) == "created ringing answered ended", "{stories:#?}");
    ensure!(stories[1].reasons == ["transferred"], "{stories:#?}");
    // Each names the other.
    let chain = "select call_id || ' ' || (detail->>'call') from telephony.call_events where detail ? 'call' order by created_at, call_id";
    let calls = record.calls()?.split_off(before.len());
    let linked = record.texts(chain, None)?;
    let expected = [format!("{} {}", calls[0], calls[1]), format!("{} {}", calls[1], calls[0])];
    ensure!(linked == expected, "{linked:?}");
    drop((sari, budi, dewi));
    demo.stop()
}

/// Sari has called Dewi, who sends her into the queue of 200, whose only agent is busy: Dewi is done, Sari waits with music and is
/// taken in her turn, in one record. H-065.
#[test]
fn a_caller_who_was_sent_into_a_queue_waits_and_is_taken() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    open_queue(&demo)?;
    let (mut sari, account) = phone(&mut demo, 0, PCMU, TONES_HZ[0])?;
    let (mut agent, _) = phone(&mut demo, 1, PCMU, TONES_HZ[1])?;
    let (mut dewi, called) = phone(&mut demo, 2, PCMA, TONES_HZ[2])?;
    let (mut first, _) = phone(&mut demo, 4, PCMU, 1_500)?;
    let before = record.calls()?;
    let outcome = (|| {
        first.dial(&uri("200", &account))?;
        agent.talking().context("the agent")?;
        sari.dial(&uri(&called.username, &account))?;
        sari.talking().context("Sari")?;
        dewi.talking().context("Dewi")?;
        dewi.transfer(&uri("200", &called))?;
        dewi.over().context("Dewi is let go")?;
        wait_until(SOUNDS_MAX, "the place in the queue", || {
            Ok(sambung(&demo, &["queue"])?.contains("\n  1. call "))
        })?;
        wait_until(SOUNDS_MAX, "music", || Ok(audio::sound_ms(&sari.recording()?) > MUSIC_MS))?;
        first.hang_up()?;
        agent.over()?;
        agent.talking().context("the agent, with Sari")?;
        agent.hears(TONES_HZ[0], TONES_HZ[2], LEAST_MS)?;
        sari.hears(TONES_HZ[1], TONES_HZ[2], LEAST_MS)?;
        sari.hang_up()?;
        sari.over()?;
        agent.over()
    })();
    outcome.with_context(|| {
        let printed = [&sari, &agent, &dewi, &first].map(|phone| phone.printed());
        let shown = sambung(&demo, &["queue"]).unwrap_or_default();
        format!("{shown}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let stories = record.next_stories(&before, 2)?;
    let waited = "transfer transfer_ringing queued queue_updated transfer_ringing transfer_answered";
    ensure!(steps(&stories[1]) == format!("created ringing answered {waited} ended"), "{stories:#?}");
    drop((sari, agent, dewi, first));
    demo.stop()
}

/// What happened, without who held whom meanwhile, which phones differ in.
fn steps(story: &Story) -> String {
    let steps = story.events.iter().filter_map(|event| event.split(' ').next());
    steps.filter(|step| !matches!(*step, "hold" | "unhold")).collect::<Vec<_>>().join(" ")
}
