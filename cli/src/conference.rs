//! `sambung conference …`: who is in which conference, who is not heard there, and who is to leave.

use clap::Subcommand;
use contract::live::{LiveConference, LiveMember};

use crate::{
    Failure,
    live::{self, show},
    orders,
    switch::span,
};

/// `sambung conference …`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ConferenceArguments {
    #[command(subcommand)]
    order: Option<Order>,
    #[command(flatten)]
    shown: live::Arguments,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Let the others not hear somebody any more
    Mute(orders::OneCall),
    /// Let the others hear somebody again
    Unmute(orders::OneCall),
    /// Have somebody leave: their call ends
    Kick(orders::OneCall),
}

pub(crate) async fn run(arguments: &ConferenceArguments) -> Result<(), Failure> {
    match &arguments.order {
        None => conferences(&arguments.shown).await,
        Some(Order::Mute(call)) => orders::mute(call, true).await,
        Some(Order::Unmute(call)) => orders::mute(call, false).await,
        Some(Order::Kick(call)) => orders::hang_up(call).await,
    }
}

async fn conferences(arguments: &live::Arguments) -> Result<(), Failure> {
    let heading = ["Conference", "Name", "PIN", "Members", "Longest"];
    let row = |conference: &LiveConference| {
        let longest = conference.members.iter().map(|member| member.inside_secs).max();
        vec![
            conference.number.clone(),
            conference.name.clone(),
            if conference.has_pin { "yes" } else { "no" }.to_owned(),
            format!("{} of {}", conference.members.len(), conference.members_max),
            longest.map(span).unwrap_or_default(),
        ]
    };
    let below = |conference: &LiveConference| conference.members.iter().map(member).collect();
    show(arguments, "/v1/conferences", &heading, row, below).await
}

/// `  1001 for 0:01:12, muted, call 01990d6e-…`
fn member(member: &LiveMember) -> String {
    let muted = if member.is_muted { ", muted" } else { "" };
    format!("  {} for {}{muted}, call {}", member.caller, span(member.inside_secs), member.call)
}
