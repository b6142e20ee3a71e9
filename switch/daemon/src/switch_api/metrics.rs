//! `/metrics` in Prometheus' text format: few figures, each of them true.

use std::{
    fmt::Write,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use super::Switch;

struct Page(String);

impl Page {
    fn head(&mut self, kind: &str, name: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "# HELP sambung_{name} {help}\n# TYPE sambung_{name} {kind}");
    }

    fn counter(&mut self, name: &str, help: &str, value: &AtomicU64) {
        self.head("counter", name, help);
        let _ = writeln!(self.0, "sambung_{name} {}", value.load(Relaxed));
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.head("gauge", name, help);
        let _ = writeln!(self.0, "sambung_{name} {value}");
    }

    fn labelled(
        &mut self,
        kind: &str,
        name: &str,
        help: &str,
        label: &str,
        values: impl Iterator<Item = (&'static str, u64)>,
    ) {
        self.head(kind, name, help);
        for (value, count) in values {
            let _ = writeln!(self.0, "sambung_{name}{{{label}=\"{value}\"}} {count}");
        }
    }
}

fn flag(value: &AtomicBool) -> u64 {
    u64::from(value.load(Relaxed))
}

/// The whole page.
pub(super) fn text(switch: &Switch) -> String {
    let mut page = Page(String::with_capacity(8 * 1024));
    page.gauge("ready", "Whether calls can be made.", u64::from(switch.health().ready));
    engine(switch, &mut page);
    wire(switch, &mut page);
    journal(switch, &mut page);
    let media = switch.relay.all();
    page.labelled("untyped", "media", "Figures of the media relay.", "figure", media);
    page.0
}

fn engine(switch: &Switch, page: &mut Page) {
    let counters = &switch.engine_counters;
    page.gauge("calls_live", "Calls that have not ended.", switch.live.calls_len() as u64);
    page.counter("calls_total", "Calls begun since the start.", &counters.calls);
    page.gauge(
        "registrations",
        "Contacts that phones have registered.",
        switch.live.registrations_len() as u64,
    );
    page.gauge("sip_transactions", "SIP transactions.", counters.transactions.load(Relaxed));
    page.gauge("sip_sessions", "INVITE sessions.", counters.sessions.load(Relaxed));
    page.counter("engine_turns_total", "Turns of the engine's loop.", &counters.turns);
    page.counter(
        "media_orders_lost_total",
        "Orders to the relay lost. Not 0: an incident.",
        &counters.media_lost,
    );
    page.labelled("counter", "notices_total", "What call control noticed.", "kind", counters.notices.all());
    page.gauge("plan_revision", "Revision of the plan in use.", {
        u64::try_from(switch.plan.revision.load(Relaxed)).unwrap_or(0)
    });
    page.counter("plans_refused_total", "Revisions that did not compile.", &switch.plan.refused);
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
    page.labelled("counter", "sip_messages_total", "SIP messages and datagrams.", "what", messages);
    page.gauge("tcp_connections", "SIP connections over TCP and TLS.", wire.tcp_connections.load(Relaxed));
    page.counter("tls_handshakes_total", "TLS handshakes that peers began.", &wire.tls_handshakes);
    let ends = [
        ("refused", &wire.tcp_refused),
        ("broken", &wire.tcp_broken),
        ("timed_out", &wire.tcp_timed_out),
        ("pushed_out", &wire.tcp_pushed_out),
        ("tls_refused", &wire.tls_refused),
    ];
    let ends = ends.into_iter().map(|(name, count)| (name, count.load(Relaxed)));
    page.labelled("counter", "tcp_ended_total", "SIP connections that we ended.", "why", ends);
}

fn journal(switch: &Switch, page: &mut Page) {
    let journal = &switch.journal;
    page.counter("journal_recorded_total", "Call records made.", &journal.recorded);
    page.counter("journal_written_total", "Call records on disk.", &journal.written);
    page.counter("journal_commits_total", "Groups written, one disk sync each.", &journal.commits);
    page.counter(
        "journal_commit_failures_total",
        "Groups the disk refused at first.",
        &journal.commit_failures,
    );
    page.counter("journal_delivered_total", "Call records in the database.", &journal.delivered);
    page.counter("journal_refused_total", "Call records the database refuses for good.", &journal.refused);
    page.counter("journal_lost_total", "Call records lost. Not 0: an incident.", &journal.lost);
    page.counter("journal_damaged_total", "Damaged records found on disk.", &journal.damaged);
    let undelivered = journal.undelivered_bytes.load(Relaxed);
    page.gauge("journal_undelivered_bytes", "Bytes on disk that the database does not have.", undelivered);
    page.gauge(
        "journal_disk_in_trouble",
        "Whether the disk refuses records.",
        flag(&journal.disk_in_trouble),
    );
    page.gauge("database_away", "Whether the database refuses records.", flag(&journal.database_away));
    page.counter("bindings_written_total", "Registrations written.", &switch.bindings.written);
    page.counter(
        "bindings_dropped_total",
        "Registrations the disk was too slow for.",
        &switch.bindings.dropped,
    );
}
