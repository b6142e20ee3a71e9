//! Somebody by their number, as orders about people name them.

use contract::id::OrgId;

use crate::{Failure, switch::Place};

#[derive(Debug, clap::Args)]
pub(crate) struct Whom {
    /// Their number
    pub(crate) number: String,
    /// The beginning of their organisation's id, where several have that number
    #[arg(long, default_value = "")]
    org: String,
    #[command(flatten)]
    pub(crate) place: Place,
}

impl Whom {
    /// Whoever has that number among `all`, as (organisation, number, who). `nobody`: why there may be none.
    pub(crate) fn among<'a, T: Copy + Ord>(
        &self,
        all: impl Iterator<Item = (OrgId, &'a str, T)>,
        nobody: &str,
    ) -> Result<(OrgId, T), Failure> {
        let named =
            all.filter(|(org, number, _)| *number == self.number && org.to_string().starts_with(&self.org));
        let mut found: Vec<(OrgId, T)> = named.map(|(org, _, who)| (org, who)).collect();
        found.sort_unstable();
        found.dedup();
        let number = &self.number;
        match found.as_slice() {
            [one] => Ok(*one),
            [] => Err(Failure::Mistakes(vec![format!("nobody with the number {number:?} {nobody}")])),
            several => {
                let orgs: Vec<String> = several.iter().map(|(org, _)| org.to_string()).collect();
                let reason = format!(
                    "several organisations have {number:?}: say which with --org: {}",
                    orgs.join(", ")
                );
                Err(Failure::Mistakes(vec![reason]))
            }
        }
    }
}
