//! What breaks around the switch: its database, and the switch itself. Calls go on, and every call that ended has
//! all its rows, once (DESIGN D2).

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;
use sambung::postgres::Cluster;
use tests::{
    demo::Demo,
    phones::Transport,
    process::{self, wait_until},
    record::Record,
};

use crate::stage::{ANSWERED, PLAIN, Part, Stage};

const CALL: Part<'_> = ("call", &[("talk_ms", "300")]);
const ANSWER: Option<Part<'_>> = Some(("callee_answer", PLAIN));
/// Longest a short call may take from registration to BYE, with or without a database.
const CALL_MAX: Duration = Duration::from_secs(20);

/// Postgres, its backends and its helpers.
fn signal_postgres(demo: &Demo, signal: Signal) -> Result<()> {
    let servers = demo.daemons("postgres");
    ensure!(servers.len() == 1, "one server: {servers:?}");
    for server in servers {
        // The server first, so that it starts no new backend meanwhile.
        process::signal(server, signal)?;
        for backend in process::children(server, "postgres") {
            // One that has ended since it was listed is as still as one that is stopped.
            let signalled = process::signal(backend, signal);
            ensure!(
                signalled.is_ok() || !process::children(server, "postgres").contains(&backend),
                "{signalled:?}"
            );
        }
    }
    Ok(())
}

/// Plays one whole call and says how long it took.
fn play(stage: &mut Stage, folder: &str) -> Result<()> {
    let started = Instant::now();
    let played = stage.begin(folder, CALL, ANSWER).and_then(|call| call.finish());
    played.with_context(|| stage.demo.logs())?;
    let took = started.elapsed();
    ensure!(took < CALL_MAX, "a call took {took:?}");
    Ok(())
}

fn wait_for_ended(record: &mut Record, count: usize) -> Result<()> {
    wait_until(Duration::from_secs(30), &format!("{count} calls that have ended"), || {
        let query = "select count(*)::text from telephony.call_events where event_type = 'ended'";
        Ok(record.texts(query, None)? == [count.to_string()])
    })
}

/// An answered call with all its rows, each once.
fn check_ended(record: &mut Record, call: &str) -> Result<()> {
    // The legs' rows come right behind the `ended`.
    wait_until(Duration::from_secs(10), "both legs", || Ok(record.story(call)?.legs.len() == 2))?;
    ANSWERED.check(&record.story(call)?)
}

/// Waits until exactly `count` calls stand in the record, ended, each as H-062 … H-064 say.
fn check_all(record: &mut Record, count: usize) -> Result<()> {
    wait_for_ended(record, count)?;
    let calls = record.calls()?;
    ensure!(calls.len() == count, "{count} calls expected, {calls:?}");
    calls.iter().try_for_each(|call| check_ended(record, call))
}

#[test]
fn calls_go_on_while_postgres_is_frozen() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    let ongoing = stage.begin("ongoing", ("call", &[("talk_ms", "4000")]), ANSWER)?;
    stage.is_answered()?;
    signal_postgres(&stage.demo, Signal::STOP)?;
    // The one that began before ends, and two more begin and end.
    let ended = ongoing.finish().context("the call that was going on");
    let played = ended.and_then(|()| play(&mut stage, "first")).and_then(|()| play(&mut stage, "second"));
    signal_postgres(&stage.demo, Signal::CONT)?;
    played?;
    check_all(&mut stage.record, 3)?;
    stage.strike()
}

#[test]
fn calls_go_on_while_postgres_is_stopped_and_started() -> Result<()> {
    let mut cluster = Cluster::throw_away()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let url = runtime.block_on(cluster.create_database("sambung"))?;
    let mut stage = Stage::around(Demo::start_on(Some(&url))?, Transport::Udp)?;
    play(&mut stage, "before")?;
    let ongoing = stage.begin("ongoing", ("call", &[("talk_ms", "4000")]), ANSWER)?;
    stage.is_answered()?;
    cluster.stop();
    ongoing.finish().context("the call that was going on")?;
    play(&mut stage, "without")?;
    cluster.start()?;
    play(&mut stage, "after")?;
    stage.record = Record::open(&url)?;
    check_all(&mut stage.record, 4)?;
    stage.strike()
}

#[test]
fn a_killed_switch_delivers_what_it_had_written_down() -> Result<()> {
    let mut stage = Stage::set(Transport::Udp)?;
    signal_postgres(&stage.demo, Signal::STOP)?;
    let ongoing = play(&mut stage, "first")
        .and_then(|()| play(&mut stage, "second"))
        .and_then(|()| stage.begin("ongoing", ("call", &[("talk_ms", "30000")]), ANSWER))
        .and_then(|ongoing| stage.is_answered().map(|()| ongoing));
    let undelivered = stage.demo.figure("sambung_journal_undelivered_bytes");
    let switch = stage.demo.daemons("sambungd");
    let killed = switch.iter().try_for_each(|switch| process::signal(*switch, Signal::KILL));
    signal_postgres(&stage.demo, Signal::CONT)?;
    // Its next lives die as well, until nobody gives it another one: then what it had left for them is gone.
    let status = (0..600).find_map(|_| {
        let _ =
            stage.demo.daemons("sambungd").iter().try_for_each(|life| process::signal(*life, Signal::KILL));
        stage.demo.wait_for_end_within(Duration::from_millis(50)).ok()
    });
    drop(ongoing?);
    killed?;
    ensure!(undelivered? > 0, "all had been delivered to a frozen database");
    let status = status.context("a switch that dies all the time is given up")?;
    ensure!(!status.success(), "`sambung up` must not call that a good end");
    stage.demo.start_again()?;
    stage.record = Record::open(stage.demo.field("/database_url")?)?;
    wait_for_ended(&mut stage.record, 3)?;
    let calls = stage.record.calls()?;
    ensure!(calls.len() == 3, "{calls:?}");
    for call in &calls[..2] {
        check_ended(&mut stage.record, call)?;
    }
    // The call that was up is over too, and says so.
    let torn = stage.record.story(&calls[2])?;
    let said = ["created 1 0", "ringing 1 0", "answered 1 0 3", "failed 1 0", "ended 1 0"];
    ensure!(torn.events == said, "{torn:#?}");
    // And it takes calls again.
    play(&mut stage, "fourth")?;
    wait_for_ended(&mut stage.record, 4)?;
    stage.strike()
}
