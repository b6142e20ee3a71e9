//! QR codes of an organisation (H-030, H-045, HX-17), and what the platform's staff write down about it (H-042).

use migrations::Role;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::stage::{Served, Stage, fields};

pub const QR: &str = "/api/identity/organisation/qr";

/// What a camera reads.
fn scanned(png: &[u8]) -> String {
    let decoder = png::Decoder::new(std::io::Cursor::new(png));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let (width, height) = reader.info().size();
    reader.next_frame(&mut pixels).unwrap();
    let (width, height) = (usize::try_from(width).unwrap(), usize::try_from(height).unwrap());
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| pixels[y * width + x]);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1);
    grids[0].decode().unwrap().1
}

async fn picture(api: &Served, key: &str, kind: &str) -> (String, Vec<u8>) {
    let answer = api.client.get(api.at(&format!("{QR}.{kind}"))).bearer_auth(key).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    (answer.headers()["content-type"].to_str().unwrap().to_owned(), answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn an_organisation_has_one_qr_code_and_a_new_one_takes_its_place() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let key = stage.key(stage.a, &["organisation.read", "organisation.write"]).await;
    for path in [QR.to_owned(), format!("{QR}.svg"), format!("{QR}.png")] {
        api.get(&path, &key).await.must_be_problem(404, "not-found");
    }
    let first = api.post(QR, &key, &Value::Null).await;
    assert_eq!(first.status, 201, "{}", first.body);
    let second = api.post(QR, &key, &Value::Null).await.json();
    assert_ne!(first.json()["code"], second["code"]);
    assert_eq!(api.get(QR, &key).await.json(), second);
    let url = format!("https://pbx.example.test/g/{}", second["code"].as_str().unwrap());
    assert_eq!(second["url"], url);

    let (kind, png) = picture(&api, &key, "png").await;
    assert_eq!((kind.as_str(), scanned(&png)), ("image/png", url));
    let (kind, svg) = picture(&api, &key, "svg").await;
    let svg = String::from_utf8(svg).unwrap();
    assert!(kind == "image/svg+xml" && svg.contains("<svg") && svg.ends_with("</svg>"), "{kind} {svg}");

    let rows =
        sqlx::query("select expired_at is null from identity.organisation_qr_codes order by created_at")
            .fetch_all(&stage.admin)
            .await
            .unwrap();
    assert_eq!(rows.iter().map(|row| row.get(0)).collect::<Vec<bool>>(), [false, true]);
    let theirs = stage.key(stage.b, &["organisation.read"]).await;
    api.get(QR, &theirs).await.must_be_problem(404, "not-found");
}

#[tokio::test]
async fn two_at_once_leave_one_qr_code_and_a_day_has_an_end_of_them() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let key = stage.key(stage.a, &["organisation.read", "organisation.write"]).await;
    let (one, other) = tokio::join!(api.post(QR, &key, &Value::Null), api.post(QR, &key, &Value::Null));
    assert_eq!((one.status, other.status), (201, 201), "{} {}", one.body, other.body);
    let fill = "insert into identity.organisation_qr_codes (id, org_id, code, expired_at)
                select gen_random_uuid(), $1, substr(translate(md5(n::text), '01', 'xy'), 1, 20), now()
                from generate_series(1, 48) n";
    sqlx::query(fill).bind(stage.a.0).execute(&stage.admin).await.unwrap();
    api.post(QR, &key, &Value::Null).await.must_be_problem(409, "conflict");
}

#[tokio::test]
async fn an_organisation_names_one_of_its_own_numbers_and_keeps_it() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    for org in [stage.a, stage.b] {
        stage.settle(org).await;
    }
    let user = stage.member(stage.a, Some("1001")).await;
    let key = stage
        .key(stage.a, &["organisation.read", "organisation.write", "telephony.read", "telephony.write"])
        .await;
    let dids = "/api/telephony/did-numbers";
    let did = api.post(dids, &key, &json!({ "number": "+62215550100", "user_id": user })).await;
    assert_eq!(did.status, 201, "{}", did.body);
    let own = "/api/identity/organisation";
    let described = |did: &str| json!({ "name": "A", "primary_did": did });
    let wrong = api.put(own, &key, (1, &described("+62215550199"))).await;
    assert_eq!(fields(&wrong.must_be_problem(422, "unprocessable-entity")), ["primary_did"]);
    let named = api.put(own, &key, (1, &described("+62215550100"))).await;
    assert_eq!(named.json()["primary_did"], "+62215550100", "{}", named.body);
    let path = format!("{dids}/{}", did.json()["id"].as_str().unwrap());
    let version = did.json()["version"].as_i64().unwrap().try_into().unwrap();
    api.take_away(&path, &key, version).await.must_be_problem(409, "conflict");
    assert_eq!(api.put(own, &key, (2, &json!({ "name": "A" }))).await.status, 200);
    assert_eq!(api.take_away(&path, &key, version).await.status, 204);
}

#[tokio::test]
async fn notes_of_the_platforms_staff_are_read_by_them_alone() {
    let stage = Stage::new().await;
    let api = stage.serve().await;
    let (admin, email) = stage.person(stage.b, "viewer").await;
    stage.about(admin, "update identity.users set platform_role = 'super_admin' where id = $1").await;
    let token = |signed: Value| signed["access_token"].as_str().unwrap().to_owned();
    let staff = token(api.sign_in(&email).await);
    let (_, email) = stage.person(stage.a, "owner").await;
    let owner = token(api.sign_in(&email).await);
    let path = format!("/api/platform/organisations/{}/notes", stage.a.0);
    let wrong = api.post(&path, &staff, &json!({ "text": " " })).await;
    assert_eq!(fields(&wrong.must_be_problem(400, "bad-request")), ["text"]);
    for text in ["Pays late", "Has paid"] {
        let written = api.post(&path, &staff, &json!({ "text": text })).await;
        assert_eq!((written.status, &written.json()["written_by"]), (201, &json!(admin)), "{}", written.body);
    }
    let first = api.get(&format!("{path}?limit=1"), &staff).await.json();
    assert_eq!(first["items"][0]["text"], "Has paid");
    let rest = format!("{path}?cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(api.get(&rest, &staff).await.json()["items"][0]["text"], "Pays late");
    let nowhere = format!("/api/platform/organisations/{}/notes", crate::stage::uuid());
    api.get(&nowhere, &staff).await.must_be_problem(404, "not-found");
    api.post(&nowhere, &staff, &json!({ "text": "x" })).await.must_be_problem(404, "not-found");
    api.get(&path, &owner).await.must_be_problem(403, "forbidden");
    let pool = stage.pool(Role::Api).await;
    let mut transaction = pool.begin().await.unwrap();
    let scope = sqlx::query("select set_config('app.org', $1, true)").bind(stage.a.0.to_string());
    scope.execute(&mut *transaction).await.unwrap();
    let seen: i64 = sqlx::query_scalar("select count(*) from identity.organisation_notes")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(seen, 0, "whatever a program believes");
}
