//! `sambung queue …`: who waits in which queue, who answers, and who is not to be asked for a while.

use clap::Subcommand;
use contract::{
    command::{Command, Outcome},
    id::{OrgId, UserId},
    live::{LiveAgent, LiveQueue, LiveWaiting},
};

use crate::{
    Failure,
    live::{self, show},
    switch::{Place, span},
    terminal,
};

/// `sambung queue …`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct QueueArguments {
    #[command(subcommand)]
    order: Option<Order>,
    #[command(flatten)]
    shown: live::Arguments,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Let no queue ask somebody any more; calls that ring already go on ringing
    Pause(Whom),
    /// Let somebody be asked again, at once: whatever is left of a wrap-up is over, too
    Resume(Whom),
}

#[derive(Debug, clap::Args)]
struct Whom {
    /// The number of somebody who answers a queue
    number: String,
    /// The beginning of their organisation's id, where several have that number
    #[arg(long, default_value = "")]
    org: String,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(arguments: &QueueArguments) -> Result<(), Failure> {
    match &arguments.order {
        None => queues(&arguments.shown).await,
        Some(Order::Pause(whom)) => pause(whom, true).await,
        Some(Order::Resume(whom)) => pause(whom, false).await,
    }
}

async fn queues(arguments: &live::Arguments) -> Result<(), Failure> {
    let heading = ["Queue", "Name", "Strategy", "Waiting", "Longest", "Estimated", "Agents"];
    let row = |queue: &LiveQueue| {
        let longest = queue.waiting.iter().map(|waiting| waiting.waits_secs).max();
        let working = queue.agents.iter().filter(|agent| agent.state.is_working()).count();
        vec![
            queue.number.clone(),
            queue.name.clone(),
            queue.strategy.as_str().to_owned(),
            queue.waiting.len().to_string(),
            longest.map(span).unwrap_or_default(),
            queue.estimated_wait_secs.map(span).unwrap_or_default(),
            format!("{working} of {}", queue.agents.len()),
        ]
    };
    let below =
        |queue: &LiveQueue| queue.waiting.iter().map(waiting).chain(queue.agents.iter().map(agent)).collect();
    show(arguments, "/v1/queues", &heading, row, below).await
}

/// `  2. 01990d6e-… has waited 0:01:12`
fn waiting(waiting: &LiveWaiting) -> String {
    let place = match waiting.place {
        0 => "somebody rings for".to_owned(),
        place => format!("{place}."),
    };
    let priority = match waiting.priority {
        0 => String::new(),
        priority => format!(", priority {priority}"),
    };
    format!("  {place} call {}, {}{priority}", waiting.call, span(waiting.waits_secs))
}

/// `  101 Sari free, 3 calls`
fn agent(agent: &LiveAgent) -> String {
    let calls = if agent.taken == 1 { "1 call".to_owned() } else { format!("{} calls", agent.taken) };
    let missed = match agent.misses {
        0 => String::new(),
        misses => format!(", missed the last {misses}"),
    };
    format!("  {} {} {}, {calls}{missed}", agent.number, agent.name, agent.state.as_str())
}

async fn pause(whom: &Whom, is_paused: bool) -> Result<(), Failure> {
    let switch = whom.place.find()?;
    let queues: Vec<LiveQueue> = switch.get("/v1/queues").await?;
    let (org, user) = found(&queues, whom)?;
    let order = Command::PauseAgent { org, user, is_paused };
    let outcome = switch.order(&order).await?;
    let number = &whom.number;
    let said = match (outcome, is_paused) {
        (Outcome::Done, true) => format!("{number} is paused: no queue asks them"),
        (Outcome::Done, false) => format!("{number} is asked again"),
        (Outcome::AlreadySo, true) => format!("{number} is paused already"),
        (Outcome::AlreadySo, false) => format!("{number} is not paused"),
        (_, _) => return Err(Failure::Mistakes(vec![format!("{number} answers no queue any more")])),
    };
    terminal::print(&format!("{said}\n"))?;
    Ok(())
}

/// Whoever has that number among those who answer.
fn found(queues: &[LiveQueue], whom: &Whom) -> Result<(OrgId, UserId), Failure> {
    let of_org = queues.iter().filter(|queue| queue.org.to_string().starts_with(&whom.org));
    let mut all: Vec<(OrgId, UserId)> = of_org
        .flat_map(|queue| queue.agents.iter().map(move |agent| (queue.org, agent)))
        .filter(|(_, agent)| agent.number == whom.number)
        .map(|(org, agent)| (org, agent.user))
        .collect();
    all.sort_unstable();
    all.dedup();
    let number = &whom.number;
    match all.as_slice() {
        [one] => Ok(*one),
        [] => Err(Failure::Mistakes(vec![format!("nobody with the number {number:?} answers a queue")])),
        several => {
            let orgs: Vec<String> = several.iter().map(|(org, _)| org.to_string()).collect();
            let reason =
                format!("several organisations have {number:?}: say which with --org: {}", orgs.join(", "));
            Err(Failure::Mistakes(vec![reason]))
        }
    }
}
