//! Queues in a description.

use contract::{
    id::{QueueId, UserId},
    queues::{self, Strategy},
};

use dialplan::Problem;

use super::{Description, Extension, Staff, id, person, rules};
use crate::organisation::reader::{At, Reader, Section};

/// `[[queue]]`
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) line: usize,
    /// A place among the extensions.
    pub(crate) extension: usize,
    /// With made-up ids, as [`id`] makes them of places; its own is that of its extension.
    pub(crate) row: queues::Queue,
}

/// What a queue is where nothing is said, as the database has it.
pub(crate) fn plain(id: QueueId) -> queues::Queue {
    queues::Queue {
        id,
        strategy: Strategy::LongestIdle,
        ring_secs: 20,
        capacity: 20,
        wait_max_secs: 600,
        wrap_up_secs: 5,
        misses_max: 3,
        announce_secs: 60,
        has_callback: false,
        agents: Vec::new(),
    }
}

pub(super) const KEYS: &str = "extension, strategy, ring_secs, capacity, wait_max_secs, wrap_up_secs, misses_max, announce_secs, callback and agents";

/// All `[[queue]]`.
pub(super) fn queues<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    (staff, extensions): (&[Staff], &[Extension]),
) -> Vec<Queue> {
    let mut all: Vec<Queue> = Vec::new();
    for mut section in reader.tables(root, "queue") {
        let line = section.line;
        let of = section.required(reader, "extension");
        let extension =
            of.as_ref().and_then(|of| rules::extension(reader, "queue.extension", of, extensions));
        let mut row = plain(QueueId(id(extension.unwrap_or_default())));
        let strategies = (Strategy::ALL, Strategy::as_str as fn(Strategy) -> &'static str);
        row.strategy = rules::word(reader, &mut section, "strategy", strategies).unwrap_or(row.strategy);
        let numbers: [(&str, &mut u16); 6] = [
            ("ring_secs", &mut row.ring_secs),
            ("capacity", &mut row.capacity),
            ("wait_max_secs", &mut row.wait_max_secs),
            ("wrap_up_secs", &mut row.wrap_up_secs),
            ("misses_max", &mut row.misses_max),
            ("announce_secs", &mut row.announce_secs),
        ];
        for (key, value) in numbers {
            if let Some(number) = section.number(reader, key) {
                // Out of range either way is for the compiler to say.
                *value = u16::try_from(number.value).unwrap_or(u16::MAX);
            }
        }
        row.has_callback = section.flag(reader, "callback", false);
        row.agents = agents(reader, &mut section, staff);
        section.finish(reader, KEYS);
        let Some((extension, of)) = extension.zip(of) else { continue };
        if let Some(other) = all.iter().find(|other| other.extension == extension) {
            let reason = format!("has a queue already, in line {}", other.line);
            reader.wrong(of.line, "queue.extension", reason);
        }
        all.push(Queue { line, extension, row });
    }
    all
}

/// `"101"`, or `"101*3"` with a weight.
fn agents<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>, staff: &[Staff]) -> Vec<queues::Agent> {
    let mut agents = Vec::new();
    for At { value, line } in section.texts(reader, "agents") {
        let (number, weight) = value.split_once('*').map_or((value.as_str(), Ok(1)), |(number, weight)| {
            (number.trim(), weight.trim().parse::<u16>())
        });
        let Ok(weight) = weight else {
            let reason =
                format!("expected a number such as \"101\", or \"101*3\" with a weight, found {value:?}");
            reader.wrong(line, section.key("agents"), reason);
            continue;
        };
        let wanted = At { value: number.to_owned(), line };
        let person = person(reader, "queue.agents", &wanted, staff);
        agents.extend(person.map(|at| queues::Agent { user: UserId(id(at)), weight }));
    }
    agents
}

/// Where a queue stands in the file.
pub(super) fn line(description: &Description, id: QueueId) -> usize {
    description.queues.iter().find(|queue| queue.row.id == id).map_or(1, |queue| queue.line)
}

/// The queue of an extension, by its place.
pub(super) fn of(description: &Description, extension: usize) -> Option<queues::Queue> {
    let queue = description.queues.iter().find(|queue| queue.extension == extension)?;
    Some(queue.row.clone())
}

/// What a diagnostic about a queue, or a rule that leads to one, says; `None`: it is about something else.
pub(super) fn reason(problem: &Problem, (table, field): (&str, &str)) -> Option<String> {
    match (problem, table, field) {
        (Problem::OutOfRange, "queue" | "rule", field) => expected(field),
        // What else a rule leads to has been looked for before.
        (Problem::Dangling, "rule", "target") => {
            Some("leads to an extension that has no [[queue]] or no [[menu]]".to_owned())
        }
        (Problem::Dangling, "queue", _) => {
            Some("names somebody who is not among the extension's staff".to_owned())
        }
        (Problem::Taken, "queue", "agents") => Some("names somebody twice".to_owned()),
        _ => None,
    }
}

/// What is expected where a number is out of range.
fn expected(field: &str) -> Option<String> {
    use dialplan::limits;
    let range = match field {
        "ring_secs" => limits::RING_TIMEOUT_SECS,
        "capacity" => limits::QUEUE_CAPACITY,
        "wait_max_secs" => limits::QUEUE_WAIT_SECS,
        "wrap_up_secs" => 0..=limits::WRAP_UP_SECS_MAX,
        "misses_max" => 0..=limits::MISSES_MAX,
        "announce_secs" => limits::ANNOUNCE_SECS,
        "weight" => limits::WEIGHT,
        "priority" => 0..=limits::PRIORITY_MAX,
        _ => return None,
    };
    let none = if field == "announce_secs" { "0 for none, or " } else { "" };
    Some(format!("expected {none}a whole number from {} to {}", range.start(), range.end()))
}
