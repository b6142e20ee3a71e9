//! `sambung diff`: what applying would change, and whether the switch runs what the database holds. Changes nothing.

use std::path::PathBuf;

use serde_json::json;
use sqlx::Connection as _;

use super::{FOLDER, load, resolve};
use crate::{
    Failure,
    database::{Access, store::revisions},
    organisation::difference::{changes, text},
    switch::Place,
    terminal,
};

/// `sambung diff …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Descriptions of organisations, or folders with organisations/*.toml in them
    #[arg(value_name = "PATH", default_value = FOLDER)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Access,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    match differences(arguments).await {
        // Exit 2 says that there is a difference.
        Err(Failure::Mistakes(mistakes)) => {
            for mistake in mistakes {
                terminal::say(&format!("sambung: {mistake}"));
            }
            Err(Failure::Said(1))
        }
        other => other,
    }
}

async fn differences(arguments: &Arguments) -> Result<(), Failure> {
    let descriptions = load(&arguments.paths).map_err(|mistakes| super::said(&mistakes))?;
    let mut connection = arguments.database.connect(&arguments.place).await?;
    let mut unit = connection.begin_with("begin isolation level repeatable read").await?;
    let mut all = Vec::new();
    for description in &descriptions {
        let (current, wanted) = resolve(&mut unit, description).await?;
        all.append(&mut changes(current.as_ref(), &wanted));
    }
    unit.rollback().await?;
    let revisions = revisions(&mut connection).await?;
    let (revision, applied) = (revisions.revision, revisions.applied);
    if arguments.json {
        let answer = json!({ "revision": revision, "applied": applied, "changes": all });
        terminal::print(&format!("{}\n", serde_json::to_string_pretty(&answer)?))?;
    } else {
        terminal::print(&text(&all))?;
        if !revisions.is_applied() {
            terminal::say(&format!(
                "sambung: the switch runs revision {applied}, the database is at {revision}: it is down, or refuses it (its log says why)"
            ));
        }
    }
    if all.is_empty() { Ok(()) } else { Err(Failure::Said(2)) }
}
