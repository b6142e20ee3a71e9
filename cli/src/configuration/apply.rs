//! `sambung apply`: organisations become what their descriptions say, all of it or nothing.
//!
//! One transaction, one at a time (a lock in the database). Then the switch must say that it runs the new revision and be
//! well with it; otherwise what was changed is changed back. Calls that are up keep the plan they began with.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{FOLDER, load, resolve};
use crate::{
    Failure,
    database::{self, Access, connect, new_id, store::revisions},
    organisation::{
        description::Description,
        difference::{Change, changes, text},
        store::{self, Step},
        undo::undo,
        write::{meaning, write},
    },
    selftest,
    switch::{Place, Switch},
    terminal,
};

/// How often the switch is asked whether it has followed.
const POLL: Duration = Duration::from_millis(50);
/// How long whoever has just ended may take to let go of the lock: the database notices in its own time that they have.
const LOCK_MAX: Duration = Duration::from_secs(2);
/// Tries of a transaction that got in the way of another one.
const TRIES_MAX: u32 = 5;

/// `sambung apply …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Descriptions of organisations, or folders with organisations/*.toml in them
    #[arg(value_name = "PATH", default_value = FOLDER, conflicts_with = "rollback")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Access,
    /// Take back what was applied last; again for what was applied before that
    #[arg(long)]
    rollback: bool,
    /// Change the database although no switch is there to say that it follows
    #[arg(long, conflicts_with = "selftest")]
    without_switch: bool,
    /// Let two built-in phones call each other afterwards, and take everything back when they cannot
    #[arg(long)]
    selftest: bool,
    /// Where the switch takes SIP, for --selftest [default: that of demo.json, else 127.0.0.1:5060]
    #[arg(long, value_name = "ADDRESS", requires = "selftest")]
    sip: Option<SocketAddr>,
    /// Seconds that the switch may take to follow
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    wait_secs: u64,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

/// What has been changed.
struct Changed {
    run: Uuid,
    revision: i64,
    changes: Vec<Change>,
}

/// Everything that is needed to see it through.
struct Application<'a> {
    arguments: &'a Arguments,
    switch: Option<Switch>,
    url: String,
    demo: Value,
    connection: PgConnection,
}

/// Waits a little to be the only one; false when somebody else goes on.
async fn alone(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let end = Instant::now() + LOCK_MAX;
    while !store::lock(connection).await? {
        if Instant::now() >= end {
            return Ok(false);
        }
        sleep(POLL).await;
    }
    Ok(true)
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let descriptions = match arguments.rollback {
        true => Vec::new(),
        false => load(&arguments.paths).map_err(|mistakes| super::said(&mistakes))?,
    };
    let switch = match arguments.without_switch {
        true => None,
        false => Some(ready(&arguments.place).await.context(
            "nothing was changed: the switch must be there to take it (or give --without-switch)",
        )?),
    };
    let demo = database::demo(&arguments.place.folder());
    let url = arguments.database.url(&demo)?;
    let mut connection = connect(&url).await?;
    if !alone(&mut connection).await? {
        let error = anyhow::anyhow!("nothing was changed: another `sambung apply` is going on");
        return Err(error.into());
    }
    let mut application = Application { arguments, switch, url, demo, connection };
    let changed = match arguments.rollback {
        true => application.take_back_newest().await?,
        false => application.change(&descriptions).await?,
    };
    let settled = match &changed {
        Some(changed) => {
            if !arguments.json {
                terminal::print(&text(&changed.changes))?;
            }
            application.see_through(changed).await
        }
        None => Ok(()),
    };
    report(arguments, changed.as_ref(), settled.is_ok())?;
    Ok(settled?)
}

fn report(arguments: &Arguments, changed: Option<&Changed>, is_in_use: bool) -> anyhow::Result<()> {
    let revision = changed.map(|changed| changed.revision);
    if arguments.json {
        let changes = changed.map(|changed| changed.changes.as_slice()).unwrap_or_default();
        let answer = json!({ "changes": changes, "revision": revision, "in_use": is_in_use && !arguments.without_switch });
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&answer)?))?;
        return Ok(());
    }
    let line = match revision {
        None => "Nothing to change.".to_owned(),
        Some(_) if !is_in_use => return Ok(()),
        Some(revision) if arguments.without_switch => {
            format!("Revision {revision} waits for a switch.")
        }
        Some(revision) => format!("Revision {revision} is in use."),
    };
    terminal::print(&format!("{line}\n"))?;
    Ok(())
}

/// The switch, if it can take calls.
async fn ready(place: &Place) -> anyhow::Result<Switch> {
    let switch = place.find()?;
    switch.get::<Value>("/health").await?;
    Ok(switch)
}

impl Application<'_> {
    /// Makes the rows what they shall be; `None` when they are.
    async fn change(&mut self, descriptions: &[Description]) -> Result<Option<Changed>, Failure> {
        let mut tries = 1;
        loop {
            match self.try_to_change(descriptions).await {
                Err(Failure::Failed(error)) if tries < TRIES_MAX && was_in_the_way(&error) => tries += 1,
                other => return other,
            }
        }
    }

    async fn try_to_change(&mut self, descriptions: &[Description]) -> Result<Option<Changed>, Failure> {
        let mut unit = self.connection.begin().await?;
        store::hold_revision(&mut unit).await?;
        let (mut steps, mut all) = (Vec::new(), Vec::new());
        for description in descriptions {
            let (current, wanted) = resolve(&mut unit, description).await?;
            let mut found = changes(current.as_ref(), &wanted);
            if !found.is_empty() {
                all.append(&mut found);
                steps.push((current, wanted));
            }
        }
        if steps.is_empty() {
            unit.rollback().await?;
            return Ok(None);
        }
        let pairs: Vec<_> = steps.iter().map(|(before, after)| (before.as_ref(), after)).collect();
        write(&mut unit, &pairs).await.map_err(explained)?;
        let run = new_id()?;
        for (before, after) in steps {
            let before = before.unwrap_or_else(|| after.nothing_of());
            store::record(&mut unit, run, &Step { before, after }).await?;
        }
        let revision = store::hold_revision(&mut unit).await?;
        unit.commit().await?;
        Ok(Some(Changed { run, revision, changes: all }))
    }

    /// Waits for the switch; takes everything back when it does not follow or is not well.
    async fn see_through(&mut self, changed: &Changed) -> anyhow::Result<()> {
        if self.switch.is_none() {
            return Ok(());
        }
        let Err(error) = self.settle(changed.revision).await else {
            let mut unit = self.connection.begin().await?;
            store::confirm(&mut unit, changed.run).await?;
            return Ok(unit.commit().await?);
        };
        if self.arguments.rollback {
            return Err(error.context("it was taken back in the database, but the switch does not follow"));
        }
        let undone = self.take_back(changed.run).await;
        let undone = undone.context("and it could not be taken back: `sambung apply --rollback`");
        let undone = match undone {
            Ok(undone) => undone,
            Err(worse) => bail!("{error:#}; {worse:#}"),
        };
        let followed = self.followed(undone.revision).await.is_ok();
        let state = if followed { "is in use" } else { "waits for the switch" };
        bail!("everything was taken back, revision {} {state}: {error:#}", undone.revision)
    }

    /// The switch runs the revision and is well with it.
    async fn settle(&mut self, revision: i64) -> anyhow::Result<()> {
        self.followed(revision).await?;
        let Some(switch) = &self.switch else { return Ok(()) };
        switch.get::<Value>("/health").await.context("the switch is not well with it")?;
        if self.arguments.selftest {
            let doors = selftest::Doors::find(switch, self.arguments.sip, &self.demo)?;
            let report = selftest::prove(switch, &self.url, &doors).await?;
            ensure!(!report.has_failed, "the self-test has failed:\n{}", terminal::columns(&report.rows));
        }
        Ok(())
    }

    async fn followed(&mut self, revision: i64) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_secs(self.arguments.wait_secs);
        while revisions(&mut self.connection).await?.applied < revision {
            ensure!(
                Instant::now() < until,
                "the switch did not take revision {revision} within {} s: its log says why",
                self.arguments.wait_secs
            );
            sleep(POLL).await;
        }
        Ok(())
    }

    async fn take_back_newest(&mut self) -> Result<Option<Changed>, Failure> {
        let mut unit = self.connection.begin().await?;
        let run = store::newest(&mut unit).await?;
        unit.rollback().await?;
        match run {
            Some(run) => Ok(Some(self.take_back(run).await?)),
            None => {
                Err(Failure::Mistakes(vec!["nothing has been applied that could be taken back".to_owned()]))
            }
        }
    }

    /// Undoes an application, and nothing that others have done since.
    async fn take_back(&mut self, run: Uuid) -> anyhow::Result<Changed> {
        let mut unit = self.connection.begin().await?;
        store::hold_revision(&mut unit).await?;
        let (mut steps, mut all) = (Vec::new(), Vec::new());
        for step in store::steps(&mut unit, run).await? {
            let current = store::load(&mut unit, &step.after.domain).await?;
            let current = current.with_context(|| format!("{} is not there any more", step.after.domain))?;
            let undone = undo(&current, &step.before, &step.after);
            all.append(&mut changes(Some(&current), &undone));
            steps.push((current, undone));
        }
        let pairs: Vec<_> = steps.iter().map(|(before, after)| (Some(before), after)).collect();
        write(&mut unit, &pairs).await.map_err(explained)?;
        store::mark_undone(&mut unit, run).await?;
        let revision = store::hold_revision(&mut unit).await?;
        unit.commit().await?;
        Ok(Changed { run, revision, changes: all })
    }
}

/// With what a refusal of the database means.
fn explained(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<sqlx::Error>().and_then(meaning) {
        Some(meaning) => anyhow::anyhow!("nothing was changed: {meaning}"),
        None => error.context("nothing was changed"),
    }
}

/// Two transactions waited for each other, and the server ended ours.
fn was_in_the_way(error: &anyhow::Error) -> bool {
    let error = error.chain().find_map(|cause| cause.downcast_ref::<sqlx::Error>());
    let code = error.and_then(sqlx::Error::as_database_error).and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "40P01" || code == "40001")
}
