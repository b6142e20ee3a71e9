//! `sambung queue …`: who waits in which queue, who answers, and who is not to be asked for a while.

use clap::Subcommand;
use contract::{
    command::{Command, Outcome},
    live::{LiveAgent, LiveQueue, LiveWaiting},
};

use crate::{
    Failure,
    live::{self, show},
    switch::span,
    terminal,
    whom::Whom,
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
    let agents = queues.iter().flat_map(|queue| queue.agents.iter().map(move |agent| (queue.org, agent)));
    let named = agents.map(|(org, agent)| (org, agent.number.as_str(), agent.user));
    let (org, user) = whom.among(named, "answers a queue")?;
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
