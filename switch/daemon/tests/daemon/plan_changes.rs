//! A switch that follows changes of some organisations' rows runs what it would if it read all of them.

use std::sync::{Arc, atomic::Ordering};

use configuration::Secrets;
use contract::snapshot::Snapshot;
use dialplan::{Diagnostic, Plan};
use sambungd::plan_watch::read_kept;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};

use crate::{
    database::{database, eventually},
    plan_watch::{Watching, applied, execute, revision},
};

/// Changes that are made, one after the other.
const CHANGES: u32 = 300;

/// Four organisations, each with two people, two extensions and what else can be changed of them. `{n}` is one of them, `{k}` one of
/// two things of its; `{x}` is any small number.
const SEED: &str = "
    insert into identity.organisations (id, name, status) select md5('o' || n)::uuid, 'o' || n, 'approved' from generate_series(1, 4) n;
    insert into telephony.organisation_settings (org_id, sip_domain)
      select md5('o' || n)::uuid, 'o' || n || '.test' from generate_series(1, 4) n;
    insert into identity.users (id, name)
      select md5('u' || n || k)::uuid, 'Sari' from generate_series(1, 4) n, generate_series(1, 2) k;
    insert into identity.memberships (id, org_id, user_id, email, role, status)
      select md5('u' || n || k)::uuid, md5('o' || n)::uuid, md5('u' || n || k)::uuid, 'u' || n || k || '@x.test', 'call_agent', 'active'
      from generate_series(1, 4) n, generate_series(1, 2) k;
    insert into telephony.extensions (id, org_id, name)
      select md5('e' || n || k)::uuid, md5('o' || n)::uuid, 'e' || k from generate_series(1, 4) n, generate_series(1, 2) k;
    insert into telephony.numbers (org_id, number, user_id)
      select md5('o' || n)::uuid, '100' || k, md5('u' || n || k)::uuid from generate_series(1, 4) n, generate_series(1, 2) k;
    insert into telephony.numbers (org_id, number, extension_id)
      select md5('o' || n)::uuid, '20' || k, md5('e' || n || k)::uuid from generate_series(1, 4) n, generate_series(1, 2) k;
    insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id)
      select md5('o' || n)::uuid, md5('e' || n || k)::uuid, md5('u' || n || k)::uuid
      from generate_series(1, 4) n, generate_series(1, 2) k;
    insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256)
      select md5('u' || n || k)::uuid, md5('o' || n)::uuid, md5('u' || n || k)::uuid, 'u' || k, md5('x'), encode(sha256('x'), 'hex')
      from generate_series(1, 4) n, generate_series(1, 2) k;
    insert into telephony.trunks (id, org_id, name, sources)
      select md5('t' || n || k)::uuid, md5('o' || n)::uuid, 't' || k, '{203.0.113.0/24}'
      from generate_series(1, 4) n, generate_series(1, 2) k;";

/// What is done to one organisation. Some of it is refused by the database, and some of it by the compiler.
const ORDERS: &[&str] = &[
    "update telephony.organisation_settings set ring_timeout_seconds = 20 + {x} where org_id = {o}",
    "update telephony.organisation_settings set sip_domain = 'd{x}.test' where org_id = {o}",
    "update telephony.organisation_settings set is_default = not is_default where org_id = {o}",
    "update identity.organisations set status = case status when 'approved' then 'suspended' else 'approved' end where id = {o}",
    "update telephony.extensions set name = 'x{x}', is_active = {x} > 1 where id = {e}",
    "update telephony.numbers set number = '30{x}' where extension_id = {e}",
    "delete from telephony.extension_assigned_staffs where extension_id = {e}",
    "insert into telephony.extension_assigned_staffs (org_id, extension_id, user_id) values ({o}, {e}, {u})",
    "insert into telephony.extension_supervisors (org_id, extension_id, user_id) values ({o}, {e}, {u})",
    "delete from telephony.extension_supervisors where org_id = {o}",
    "update telephony.sip_accounts set is_active = not is_active where id = {u}",
    "update identity.users set name = 'Sari {x}' where id = {u}",
    "update identity.users set email = 'sari{x}@x.test' where id = {u}",
    "update identity.memberships set status = case status when 'active' then 'suspended' else 'active' end where id = {u}",
    "insert into identity.memberships (id, org_id, user_id, email, role, status)
       values (md5('other' || {n})::uuid, {o}, md5('u1{k}')::uuid, 'other@x.test', 'call_agent', 'active')",
    "insert into telephony.numbers (org_id, number, user_id) values ({o}, '400', md5('u1{k}')::uuid)",
    "insert into telephony.extension_rules (id, org_id, extension_id, timescope, condition, action, target_extension_id, position)
       values (gen_random_uuid(), {o}, {e}, 'any', 'always', 'forward_extension', md5('e{n}' || 1 + {x} % 2)::uuid,
         {x} + 1)",
    "update telephony.extension_rules set deleted_at = now() where org_id = {o}",
    "update telephony.extension_rules set deleted_at = now() where org_id = {o}",
    "insert into telephony.extension_operational_hours (org_id, extension_id, day_of_week, start_time, end_time)
       values ({o}, {e}, {x} + 1, '08:00', '17:00')",
    "delete from telephony.extension_operational_hours where org_id = {o}",
    "insert into telephony.holidays (id, org_id, on_date, name) values (gen_random_uuid(), {o}, '2026-12-2{x}', 'Libur')",
    "delete from telephony.holidays where org_id = {o}",
    "insert into telephony.queues (org_id, extension_id) values ({o}, {e})",
    "insert into telephony.queue_agents (org_id, queue_id, extension_id, user_id, position)
       select org_id, id, extension_id, {u}, 1 from telephony.queues where extension_id = {e}",
    "update telephony.queue_agents set weight = {x} + 1 where org_id = {o}",
    "delete from telephony.queues where org_id = {o}",
    "insert into telephony.menus (org_id, extension_id) values ({o}, {e})",
    "insert into telephony.menu_choices (org_id, menu_id, key, action, target_extension_id)
       select org_id, id, '{x}', 'forward_extension', {e} from telephony.menus where org_id = {o}",
    "delete from telephony.menus where org_id = {o}",
    "insert into telephony.conferences (org_id, extension_id, pin) values ({o}, {e}, '1234{x}')",
    "delete from telephony.conferences where org_id = {o}",
    "insert into telephony.page_groups (org_id, extension_id) values ({o}, {e})",
    "delete from telephony.page_groups where org_id = {o}",
    "insert into telephony.voicemail_boxes (org_id, user_id) values ({o}, {u})",
    "update telephony.voicemail_boxes set is_enabled = not is_enabled where org_id = {o}",
    "update telephony.trunks set sources = array['203.0.113.{x}/32'::cidr] where id = {t}",
    "update telephony.trunks set is_active = not is_active where id = {t}",
    "insert into telephony.did_numbers (id, org_id, number, extension_id) values (gen_random_uuid(), {o}, '+6221555000{x}', {e})",
    "delete from telephony.did_numbers where org_id = {o}",
    "insert into telephony.outbound_routes (id, org_id, position, name) values (gen_random_uuid(), {o}, {x} + 1, 'r{x}')",
    "insert into telephony.outbound_route_trunks (org_id, route_id, trunk_id, position)
       select org_id, id, {t}, 1 from telephony.outbound_routes where org_id = {o}",
    "delete from telephony.outbound_route_trunks where org_id = {o}",
    "insert into telephony.outbound_prices (id, org_id, prefix, rupiah_per_minute) values (gen_random_uuid(), {o}, '+62{x}', {x})",
    "delete from telephony.outbound_prices where org_id = {o}",
    "insert into telephony.outside_budgets (id, org_id, user_id) values (gen_random_uuid(), {o}, {u})",
    "delete from telephony.outside_budgets where org_id = {o}",
];

/// A number that looks random and is the same each time (splitmix64).
fn drawn(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % below
}

fn order(state: &mut u64) -> String {
    let order = ORDERS[drawn(state, ORDERS.len() as u64) as usize];
    let (n, k, x) = (1 + drawn(state, 4), 1 + drawn(state, 2), drawn(state, 4));
    let id = |kind: &str| format!("md5('{kind}{n}{k}')::uuid");
    let texts = [
        ("{o}", format!("md5('o{n}')::uuid")),
        ("{e}", id("e")),
        ("{u}", id("u")),
        ("{t}", id("t")),
        ("{n}", n.to_string()),
        ("{k}", k.to_string()),
        ("{x}", x.to_string()),
    ];
    texts.iter().fold(order.to_owned(), |order, (what, text)| order.replace(what, text))
}

/// What all rows come to.
async fn whole(c: &mut PgConnection) -> Result<Plan, Vec<Diagnostic>> {
    let organisations = configuration::load(c, None, Secrets::Read).await.unwrap();
    let revision = sqlx::query_scalar("select revision from telephony.revisions").fetch_one(c).await.unwrap();
    dialplan::compile(&Snapshot { revision, organisations })
}

/// One change, and whether the database and the compiler have taken it.
async fn change(
    admin: &PgPool,
    c: &mut PgConnection,
    state: &mut u64,
) -> (bool, Result<Plan, Vec<Diagnostic>>) {
    let before = revision(admin).await;
    let _ = sqlx::raw_sql(AssertSqlSafe(order(state))).execute(admin).await;
    (revision(admin).await > before, whole(c).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_follows_changes_runs_what_all_rows_come_to() {
    let database = database("plan_changes").await;
    execute(&database.admin, SEED).await;
    let mut switch = PgConnection::connect_with(&database.switch).await.unwrap();
    let watching = Watching::start(&database);
    let mut in_use = watching.revision(revision(&database.admin).await).await;
    let (mut state, mut taken, mut refused) = (1, 0, 0);
    for _ in 0..CHANGES {
        let refusals = watching.counters.refused.load(Ordering::Relaxed);
        match change(&database.admin, &mut switch, &mut state).await {
            (false, _) => continue,
            (true, Ok(whole)) => {
                in_use = watching.revision(whole.revision()).await;
                assert_eq!(*in_use, whole);
                taken += 1;
            }
            (true, Err(_)) => {
                let is_refused = async || watching.counters.refused.load(Ordering::Relaxed) > refusals;
                eventually("it is refused", is_refused).await;
                assert!(Arc::ptr_eq(watching.plans.lock().unwrap().last().unwrap(), &in_use));
                refused += 1;
            }
        }
    }
    assert!(taken > 60 && refused > 20, "{taken} taken, {refused} refused");
    eventually("applied is written", async || applied(&database.admin).await == Some(in_use.revision()))
        .await;
    assert_eq!(*read_kept(&watching.kept).unwrap(), *in_use, "so does what is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_organisations_that_have_not_changed_a_new_plan_shares_what_the_last_one_had() {
    let database = database("plan_shared").await;
    execute(&database.admin, SEED).await;
    let watching = Watching::start(&database);
    let before = watching.revision(revision(&database.admin).await).await;
    let changed = async |statement: &'static str| {
        execute(&database.admin, statement).await;
        let plan = watching.revision(revision(&database.admin).await).await;
        plan.changed_since(&before).filter_map(|one| one.id()).count()
    };
    assert_eq!(changed("update identity.users set name = 'Dina' where id = md5('u11')::uuid").await, 1);
    // Nobody says whose it is: all are read, and those that say what they said are those that they were.
    assert_eq!(
        changed("update telephony.revisions set revision = revision + 1; notify telephony_revision").await,
        1
    );
    assert_eq!(changed("update telephony.extensions set name = 'x' where name = 'e1'").await, 4);
}

/// A database that is an older state of itself, or another one, may count revisions as the one before did.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_remembers_another_switch_is_read_whole() {
    let database = database("plan_older").await;
    execute(&database.admin, SEED).await;
    let watching = Watching::start(&database);
    let good = watching.revision(revision(&database.admin).await).await.revision();
    eventually("applied is written", async || applied(&database.admin).await == Some(good)).await;
    execute(
        &database.admin,
        "begin; set local session_replication_role = replica; \
         update telephony.organisation_settings set ring_timeout_seconds = 99 where sip_domain = 'o1.test'; \
         update telephony.revisions set applied = applied - 1; \
         set local session_replication_role = origin; \
         update telephony.organisation_settings set ring_timeout_seconds = 99 where sip_domain = 'o2.test'; commit",
    )
    .await;
    let plan = watching.revision(revision(&database.admin).await).await;
    let mut switch = PgConnection::connect_with(&database.switch).await.unwrap();
    assert_eq!(*plan, whole(&mut switch).await.unwrap());
}
