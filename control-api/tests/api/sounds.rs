//! Sounds of one's own over HTTP: uploaded, heard as they were uploaded, replaced and taken away; and what the switch says by itself.

use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Answer, Served, Stage};

const SOUNDS: &str = "/api/telephony/sounds";

/// A WAV file of so many milliseconds of nothing, 16 bits at 8 kHz.
fn wav(ms: u32) -> Vec<u8> {
    let data = ms * 16;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    file.extend(data.to_le_bytes());
    file.resize(44 + data as usize, 0);
    file
}

struct Scene {
    stage: Stage,
    api: Served,
    key: String,
}

impl Scene {
    async fn new() -> Self {
        let stage = Stage::new().await;
        stage.settle(stage.a).await;
        let api = stage.serve().await;
        let key = stage.key(stage.a, &["telephony.read", "telephony.write", "audit.read"]).await;
        Self { stage, api, key }
    }

    async fn send(&self, (method, path): (Method, &str), headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let mut request = self.api.client.request(method, self.api.at(path)).bearer_auth(&self.key);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.api.send(request.header("content-type", "audio/wav").body(body)).await
    }

    async fn upload(&self, name: &str, body: Vec<u8>) -> Answer {
        self.send((Method::POST, &format!("{SOUNDS}?name={name}")), &[], body).await
    }

    /// What stands in the place of a prompt.
    async fn prompt(&self, name: &str) -> Value {
        let all = self.api.get("/api/telephony/prompts", &self.key).await.json();
        all["items"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone()
    }
}

#[tokio::test]
async fn a_sound_is_uploaded_replaced_and_taken_away_and_each_is_a_revision() {
    let scene = Scene::new().await;
    let shipped = json!({ "name": "id/goodbye", "text": "Terima kasih. Sampai jumpa.", "sound_id": null });
    assert_eq!(scene.prompt("id/goodbye").await, shipped);
    assert_eq!(scene.prompt("en/digits/20").await["text"], "twenty");
    let made = scene.upload("id/goodbye", wav(1_500)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(made.header("sambung-revision").parse::<i64>().unwrap() > 0);
    let sound = made.json();
    assert_eq!(
        (&sound["length_ms"], &sound["media_type"], &sound["octets"]),
        (&json!(1_500), &json!("audio/wav"), &json!(24_044))
    );
    assert_eq!(scene.prompt("id/goodbye").await["sound_id"], sound["id"]);
    scene.upload("id/goodbye", wav(20)).await.must_be_problem(409, "conflict");

    let path = format!("{SOUNDS}/{}", sound["id"].as_str().unwrap());
    let put = (Method::PUT, path.as_str());
    scene.send(put.clone(), &[], wav(20)).await.must_be_problem(428, "precondition-required");
    let replaced = scene.send(put.clone(), &[("if-match", "\"1\"")], wav(20)).await;
    assert_eq!((replaced.status, &replaced.json()["length_ms"]), (200, &json!(20)), "{}", replaced.body);
    scene.send(put, &[("if-match", "\"1\"")], wav(20)).await.must_be_problem(412, "precondition-failed");
    let file = scene.api.client.get(scene.api.at(&format!("{path}/file"))).bearer_auth(&scene.key);
    let file = file.send().await.unwrap();
    assert_eq!(file.headers()["content-type"], "audio/wav");
    assert_eq!(file.bytes().await.unwrap(), wav(20));

    assert_eq!(scene.api.take_away(&path, &scene.key, 2).await.status, 204);
    assert_eq!(scene.prompt("id/goodbye").await, shipped);
    assert_eq!(scene.api.get(SOUNDS, &scene.key).await.json()["items"], json!([]));
    let record = scene.api.get("/api/platform/audit-events", &scene.key).await.json();
    let actions: Vec<&Value> =
        record["items"].as_array().unwrap().iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["sound.deleted", "sound.changed", "sound.created"]);
}

#[tokio::test]
async fn what_is_no_sound_for_the_switch_is_refused_with_the_reason() {
    let scene = Scene::new().await;
    let mut fast = wav(20);
    for (at, value) in [(24, 44_100_u32), (28, 88_200)] {
        fast[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
    for (body, reason) in [
        (b"MP3".to_vec(), "neither an Ogg-Opus nor a WAV file"),
        (wav(0), "no sound in it"),
        (b"OggS, or so".to_vec(), "broken Ogg file"),
        (fast, "44100 Hz"),
    ] {
        let refused = scene.upload("id/goodbye", body).await.must_be_problem(422, "unprocessable-entity");
        let told = refused["errors"][0]["reason"].as_str().unwrap();
        assert!(told.contains(reason), "{told}");
    }
    for name in ["goodbye", "fr/goodbye", "id/../goodbye", "id/"] {
        scene.upload(name, wav(20)).await.must_be_problem(400, "bad-request");
    }
    // More than other requests may bring, and less than anything may.
    assert_eq!(scene.upload("id/long", wav(200_000)).await.status, 201);
    scene.upload("id/longer", vec![0; (8 << 20) + 1]).await.must_be_problem(413, "payload-too-large");
}

#[tokio::test]
async fn an_organisations_sounds_come_to_15_minutes_at_most_and_are_nobody_elses() {
    let scene = Scene::new().await;
    for no in 0..3 {
        assert_eq!(scene.upload(&format!("music/{no}"), wav(250_000)).await.status, 201);
    }
    scene.upload("music/3", wav(250_000)).await.must_be_problem(409, "conflict");
    assert_eq!(scene.upload("music/3", wav(100_000)).await.status, 201);
    let sound = scene.api.get(SOUNDS, &scene.key).await.json()["items"][0]["id"].as_str().unwrap().to_owned();
    let theirs = scene.stage.key(scene.stage.b, &["telephony.read"]).await;
    assert_eq!(scene.api.get(SOUNDS, &theirs).await.json()["items"], json!([]));
    for path in [format!("{SOUNDS}/{sound}"), format!("{SOUNDS}/{sound}/file")] {
        scene.api.get(&path, &theirs).await.must_be_problem(404, "not-found");
    }
}
