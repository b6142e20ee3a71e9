//! What the database itself refuses (DESIGN D9), whatever a program believes.

use contract::journal::EventKind;
use migrations::Role;
use sambung_api::database::{Database, Fault, Options};
use sqlx::{AssertSqlSafe, PgPool, Row as _};

use crate::stage::{MIDNIGHT, Stage, uuid};

/// Runs statements in one transaction, in A's scope if asked, and gives the SQLSTATE of the refusal.
async fn refusal(pool: &PgPool, scope: Option<contract::id::OrgId>, statement: &str) -> Option<String> {
    let mut transaction = pool.begin().await.unwrap();
    if let Some(org) = scope {
        let query = sqlx::query("select set_config('app.org', $1, true)").bind(org.0.to_string());
        query.execute(&mut *transaction).await.unwrap();
    }
    let result = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *transaction).await;
    result.err().map(|error| error.into_database_error().unwrap().code().unwrap().into_owned())
}

const INSUFFICIENT_PRIVILEGE: Option<&str> = Some("42501");

async fn check(pool: &PgPool, scope: Option<contract::id::OrgId>, statement: &str, expected: Option<&str>) {
    assert_eq!(refusal(pool, scope, statement).await.as_deref(), expected, "{statement}");
}

async fn count(pool: &PgPool, scope: Option<contract::id::OrgId>, table: &str) -> i64 {
    let mut transaction = pool.begin().await.unwrap();
    if let Some(org) = scope {
        let query = sqlx::query("select set_config('app.org', $1, true)").bind(org.0.to_string());
        query.execute(&mut *transaction).await.unwrap();
    }
    let query = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from {table}")));
    query.fetch_one(&mut *transaction).await.unwrap()
}

/// Rows of both organisations in every tenant table.
async fn fill(stage: &Stage) {
    for org in [stage.a, stage.b] {
        let (call, user, extension) = (stage.call(org, "internal", MIDNIGHT).await, uuid(), uuid());
        stage.key(org, &["calls.read"]).await;
        let o = org.0;
        // One organisation's alone.
        let did = if org == stage.a { "+62215550100" } else { "+62215550200" };
        let statements = format!(
            "insert into identity.users (id, name) values ('{user}', 'Sari');
             insert into identity.memberships (id, org_id, user_id, email, role, status)
                 values ('{user}', '{o}', '{user}', 'sari@{o}', 'call_agent', 'active');
             insert into telephony.organisation_settings (org_id, sip_domain) values ('{o}', '{o}.test');
             insert into telephony.extensions (id, org_id, name) values ('{extension}', '{o}', 'Support');
             insert into telephony.extension_assigned_staffs values ('{o}', '{extension}', '{user}');
             insert into telephony.extension_supervisors values ('{o}', '{extension}', '{user}');
             insert into telephony.numbers (org_id, number, user_id) values ('{o}', '1001', '{user}');
             insert into telephony.extension_operational_hours (org_id, extension_id, day_of_week, start_time, end_time)
                 values ('{o}', '{extension}', 1, '08:00', '17:00');
             insert into telephony.holidays (org_id, on_date, name) values ('{o}', '2026-12-25', 'Natal');
             insert into telephony.extension_rules
                 (id, org_id, extension_id, timescope, condition, action, target_user_id, position)
                 values ('{user}', '{o}', '{extension}', 'any', 'busy', 'forward_staff', '{user}', 1);
             insert into telephony.menus (id, org_id, extension_id) values ('{user}', '{o}', '{extension}');
             insert into telephony.menu_choices (org_id, menu_id, key, action) values ('{o}', '{user}', '1', 'ring');
             insert into telephony.conferences (id, org_id, extension_id, pin) values ('{user}', '{o}', '{extension}', '4711');
             insert into telephony.page_groups (id, org_id, extension_id) values ('{user}', '{o}', '{extension}');
             insert into telephony.trunks (id, org_id, name, sources) values ('{user}', '{o}', 'x', '{{192.0.2.1}}');
             insert into telephony.outbound_routes (id, org_id, position, name) values ('{user}', '{o}', 1, 'x');
             insert into telephony.outbound_route_trunks (org_id, route_id, trunk_id, position)
                 values ('{o}', '{user}', '{user}', 1);
             insert into telephony.outbound_prices (id, org_id, prefix, rupiah_per_minute) values ('{user}', '{o}', '+62', 500);
             insert into telephony.outside_budgets (id, org_id) values ('{user}', '{o}');
             insert into telephony.did_numbers (id, org_id, number, user_id)
                 values ('{user}', '{o}', '{did}', '{user}');
             insert into telephony.queues (id, org_id, extension_id) values ('{user}', '{o}', '{extension}');
             insert into telephony.queue_agents values ('{o}', '{user}', '{extension}', '{user}', 1);
             insert into telephony.voicemail_boxes (org_id, user_id) values ('{o}', '{user}');
             insert into telephony.sip_accounts (id, org_id, username, ha1_md5, ha1_sha256)
                 values ('{user}', '{o}', '1001', repeat('0', 32), repeat('0', 64));
             insert into telephony.devices (id, org_id, label, vendor, mac, codecs)
                 values ('{user}', '{o}', 'x', 'snom', '000413aabbcc', '{{pcma}}');
             insert into telephony.device_lines values ('{o}', '{user}', 1, '{user}');
             insert into telephony.availability (org_id, user_id, setting, value, changed_at)
                 values ('{o}', '{user}', 'do_not_disturb', 'on', now());
             insert into telephony.call_participants (org_id, call_id, no, role, kind, ref_id, created_at)
                 values ('{o}', '{call}', 1, 'caller', 'user', '{user}', now());
             insert into telephony.call_events (org_id, call_id, seq, event_type, created_at)
                 values ('{o}', '{call}', 1, 'created', now());
             insert into telephony.call_legs (org_id, call_id, no, transport, created_at, ended_at)
                 values ('{o}', '{call}', 1, 'udp', now(), now());
             insert into telephony.quality_reports values ('{o}', '{call}', 1, 0, 0, 0, 0, 0, 0, 0, 0, now());
             insert into telephony.divisions (id, org_id, name) values ('{user}', '{o}', 'x');
             insert into telephony.division_members values ('{o}', '{user}', '{user}');
             insert into telephony.division_extensions values ('{o}', '{user}', '{extension}');
             insert into telephony.call_feedback (id, org_id, call_id, kind, ref_id, score) values ('{call}', '{o}', '{call}', 'user', '{user}', 5);
             insert into telephony.recording_steps values ('{o}', '{call}', '{call}', 1, 'started', 'policy', now());
             insert into telephony.supervision_steps
                 values ('{o}', '{call}', 1, '{user}', '{user}', '{call}', 'listen', 'dialled', now());
             insert into telephony.recordings
                 values ('{call}', '{o}', '{call}', now(), 'wav', 20, '{call}', 1, repeat('0', 64), 0, now());
             insert into telephony.recording_links (hash, org_id, recording_id, actor_kind, actor_id, expires_at) values (sha256(''), '{o}', '{call}', 'api_key', '{user}', now());
             insert into telephony.voicemail_messages (id, org_id, call_id, user_id, left_at, length_ms)
                 values ('{call}', '{o}', '{call}', '{user}', now(), 20);
             insert into telephony.voicemail_mails (id, org_id) values ('{call}', '{o}');"
        );
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&stage.admin).await.unwrap();
        fill_identity(stage, o, user).await;
        fill_platform(stage, o, user).await;
    }
}

/// The same of people, programs and guests.
async fn fill_identity(stage: &Stage, o: uuid::Uuid, user: uuid::Uuid) {
    let statements = format!(
        "insert into identity.auth_methods (provider, provider_user_id, user_id, password_hash)
                 values ('password', '{user}@{o}', '{user}', '$argon2id$');
             insert into identity.letters (id, kind, address, user_id, expires_at) values ('{user}', 'reset', '{user}@{o}', '{user}', now());
             insert into identity.organisation_qr_codes (id, org_id, code) values ('{user}', '{o}', substr(translate(md5('{o}'), '01', 'xy'), 1, 20));
             insert into identity.guest_sessions (id, org_id, user_id, expires_at) values ('{user}', '{o}', '{user}', now());
             insert into identity.organisation_notes (id, org_id, text, written_by) values ('{user}', '{o}', 'x', '{user}');
             insert into identity.sign_ins (id, user_id, org_id, expires_at) values ('{user}', '{user}', '{o}', now());
             insert into identity.second_factors (user_id, locked, key_name) values ('{user}', '', '1');
             insert into identity.person_events (id, user_id, action, actor_id) values ('{user}', '{user}', 'x', '{user}');
             insert into identity.api_key_uses (org_id, key_id) select org_id, id from identity.api_keys where org_id = '{o}';"
    );
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&stage.admin).await.unwrap();
}

/// The same in what every context leans on, and sounds.
async fn fill_platform(stage: &Stage, o: uuid::Uuid, user: uuid::Uuid) {
    let statements = format!(
        "insert into telephony.sounds (id, org_id, name, media_type, file, length_ms)
                 values ('{user}', '{o}', 'id/goodbye', 'audio/wav', 'x', 1);
             insert into platform.audit_events (org_id, actor_kind, actor_id, action, subject_id)
                 values ('{o}', 'api_key', '{user}', 'extension.created', '{user}');
             insert into platform.idempotency_keys (org_id, actor_id, key, request_hash, answer)
                 values ('{o}', '{user}', 'x', sha256(''), '');
             insert into platform.event_heads values ('{o}', 1);
             insert into platform.events (org_id, seq, kind, subject_id, occurred_at)
                 values ('{o}', 1, 'test.done', '{user}', now());
             insert into platform.jobs (org_id, kind, key) values ('{o}', 'test.work', 'x');
             insert into platform.webhooks (id, org_id, url, description, kinds, is_active, secret)
                 values ('{user}', '{o}', 'https://x.test', '', '{{call.*}}', true, sha256(''));"
    );
    sqlx::raw_sql(AssertSqlSafe(statements)).execute(&stage.admin).await.unwrap();
}

const READABLE: &[&str] = &[
    "identity.organisations",
    "identity.users",
    "identity.memberships",
    "identity.api_keys",
    "identity.api_key_uses",
    "identity.organisation_qr_codes",
    "identity.guest_sessions",
    "telephony.organisation_settings",
    "telephony.extensions",
    "telephony.extension_assigned_staffs",
    "telephony.extension_supervisors",
    "telephony.numbers",
    "telephony.extension_operational_hours",
    "telephony.holidays",
    "telephony.extension_rules",
    "telephony.menus",
    "telephony.menu_choices",
    "(select id from telephony.conferences) s",
    "telephony.page_groups",
    "(select id from telephony.trunks) s",
    "telephony.did_numbers",
    "telephony.outbound_routes",
    "telephony.outbound_route_lists",
    "telephony.outbound_route_trunks",
    "telephony.outbound_prices",
    "telephony.outside_budgets",
    "telephony.queues",
    "telephony.queue_agents",
    "telephony.voicemail_boxes",
    "telephony.availability",
    "(select id from telephony.sip_accounts) s",
    "telephony.sounds",
    "telephony.devices",
    "telephony.device_lines",
    "telephony.calls",
    "telephony.call_participants",
    "telephony.call_events",
    "telephony.call_legs",
    "telephony.quality_reports",
    "telephony.call_feedback",
    "telephony.divisions",
    "telephony.division_members",
    "telephony.division_extensions",
    "telephony.recording_steps",
    "telephony.supervision_steps",
    "telephony.recordings",
    "telephony.recording_links",
    "telephony.voicemail_messages",
    "telephony.voicemail_mails",
    "platform.audit_events",
    "platform.idempotency_keys",
    "platform.event_heads",
    "platform.events",
    "platform.jobs",
    "platform.webhooks",
];

#[tokio::test]
async fn the_api_role_sees_nothing_without_a_scope_and_one_organisation_with_it() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let api = stage.pool(Role::Api).await;
    for table in READABLE {
        assert_eq!(count(&stage.admin, None, table).await, 2, "{table}: the test itself");
        assert_eq!(count(&api, None, table).await, 0, "{table} without a scope");
        assert_eq!(count(&api, Some(stage.a), table).await, 1, "{table} in A's scope");
        // A connection that had a scope before is as blind as a fresh one.
        assert_eq!(count(&api, None, table).await, 0, "{table} after a scope");
        assert_eq!(
            count(&api, Some(contract::id::OrgId(uuid())), table).await,
            0,
            "{table} in nobody's scope"
        );
    }
}

#[tokio::test]
async fn rows_of_or_pointing_to_another_organisation_are_refused() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let api = stage.pool(Role::Api).await;
    let (a, b, id) = (stage.a.0, stage.b.0, uuid());
    let theirs: uuid::Uuid = sqlx::query_scalar("select id from telephony.extensions where org_id = $1")
        .bind(b)
        .fetch_one(&stage.admin)
        .await
        .unwrap();
    let scope = Some(stage.a);
    check(
        &api,
        scope,
        &format!("insert into telephony.extensions (id, org_id, name) values ('{id}', '{a}', 'x')"),
        None,
    )
    .await;
    check(
        &api,
        scope,
        &format!("insert into telephony.extensions (id, org_id, name) values ('{id}', '{b}', 'x')"),
        INSUFFICIENT_PRIVILEGE,
    )
    .await;
    check(&api, scope, &format!("update telephony.extensions set org_id = '{b}'"), INSUFFICIENT_PRIVILEGE)
        .await;
    // The composite key: B's extension does not exist for a row of A.
    let pointing = format!(
        "insert into telephony.numbers (org_id, number, extension_id) values ('{a}', '200', '{theirs}')"
    );
    check(&api, scope, &pointing, Some("23503")).await;
    // An extension cannot take a person's number.
    let taken = format!(
        "insert into telephony.extensions (id, org_id, name) values ('{id}', '{a}', 'x');
         insert into telephony.numbers (org_id, number, extension_id) values ('{a}', '1001', '{id}')"
    );
    check(&api, scope, &taken, Some("23505")).await;
}

/// Rows of people are no organisation's: only the scope of the one who has proven to be it shows them, and what somebody says they
/// are called shows what that has to be proven by.
#[tokio::test]
async fn a_persons_rows_are_seen_in_that_persons_scope_alone() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let api = stage.pool(Role::Api).await;
    let user: uuid::Uuid = sqlx::query_scalar("select user_id from identity.memberships where org_id = $1")
        .bind(stage.a.0)
        .fetch_one(&stage.admin)
        .await
        .unwrap();
    let login = format!("{user}@{}", stage.a.0);
    let seen = async |setting: &str, value: &str, table: &str| -> i64 {
        let mut transaction = api.begin().await.unwrap();
        let query = sqlx::query("select set_config($1, $2, true)").bind(setting).bind(value);
        query.execute(&mut *transaction).await.unwrap();
        let query = sqlx::query_scalar(AssertSqlSafe(format!("select count(*) from identity.{table}")));
        query.fetch_one(&mut *transaction).await.unwrap()
    };
    let (id, org) = (user.to_string(), stage.a.0.to_string());
    for (table, person, sign_in, login_only) in [
        ("users", 1, 0, 0),
        ("memberships", 1, 0, 0),
        ("organisations", 1, 0, 0),
        ("sign_ins", 1, 1, 0),
        ("auth_methods", 1, 0, 1),
        ("second_factors", 1, 0, 0),
        ("person_events", 1, 0, 0),
        ("letters", 1, 0, 1),
    ] {
        assert_eq!(
            count(&stage.admin, None, &format!("identity.{table}")).await,
            2,
            "{table}: the test itself"
        );
        assert_eq!(seen("app.person", &id, table).await, person, "{table} in the person's scope");
        assert_eq!(seen("app.person", &uuid().to_string(), table).await, 0, "{table} in another one's");
        assert_eq!(seen("app.sign_in", &id, table).await, sign_in, "{table} for a sign-in");
        assert_eq!(seen("app.login", &login, table).await, login_only, "{table} for a login");
        assert_eq!(seen("app.login", "", table).await, 0, "{table} for no login");
    }
    assert_eq!(
        count(&api, None, "(select identity.letters_due(10)) s").await,
        2,
        "the job learns which are due"
    );
    for role in [Role::Switch, Role::Platform] {
        let pool = stage.pool(role).await;
        check(&pool, None, "select identity.letters_due(10)", INSUFFICIENT_PRIVILEGE).await;
    }
    assert_eq!(seen("app.letter", &id, "letters").await, 1);
    assert_eq!(seen("app.letter", &uuid().to_string(), "letters").await, 0);
    for table in ["sign_ins", "auth_methods", "second_factors", "person_events", "letters"] {
        assert_eq!(seen("app.org", &org, table).await, 0, "{table} is no business of an organisation");
    }
}

/// Else no plan could be made of all the rows, of anybody's.
#[tokio::test]
async fn whoever_a_rule_or_a_number_outside_leads_to_keeps_a_number() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let api = stage.pool(Role::Api).await;
    let immediate = "set constraints all immediate";
    let delete = "delete from telephony.numbers";
    for holds in
        ["", "delete from telephony.did_numbers;", "update telephony.extension_rules set deleted_at = now();"]
    {
        check(&api, Some(stage.a), &format!("{holds} {delete}; {immediate}"), Some("23503")).await;
    }
    let free = "delete from telephony.did_numbers; update telephony.extension_rules set deleted_at = now();";
    check(&api, Some(stage.a), &format!("{free} {delete}; {immediate}"), None).await;
    // It may change within a transaction.
    let another = format!(
        "with gone as (delete from telephony.numbers returning org_id, user_id)
         insert into telephony.numbers (org_id, number, user_id) select org_id, '1002', user_id from gone; {immediate}"
    );
    check(&api, Some(stage.a), &another, None).await;
}

#[tokio::test]
async fn the_switch_only_reads_configuration_and_only_adds_calls() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let switch = stage.pool(Role::Switch).await;
    let (org, call) = (stage.a.0, uuid());
    let insert = format!(
        "insert into telephony.calls values ('{call}', '{org}', 'abcdefghij', 'internal', '100', now())
         on conflict (id) do nothing"
    );
    check(&switch, None, &insert, None).await;
    check(&switch, None, "select ha1_md5, ha1_sha256 from telephony.sip_accounts", None).await;
    check(&switch, None, "update telephony.revisions set applied = 1, applied_at = now()", None).await;
    let refused = [
        "update telephony.calls set dialled = ''",
        "delete from telephony.calls",
        "delete from telephony.call_events",
        "update telephony.call_events set event_type = 'ended'",
        "update telephony.call_legs set sip_status = 200",
        "update telephony.supervision_steps set org_id = org_id",
        "delete from telephony.supervision_steps",
        "update telephony.recording_steps set org_id = org_id",
        "delete from telephony.recording_steps",
        "update telephony.voicemail_mails set due_at = now()",
        "delete from telephony.voicemail_mails",
        "truncate telephony.calls cascade",
        "truncate telephony.quality_reports",
        "update telephony.extensions set name = ''",
        "insert into telephony.numbers (org_id, number) values (null, null)",
        "update telephony.revisions set revision = 9",
        "update telephony.organisation_revisions set revision = 9",
        "select telephony.raise_revision('{}')",
        "select email from identity.users",
        "select * from identity.memberships",
        "select * from identity.auth_methods",
        "select * from identity.api_keys",
        "delete from telephony.sounds",
        "create table telephony.mine ()",
        "set role sambung_owner",
    ];
    for statement in refused {
        check(&switch, None, statement, INSUFFICIENT_PRIVILEGE).await;
    }
}

#[tokio::test]
async fn the_api_role_adds_no_calls_reads_no_digests_and_no_passwords() {
    let stage = Stage::new().await;
    let api = stage.pool(Role::Api).await;
    let refused = [
        "insert into telephony.calls (id) values (null)",
        "update telephony.calls set dialled = ''",
        "delete from telephony.call_events",
        "truncate telephony.extensions cascade",
        "select ha1_md5 from telephony.sip_accounts",
        "select auth_password from telephony.trunks",
        "select pin from telephony.conferences",
        "update identity.organisations set status = 'approved'",
        "update telephony.revisions set revision = 9",
        "select * from telephony.organisation_revisions",
        "select telephony.raise_revision('{}')",
        "update platform.audit_events set action = 'x.y'",
        "delete from platform.audit_events",
        "insert into platform.audit_events (seq) values (1)",
        "insert into platform.audit_events (hash) values (sha256(''))",
        "update platform.idempotency_keys set answer = ''",
        "update platform.jobs set payload = '{}'",
        "update platform.jobs set org_id = null",
        "update platform.events set data = '{}'",
        "delete from platform.event_heads",
        "set role sambung_platform",
    ];
    for statement in refused {
        check(&api, Some(stage.a), statement, INSUFFICIENT_PRIVILEGE).await;
    }
    let platform = stage.pool(Role::Platform).await;
    for statement in ["select * from telephony.calls", "select * from telephony.sip_accounts"] {
        check(&platform, None, statement, INSUFFICIENT_PRIVILEGE).await;
    }
}

/// What jobs learn beyond the scope they work in: ids of organisations, and only by this function.
#[tokio::test]
async fn the_api_role_learns_for_whom_jobs_are_due_and_nothing_else_of_them() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let api = stage.pool(Role::Api).await;
    let due = "(select platform.organisations_with_jobs_due('{test.work}', 10)) s";
    assert_eq!(count(&api, None, due).await, 2);
    assert_eq!(count(&api, None, &due.replace("test", "other")).await, 0);
    for role in [Role::Switch, Role::Platform] {
        let pool = stage.pool(role).await;
        for statement in
            ["select * from platform.jobs", "select platform.organisations_with_jobs_due('{x}', 1)"]
        {
            check(&pool, Some(stage.a), statement, INSUFFICIENT_PRIVILEGE).await;
        }
    }
}

/// What the job learns beyond the scope it works in: ids of organisations, and only by this function.
#[tokio::test]
async fn the_api_role_learns_for_whom_mails_are_due_and_nothing_else_of_them() {
    let stage = Stage::new().await;
    fill(&stage).await;
    let api = stage.pool(Role::Api).await;
    let due = "(select telephony.organisations_with_mails_due(10)) s";
    assert_eq!(count(&api, None, due).await, 2);
    let mut transaction = api.begin().await.unwrap();
    let scope = sqlx::query("select set_config('app.org', $1, true)").bind(stage.a.0.to_string());
    scope.execute(&mut *transaction).await.unwrap();
    let late = "update telephony.voicemail_mails set due_at = now() + interval '1 hour'";
    assert_eq!(sqlx::raw_sql(late).execute(&mut *transaction).await.unwrap().rows_affected(), 1);
    transaction.commit().await.unwrap();
    assert_eq!(count(&api, None, due).await, 1, "B's is not A's to put off");
    for (role, statement) in [
        (Role::Api, "insert into telephony.voicemail_mails (id, org_id) values (null, null)"),
        (Role::Api, "update telephony.voicemail_mails set org_id = null"),
        (Role::Api, "delete from telephony.voicemail_mails"),
        (Role::Switch, "update telephony.voicemail_mails set sent_at = now()"),
        (Role::Switch, "select telephony.organisations_with_mails_due(10)"),
        (Role::Platform, "select * from telephony.voicemail_mails"),
    ] {
        check(&stage.pool(role).await, Some(stage.a), statement, INSUFFICIENT_PRIVILEGE).await;
    }
}

#[tokio::test]
async fn every_change_of_configuration_moves_the_revision_and_is_announced() {
    let stage = Stage::new().await;
    let mut listener = sqlx::postgres::PgListener::connect(&stage.url(Role::Switch)).await.unwrap();
    listener.listen("telephony_revision").await.unwrap();
    let revision = || async {
        let query = sqlx::query_scalar::<_, i64>("select revision from telephony.revisions");
        query.fetch_one(&stage.admin).await.unwrap()
    };
    let mut before = revision().await;
    fill(&stage).await;
    let changes = [
        "update identity.organisations set status = 'suspended'",
        "update identity.users set name = 'Budi'",
        "update identity.memberships set status = 'suspended'",
        "update telephony.organisation_settings set ring_timeout_seconds = 20",
        "update telephony.extensions set is_active = false",
        "delete from telephony.queue_agents",
        "delete from telephony.extension_assigned_staffs",
        "delete from telephony.extension_supervisors",
        "delete from telephony.did_numbers",
        "update telephony.extension_rules set deleted_at = now()",
        "delete from telephony.numbers",
        "update telephony.sip_accounts set is_active = false",
        "update telephony.trunks set is_active = false",
        "update telephony.queues set capacity = 1",
        "update telephony.voicemail_boxes set is_enabled = false",
        "delete from telephony.sounds",
    ];
    for statement in changes {
        sqlx::raw_sql(statement).execute(&stage.admin).await.unwrap();
        let after = revision().await;
        assert!(after > before, "{statement}");
        assert_eq!(listener.recv().await.unwrap().payload(), "");
        before = after;
    }
    let plain = "update identity.users set email_verified_at = now(); update identity.organisations set name = 'C'; \
       update telephony.extensions set name = 'Nobody' where false";
    sqlx::raw_sql(plain).execute(&stage.admin).await.unwrap();
    assert_eq!(revision().await, before);
}

#[tokio::test]
async fn the_31_words_of_the_database_are_those_of_the_contract() {
    let stage = Stage::new().await;
    let row = sqlx::query(
        "select pg_get_constraintdef(oid) from pg_constraint where conname = 'call_events_event_type_check'",
    );
    let definition: String = row.fetch_one(&stage.admin).await.unwrap().get(0);
    let words: Vec<&str> = definition.split('\'').skip(1).step_by(2).collect();
    assert_eq!(words, EventKind::ALL.map(EventKind::as_str));
}

async fn faults(url: &str) -> Vec<Fault> {
    let second = std::time::Duration::from_secs(5);
    let options = Options {
        url: url.to_owned(),
        connections_max: 1,
        acquire_timeout: second,
        statement_timeout: second,
    };
    let database = Database::new(&options).unwrap();
    let faults = database.faults().await.unwrap();
    database.close().await;
    faults
}

#[tokio::test]
async fn every_hole_in_the_wall_is_found_before_serving() {
    let stage = Stage::new().await;
    let api = stage.url(Role::Api);
    assert_eq!(faults(&api).await, []);
    let holes = [
        (
            "alter table telephony.calls no force row level security",
            "alter table telephony.calls force row level security",
            Fault::NotForced("telephony.calls".to_owned()),
        ),
        (
            "alter table telephony.numbers disable row level security",
            "alter table telephony.numbers enable row level security",
            Fault::NotForced("telephony.numbers".to_owned()),
        ),
        (
            "create table telephony.forgotten (); alter table telephony.forgotten enable row level security;
             alter table telephony.forgotten force row level security",
            "drop table telephony.forgotten",
            Fault::NoPolicy("telephony.forgotten".to_owned()),
        ),
        (
            "create view telephony.everything as select * from telephony.calls",
            "drop view telephony.everything",
            Fault::OwnerView("telephony.everything".to_owned()),
        ),
        (
            "grant truncate on telephony.calls to sambung_api",
            "revoke truncate on telephony.calls from sambung_api",
            Fault::UncoveredRight("telephony.calls".to_owned()),
        ),
    ];
    for (open, close, fault) in holes {
        sqlx::raw_sql(open).execute(&stage.admin).await.unwrap();
        assert_eq!(faults(&api).await, [fault], "{open}");
        sqlx::raw_sql(close).execute(&stage.admin).await.unwrap();
    }
    let invoker =
        "create view telephony.fine with (security_invoker = true) as select id from telephony.calls";
    sqlx::raw_sql(invoker).execute(&stage.admin).await.unwrap();
    assert_eq!(faults(&api).await, []);
    let mighty = faults(&stage.cluster.url(&stage.name)).await;
    assert!(mighty.contains(&Fault::TooMighty("itself is superuser".to_owned())), "{mighty:?}");
    let empty = stage.cluster.create_database(&format!("{}_empty", stage.name)).await.unwrap();
    assert!(faults(&empty).await.contains(&Fault::NotMigrated));
}
