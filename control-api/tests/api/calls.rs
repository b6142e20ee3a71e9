//! Reading calls: H-057 … H-060, H-062 … H-064.

use serde_json::json;

use crate::stage::{MIDNIGHT, Served, Stage, uuid};

/// The answered call of H-062, H-063 and H-064, as the switch's journal writes it.
async fn golden(stage: &Stage) -> (uuid::Uuid, uuid::Uuid) {
    let (org, id, staff) = (stage.a, stage.call(stage.a, "inbound", MIDNIGHT).await, uuid());
    stage
        .run(
            "insert into telephony.call_participants (org_id, call_id, no, role, kind, ref_id, created_at)
             select $1, $2, no, role, kind, '00000000-0000-7000-8000-00000000000a', timestamptz '2026-11-21 00:00:00Z'
             from (values (1, 'host', 'extension'), (2, 'caller', 'guest')) as t (no, role, kind)",
            org,
            id,
        )
        .await;
    sqlx::query(
        "insert into telephony.call_participants (org_id, call_id, no, role, kind, ref_id, created_at)
         values ($1, $2, 3, 'recipient', 'user', $3, timestamptz '2026-11-21 00:00:05Z')",
    )
    .bind(org.0)
    .bind(id)
    .bind(staff)
    .execute(&stage.admin)
    .await
    .unwrap();
    stage
        .run(
            "insert into telephony.call_events
                 (org_id, call_id, seq, event_type, participant_no, attempt_count, detail, created_at)
             select $1, $2, seq, kind, participant, 1, detail::jsonb,
                    timestamptz '2026-11-21 00:00:00Z' + seq * interval '1.5 seconds'
             from (values (1, 'created', null, '{}'), (2, 'ringing', null, '{\"leg\":2,\"sip_status\":180}'),
                          (3, 'answered', 3, '{}'), (4, 'ended', null, '{}'))
                  as t (seq, kind, participant, detail)",
            org,
            id,
        )
        .await;
    stage
        .run(
            "insert into telephony.call_legs
                 (org_id, call_id, no, participant_no, transport, created_at, answered_at, ended_at, sip_status)
             values ($1, $2, 1, 2, 'udp', '2026-11-21 00:00:00Z', '2026-11-21 00:00:04.5Z', '2026-11-21 00:00:06Z', 200)",
            org,
            id,
        )
        .await;
    stage
        .run(
            "insert into telephony.quality_reports values ($1, $2, 1, 75, 12900, 74, 12728, 1, 312, 4, 2, '2026-11-21 00:00:06Z')",
            org,
            id,
        )
        .await;
    (id, staff)
}

#[tokio::test]
async fn an_answered_call_reads_as_the_document_simulates_it() {
    let stage = Stage::new().await;
    let (id, staff) = golden(&stage).await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    let call = api.get(&format!("/api/telephony/calls/{id}"), &key).await.json();
    assert_eq!(
        (&call["direction"], &call["dialled"], &call["outcome"]),
        (&json!("inbound"), &json!("100"), &json!("answered"))
    );
    assert_eq!(call["answered_at"], "2026-11-21T00:00:04.500000Z");
    assert_eq!(call["ended_at"], "2026-11-21T00:00:06.000000Z");
    let roles = call["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["no"].clone(), p["role"].clone(), p["kind"].clone()));
    let expected = [(1, "host", "extension"), (2, "caller", "guest"), (3, "recipient", "user")];
    assert!(roles.eq(expected.map(|(no, role, kind)| (json!(no), json!(role), json!(kind)))));
    assert_eq!(call["participants"][2]["ref_id"], staff.to_string());
    let events = call["events"].as_array().unwrap().iter().map(|event| {
        ["seq", "event_type", "participant_no", "attempt_count", "queue_count", "detail"]
            .map(|key| event[key].clone())
    });
    let expected = [
        [json!(1), json!("created"), json!(null), json!(1), json!(0), json!({})],
        [json!(2), json!("ringing"), json!(null), json!(1), json!(0), json!({"leg": 2, "sip_status": 180})],
        [json!(3), json!("answered"), json!(3), json!(1), json!(0), json!({})],
        [json!(4), json!("ended"), json!(null), json!(1), json!(0), json!({})],
    ];
    assert_eq!(events.collect::<Vec<_>>(), expected);
    assert_eq!((&call["legs"][0]["sip_status"], &call["legs"][0]["transport"]), (&json!(200), &json!("udp")));
    assert_eq!(
        (&call["quality"][0]["packets_received"], &call["quality"][0]["jitter_micros"]),
        (&json!(75), &json!(312))
    );
}

async fn outcome(stage: &Stage, api: &Served, key: &str, events: &str) -> serde_json::Value {
    let id = stage.call(stage.a, "internal", MIDNIGHT).await;
    sqlx::query(
        "insert into telephony.call_events (org_id, call_id, seq, event_type, created_at)
         select $1, $2, seq, kind, now() from unnest(string_to_array($3, ' ')) with ordinality as t (kind, seq)",
    )
    .bind(stage.a.0)
    .bind(id)
    .bind(events)
    .execute(&stage.admin)
    .await
    .unwrap();
    api.get(&format!("/api/telephony/calls/{id}"), key).await.json()["outcome"].clone()
}

#[tokio::test]
async fn the_outcome_is_the_fold_of_the_events() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    for (events, expected) in [
        ("created", json!(null)),
        ("created ringing", json!(null)),
        ("created ringing answered hold", json!("answered")),
        ("created ringing answered hold unhold ended", json!("answered")),
        ("created ringing timeout missed ended", json!("missed")),
        ("created ringing canceled ended", json!("canceled")),
        ("created ringing rejected ended", json!("rejected")),
        ("created busy ended", json!("busy")),
        ("created failed ended", json!("failed")),
    ] {
        assert_eq!(outcome(&stage, &api, &key, events).await, expected, "{events}");
    }
}

#[tokio::test]
async fn pages_show_every_call_once_newest_first_also_when_instants_are_equal() {
    let stage = Stage::new().await;
    for n in 0..40 {
        // Four calls share each instant.
        stage
            .call(stage.a, if n % 2 == 0 { "inbound" } else { "internal" }, MIDNIGHT + n / 4 * 1_000_000)
            .await;
        stage.call(stage.b, "inbound", MIDNIGHT + n).await;
    }
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/telephony/calls?limit=7{cursor}"), &key).await.json();
        let items = page["items"].as_array().unwrap();
        seen.extend(items.iter().map(|call| (call["created_at"].to_string(), call["id"].to_string())));
        match page["next_cursor"].as_str() {
            Some(next) => {
                assert_eq!(items.len(), 7);
                cursor = format!("&cursor={next}");
                // A call that arrives while somebody reads does not shift the pages.
                stage.call(stage.a, "inbound", MIDNIGHT + 3_600_000_000).await;
            }
            None => break,
        }
    }
    assert_eq!(seen.len(), 40);
    assert!(seen.is_sorted_by(|a, b| a > b), "{seen:?}");
}

async fn count(api: &Served, key: &str, query: &str) -> usize {
    api.get(&format!("/api/telephony/calls?{query}"), key).await.json()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn filters_narrow_by_direction_and_half_open_interval() {
    let stage = Stage::new().await;
    for (direction, hour) in [("inbound", 0), ("inbound", 1), ("outbound", 1), ("internal", 2)] {
        stage.call(stage.a, direction, MIDNIGHT + hour * 3_600_000_000).await;
    }
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    assert_eq!(count(&api, &key, "").await, 4);
    assert_eq!(count(&api, &key, "direction=inbound").await, 2);
    assert_eq!(count(&api, &key, "from=2026-11-21T01:00:00Z").await, 3);
    assert_eq!(count(&api, &key, "to=2026-11-21T01:00:00Z").await, 1);
    assert_eq!(
        count(&api, &key, "from=2026-11-21T08:00:00%2B07:00&to=2026-11-21T08:00:00.000001%2B07:00").await,
        2
    );
    assert_eq!(count(&api, &key, "direction=outbound&to=2026-11-21T01:00:00Z").await, 0);
}

#[tokio::test]
async fn wrong_parameters_are_all_named_in_one_answer() {
    let stage = Stage::new().await;
    let (api, key) = (stage.serve().await, stage.key(stage.a, &["calls.read"]).await);
    let answer = api.get("/api/telephony/calls?limit=0&direction=up&cursor=%00&from=x", &key).await;
    let problem = answer.must_be_problem(400, "bad-request");
    let fields =
        problem["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap().to_owned());
    assert_eq!(fields.collect::<Vec<_>>(), ["direction", "from", "limit", "cursor"]);
    let unknown = api.get("/api/telephony/calls?page=2", &key).await.must_be_problem(400, "bad-request");
    assert!(unknown["errors"][0]["reason"].as_str().unwrap().contains("page"), "{unknown}");
}
