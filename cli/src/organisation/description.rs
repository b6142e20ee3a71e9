//! The file in which an operator describes an organisation, read and checked without a database.
//!
//! The switch's own compiler judges the numbers, so that what is sound here is taken there. Passwords stand in files of
//! their own; of those of accounts this keeps digests, and only until they are written.

mod conferences;
mod mailboxes;
mod menus;
mod outbound;
mod outside;
mod page_groups;
mod queues;
mod rules;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use contract::{
    credentials::digests,
    id::{AccountId, ExtensionId, HolidayId, OrgId, RuleId, UserId},
    language::Language,
    rules::Window,
    snapshot::{self, Mailbox, RecordingPolicy},
};
use dialplan::{Diagnostic, Problem, Row};
use uuid::Uuid;

use super::{
    NAME_MAX,
    mailboxes::Mails,
    reader::{At, Mistake, Reader, Section, read},
};
pub(crate) use conferences::Conference;
pub(crate) use menus::{Menu, REPEAT};
pub(crate) use outbound::{Budget, OutboundRoute, Price};
pub(crate) use outside::{Did, Login, Trunk};
pub(crate) use page_groups::PageGroup;
pub(crate) use queues::Queue;
pub(crate) use rules::{Holiday, Rule};

const HEAD_KEYS: &str = "name, domain, default, ring_timeout_secs, language, announcements, recording, recording_notice, recording_keys, recording_retention_days, timezone, country_code and emergency_numbers";
const TABLES: &str = "[organisation], [[staff]], [[extension]], [[account]], [[rule]], [[queue]], [[menu]], [[conference]], [[page_group]], [[trunk]], [[did]], [[outbound_route]], [[budget]], [[price]] and [[holiday]]";
const STAFF_KEYS: &str = "number, name, email, active, voicemail, voicemail_greeting, voicemail_messages_max, voicemail_secs_max, voicemail_email, voicemail_email_sound, voicemail_email_delete and voicemail_email_language";
const EXTENSION_KEYS: &str = "number, name, staff, supervisors, hours, recording, intercom and active";
const ACCOUNT_KEYS: &str = "username, staff, password_file and active";
/// A phone's password: long enough not to be guessed by who listens to digests for a day.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

const EXPECTED_SOUND: &str = "expected the name of a sound: lower-case letters, digits, - and _";

/// Days that recordings are kept (`telephony.organisation_settings`).
const RETENTION_DAYS: std::ops::RangeInclusive<u16> = 1..=36_500;

/// An organisation as described.
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) domain: At<String>,
    pub(crate) is_default: bool,
    pub(crate) ring_timeout: At<u16>,
    pub(crate) language: Language,
    pub(crate) has_announcements: bool,
    pub(crate) recording: RecordingPolicy,
    pub(crate) has_recording_notice: bool,
    pub(crate) has_recording_keys: bool,
    pub(crate) recording_retention_days: Option<u16>,
    pub(crate) timezone: At<String>,
    pub(crate) staff: Vec<Staff>,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) menus: Vec<Menu>,
    pub(crate) conferences: Vec<Conference>,
    pub(crate) page_groups: Vec<PageGroup>,
    pub(crate) holidays: Vec<Holiday>,
    pub(crate) country_code: At<String>,
    pub(crate) trunks: Vec<Trunk>,
    pub(crate) dids: Vec<Did>,
    pub(crate) emergency_numbers: Vec<String>,
    pub(crate) routes: Vec<OutboundRoute>,
    pub(crate) budgets: Vec<Budget>,
    pub(crate) prices: Vec<Price>,
}

/// `[[staff]]`
#[derive(Debug)]
pub(crate) struct Staff {
    pub(crate) line: usize,
    pub(crate) number: At<String>,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) is_active: bool,
    pub(crate) mailbox: Option<Mailbox>,
    pub(crate) mails: Option<Mails>,
}

/// `[[extension]]`
#[derive(Debug)]
pub(crate) struct Extension {
    line: usize,
    pub(crate) number: At<String>,
    pub(crate) name: String,
    pub(crate) is_active: bool,
    /// Places in [`Description::staff`].
    pub(crate) staff: Vec<usize>,
    /// The same.
    pub(crate) supervisors: Vec<usize>,
    pub(crate) hours: Vec<Window>,
    pub(crate) recording: Option<RecordingPolicy>,
    pub(crate) takes_intercom: bool,
}

/// `[[account]]`
pub(crate) struct Account {
    pub(crate) line: usize,
    pub(crate) username: At<String>,
    /// A place in [`Description::staff`].
    pub(crate) owner: Option<usize>,
    pub(crate) is_active: bool,
    /// MD5 and SHA-256, when a password was named.
    pub(crate) digests: Option<(String, String)>,
}

impl std::fmt::Debug for Account {
    /// Leaves the digests out: they are as good as the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Reads the file. Every mistake in it, in the order of lines.
pub(crate) fn load(file: &Path) -> Result<Description, Vec<Mistake>> {
    let text = read(file).map_err(|mistake| vec![mistake])?;
    parse(file, &text)
}

/// Understands the text; relative paths count from the folder of `file`.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Description, Vec<Mistake>> {
    let (mut reader, mut root) = Reader::open(file, text);
    if !reader.mistakes.is_empty() {
        return Err(reader.mistakes);
    }
    let description = describe(&mut reader, &mut root, file);
    reader.nothing_else(&root, "", TABLES);
    match description {
        Some(description) => {
            compile(&mut reader, &description);
            let mut mistakes = reader.mistakes;
            mistakes.sort_by_key(|mistake| mistake.line);
            if mistakes.is_empty() { Ok(description) } else { Err(mistakes) }
        }
        None => {
            if reader.mistakes.is_empty() {
                reader.wrong(1, "organisation", "is missing: write [organisation] with name and domain");
            }
            Err(reader.mistakes)
        }
    }
}

fn describe<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    file: &Path,
) -> Option<Description> {
    let mut head = reader.table(root, "organisation");
    let staff = staff(reader, root);
    let domain = head.as_mut().and_then(|head| head.required(reader, "domain"));
    let extensions = extensions(reader, root, &staff);
    let realm = domain.as_ref().map_or("", |domain| domain.value.as_str());
    let accounts = accounts(reader, root, &staff, realm);
    let rules = rules::rules(reader, root, (&staff, &extensions));
    let queues = queues::queues(reader, root, (&staff, &extensions));
    let menus = menus::menus(reader, root, (&staff, &extensions));
    let conferences = conferences::conferences(reader, root, &extensions);
    let page_groups = page_groups::page_groups(reader, root, &extensions);
    let holidays = rules::holidays(reader, root, &extensions);
    let trunks = outside::trunks(reader, root);
    let dids = outside::dids(reader, root, (&staff, &extensions));
    let routes = outbound::routes(reader, root, &trunks);
    let budgets = outbound::budgets(reader, root, (&staff, &accounts, &extensions));
    let prices = outbound::prices(reader, root);
    let mut head = head?;
    let name = head.required(reader, "name");
    check_name(reader, "organisation.name", name.as_ref());
    let is_default = head.flag(reader, "default", false);
    let line = head.line;
    let ring_timeout = ring_timeout(reader, &mut head);
    let language = language(reader, &mut head).unwrap_or_default();
    let has_announcements = head.flag(reader, "announcements", true);
    let recording = recording(reader, &mut head).unwrap_or_default();
    let has_recording_notice = head.flag(reader, "recording_notice", false);
    let has_recording_keys = head.flag(reader, "recording_keys", false);
    let recording_retention_days = retention(reader, &mut head);
    let timezone = text_or(reader, &mut head, ("timezone", snapshot::default_timezone));
    let country_code = text_or(reader, &mut head, ("country_code", contract::outside::default_country_code));
    let emergency_numbers = outbound::emergency_numbers(reader, &mut head, (&staff, &extensions));
    head.finish(reader, HEAD_KEYS);
    Some(Description {
        file: file.to_owned(),
        line,
        name: name?.value,
        domain: domain?,
        is_default,
        ring_timeout,
        language,
        has_announcements,
        recording,
        has_recording_notice,
        has_recording_keys,
        recording_retention_days,
        timezone,
        staff,
        extensions,
        accounts,
        rules,
        queues,
        menus,
        conferences,
        page_groups,
        holidays,
        country_code,
        trunks,
        dids,
        emergency_numbers,
        routes,
        budgets,
        prices,
    })
}

/// What stands at a key, or what it is without.
fn text_or<'a>(
    reader: &mut Reader<'a>,
    head: &mut Section<'a>,
    (key, default): (&str, fn() -> String),
) -> At<String> {
    head.text(reader, key).unwrap_or_else(|| At { value: default(), line: head.line })
}

/// Out of range either way is for the compiler to say.
fn ring_timeout<'a>(reader: &mut Reader<'a>, head: &mut Section<'a>) -> At<u16> {
    let secs = head.number(reader, "ring_timeout_secs").unwrap_or(At { value: 60, line: head.line });
    At { value: u16::try_from(secs.value).unwrap_or(0), line: secs.line }
}

/// An organisation's `language`, or a menu's.
fn language<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>) -> Option<Language> {
    let code = section.text(reader, "language")?;
    let found = Language::of(&code.value);
    if found.is_none() {
        reader.wrong(code.line, section.key("language"), "expected \"id\" or \"en\"");
    }
    found
}

fn staff<'a>(reader: &mut Reader<'a>, root: &mut toml::de::DeTable<'a>) -> Vec<Staff> {
    let mut all: Vec<Staff> = Vec::new();
    let mut emails = BTreeMap::new();
    for mut section in reader.tables(root, "staff") {
        let (number, name) = (section.required(reader, "number"), section.required(reader, "name"));
        let email = section.required(reader, "email");
        let is_active = section.flag(reader, "active", true);
        check_name(reader, "staff.name", name.as_ref());
        if let Some(email) = &email {
            if !is_email(&email.value) {
                reader.wrong(email.line, "staff.email", "expected an e-mail address in lower case");
            } else if let Some(line) = emails.insert(email.value.clone(), email.line) {
                reader.wrong(
                    email.line,
                    "staff.email",
                    format!("stands in line {line} already: one person has one number"),
                );
            }
        }
        let (mailbox, mails) = mailboxes::mailbox(reader, &mut section).unzip();
        let mails = mails.flatten();
        let line = section.line;
        section.finish(reader, STAFF_KEYS);
        if let (Some(number), Some(name), Some(email)) = (number, name, email) {
            all.push(Staff { line, number, name: name.value, email: email.value, is_active, mailbox, mails });
        }
    }
    all
}

fn extensions<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    staff: &[Staff],
) -> Vec<Extension> {
    let mut all = Vec::new();
    for mut section in reader.tables(root, "extension") {
        let (number, name) = (section.required(reader, "number"), section.required(reader, "name"));
        check_name(reader, "extension.name", name.as_ref());
        let is_active = section.flag(reader, "active", true);
        let [people, supervisors] = ["staff", "supervisors"].map(|key| {
            let key_of = format!("extension.{key}");
            let named = section.texts(reader, key);
            let people: Vec<usize> =
                named.iter().filter_map(|wanted| person(reader, &key_of, wanted, staff)).collect();
            let distinct: BTreeSet<usize> = people.iter().copied().collect();
            if distinct.len() != people.len() {
                reader.wrong(section.line, &key_of, "names somebody twice");
            }
            people
        });
        let hours = rules::windows(reader, &mut section);
        let recording = recording(reader, &mut section);
        let takes_intercom = section.flag(reader, "intercom", false);
        let line = section.line;
        section.finish(reader, EXTENSION_KEYS);
        if let (Some(number), Some(name)) = (number, name) {
            all.push(Extension {
                line,
                number,
                name: name.value,
                is_active,
                staff: people,
                supervisors,
                hours,
                recording,
                takes_intercom,
            });
        }
    }
    all
}

fn accounts<'a>(
    reader: &mut Reader<'a>,
    root: &mut toml::de::DeTable<'a>,
    staff: &[Staff],
    realm: &str,
) -> Vec<Account> {
    let mut all = Vec::new();
    for mut section in reader.tables(root, "account") {
        let username = section.required(reader, "username");
        if let Some(username) = username.as_ref().filter(|username| !is_username(&username.value)) {
            let reason = "expected 1 to 64 letters, digits and . _ ~ + -";
            reader.wrong(username.line, "account.username", reason);
        }
        let wanted = section.text(reader, "staff");
        let owner = wanted.and_then(|wanted| person(reader, "account.staff", &wanted, staff));
        let is_active = section.flag(reader, "active", true);
        let password = password(reader, &mut section, ("password_file", PASSWORD_CHARS));
        let line = section.line;
        section.finish(reader, ACCOUNT_KEYS);
        if let Some(username) = username {
            let digests = password.map(|password| digests(&username.value, realm, &password));
            all.push(Account { line, username, owner, is_active, digests });
        }
    }
    all
}

/// The person with that number.
fn person(reader: &mut Reader<'_>, key: &str, wanted: &At<String>, staff: &[Staff]) -> Option<usize> {
    let found = staff.iter().position(|staff| staff.number.value == wanted.value);
    if found.is_none() {
        let reason = format!("no [[staff]] has the number {:?}", wanted.value);
        reader.wrong(wanted.line, key, reason);
    }
    found
}

/// The password in the file that a key names.
fn password<'a>(
    reader: &mut Reader<'a>,
    section: &mut Section<'a>,
    (key, chars): (&str, std::ops::RangeInclusive<usize>),
) -> Option<String> {
    let name = section.text(reader, key)?;
    let path = reader.folder().join(&name.value);
    let key = section.key(key);
    let found = fs::metadata(&path)
        .map_err(|error| format!("{}: {error}", path.display()))
        .and_then(|file| {
            let is_private = file.permissions().mode() & 0o007 == 0;
            is_private
                .then_some(())
                .ok_or_else(|| format!("{} is open to everybody: chmod 600 it", path.display()))
        })
        .and_then(|()| fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display())))
        .and_then(|text| {
            let text = text.trim_end_matches(['\r', '\n']);
            let is_sound = chars.contains(&text.chars().count()) && !text.contains(char::is_control);
            is_sound.then(|| text.to_owned()).ok_or_else(|| {
                let (least, most) = (chars.start(), chars.end());
                format!("{}: expected one line of {least} to {most} characters", path.display())
            })
        });
    found.map_err(|reason| reader.wrong(name.line, key, reason)).ok()
}

fn retention<'a>(reader: &mut Reader<'a>, head: &mut Section<'a>) -> Option<u16> {
    let days = head.number(reader, "recording_retention_days")?;
    let found = u16::try_from(days.value).ok().filter(|days| RETENTION_DAYS.contains(days));
    if found.is_none() {
        let (least, most) = (RETENTION_DAYS.start(), RETENTION_DAYS.end());
        let expected = format!("expected {least} to {most}; without it recordings are kept for ever");
        reader.wrong(days.line, "organisation.recording_retention_days", expected);
    }
    found
}

/// An organisation's `recording`, or an extension's.
fn recording<'a>(reader: &mut Reader<'a>, section: &mut Section<'a>) -> Option<RecordingPolicy> {
    let policies = (RecordingPolicy::ALL, RecordingPolicy::as_str as fn(RecordingPolicy) -> &'static str);
    rules::word(reader, section, "recording", policies)
}

fn check_name(reader: &mut Reader<'_>, key: &str, name: Option<&At<String>>) {
    if let Some(name) = name
        && (!(1..=NAME_MAX).contains(&name.value.chars().count()) || name.value.contains(char::is_control))
    {
        reader.wrong(name.line, key, format!("expected 1 to {NAME_MAX} characters"));
    }
}

/// As `identity.users` keeps them.
fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    let is_address = parts.is_some_and(|(mailbox, host)| !mailbox.is_empty() && !host.is_empty());
    is_address
        && text.chars().count() <= 255
        && text == text.to_lowercase()
        && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// As `telephony.sip_accounts` keeps them.
fn is_username(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._~+-".contains(&byte))
}

/// A made-up id of whatever stands at that place of its list.
fn id(at: usize) -> Uuid {
    Uuid::from_u128(at as u128 + 1)
}

/// The place of whatever has that made-up id.
pub(crate) fn place(id: Uuid) -> usize {
    usize::try_from(id.as_u128().saturating_sub(1)).unwrap_or(usize::MAX)
}

fn rule_rows(description: &Description, extension: usize) -> Vec<contract::rules::Rule> {
    let rules = description.rules.iter().enumerate().filter(|(_, rule)| rule.extension == extension);
    let row = |(at, rule): (usize, &Rule)| contract::rules::Rule {
        id: RuleId(id(at)),
        position: rule.position,
        is_enabled: rule.is_enabled,
        timescope: rule.timescope,
        condition: rule.condition,
        action: rule.action.clone(),
    };
    rules.map(row).collect()
}

fn holiday_rows(description: &Description) -> Vec<contract::rules::Holiday> {
    let rows = description.holidays.iter().enumerate().flat_map(|(at, holiday)| {
        let spans = holiday.spans.iter().copied().map(Some);
        let closed = holiday.spans.is_empty().then_some(None);
        spans.chain(closed).map(move |span| contract::rules::Holiday {
            id: HolidayId(id(at)),
            extension: holiday.extension.map(|at| ExtensionId(id(at))),
            date: holiday.date.value.clone(),
            name: holiday.name.clone(),
            span,
        })
    });
    rows.collect()
}

/// Lets the switch's own compiler judge. The rows get made-up ids by which its diagnostics find their lines.
fn compile(reader: &mut Reader<'_>, description: &Description) {
    let user = |at: usize| UserId(id(at));
    let organisation = snapshot::Organisation {
        id: OrgId(Uuid::nil()),
        sip_domain: description.domain.value.clone(),
        is_default: description.is_default,
        ring_timeout_secs: description.ring_timeout.value,
        language: description.language,
        has_announcements: description.has_announcements,
        recording: description.recording,
        has_recording_notice: description.has_recording_notice,
        has_recording_keys: description.has_recording_keys,
        timezone: description.timezone.value.clone(),
        holidays: holiday_rows(description),
        outside: outside::rows(description),
        staff: (0..)
            .zip(&description.staff)
            .map(|(at, staff)| snapshot::Staff {
                user: user(at),
                name: staff.name.clone(),
                number: staff.number.value.clone(),
                is_active: staff.is_active,
                mailbox: staff.mailbox.clone(),
            })
            .collect(),
        extensions: (0..)
            .zip(&description.extensions)
            .map(|(at, extension)| snapshot::Extension {
                id: ExtensionId(id(at)),
                name: extension.name.clone(),
                number: extension.number.value.clone(),
                is_active: extension.is_active,
                staff: extension.staff.iter().map(|at| user(*at)).collect(),
                supervisors: extension.supervisors.iter().map(|at| user(*at)).collect(),
                hours: extension.hours.clone(),
                recording: extension.recording,
                takes_intercom: extension.takes_intercom,
                rules: rule_rows(description, at),
                queue: queues::of(description, at),
                menu: menus::of(description, at),
                conference: conferences::of(description, at),
                page_group: page_groups::of(description, at),
            })
            .collect(),
        accounts: (0..)
            .zip(&description.accounts)
            .map(|(at, account)| snapshot::Account {
                id: AccountId(id(at)),
                user: account.owner.map(user),
                username: account.username.value.clone(),
                // Whatever the digest will be, it is made by us.
                ha1_md5: "0".repeat(32),
                ha1_sha256: "0".repeat(64),
                is_active: account.is_active,
            })
            .collect(),
    };
    let rows = snapshot::Snapshot { revision: 0, organisations: vec![organisation] };
    for diagnostic in dialplan::compile(&rows).err().unwrap_or_default() {
        note(reader, description, &diagnostic);
    }
}

/// A diagnostic of the compiler, at its line.
fn note(reader: &mut Reader<'_>, description: &Description, diagnostic: &Diagnostic) {
    let at = place;
    let (table, line, number) = match diagnostic.row {
        Row::Organisation => ("organisation", description.line, None),
        Row::Staff(id) => {
            let staff = description.staff.get(at(id.0));
            ("staff", staff.map_or(1, |staff| staff.line), staff.map(|staff| &staff.number))
        }
        Row::Extension(id) => {
            let extension = description.extensions.get(at(id.0));
            let number = extension.map(|extension| &extension.number);
            ("extension", extension.map_or(1, |extension| extension.line), number)
        }
        Row::Account(id) => {
            let account = description.accounts.get(at(id.0));
            ("account", account.map_or(1, |account| account.line), account.map(|account| &account.username))
        }
        Row::Rule(id) => ("rule", description.rules.get(at(id.0)).map_or(1, |rule| rule.line), None),
        Row::Queue(id) => ("queue", queues::line(description, id), None),
        Row::Menu(id) => ("menu", menus::line(description, id), None),
        Row::PageGroup(id) => ("page_group", page_groups::line(description, id), None),
        Row::Conference(id) => ("conference", conferences::line(description, id), None),
        Row::Holiday(id) => {
            let date = description.holidays.get(at(id.0)).map(|holiday| &holiday.date);
            ("holiday", date.map_or(1, |date| date.line), None)
        }
        Row::Trunk(id) => ("trunk", outside::trunk_line(description, at(id.0)), None),
        Row::Did(id) => ("did", outside::did_line(description, at(id.0)), None),
        Row::OutboundRoute(id) => ("outbound_route", outbound::route_line(description, at(id.0)), None),
        Row::Budget(id) => ("budget", outbound::budget_line(description, at(id.0)), None),
        Row::Price(id) => ("price", outbound::price_line(description, at(id.0)), None),
    };
    let (field, line) = match diagnostic.field {
        "sip_domain" => ("domain", description.domain.line),
        "ring_timeout_secs" => ("ring_timeout_secs", description.ring_timeout.line),
        "timezone" => ("timezone", description.timezone.line),
        "country_code" => ("country_code", description.country_code.line),
        field @ ("number" | "username") => (field, number.map_or(line, |number| number.line)),
        field => (field, line),
    };
    let taken = number.map(|number| number.value.as_str()).unwrap_or_default();
    reader.wrong(line, format!("{table}.{field}"), reason(&diagnostic.problem, (table, field), taken));
}

/// What is wrong with a field of a table, and what would be right; `taken` is the number or username of the row.
fn reason(problem: &Problem, (table, field): (&str, &str), taken: &str) -> String {
    let special = menus::reason(problem, (table, field))
        .or_else(|| queues::reason(problem, (table, field)))
        .or_else(|| conferences::reason(problem, (table, field)));
    if let Some(reason) = special {
        return reason;
    }
    match (problem, field) {
        (Problem::Malformed, "number") if table == "did" => outside::EXPECTED_NUMBER.to_owned(),
        (Problem::Taken, _) if table == "did" => "stands there twice".to_owned(),
        (problem, field) if table == "trunk" => outside::trunk_reason(problem, field),
        (problem, field) if matches!(table, "outbound_route" | "budget") => outbound::reason(problem, field),
        (problem, field) if table == "price" => outbound::price_reason(problem, field),
        (Problem::Malformed, "emergency_numbers") => "expected numbers of 2 to 6 digits in quotes".to_owned(),
        (Problem::Malformed, "country_code") => {
            "expected one to three digits in quotes, such as \"62\"".to_owned()
        }
        (Problem::Malformed, "number") => "expected 2 to 6 digits in quotes".to_owned(),
        (Problem::Malformed, "domain") => "expected a host name in lower case, no address".to_owned(),
        (Problem::OutOfRange, "ring_timeout_secs") => "expected a whole number from 5 to 600".to_owned(),
        (Problem::OutOfRange, "voicemail_messages_max") => "expected a whole number from 1 to 500".to_owned(),
        (Problem::OutOfRange, "voicemail_secs_max") => "expected a whole number from 10 to 600".to_owned(),
        (Problem::Malformed, "timezone") => "expected a time zone such as \"Asia/Jakarta\"".to_owned(),
        (Problem::Malformed, "date") => "expected a date such as \"2026-12-25\"".to_owned(),
        (Problem::Malformed, "target" | "voicemail_greeting") => EXPECTED_SOUND.to_owned(),
        (Problem::Taken, _) => {
            format!("{taken:?} is taken by another row: staff and extensions share their numbers")
        }
        (problem, _) => problem.to_string(),
    }
}

#[cfg(test)]
mod tests;
