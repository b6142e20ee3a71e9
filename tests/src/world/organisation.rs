//! The people, numbers and accounts of a simulated switch, as configuration rows.

use contract::{
    availability::Person,
    id::{AccountId, ExtensionId, OrgId, PageGroupId, QueueId, RuleId, UserId},
    language::Language,
    paging::PageGroup,
    queues::{Queue, Strategy},
    rules::{Action, Condition, Rule, Timescope},
    snapshot::{Account, Extension, Mailbox, Organisation, Snapshot, Staff},
};
use uuid::Uuid;

use super::{
    dice::Dice,
    phone::{Login, digest::Algorithm},
};

/// The first organisation's domain.
pub const DOMAIN: &str = "demo.sambung.test";
/// The second one's; it has the same numbers, so that a tenant mixed up shows.
pub const OTHER_DOMAIN: &str = "lain.sambung.test";
/// Rings the first half of the staff.
pub const RECEPTION: &str = "100";
/// Rings the second half.
pub const SUPPORT: &str = "200";
/// Rings the first of the staff, and has rules: what leads to support comes before its own people, and reception after
/// them.
pub const HELPDESK: &str = "500";
/// Switched off.
pub const CLOSED: &str = "300";
/// Nobody is assigned to it.
pub const EMPTY: &str = "400";
/// Whoever calls it speaks to everybody's phones, where the newer features are.
pub const PAGE: &str = "600";

fn id(space: u128, organisation: u128, number: u128) -> Uuid {
    Uuid::from_u128((space << 64) | (organisation << 32) | number)
}

/// The login of an account.
pub fn login(domain: &str, username: &str) -> Login {
    Login {
        username: username.to_owned(),
        password: format!("rahasia-{username}"),
        domain: domain.to_owned(),
    }
}

fn account(organisation: u128, number: u128, user: Option<UserId>, login: &Login) -> Account {
    let ha1 = |hash: Algorithm| hash.ha1(&login.username, &login.domain, &login.password);
    Account {
        id: AccountId(id(4, organisation, number)),
        user,
        username: login.username.clone(),
        ha1_md5: ha1(Algorithm::Md5),
        ha1_sha256: ha1(Algorithm::Sha256),
        is_active: true,
    }
}

fn extension_id(organisation: u128, number: &str) -> ExtensionId {
    ExtensionId(id(3, organisation, number.parse().unwrap_or(0)))
}

fn rule(organisation: u128, position: u16, (condition, action): (Condition, Action)) -> Rule {
    Rule {
        id: RuleId(id(5, organisation, position.into())),
        position,
        is_enabled: true,
        timescope: Timescope::Any,
        condition,
        action,
    }
}

/// Rules of the helpdesk in which most of what can follow each other does.
fn rules(organisation: u128) -> Vec<Rule> {
    let to = |number| Action::ForwardExtension(extension_id(organisation, number));
    let all = [
        (Condition::Always, to(SUPPORT)),
        (Condition::Always, Action::Ring),
        (Condition::NoAnswer, to(RECEPTION)),
    ];
    (1..).zip(all).map(|(position, of)| rule(organisation, position, of)).collect()
}

/// Others, by chance.
fn draw_rules(organisation: u128, dice: &mut Dice) -> Vec<Rule> {
    let draw = |dice: &mut Dice| {
        let condition = dice.pick(Condition::ALL);
        let action = match dice.below(10) {
            0 => Action::AnnounceHangup("closed".to_owned()),
            1..=3 if condition == Condition::Always => Action::Ring,
            1..=4 => Action::ForwardStaff(UserId(id(2, organisation, dice.between(1, 2).into()))),
            _ => Action::ForwardExtension(extension_id(
                organisation,
                dice.pick(&[RECEPTION, SUPPORT, SUPPORT, CLOSED, EMPTY]),
            )),
        };
        (condition, action)
    };
    (1..=u16::try_from(dice.between(1, 6)).unwrap_or(1))
        .map(|position| rule(organisation, position, draw(dice)))
        .collect()
}

fn extension(organisation: u128, number: &str, name: &str, staff: Vec<UserId>) -> Extension {
    Extension {
        id: extension_id(organisation, number),
        name: name.to_owned(),
        number: number.to_owned(),
        is_active: number != CLOSED,
        staff,
        hours: Vec::new(),
        recording: None,
        takes_intercom: false,
        queue: None,
        menu: None,
        conference: None,
        supervisors: Vec::new(),
        page_group: None,
        rules: if number == HELPDESK { rules(organisation) } else { Vec::new() },
    }
}

/// An organisation with `staff` people `1001` … (each with an account of that name) and bare accounts
/// `u0`, `u1`.
pub fn organisation(number: u128, domain: &str, staff: u32, ring_timeout_secs: u16) -> Organisation {
    let people: Vec<Staff> = (1..=staff)
        .map(|one| Staff {
            user: UserId(id(2, number, u128::from(one))),
            name: format!("Staff {one}"),
            number: format!("{}", 1000 + one),
            is_active: true,
            mailbox: None,
        })
        .collect();
    let (first, second) = people.split_at(people.len().div_ceil(2));
    let users = |people: &[Staff]| people.iter().map(|one| one.user).collect::<Vec<_>>();
    let mut accounts: Vec<Account> = (1_u128..)
        .zip(&people)
        .map(|(no, one)| account(number, no, Some(one.user), &login(domain, &one.number)))
        .collect();
    for bare in 0..2_u128 {
        accounts.push(account(number, 900 + bare, None, &login(domain, &format!("u{bare}"))));
    }
    Organisation {
        id: OrgId(id(1, number, 0)),
        sip_domain: domain.to_owned(),
        is_default: number == 1,
        ring_timeout_secs,
        language: Language::Id,
        has_announcements: true,
        recording: contract::snapshot::RecordingPolicy::Always,
        has_recording_notice: false,
        has_recording_keys: false,
        timezone: contract::snapshot::default_timezone(),
        holidays: Vec::new(),
        outside: Default::default(),
        extensions: vec![
            extension(number, RECEPTION, "Resepsionis", users(first)),
            extension(number, SUPPORT, "Support", users(second)),
            extension(number, CLOSED, "Gudang", users(first)),
            extension(number, EMPTY, "Kosong", Vec::new()),
            extension(number, HELPDESK, "Bantuan", users(first.get(..1).unwrap_or_default())),
        ],
        staff: people,
        accounts,
    }
}

/// A queue of one extension.
pub fn queue(strategy: Strategy) -> Queue {
    Queue {
        id: QueueId(id(6, 1, 1)),
        strategy,
        ring_secs: 30,
        capacity: 10,
        wait_max_secs: 600,
        wrap_up_secs: 0,
        misses_max: 0,
        announce_secs: 0,
        has_callback: false,
        agents: Vec::new(),
    }
}

/// Callers of support wait in a queue, in the first organisation.
pub fn draw_queue(snapshot: &mut Snapshot, dice: &mut Dice) {
    let own = snapshot.organisations.iter_mut().take(1).flat_map(|one| &mut one.extensions);
    for extension in own.filter(|one| one.number == SUPPORT) {
        let short = |dice: &mut Dice, from, to| u16::try_from(dice.between(from, to)).unwrap_or(u16::MAX);
        extension.queue = Some(Queue {
            ring_secs: short(dice, 5, 15),
            capacity: short(dice, 1, 3),
            wait_max_secs: short(dice, 10, 60),
            wrap_up_secs: short(dice, 0, 10),
            misses_max: short(dice, 0, 2),
            announce_secs: dice.pick(&[0, 15]),
            ..queue(dice.pick(Strategy::ALL))
        });
    }
}

/// Phones that answer by themselves, supervisors, pages, mailboxes, and queues that call back, in the first organisation.
pub fn draw_features(snapshot: &mut Snapshot, dice: &mut Dice) {
    let Some(own) = snapshot.organisations.first_mut() else { return };
    let everyone: Vec<UserId> = own.staff.iter().map(|one| one.user).collect();
    for one in &mut own.extensions {
        one.takes_intercom = dice.chance(700);
        // Most supervise others, some are supervised by the one whom they supervise.
        one.supervisors = everyone.iter().copied().filter(|_| dice.chance(500)).collect();
        if let Some(queue) = &mut one.queue {
            queue.has_callback = dice.chance(800);
            queue.announce_secs = 15;
        }
    }
    own.staff.iter_mut().filter(|_| dice.chance(300)).for_each(|one| one.mailbox = Some(Mailbox::default()));
    let group = PageGroup { is_duplex: dice.chance(300), ..PageGroup::plain(PageGroupId(id(7, 1, 1))) };
    own.extensions.push(Extension { page_group: Some(group), ..extension(1, PAGE, "Pengumuman", everyone) });
}

/// Whose login it is: the person, or the account of nobody in particular.
pub fn owner(snapshot: &Snapshot, login: &Login) -> Option<(OrgId, Person)> {
    let own = snapshot.organisations.iter().find(|one| one.sip_domain == login.domain)?;
    let account = own.accounts.iter().find(|account| account.username == login.username)?;
    Some((own.id, account.user.map_or(Person::Account(account.id), Person::User)))
}

/// Who a login is in the journal: who is behind a trunk, the person, or the account of nobody in particular (H-066).
pub fn person(snapshot: &Snapshot, login: &Login) -> Option<Uuid> {
    let guest = || {
        let mut own = snapshot.organisations.iter().filter(|one| one.sip_domain == login.domain);
        own.find_map(|one| one.outside.trunks.first()).filter(|_| login.username.starts_with('+'))
    };
    owner(snapshot, login).map(|(_, person)| person.uuid()).or_else(|| guest().map(|trunk| trunk.id.0))
}

/// A snapshot by chance: one or two organisations.
pub fn draw(dice: &mut Dice) -> Snapshot {
    let ring_timeout_secs = u16::try_from(dice.between(5, 20)).unwrap_or(5);
    let staff = u32::try_from(dice.between(2, 5)).unwrap_or(2);
    let mut organisations = vec![organisation(1, DOMAIN, staff, ring_timeout_secs)];
    if dice.chance(300) {
        organisations.push(organisation(2, OTHER_DOMAIN, 2, 10));
    }
    for (number, one) in (1..).zip(&mut organisations) {
        one.has_recording_notice = dice.chance(250);
        one.has_recording_keys = dice.chance(250);
        if dice.chance(700) {
            helpdesk(one).for_each(|one| one.rules = draw_rules(number, dice));
        }
    }
    Snapshot { revision: 1, organisations }
}

fn helpdesk(organisation: &mut Organisation) -> impl Iterator<Item = &mut Extension> {
    organisation.extensions.iter_mut().filter(|one| one.number == HELPDESK)
}

/// The same with something changed: what an operator does while calls are up.
pub fn vary(snapshot: &Snapshot, dice: &mut Dice) -> Snapshot {
    let mut changed = snapshot.clone();
    changed.revision += 1;
    if let Some(first) = changed.organisations.first_mut() {
        match dice.below(8) {
            0 => first.extensions.iter_mut().take(1).for_each(|one| one.is_active = !one.is_active),
            1 => helpdesk(first).for_each(|one| one.rules = draw_rules(1, dice)),
            3 => first.extensions.iter_mut().for_each(|one| one.takes_intercom = dice.chance(500)),
            // What supervisors are allowed goes with the row.
            4 => first.extensions.iter_mut().for_each(|one| one.supervisors.clear()),
            5 => first.extensions.iter_mut().for_each(|one| one.page_group = None),
            6 => first.extensions.iter_mut().filter_map(|one| one.queue.as_mut()).for_each(|queue| {
                queue.has_callback = !queue.has_callback;
            }),
            2 => first.ring_timeout_secs = u16::try_from(dice.between(5, 20)).unwrap_or(5),
            _ => {
                let everyone = first.staff.iter().map(|one| one.user).collect();
                first.extensions.iter_mut().skip(1).take(1).for_each(|one| one.staff.clone_from(&everyone));
            }
        }
    }
    changed
}
