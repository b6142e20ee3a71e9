//! What somebody asks of an organisation's configuration over HTTP, drawn at random: things are made, described anew and taken away, about as often
//! as they should be and as they should not. It sends nothing.

use serde_json::{Value, json};
use tests::world::dice::Dice;

/// What there is to be changed, by id.
#[derive(Debug, Default)]
pub struct Known {
    /// Who may be rung, and whose numbers and mailboxes are changed.
    pub people: Vec<String>,
    /// The memberships of the same.
    pub members: Vec<String>,
    things: Vec<(&'static str, Vec<String>)>,
}

/// Things of a kind at most, so that they meet each other.
const THINGS_MAX: usize = 8;

/// How the version that is changed is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// There is none: it is made.
    New,
    /// As it was read just now; where nothing was there to be read, that.
    Read,
    /// As it was long ago.
    Stale,
    /// Not at all.
    Unsaid,
}

/// One change.
#[derive(Clone, Debug)]
pub struct Order {
    pub method: &'static str,
    pub path: String,
    pub body: Value,
    pub version: Version,
}

const EXTENSIONS: &str = "/api/telephony/extensions";
const ACCOUNTS: &str = "/api/telephony/sip-accounts";
const TRUNKS: &str = "/api/telephony/trunks";
const DIDS: &str = "/api/telephony/did-numbers";
const PRICES: &str = "/api/telephony/outbound-prices";
const BUDGETS: &str = "/api/telephony/outside-budgets";
const DIVISIONS: &str = "/api/telephony/divisions";

/// Numbers that are dialled in questions, too.
pub const NUMBERS: [&str; 10] = ["300", "301", "302", "303", "304", "305", "3060", "3070", "100", "200"];
/// What is no number, or somebody else's.
const BAD_NUMBERS: [&str; 6] = ["1001", "112", "1", "tiga", "1234567", ""];
const NAMES: [&str; 5] = ["Gudang", "Kasir", "Layanan Pelanggan", "Gudang 2", "Ω"];

impl Known {
    fn of(&self, kind: &str) -> &[String] {
        self.things.iter().find(|(one, _)| *one == kind).map_or(&[], |(_, ids)| ids)
    }

    /// It was made.
    pub fn made(&mut self, path: &str, id: &str) {
        let Some(kind) = KINDS.iter().map(|(kind, ..)| *kind).find(|kind| *kind == path) else { return };
        match self.things.iter_mut().find(|(one, _)| *one == kind) {
            Some((_, ids)) => ids.push(id.to_owned()),
            None => self.things.push((kind, vec![id.to_owned()])),
        }
    }

    /// It was taken away.
    pub fn gone(&mut self, path: &str) {
        for (kind, ids) in &mut self.things {
            ids.retain(|id| path.strip_prefix(*kind) != Some(&format!("/{id}")));
        }
    }
}

type Describe = fn(&mut Dice, &Known) -> Value;

/// What is made at one address and has one of its own, and how it is described.
const KINDS: [(&str, Describe); 7] = [
    (EXTENSIONS, extension),
    (ACCOUNTS, account),
    (TRUNKS, trunk),
    (DIDS, did),
    (PRICES, price),
    (BUDGETS, budget),
    (DIVISIONS, division),
];

/// What an extension has.
const PARTS: [(&str, Describe); 6] = [
    ("hours", hours),
    ("rules", rules),
    ("queue", queue),
    ("menu", menu),
    ("conference", conference),
    ("page-group", page_group),
];

/// What there is once, or once for each person.
const WHOLES: [(&str, Describe); 3] = [
    ("/api/telephony/settings", settings),
    ("/api/telephony/holidays", holidays),
    ("/api/telephony/outbound-routes", routes),
];

/// The next one.
pub fn order(dice: &mut Dice, known: &Known) -> Order {
    let order = match dice.below(20) {
        0..=6 => thing(dice, known),
        7..=14 => part(dice, known),
        15..=16 => {
            let (path, describe) = dice.pick(&WHOLES);
            put(path.to_owned(), describe(dice, known))
        }
        17 => of_person(dice, known, "/api/telephony/numbers", |dice, _| json!({ "number": number(dice) })),
        18 => of_person(dice, known, "/api/telephony/voicemail-boxes", mailbox),
        _ => put(format!("/api/identity/members/{}", any(dice, &known.members)), member(dice)),
    };
    let version = match (order.version, dice.below(25)) {
        (Version::Read, 0) => Version::Stale,
        (Version::Read, 1) => Version::Unsaid,
        (version, _) => version,
    };
    // Some say what nobody has heard of.
    let body = if dice.chance(20) { json!({ "neither": "here" }) } else { order.body };
    Order { version, body, ..order }
}

fn thing(dice: &mut Dice, known: &Known) -> Order {
    let (kind, describe) = dice.pick(&KINDS);
    let there = known.of(kind);
    let body = describe(dice, known);
    match dice.below(10) {
        0..=4 if there.len() < THINGS_MAX => {
            Order { method: "POST", path: kind.to_owned(), body, version: Version::New }
        }
        5..=7 => put(format!("{kind}/{}", any(dice, there)), body),
        _ => remove(format!("{kind}/{}", any(dice, there))),
    }
}

fn part(dice: &mut Dice, known: &Known) -> Order {
    let (part, describe) = dice.pick(&PARTS);
    let path = format!("{EXTENSIONS}/{}/{part}", any(dice, known.of(EXTENSIONS)));
    let is_always_there = matches!(part, "hours" | "rules");
    if !is_always_there && dice.chance(150) { remove(path) } else { put(path, describe(dice, known)) }
}

fn of_person(dice: &mut Dice, known: &Known, kind: &str, describe: Describe) -> Order {
    let path = format!("{kind}/{}", any(dice, &known.people));
    if dice.chance(250) { remove(path) } else { put(path, describe(dice, known)) }
}

const fn put(path: String, body: Value) -> Order {
    Order { method: "PUT", path, body, version: Version::Read }
}

const fn remove(path: String) -> Order {
    Order { method: "DELETE", path, body: Value::Null, version: Version::Read }
}

/// One of them, or what there is not.
fn any(dice: &mut Dice, ids: &[String]) -> String {
    let nothing = "00000000-0000-7000-8000-000000000000";
    if ids.is_empty() || dice.chance(20) {
        return nothing.to_owned();
    }
    let at = usize::try_from(dice.below(ids.len() as u64)).unwrap_or_default();
    ids.get(at).map_or(nothing, String::as_str).to_owned()
}

fn some(dice: &mut Dice, ids: &[String], most: u64) -> Vec<String> {
    let mut found: Vec<String> = (0..dice.below(most + 1)).map(|_| any(dice, ids)).collect();
    if !dice.chance(50) {
        found.sort();
        found.dedup();
    }
    found
}

fn maybe<T>(dice: &mut Dice, draw: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    dice.chance(500).then(|| draw(dice))
}

fn flag(dice: &mut Dice) -> bool {
    dice.chance(500)
}

fn number(dice: &mut Dice) -> &'static str {
    if dice.chance(900) { dice.pick(&NUMBERS) } else { dice.pick(&BAD_NUMBERS) }
}

fn name(dice: &mut Dice) -> String {
    if dice.chance(30) {
        ["", "a\nb"][usize::from(flag(dice))].to_owned()
    } else {
        dice.pick(&NAMES).to_owned()
    }
}

fn extension(dice: &mut Dice, known: &Known) -> Value {
    json!({
        "number": number(dice),
        "name": name(dice),
        "is_active": dice.chance(900),
        "recording": dice.pick(&[None, Some("never"), Some("on_demand"), Some("perhaps")]),
        "takes_intercom": flag(dice),
        "staff": some(dice, &known.people, 4),
        "supervisors": some(dice, &known.people, 2),
    })
}

fn account(dice: &mut Dice, known: &Known) -> Value {
    let username = format!("telepon-{}", dice.below(12));
    json!({ "username": username, "user_id": maybe(dice, |dice| any(dice, &known.people)), "is_active": flag(dice) })
}

/// Nobody answers at these networks (RFC 5737), and nothing is sent there unasked.
fn trunk(dice: &mut Dice, _: &Known) -> Value {
    let sources = ["203.0.113.0/28", "203.0.113.16/28", "203.0.113.32/32", "0.0.0.0/0", "rumah"];
    json!({
        "name": name(dice),
        "sources": [dice.pick(&sources)],
        "targets": dice.pick(&[&[][..], &["sip:203.0.113.9"], &["sip:penyedia.example"], &["tel:1"]]),
        "is_registering": dice.chance(50),
        "number_format": dice.pick(&["e164", "digits", "national"]),
        "channels_max": dice.pick(&[1, 30, 2_000, 0]),
        "is_active": dice.chance(800),
    })
}

fn did(dice: &mut Dice, known: &Known) -> Value {
    let number = format!("+622155501{:02}", dice.below(12));
    let (extension, person) = (any(dice, known.of(EXTENSIONS)), any(dice, &known.people));
    match dice.below(8) {
        0 => json!({ "number": number, "extension_id": extension, "user_id": person }),
        1 => json!({ "number": "0215550100" }),
        2..=4 => json!({ "number": number, "user_id": person }),
        _ => json!({ "number": number, "extension_id": extension }),
    }
}

fn price(dice: &mut Dice, _: &Known) -> Value {
    let prefix = dice.pick(&["+62", "+6221", "+628", "+65", "+1", "62", "+"]);
    json!({ "prefix": prefix, "rupiah_per_minute": dice.below(2_000) })
}

fn budget(dice: &mut Dice, known: &Known) -> Value {
    json!({
        "user_id": maybe(dice, |dice| any(dice, &known.people)),
        "account_id": dice.chance(300).then(|| any(dice, known.of(ACCOUNTS))),
        "destinations": dice.pick(&[&["national"][..], &["national", "+65"], &[], &["bulan"]]),
        "calls_per_hour_max": dice.pick(&[20, 200]),
        "hours_extension_id": dice.chance(300).then(|| any(dice, known.of(EXTENSIONS))),
    })
}

fn division(dice: &mut Dice, known: &Known) -> Value {
    let (members, extensions) = (some(dice, &known.people, 3), some(dice, known.of(EXTENSIONS), 3));
    json!({ "name": name(dice), "members": members, "extensions": extensions })
}

fn time(dice: &mut Dice) -> &'static str {
    if dice.chance(20) {
        return "25:00";
    }
    dice.pick(&["00:00", "08:00", "12:30", "17:00", "22:00", "24:00"])
}

fn hours(dice: &mut Dice, _: &Known) -> Value {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let windows = (0..dice.below(5))
        .map(|_| json!({ "day": dice.pick(&days), "start": time(dice), "end": time(dice) }))
        .collect::<Vec<_>>();
    json!({ "windows": windows })
}

fn action(dice: &mut Dice, known: &Known) -> Value {
    let (extension, person) = (any(dice, known.of(EXTENSIONS)), any(dice, &known.people));
    match dice.below(8) {
        0 => json!({ "type": "ring" }),
        1 => json!({ "type": "forward_extension", "extension_id": extension }),
        2 => json!({ "type": "forward_staff", "user_id": person }),
        3 => json!({ "type": "forward_number", "number": dice.pick(&["+628123456789", "112"]) }),
        4 => json!({ "type": "announce_hangup", "sound": dice.pick(&["closed", "Tutup!"]) }),
        5 => json!({ "type": "queue", "extension_id": extension, "priority": dice.below(11) }),
        6 => json!({ "type": "voicemail", "user_id": person }),
        _ => json!({ "type": "ivr", "extension_id": extension }),
    }
}

fn rules(dice: &mut Dice, known: &Known) -> Value {
    let rules = (0..dice.below(4))
        .map(|_| {
            json!({
                "timescope": dice.pick(&["any", "work_hours", "off_hours"]),
                "condition": dice.pick(&["always", "busy", "no_answer", "unreachable"]),
                "action": action(dice, known),
                "is_enabled": dice.chance(900),
            })
        })
        .collect::<Vec<_>>();
    json!({ "rules": rules })
}

fn queue(dice: &mut Dice, known: &Known) -> Value {
    let agents = some(dice, &known.people, 3);
    let agents: Vec<Value> =
        agents.iter().map(|user| json!({ "user_id": user, "weight": 1 + dice.below(3) })).collect();
    json!({
        "strategy": dice.pick(&["longest_idle", "linear", "weighted", "ring_all", "alphabetical"]),
        "ring_secs": dice.pick(&[5, 20, 600, 1]),
        "capacity": dice.pick(&[1, 20, 1_000]),
        "has_callback": flag(dice),
        "agents": agents,
    })
}

fn menu(dice: &mut Dice, known: &Known) -> Value {
    let keys = ["1", "2", "0", "*", "timeout", "invalid", "12"];
    let choices = (0..dice.below(4))
        .map(|_| json!({ "key": dice.pick(&keys), "action": action(dice, known) }))
        .collect::<Vec<_>>();
    json!({ "timeout_secs": dice.pick(&[1, 5, 60, 0]), "has_direct_dialling": flag(dice), "choices": choices })
}

fn conference(dice: &mut Dice, _: &Known) -> Value {
    json!({ "pin": dice.pick(&[None, Some("1234"), Some("1")]), "members_max": dice.pick(&[2, 32, 33]) })
}

fn page_group(dice: &mut Dice, _: &Known) -> Value {
    json!({ "is_duplex": flag(dice) })
}

/// Not so near that the calls of the story fall on one.
fn holidays(dice: &mut Dice, known: &Known) -> Value {
    let holidays = (0..dice.below(4))
        .map(|_| {
            let hours = maybe(dice, |dice| json!({ "start": time(dice), "end": time(dice) }));
            json!({
                "date": dice.pick(&["2036-12-25", "2036-12-26", "2036-03-04", "2036-02-30"]),
                "name": name(dice),
                "extension_id": maybe(dice, |dice| any(dice, known.of(EXTENSIONS))),
                "hours": hours.into_iter().collect::<Vec<_>>(),
            })
        })
        .collect::<Vec<_>>();
    json!({ "holidays": holidays })
}

fn settings(dice: &mut Dice, _: &Known) -> Value {
    json!({
        "ring_timeout_secs": dice.pick(&[20, 60, 600, 4]),
        "language": dice.pick(&["id", "en"]),
        "recording": dice.pick(&["never", "on_demand"]),
        "timezone": dice.pick(&["Asia/Jakarta", "Asia/Jayapura", "Mars/Olympus"]),
        "country_code": dice.pick(&["62", "65", "0"]),
        "emergency_numbers": dice.pick(&[&["110", "112"][..], &["112", "303"], &["1"]]),
    })
}

fn routes(dice: &mut Dice, known: &Known) -> Value {
    let routes = (0..dice.below(4))
        .map(|_| {
            json!({
                "name": name(dice),
                "prefix": dice.pick(&["", "+62", "+65", "rumah"]),
                "strip_digits": dice.pick(&[0, 3]),
                "trunks": some(dice, known.of(TRUNKS), 3),
            })
        })
        .collect::<Vec<_>>();
    json!({ "routes": routes })
}

fn mailbox(dice: &mut Dice, _: &Known) -> Value {
    json!({ "is_enabled": flag(dice), "messages_max": dice.pick(&[1, 50, 501]) })
}

fn member(dice: &mut Dice) -> Value {
    json!({ "role": dice.pick(&["call_agent", "team_lead", "viewer", "raja"]), "is_active": dice.chance(700) })
}
