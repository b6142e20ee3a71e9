//! `/metrics` in Prometheus' text format. Names follow its conventions: base units, `_total` for what only grows.
//!
//! `conf/grafana` and `conf/prometheus` read these names; a test keeps the three together.

mod page;
mod process;

use std::sync::atomic::Ordering::Relaxed;

use super::Switch;
use crate::wire;
use page::Page;

/// The whole page.
pub(super) fn text(switch: &Switch) -> String {
    let mut page = Page::new();
    let version = std::iter::once((env!("CARGO_PKG_VERSION"), 1));
    page.labelled("gauge", "sambung_build_info", "Which build this is.", "version", version);
    page.gauge("sambung_ready", "Whether calls can be made.", u64::from(switch.health().ready));
    calls(switch, &mut page);
    trunks(switch, &mut page);
    engine(switch, &mut page);
    wire(switch, &mut page);
    media(switch, &mut page);
    journal(switch, &mut page);
    recordings(switch, &mut page);
    observers(switch, &mut page);
    process::write(&mut page, switch.started);
    page.text()
}

fn calls(switch: &Switch, page: &mut Page) {
    let counters = &switch.engine_counters;
    page.gauge("sambung_calls_live", "Calls that have not ended.", switch.live.calls_len() as u64);
    let states = switch.live.calls_by_state();
    page.labelled("gauge", "sambung_calls", "Calls that have not ended.", "state", states.into_iter());
    page.counter("sambung_calls_total", "Calls begun.", &counters.calls);
    let facts = &counters.facts;
    let events = facts.events();
    page.labelled("counter", "sambung_call_events_total", "Events of calls (H-060).", "type", events);
    page.gauge(
        "sambung_registrations",
        "Contacts that phones have registered.",
        switch.live.registrations_len() as u64,
    );
    page.counter("sambung_rtp_received_packets_total", "RTP packets of finished legs.", &facts.rtp_received);
    page.counter("sambung_rtp_sent_packets_total", "RTP packets sent to finished legs.", &facts.rtp_sent);
    page.counter(
        "sambung_rtp_lost_packets_total",
        "RTP packets that finished legs sent and that did not arrive.",
        &facts.rtp_lost,
    );
}

fn trunks(switch: &Switch, page: &mut Page) {
    let trunks = &switch.engine_counters.trunks;
    let states =
        [("registered", &trunks.registered), ("unregistered", &trunks.unregistered), ("down", &trunks.down)];
    let states = states.into_iter().map(|(state, count)| (state, count.load(Relaxed)));
    page.labelled("gauge", "sambung_trunks", "Trunks by how they stand at their provider.", "state", states);
    let targets = [("up", &trunks.targets_up), ("down", &trunks.targets_down)];
    let targets = targets.into_iter().map(|(state, count)| (state, count.load(Relaxed)));
    page.labelled(
        "gauge",
        "sambung_trunk_targets",
        "Targets of trunks that are asked by OPTIONS whether they are there.",
        "state",
        targets,
    );
    page.gauge("sambung_trunk_channels", "Calls that are up on trunks.", trunks.channels.load(Relaxed));
    page.counter(
        "sambung_trunk_changes_total",
        "Registrations and targets of trunks that came or went.",
        &trunks.changes,
    );
}

fn engine(switch: &Switch, page: &mut Page) {
    let counters = &switch.engine_counters;
    page.gauge("sambung_sip_transactions", "SIP transactions.", counters.transactions.load(Relaxed));
    page.gauge("sambung_sip_sessions", "INVITE sessions.", counters.sessions.load(Relaxed));
    page.counter(
        "sambung_located_total",
        "Names of sip.allowed_targets that DNS led to other places than before.",
        &counters.located,
    );
    page.gauge("sambung_sip_timers", "Timers of SIP and of calls.", counters.timers.load(Relaxed));
    page.gauge("sambung_call_legs", "Legs of calls, leaving ones included.", counters.legs.load(Relaxed));
    page.gauge("sambung_media_leases", "Pairs of media ports held by calls.", counters.leases.load(Relaxed));
    let delays = &counters.delays;
    page.histogram(
        "sambung_sip_queue_delay_seconds",
        "How long messages have waited for the engine.",
        delays.cumulative(),
        delays.sum_micros(),
    );
    page.counter("sambung_engine_turns_total", "Turns of the engine's loop.", &counters.turns);
    page.counter(
        "sambung_media_orders_lost_total",
        "Orders to the relay lost. Not 0: an incident.",
        &counters.media_lost,
    );
    let notices = counters.notices.all();
    page.labelled("counter", "sambung_notices_total", "What call control noticed.", "kind", notices);
    page.flag("sambung_draining", "Whether the switch is stopping.", &counters.draining);
    page.flag(
        "sambung_journal_pressure",
        "Whether new calls are refused for want of a journal.",
        &counters.journal_pressure,
    );
    let revision = u64::try_from(switch.plan.revision.load(Relaxed)).unwrap_or(0);
    page.gauge("sambung_plan_revision", "Revision of the plan in use.", revision);
    page.counter("sambung_plans_refused_total", "Revisions that did not compile.", &switch.plan.refused);
}

fn wire(switch: &Switch, page: &mut Page) {
    let wire = &switch.wire;
    let messages = [
        ("udp_received", &wire.udp_received),
        ("udp_sent", &wire.udp_sent),
        ("udp_send_dropped", &wire.udp_send_dropped),
        ("tcp_received", &wire.tcp_received),
        ("tcp_sent", &wire.tcp_sent),
        ("keep_alive", &wire.keep_alives),
        ("unreachable", &wire.unreachable),
    ];
    let messages = messages.into_iter().map(|(name, count)| (name, count.load(Relaxed)));
    page.labelled("counter", "sambung_sip_messages_total", "SIP messages and datagrams.", "what", messages);
    let connections = wire.tcp_connections.load(Relaxed);
    page.gauge("sambung_tcp_connections", "SIP connections over TCP, TLS and WebSocket.", connections);
    let handshakes = &wire.tls_handshakes;
    page.counter("sambung_tls_handshakes_total", "TLS handshakes that peers began.", handshakes);
    page.counter("sambung_ws_opened_total", "Connections that have become WebSockets.", &wire.ws_opened);
    let expires_at = switch.tls.as_ref().map_or(0, wire::Tls::expires_at);
    page.gauge(
        "sambung_tls_certificate_expiry_timestamp_seconds",
        "When the TLS certificate expires, since 1970; 0 without one.",
        u64::try_from(expires_at).unwrap_or(0),
    );
    let ends = [
        ("refused", &wire.tcp_refused),
        ("broken", &wire.tcp_broken),
        ("timed_out", &wire.tcp_timed_out),
        ("pushed_out", &wire.tcp_pushed_out),
        ("tls_refused", &wire.tls_refused),
        ("ws_refused", &wire.ws_refused),
    ];
    let ends = ends.into_iter().map(|(name, count)| (name, count.load(Relaxed)));
    page.labelled("counter", "sambung_tcp_ended_total", "SIP connections that we ended.", "why", ends);
}

fn media(switch: &Switch, page: &mut Page) {
    page.seconds(
        "gauge",
        "sambung_media_thread_idle_seconds",
        "Since when the media thread has not turned; it must every second.",
        switch.since(&switch.engine_counters.media_turned_at),
    );
    let all: Vec<(&str, u64)> = switch.relay.all().collect();
    let dropped = all.iter().filter_map(|(name, count)| Some((name.strip_prefix("dropped_")?, *count)));
    page.labelled("counter", "sambung_media_dropped_total", "Datagrams not believed.", "why", dropped);
    let unsent = all.iter().filter_map(|(name, count)| Some((name.strip_prefix("send_")?, *count)));
    page.labelled("counter", "sambung_media_unsent_total", "Datagrams not sent.", "why", unsent);
    quality(&all, page);
    let is_told = |name: &str| ["dropped_", "send_", "mos_"].iter().any(|prefix| name.starts_with(prefix));
    let rest = all.iter().filter(|(name, _)| !is_told(name));
    for (name, count) in rest {
        match *name {
            "legs_open" => page.gauge("sambung_media_legs", "Streams of live legs.", *count),
            "connections_open" => {
                page.gauge("sambung_media_connections", "Connections of browsers to their port.", *count);
            }
            "ports_looked_at" => {
                page.gauge("sambung_media_ports_looked_at", "Ports whose packets gather.", *count);
            }
            "legs_looked_at" => {
                page.gauge("sambung_media_legs_looked_at", "Phones whose packets gather too.", *count);
            }
            "pairs_stocked" => page.gauge("sambung_media_ports_stocked", "Port pairs in stock.", *count),
            "pairs_quarantined" => page.gauge("sambung_media_ports_resting", "Closed ports at rest.", *count),
            name => {
                let help = format!("The media relay's {}.", name.replace('_', " "));
                let counted = std::sync::atomic::AtomicU64::new(*count);
                page.counter(&format!("sambung_media_{name}_total"), &help, &counted);
            }
        }
    }
}

/// What legs have heard, some seconds at a time.
fn quality(all: &[(&str, u64)], page: &mut Page) {
    // The histogram tells millionths of what it is given.
    const HUNDREDTH: u64 = 10_000;
    let mut so_far = 0;
    let buckets: Vec<(Option<u64>, u64)> = all
        .iter()
        .filter_map(|(name, count)| {
            let bound: u64 = name.strip_prefix("mos_up_to_")?.parse().ok()?;
            so_far += count;
            Some((Some(bound * HUNDREDTH), so_far))
        })
        .collect();
    let sum = all.iter().find(|(name, _)| *name == "mos_sum_hundredths").map_or(0, |(_, sum)| *sum);
    page.histogram(
        "sambung_media_mos",
        "What some seconds of a leg were worth (ITU-T G.107), by the bounds of G.109.",
        buckets.into_iter().chain(std::iter::once((None, so_far))),
        sum * HUNDREDTH,
    );
}

fn journal(switch: &Switch, page: &mut Page) {
    let journal = &switch.journal;
    let totals = [
        ("recorded", "Call records made.", &journal.recorded),
        ("written", "Call records on disk.", &journal.written),
        ("commits", "Groups written, one disk sync each.", &journal.commits),
        ("commit_failures", "Groups the disk refused at first.", &journal.commit_failures),
        ("delivered", "Call records in the database.", &journal.delivered),
        ("refused", "Call records the database refuses for good.", &journal.refused),
        ("lost", "Call records lost. Not 0: an incident.", &journal.lost),
        ("damaged", "Damaged records found on disk.", &journal.damaged),
        ("ended_at_start", "Calls that a crash left open and a start ended.", &journal.ended_at_start),
    ];
    for (name, help, count) in totals {
        page.counter(&format!("sambung_journal_{name}_total"), help, count);
    }
    let undelivered = journal.undelivered_bytes.load(Relaxed);
    page.gauge(
        "sambung_journal_undelivered_bytes",
        "Bytes that the database does not have yet.",
        undelivered,
    );
    let unwritten = journal.recorded.load(Relaxed).saturating_sub(journal.written.load(Relaxed));
    page.gauge("sambung_journal_unwritten", "Call records that wait for the disk.", unwritten);
    page.seconds(
        "gauge",
        "sambung_journal_lag_seconds",
        "Age of the oldest call record that the database does not have.",
        switch.since(&journal.undelivered_since),
    );
    let disk = &journal.disk_in_trouble;
    page.flag("sambung_journal_disk_in_trouble", "Whether the disk refuses records.", disk);
    page.flag("sambung_database_away", "Whether the database refuses records.", &journal.database_away);
    let bindings = &switch.bindings;
    page.counter("sambung_bindings_written_total", "Registrations written.", &bindings.written);
    let dropped = &bindings.dropped;
    page.counter("sambung_bindings_dropped_total", "Registrations the disk was too slow for.", dropped);
    let failures = &bindings.commit_failures;
    page.counter("sambung_bindings_commit_failures_total", "Groups the disk refused at first.", failures);
}

fn recordings(switch: &Switch, page: &mut Page) {
    let recordings = &switch.recordings;
    let gauges = [
        ("sambung_recordings", "Recordings in the making.", &recordings.running),
        (
            "sambung_recordings_waiting",
            "Finished recordings that the store does not have yet.",
            &recordings.waiting,
        ),
        (
            "sambung_recording_spool_bytes",
            "Bytes in the making or waiting for the store.",
            &recordings.spool_bytes,
        ),
    ];
    for (name, help, value) in gauges {
        page.gauge(name, help, value.load(Relaxed));
    }
    let totals = [
        ("begun", "Recordings begun.", &recordings.begun),
        ("failed", "Recordings that ended before their time or never began.", &recordings.failed),
        ("left_over", "Recordings of a former process brought to their end.", &recordings.left_over),
        ("stored", "Recordings that the store has taken.", &recordings.stored),
        ("deleted", "Recordings and messages deleted from the store.", &recordings.deleted),
        (
            "store_failures",
            "Times that the store did not take one, did not delete one, or that one could not be read.",
            &recordings.store_failures,
        ),
        ("packets", "Packets of recorded legs.", &recordings.packets),
        ("strays", "Packets just before or after a recording.", &recordings.strays),
    ];
    for (name, help, count) in totals {
        page.counter(&format!("sambung_recording_{name}_total"), help, count);
    }
}

fn observers(switch: &Switch, page: &mut Page) {
    let trace = &switch.trace;
    page.gauge("sambung_trace_calls", "Calls whose ladder is remembered.", trace.calls.load(Relaxed));
    page.gauge("sambung_trace_memory_bytes", "Memory of those.", trace.memory_bytes.load(Relaxed));
    page.counter("sambung_trace_forgotten_total", "Calls that made room for others.", &trace.forgotten);
    let hep = &switch.hep;
    let mirrored = [("sent", &hep.sent), ("dropped", &hep.dropped), ("failed", &hep.failed)];
    let mirrored = mirrored.into_iter().map(|(name, count)| (name, count.load(Relaxed)));
    page.labelled("counter", "sambung_hep_messages_total", "Messages for Homer.", "what", mirrored);
    let streams = &switch.streams;
    page.gauge("sambung_event_readers", "Readers of the event stream.", streams.readers() as u64);
    page.counter("sambung_event_told_total", "Entries told to readers.", &streams.told);
    let slow = &streams.closed_slow;
    page.counter("sambung_event_readers_closed_total", "Readers closed because they stood still.", slow);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_has_its_bounds_in_seconds_its_sum_and_its_count() {
        let mut page = Page::new();
        page.histogram(
            "a_seconds",
            "Help.",
            [(Some(50), 2), (Some(2_000_000), 3), (None, 5)].into_iter(),
            7_000_001,
        );
        let text = page.text();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "a_seconds_bucket{le=\"0.000050\"} 2",
                "a_seconds_bucket{le=\"2.000000\"} 3",
                "a_seconds_bucket{le=\"+Inf\"} 5",
                "a_seconds_sum 7.000001",
                "a_seconds_count 5"
            ]
        );
    }

    #[test]
    fn scores_are_a_histogram() {
        let mut page = Page::new();
        quality(&[("mos_up_to_310", 2), ("mos_up_to_450", 3), ("mos_sum_hundredths", 1_900)], &mut page);
        let text = page.text();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "sambung_media_mos_bucket{le=\"3.100000\"} 2",
                "sambung_media_mos_bucket{le=\"4.500000\"} 5",
                "sambung_media_mos_bucket{le=\"+Inf\"} 5",
                "sambung_media_mos_sum 19.000000",
                "sambung_media_mos_count 5"
            ]
        );
    }

    #[test]
    fn seconds_are_told_in_seconds() {
        let mut page = Page::new();
        page.seconds("gauge", "a_seconds", "Help.", 1_500_001);
        assert_eq!(page.text(), "# HELP a_seconds Help.\n# TYPE a_seconds gauge\na_seconds 1.500001\n");
    }
}
