//! Making the database hold other rows of an organisation than before, in one transaction of the caller.
//!
//! Only what differs is touched, and what frees a name comes before what takes it: two people may swap their numbers.
//! People stay members when they lose their number; organisations are never deleted.

pub(super) mod store;

use std::collections::BTreeSet;

use migrations::Role;
use sqlx::PgConnection;

use self::store::Duty;
use super::{Extension, Rows, Rule, Staff, conferences, mailboxes, menus, outbound, page_groups, queues};
use crate::database::store::act_as;

/// An organisation before and after; not there before is `None`.
pub(crate) type Step<'a> = (Option<&'a Rows>, &'a Rows);

/// Writes all steps.
pub(crate) async fn write(c: &mut PgConnection, steps: &[Step<'_>]) -> anyhow::Result<()> {
    // One organisation at most is the default one, at every moment.
    for (before, after) in steps {
        if before.is_some_and(|before| before.is_default) && !after.is_default {
            act_as(c, Role::Api, Some(after.id)).await?;
            store::not_default(c, after).await?;
        }
    }
    for (before, after) in steps {
        organisation(c, *before, after).await?;
        let nothing = after.nothing_of();
        let before = before.unwrap_or(&nothing);
        people(c, before, after).await?;
        act_as(c, Role::Api, Some(after.id)).await?;
        remove(c, before, after).await?;
        add(c, before, after).await?;
    }
    Ok(store::check_what_waits(c).await?)
}

async fn organisation(c: &mut PgConnection, before: Option<&Rows>, after: &Rows) -> Result<(), sqlx::Error> {
    let head = |rows: &Rows| (rows.name.clone(), rows.status.clone());
    if before.map(head) != Some(head(after)) {
        act_as(c, Role::Platform, None).await?;
        store::put_organisation(c, after).await?;
    }
    if before.map(Rows::settings) != Some(after.settings()) {
        act_as(c, Role::Api, Some(after.id)).await?;
        store::put_settings(c, after).await?;
    }
    Ok(())
}

async fn people(c: &mut PgConnection, before: &Rows, after: &Rows) -> anyhow::Result<()> {
    act_as(c, Role::Platform, None).await?;
    let person = |staff: &Staff| (staff.name.clone(), staff.is_active);
    for (email, staff) in &after.staff {
        if before.staff.get(email).map(person) != Some(person(staff)) {
            store::put_user(c, email, staff).await?;
            store::put_membership(c, crate::database::new_id()?, after.id, email, staff).await?;
        }
    }
    Ok(())
}

/// An extension's rules, in order.
fn rules_of<'a>(rows: &'a Rows, number: &str) -> Vec<&'a Rule> {
    rows.rules.values().filter(|rule| rule.extension == number).collect()
}

/// What stands in an extension's own row.
fn own(extension: &Extension) -> impl PartialEq + '_ {
    let Extension { id: _, name, is_active, staff: _, supervisors: _, hours: _, recording, takes_intercom } =
        extension;
    (name, is_active, recording, takes_intercom)
}

async fn remove(c: &mut PgConnection, before: &Rows, after: &Rows) -> Result<(), sqlx::Error> {
    // All of an extension's: what stays may have another position. Before extensions, which rules hold.
    for (number, extension) in &before.extensions {
        if rules_of(before, number) != rules_of(after, number) {
            store::delete_rules(c, after.id, extension.id).await?;
        }
    }
    remove_menus(c, before, after).await?;
    for (number, conference) in &before.conferences {
        if after.conferences.get(number).is_none_or(|stays| stays.id != conference.id) {
            conferences::store::delete(c, after.id, conference.id).await?;
        }
    }
    for (number, group) in &before.page_groups {
        if after.page_groups.get(number).is_none_or(|stays| stays.id != group.id) {
            page_groups::store::delete(c, after.id, group.id).await?;
        }
    }
    for (key, holiday) in &before.holidays {
        if after.holidays.get(key) != Some(holiday) {
            let extension = holiday.extension.as_ref().and_then(|number| before.extensions.get(number));
            store::delete_holiday(c, after.id, &holiday.date, extension.map(|extension| extension.id))
                .await?;
        }
    }
    remove_outside(c, before, after).await?;
    for (number, queue) in &before.queues {
        // Rules that led to it are gone.
        if after.queues.get(number).is_none_or(|stays| stays.id != queue.id) {
            queues::store::delete(c, after.id, queue.id).await?;
        }
    }
    for (username, account) in &before.accounts {
        if !after.accounts.contains_key(username) {
            store::delete_account(c, after.id, account.id).await?;
        }
    }
    for (number, extension) in &before.extensions {
        let Some(stays) = after.extensions.get(number) else {
            // Its number and its staff go with it.
            store::delete_extension(c, after.id, extension.id).await?;
            continue;
        };
        if stays.hours != extension.hours {
            store::delete_hours(c, after.id, extension.id).await?;
        }
        for duty in Duty::ALL {
            let gone = duty.people(extension).difference(duty.people(stays));
            let gone: Vec<_> = gone.filter_map(|email| Some(before.staff.get(email)?.user)).collect();
            if !gone.is_empty() {
                store::unassign(c, after.id, (extension.id, duty), &gone).await?;
            }
        }
    }
    for (email, staff) in &before.staff {
        let stays = after.staff.get(email);
        if stays.is_none_or(|stays| stays.number != staff.number) {
            store::delete_number(c, after.id, &staff.number).await?;
        }
        // Off without a number, too, or it would be there again with the next one.
        if staff.mailbox.is_some() && stays.is_none_or(|stays| stays.mailbox.is_none()) {
            mailboxes::store::close(c, after.id, staff.user).await?;
        }
    }
    Ok(())
}

/// Before accounts, extensions and people's numbers, which they hold.
async fn remove_outside(c: &mut PgConnection, before: &Rows, after: &Rows) -> Result<(), sqlx::Error> {
    for (number, did) in &before.outside.dids {
        if after.outside.dids.get(number) != Some(did) {
            store::delete_did(c, after.id, did.id).await?;
        }
    }
    // Before trunks, which they hold.
    if before.outside.routes != after.outside.routes {
        outbound::store::delete_routes(c, after.id).await?;
    }
    for (key, budget) in &before.outside.budgets {
        if after.outside.budgets.get(key) != Some(budget) {
            outbound::store::delete_budget(c, after.id, budget.id).await?;
        }
    }
    if before.outside.prices != after.outside.prices {
        outbound::store::delete_prices(c, after.id).await?;
    }
    for (name, trunk) in &before.outside.trunks {
        if !after.outside.trunks.contains_key(name) {
            store::delete_trunk(c, after.id, trunk.id).await?;
        }
    }
    Ok(())
}

/// Rules that led to them are gone; what their keys led to may go after this.
async fn remove_menus(c: &mut PgConnection, before: &Rows, after: &Rows) -> Result<(), sqlx::Error> {
    let other = |number: &String, menu| after.menus.get(number) != Some(menu);
    for (_, menu) in before.menus.iter().filter(|(number, menu)| other(number, menu)) {
        menus::store::clear(c, after.id, menu.id).await?;
    }
    for (number, menu) in &before.menus {
        if after.menus.get(number).is_none_or(|stays| stays.id != menu.id) {
            menus::store::delete(c, after.id, menu.id).await?;
        }
    }
    Ok(())
}

/// All of them before any of their choices, which lead from one to another.
async fn add_menus(c: &mut PgConnection, before: &Rows, after: &Rows) -> Result<(), sqlx::Error> {
    let new = || after.menus.iter().filter(|(number, menu)| before.menus.get(*number) != Some(menu));
    for (number, menu) in new() {
        if let Some(extension) = after.extensions.get(number) {
            menus::store::put(c, after.id, extension.id, menu).await?;
        }
    }
    for (_, menu) in new() {
        menus::store::add_choices(c, after, menu).await?;
    }
    Ok(())
}

async fn add_page_groups(c: &mut PgConnection, before: &Rows, after: &Rows) -> Result<(), sqlx::Error> {
    for (number, group) in &after.page_groups {
        if let Some(extension) = after.extensions.get(number)
            && before.page_groups.get(number) != Some(group)
        {
            page_groups::store::put(c, after.id, extension.id, group).await?;
        }
    }
    Ok(())
}

async fn add(c: &mut PgConnection, before: &Rows, after: &Rows) -> Result<(), sqlx::Error> {
    for (email, staff) in &after.staff {
        if before.staff.get(email).is_none_or(|was| was.number != staff.number) {
            store::add_staff_number(c, after.id, &staff.number, staff.user).await?;
        }
        let was = before.staff.get(email).and_then(Staff::mailbox_with_mails);
        if staff.mailbox_with_mails() != was {
            mailboxes::store::put(c, after.id, staff).await?;
        }
    }
    let nobody = BTreeSet::new();
    for (number, extension) in &after.extensions {
        let was = before.extensions.get(number);
        match was {
            None => store::add_extension(c, after.id, number, extension).await?,
            Some(was) if own(was) != own(extension) => {
                store::change_extension(c, after.id, extension).await?;
            }
            Some(_) => {}
        }
        for duty in Duty::ALL {
            let new = duty.people(extension).difference(was.map_or(&nobody, |was| duty.people(was)));
            let new: Vec<_> = new.filter_map(|email| Some(after.staff.get(email)?.user)).collect();
            if !new.is_empty() {
                store::assign(c, after.id, (extension.id, duty), &new).await?;
            }
        }
        if was.is_none_or(|was| was.hours != extension.hours) {
            store::add_hours(c, after.id, extension).await?;
        }
    }
    for (number, queue) in &after.queues {
        if let Some(extension) = after.extensions.get(number)
            && before.queues.get(number) != Some(queue)
        {
            queues::store::put(c, after, extension.id, queue).await?;
        }
    }
    for (number, conference) in &after.conferences {
        if let Some(extension) = after.extensions.get(number)
            && before.conferences.get(number) != Some(conference)
        {
            conferences::store::put(c, after.id, extension.id, conference).await?;
        }
    }
    add_page_groups(c, before, after).await?;
    add_menus(c, before, after).await?;
    rules(c, before, after).await?;
    outside(c, before, after).await?;
    for (username, account) in &after.accounts {
        let owner = account.owner.as_ref().and_then(|email| after.staff.get(email)).map(|staff| staff.user);
        match before.accounts.get(username) {
            None => store::add_account(c, after.id, username, owner, account).await?,
            Some(was) if was != account => store::change_account(c, after.id, owner, account).await?,
            Some(_) => {}
        }
    }
    if before.outside.prices != after.outside.prices {
        outbound::store::add_prices(c, after).await?;
    }
    // After accounts, whose they may be.
    for (key, budget) in &after.outside.budgets {
        if before.outside.budgets.get(key) != Some(budget) {
            outbound::store::add_budget(c, after, budget).await?;
        }
    }
    Ok(())
}

async fn rules(c: &mut PgConnection, before: &Rows, after: &Rows) -> Result<(), sqlx::Error> {
    for (number, extension) in &after.extensions {
        let rules = rules_of(after, number);
        if rules_of(before, number) != rules {
            for rule in rules {
                store::put_rule(c, after, extension.id, rule).await?;
            }
        }
    }
    for (key, holiday) in &after.holidays {
        if before.holidays.get(key) != Some(holiday) {
            let extension = holiday.extension.as_ref().and_then(|number| after.extensions.get(number));
            store::add_holiday(c, after.id, extension.map(|extension| extension.id), holiday).await?;
        }
    }
    Ok(())
}

async fn outside(c: &mut PgConnection, before: &Rows, after: &Rows) -> Result<(), sqlx::Error> {
    for (name, trunk) in &after.outside.trunks {
        if before.outside.trunks.get(name) != Some(trunk) {
            store::put_trunk(c, after.id, name, trunk).await?;
        }
    }
    for (number, did) in &after.outside.dids {
        if before.outside.dids.get(number) != Some(did) {
            store::add_did(c, after, number, did).await?;
        }
    }
    if before.outside.routes != after.outside.routes {
        for (name, route) in &after.outside.routes {
            outbound::store::add_route(c, after, name, route).await?;
        }
    }
    Ok(())
}

/// What a refusal of the database means, in words of the description; `None` when it says nothing about it.
pub(crate) fn meaning(error: &sqlx::Error) -> Option<&'static str> {
    let constraint = error.as_database_error()?.constraint()?;
    Some(match constraint {
        "organisation_settings_default_key" => {
            "another organisation is the default one: describe that with default = false and apply both together"
        }
        "organisation_settings_sip_domain_key" => "another organisation has that domain",
        "did_numbers_number_key" => "another organisation has one of the numbers of [[did]]",
        "extension_rules_target_extension_fkey"
        | "extension_rules_target_staff_fkey"
        | "menu_choices_target_extension_fkey"
        | "menu_choices_target_staff_fkey"
        | "did_numbers_extension_fkey"
        | "did_numbers_staff_fkey" => {
            "a number that would go is where a rule, a key of a menu or a number of the telephone network leads that somebody else has made"
        }
        "device_lines_account_fkey" => {
            "an account that would go is on a line of a device: take it off there first"
        }
        "numbers_pkey" => "a number has been taken meanwhile: look at it with `sambung diff`",
        "sip_accounts_username_key" => "a username has been taken meanwhile: look at it with `sambung diff`",
        "users_email_key" => "somebody else has that e-mail since just now: try again",
        _ => return None,
    })
}
