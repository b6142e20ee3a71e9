//! Calls, queues and phones of the moment as clients see them.

use contract::{
    journal::EventKind,
    live::{self, AgentState, LegStage},
    queues::Strategy,
    time::Timestamp,
};
use serde::Serialize;
use utoipa::{ToSchema, openapi};
use uuid::Uuid;

use crate::{instant::Instant, telephony::calls::model::Direction};

/// All of something.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct All<T> {
    /// As it stands now.
    pub items: Vec<T>,
}

impl<T> All<T> {
    /// As clients see them.
    pub fn of<L: Into<T>>(all: Vec<L>) -> Self {
        Self { items: all.into_iter().map(L::into).collect() }
    }
}

/// A call that goes on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveCall {
    /// Its id.
    pub id: Uuid,
    /// Who calls whom.
    pub direction: Direction,
    /// Number or username of the caller.
    #[schema(example = "1001")]
    pub caller: String,
    /// What was dialled.
    #[schema(example = "100")]
    pub dialled: String,
    /// When it began.
    pub created_at: Instant,
    /// When it was answered, if it was.
    pub answered_at: Option<Instant>,
    /// Its latest event.
    #[schema(value_type = String, example = "answered")]
    pub state: EventKind,
}

/// A call that goes on, with its sides.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveCallDetail {
    /// The call as in the list.
    #[serde(flatten)]
    pub call: LiveCall,
    /// Its sides; the caller's is 1.
    pub legs: Vec<LiveLeg>,
}

/// One side of a call that goes on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveLeg {
    /// Its number in the call.
    pub no: u16,
    /// `trying`, `ringing`, `answered` or `leaving`.
    #[schema(value_type = String, example = "answered")]
    pub stage: LegStage,
    /// It has put the call on hold.
    pub is_holding: bool,
    /// When it came to be.
    pub created_at: Instant,
    /// When it was answered, if it was.
    pub answered_at: Option<Instant>,
}

/// A queue as it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveQueue {
    /// Its id.
    pub id: Uuid,
    /// The number of its extension.
    #[schema(example = "100")]
    pub number: String,
    /// The name of its extension.
    pub name: String,
    /// Who is asked next.
    #[schema(schema_with = strategy)]
    pub strategy: Strategy,
    /// Callers who wait, the next one first.
    pub waiting: Vec<LiveWaiting>,
    /// Who answers.
    pub agents: Vec<LiveAgent>,
    /// What a caller who came now would wait, by the latest calls; null before there were any.
    pub estimated_wait_seconds: Option<u64>,
}

/// A caller who waits in a queue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveWaiting {
    /// The call.
    pub call_id: Uuid,
    /// 1 is the next, 0 that somebody rings for it.
    pub place: u16,
    /// Before callers with less.
    pub priority: u16,
    /// For how long it has waited.
    pub waits_seconds: u64,
}

/// Somebody who answers a queue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LiveAgent {
    /// Who.
    pub user_id: Uuid,
    /// Their number.
    #[schema(example = "1001")]
    pub number: String,
    /// Their name.
    pub name: String,
    /// How they stand.
    #[schema(schema_with = agent_state)]
    pub state: AgentState,
    /// Calls of this queue that they have taken since the switch was started.
    pub taken: u32,
    /// Calls in a row that they have not taken.
    pub misses: u16,
}

/// A phone that can be reached.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Registration {
    /// The account.
    pub account_id: Uuid,
    /// Its username.
    #[schema(example = "1001")]
    pub username: String,
    /// Where it is reached.
    pub contact: String,
    /// Where its signalling came from.
    #[schema(example = "udp/192.0.2.1:5060")]
    pub source: String,
    /// What the phone calls itself, if it said.
    pub user_agent: Option<String>,
    /// When it expires unless refreshed.
    pub expires_at: Instant,
}

/// Our own clock, so never beyond what can be said.
fn at(time: Timestamp) -> Instant {
    Instant(time)
}

impl From<live::LiveCall> for LiveCall {
    fn from(one: live::LiveCall) -> Self {
        Self {
            id: one.call.0,
            direction: one.direction.into(),
            caller: one.caller,
            dialled: one.dialled,
            created_at: at(one.created_at),
            answered_at: one.answered_at.map(at),
            state: one.state,
        }
    }
}

impl From<live::LiveCallLegs> for LiveCallDetail {
    fn from(one: live::LiveCallLegs) -> Self {
        let leg = |leg: live::LiveLeg| LiveLeg {
            no: leg.no,
            stage: leg.stage,
            is_holding: leg.is_holding,
            created_at: at(leg.created_at),
            answered_at: leg.answered_at.map(at),
        };
        Self { call: one.call.into(), legs: one.legs.into_iter().map(leg).collect() }
    }
}

impl From<live::LiveQueue> for LiveQueue {
    fn from(one: live::LiveQueue) -> Self {
        let waiting = one.waiting.into_iter().map(|call| LiveWaiting {
            call_id: call.call.0,
            place: call.place,
            priority: call.priority,
            waits_seconds: call.waits_secs,
        });
        let agents = one.agents.into_iter().map(|agent| LiveAgent {
            user_id: agent.user.0,
            number: agent.number,
            name: agent.name,
            state: agent.state,
            taken: agent.taken,
            misses: agent.misses,
        });
        Self {
            id: one.queue.0,
            number: one.number,
            name: one.name,
            strategy: one.strategy,
            waiting: waiting.collect(),
            agents: agents.collect(),
            estimated_wait_seconds: one.estimated_wait_secs,
        }
    }
}

impl From<live::Registration> for Registration {
    fn from(one: live::Registration) -> Self {
        Self {
            account_id: one.account.0,
            username: one.username,
            contact: one.contact,
            source: one.source,
            user_agent: one.user_agent,
            expires_at: at(one.expires_at),
        }
    }
}

/// The words, from the one place where they stand.
fn strategy() -> openapi::schema::Object {
    words(Strategy::ALL.iter().map(|one| one.as_str()))
}

fn agent_state() -> openapi::schema::Object {
    words(AgentState::ALL.iter().map(|one| one.as_str()))
}

fn words(words: impl Iterator<Item = &'static str>) -> openapi::schema::Object {
    let of = openapi::ObjectBuilder::new().schema_type(openapi::schema::Type::String);
    of.enum_values(Some(words)).build()
}
