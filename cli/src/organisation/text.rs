//! An organisation's rows as the file that describes them, without passwords: applied again it changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    outside::{Allowance, NumberFormat},
    snapshot::Mailbox,
};
use toml::Value;

use super::{
    Action, Mails, PageGroup, Rows,
    hours::{spans_text, windows_text},
    outbound::{OutboundRoute, Price},
    outside::Trunk,
};

const HEADER: &str = "\
# An organisation as `sambung check`, `diff` and `apply` take it. What is not in here is removed: numbers, extensions,
# accounts, rules, queues, menus, conferences, page groups, trunks, numbers and routes outside, budgets, prices and holidays; people stay members.
# Passwords and PINs stand in files of their own: `password_file = \"PATH\"` in an [[account]], for a new one or a new password;
# without it the password stays as it is.
";

/// The file.
pub(crate) fn text(rows: &Rows) -> String {
    let text = quoted;
    let numbers: BTreeMap<&str, &str> =
        rows.staff.iter().map(|(email, staff)| (email.as_str(), staff.number.as_str())).collect();
    let number = |email: &str| numbers.get(email).map(|number| text(number));
    let mut file = head(rows);
    let mut staff: Vec<_> = rows.staff.iter().collect();
    staff.sort_by_key(|(_, staff)| &staff.number);
    for (email, staff) in staff {
        let (number, name, email) = (text(&staff.number), text(&staff.name), text(email));
        let active = inactive(staff.is_active);
        let voicemail = staff.mailbox.as_ref().map(mailbox).unwrap_or_default();
        let mails = staff.mails.as_ref().map(Mails::text).unwrap_or_default();
        file += &format!(
            "\n[[staff]]\nnumber = {number}\nname = {name}\nemail = {email}\n{active}{voicemail}{mails}"
        );
    }
    for (number_of, extension) in &rows.extensions {
        let numbers = |people: &BTreeSet<String>| {
            let mut numbers: Vec<String> = people.iter().filter_map(|email| number(email)).collect();
            numbers.sort_unstable();
            numbers.join(", ")
        };
        let (name, staff) = (text(&extension.name), numbers(&extension.staff));
        let supervisors = match extension.supervisors.is_empty() {
            true => String::new(),
            false => format!("supervisors = [{}]\n", numbers(&extension.supervisors)),
        };
        let active = inactive(extension.is_active);
        let number = text(number_of);
        let hours = list(&windows_text(&extension.hours)).map(|hours| format!("hours = {hours}\n"));
        let hours = hours.unwrap_or_default();
        let recording = extension.recording.map(|policy| format!("recording = {}\n", text(policy.as_str())));
        let recording = recording.unwrap_or_default();
        let intercom = if extension.takes_intercom { "intercom = true\n" } else { "" };
        file += &format!(
            "\n[[extension]]\nnumber = {number}\nname = {name}\nstaff = [{staff}]\n{supervisors}{hours}{recording}{intercom}{active}"
        );
    }
    for (username, account) in &rows.accounts {
        let owner = account.owner.as_deref().and_then(number);
        let owner = owner.map(|number| format!("staff = {number}\n")).unwrap_or_default();
        let (username, active) = (text(username), inactive(account.is_active));
        file += &format!("\n[[account]]\nusername = {username}\n{owner}{active}");
    }
    file += &rules(rows, &numbers);
    file += &queues(rows, &numbers);
    file += &menus(rows, &numbers);
    file += &conferences(rows);
    file += &page_groups(rows);
    file += &outside(rows, number);
    for holiday in rows.holidays.values() {
        let extension = holiday.extension.as_deref().map(|number| format!("extension = {}\n", text(number)));
        let (date, name, extension) =
            (text(&holiday.date), text(&holiday.name), extension.unwrap_or_default());
        let hours = list(&spans_text(&holiday.spans)).map(|hours| format!("hours = {hours}\n"));
        let hours = hours.unwrap_or_default();
        file += &format!("\n[[holiday]]\ndate = {date}\nname = {name}\n{extension}{hours}");
    }
    file
}

/// The keys of a mailbox that is on.
fn mailbox(mailbox: &Mailbox) -> String {
    let greeting = mailbox.greeting.as_ref().map(|name| Value::String(name.clone()));
    let greeting = greeting.map(|name| format!("voicemail_greeting = {name}\n")).unwrap_or_default();
    let Mailbox { messages_max, message_secs_max, .. } = mailbox;
    format!(
        "voicemail = true\n{greeting}voicemail_messages_max = {messages_max}\nvoicemail_secs_max = {message_secs_max}\n"
    )
}

/// Everything up to the organisation's people.
fn head(rows: &Rows) -> String {
    format!(
        "{HEADER}\n[organisation]\nname = {}\ndomain = {}\ndefault = {}\nring_timeout_secs = {}\n\
         language = {}\nannouncements = {}\nrecording = {}\nrecording_notice = {}\nrecording_keys = {}\n{}timezone = {}\ncountry_code = {}\n\
         emergency_numbers = {}\n",
        quoted(&rows.name),
        quoted(&rows.domain),
        rows.is_default,
        rows.ring_timeout_secs,
        quoted(rows.language.as_str()),
        rows.has_announcements,
        quoted(rows.recording.as_str()),
        rows.has_recording_notice,
        rows.has_recording_keys,
        rows.recording_retention_days
            .map(|days| format!("recording_retention_days = {days}\n"))
            .unwrap_or_default(),
        quoted(&rows.timezone),
        quoted(&rows.outside.country_code),
        list(&rows.outside.emergency_numbers).unwrap_or_else(|| "[]".to_owned())
    )
}

/// Trunks and numbers outside. `number` is that of whoever has an e-mail, as the file writes it.
fn outside(rows: &Rows, number: impl Fn(&str) -> Option<String>) -> String {
    let mut file = String::new();
    for (name, trunk) in &rows.outside.trunks {
        let sources: Vec<String> = trunk.sources.iter().cloned().collect();
        let sources = list(&sources).map(|sources| format!("sources = {sources}\n")).unwrap_or_default();
        let trusted = if trunk.is_trusted { "" } else { "trusted = false\n" };
        file += &format!(
            "\n[[trunk]]\nname = {}\n{sources}{}channels_max = {}\n{trusted}{}",
            quoted(name),
            way_to(trunk),
            trunk.channels_max,
            inactive(trunk.is_active)
        );
    }
    for (did, target) in &rows.outside.dids {
        let extension = target.extension.as_deref().map(|number| format!("extension = {}\n", quoted(number)));
        let staff = target.staff.as_deref().and_then(&number).map(|number| format!("staff = {number}\n"));
        let target = extension.or(staff).unwrap_or_default();
        file += &format!("\n[[did]]\nnumber = {}\n{target}", quoted(did));
    }
    file + &outbound(rows, number)
}

/// Routes in order, budgets and prices.
fn outbound(rows: &Rows, number: impl Fn(&str) -> Option<String>) -> String {
    let mut file = String::new();
    let mut routes: Vec<_> = rows.outside.routes.iter().collect();
    routes.sort_by_key(|(_, route)| route.position);
    for (name, route) in routes {
        let OutboundRoute { prefix, strip_digits, prepend_digits, trunks, is_active, .. } = route;
        file += &format!(
            "\n[[outbound_route]]\nname = {}\nprefix = {}\nstrip_digits = {strip_digits}\nprepend_digits = {}\n\
             trunks = {}\n{}",
            quoted(name),
            quoted(prefix),
            quoted(prepend_digits),
            list(trunks).unwrap_or_default(),
            inactive(*is_active)
        );
    }
    for budget in rows.outside.budgets.values() {
        let staff = budget.staff.as_deref().and_then(&number).map(|number| format!("staff = {number}\n"));
        let account = budget.account.as_deref().map(|account| format!("account = {}\n", quoted(account)));
        let hours_of = budget.hours_of.as_deref().map(|number| format!("hours_of = {}\n", quoted(number)));
        let Allowance { destinations, rupiah_per_day_max, .. } = &budget.allowance;
        let rupiah = rupiah_per_day_max.map(|rupiah| format!("rupiah_per_day_max = {rupiah}\n"));
        file += &format!(
            "\n[[budget]]\n{}destinations = {}\ncalls_at_once_max = {}\ncalls_per_minute_max = {}\n\
             calls_per_hour_max = {}\ncalls_per_day_max = {}\nminutes_per_day_max = {}\n{}{}",
            staff.or(account).unwrap_or_default(),
            list(destinations).unwrap_or_else(|| "[]".to_owned()),
            budget.allowance.calls_at_once_max,
            budget.allowance.calls_per_minute_max,
            budget.allowance.calls_per_hour_max,
            budget.allowance.calls_per_day_max,
            budget.allowance.minutes_per_day_max,
            rupiah.unwrap_or_default(),
            hours_of.unwrap_or_default()
        );
    }
    for (prefix, price) in &rows.outside.prices {
        let Price { rupiah_per_minute, .. } = price;
        file +=
            &format!("\n[[price]]\nprefix = {}\nrupiah_per_minute = {rupiah_per_minute}\n", quoted(prefix));
    }
    file
}

/// Where calls to a trunk go, and what it knows us by; not the password.
fn way_to(trunk: &Trunk) -> String {
    let mut keys = String::new();
    let mut add = |key: &str, value: Option<String>| {
        keys.extend(value.map(|value| format!("{key} = {value}\n")));
    };
    let login = trunk.credentials.as_ref();
    add("targets", list(&trunk.targets));
    add("auth_username", login.map(|login| quoted(&login.username)));
    add("auth_realm", login.and_then(|login| login.realm.as_deref()).map(quoted));
    add("register", trunk.registration.map(|_| "true".to_owned()));
    add("registration_expiry_secs", trunk.registration.map(|it| it.expiry_secs.to_string()));
    let options = Some(trunk.options_interval_secs).filter(|secs| *secs > 0);
    add("options_interval_secs", options.map(|secs| secs.to_string()));
    let format = Some(trunk.number_format).filter(|format| *format != NumberFormat::default());
    add("number_format", format.map(|format| quoted(format.as_str())));
    add("from_number", trunk.from_number.as_deref().map(quoted));
    keys
}

/// All `[[rule]]`; `numbers` are people's, by e-mail.
fn rules(rows: &Rows, numbers: &BTreeMap<&str, &str>) -> String {
    let number = |email: &str| numbers.get(email).map(|number| quoted(number));
    let mut file = String::new();
    for rule in rows.rules.values() {
        let extension = quoted(&rule.extension);
        let (timescope, condition) = (quoted(rule.timescope.as_str()), quoted(rule.condition.as_str()));
        let target = match &rule.action {
            Action::ForwardStaff(email) | Action::Voicemail(email) => number(email),
            action => action.target().map(quoted),
        };
        let target = target.map(|target| format!("target = {target}\n")).unwrap_or_default();
        let priority = match rule.action.priority() {
            0 => String::new(),
            priority => format!("priority = {priority}\n"),
        };
        let enabled = if rule.is_enabled { "" } else { "enabled = false\n" };
        file += &format!(
            "\n[[rule]]\nextension = {extension}\ntimescope = {timescope}\ncondition = {condition}\n\
             action = {}\n{target}{priority}{enabled}",
            quoted(rule.action.word())
        );
    }
    file
}

/// All `[[queue]]`; `numbers` are people's, by e-mail.
fn queues(rows: &Rows, numbers: &BTreeMap<&str, &str>) -> String {
    let mut file = String::new();
    for (extension, queue) in &rows.queues {
        let agent = |(email, weight): &(String, u16)| {
            let number = numbers.get(email.as_str())?;
            Some(if *weight == 1 { (*number).to_owned() } else { format!("{number}*{weight}") })
        };
        let agents: Vec<String> = queue.agents.iter().filter_map(agent).collect();
        let agents = list(&agents).map(|agents| format!("agents = {agents}\n")).unwrap_or_default();
        file += &format!(
            "\n[[queue]]\nextension = {}\nstrategy = {}\nring_secs = {}\ncapacity = {}\nwait_max_secs = {}\n\
             wrap_up_secs = {}\nmisses_max = {}\nannounce_secs = {}\ncallback = {}\n{agents}",
            quoted(extension),
            quoted(queue.strategy.as_str()),
            queue.ring_secs,
            queue.capacity,
            queue.wait_max_secs,
            queue.wrap_up_secs,
            queue.misses_max,
            queue.announce_secs,
            queue.has_callback
        );
    }
    file
}

/// All `[[menu]]`; `numbers` are people's, by e-mail.
fn menus(rows: &Rows, numbers: &BTreeMap<&str, &str>) -> String {
    let target = |action: &Action| match action {
        Action::ForwardStaff(email) | Action::Voicemail(email) => {
            numbers.get(email.as_str()).map(|number| (*number).to_owned())
        }
        action => action.target().map(str::to_owned),
    };
    let mut file = String::new();
    for (extension, menu) in &rows.menus {
        let greeting = menu.greeting.as_ref().map(|name| format!("greeting = {}\n", quoted(name)));
        let language = menu.language.map(|language| format!("language = {}\n", quoted(language.as_str())));
        let choices = list(&menu.texts(extension, target)).map(|choices| format!("choices = {choices}\n"));
        file += &format!(
            "\n[[menu]]\nextension = {}\n{}{}timeout_secs = {}\nkey_timeout_secs = {}\ntries_max = {}\n\
             direct_dialling = {}\n{}",
            quoted(extension),
            greeting.unwrap_or_default(),
            language.unwrap_or_default(),
            menu.timeout_secs,
            menu.key_timeout_secs,
            menu.tries_max,
            menu.has_direct_dialling,
            choices.unwrap_or_default()
        );
    }
    file
}

/// All `[[conference]]`.
fn conferences(rows: &Rows) -> String {
    let mut file = String::new();
    for (extension, conference) in &rows.conferences {
        let pin = if conference.pin.is_some() { "pin = true\n" } else { "" };
        file += &format!(
            "\n[[conference]]\nextension = {}\n{pin}members_max = {}\ntones = {}\n",
            quoted(extension),
            conference.members_max,
            conference.has_tones
        );
    }
    file
}

/// All `[[page_group]]`.
fn page_groups(rows: &Rows) -> String {
    let group = |(extension, group): (&String, &PageGroup)| {
        format!("\n[[page_group]]\nextension = {}\nduplex = {}\n", quoted(extension), group.is_duplex)
    };
    rows.page_groups.iter().map(group).collect()
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn inactive(is_active: bool) -> &'static str {
    if is_active { "" } else { "active = false\n" }
}

/// A list of TOML, unless it is empty.
fn list(texts: &[String]) -> Option<String> {
    let texts = texts.iter().map(|text| Value::String(text.clone())).collect::<Vec<_>>();
    (!texts.is_empty()).then(|| Value::Array(texts).to_string())
}
