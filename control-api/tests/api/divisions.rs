//! Divisions (HX-16): what a branch admin is kept to, whatever door they come by.

use serde_json::{Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use crate::{
    scene::{EXTENSIONS, Scene},
    stage::{Answer, fields, uuid},
};

const DIVISIONS: &str = "/api/telephony/divisions";

/// An organisation with two extensions and a branch admin.
struct Branches {
    scene: Scene,
    admin: Uuid,
    token: String,
    bandung: String,
    jakarta: String,
}

impl Branches {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let bandung = scene.extension("100", &[scene.sari]).await;
        let jakarta = scene.extension("200", &[scene.budi]).await;
        let (admin, email) = scene.stage.person(scene.stage.a, "branch_admin").await;
        let token = scene.api.sign_in(&email).await["access_token"].as_str().unwrap().to_owned();
        Self { scene, admin, token, bandung, jakarta }
    }

    /// The admin is in a division with one of the extensions.
    async fn narrow(&self) -> Answer {
        let body = json!({ "name": "Bandung", "members": [self.admin], "extensions": [self.bandung] });
        let made = self.scene.post_to(DIVISIONS, &body).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made
    }

    /// A PUT of the admin, who has just read it.
    async fn put(&self, path: &str, body: &Value) -> Answer {
        let read = self.scene.api.get(path, &self.token).await;
        let request = self.scene.api.client.put(self.scene.api.at(path)).bearer_auth(&self.token).json(body);
        let request = match read.header("etag") {
            "" => request.header("if-none-match", "*"),
            version => request.header("if-match", version),
        };
        self.scene.api.send(request).await
    }
}

#[tokio::test]
async fn a_division_is_made_changed_and_taken_away_and_leaves_its_people_and_extensions() {
    let branches = Branches::new().await;
    let scene = &branches.scene;
    let made = branches.narrow().await;
    let path = made.header("location").to_owned();
    assert_eq!(scene.get(&path).await.json(), made.json());
    scene.post_to(DIVISIONS, &json!({ "name": "Bandung" })).await.must_be_problem(409, "conflict");
    let twice = json!({ "name": " ", "description": "", "members": [branches.admin, branches.admin] });
    let wrong = scene.post_to(DIVISIONS, &twice).await.must_be_problem(400, "bad-request");
    assert_eq!(fields(&wrong), ["name", "description", "members"]);
    for field in ["members", "extensions"] {
        let unknown = scene.post_to(DIVISIONS, &json!({ "name": "x", field: [uuid()] })).await;
        assert_eq!(fields(&unknown.must_be_problem(422, "unprocessable-entity")), [field]);
    }
    let changed =
        scene.put_over(&path, &json!({ "name": "Jakarta", "extensions": [branches.jakarta] })).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""), "{}", changed.body);
    assert_eq!(
        (&changed.json()["members"], &changed.json()["extensions"]),
        (&json!([]), &json!([branches.jakarta]))
    );
    scene.is_not_for_others(&path).await;
    assert_eq!(scene.delete(&path, "\"2\"").await.status, 204);
    assert_eq!(scene.get(&format!("{EXTENSIONS}/{}", branches.jakarta)).await.status, 200);
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(scene.record(id).await, ["division.created", "division.changed", "division.deleted"]);
}

#[tokio::test]
async fn a_branch_admin_of_a_division_changes_its_extensions_and_nothing_else() {
    let branches = Branches::new().await;
    let (api, token) = (&branches.scene.api, &branches.token);
    let (own, other) =
        (format!("{EXTENSIONS}/{}", branches.bandung), format!("{EXTENSIONS}/{}", branches.jakarta));
    let week = json!({ "windows": [{ "day": "fri", "start": "08:00", "end": "17:00" }] });
    assert_eq!(branches.put(&format!("{other}/hours"), &week).await.status, 200, "in none: all of it");
    branches.narrow().await;

    let renamed = json!({ "number": "100", "name": "Bandung", "staff": [branches.scene.sari] });
    let closed =
        json!({ "holidays": [{ "date": "2026-12-25", "name": "Natal", "extension_id": null, "hours": [] }] });
    let queue = json!({ "agents": [{ "user_id": branches.scene.sari }] });
    for (path, body) in
        [(own.clone(), &renamed), (format!("{own}/hours"), &week), (format!("{own}/page-group"), &json!({}))]
    {
        let done = branches.put(&path, body).await;
        assert!([200, 201].contains(&done.status), "{path}: {}", done.body);
    }
    let renamed = json!({ "number": "200", "name": "Bandung" });
    for (path, body) in [
        (other.clone(), &renamed),
        (format!("{other}/hours"), &week),
        (format!("{other}/page-group"), &json!({})),
        (format!("{other}/queue"), &queue),
        ("/api/telephony/holidays".to_owned(), &closed),
        (format!("/api/telephony/numbers/{}", branches.admin), &json!({ "number": "1009" })),
    ] {
        let refused = branches.put(&path, body).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
    }
    let refused = branches.put(&other, &renamed).await.must_be_problem(403, "forbidden");
    assert_eq!(refused["detail"], "it belongs to none of your divisions");
    api.take_away(&other, token, 2).await.must_be_problem(403, "forbidden");
    for (path, body) in [
        (
            DIVISIONS,
            json!({ "name": "Semua", "members": [branches.admin], "extensions": [branches.jakarta] }),
        ),
        ("/api/telephony/sip-accounts", json!({ "username": "x" })),
        ("/api/telephony/did-numbers", json!({ "number": "+62215550100", "user_id": branches.admin })),
    ] {
        let refused = api.post(path, token, &body).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.body);
    }

    // What they make is theirs.
    let made = api.post(EXTENSIONS, token, &json!({ "number": "101", "name": "Baru" })).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("{EXTENSIONS}/{}", made.json()["id"].as_str().unwrap());
    let changed = branches.put(&path, &json!({ "number": "102", "name": "Baru" })).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let version: i32 = changed.header("etag").trim_matches('"').parse().unwrap();
    assert_eq!(api.take_away(&path, token, version).await.status, 204);
    // Nobody else is kept to anything by being in a division.
    assert_eq!(branches.scene.put_over(&other, &renamed).await.status, 200);
}

/// A table that is forgotten would be a door past the divisions.
#[tokio::test]
async fn every_table_of_telephony_that_is_changed_over_http_keeps_to_divisions() {
    let branches = Branches::new().await;
    let rows = sqlx::query(
        "select c.relname::text from pg_class c
         where c.relnamespace = 'telephony'::regnamespace and c.relkind = 'r'
           and (has_table_privilege('sambung_api', c.oid, 'insert, update, delete')
                or has_any_column_privilege('sambung_api', c.oid, 'insert, update'))
           and not exists (select from pg_trigger t join pg_proc p on p.oid = t.tgfoid
                           where t.tgrelid = c.oid and p.proname = 'keep_to_divisions')
         order by 1",
    );
    let rows = rows.fetch_all(&branches.scene.stage.admin).await.unwrap();
    let open: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    // Nothing of these is configuration, but for a menu's choices, which change with their menu.
    let expected =
        ["call_feedback", "menu_choices", "recording_links", "voicemail_mails", "voicemail_messages"];
    assert_eq!(open, expected);
}
