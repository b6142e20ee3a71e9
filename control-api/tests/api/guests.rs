//! Guests (H-009, H-010, H-020, H-022, HX-17): they scan a QR code, enter, see whom they may call, get a pass for it, and leave.

use contract::{
    guests::{Secret, read},
    id::ExtensionId,
    time::Timestamp,
};
use sambung_api::{
    database::Scope,
    platform::events::{New, publish},
};
use serde_json::{Value, json};

use crate::{
    events::Follower,
    qr_codes::QR,
    scene::Scene,
    stage::{Answer, MIDNIGHT, Served, Stage, fields, uuid},
};

pub const SESSIONS: &str = "/api/guest/sessions";
pub const SESSION: &str = "/api/guest/session";
const CALLS: &str = "/api/guest/calls";
const EVENTS: &str = "/api/guest/events";

/// An organisation with an extension that is open and one that is closed, and its QR code.
pub struct Lobby {
    pub scene: Scene,
    pub owner: String,
    pub code: String,
    pub open: String,
    pub closed: String,
}

impl Lobby {
    pub async fn new() -> Self {
        Self::on(Stage::new().await).await
    }

    pub async fn on(stage: Stage) -> Self {
        let scene = Scene::on(stage).await;
        let open = scene.extension("100", &[scene.sari]).await;
        let closed = scene.extension("200", &[scene.budi]).await;
        let hours = format!("/api/telephony/extensions/{closed}/hours");
        let later = scene.put_over(&hours, &json!({ "windows": [far_from_now().0] })).await;
        assert_eq!(later.status, 200, "{}", later.body);
        let owner = scene.stage.key(scene.stage.a, &["organisation.read", "organisation.write"]).await;
        let code = generate(&scene.api, &owner).await;
        Self { scene, owner, code, open, closed }
    }

    pub async fn enter(&self, name: &str) -> Answer {
        self.scene.api.post(SESSIONS, "", &json!({ "code": self.code, "name": name })).await
    }

    /// The token of a new guest, and who that is.
    pub async fn guest(&self, name: &str) -> (String, uuid::Uuid) {
        let entered = self.enter(name).await;
        assert_eq!(entered.status, 201, "{}", entered.body);
        let entered = entered.json();
        let text = |field: &str| entered[field].as_str().unwrap().to_owned();
        (text("token"), text("guest").parse().unwrap())
    }
}

/// A window on a day that it is nowhere now.
pub fn far_from_now() -> (Value, Value) {
    let day = jiff::Timestamp::now().as_second() / 86_400 + 3;
    let hour =
        |hour: i64| format!("{:.6}", jiff::Timestamp::from_second(day * 86_400 + hour * 3_600).unwrap());
    // In Jakarta, seven hours ahead.
    let opens = json!({ "from": hour(1), "until": hour(10) });
    // 1970 began on a Thursday.
    let day = ["thu", "fri", "sat", "sun", "mon", "tue", "wed"][usize::try_from(day % 7).unwrap()];
    (json!({ "day": day, "start": "08:00", "end": "17:00" }), opens)
}

pub async fn generate(api: &Served, key: &str) -> String {
    let made = api.post(QR, key, &Value::Null).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()["code"].as_str().unwrap().to_owned()
}

/// A call of `guest` to somebody, as the switch writes it.
pub async fn call(stage: &Stage, guest: uuid::Uuid, callee: uuid::Uuid) -> uuid::Uuid {
    let call = stage.call(stage.a, "inbound", MIDNIGHT).await;
    for (no, role, kind, who) in [(1, "caller", "guest", guest), (2, "recipient", "user", callee)] {
        let row = sqlx::query(
            "insert into telephony.call_participants (org_id, call_id, no, role, kind, ref_id, created_at)
             values ($1, $2, $3, $4, $5, $6, now())",
        );
        let row = row.bind(stage.a.0).bind(call).bind(no).bind(role).bind(kind).bind(who);
        row.execute(&stage.admin).await.unwrap();
    }
    call
}

#[tokio::test]
async fn a_guest_scans_enters_sees_whom_to_call_and_leaves() {
    let lobby = Lobby::new().await;
    let api = &lobby.scene.api;
    let seen = api.get(&format!("/api/guest/organisations/{}", lobby.code), "").await;
    assert_eq!(seen.status, 200, "{}", seen.body);
    let seen = seen.json();
    assert_eq!((&seen["name"], &seen["language"]), (&json!("A"), &json!("id")));
    assert_eq!(
        seen["extensions"],
        json!([
            { "id": lobby.open, "number": "100", "name": "CS", "is_open": true, "opens": null },
            { "id": lobby.closed, "number": "200", "name": "CS", "is_open": false, "opens": far_from_now().1 },
        ])
    );
    assert_eq!(seen["timezone"], "Asia/Jakarta");
    let entered = lobby.enter("Siti").await.json();
    assert_eq!((&entered["name"], &entered["organisation"]), (&json!("Siti"), &seen));
    let token = entered["token"].as_str().unwrap();
    assert_eq!(api.get(SESSION, token).await.json()["guest"], entered["guest"]);
    let (_, other) = lobby.guest("Siti").await;
    assert_ne!(entered["guest"], json!(other), "two of one name are two");
    assert_eq!(api.delete(SESSION, token).await.status, 204);
    for answer in [api.get(SESSION, token).await, api.delete(SESSION, token).await] {
        answer.must_be_problem(401, "unauthorized");
    }
    for name in ["", "  ", "a\nb", &"x".repeat(101)] {
        assert_eq!(
            fields(&lobby.enter(name).await.must_be_problem(400, "bad-request")),
            ["name"],
            "{name:?}"
        );
    }
    // Staff have no way in by a guest's token.
    let (token, _) = lobby.guest("Siti").await;
    api.get("/api/telephony/extensions", &token).await.must_be_problem(401, "unauthorized");
    api.get(SESSION, &lobby.owner).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_guest_is_in_one_organisation_and_stays_when_its_qr_code_becomes_another() {
    let lobby = Lobby::new().await;
    let (api, stage) = (&lobby.scene.api, &lobby.scene.stage);
    let theirs = stage.key(stage.b, &["organisation.read", "organisation.write"]).await;
    let elsewhere = generate(api, &theirs).await;
    let (token, guest) = lobby.guest("Siti").await;
    let again = api.post(SESSIONS, &token, &json!({ "code": lobby.code, "name": "Siti" })).await;
    assert_eq!((again.status, &again.json()["guest"]), (200, &json!(guest)));
    assert_eq!(again.json()["token"], json!(token));
    let entry = json!({ "code": elsewhere, "name": "Siti" });
    let refused = api.post(SESSIONS, &token, &entry).await.must_be_problem(409, "conflict");
    assert_eq!(refused["detail"], "you are in another organisation: leave it first");

    let newer = generate(api, &lobby.owner).await;
    lobby.enter("Budi").await.must_be_problem(410, "gone");
    let old = format!("/api/guest/organisations/{}", lobby.code);
    api.get(&old, "").await.must_be_problem(410, "gone");
    assert_eq!(api.get(SESSION, &token).await.status, 200, "who is in stays");
    assert_eq!(api.get(&format!("/api/guest/organisations/{newer}"), "").await.status, 200);

    assert_eq!(api.delete(SESSION, &token).await.status, 204);
    let entered = api.post(SESSIONS, &token, &entry).await;
    assert_eq!((entered.status, &entered.json()["organisation"]["name"]), (201, &json!("B")));
    for code in ["", "nonsense", "aaaaaaaaaaaaaaaaaaaa", "../../../etc/passwd"] {
        let unknown = api.post(SESSIONS, "", &json!({ "code": code, "name": "Siti" })).await;
        unknown.must_be_problem(404, "not-found");
    }
}

#[tokio::test]
async fn an_organisation_that_is_not_approved_lets_nobody_in_and_whoever_is_in_waits() {
    let lobby = Lobby::new().await;
    let (api, stage) = (&lobby.scene.api, &lobby.scene.stage);
    let (token, _) = lobby.guest("Siti").await;
    stage.about(stage.a.0, "update identity.organisations set status = 'suspended' where id = $1").await;
    let path = format!("/api/guest/organisations/{}", lobby.code);
    for refused in [api.get(&path, "").await, lobby.enter("Budi").await, api.get(SESSION, &token).await] {
        let problem = refused.must_be_problem(403, "forbidden");
        assert_eq!(problem["detail"], "this organisation takes no calls at the moment");
    }
    stage.about(stage.a.0, "update identity.organisations set status = 'approved' where id = $1").await;
    assert_eq!(api.get(SESSION, &token).await.status, 200);
}

#[tokio::test]
async fn a_session_lasts_while_it_is_used() {
    let lobby = Lobby::new().await;
    let (api, stage) = (&lobby.scene.api, &lobby.scene.stage);
    let (token, guest) = lobby.guest("Siti").await;
    let nearly = "update identity.guest_sessions
                  set used_at = now() - interval '23 hours', expires_at = now() + interval '1 hour' where user_id = $1";
    stage.about(guest, nearly).await;
    let until: jiff::Timestamp =
        api.get(SESSION, &token).await.json()["expires_at"].as_str().unwrap().parse().unwrap();
    assert!(until.as_second() - jiff::Timestamp::now().as_second() > 23 * 3_600, "{until}");
    let over = "update identity.guest_sessions set expires_at = now() where user_id = $1";
    stage.about(guest, over).await;
    api.get(SESSION, &token).await.must_be_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_guest_gets_a_pass_for_one_call_to_what_is_open() {
    let lobby = Lobby::new().await;
    let (api, stage) = (&lobby.scene.api, &lobby.scene.stage);
    let (token, guest) = lobby.guest("Siti").await;
    let pass = api.post(CALLS, &token, &json!({ "extension": lobby.open })).await;
    assert_eq!(pass.status, 201, "{}", pass.body);
    let pass = pass.json();
    let text = |field: &str| pass[field].as_str().unwrap();
    assert_eq!(text("uri"), format!("sip:100@{}.test", stage.a.0));
    assert_eq!(text("realm"), format!("{}.test", stage.a.0));
    assert_eq!(pass["websocket_urls"], json!(["wss://pbx.example.test/sip"]));
    let now = Timestamp(jiff::Timestamp::now().as_microsecond());
    let said = read(text("username"), now).unwrap();
    assert_eq!((said.org, said.guest, said.name.as_str()), (stage.a, guest, "Siti"));
    assert_eq!(said.extensions, [ExtensionId(lobby.open.parse().unwrap())]);
    let until: jiff::Timestamp = text("expires_at").parse().unwrap();
    assert_eq!(said.expires_at.0, until.as_microsecond());
    let secret = Secret::of_digits(&"5a".repeat(32)).unwrap();
    assert_eq!(text("password"), secret.password(text("username")));

    let closed = api.post(CALLS, &token, &json!({ "extension": lobby.closed })).await;
    let closed = closed.must_be_problem(409, "conflict");
    assert_eq!(closed["code"], "EXTENSION_CLOSED");
    let unknown = api.post(CALLS, &token, &json!({ "extension": uuid() })).await;
    assert_eq!(fields(&unknown.must_be_problem(422, "unprocessable-entity")), ["extension"]);
    for _ in 0..2 {
        assert_eq!(api.post(CALLS, &token, &json!({ "extension": lobby.open })).await.status, 201);
    }
    let much = api.post(CALLS, &token, &json!({ "extension": lobby.open })).await;
    much.must_be_problem(429, "too-many-requests");
    assert!(much.headers.contains_key("retry-after"));
    // Another guest's share is their own.
    let (other, _) = lobby.guest("Siti").await;
    assert_eq!(api.post(CALLS, &other, &json!({ "extension": lobby.open })).await.status, 201);
}

#[tokio::test]
async fn what_strangers_may_try_has_an_end() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let mut refused = 0;
    for _ in 0..40 {
        let entry = json!({ "code": "aaaaaaaaaaaaaaaaaaaa", "name": "Siti" });
        refused += u32::from(api.post(SESSIONS, "", &entry).await.status == 429);
    }
    assert!(refused >= 9, "{refused}");
}

#[tokio::test]
async fn a_guest_follows_their_own_call_and_nobody_elses() {
    let lobby = Lobby::new().await;
    let (api, stage) = (&lobby.scene.api, &lobby.scene.stage);
    let ((token, guest), (_, other)) = (lobby.guest("Siti").await, lobby.guest("Budi").await);
    let mut follower = Follower::at(api, EVENTS, (&token, None)).await;
    let mine = uuid();
    let events = [
        ("call.opened", mine, vec![]),
        ("call.queued", mine, vec![guest, lobby.scene.sari]),
        ("call.queued", uuid(), vec![other]),
        ("call.participant", mine, vec![guest]),
        ("call.ended", mine, vec![guest]),
    ];
    let org = stage.a;
    let news: Vec<New> = events
        .into_iter()
        .map(|(kind, subject, audience)| New {
            kind: kind.to_owned(),
            subject,
            at: None,
            data: Some(json!({ "queue_count": 2, "participant": 1, "detail": { "number": "+62215550100" } })),
            audience,
        })
        .collect();
    let written = api
        .database
        .write(Scope::Organisation(org), move |c| Box::pin(async move { publish(c, org, &news).await }));
    written.await.unwrap();
    let (id, kind, data) = follower.next().await;
    assert_eq!((kind.as_str(), &data["subject_id"]), ("call.queued", &json!(mine)));
    assert_eq!(data["data"], json!({ "queue_count": 2 }), "nothing of whoever else is in it");
    let (_, kind, data) = follower.next().await;
    assert_eq!((kind.as_str(), &data["subject_id"]), ("call.ended", &json!(mine)));

    let mut again = Follower::at(api, EVENTS, (&token, Some(&id))).await;
    assert_eq!(again.next().await.1, "call.ended", "goes on where it was");
    assert_eq!(api.delete(SESSION, &token).await.status, 204);
    api.get(EVENTS, &token).await.must_be_problem(401, "unauthorized");
}
