//! `sambung voicemail …`: what waits in mailboxes, for the operator. What was said is heard with `sambung recording fetch`, as
//! every recording: a message is one.

mod store;

use clap::Subcommand;

use crate::{
    Failure,
    database::Access,
    switch::{Place, printable},
    terminal,
};

/// `sambung voicemail …`
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// Show the latest messages in mailboxes
    List(List),
}

/// `sambung voicemail list …`
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those of whoever has this number
    number: Option<String>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Access,
}

pub(crate) async fn run(what: &What) -> Result<(), Failure> {
    match what {
        What::List(arguments) => list(arguments).await,
    }
}

async fn list(arguments: &List) -> Result<(), Failure> {
    let mut connection = arguments.database.connect(&arguments.place).await?;
    let heading =
        ["Message", "Organisation", "Mailbox", "From", "Left", "Seconds", "State", "Mail"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    for found in store::messages(&mut connection, arguments.number.as_deref()).await? {
        rows.push(vec![
            found.id.to_string(),
            found.sip_domain,
            found.number.unwrap_or_else(|| "-".to_owned()),
            found.caller_number.map_or_else(|| "-".to_owned(), |caller| printable(&caller)),
            found.left_at,
            format!("{}.{:03}", found.length_ms / 1_000, found.length_ms % 1_000),
            if found.is_heard { "heard".to_owned() } else { "new".to_owned() },
            found.mail.unwrap_or_default(),
        ]);
    }
    terminal::print(&terminal::columns(&rows))?;
    Ok(())
}
