//! Makes events of what the switch tells of calls (`GET /v1/events`), each once: how far it has got stands in the same unit of work as the
//! events. The switch is waited for when it is away, and one process of several does it at a time: whoever moves the position first.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use contract::{
    id::{CallId, OrgId},
    journal::{Entry, Fact},
};
use serde_json::{Value, json};
use sqlx::PgConnection;
use tokio::{sync::watch, time};
use uuid::Uuid;

use super::store;
use crate::{
    database::{Database, DatabaseError, Scope, enter},
    platform::events::{self, New},
    switch::{NotFollowed, Switch, Told},
};

/// Before the switch is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// Calls whose participants are remembered; those of others are looked up.
const CALLS_MAX: usize = 4_096;
/// The oldest entry that the switch still has.
const OLDEST: &str = "0";

/// The task.
#[derive(Debug)]
pub struct Intake {
    /// Where events go.
    pub database: Database,
    /// Who tells.
    pub switch: Switch,
}

/// Extensions and people in a call, by what is known so far.
type Audiences = BTreeMap<(OrgId, CallId), BTreeSet<Uuid>>;

impl Intake {
    /// Follows the switch until the other end of `stop` is dropped.
    pub async fn run(self, mut stop: watch::Receiver<()>) {
        let mut is_away = false;
        let following = async {
            loop {
                match self.follow().await {
                    Ok(()) => is_away = false,
                    Err(reason) if !is_away => {
                        is_away = true;
                        tracing::warn!(
                            reason,
                            "nothing is heard of calls: the switch or the database is away"
                        );
                    }
                    Err(_) => {}
                }
                time::sleep(PAUSE).await;
            }
        };
        tokio::select! {
            _ = stop.changed() => {}
            () = following => {}
        }
    }

    /// Until the switch says no more. `Ok`: something has been heard.
    async fn follow(&self) -> Result<(), String> {
        let told = |error: DatabaseError| error.to_string();
        let read = self.database.read(Scope::Nothing, |c| Box::pin(store::position(c)));
        let mut position = read.await.map_err(told)?;
        let mut stream = match self.switch.follow(position.as_deref()).await {
            Err(NotFollowed::Gone) => {
                tracing::error!(
                    "the switch has forgotten what followed the last event: calls of that time have no events"
                );
                self.switch.follow(Some(OLDEST)).await
            }
            followed => followed,
        }
        .map_err(|not| not.to_string())?;
        let mut audiences = Audiences::new();
        loop {
            let batch = stream.next().await.map_err(|not| not.to_string())?;
            let Some(last) = batch.last() else { return Ok(()) };
            let (new, old) = (last.id.clone(), position);
            position = Some(new.clone());
            if audiences.len() > CALLS_MAX {
                audiences.clear();
            }
            let known = audiences;
            let written = self.database.write(Scope::Nothing, move |c| {
                Box::pin(async move {
                    if store::move_position(c, old.as_deref(), &new).await? {
                        take(c, batch, known).await.map(Some)
                    } else {
                        Ok(None)
                    }
                })
            });
            match written.await.map_err(told)? {
                Some(known) => audiences = known,
                None => return Err("another process follows it".to_owned()),
            }
        }
    }
}

/// Publishes what the entries of each organisation come to, in the order of its entries.
async fn take(
    c: &mut PgConnection,
    batch: Vec<Told>,
    mut known: Audiences,
) -> Result<Audiences, sqlx::Error> {
    let mut by_org: BTreeMap<OrgId, Vec<(CallId, Entry)>> = BTreeMap::new();
    for Told { entry, .. } in batch {
        if let Some(call) = entry.call {
            by_org.entry(entry.org).or_default().push((call, entry));
        }
    }
    for (org, entries) in by_org {
        enter(c, Scope::Organisation(org)).await?;
        let calls: BTreeSet<CallId> = entries.iter().map(|(call, _)| *call).collect();
        let unknown: Vec<Uuid> =
            calls.iter().filter(|call| !known.contains_key(&(org, **call))).map(|call| call.0).collect();
        for (call, audience) in events::audiences(c, org, unknown).await? {
            known.insert((org, CallId(call)), audience.into_iter().collect());
        }
        let mut news = Vec::new();
        for (call, entry) in entries {
            let audience = known.entry((org, call)).or_default();
            if let Fact::Participant(participant) = &entry.fact {
                audience.insert(participant.reference);
            }
            if let Some((kind, data)) = told(&entry.fact) {
                let (at, audience) = (Some(entry.at), audience.iter().copied().collect());
                news.push(New { kind, subject: call.0, at, data: Some(data), audience });
            }
        }
        events::publish(c, org, &news).await?;
    }
    Ok(known)
}

/// What a fact is called, and what is told of it. Legs and quality are read with their call; who listens to whom is told to nobody.
fn told(fact: &Fact) -> Option<(String, Value)> {
    match fact {
        Fact::Call(call) => Some(("call.opened".to_owned(), json!(call))),
        Fact::Participant(participant) => Some(("call.participant".to_owned(), json!(participant))),
        Fact::Event(event) => Some((format!("call.{}", event.kind.as_str()), json!(event))),
        Fact::Recording(recording) => Some(("call.recording".to_owned(), json!(recording))),
        Fact::Leg(_)
        | Fact::Quality(_)
        | Fact::Recorded(_)
        | Fact::Message(_)
        | Fact::Supervision(_)
        | Fact::Availability(_) => None,
    }
}
