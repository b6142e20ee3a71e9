//! The SQL that reads configuration rows.

use contract::{
    id::OrgId,
    language::Language,
    menus::MenuChoice,
    outside::Outside,
    snapshot::{Extension, Organisation, RecordingPolicy},
};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Secrets, menus, outside,
    rows::{
        account, conference, extension, extension_of, holiday, number, of, page_group, queue, rule, staff,
        window,
    },
};

const STAFF: &str = "select n.org_id, n.user_id, coalesce(u.name, n.number) as name, n.number, \
      m.status = 'active' and m.removed_at is null and u.status = 'active' as is_active, \
      b.greeting_sound, b.messages_max, b.message_seconds_max \
    from telephony.numbers n \
    join identity.memberships m on m.org_id = n.org_id and m.user_id = n.user_id \
    join identity.users u on u.id = n.user_id \
    left join telephony.voicemail_boxes b on b.org_id = n.org_id and b.user_id = n.user_id and b.is_enabled \
    where n.org_id = any($1) \
    order by n.org_id, n.user_id";
const EXTENSIONS: &str = "select e.org_id, e.id, e.name, n.number, e.is_active, e.recording, e.takes_intercom, \
      array(select a.user_id from telephony.extension_assigned_staffs a \
            where a.org_id = e.org_id and a.extension_id = e.id order by a.user_id) as staff, \
      array(select s.user_id from telephony.extension_supervisors s \
            where s.org_id = e.org_id and s.extension_id = e.id order by s.user_id) as supervisors \
    from telephony.extensions e \
    join telephony.numbers n on n.org_id = e.org_id and n.extension_id = e.id \
    where e.org_id = any($1) \
    order by e.org_id, e.id";
const HOURS: &str = "select h.org_id, h.extension_id, h.day_of_week, \
      (extract(epoch from h.start_time) / 60)::int4 as start_minute, \
      (extract(epoch from h.end_time) / 60)::int4 as end_minute \
    from telephony.extension_operational_hours h \
    where h.org_id = any($1) \
    order by h.org_id, h.extension_id, h.day_of_week, h.start_time";
const RULES: &str = "select r.org_id, r.extension_id, r.id, r.position, r.is_enabled, r.timescope, r.condition, r.action, \
      r.target_extension_id, r.target_user_id, r.target_sound, r.target_number, r.target_queue_id, r.target_menu_id, r.priority \
    from telephony.extension_rules r \
    where r.org_id = any($1) and r.deleted_at is null \
    order by r.org_id, r.extension_id, r.position, r.id";
const QUEUES: &str = "select q.org_id, q.extension_id, q.id, q.strategy, q.ring_seconds, q.capacity, q.wait_max_seconds, \
      q.wrap_up_seconds, q.misses_max, q.announce_seconds, q.has_callback, \
      array(select a.user_id from telephony.queue_agents a \
            where a.org_id = q.org_id and a.queue_id = q.id order by a.position) as users, \
      array(select a.weight from telephony.queue_agents a \
            where a.org_id = q.org_id and a.queue_id = q.id order by a.position) as weights \
    from telephony.queues q \
    where q.org_id = any($1) \
    order by q.org_id, q.extension_id";
const MENUS: &str = "select m.org_id, m.extension_id, m.id, m.greeting_sound, m.language, m.timeout_seconds, \
      m.key_timeout_seconds, m.tries_max, m.has_direct_dialling \
    from telephony.menus m \
    where m.org_id = any($1) \
    order by m.org_id, m.extension_id";
const MENU_CHOICES: &str = "select m.org_id, m.extension_id, c.key, c.action, c.target_extension_id, c.target_user_id, c.target_sound, \
      c.target_number, c.target_queue_id, c.target_menu_id, c.priority \
    from telephony.menu_choices c \
    join telephony.menus m on m.org_id = c.org_id and m.id = c.menu_id \
    where m.org_id = any($1) \
    order by m.org_id, m.extension_id, c.key";
/// Conferences, with what stands for their PINs.
macro_rules! conferences {
    ($pin:literal) => {
        concat!(
            "select org_id, extension_id, id, ",
            $pin,
            " as pin, members_max, has_tones from telephony.conferences \
             where org_id = any($1) \
             order by org_id, extension_id"
        )
    };
}
const PAGE_GROUPS: &str = "select org_id, extension_id, id, is_duplex from telephony.page_groups \
    where org_id = any($1) \
    order by org_id, extension_id";
const HOLIDAYS: &str = "select h.org_id, h.id, h.extension_id, to_char(h.on_date, 'YYYY-MM-DD') as on_date, h.name, \
      (extract(epoch from h.start_time) / 60)::int4 as start_minute, \
      (extract(epoch from h.end_time) / 60)::int4 as end_minute \
    from telephony.holidays h \
    where h.org_id = any($1) \
    order by h.org_id, h.id";
/// Trunks, with what stands for the passwords at providers.
macro_rules! trunks {
    ($password:literal) => {
        concat!(
            "select t.org_id, t.id, t.name, t.sources::text[] as sources, t.channels_max, t.is_trusted, \
               t.is_active, t.targets, t.auth_username, ",
            $password,
            " as auth_password, t.auth_realm, t.is_registering, t.registration_expiry_seconds, \
               t.options_interval_seconds, t.number_format, t.from_number \
             from telephony.trunks t \
             where t.org_id = any($1) \
             order by t.org_id, t.id"
        )
    };
}
const DIDS: &str = "select d.org_id, d.id, d.number, d.extension_id, d.user_id \
    from telephony.did_numbers d \
    where d.org_id = any($1) \
    order by d.org_id, d.id";
const ROUTES: &str = "select r.org_id, r.id, r.name, r.prefix, r.strip_digits, r.prepend_digits, r.is_active, \
      array(select t.trunk_id from telephony.outbound_route_trunks t \
            where t.org_id = r.org_id and t.route_id = r.id order by t.position) as trunks \
    from telephony.outbound_routes r \
    where r.org_id = any($1) \
    order by r.org_id, r.position";
const BUDGETS: &str = "select b.org_id, b.id, b.user_id, b.account_id, b.destinations, b.calls_at_once_max, b.calls_per_minute_max, \
      b.calls_per_hour_max, b.calls_per_day_max, b.minutes_per_day_max, b.rupiah_per_day_max, b.hours_extension_id \
    from telephony.outside_budgets b \
    where b.org_id = any($1) \
    order by b.org_id, b.id";
const PRICES: &str = "select p.org_id, p.id, p.prefix, p.rupiah_per_minute \
    from telephony.outbound_prices p \
    where p.org_id = any($1) \
    order by p.org_id, p.prefix";
/// Accounts, with what stands for the digests of their passwords.
macro_rules! accounts {
    ($md5:literal, $sha256:literal) => {
        concat!(
            "select a.org_id, a.id, a.user_id, a.username, ",
            $md5,
            " as ha1_md5, ",
            $sha256,
            " as ha1_sha256, a.is_active \
             from telephony.sip_accounts a \
             where a.org_id = any($1) \
             order by a.org_id, a.id"
        )
    };
}

/// The statements that would read secrets.
struct Statements {
    conferences: &'static str,
    trunks: &'static str,
    accounts: &'static str,
}

const WITH_SECRETS: Statements = Statements {
    conferences: conferences!("pin"),
    trunks: trunks!("t.auth_password"),
    accounts: accounts!("a.ha1_md5", "a.ha1_sha256"),
};

/// Of the shape that secrets have, so that whatever else is wrong is found.
const WITHOUT_SECRETS: Statements = Statements {
    conferences: conferences!("null::text"),
    trunks: trunks!("case when t.auth_username is not null then 'x' end"),
    accounts: accounts!("repeat('0', 32)", "repeat('0', 64)"),
};

/// See [`crate::load`].
pub(crate) async fn load(
    c: &mut PgConnection,
    whose: Option<&[OrgId]>,
    secrets: Secrets,
) -> Result<Vec<Organisation>, sqlx::Error> {
    let secret = match secrets {
        Secrets::Read => &WITH_SECRETS,
        Secrets::Withheld => &WITHOUT_SECRETS,
    };
    let mut organisations = load_organisations(c, whose).await?;
    let ids = ids(organisations.iter().map(|organisation| organisation.id));
    let mut rows = Loading { c, ids, organisations: &mut organisations };
    rows.add(STAFF, of, staff, |o, staff| o.staff.push(staff)).await?;
    rows.add(EXTENSIONS, of, extension, |o, extension| o.extensions.push(extension)).await?;
    rows.add(HOURS, extension_of, window, |e, window| e.hours.push(window)).await?;
    rows.add(RULES, extension_of, rule, |e, rule| e.rules.push(rule)).await?;
    rows.add(QUEUES, extension_of, queue, |e, queue| e.queue = Some(queue)).await?;
    rows.add(MENUS, extension_of, menus::menu, |e, menu| e.menu = Some(menu)).await?;
    let choose = |e: &mut Extension, choice: MenuChoice| {
        if let Some(menu) = &mut e.menu {
            menu.choices.push(choice);
        }
    };
    rows.add(MENU_CHOICES, extension_of, menus::choice, choose).await?;
    rows.add(secret.conferences, extension_of, conference, |e, one| e.conference = Some(one)).await?;
    rows.add(PAGE_GROUPS, extension_of, page_group, |e, group| e.page_group = Some(group)).await?;
    rows.add(HOLIDAYS, of, holiday, |o, holiday| o.holidays.push(holiday)).await?;
    rows.add(secret.trunks, of, outside::trunk, |o, trunk| o.outside.trunks.push(trunk)).await?;
    rows.add(DIDS, of, outside::did, |o, did| o.outside.dids.push(did)).await?;
    rows.add(ROUTES, of, outside::route, |o, route| o.outside.routes.push(route)).await?;
    rows.add(BUDGETS, of, outside::budget, |o, budget| o.outside.budgets.push(budget)).await?;
    rows.add(PRICES, of, outside::price, |o, price| o.outside.prices.push(price)).await?;
    rows.add(secret.accounts, of, account, |o, account| o.accounts.push(account)).await?;
    Ok(organisations)
}

/// Where rows go. Those of organisations that are left out are not even read: whatever is odd about them, it is nobody else's.
struct Loading<'a> {
    c: &'a mut PgConnection,
    ids: Vec<Uuid>,
    organisations: &'a mut [Organisation],
}

impl Loading<'_> {
    /// Adds rows to whatever each is `to`.
    async fn add<T, O>(
        &mut self,
        query: &'static str,
        to: impl for<'o> Fn(&'o mut [Organisation], &PgRow) -> Result<Option<&'o mut O>, sqlx::Error>,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
        put: impl Fn(&mut O, T),
    ) -> Result<(), sqlx::Error> {
        for row in sqlx::query(query).bind(&self.ids).fetch_all(&mut *self.c).await? {
            if let Some(owner) = to(self.organisations, &row)? {
                put(owner, decode(&row)?);
            }
        }
        Ok(())
    }
}

/// Organisations, with what chooses among them.
macro_rules! organisations {
    ($which:literal) => {
        concat!(
            "select s.org_id, s.sip_domain, s.is_default, s.ring_timeout_seconds, s.language, s.has_announcements, \
               s.is_record_a_call, s.is_recording_on_demand, s.timezone, s.has_recording_notice, s.country_code, \
               s.emergency_numbers, s.has_recording_keys \
             from telephony.organisation_settings s \
             join identity.organisations o on o.id = s.org_id \
             where o.status = 'approved'",
            $which,
            " order by s.org_id"
        )
    };
}

fn ids(all: impl IntoIterator<Item = OrgId>) -> Vec<Uuid> {
    all.into_iter().map(|org| org.0).collect()
}

async fn load_organisations(
    c: &mut PgConnection,
    whose: Option<&[OrgId]>,
) -> Result<Vec<Organisation>, sqlx::Error> {
    let query = match whose {
        None => sqlx::query(organisations!("")),
        Some(whose) => {
            sqlx::query(organisations!(" and s.org_id = any($1)")).bind(ids(whose.iter().copied()))
        }
    };
    let rows = query.fetch_all(c).await?;
    let organisation = |row: &PgRow| -> Result<Organisation, sqlx::Error> {
        Ok(Organisation {
            id: OrgId(row.try_get("org_id")?),
            sip_domain: row.try_get("sip_domain")?,
            is_default: row.try_get("is_default")?,
            ring_timeout_secs: number(row, "ring_timeout_seconds")?,
            // The table has a check, so a language that this release does not know is of a newer one.
            language: Language::of(row.try_get("language")?).unwrap_or_default(),
            has_announcements: row.try_get("has_announcements")?,
            recording: RecordingPolicy::of_columns(
                row.try_get("is_record_a_call")?,
                row.try_get("is_recording_on_demand")?,
            ),
            has_recording_notice: row.try_get("has_recording_notice")?,
            has_recording_keys: row.try_get("has_recording_keys")?,
            timezone: row.try_get("timezone")?,
            holidays: Vec::new(),
            outside: Outside {
                country_code: row.try_get("country_code")?,
                emergency_numbers: row.try_get("emergency_numbers")?,
                ..Outside::default()
            },
            staff: Vec::new(),
            extensions: Vec::new(),
            accounts: Vec::new(),
        })
    };
    rows.iter().map(organisation).collect()
}
