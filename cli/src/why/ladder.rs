//! The ladder: time downwards, the caller's leg left of the switch, the other legs right of it, an arrow for each
//! message, the call's events between them.

use contract::{
    journal::Fact,
    time::Timestamp,
    trace::{CallTrace, TracedMessage, Way},
};

use crate::switch::printable;

/// Between two columns.
const COLUMN: usize = 34;
/// Before the first column: the time.
const MARGIN: usize = 12;
/// Legs that are drawn; what a call of more did stands in the messages.
const LEGS_MAX: usize = 6;

/// The whole ladder.
pub(super) fn draw(trace: &CallTrace) -> String {
    let legs = trace.legs.len().clamp(1, LEGS_MAX);
    let canvas = Canvas { legs };
    let begin = trace.messages.first().map_or(trace.created_at, |first| first.at.min(trace.created_at));
    let mut text = canvas.heading(trace);
    let mut facts = trace.facts.iter().peekable();
    for (at, message) in trace.messages.iter().enumerate() {
        while let Some(fact) = facts.next_if(|fact| fact.at < message.at) {
            text.push_str(&canvas.fact(begin, fact.at, &fact.fact));
        }
        if usize::from(message.leg) <= legs {
            let earlier = trace.messages.get(..at).unwrap_or_default();
            let is_again = earlier.iter().any(|other| {
                other.leg == message.leg && other.way == message.way && other.text == message.text
            });
            text.push_str(&canvas.arrow(begin, message, is_again));
        }
    }
    for fact in facts {
        text.push_str(&canvas.fact(begin, fact.at, &fact.fact));
    }
    if trace.legs.len() > legs {
        text.push_str(&format!("  ({} legs more are not drawn: see --messages)\n", trace.legs.len() - legs));
    }
    text
}

/// Every message in full.
pub(super) fn messages(trace: &CallTrace) -> String {
    let begin = trace.messages.first().map_or(trace.created_at, |first| first.at.min(trace.created_at));
    let mut text = String::new();
    for message in &trace.messages {
        let (from, to) = match message.way {
            Way::In => (&message.remote, &message.local),
            Way::Out => (&message.local, &message.remote),
        };
        let head = format!(
            "{} leg {} {} {from} → {to}",
            seconds(begin, message.at).trim(),
            message.leg,
            message.transport
        );
        text.push_str(&format!("\n--- {head}\n"));
        for line in message.text.lines() {
            text.push_str(&printable(line));
            text.push('\n');
        }
    }
    text
}

struct Canvas {
    legs: usize,
}

impl Canvas {
    /// Where a leg's line stands; leg 0 is the switch.
    fn place(leg: usize) -> usize {
        let column = match leg {
            0 => 1,
            1 => 0,
            other => other,
        };
        MARGIN + 2 + column * COLUMN
    }

    fn line(&self, time: &str) -> Vec<char> {
        let places = (0..=self.legs).map(Self::place);
        let width = places.clone().max().unwrap_or(MARGIN) + 1;
        let mut line: Vec<char> = format!("{time:<width$}").chars().collect();
        for place in places {
            put(&mut line, place, '│');
        }
        line
    }

    fn heading(&self, trace: &CallTrace) -> String {
        let mut names = vec![(Self::place(0), "sambung".to_owned())];
        for leg in 1..=self.legs {
            let of_leg = trace.messages.iter().find(|message| usize::from(message.leg) == leg);
            let address = of_leg.map(|message| format!("{} {}", message.transport, message.remote));
            names.push((Self::place(leg), format!("{leg}: {}", address.unwrap_or_default())));
        }
        names.sort_unstable();
        let mut line = String::from("Ladder");
        for (place, name) in names {
            // Centred over its line as far as there is room.
            let start = place.saturating_sub(name.chars().count() / 2);
            let gap = start.saturating_sub(line.chars().count()).max(1);
            line.push_str(&" ".repeat(gap));
            line.push_str(&name);
        }
        line + "\n"
    }

    fn arrow(&self, begin: Timestamp, message: &TracedMessage, is_again: bool) -> String {
        let mut line = self.line(&seconds(begin, message.at));
        let (leg, switch) = (Self::place(usize::from(message.leg)), Self::place(0));
        let (from, to) = match message.way {
            Way::In => (leg, switch),
            Way::Out => (switch, leg),
        };
        let (left, right) = (from.min(to) + 1, from.max(to));
        for place in left..right {
            put(&mut line, place, '─');
        }
        let (head, c) = if from < to { (right - 1, '▶') } else { (left, '◀') };
        put(&mut line, head, c);
        let again = if is_again { ", again" } else { "" };
        let label: Vec<char> =
            format!(" {}{again} ", label(message)).chars().take(right.saturating_sub(left + 4)).collect();
        for (at, c) in label.iter().enumerate() {
            put(&mut line, left + 2 + at, *c);
        }
        finish(&line)
    }

    fn fact(&self, begin: Timestamp, at: Timestamp, fact: &Fact) -> String {
        let Fact::Event(event) = fact else { return String::new() };
        let reason = event.detail.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let line: String = self.line(&seconds(begin, at)).iter().collect();
        format!("{}  ● {}{}\n", line.trim_end(), event.kind.as_str(), printable(&reason))
    }
}

fn put(line: &mut [char], place: usize, c: char) {
    if let Some(cell) = line.get_mut(place) {
        *cell = c;
    }
}

fn finish(line: &[char]) -> String {
    let text: String = line.iter().collect();
    format!("{}\n", text.trim_end())
}

/// Method or status, what it is about, and whether a session description is in it.
fn label(message: &TracedMessage) -> String {
    let mut lines = message.text.lines();
    let first = printable(lines.next().unwrap_or_default());
    let cseq = lines.clone().take_while(|line| !line.is_empty()).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("cseq").then(|| value.trim())
    });
    let about = cseq.and_then(|cseq| cseq.split_ascii_whitespace().nth(1)).map(printable).unwrap_or_default();
    let what = match first.strip_prefix("SIP/2.0 ") {
        Some(status) => format!("{status} ({about})"),
        None => first.split(' ').next().unwrap_or_default().to_owned(),
    };
    let has_sdp = message.text.contains("\r\nv=0") || message.text.contains("\nv=0");
    if has_sdp { format!("{what} + SDP") } else { what }
}

/// Seconds since the beginning, to a thousandth.
fn seconds(begin: Timestamp, at: Timestamp) -> String {
    let millis = (at.0 - begin.0).max(0) / 1_000;
    format!("{:>7}.{:03}", millis / 1_000, millis % 1_000)
}
