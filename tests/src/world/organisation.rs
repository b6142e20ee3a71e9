//! The people, numbers and accounts of a simulated switch, as configuration rows.

use contract::{
    id::{AccountId, ExtensionId, OrgId, UserId},
    language::Language,
    snapshot::{Account, Extension, Organisation, Snapshot, Staff},
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
/// Switched off.
pub const CLOSED: &str = "300";
/// Nobody is assigned to it.
pub const EMPTY: &str = "400";

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

fn extension(organisation: u128, number: &str, name: &str, staff: Vec<UserId>) -> Extension {
    let own = number.parse().unwrap_or(0);
    Extension {
        id: ExtensionId(id(3, organisation, own)),
        name: name.to_owned(),
        number: number.to_owned(),
        is_active: number != CLOSED,
        staff,
        hours: Vec::new(),
        rules: Vec::new(),
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
        timezone: contract::snapshot::default_timezone(),
        holidays: Vec::new(),
        extensions: vec![
            extension(number, RECEPTION, "Resepsionis", users(first)),
            extension(number, SUPPORT, "Support", users(second)),
            extension(number, CLOSED, "Gudang", users(first)),
            extension(number, EMPTY, "Kosong", Vec::new()),
        ],
        staff: people,
        accounts,
    }
}

/// Who a login is in the journal: the person, or the account of nobody in particular (H-066).
pub fn person(snapshot: &Snapshot, login: &Login) -> Option<Uuid> {
    let own = snapshot.organisations.iter().find(|one| one.sip_domain == login.domain)?;
    let account = own.accounts.iter().find(|account| account.username == login.username)?;
    Some(account.user.map_or(account.id.0, |user| user.0))
}

/// A snapshot by chance: one or two organisations.
pub fn draw(dice: &mut Dice) -> Snapshot {
    let ring_timeout_secs = u16::try_from(dice.between(5, 20)).unwrap_or(5);
    let staff = u32::try_from(dice.between(2, 5)).unwrap_or(2);
    let mut organisations = vec![organisation(1, DOMAIN, staff, ring_timeout_secs)];
    if dice.chance(300) {
        organisations.push(organisation(2, OTHER_DOMAIN, 2, 10));
    }
    Snapshot { revision: 1, organisations }
}

/// The same with something changed: what an operator does while calls are up.
pub fn vary(snapshot: &Snapshot, dice: &mut Dice) -> Snapshot {
    let mut changed = snapshot.clone();
    changed.revision += 1;
    if let Some(first) = changed.organisations.first_mut() {
        match dice.below(3) {
            0 => first.extensions.iter_mut().take(1).for_each(|one| one.is_active = !one.is_active),
            1 => first.ring_timeout_secs = u16::try_from(dice.between(5, 20)).unwrap_or(5),
            _ => {
                let everyone = first.staff.iter().map(|one| one.user).collect();
                first.extensions.iter_mut().skip(1).take(1).for_each(|one| one.staff.clone_from(&everyone));
            }
        }
    }
    changed
}
