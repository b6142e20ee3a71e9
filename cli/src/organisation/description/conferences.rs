//! Conferences in a description.

use contract::{
    conferences::{self, Pin},
    id::ConferenceId,
};
use dialplan::{Problem, limits};

use super::{Description, Extension, id, password, rules};
use crate::organisation::reader::Reader;

pub(super) const KEYS: &str = "extension, pin, pin_file, members_max and tones";

/// `[[conference]]`
#[derive(Debug)]
pub(crate) struct Conference {
    pub(crate) line: usize,
    /// A place among the extensions.
    pub(crate) extension: usize,
    /// Callers have to press a PIN: this one, or the one that there is.
    pub(crate) has_pin: bool,
    pub(crate) pin: Option<Pin>,
    pub(crate) members_max: u16,
    pub(crate) has_tones: bool,
}

/// All `[[conference]]`.
pub(super) fn conferences<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    extensions: &[Extension],
) -> Vec<Conference> {
    let mut all: Vec<Conference> = Vec::new();
    for mut section in reader.tables(root, "conference") {
        let line = section.line;
        let plain = conferences::Conference::plain(ConferenceId(id(0)));
        let of = section.required(reader, "extension");
        let extension =
            of.as_ref().and_then(|of| rules::extension(reader, "conference.extension", of, extensions));
        let pin = password(reader, &mut section, ("pin_file", limits::PIN_DIGITS)).map(Pin);
        let has_pin = section.flag(reader, "pin", pin.is_some());
        if pin.is_some() && !has_pin {
            reader.wrong(line, "conference.pin", "is false, and pin_file names one: leave one of them out");
        }
        // Out of range either way is for the compiler to say.
        let members_max = section.number(reader, "members_max");
        let members_max =
            members_max.map_or(plain.members_max, |number| u16::try_from(number.value).unwrap_or(u16::MAX));
        let has_tones = section.flag(reader, "tones", plain.has_tones);
        section.finish(reader, KEYS);
        let Some((extension, of)) = extension.zip(of) else { continue };
        if let Some(other) = all.iter().find(|other| other.extension == extension) {
            let reason = format!("has a conference already, in line {}", other.line);
            reader.wrong(of.line, "conference.extension", reason);
        }
        all.push(Conference { line, extension, has_pin, pin, members_max, has_tones });
    }
    all
}

/// Where a conference stands in the file.
pub(super) fn line(description: &Description, id: ConferenceId) -> usize {
    let extension = super::place(id.0);
    let found = description.conferences.iter().find(|conference| conference.extension == extension);
    found.map_or(1, |conference| conference.line)
}

/// The conference of an extension, by its place; its id is made of that.
pub(super) fn of(description: &Description, extension: usize) -> Option<conferences::Conference> {
    let conference = description.conferences.iter().find(|conference| conference.extension == extension)?;
    Some(conferences::Conference {
        id: ConferenceId(id(extension)),
        // One that is there already is sound.
        pin: conference.pin.clone(),
        members_max: conference.members_max,
        has_tones: conference.has_tones,
    })
}

/// What a diagnostic about a conference says; `None`: it is about something else.
pub(super) fn reason(problem: &Problem, (table, field): (&str, &str)) -> Option<String> {
    match (table, field) {
        ("conference", "pin") => {
            let (least, most) = (limits::PIN_DIGITS.start(), limits::PIN_DIGITS.end());
            Some(format!("expected {least} to {most} digits in the file"))
        }
        ("conference", "members_max") => {
            let (least, most) = (limits::CONFERENCE_MEMBERS.start(), limits::CONFERENCE_MEMBERS.end());
            Some(format!("expected a whole number from {least} to {most}"))
        }
        ("conference", _) => Some(problem.to_string()),
        _ => None,
    }
}
