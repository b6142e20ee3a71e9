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
use tokio::{
    sync::watch,
    time::{self, Instant},
};
use uuid::Uuid;

use super::store;
use crate::{
    database::{Database, DatabaseError, Scope, enter},
    platform::events::{self, New},
    switch::{NotFollowed, Switch, Told},
};

/// Before the switch is asked again.
const PAUSE: Duration = Duration::from_secs(1);
/// When the switch was followed for so long, an outage is another one.
const STEADY: Duration = Duration::from_secs(10);
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
                let since = Instant::now();
                let followed = self.follow().await;
                is_away &= since.elapsed() < STEADY;
                match followed {
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

    /// Until the switch says no more, or another process has been faster.
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
            position = Some(new);
            if audiences.len() > CALLS_MAX {
                audiences.clear();
            }
            let written = match self.write(old.clone(), batch.clone(), audiences).await {
                Err(error) if is_of_an_entry(&error) => self.write_each(old, batch).await,
                written => written,
            };
            match written.map_err(told)? {
                Some(known) => audiences = known,
                // Another process follows it.
                None => return Ok(()),
            }
        }
    }

    /// Publishes a batch and moves on behind it; `None`: somebody else has moved from there.
    async fn write(
        &self,
        old: Option<String>,
        batch: Vec<Told>,
        known: Audiences,
    ) -> Result<Option<Audiences>, DatabaseError> {
        let Some(new) = batch.last().map(|last| last.id.clone()) else { return Ok(Some(known)) };
        let written = self.database.write(Scope::Nothing, move |c| {
            Box::pin(async move {
                if store::move_position(c, old.as_deref(), &new).await? {
                    take(c, batch, known).await.map(Some)
                } else {
                    Ok(None)
                }
            })
        });
        written.await
    }

    /// The same, one by one and without those that the database refuses.
    async fn write_each(
        &self,
        mut old: Option<String>,
        batch: Vec<Told>,
    ) -> Result<Option<Audiences>, DatabaseError> {
        let mut known = Audiences::new();
        for one in batch {
            let (from, new) = (old.replace(one.id.clone()), one.id.clone());
            let (org, call) = (one.entry.org, one.entry.call.map(|call| call.0));
            let written = match self.write(from.clone(), vec![one], known).await {
                Err(error) if is_of_an_entry(&error) => {
                    tracing::error!(%org, ?call, %error, "the database refuses an event of a call: it is left out");
                    let moved = self.database.write(Scope::Nothing, move |c| {
                        Box::pin(async move { store::move_position(c, from.as_deref(), &new).await })
                    });
                    moved.await?.then(Audiences::new)
                }
                written => written?,
            };
            let Some(still_known) = written else { return Ok(None) };
            known = still_known;
        }
        Ok(Some(known))
    }
}

/// Whether it is for what an entry says that the database refuses: 22 data, 23 constraints, 54 limits.
fn is_of_an_entry(error: &DatabaseError) -> bool {
    let DatabaseError::Refused(refused) = error else { return false };
    let code = refused.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))
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
