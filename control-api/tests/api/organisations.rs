//! Organisations (H-012, H-013, H-017 … H-019, H-042 … H-046, HX-23, HX-24): registered, judged by the platform's staff, and what follows.

use migrations::Role;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    accounts::Scene,
    stage::{Answer, fields, uuid},
};

const REGISTER: &str = "/api/identity/organisations";
const OWN: &str = "/api/identity/organisation";
const STAFF: &str = "/api/platform/organisations";
const FIGURES: &str = "/api/platform/figures";

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}"))
}

/// One of the platform's staff, and somebody who has an account and nothing else.
struct Platform {
    scene: Scene,
    staff: String,
    dewi: String,
    email: String,
}

impl Platform {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let (user, admin) = scene.stage.person(scene.stage.b, "viewer").await;
        scene
            .stage
            .about(user, "update identity.users set platform_role = 'super_admin' where id = $1")
            .await;
        let (user, email) = scene.stage.person(scene.stage.b, "viewer").await;
        scene.stage.about(user, "delete from identity.memberships where user_id = $1").await;
        let (staff, dewi) = (scene.api.sign_in(&admin).await, scene.api.sign_in(&email).await);
        let [staff, dewi] = [staff, dewi].map(|tokens| text(&tokens, "access_token").to_owned());
        Self { scene, staff, dewi, email }
    }

    async fn register(&self, body: &Value) -> Answer {
        self.scene.api.post(REGISTER, &self.dewi, body).await
    }

    /// Dewi's organisation, which waits.
    async fn registered(&self) -> Value {
        let made = self.register(&json!({ "name": "Warung", "language": "en" })).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()
    }

    async fn figures(&self) -> Value {
        self.scene.api.get(FIGURES, &self.staff).await.json()
    }

    async fn order(&self, by: &str, organisation: &Value, order: &str, body: &Value) -> Answer {
        self.scene.api.post(&format!("{STAFF}/{}/{order}", text(organisation, "id")), by, body).await
    }

    async fn ordered(&self, organisation: &Value, order: &str, body: &Value) -> Value {
        let done = self.order(&self.staff, organisation, order, body).await;
        assert_eq!(done.status, 200, "{order}: {}", done.body);
        done.json()
    }

    async fn approved(&self) -> Value {
        let organisation = self.registered().await;
        let approved = self.ordered(&organisation, "approve", &json!({ "sip_domain": "warung.test" })).await;
        self.scene.letter().await;
        approved
    }

    /// Dewi's access token after another sign-in.
    async fn again(&self) -> String {
        text(&self.scene.api.sign_in(&self.email).await, "access_token").to_owned()
    }
}

#[tokio::test]
async fn an_organisation_is_registered_waits_and_is_usable_when_it_was_approved() {
    let platform = Platform::new().await;
    let (api, dewi) = (&platform.scene.api, &platform.dewi);
    let described = json!({ "name": "Warung", "description": "Makan\nMinum", "address": "Jl. Sudirman 1", "latitude": -6.2,
        "longitude": 106.816_666, "contact_name": "Dewi", "contact_phone": "+62 21 555", "language": "en" });
    let made = platform.register(&described).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let made = made.json();
    for (field, value) in described.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    assert_eq!((text(&made, "status"), &made["total_members"]), ("pending", &json!(1)));
    let me = api.get("/api/identity/me", dewi).await.json();
    assert_eq!(me["organisations"][0]["status"], "pending");
    let refused = api.get(OWN, dewi).await.must_be_problem(403, "forbidden");
    assert_eq!(refused["detail"], "you act in no organisation that is approved");

    let figures = platform.figures().await;
    assert_eq!(figures["organisations"]["pending"], 1, "{figures}");
    assert_eq!(figures["organisations"]["pending_since"], made["created_at"]);
    api.get(FIGURES, dewi).await.must_be_problem(403, "forbidden");
    let waiting = api.get(&format!("{STAFF}?status=pending"), &platform.staff).await.json();
    assert_eq!(waiting["items"], json!([made]));
    let missing = platform.order(&platform.staff, &made, "approve", &json!({})).await;
    assert_eq!(fields(&missing.must_be_problem(422, "unprocessable-entity")), ["sip_domain"]);
    let approved = platform.ordered(&made, "approve", &json!({ "sip_domain": "warung.test" })).await;
    assert_eq!(text(&approved, "status"), "approved");
    let since = platform.figures().await;
    let (waiting, approved_before) =
        (&since["organisations"]["pending"], figures["organisations"]["approved"].as_i64().unwrap());
    assert_eq!((waiting, &since["organisations"]["pending_since"]), (&json!(0), &Value::Null));
    assert_eq!(since["organisations"]["approved"], json!(approved_before + 1));
    assert_eq!(since["people"], figures["people"], "nobody came or went");
    let letter = platform.scene.letter().await;
    assert!(
        letter.contains("Warung") && letter.contains("was approved") && letter.contains("/sign-in"),
        "{letter}"
    );
    let again = platform.again().await;
    let own = api.get(OWN, &again).await;
    assert_eq!(own.json(), approved);
    assert_eq!(api.get("/api/telephony/settings", &again).await.json()["sip_domain"], "warung.test");

    let put = api.client.put(api.at(OWN)).bearer_auth(&again).json(&json!({ "name": "Restoran" }));
    let changed = api.send(put.header("if-match", own.header("etag"))).await;
    assert_eq!(
        (changed.status, &changed.json()["name"], &changed.json()["address"]),
        (200, &json!("Restoran"), &Value::Null)
    );
    let put = api.client.put(api.at(OWN)).bearer_auth(&again).json(&json!({ "name": "Kedai" }));
    api.send(put.header("if-match", own.header("etag"))).await.must_be_problem(412, "precondition-failed");
    let record = api.get("/api/platform/audit-events", &again).await.json();
    let actions: Vec<&str> =
        record["items"].as_array().unwrap().iter().map(|event| text(event, "action")).collect();
    assert_eq!(actions, ["organisation.changed", "organisation.approved", "organisation.registered"]);
}

#[tokio::test]
async fn one_that_is_rejected_learns_why_and_only_one_that_waits_is_reviewed() {
    let platform = Platform::new().await;
    let made = platform.registered().await;
    let silent = platform.order(&platform.staff, &made, "reject", &json!({})).await;
    assert_eq!(fields(&silent.must_be_problem(400, "bad-request")), ["reason"]);
    platform.ordered(&made, "reject", &json!({ "reason": "No such address" })).await;
    let letter = platform.scene.letter().await;
    assert!(letter.contains("was not approved"), "{letter}");
    let me = platform.scene.api.get("/api/identity/me", &platform.dewi).await.json();
    assert_eq!(
        (text(&me["organisations"][0], "status"), text(&me["organisations"][0], "reason")),
        ("rejected", "No such address")
    );
    for (order, body) in [
        ("approve", json!({ "sip_domain": "warung.test" })),
        ("reject", json!({ "reason": "Again" })),
        ("reactivate", json!({})),
    ] {
        platform.order(&platform.staff, &made, order, &body).await.must_be_problem(409, "conflict");
    }
}

#[tokio::test]
async fn one_that_is_suspended_has_no_sign_ins_and_no_keys_and_goes_on_as_what_it_was() {
    let platform = Platform::new().await;
    let api = &platform.scene.api;
    let organisation = platform.approved().await;
    let dewi = platform.again().await;
    let org = contract::id::OrgId(Uuid::parse_str(text(&organisation, "id")).unwrap());
    let key = platform.scene.stage.key(org, &["telephony.read"]).await;
    let settings = "/api/telephony/settings";
    assert_eq!((api.get(settings, &dewi).await.status, api.get(settings, &key).await.status), (200, 200));
    platform.ordered(&organisation, "suspend", &json!({ "reason": "Not paid" })).await;
    platform.scene.letter().await;
    for token in [&dewi, &key] {
        api.get(settings, token).await.must_be_problem(401, "unauthorized");
    }
    platform
        .order(&platform.staff, &organisation, "suspend", &json!({}))
        .await
        .must_be_problem(409, "conflict");
    // Its people are none the worse for it (H-019).
    let me = api.sign_in(&platform.email).await;
    assert_eq!((&me["organisation"], text(&me["organisations"][0], "status")), (&Value::Null, "suspended"));
    let back = platform.ordered(&organisation, "reactivate", &json!({})).await;
    assert_eq!((text(&back, "status"), &back["reason"]), ("approved", &Value::Null));
    assert_eq!(
        (api.get(settings, &platform.again().await).await.status, api.get(settings, &key).await.status),
        (200, 200)
    );

    let waiting = platform.registered().await;
    platform.ordered(&waiting, "suspend", &json!({})).await;
    let back = platform.ordered(&waiting, "reactivate", &json!({})).await;
    assert_eq!(text(&back, "status"), "pending", "nobody has approved it");
}

#[tokio::test]
async fn nobody_else_is_of_the_staff_and_staff_are_not_of_the_organisation() {
    let platform = Platform::new().await;
    let (api, stage) = (&platform.scene.api, &platform.scene.stage);
    let made = platform.registered().await;
    let path = format!("{STAFF}/{}", text(&made, "id"));
    for url in [STAFF, path.as_str()] {
        let refused = api.get(url, &platform.dewi).await.must_be_problem(403, "forbidden");
        assert_eq!(refused["detail"], "is for the platform's staff");
        assert_eq!(api.get(url, &platform.staff).await.status, 200);
    }
    let body = json!({ "sip_domain": "warung.test" });
    platform.order(&platform.dewi, &made, "approve", &body).await.must_be_problem(403, "forbidden");
    let unknown = json!({ "id": uuid() });
    platform.order(&platform.staff, &unknown, "approve", &body).await.must_be_problem(404, "not-found");
    let taken = json!({ "sip_domain": format!("{}.test", stage.a.0) });
    stage.settle(stage.a).await;
    let refused = platform.order(&platform.staff, &made, "approve", &taken).await;
    assert_eq!(fields(&refused.must_be_problem(422, "unprocessable-entity")), ["sip_domain"]);
    api.get(OWN, &platform.staff).await.must_be_problem(403, "forbidden");

    // Whatever a program believes: the database asks who is of the staff.
    let pool = stage.pool(Role::Api).await;
    let verdict = async |staff: Option<&str>| {
        let mut done = Vec::new();
        let mut seen: i64 = 0;
        for judge in [
            "select identity.judge_person($1::uuid, 'suspended', null)",
            "select identity.judge_organisation($1::uuid, 1, 'approved', null)",
        ] {
            let mut transaction = pool.begin().await.unwrap();
            let scope =
                sqlx::query("select set_config('app.staff', $1, true), set_config('app.org', $2, true)");
            let scope = scope.bind(staff.unwrap_or_default()).bind(text(&made, "id"));
            scope.execute(&mut *transaction).await.unwrap();
            let count = sqlx::query_scalar("select count(*) from identity.organisations");
            seen = count.fetch_one(&mut *transaction).await.unwrap();
            done.push(sqlx::query(judge).bind(text(&made, "id")).execute(&mut *transaction).await.is_ok());
        }
        (seen, done)
    };
    let me = |token: &str| {
        let token = token.to_owned();
        async move { api.get("/api/identity/me", &token).await.json() }
    };
    let (staff, dewi) = (me(&platform.staff).await, me(&platform.dewi).await);
    assert_eq!(verdict(None).await, (1, vec![false; 2]));
    assert_eq!(verdict(Some(text(&dewi["person"], "id"))).await, (1, vec![false; 2]));
    assert_eq!(verdict(Some(text(&staff["person"], "id"))).await, (3, vec![true; 2]));
    let suspended = "update identity.users set status = 'suspended' where id = $1";
    stage.about(Uuid::parse_str(text(&staff["person"], "id")).unwrap(), suspended).await;
    assert_eq!(verdict(Some(text(&staff["person"], "id"))).await, (1, vec![false; 2]));
}

#[tokio::test]
async fn what_is_wrong_with_an_organisation_is_told_at_once() {
    let platform = Platform::new().await;
    let wrong =
        json!({ "name": " Warung", "description": "", "latitude": 91, "contact_phone": "0".repeat(51) });
    let problem = platform.register(&wrong).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&problem), ["name", "description", "latitude", "longitude", "contact_phone"]);
    for _ in 0..3 {
        platform.registered().await;
    }
    platform.register(&json!({ "name": "Warung" })).await.must_be_problem(409, "conflict");
}

#[tokio::test]
async fn with_an_owner_what_is_theirs_is_suspended_and_goes_on_with_them() {
    let platform = Platform::new().await;
    let (api, stage, staff) = (&platform.scene.api, &platform.scene.stage, &platform.staff);
    let organisation = platform.approved().await;
    let path = format!("{STAFF}/{}", text(&organisation, "id"));
    let dewi = platform.again().await;
    let id = |me: &Value| text(&me["person"], "id").to_owned();
    let (who, me) =
        (api.get("/api/identity/me", &dewi).await.json(), api.get("/api/identity/me", staff).await.json());
    let judge = async |who: &str, order: &str| {
        api.post(&format!("/api/platform/people/{who}/{order}"), staff, &json!({ "reason": "Fraud" })).await
    };
    let suspended = judge(&id(&who), "suspend").await;
    assert_eq!(suspended.status, 200, "{}", suspended.body);
    let suspended = suspended.json();
    assert_eq!((text(&suspended, "status"), text(&suspended, "judged_for")), ("suspended", "Fraud"));
    assert_eq!(
        (&suspended["judged_by"], &suspended["owns"]),
        (&me["person"]["id"], &json!([organisation["id"]]))
    );
    api.get(OWN, &dewi).await.must_be_problem(401, "unauthorized");
    let figures = platform.figures().await;
    assert_eq!(
        (&figures["people"]["suspended"], &figures["organisations"]["suspended"]),
        (&json!(1), &json!(1))
    );
    let theirs = api.get(&path, staff).await.json();
    assert_eq!((text(&theirs, "status"), &theirs["is_suspended_with_owner"]), ("suspended", &json!(true)));
    judge(&id(&who), "suspend").await.must_be_problem(409, "conflict");
    judge(&id(&me), "suspend").await.must_be_problem(409, "conflict");
    judge(&uuid().to_string(), "suspend").await.must_be_problem(404, "not-found");

    assert_eq!(judge(&id(&who), "reactivate").await.status, 200);
    assert_eq!(api.get(&path, staff).await.json()["status"], "approved");
    let record = api.get("/api/platform/audit-events", &platform.again().await).await.json();
    let actions: Vec<&str> =
        record["items"].as_array().unwrap().iter().map(|event| text(event, "action")).collect();
    assert_eq!(actions[..2], ["organisation.reactivated", "organisation.suspended"]);
    // What was suspended for itself stays so, before its owner or after.
    platform.ordered(&organisation, "suspend", &json!({})).await;
    for order in ["suspend", "reactivate"] {
        assert_eq!(judge(&id(&who), order).await.status, 200);
    }
    assert_eq!(api.get(&path, staff).await.json()["status"], "suspended");
    platform.ordered(&organisation, "reactivate", &json!({})).await;
    assert_eq!(judge(&id(&who), "suspend").await.status, 200);
    platform.ordered(&organisation, "suspend", &json!({ "reason": "Not paid" })).await;
    assert_eq!(judge(&id(&who), "reactivate").await.status, 200);
    let theirs = api.get(&path, staff).await.json();
    assert_eq!((text(&theirs, "status"), text(&theirs, "reason")), ("suspended", "Not paid"));
    let back = platform.ordered(&organisation, "reactivate", &json!({})).await;
    assert_eq!((text(&back, "status"), &back["reason"]), ("approved", &Value::Null));

    // Who owns nothing takes nothing along (H-016).
    let (viewer, email) = stage.person(stage.a, "viewer").await;
    assert_eq!(judge(&viewer.to_string(), "suspend").await.status, 200);
    assert_eq!(platform.scene.attempt(&email, crate::stage::PASSWORD).await, 401);
    assert_eq!(api.get(&format!("{STAFF}/{}", stage.a.0), staff).await.json()["status"], "approved");
    let people = api.get("/api/platform/people", staff).await.json();
    let shown: Vec<&Value> =
        people["items"].as_array().unwrap().iter().filter(|one| one["id"] == json!(viewer)).collect();
    assert_eq!((shown.len(), &shown[0]["status"]), (1, &json!("suspended")));
}

/// Bug: a suspension refused refresh tokens while it lasted, and they were good again afterwards.
#[tokio::test]
async fn who_was_suspended_signs_in_again_whatever_token_is_kept_somewhere() {
    let platform = Platform::new().await;
    let api = &platform.scene.api;
    let tokens = api.sign_in(&platform.email).await;
    let refresh = async || {
        let body = json!({ "refresh_token": text(&tokens, "refresh_token") });
        api.post("/api/identity/tokens", "", &body).await.status
    };
    let who = api.get("/api/identity/me", text(&tokens, "access_token")).await.json();
    let person = format!("/api/platform/people/{}", text(&who["person"], "id"));
    for (order, expected) in [("suspend", 401), ("reactivate", 401)] {
        assert_eq!(api.post(&format!("{person}/{order}"), &platform.staff, &json!({})).await.status, 200);
        assert_eq!(refresh().await, expected, "{order}");
    }
    assert_eq!(platform.scene.attempt(&platform.email, crate::stage::PASSWORD).await, 201);
}

#[tokio::test]
async fn with_several_owners_it_is_suspended_with_the_first_and_goes_on_with_the_last() {
    let platform = Platform::new().await;
    let (api, stage, staff) = (&platform.scene.api, &platform.scene.stage, &platform.staff);
    let (first, _) = stage.person(stage.a, "owner").await;
    let (second, _) = stage.person(stage.a, "owner").await;
    for (who, order, status) in [
        (first, "suspend", "suspended"),
        (second, "suspend", "suspended"),
        (first, "reactivate", "suspended"),
        (second, "reactivate", "approved"),
    ] {
        let judged = api.post(&format!("/api/platform/people/{who}/{order}"), staff, &json!({})).await;
        assert_eq!(judged.status, 200, "{}", judged.body);
        assert_eq!(
            api.get(&format!("{STAFF}/{}", stage.a.0), staff).await.json()["status"],
            status,
            "{order}"
        );
    }
}
