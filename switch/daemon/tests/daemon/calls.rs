//! Whole calls through the program: phones on sockets, rows in Postgres, and everything that can go away in between.

use std::{
    net::{SocketAddr, TcpListener},
    time::{Duration, Instant},
};

use contract::{
    command::Command,
    id::{AccountId, UserId},
    journal::EventKind,
    language::Language,
    live::{LiveCall, LiveCallLegs},
    media::MediaView,
    outside::Outside,
    route::{RouteAnswer, RouteRefusal, Routed},
    snapshot::{Account, Organisation, Snapshot, Staff},
};
use sambung::postgres::Cluster;
use sip::digest::{Algorithm, ha1};
use uuid::Uuid;

use crate::{
    database::{Database, ORG, count, database, database_on, eventually},
    phone::{DOMAIN, PASSWORD, Phone},
    switch::{PATIENCE, Switch, accept},
};

const USERS: [&str; 2] = ["1001", "1002"];

/// The rows of two people with a number and an account each.
async fn seed(database: &Database) {
    sqlx::raw_sql(
        "insert into telephony.organisation_settings (org_id, sip_domain, is_default, ring_timeout_seconds) \
           values ('00000000-0000-0000-0000-00000000000a', 'demo.sambung.test', true, 20); \
         insert into identity.users (id, name) values \
           ('00000000-0000-0000-0000-000000001001', 'Sari'), ('00000000-0000-0000-0000-000000001002', 'Budi'); \
         insert into identity.memberships (id, org_id, user_id, email, role, status) \
           select gen_random_uuid(), '00000000-0000-0000-0000-00000000000a', id, id || '@x.test', 'call_agent', 'active' \
           from identity.users; \
         insert into telephony.numbers (org_id, number, user_id) \
           select '00000000-0000-0000-0000-00000000000a', right(id::text, 4), id from identity.users",
    )
    .execute(&database.admin)
    .await
    .unwrap();
    for user in USERS {
        sqlx::query(
            "insert into telephony.sip_accounts (id, org_id, user_id, username, ha1_md5, ha1_sha256) \
             select gen_random_uuid(), $1, id, $2, $3, $4 from identity.users where right(id::text, 4) = $2",
        )
        .bind(ORG.0)
        .bind(user)
        .bind(ha1(Algorithm::Md5, user, DOMAIN, PASSWORD))
        .bind(ha1(Algorithm::Sha256, user, DOMAIN, PASSWORD))
        .execute(&database.admin)
        .await
        .unwrap();
    }
}

/// The same rows, as the switch keeps them on disk.
fn kept_plan(outside: Outside) -> Snapshot {
    let person =
        |user: &str| UserId(Uuid::parse_str(&format!("00000000-0000-0000-0000-00000000{user}")).unwrap());
    let staff = |user: &&str| Staff {
        user: person(user),
        name: "Sari".into(),
        number: (*user).into(),
        is_active: true,
        mailbox: None,
    };
    let account = |user: &&str| Account {
        id: AccountId(person(user).0),
        user: Some(person(user)),
        username: (*user).into(),
        ha1_md5: ha1(Algorithm::Md5, user, DOMAIN, PASSWORD),
        ha1_sha256: ha1(Algorithm::Sha256, user, DOMAIN, PASSWORD),
        is_active: true,
    };
    let organisation = Organisation {
        id: ORG,
        sip_domain: DOMAIN.into(),
        is_default: true,
        ring_timeout_secs: 20,
        language: Language::Id,
        has_announcements: true,
        recording: contract::snapshot::RecordingPolicy::Never,
        has_recording_notice: false,
        has_recording_keys: false,
        timezone: contract::snapshot::default_timezone(),
        holidays: Vec::new(),
        outside,
        staff: USERS.iter().map(staff).collect(),
        extensions: Vec::new(),
        accounts: USERS.iter().map(account).collect(),
    };
    Snapshot { revision: 3, organisations: vec![organisation] }
}

/// A switch that starts with the rows on disk and without a database.
fn switch_without_database() -> Switch {
    switch_with(|_| {})
}

/// Such a switch, changed before it starts.
pub fn switch_with(change: impl FnOnce(&mut Switch)) -> Switch {
    let mut switch = Switch::new();
    change(&mut switch);
    std::fs::create_dir(switch.path("data")).unwrap();
    std::fs::write(
        switch.path("data/plan.json"),
        serde_json::to_vec(&kept_plan(switch.outside.clone())).unwrap(),
    )
    .unwrap();
    switch.start();
    switch.wait_until_ready();
    switch
}

/// A whole answered call with speech both ways.
fn call(caller: &mut Phone, callee: &mut Phone, number: &str) {
    let call_id = caller.invite(number);
    let called = callee.answer();
    let calling = caller.connected(call_id);
    caller.speak(&calling);
    callee.speak(&called);
    assert_eq!((callee.hear(), caller.hear()), (b'1', b'2'));
    caller.hang_up(&calling);
    callee.hung_up();
}

/// The events of all calls as Postgres has them, `seq event_type participant`.
async fn events(database: &Database) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', seq, event_type, participant_no) from telephony.call_events order by call_id, seq",
    )
    .fetch_all(&database.admin)
    .await
    .unwrap()
}

type NewPhone = fn(&'static str, SocketAddr) -> Phone;

async fn connected_switch(database: &Database) -> Switch {
    seed(database).await;
    let mut switch = Switch::new();
    switch.database_url = database.switch_url.clone();
    switch.start();
    switch.wait_until_ready();
    switch
}

fn registered(switch: &Switch, phones: [NewPhone; 2]) -> [Phone; 2] {
    let [caller, callee] = phones;
    let mut phones = [caller("1001", switch.sip), callee("1002", switch.sip)];
    phones.iter_mut().for_each(|phone| phone.register(600));
    phones
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_over_udp_and_tcp_stand_in_the_database() {
    let database = database("whole_calls").await;
    let switch = connected_switch(&database).await;
    let rounds: [[NewPhone; 2]; 3] =
        [[Phone::udp, Phone::udp], [Phone::tcp, Phone::tcp], [Phone::udp, Phone::tcp]];
    for kinds in rounds {
        let [mut caller, mut callee] = registered(&switch, kinds);
        call(&mut caller, &mut callee, "1002");
        caller.register(0);
        callee.register(0);
    }
    let wanted = ["1 created", "2 ringing", "3 answered 3", "4 ended"];
    eventually("all events arrive", async || events(&database).await == [wanted; 3].concat()).await;
    eventually("legs and quality arrive", async || {
        count(&database.admin, "call_legs").await == 6 && count(&database.admin, "quality_reports").await == 6
    })
    .await;
    let legs: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', l.no, l.participant_no, l.transport, l.sip_status, q.packets_received between 30 and 50, \
           q.packets_sent between 30 and 50, q.diagnosis, q.mos between 1 and 4.41) \
         from telephony.call_legs l join telephony.quality_reports q on q.call_id = l.call_id and q.leg_no = l.no \
         order by l.call_id, l.no",
    )
    .fetch_all(&database.admin)
    .await
    .unwrap();
    let leg = |no, participant, transport| format!("{no} {participant} {transport} 200 t t good t");
    let transports = [("udp", "udp"), ("tcp", "tcp"), ("udp", "tcp")];
    let wanted: Vec<String> = transports.iter().flat_map(|(a, b)| [leg(1, 2, *a), leg(2, 3, *b)]).collect();
    assert_eq!(legs, wanted);
    assert_eq!(switch.get("/v1/calls", Some(&switch.token())).1, "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_switch_leaves_every_call_with_all_its_rows_exactly_once() {
    let mut cluster = Cluster::throw_away().unwrap();
    let database = database_on(&cluster, "killed").await;
    let mut switch = connected_switch(&database).await;
    let [mut caller, mut callee] = registered(&switch, [Phone::udp, Phone::udp]);
    call(&mut caller, &mut callee, "1002");
    cluster.kill();
    call(&mut caller, &mut callee, "1002");
    let call_id = caller.invite("1002");
    callee.answer();
    caller.connected(call_id);
    eventually("all facts are on disk", async || {
        switch.metric("sambung_journal_written_total") == switch.metric("sambung_journal_recorded_total")
            && switch.metric("sambung_calls_total") == 3
    })
    .await;
    switch.kill();
    switch.start();
    switch.kill();
    cluster.start().unwrap();
    switch.start();
    let whole = ["1 created", "2 ringing", "3 answered 3", "4 ended"];
    let cut = ["1 created", "2 ringing", "3 answered 3", "4 failed", "5 ended"];
    let wanted = [whole.as_slice(), &whole, &cut].concat();
    let admin = sqlx::PgPool::connect(&cluster.url("killed")).await.unwrap();
    let database = Database { admin, ..database };
    eventually("all events arrive", async || events(&database).await.len() >= wanted.len()).await;
    assert_eq!(events(&database).await, wanted);
    assert_eq!(count(&database.admin, "call_participants").await, 9);
    assert_eq!(count(&database.admin, "call_legs").await, 4);
    let reason: String = sqlx::query_scalar(
        "select detail ->> 'reason' from telephony.call_events where event_type = 'failed'",
    )
    .fetch_one(&database.admin)
    .await
    .unwrap();
    assert_eq!(reason, "switch_stopped");
}

#[test]
fn phones_can_be_called_after_a_crash_without_registering_again() {
    let mut switch = switch_without_database();
    let [mut caller, mut callee] = registered(&switch, [Phone::udp, Phone::udp]);
    // The log is written in groups; a phone is answered before.
    switch.wait_for("sambung_bindings_written_total", 2);
    switch.kill();
    switch.start();
    switch.wait_until_ready();
    assert_eq!(switch.metric("sambung_registrations"), 2);
    call(&mut caller, &mut callee, "1002");
}

/// RFC 6157: the relay stands between the families, and each side is told addresses of its own only.
#[test]
fn phones_of_both_families_call_each_other() {
    let switch = switch_with(Switch::on_both_families);
    let (four, six) = (switch.sip, switch.sip6.unwrap());
    let kinds: [NewPhone; 2] = [Phone::udp, Phone::tcp];
    for [caller, callee] in [[six, six], [four, six], [six, four]] {
        for kind in kinds {
            let (mut sari, mut budi) = (kind("1001", caller), kind("1002", callee));
            sari.register(300);
            budi.register(300);
            call(&mut sari, &mut budi, "1002");
            let (invite, answer) = (budi.heard.pop().unwrap(), sari.heard.pop().unwrap());
            let foreign = |switch: SocketAddr| if switch.is_ipv4() { "::1" } else { "127.0.0.1" };
            assert!(!invite.contains(foreign(callee)), "{invite}");
            assert!(!answer.contains(foreign(caller)), "{answer}");
            sari.register(0);
            budi.register(0);
        }
    }
}

/// A phone on UDP and its door for streams at the same address, where nobody else happens to have a connection.
fn listening(user: &'static str, switch: SocketAddr) -> (Phone, TcpListener) {
    let free = || {
        let phone = Phone::udp(user, switch);
        let listener = TcpListener::bind(phone.address()).ok()?;
        Some((phone, listener))
    };
    (0..100).find_map(|_| free()).expect("an address that is free both ways")
}

/// RFC 3261 18.1.1, with an INVITE of 4 KB that comes as a datagram: it goes on over TCP to a phone that listens there,
/// and as a datagram to one that does not.
#[test]
fn a_large_invite_goes_over_tcp_to_a_phone_that_takes_it_and_as_a_datagram_to_one_that_does_not() {
    let switch = switch_without_database();
    let (mut caller, (mut callee, listener)) =
        (Phone::udp("1001", switch.sip), listening("1002", switch.sip));
    [&mut caller, &mut callee].into_iter().for_each(|phone| phone.register(600));
    caller.codecs_more = 32;
    let call_id = caller.invite("1002");
    let mut on_tcp = Phone::on("1002", switch.sip, accept(&listener));
    on_tcp.answer();
    let calling = caller.connected(call_id);
    caller.hang_up(&calling);
    on_tcp.hung_up();
    // Another phone, because this one is known to take streams.
    callee.register(0);
    drop((listener, on_tcp));
    let mut callee = Phone::udp("1002", switch.sip);
    callee.register(300);
    call(&mut caller, &mut callee, "1002");
    let invite = &callee.heard[0];
    assert!(invite.len() > 3_500 && invite.contains("\r\nVia: SIP/2.0/UDP "), "{invite}");
}

#[test]
fn a_stopping_switch_says_goodbye_to_both_sides() {
    let mut switch = switch_without_database();
    let [mut caller, mut callee] = registered(&switch, [Phone::udp, Phone::tcp]);
    let call_id = caller.invite("1002");
    callee.answer();
    caller.connected(call_id);
    let phones = std::thread::spawn(move || {
        caller.hung_up();
        callee.hung_up();
    });
    let (code, log) = switch.stop("-TERM");
    assert_eq!(code, Some(0), "{log}");
    phones.join().unwrap();
}

/// What the switch says of the media of the last call, once it says something of both legs.
fn media_of_last(switch: &Switch) -> Vec<MediaView> {
    let started = Instant::now();
    loop {
        let (status, body) = switch.get("/v1/calls/last/media", Some(&switch.token()));
        assert_eq!(status, 200, "{body}");
        let media: Vec<MediaView> = serde_json::from_str(&body).unwrap();
        if media.len() == 2 {
            return media;
        }
        assert!(started.elapsed() < PATIENCE, "{media:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_call_with_a_silent_phone_says_why_while_it_goes_on_and_afterwards() {
    let switch = switch_without_database();
    let [mut caller, mut callee] = registered(&switch, [Phone::udp, Phone::udp]);
    let call_id = caller.invite("1002");
    callee.answer();
    let calling = caller.connected(call_id);
    caller.speak(&calling);
    callee.hear();
    let heard_from = caller.media.local_addr().unwrap();
    let check = |when: &str| {
        let [talks, silent] = <[MediaView; 2]>::try_from(media_of_last(&switch)).unwrap();
        assert_eq!((talks.leg, talks.diagnosis.as_str()), (1, "good"), "{when}");
        assert_eq!((silent.leg, silent.diagnosis.as_str()), (2, "nothing_received"), "{when}");
        assert!(silent.explanation.contains("firewall") && silent.packets_sent > 0, "{silent:?}");
        assert_eq!((talks.source, silent.source), (Some(heard_from), None));
    };
    check("while it goes on");
    let (_, calls) = switch.get("/v1/calls?legs=true", Some(&switch.token()));
    let calls: Vec<LiveCallLegs> = serde_json::from_str(&calls).unwrap();
    assert_eq!(calls[0].media.len(), 2, "the list of calls has it too");
    caller.hang_up(&calling);
    callee.hung_up();
    check("afterwards");
}

#[test]
fn an_order_ends_a_call() {
    let switch = switch_without_database();
    let [mut caller, mut callee] = registered(&switch, [Phone::udp, Phone::udp]);
    let call_id = caller.invite("1002");
    callee.answer();
    caller.connected(call_id);
    let token = switch.token();
    let live: Vec<LiveCall> = serde_json::from_str(&switch.get("/v1/calls", Some(&token)).1).unwrap();
    assert_eq!((live.len(), live[0].dialled.as_str(), live[0].state), (1, "1002", EventKind::Answered));
    let order = serde_json::to_string(&Command::HangUp { call: live[0].call }).unwrap();
    assert_eq!(
        switch.http("POST", "/v1/commands", Some(&token), &order),
        (200, r#"{"outcome":"done"}"#.into())
    );
    caller.hung_up();
    callee.hung_up();
    assert_eq!(switch.get("/v1/calls", Some(&token)).1, "[]");
}

/// The plan in use answers, whatever is away meanwhile, and before anybody calls.
#[test]
fn the_door_says_what_a_call_would_come_to_by_the_plan_in_use() {
    let switch = switch_without_database();
    let ask = |query: &str| switch.get(&format!("/v1/route?{query}"), Some(&switch.token()));
    let (status, answer) = ask("from=1001&to=1002&at=2026-12-25T19:00");
    let answer: RouteAnswer = serde_json::from_str(&answer).unwrap();
    let kept = kept_plan(Outside::default());
    assert_eq!(
        (status, answer.revision, answer.local.as_str()),
        (200, kept.revision, "Fri 2026-12-25 19:00 Asia/Jakarta")
    );
    assert!(matches!(&answer.route, Routed::Ring { number, .. } if number == "1002"), "{answer:?}");
    let (_, named) = ask(&format!("org={ORG}&from=1001&to=1002&at=2026-12-25T12:00Z"));
    assert_eq!(serde_json::from_str::<RouteAnswer>(&named).unwrap(), answer);
    for (query, fields) in [
        ("from=nobody&to=1002&at=soon", vec!["from", "at"]),
        ("from=1001&to=1002&org=00000000-0000-0000-0000-00000000000f", vec!["org"]),
    ] {
        let (status, refusal) = ask(query);
        let refusal: RouteRefusal = serde_json::from_str(&refusal).unwrap();
        let told: Vec<&str> = refusal.errors.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!((status, told), (400, fields), "{refusal:?}");
        assert!(refusal.errors.iter().all(|wrong| refusal.problem.contains(&wrong.reason)), "{refusal:?}");
    }
    assert_eq!(switch.get("/v1/route?from=1001&to=1002", None).0, 401);
}
