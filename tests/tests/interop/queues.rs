//! A queue with real phones: who waits hears music, callers come in their order, and everybody hears who is there.

use anyhow::{Context, Result, ensure};
use tests::{
    audio,
    demo::Demo,
    phones::{PCMU, Phone},
    process::wait_until,
    record::Record,
};

use crate::{
    operator::sambung,
    voices::{LEAST_MS, SOUNDS_MAX, phone, uri},
};

/// What the three callers and the two agents play.
const CALLERS_HZ: [u32; 3] = [600, 1_200, 1_500];
const AGENTS_HZ: [u32; 2] = [1_000, 800];
/// More of it is sound than any announcement lasts.
pub const MUSIC_MS: usize = 12_000;
/// More of it is sound than of any tone, and less than of any sentence.
const WORDS_MS: usize = 1_000;

const QUEUE: &str = "\n[[queue]]\nextension = \"200\"\nstrategy = \"linear\"\nwrap_up_secs = 0\n\
                     announce_secs = 0\n";

/// Gives the extension 200 a queue.
pub fn open_queue(demo: &Demo) -> Result<()> {
    open_queue_with(demo, "")
}

/// The same with these settings.
fn open_queue_with(demo: &Demo, settings: &str) -> Result<()> {
    let described = sambung(demo, &["describe", "demo.sambung.test"])?;
    let file = demo.folder().join("queued.toml");
    std::fs::write(&file, format!("{described}{QUEUE}{settings}"))?;
    let path = file.to_str().context("a path")?;
    sambung(demo, &["apply", path])?;
    ensure!(sambung(demo, &["diff", path])?.contains("0 to add, 0 to change, 0 to remove"), "it is applied");
    let route = sambung(demo, &["route", "1001", "200"])?;
    ensure!(route.contains("waits in the queue of 200 “Support” for up to 600 s"), "{route}");
    Ok(())
}

/// The only agent pauses by a code and hears so, and comes back by the same: what the operator is shown, and whether callers wait.
#[test]
fn an_agent_pauses_by_a_code_and_comes_back() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    open_queue(&demo)?;
    let (mut caller, account) = phone(&mut demo, 0, PCMU, CALLERS_HZ[0])?;
    let (mut agent, own) = phone(&mut demo, 1, PCMU, AGENTS_HZ[0])?;
    let outcome = (|| {
        for (state, word) in [("paused", "Anda sedang istirahat"), ("free", "Anda kembali bertugas")] {
            agent.dial(&uri("*46", &own))?;
            agent.talking().with_context(|| format!("is told: {word}"))?;
            agent.over().with_context(|| format!("has been told: {word}"))?;
            ensure!(audio::sound_ms(&agent.recording()?) >= WORDS_MS, "the agent hears: {word}");
            let shown = sambung(&demo, &["queue"])?;
            ensure!(shown.contains(&format!("1002 Budi {state}")), "{shown}");
        }
        caller.dial(&uri("200", &account))?;
        agent.talking().context("the agent is asked again")?;
        caller.hears(AGENTS_HZ[0], AGENTS_HZ[1], LEAST_MS)?;
        caller.hang_up()?;
        agent.over()
    })();
    outcome.with_context(|| format!("{}\n{}\n{}", caller.printed(), agent.printed(), demo.logs()))?;
    drop((caller, agent));
    demo.stop()
}

/// The only agent talks; who waits presses 1, is let go, and is called back when the agent is free again.
#[test]
fn a_caller_hangs_up_keeps_its_place_and_is_called_back() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    open_queue_with(&demo, "callback = true\n")?;
    let (mut first, account) = phone(&mut demo, 0, PCMU, CALLERS_HZ[0])?;
    let (mut second, _) = phone(&mut demo, 2, PCMU, CALLERS_HZ[1])?;
    let (mut agent, _) = phone(&mut demo, 1, PCMU, AGENTS_HZ[0])?;
    let outcome = (|| {
        first.dial(&uri("200", &account))?;
        first.talking().context("the first caller")?;
        agent.talking().context("the agent")?;
        second.dial(&uri("200", &account))?;
        second.talking().context("who waits is answered")?;
        wait_until(SOUNDS_MAX, "words", || Ok(audio::sound_ms(&second.recording()?) >= WORDS_MS))?;
        second.press("1")?;
        second.over().context("who is to be called back is let go")?;
        let shown = sambung(&demo, &["queue"])?;
        ensure!(shown.contains("  1. call "), "{shown}");
        // Recordings are named by the second.
        std::thread::sleep(std::time::Duration::from_secs(1));
        first.hang_up()?;
        agent.over().context("the agent is free")?;
        agent.talking().context("the agent takes the callback")?;
        second.talking().context("whoever was to be called back is")?;
        second.hears(AGENTS_HZ[0], AGENTS_HZ[1], LEAST_MS)?;
        agent.hears(CALLERS_HZ[1], CALLERS_HZ[0], LEAST_MS)?;
        let why = sambung(&demo, &["why", "last"])?;
        ensure!(why.matches("good: sound goes both ways").count() == 3, "{why}");
        second.hang_up()?;
        second.over()?;
        agent.over()
    })();
    outcome.with_context(|| {
        let printed = [&first, &second, &agent].map(|phone| phone.printed());
        let why = sambung(&demo, &["why", "last"]).unwrap_or_default();
        format!("{why}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let query = "select string_agg(event_type, ' ' order by seq) from telephony.call_events \
                 group by call_id having bool_or(event_type = 'dial_attempt')";
    let expected = "created ringing queued queue_updated queue_updated ringing dial_attempt answered ended";
    wait_until(SOUNDS_MAX, "the record", || Ok(record.texts(query, None)? == [expected]))?;
    drop((first, second, agent));
    demo.stop()
}

/// H-065: three call an extension of which one person is there. The first one talks, the others wait, and are taken in the
/// order in which they came; the last of them by somebody who comes to work meanwhile.
#[test]
fn callers_wait_with_music_and_are_taken_in_their_order() -> Result<()> {
    let mut demo = Demo::start_speaking()?;
    let mut record = Record::open(demo.field("/database_url")?)?;
    open_queue(&demo)?;
    // People of 100 call, those of 200 answer.
    let (mut first, account) = phone(&mut demo, 0, PCMU, CALLERS_HZ[0])?;
    let (mut second, _) = phone(&mut demo, 2, PCMU, CALLERS_HZ[1])?;
    let (mut third, _) = phone(&mut demo, 4, PCMU, CALLERS_HZ[2])?;
    let (mut agent, _) = phone(&mut demo, 1, PCMU, AGENTS_HZ[0])?;
    let before = record.calls()?;
    let mut other = None;
    let outcome = (|| {
        first.dial(&uri("200", &account))?;
        agent.talking().context("the agent")?;
        first.hears(AGENTS_HZ[0], CALLERS_HZ[1], LEAST_MS)?;
        for (at, caller) in [&mut second, &mut third].into_iter().enumerate() {
            caller.dial(&uri("200", &account))?;
            caller.talking().context("is answered and waits")?;
            let place = format!("\n  {}. call ", at + 1);
            wait_until(SOUNDS_MAX, "the place in the queue", || {
                Ok(sambung(&demo, &["queue"])?.contains(&place))
            })?;
        }
        wait_until(SOUNDS_MAX, "music", || Ok(audio::sound_ms(&third.recording()?) > MUSIC_MS))?;
        let busy = sambung(&demo, &["queue"])?;
        ensure!(busy.contains("1002 Budi busy, 1 call"), "{busy}");
        first.hang_up()?;
        agent.over()?;
        agent.talking().context("the agent, with the second")?;
        agent.hears(CALLERS_HZ[1], CALLERS_HZ[2], LEAST_MS)?;
        second.hears(AGENTS_HZ[0], AGENTS_HZ[1], LEAST_MS)?;
        // The call may be there before this test hears of anything.
        let (mut comes, _) = phone(&mut demo, 3, PCMU, AGENTS_HZ[1])?;
        comes.hears(CALLERS_HZ[2], CALLERS_HZ[1], LEAST_MS)?;
        third.hears(AGENTS_HZ[1], AGENTS_HZ[0], LEAST_MS)?;
        third.hang_up()?;
        comes.over()?;
        other = Some(comes);
        second.hang_up()?;
        agent.over()
    })();
    outcome.with_context(|| {
        let printed = [&first, &second, &third, &agent].map(|phone| phone.printed());
        let shown = sambung(&demo, &["queue"]).unwrap_or_default();
        format!("{shown}\n{}\n{}", printed.join("\n"), demo.logs())
    })?;
    let stories = record.next_stories(&before, 3)?;
    let waited = |place: u16, moves: &[&str]| {
        let mut rows = vec!["created 1 0".to_owned(), "ringing 1 0".to_owned(), format!("queued 1 {place}")];
        rows.extend(moves.iter().map(|row| (*row).to_owned()));
        rows.extend(["queue_updated 1 0", "ringing 1 0", "answered 1 0 3", "ended 1 0"].map(str::to_owned));
        rows
    };
    ensure!(
        stories[0].events == ["created 1 0", "ringing 1 0", "answered 1 0 3", "ended 1 0"],
        "{stories:#?}"
    );
    ensure!(stories[1].events == waited(1, &[]), "{stories:#?}");
    // H-065, row for row.
    ensure!(stories[2].events == waited(2, &["queue_updated 1 1"]), "{stories:#?}");
    drop((first, second, third, agent, other));
    demo.stop()
}
