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
        among((&self.number, &self.org), all, nobody)
    }
}

/// As [`Whom::among`], of a number and the beginning of an organisation's id.
pub(crate) fn among<'a, T: Copy + Ord>(
    (number, org): (&str, &str),
    all: impl Iterator<Item = (OrgId, &'a str, T)>,
    nobody: &str,
) -> Result<(OrgId, T), Failure> {
    let named = all.filter(|(of, known, _)| *known == number && of.to_string().starts_with(org));
    let mut found: Vec<(OrgId, T)> = named.map(|(org, _, who)| (org, who)).collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::Mistakes(vec![format!("nobody with the number {number:?} {nobody}")])),
        several => {
            let orgs: Vec<String> = several.iter().map(|(org, _)| org.to_string()).collect();
            let reason =
                format!("several organisations have {number:?}: say which with --org: {}", orgs.join(", "));
            Err(Failure::Mistakes(vec![reason]))
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_organisation_is_named_by_the_beginning_of_its_id() {
        let [one, other] = [0xa1, 0xa2].map(|first: u128| OrgId(Uuid::from_u128(first << 120)));
        let all = [(one, "1001", 1), (other, "1001", 2), (other, "1002", 3)];
        let found = |number, org| among((number, org), all.into_iter(), "is known");
        assert_eq!(found("1001", "a2").ok(), Some((other, 2)));
        assert_eq!(found("1002", "").ok(), Some((other, 3)));
        let said = |found: Result<_, Failure>| match found {
            Err(Failure::Mistakes(said)) => said.concat(),
            _ => String::new(),
        };
        assert!(said(found("1001", "a")).contains("--org: a1000000-"), "{}", said(found("1001", "a")));
        assert_eq!(said(found("1002", "a1")), "nobody with the number \"1002\" is known");
    }
}
