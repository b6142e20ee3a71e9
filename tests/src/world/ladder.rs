//! What was said, and how to show it: a ladder with the phones of one call on both sides of the switch.

use std::{collections::BTreeSet, fmt::Write as _, time::Duration};

use super::phone::text::{Start, Text};

/// What became of a message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Arrives after this time.
    Arrives(Duration),
    /// Arrives more than once, first after this time.
    Twice(Duration),
    /// Does not arrive.
    Lost,
}

/// One message sent.
pub struct Line {
    /// When it was sent.
    pub at: Duration,
    /// Index of the phone at the one end.
    pub phone: usize,
    /// Whether the phone sent it.
    pub to_switch: bool,
    /// What became of it.
    pub fate: Fate,
    /// The message.
    pub bytes: Vec<u8>,
}

/// Everything that was said in a world.
#[derive(Default)]
pub struct Ladder {
    /// In order of sending.
    pub lines: Vec<Line>,
}

/// Width of the room between two columns.
const ROOM: usize = 24;

impl Ladder {
    /// A hash of all that was said and when: the same seed gives the same.
    pub fn hash(&self) -> u64 {
        // FNV-1a, 64 bit: stable between builds.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut eat = |bytes: &[u8]| {
            for byte in bytes {
                hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for line in &self.lines {
            eat(&line.at.as_micros().to_le_bytes());
            eat(&line.phone.to_le_bytes());
            eat(&line.bytes);
        }
        hash
    }

    /// Draws the messages with one of these Call-IDs; all messages when there are none.
    pub fn draw(&self, names: &[String], call_ids: &BTreeSet<String>) -> String {
        let chosen: Vec<(&Line, Text)> = self
            .lines
            .iter()
            .filter_map(|line| Text::read(&line.bytes).ok().map(|text| (line, text)))
            .filter(|(_, text)| call_ids.is_empty() || call_ids.contains(text.call_id()))
            .collect();
        let mut columns: Vec<usize> = Vec::new();
        for (line, _) in &chosen {
            if !columns.contains(&line.phone) {
                columns.push(line.phone);
            }
        }
        let mut out = format!("{:>11}  ", "seconds");
        for phone in columns.iter().take(1) {
            let _ = write!(out, "{:<ROOM$}", names[*phone]);
        }
        let _ = write!(out, "{:<ROOM$}", "switch");
        for phone in columns.iter().skip(1) {
            let _ = write!(out, "{:<ROOM$}", names[*phone]);
        }
        out.push('\n');
        for (line, text) in &chosen {
            let column = columns.iter().position(|phone| *phone == line.phone).unwrap_or(0);
            draw_line(&mut out, line, text, column, columns.len().max(2));
        }
        out
    }
}

/// Column 0 stands left of the switch, the others right of it.
fn draw_line(out: &mut String, line: &Line, text: &Text, column: usize, columns: usize) {
    let is_left = column == 0;
    let points_right = is_left == line.to_switch;
    let (first_room, rooms) = if is_left { (0, 1) } else { (1, column) };
    let width = rooms * ROOM - 1;
    let label = summary(text);
    let body = format!("{label:-^fill$}", fill = width.saturating_sub(2));
    let body: String = body.chars().take(width.saturating_sub(1)).collect();
    let (tip, lost) = (if points_right { '>' } else { '<' }, line.fate == Fate::Lost);
    let tip = if lost { 'x' } else { tip };
    let arrow = if points_right { format!("-{body}{tip}") } else { format!("{tip}{body}-") };
    let arrow: String = arrow.chars().take(width + 1).collect();
    let _ = write!(out, "{:>11.6}  ", line.at.as_secs_f64());
    let mut room = 0;
    while room < columns {
        if room == first_room {
            let _ = write!(out, "|{arrow:<width$}");
            room += rooms;
        } else {
            let _ = write!(out, "|{:<pad$}", "", pad = ROOM - 1);
            room += 1;
        }
    }
    let fate = match line.fate {
        Fate::Arrives(after) => format!("| +{} ms", after.as_millis()),
        Fate::Twice(after) => format!("| +{} ms, twice", after.as_millis()),
        Fate::Lost => "| lost".to_owned(),
    };
    let _ = writeln!(out, "{fate}");
}

/// `INVITE 3 SDP`, `180 (INVITE 3)`.
pub fn summary(text: &Text) -> String {
    let sdp = if text.body.is_empty() { "" } else { " +SDP" };
    let (number, method) = text.cseq();
    match &text.start {
        Start::Request { method, .. } => format!("{method} {number}{sdp}"),
        Start::Response { status, .. } => format!("{status} ({method} {number}){sdp}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_shows_direction_and_loss() {
        let mut ladder = Ladder::default();
        let mut invite = Text::request("INVITE", "sip:1002@demo.test");
        invite.add("Call-ID", "c");
        invite.add("CSeq", "1 INVITE");
        let ok = Text::answer(&invite, 200, "OK", None);
        for (phone, to_switch, text, fate) in [
            (0, true, &invite, Fate::Arrives(Duration::from_millis(5))),
            (1, false, &invite, Fate::Lost),
            (1, true, &ok, Fate::Arrives(Duration::ZERO)),
        ] {
            let bytes = text.write(super::super::phone::text::Accent::default());
            ladder.lines.push(Line { at: Duration::ZERO, phone, to_switch, fate, bytes });
        }
        let drawn = ladder.draw(&["1001".to_owned(), "1002".to_owned()], &BTreeSet::new());
        let rows: Vec<&str> = drawn.lines().collect();
        assert!(rows[1].contains("INVITE 1") && rows[1].contains(">|"), "{drawn}");
        assert!(rows[2].contains('x') && rows[2].ends_with("lost"), "{drawn}");
        assert!(rows[3].contains("|<") && rows[3].contains("200 (INVITE 1)"), "{drawn}");
    }
}
