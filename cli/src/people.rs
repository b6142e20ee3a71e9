//! `sambung people …`: what people have turned on and off for themselves, and the same by order.

use clap::Subcommand;
use contract::{
    command::{Command, Outcome},
    live::{AgentPause, LiveAvailability},
};

use crate::{
    Failure,
    live::{self, show},
    terminal,
    whom::Whom,
};

/// `sambung people …`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PeopleArguments {
    #[command(subcommand)]
    order: Option<Order>,
    #[command(flatten)]
    shown: live::Arguments,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Let nothing of somebody's ring any more, or let it ring again
    DoNotDisturb(Turn),
    /// Let a second call ring at somebody's who is in one, or have them be busy then
    CallWaiting(Turn),
}

#[derive(Debug, clap::Args)]
struct Turn {
    #[command(flatten)]
    whom: Whom,
    /// Turn it off
    #[arg(long)]
    off: bool,
}

pub(crate) async fn run(arguments: &PeopleArguments) -> Result<(), Failure> {
    match &arguments.order {
        None => people(&arguments.shown).await,
        Some(Order::DoNotDisturb(turn)) => {
            order(turn, "do-not-disturb", |org, person| Command::DoNotDisturb {
                org,
                person,
                is_on: !turn.off,
            })
            .await
        }
        Some(Order::CallWaiting(turn)) => {
            order(turn, "call waiting", |org, person| Command::CallWaiting { org, person, is_on: !turn.off })
                .await
        }
    }
}

async fn people(arguments: &live::Arguments) -> Result<(), Failure> {
    let heading = ["Number", "Name", "Do not disturb", "Call waiting", "Queues"];
    let word = |is_on| if is_on { "on" } else { "off" }.to_owned();
    let row = |one: &LiveAvailability| {
        let queues = match one.pause {
            None => "",
            Some(AgentPause::Order) => "paused",
            Some(AgentPause::Missed) => "missed",
        };
        let (disturb, waiting) = (word(one.has_do_not_disturb), word(one.has_call_waiting));
        vec![one.number.clone(), one.name.clone(), disturb, waiting, queues.to_owned()]
    };
    show(arguments, "/v1/availability", &heading, row, |_| Vec::new()).await
}

async fn order(
    turn: &Turn,
    what: &str,
    command: impl FnOnce(contract::id::OrgId, contract::availability::Person) -> Command,
) -> Result<(), Failure> {
    let switch = turn.whom.place.find()?;
    let all: Vec<LiveAvailability> = switch.get("/v1/availability").await?;
    let named = all.iter().map(|one| (one.org, one.number.as_str(), one.person));
    let (org, person) = turn.whom.among(named, "is known")?;
    let (number, word) = (&turn.whom.number, if turn.off { "off" } else { "on" });
    let said = match switch.order(&command(org, person)).await? {
        Outcome::Done => format!("{what} of {number} is {word}"),
        Outcome::AlreadySo => format!("{what} of {number} was {word} already"),
        _ => return Err(Failure::Mistakes(vec![format!("{number} is nobody's number any more")])),
    };
    terminal::print(&format!("{said}\n"))?;
    Ok(())
}
