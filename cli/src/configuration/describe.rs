//! `sambung describe DOMAIN`: an organisation as the file that describes it, to begin from.

use sqlx::Connection as _;

use crate::{
    Failure,
    database::Access,
    organisation::{store, text},
    switch::Place,
    terminal,
};

/// `sambung describe …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The organisation's SIP domain
    domain: String,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Access,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut connection = arguments.database.connect(&arguments.place).await?;
    let mut unit = connection.begin().await?;
    let Some(rows) = store::load(&mut unit, &arguments.domain).await? else {
        let domains = store::domains(&mut unit).await?.join(", ");
        let domain = &arguments.domain;
        return Err(Failure::Mistakes(vec![format!(
            "no organisation has the domain {domain}; there are {domains}"
        )]));
    };
    unit.rollback().await?;
    terminal::print(&text::text(&rows))?;
    Ok(())
}
