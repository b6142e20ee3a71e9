//! Menus in a description.

use contract::{
    id::MenuId,
    menus::{self, MenuChoice, MenuKey},
    rules::Action,
};
use dialplan::Problem;

use super::{Description, Extension, Staff, id, language, rules};
use crate::organisation::reader::{At, Reader, Section};

/// The word for a key that leads to its own menu.
pub(crate) const REPEAT: &str = "repeat";
pub(super) const KEYS: &str =
    "extension, greeting, language, timeout_secs, key_timeout_secs, tries_max, direct_dialling and choices";

/// `[[menu]]`
#[derive(Debug)]
pub(crate) struct Menu {
    pub(crate) line: usize,
    /// A place among the extensions.
    pub(crate) extension: usize,
    /// With made-up ids, as [`id`] makes them of places; its own is that of its extension.
    pub(crate) row: menus::Menu,
}

/// All `[[menu]]`.
pub(super) fn menus<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    (staff, extensions): (&[Staff], &[Extension]),
) -> Vec<Menu> {
    let mut all: Vec<Menu> = Vec::new();
    for mut section in reader.tables(root, "menu") {
        let line = section.line;
        let of = section.required(reader, "extension");
        let extension = of.as_ref().and_then(|of| rules::extension(reader, "menu.extension", of, extensions));
        let mut row = menus::Menu::plain(MenuId(id(extension.unwrap_or_default())));
        row.greeting = section.text(reader, "greeting").map(|greeting| greeting.value);
        row.language = language(reader, &mut section);
        let numbers: [(&str, &mut u16); 3] = [
            ("timeout_secs", &mut row.timeout_secs),
            ("key_timeout_secs", &mut row.key_timeout_secs),
            ("tries_max", &mut row.tries_max),
        ];
        for (key, value) in numbers {
            if let Some(number) = section.number(reader, key) {
                // Out of range either way is for the compiler to say.
                *value = u16::try_from(number.value).unwrap_or(u16::MAX);
            }
        }
        row.has_direct_dialling = section.flag(reader, "direct_dialling", false);
        row.choices = choices(reader, &mut section, row.id, (staff, extensions));
        section.finish(reader, KEYS);
        let Some((extension, of)) = extension.zip(of) else { continue };
        if let Some(other) = all.iter().find(|other| other.extension == extension) {
            let reason = format!("has a menu already, in line {}", other.line);
            reader.wrong(of.line, "menu.extension", reason);
        }
        all.push(Menu { line, extension, row });
    }
    all
}

/// `"1: forward_extension 11"`: a key, what it does by the word of rules, and to what; of a queue also with a priority.
fn choices<'a>(
    reader: &mut Reader<'a>,
    section: &mut Section<'a>,
    own: MenuId,
    known: (&[Staff], &[Extension]),
) -> Vec<MenuChoice> {
    let mut choices = Vec::new();
    for text in section.texts(reader, "choices") {
        choices.extend(choice(reader, &text, own, known));
    }
    choices
}

fn choice(
    reader: &mut Reader<'_>,
    text: &At<String>,
    own: MenuId,
    known: (&[Staff], &[Extension]),
) -> Option<MenuChoice> {
    const KEY: &str = "menu.choices";
    let line = text.line;
    let Some((key, rest)) = text.value.split_once(':') else {
        let reason =
            format!("expected a key and what it does, such as \"1: queue 11\", found {:?}", text.value);
        reader.wrong(line, KEY, reason);
        return None;
    };
    let Some(key) = MenuKey::of(key.trim()) else {
        let reason = format!("expected 0 to 9, *, #, timeout or invalid, found {:?}", key.trim());
        reader.wrong(line, KEY, reason);
        return None;
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let word = At { value: words.next().unwrap_or_default(), line };
    let target = words.next().map(|value| At { value, line });
    let priority = words.next();
    if word.value == REPEAT && target.is_none() {
        return Some(MenuChoice { key, action: Action::Ivr(own) });
    }
    let number = priority.as_ref().map(|text| text.parse::<i64>());
    if words.next().is_some() || number.as_ref().is_some_and(Result::is_err) {
        reader.wrong(
            line,
            KEY,
            format!("expected no more than a priority after the target in {:?}", text.value),
        );
        return None;
    }
    let priority = number.and_then(Result::ok).map(|value| At { value, line });
    let to = (target.as_ref(), priority.as_ref());
    rules::action_of(reader, &word, [KEY; 3], to, known).map(|action| MenuChoice { key, action })
}

/// Where a menu stands in the file.
pub(super) fn line(description: &Description, id: MenuId) -> usize {
    description.menus.iter().find(|menu| menu.row.id == id).map_or(1, |menu| menu.line)
}

/// The menu of an extension, by its place.
pub(super) fn of(description: &Description, extension: usize) -> Option<menus::Menu> {
    let menu = description.menus.iter().find(|menu| menu.extension == extension)?;
    Some(menu.row.clone())
}

/// What a diagnostic about a menu says; `None`: it is about something else.
pub(super) fn reason(problem: &Problem, (table, field): (&str, &str)) -> Option<String> {
    if table != "menu" {
        return None;
    }
    use dialplan::limits;
    let range = match field {
        "timeout_secs" => limits::MENU_TIMEOUT_SECS,
        "key_timeout_secs" => limits::MENU_KEY_TIMEOUT_SECS,
        "tries_max" => limits::MENU_TRIES,
        "greeting" => return Some(super::EXPECTED_SOUND.to_owned()),
        _ => {
            return Some(match problem {
                Problem::Taken => "is there twice".to_owned(),
                // What else a key leads to has been looked for before.
                Problem::Dangling => "leads to an extension that has no [[queue]] or no [[menu]]".to_owned(),
                Problem::Malformed => super::EXPECTED_SOUND.to_owned(),
                Problem::OutOfRange => "has a priority that is not from 0 to 9".to_owned(),
                problem => problem.to_string(),
            });
        }
    };
    Some(format!("expected a whole number from {} to {}", range.start(), range.end()))
}
