//! What Postgres holds of calls, as text that can be laid beside the golden sequences (H-062 … H-066).

use std::{thread::sleep, time::Duration};

use anyhow::{Context, Result, anyhow, ensure};
use configuration::Secrets;
use contract::snapshot::Snapshot;
use dialplan::Plan;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::runtime::{Builder, Runtime};

use crate::process::wait_until;

/// How long the journal may take to deliver the last row of a call.
const DELIVERY_MAX: Duration = Duration::from_secs(30);
/// A call of which no row has come for so long has all of them: legs are written when their phones have answered our BYE, behind
/// the `ended`.
const REST: Duration = Duration::from_secs(1);

/// A connection of the test's own.
#[derive(Debug)]
pub struct Record {
    runtime: Runtime,
    connection: PgConnection,
}

/// A call's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// `internal`, `inbound` or `outbound`.
    pub direction: String,
    /// `role kind`, in order of joining.
    pub participants: Vec<String>,
    /// `event_type attempt_count queue_count participant_no`, the last only where there is one, by `seq`.
    pub events: Vec<String>,
    /// Final SIP status of each leg; 0 when none came.
    pub legs: Vec<i32>,
    /// Numbers of those outside, and that forwards and transfers go to, in order.
    pub numbers: Vec<String>,
    /// `reason` of each event that has one.
    pub reasons: Vec<String>,
}

impl Record {
    /// Connects to `url`, the `database_url` of `demo.json`.
    pub fn open(url: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let connection = runtime.block_on(PgConnection::connect(url))?;
        Ok(Self { runtime, connection })
    }

    /// Changes something: one of the statements of a test.
    pub fn execute(&mut self, statement: &'static str) -> Result<u64> {
        Ok(self.runtime.block_on(sqlx::query(statement).execute(&mut self.connection))?.rows_affected())
    }

    /// The plan that all rows of the configuration come to.
    pub fn plan(&mut self) -> Result<Plan> {
        let (runtime, c) = (&self.runtime, &mut self.connection);
        let revision = sqlx::query_scalar("select revision from telephony.revisions");
        let revision = runtime.block_on(revision.fetch_one(&mut *c))?;
        let organisations = runtime.block_on(configuration::load(c, None, Secrets::Read))?;
        let compiled = dialplan::compile(&Snapshot { revision, organisations });
        compiled.map_err(|wrong| anyhow!("rows that no plan can be made of: {wrong:?}"))
    }

    /// The first column of every row.
    pub fn texts(&mut self, query: &'static str, call: Option<&str>) -> Result<Vec<String>> {
        let query = match call {
            Some(call) => sqlx::query(query).bind(call),
            None => sqlx::query(query),
        };
        let rows = self.runtime.block_on(query.fetch_all(&mut self.connection))?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Ids of all calls, oldest first.
    pub fn calls(&mut self) -> Result<Vec<String>> {
        self.texts("select id::text from telephony.calls order by created_at, id", None)
    }

    /// Waits until exactly one call more than `before` exists and has ended, and tells its story.
    pub fn next_story(&mut self, before: &[String]) -> Result<Story> {
        self.next_stories(before, 1)?.pop().context("a call")
    }

    /// The same of so many calls, the oldest first.
    pub fn next_stories(&mut self, before: &[String], count: usize) -> Result<Vec<Story>> {
        let wanted = before.len() + count;
        wait_until(DELIVERY_MAX, "more calls that have ended", || {
            let query = "select count(*)::text from telephony.call_events where event_type = 'ended'";
            let ended = self.texts(query, None)?.concat().parse::<usize>()?;
            Ok(ended >= wanted && self.calls()?.len() >= wanted)
        })?;
        let mut new = self.calls()?;
        new.retain(|call| !before.contains(call));
        ensure!(new.len() == count, "{} new calls instead of {count}: {new:?}", new.len());
        let mut stories: Vec<Story> = Vec::new();
        wait_until(DELIVERY_MAX, "records at rest", || {
            sleep(REST);
            let before = std::mem::take(&mut stories);
            stories = new.iter().map(|call| self.story(call)).collect::<Result<_>>()?;
            Ok(stories == before)
        })?;
        Ok(stories)
    }

    /// The story of one call.
    pub fn story(&mut self, call: &str) -> Result<Story> {
        let call = Some(call);
        let legs = "select coalesce(sip_status, 0)::text from telephony.call_legs where call_id = $1::uuid order by no";
        Ok(Story {
            direction: self.texts("select direction from telephony.calls where id = $1::uuid", call)?.concat(),
            participants: self.texts(
                "select role || ' ' || kind from telephony.call_participants where call_id = $1::uuid order by no",
                call,
            )?,
            events: self.texts(
                "select concat_ws(' ', event_type, attempt_count, queue_count, participant_no)
                 from telephony.call_events where call_id = $1::uuid order by seq",
                call,
            )?,
            legs: self.texts(legs, call)?.iter().map(|status| Ok(status.parse()?)).collect::<Result<_>>()?,
            numbers: self.texts(
                "select detail->>'number' from telephony.call_events
                 where call_id = $1::uuid and detail ? 'number' order by seq",
                call,
            )?,
            reasons: self.texts(
                "select detail->>'reason' from telephony.call_events
                 where call_id = $1::uuid and detail ? 'reason' order by seq",
                call,
            )?,
        })
    }

    /// `(packets received, packets lost)` of each leg of a call, when its media has been closed.
    pub fn quality(&mut self, call: &str) -> Result<Vec<(u64, i64)>> {
        let rows = self.texts(
            "select packets_received || ' ' || packets_lost from telephony.quality_reports
             where call_id = $1::uuid order by leg_no",
            Some(call),
        )?;
        rows.iter()
            .map(|row| {
                let (received, lost) = row.split_once(' ').context("two columns")?;
                Ok((received.parse()?, lost.parse()?))
            })
            .collect()
    }
}
