//! `sambung route FROM TO`: what a call would come to at any time, and why, by the function that the switch's own door asks, and
//! on the rows that the switch reads. Needs no switch. Exit 0: somebody would ring, or the switch itself would answer; 2: nobody, or
//! the question or the rows have mistakes; 1: it cannot be told.

use std::fmt::Write as _;

use contract::{
    id::OrgId,
    route::{RouteAnswer, RouteQuestion, Routed},
    snapshot::Snapshot,
    time::Timestamp,
};
use sqlx::Connection as _;

use crate::{
    Failure,
    database::Access,
    organisation::{Rows, store},
    switch::{Place, printable},
    terminal,
    why::words::{came_to, steps},
};

/// `sambung route …`
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Who calls: the number of a person, the username of an account, or for a call from outside the name of a trunk
    from: String,
    /// What is dialled
    to: String,
    /// When: 2026-12-25T19:00 by the organisation's clock, or 2026-12-25T12:00Z; now without it
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The organisation's SIP domain; not needed where there is one alone, or a default one
    #[arg(long, value_name = "DOMAIN")]
    org: Option<String>,
    /// Print JSON for programs
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    database: Access,
}

pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut connection = arguments.database.connect(&arguments.place).await?;
    // One instant for all that is read.
    let mut unit = connection.begin_with("begin isolation level repeatable read read only").await?;
    let revision = store::revision(&mut unit).await?;
    let rows = organisation(&mut unit, arguments.org.as_deref()).await?;
    let suspended = store::suspended(&mut unit, rows.id).await?;
    unit.rollback().await?;
    if rows.status != "approved" {
        let reason = format!("{} is {}: the switch leaves it out", rows.domain, rows.status);
        return Err(Failure::Mistakes(vec![reason]));
    }
    let snapshot = Snapshot { revision, organisations: vec![rows.snapshot(&suspended)] };
    let plan = dialplan::compile(&snapshot).map_err(|wrong| {
        let reasons = wrong.iter().map(|wrong| format!("the switch refuses revision {revision}: {wrong}"));
        Failure::Mistakes(reasons.collect())
    })?;
    let question = RouteQuestion {
        org: Some(OrgId(rows.id)),
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        at: arguments.at.clone(),
    };
    let now = Timestamp(jiff::Timestamp::now().as_microsecond());
    let answer = plan
        .try_number(&question, now)
        .map_err(|wrong| Failure::Mistakes(wrong.into_iter().map(|wrong| wrong.reason).collect()))?;
    let text =
        if arguments.json { format!("{}\n", serde_json::to_string_pretty(&answer)?) } else { text(&answer) };
    terminal::print(&text)?;
    if matches!(answer.route, Routed::Refuse { .. }) { Err(Failure::Said(2)) } else { Ok(()) }
}

async fn organisation(c: &mut sqlx::PgConnection, wanted: Option<&str>) -> Result<Rows, Failure> {
    let domains = store::domains(c).await?;
    let known = match wanted {
        Some(domain) => store::load(c, domain).await?,
        None => match domains.as_slice() {
            [only] => store::load(c, only).await?,
            _ => match store::default_domain(c).await? {
                Some(domain) => store::load(c, &domain).await?,
                None => None,
            },
        },
    };
    known.ok_or_else(|| {
        let domains = domains.join(", ");
        Failure::Mistakes(vec![match wanted {
            Some(domain) => format!("no organisation has the domain {domain}; there are {domains}"),
            None => format!("say which organisation with --org; there are {domains}"),
        }])
    })
}

fn text(answer: &RouteAnswer) -> String {
    let RouteAnswer { revision, organisation, local, from, to, .. } = answer;
    let (from, to) = (printable(from), printable(to));
    let mut text =
        format!("{from} calls {to} of {organisation}, {local} (configuration revision {revision})\n");
    text.push_str(&steps(&answer.steps, &to));
    // Writing to a String cannot fail.
    let _ = writeln!(text, "→ {}", told(&answer.route));
    for then in &answer.then {
        let _ = writeln!(text, "If that {}:", came_to(then.condition));
        for next in &then.decisions {
            text.push_str(&steps(&next.steps, &to));
            let _ = writeln!(text, "→ {}", told(&next.route));
        }
    }
    text
}

fn told(route: &Routed) -> String {
    match route {
        Routed::Ring { number, ring_timeout_secs, is_outside: true, .. } => {
            format!("calls {} in the telephone network, for up to {ring_timeout_secs} s", printable(number))
        }
        Routed::Ring { number, name, ring_timeout_secs, .. } => {
            format!("rings {} “{}” for up to {ring_timeout_secs} s", printable(number), printable(name))
        }
        Routed::Intercom { number, name } => {
            format!("the phones of {} “{}” answer by themselves", printable(number), printable(name))
        }
        Routed::Queue { number, name, wait_max_secs, .. } => {
            let (number, name) = (printable(number), printable(name));
            format!("waits in the queue of {number} “{name}” for up to {wait_max_secs} s, if nobody is free")
        }
        Routed::Feature(name) => format!("the switch answers: {name}"),
        Routed::Announce { sound } => format!("the caller hears “{}” and is refused", printable(sound)),
        Routed::Voicemail { number } => format!("the caller may leave a message for {}", printable(number)),
        Routed::Menu { number } => format!("the caller chooses from the menu of {}", printable(number)),
        Routed::Conference { number } => {
            format!("the caller comes into the conference of {}", printable(number))
        }
        Routed::Page { number } => format!("the caller speaks to the phones of {}", printable(number)),
        Routed::Refuse { reason } => format!("refused: {reason}"),
    }
}
