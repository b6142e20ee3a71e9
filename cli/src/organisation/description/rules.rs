//! Hours, rules and holidays in a description. Rules are in the order in which they stand in the file.

use contract::{
    id::{ExtensionId, MenuId, QueueId, UserId},
    rules::{Action, Condition, Span, Timescope, Window},
};
use dialplan::OutsideNumber;

use super::{Extension, Staff, check_name, id, person};
use crate::organisation::{
    hours,
    reader::{At, Reader, Section},
};

pub(super) const RULE_KEYS: &str = "extension, timescope, condition, action, target, priority and enabled";
pub(super) const HOLIDAY_KEYS: &str = "date, name, extension and hours";

/// `[[rule]]`
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) line: usize,
    /// A place among the extensions.
    pub(crate) extension: usize,
    /// From 1, among the extension's rules.
    pub(crate) position: u16,
    pub(crate) is_enabled: bool,
    pub(crate) timescope: Timescope,
    pub(crate) condition: Condition,
    /// With made-up ids, as [`id`] makes them of places.
    pub(crate) action: Action,
}

/// `[[holiday]]`
#[derive(Debug)]
pub(crate) struct Holiday {
    pub(crate) date: At<String>,
    pub(crate) name: String,
    /// A place among the extensions; everybody's without.
    pub(crate) extension: Option<usize>,
    /// None: closed.
    pub(crate) spans: Vec<Span>,
}

/// An extension's `hours`.
pub(super) fn windows<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>) -> Vec<Window> {
    let mut all = Vec::new();
    for text in section.texts(reader, "hours") {
        match hours::windows(&text.value) {
            Some(windows) => all.extend(windows),
            None => reader.wrong(text.line, section.key("hours"), hours::EXPECTED_WINDOW),
        }
    }
    all.sort_unstable();
    let mut starts: Vec<_> = all.iter().map(|window| (window.day, window.span.start)).collect();
    starts.dedup();
    if starts.len() < all.len() {
        reader.wrong(section.line, section.key("hours"), "begin twice at the same time of a day");
    }
    all
}

pub(super) fn extension(
    reader: &mut Reader<'_>,
    key: &str,
    wanted: &At<String>,
    extensions: &[Extension],
) -> Option<usize> {
    let found = extensions.iter().position(|extension| extension.number.value == wanted.value);
    if found.is_none() {
        let reason = format!("no [[extension]] has the number {:?}", wanted.value);
        reader.wrong(wanted.line, key, reason);
    }
    found
}

/// One of the words of a kind, if there is one.
pub(super) fn word<'a, T: Copy>(
    reader: &mut Reader<'a>,
    section: &mut Section<'a>,
    key: &str,
    (all, as_str): (&[T], fn(T) -> &'static str),
) -> Option<T> {
    let text = section.text(reader, key)?;
    let found = all.iter().copied().find(|one| as_str(*one) == text.value);
    if found.is_none() {
        let words: Vec<String> = all.iter().map(|one| format!("{:?}", as_str(*one))).collect();
        reader.wrong(text.line, section.key(key), format!("expected one of {}", words.join(", ")));
    }
    found
}

/// All `[[rule]]`.
pub(super) fn rules<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    (staff, extensions): (&[Staff], &[Extension]),
) -> Vec<Rule> {
    let mut all: Vec<Rule> = Vec::new();
    for mut section in reader.tables(root, "rule") {
        let of = section.required(reader, "extension");
        let of = of.and_then(|of| extension(reader, "rule.extension", &of, extensions));
        let timescopes = (Timescope::ALL, Timescope::as_str as fn(Timescope) -> &'static str);
        let timescope = word(reader, &mut section, "timescope", timescopes).unwrap_or(Timescope::Any);
        let conditions = (Condition::ALL, Condition::as_str as fn(Condition) -> &'static str);
        let condition = word(reader, &mut section, "condition", conditions).unwrap_or(Condition::Always);
        let action = section.required(reader, "action");
        let target = section.text(reader, "target");
        let priority = section.number(reader, "priority");
        let to = (target.as_ref(), priority.as_ref());
        let action = action.and_then(|word| action_of(reader, &word, KEYS, to, (staff, extensions)));
        let is_enabled = section.flag(reader, "enabled", true);
        let line = section.line;
        section.finish(reader, RULE_KEYS);
        if let (Some(extension), Some(action)) = (of, action) {
            let before = all.iter().filter(|rule| rule.extension == extension).count();
            let position = u16::try_from(before + 1).unwrap_or(u16::MAX);
            all.push(Rule { line, extension, position, is_enabled, timescope, condition, action });
        }
    }
    all
}

/// The keys of a rule's action, its target and its priority.
const KEYS: [&str; 3] = ["rule.action", "rule.target", "rule.priority"];

/// What a word does that stands under the first of three keys, with the target and the priority of the others.
pub(super) fn action_of(
    reader: &mut Reader<'_>,
    word: &At<String>,
    [key, target_key, priority_key]: [&str; 3],
    (target, priority): (Option<&At<String>>, Option<&At<i64>>),
    (staff, extensions): (&[Staff], &[Extension]),
) -> Option<Action> {
    if let Some(priority) = priority.filter(|_| word.value != "queue") {
        reader.wrong(priority.line, priority_key, "is for the action queue: who waits before whom there");
    }
    let priority = priority.map_or(0, |priority| u16::try_from(priority.value).unwrap_or(u16::MAX));
    if word.value == "ring" {
        if let Some(target) = target {
            reader.wrong(target.line, target_key, "ring has none: it rings the extension's own people");
        }
        return Some(Action::Ring);
    }
    let missing = |reader: &mut Reader<'_>, what: &str| {
        if target.is_none() {
            reader.wrong(word.line, target_key, format!("is missing: {what}"));
        }
        target
    };
    match word.value.as_str() {
        "forward_extension" => {
            let target = missing(reader, "the number of an [[extension]]")?;
            extension(reader, target_key, target, extensions)
                .map(|at| Action::ForwardExtension(ExtensionId(id(at))))
        }
        "forward_staff" => {
            let target = missing(reader, "the number of somebody of [[staff]]")?;
            person(reader, target_key, target, staff).map(|at| Action::ForwardStaff(UserId(id(at))))
        }
        "announce_hangup" => {
            let target = missing(reader, "the name of a sound, such as \"closed\"")?;
            Some(Action::AnnounceHangup(target.value.clone()))
        }
        "forward_number" => {
            let target = missing(reader, "a number with its country, such as \"+628123456789\"")?;
            if target.value.parse::<OutsideNumber>().is_err() || !target.value.starts_with('+') {
                reader.wrong(target.line, target_key, super::outside::EXPECTED_NUMBER);
                return None;
            }
            Some(Action::ForwardNumber(target.value.clone()))
        }
        "queue" => {
            let target = missing(reader, "the number of an [[extension]] that has a [[queue]]")?;
            let queue = extension(reader, target_key, target, extensions).map(|at| QueueId(id(at)))?;
            Some(Action::Queue { queue, priority })
        }
        "voicemail" => {
            let target = missing(reader, "the number of somebody of [[staff]] with voicemail = true")?;
            let at = person(reader, target_key, target, staff)?;
            if staff.get(at).is_some_and(|staff| staff.mailbox.is_none()) {
                let reason = "has no mailbox: write voicemail = true in that [[staff]]";
                reader.wrong(target.line, target_key, reason);
            }
            Some(Action::Voicemail(UserId(id(at))))
        }
        "ivr" => {
            let target = missing(reader, "the number of an [[extension]] that has a [[menu]]")?;
            extension(reader, target_key, target, extensions).map(|at| Action::Ivr(MenuId(id(at))))
        }
        _ => {
            let words = "expected \"ring\", \"forward_extension\", \"forward_staff\", \"forward_number\", \"queue\", \"ivr\", \"announce_hangup\" or \"voicemail\"";
            reader.wrong(word.line, key, words);
            None
        }
    }
}

/// All `[[holiday]]`.
pub(super) fn holidays<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    extensions: &[Extension],
) -> Vec<Holiday> {
    let mut all: Vec<Holiday> = Vec::new();
    for mut section in reader.tables(root, "holiday") {
        let (date, name) = (section.required(reader, "date"), section.required(reader, "name"));
        check_name(reader, "holiday.name", name.as_ref());
        let wanted = section.text(reader, "extension");
        let extension = wanted.as_ref().and_then(|of| extension(reader, "holiday.extension", of, extensions));
        if let (Some(wanted), Some(of)) = (&wanted, extension.and_then(|at| extensions.get(at)))
            && of.hours.is_empty()
        {
            let reason = "has no hours: it is always open, on that date too";
            reader.wrong(wanted.line, "holiday.extension", reason);
        }
        let mut spans = Vec::new();
        for text in section.texts(reader, "hours") {
            match hours::span(&text.value) {
                Some(span) => spans.push(span),
                None => reader.wrong(text.line, "holiday.hours", hours::EXPECTED_SPAN),
            }
        }
        spans.sort_unstable();
        if spans.iter().zip(spans.iter().skip(1)).any(|(span, next)| span.start == next.start) {
            reader.wrong(section.line, "holiday.hours", "begin twice at the same time");
        }
        section.finish(reader, HOLIDAY_KEYS);
        let (Some(date), Some(name)) = (date, name) else { continue };
        let same = all.iter().find(|other| other.date.value == date.value && other.extension == extension);
        if let Some(same) = same {
            let reason = format!("stands in line {} already: write all its hours there", same.date.line);
            reader.wrong(date.line, "holiday.date", reason);
        }
        all.push(Holiday { date, name: name.value, extension, spans });
    }
    all
}
