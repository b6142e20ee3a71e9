//! `sambung route FROM TO`: what a call would come to at any time, and why, by the function that the switch asks and on
//! the rows that it reads. Needs no switch. Exit 0: somebody would ring, or the switch itself would answer; 2: nobody, or
//! the question or the rows have mistakes; 1: it cannot be told.

use std::fmt::Write as _;

use contract::{
    id::{AccountId, OrgId, TrunkId},
    rules::Condition,
    snapshot::Snapshot,
    time::Timestamp,
    trace::RouteTrace,
};
use dialplan::{Decision, Facts, OrgPlan, PersonKey, Plan, Route};
use jiff::civil::DateTime;
use serde::Serialize;
use sqlx::Connection as _;

use crate::{
    Failure,
    database::Access,
    organisation::{Account, Rows, store},
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

/// What rings can come to.
const OUTCOMES: [Condition; 3] = [Condition::Busy, Condition::NoAnswer, Condition::Unreachable];

/// The whole answer.
#[derive(Serialize)]
struct Answer {
    revision: i64,
    organisation: String,
    from: String,
    to: String,
    /// With the zone of the organisation.
    at: String,
    route: Route,
    steps: RouteTrace,
    /// What follows if everything that rings comes to the same.
    then: Vec<Then>,
}

/// What follows.
#[derive(Serialize)]
struct Then {
    /// If all that rings comes to this.
    condition: Condition,
    /// One after the other; the call ends after the last.
    decisions: Vec<Next>,
}

/// One decision after the first.
#[derive(Serialize)]
struct Next {
    route: Route,
    steps: RouteTrace,
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
    let answer = ask(&plan, &rows, arguments)?;
    let text =
        if arguments.json { format!("{}\n", serde_json::to_string_pretty(&answer)?) } else { text(&answer) };
    terminal::print(&text)?;
    match answer.route {
        Route::Ring(_)
        | Route::Intercom(_)
        | Route::Queue(_)
        | Route::Feature(_)
        | Route::Announce(_)
        | Route::Voicemail(_)
        | Route::Menu(_)
        | Route::Conference(_)
        | Route::Page(_) => Ok(()),
        Route::Refuse(_) => Err(Failure::Said(2)),
    }
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

fn ask(plan: &Plan, rows: &Rows, arguments: &Arguments) -> Result<Answer, Failure> {
    let org = OrgId(rows.id);
    let planned = plan.organisation(org).ok_or_else(|| anyhow::anyhow!("the organisation is in no plan"))?;
    let caller = caller(planned, rows, &arguments.from)?;
    let now = instant(arguments.at.as_deref(), planned)?;
    let to = match caller {
        PersonKey::Trunk(_) => planned.e164(&arguments.to).ok_or_else(|| {
            let reason =
                format!("{:?} is no number that is dialled outside, such as +62215550100", arguments.to);
            Failure::Mistakes(vec![reason])
        })?,
        PersonKey::User(_) | PersonKey::Account(_) => arguments.to.clone(),
    };
    let facts = Facts { org, caller, dialled: &to };
    let first = plan.route(&facts, now);
    let revision = plan.revision();
    let follow = |condition| {
        let mut decisions = Vec::new();
        let mut decision: Decision = first.clone();
        while decision.route.ring().is_some() {
            let Some(next) = plan.route_after((org, caller), &decision.trail, condition, now) else { break };
            decisions.push(Next { route: next.route.clone(), steps: next.told(revision) });
            decision = next;
        }
        Then { condition, decisions }
    };
    let at = jiff::Timestamp::from_microsecond(now.0)?.to_zoned(planned.zone().clone());
    Ok(Answer {
        revision,
        organisation: rows.domain.clone(),
        from: arguments.from.clone(),
        to,
        at: at.strftime("%a %Y-%m-%d %H:%M %Q").to_string(),
        steps: first.told(revision),
        then: OUTCOMES.into_iter().map(follow).filter(|then| !then.decisions.is_empty()).collect(),
        route: first.route,
    })
}

/// Who calls: somebody behind the trunk of that name, whose account has that username, or who has that number and an account.
fn caller(org: &OrgPlan, rows: &Rows, from: &str) -> Result<PersonKey, Failure> {
    if let Some(trunk) = rows.outside.trunks.get(from) {
        return Ok(PersonKey::Trunk(TrunkId(trunk.id)));
    }
    let by_number = |email: &str| rows.staff.get(email).is_some_and(|staff| staff.number == from);
    let found = rows.accounts.get(from).or_else(|| {
        let mut owned = rows.accounts.values();
        owned.find(|account| account.owner.as_deref().is_some_and(by_number))
    });
    let person = |account: &Account| {
        let id = AccountId(account.id);
        // Of an account that may not call nobody is left out.
        org.account_by_id(id).map_or(PersonKey::Account(id), |account| account.person)
    };
    found.map(person).ok_or_else(|| {
        Failure::Mistakes(vec![format!(
            "{from:?} is neither the username of an account of {}, nor the number of somebody who has one, nor a trunk",
            rows.domain
        )])
    })
}

fn instant(at: Option<&str>, org: &OrgPlan) -> Result<Timestamp, Failure> {
    let Some(text) = at else { return Ok(Timestamp(jiff::Timestamp::now().as_microsecond())) };
    let absolute = text.parse::<jiff::Timestamp>().ok();
    let local = || {
        let local: DateTime = text.parse().ok()?;
        org.zone().to_timestamp(local).ok()
    };
    let instant = absolute.or_else(local).ok_or_else(|| {
        let expected =
            "expected a time such as 2026-12-25T19:00, by the organisation's clock, or 2026-12-25T12:00Z";
        Failure::Mistakes(vec![format!("--at {text:?}: {expected}")])
    })?;
    Ok(Timestamp(instant.as_microsecond()))
}

fn text(answer: &Answer) -> String {
    let Answer { revision, organisation, at, from, to, .. } = answer;
    let (from, to) = (printable(from), printable(to));
    let mut text = format!("{from} calls {to} of {organisation}, {at} (configuration revision {revision})\n");
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

fn told(route: &Route) -> String {
    match route {
        Route::Ring(ring) if ring.outbound.is_some() => {
            let (number, secs) = (printable(&ring.number), ring.ring_timeout_secs);
            format!("calls {number} in the telephone network, for up to {secs} s")
        }
        Route::Ring(ring) => {
            let (number, name) = (printable(&ring.number), printable(&ring.name));
            format!("rings {number} “{name}” for up to {} s", ring.ring_timeout_secs)
        }
        Route::Intercom(ring) => {
            format!(
                "the phones of {} “{}” answer by themselves",
                printable(&ring.number),
                printable(&ring.name)
            )
        }
        Route::Queue(queueing) => {
            let (number, name) = (printable(&queueing.ring.number), printable(&queueing.ring.name));
            let secs = queueing.queue.wait_max_secs;
            format!("waits in the queue of {number} “{name}” for up to {secs} s, if nobody is free")
        }
        Route::Feature(feature) => format!("the switch answers: {}", feature.as_str()),
        Route::Announce(announcement) => {
            format!("the caller hears “{}” and is refused", printable(&announcement.sound))
        }
        Route::Voicemail(voicemail) => {
            format!("the caller may leave a message for {}", printable(&voicemail.mailbox.number))
        }
        Route::Menu(menu) => format!("the caller chooses from the menu of {}", printable(&menu.number)),
        Route::Conference(conference) => {
            format!("the caller comes into the conference of {}", printable(&conference.number))
        }
        Route::Page(paging) => {
            format!("the caller speaks to the phones of {}", printable(&paging.group.number))
        }
        Route::Refuse(refusal) => format!("refused: {}", refusal.reason()),
    }
}
