//! A rule as people say it. The words stand here and nowhere else; nothing is decided by them.

use contract::rules::{Condition, Timescope};

use super::model::Sentence;
use crate::telephony::action::Action;

/// The sentence of a rule whose action leads to what people know as `to`.
pub(super) fn sentence(
    (timescope, condition): (Timescope, Condition),
    (action, to): (&Action, &str),
    is_enabled: bool,
) -> Sentence {
    let hours = match timescope {
        Timescope::Any => None,
        Timescope::WorkHours => Some(("Pada jam kerja", "During working hours")),
        Timescope::OffHours => Some(("Di luar jam kerja", "Outside working hours")),
    };
    let case = match condition {
        Condition::Always => None,
        Condition::Busy => Some(("bila sibuk", "when everybody is busy")),
        Condition::NoAnswer => Some(("bila tidak diangkat", "when nobody answers")),
        Condition::Unreachable => Some(("bila tidak terhubung", "when nobody can be reached")),
    };
    let (id, en) = does(action, to);
    let off = if is_enabled { ("", "") } else { (" (nonaktif)", " (disabled)") };
    Sentence {
        id: joined([hours.map(|(id, _)| id), case.map(|(id, _)| id)], "selalu", &id) + off.0,
        en: joined([hours.map(|(_, en)| en), case.map(|(_, en)| en)], "always", &en) + off.1,
    }
}

fn joined(when: [Option<&str>; 2], always: &str, does: &str) -> String {
    let mut when: Vec<&str> = when.into_iter().flatten().collect();
    if when.is_empty() {
        when.push(always);
    }
    let text = format!("{}: {does}", when.join(", "));
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn does(action: &Action, to: &str) -> (String, String) {
    match action {
        Action::Ring {} => {
            ("deringkan staf ekstensi ini".to_owned(), "ring the extension's staff".to_owned())
        }
        Action::ForwardExtension { .. } | Action::ForwardStaff { .. } | Action::ForwardNumber { .. } => {
            (format!("teruskan ke {to}"), format!("forward to {to}"))
        }
        Action::AnnounceHangup { .. } => {
            (format!("putar pengumuman {to} lalu tutup"), format!("play the announcement {to} and hang up"))
        }
        Action::Queue { priority: 0, .. } => {
            (format!("masukkan ke antrean {to}"), format!("put into the queue of {to}"))
        }
        Action::Queue { priority, .. } => (
            format!("masukkan ke antrean {to} dengan prioritas {priority}"),
            format!("put into the queue of {to} with priority {priority}"),
        ),
        Action::Voicemail { .. } => (format!("rekam pesan untuk {to}"), format!("take a message for {to}")),
        Action::Ivr { .. } => (format!("putar menu {to}"), format!("play the menu of {to}")),
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn check(when: (Timescope, Condition), action: &Action, is_enabled: bool, id: &str, en: &str) {
        let expected = Sentence { id: id.to_owned(), en: en.to_owned() };
        assert_eq!(sentence(when, (action, "1002 Budi"), is_enabled), expected);
    }

    #[test]
    fn a_rule_reads_as_people_say_it() {
        let (extension_id, user_id) = (Uuid::nil(), Uuid::nil());
        let (any, off) = (Timescope::Any, Timescope::OffHours);
        check(
            (off, Condition::NoAnswer),
            &Action::ForwardStaff { user_id },
            true,
            "Di luar jam kerja, bila tidak diangkat: teruskan ke 1002 Budi",
            "Outside working hours, when nobody answers: forward to 1002 Budi",
        );
        check(
            (any, Condition::Always),
            &Action::Queue { extension_id, priority: 5 },
            false,
            "Selalu: masukkan ke antrean 1002 Budi dengan prioritas 5 (nonaktif)",
            "Always: put into the queue of 1002 Budi with priority 5 (disabled)",
        );
        check(
            (any, Condition::Busy),
            &Action::Voicemail { user_id },
            true,
            "Bila sibuk: rekam pesan untuk 1002 Budi",
            "When everybody is busy: take a message for 1002 Budi",
        );
        check(
            (Timescope::WorkHours, Condition::Always),
            &Action::Ring {},
            true,
            "Pada jam kerja: deringkan staf ekstensi ini",
            "During working hours: ring the extension's staff",
        );
    }
}
