//! `sambung call`, `pickup`, `listen`, `record`, `transfer`, `hold`, `connect`, `supervise` and `hang-up`: what is to become of a call at once.
//!
//! What comes of it is the switch's word; here it becomes a sentence and an exit code.

use contract::{
    command::{Command, Outcome, RecordingOrder, SupervisionMode},
    id::CallId,
    live::{LiveAvailability, LiveCall},
};

use crate::{
    Failure,
    switch::{Place, Switch, printable},
    terminal,
    whom::among,
};

/// `sambung call …`
#[derive(Debug, clap::Args)]
pub(crate) struct Call {
    /// Who calls, whose phones ring first: the number of a person, or the username of an account
    from: String,
    /// What is called, as they would dial it
    to: String,
    /// Ask their phones to answer by themselves; a phone that is not set up to obey rings
    #[arg(long)]
    auto_answer: bool,
    /// The beginning of their organisation's id; not needed where there is one alone, or a default one
    #[arg(long)]
    org: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// `sambung pickup …`
#[derive(Debug, clap::Args)]
pub(crate) struct PickUp {
    /// The id of a call that rings or the beginning of it; `sambung calls` shows them
    call: String,
    /// Who is to have it, whose own phones ring too: the number of a person, or the username of an account
    #[arg(long, value_name = "NUMBER")]
    by: String,
    /// Ask their phones to answer by themselves; a phone that is not set up to obey rings
    #[arg(long)]
    auto_answer: bool,
    #[command(flatten)]
    place: Place,
}

/// `sambung listen …`
#[derive(Debug, clap::Args)]
pub(crate) struct Listen {
    /// The id of the call that is listened to or the beginning of it; `sambung calls` shows them
    call: String,
    /// Who listens, whose phones ring first: the number of a person who supervises one of the two
    #[arg(long, value_name = "NUMBER")]
    by: String,
    /// Who hears them
    #[arg(long, value_enum, default_value = "listen")]
    mode: Mode,
    /// Ask their phones to answer by themselves; a phone that is not set up to obey rings
    #[arg(long)]
    auto_answer: bool,
    #[command(flatten)]
    place: Place,
}

/// `sambung record …`
#[derive(Debug, clap::Args)]
pub(crate) struct Record {
    /// The call's id or the beginning of it; `sambung calls` shows them
    call: String,
    /// What is to become of its recording
    order: Wish,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Wish {
    /// A recording begins
    Start,
    /// Nothing of what is said from now on is in it
    Pause,
    /// It goes on
    Resume,
    /// It is over
    Stop,
}

/// `sambung transfer …`
#[derive(Debug, clap::Args)]
pub(crate) struct Transfer {
    /// The call's id or the beginning of it; `sambung calls` shows them
    call: String,
    /// The number that the caller, or whoever is not on the leg of --leg, is sent on to
    number: String,
    /// The leg whose side stays behind [default: that of whoever was called]
    #[arg(long, value_name = "LEG")]
    leg: Option<u16>,
    #[command(flatten)]
    place: Place,
}

/// `sambung hold …`
#[derive(Debug, clap::Args)]
pub(crate) struct Hold {
    /// The call's id or the beginning of it; `sambung calls` shows them
    call: String,
    /// The leg of the side in whose name the call is held [default: that of whoever was called]
    #[arg(long, value_name = "LEG")]
    leg: Option<u16>,
    /// Take it back
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    place: Place,
}

/// `sambung connect …`
#[derive(Debug, clap::Args)]
pub(crate) struct Connect {
    /// A call's id or the beginning of it; `sambung calls` shows them
    call: String,
    /// The other call of somebody who is in both
    other: String,
    #[command(flatten)]
    place: Place,
}

/// `sambung supervise …`
#[derive(Debug, clap::Args)]
pub(crate) struct Supervise {
    /// The id of the supervisor's own call or the beginning of it; `sambung calls` shows them
    call: String,
    /// Who hears the supervisor from now on
    mode: Mode,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Mode {
    /// Nobody
    Listen,
    /// Whoever they listen to, and not the one that one talks with
    Whisper,
    /// Both
    Barge,
}

impl From<Mode> for SupervisionMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Listen => Self::Listen,
            Mode::Whisper => Self::Whisper,
            Mode::Barge => Self::Barge,
        }
    }
}

/// `sambung hang-up …` and `sambung conference mute …`
#[derive(Debug, clap::Args)]
pub(crate) struct OneCall {
    /// The call's id or the beginning of it; `sambung calls` shows them
    call: String,
    #[command(flatten)]
    place: Place,
}

/// Prints the id of the call.
pub(crate) async fn call(arguments: &Call) -> Result<(), Failure> {
    let Call { from, to, auto_answer, org, place } = arguments;
    let switch = place.find()?;
    let org = match org {
        None => None,
        Some(org) => {
            let all: Vec<LiveAvailability> = switch.get("/v1/availability").await?;
            let named = all.iter().map(|one| (one.org, one.number.as_str(), one.person));
            Some(among((from, org), named, "is known")?.0)
        }
    };
    let (from, to, auto_answer) = (from.clone(), to.clone(), *auto_answer);
    tell(&switch, &Command::Call { org, call: None, from, to, auto_answer }).await
}

/// Prints the id of the supervisor's own call.
pub(crate) async fn listen(arguments: &Listen) -> Result<(), Failure> {
    let Listen { by, mode, auto_answer, .. } = arguments;
    let (switch, calls) = up(&arguments.place).await?;
    let order = Command::Listen {
        org: None,
        call: None,
        subject: one(&arguments.call, &calls)?,
        from: by.clone(),
        mode: (*mode).into(),
        auto_answer: *auto_answer,
    };
    tell(&switch, &order).await
}

pub(crate) async fn pick_up(arguments: &PickUp) -> Result<(), Failure> {
    let (switch, calls) = up(&arguments.place).await?;
    let call = one(&arguments.call, &calls)?;
    let PickUp { by, auto_answer, .. } = arguments;
    tell(&switch, &Command::PickUp { org: None, call, by: by.clone(), auto_answer: *auto_answer }).await
}

pub(crate) async fn record(arguments: &Record) -> Result<(), Failure> {
    let (switch, calls) = up(&arguments.place).await?;
    let call = one(&arguments.call, &calls)?;
    let order = match arguments.order {
        Wish::Start => RecordingOrder::Start,
        Wish::Pause => RecordingOrder::Pause,
        Wish::Resume => RecordingOrder::Resume,
        Wish::Stop => RecordingOrder::Stop,
    };
    tell(&switch, &Command::Record { call, order }).await
}

pub(crate) async fn transfer(arguments: &Transfer) -> Result<(), Failure> {
    let (switch, calls) = up(&arguments.place).await?;
    let call = one(&arguments.call, &calls)?;
    tell(&switch, &Command::Transfer { call, leg: arguments.leg, to: arguments.number.clone() }).await
}

pub(crate) async fn hold(arguments: &Hold) -> Result<(), Failure> {
    let (switch, calls) = up(&arguments.place).await?;
    let call = one(&arguments.call, &calls)?;
    tell(&switch, &Command::Hold { call, leg: arguments.leg, is_on: !arguments.off }).await
}

pub(crate) async fn connect(arguments: &Connect) -> Result<(), Failure> {
    let (switch, calls) = up(&arguments.place).await?;
    let (call, other) = (one(&arguments.call, &calls)?, one(&arguments.other, &calls)?);
    tell(&switch, &Command::Connect { call, other }).await
}

/// Whoever is in a conference by that call is not heard by the others any more, or is again.
pub(crate) async fn mute(arguments: &OneCall, is_muted: bool) -> Result<(), Failure> {
    let (switch, calls) = up(&arguments.place).await?;
    tell(&switch, &Command::Mute { call: one(&arguments.call, &calls)?, is_muted }).await
}

pub(crate) async fn supervise(arguments: &Supervise) -> Result<(), Failure> {
    let (switch, calls) = up(&arguments.place).await?;
    let mode = arguments.mode.into();
    tell(&switch, &Command::Supervise { call: one(&arguments.call, &calls)?, mode }).await
}

pub(crate) async fn hang_up(arguments: &OneCall) -> Result<(), Failure> {
    let (switch, calls) = up(&arguments.place).await?;
    tell(&switch, &Command::HangUp { call: one(&arguments.call, &calls)? }).await
}

/// The switch, and the calls that are up there.
async fn up(place: &Place) -> Result<(Switch, Vec<LiveCall>), Failure> {
    let switch = place.find()?;
    let calls = switch.get("/v1/calls").await?;
    Ok((switch, calls))
}

async fn tell(switch: &Switch, command: &Command) -> Result<(), Failure> {
    done(command, switch.order(command).await?)
}

/// What came of it: a sentence if that is nothing, the id of a call that it has begun.
fn done(command: &Command, outcome: Outcome) -> Result<(), Failure> {
    let refusal = match outcome {
        Outcome::Done => return Ok(()),
        Outcome::Called(call) => return Ok(terminal::print(&format!("{call}\n"))?),
        Outcome::UnknownCall | Outcome::UnknownAgent | Outcome::UnknownPerson => "the call has ended",
        Outcome::UnknownCaller => {
            "nobody who could call has that number, or none of their phones is registered"
        }
        Outcome::IsTheirs => "whoever has that number is in that call: they call, or their phones ring in it",
        Outcome::TooBroad => "its caller, or the switch, lets it ring at no more phones at once",
        Outcome::Busy => "somebody listens to that call already, or as many as may do",
        Outcome::NotAllowed if matches!(command, Command::Listen { .. }) => {
            "they supervise neither of the two"
        }
        Outcome::NotAllowed if !matches!(command, Command::Record { .. }) => {
            "the budget of whoever would pay does not allow that call"
        }
        Outcome::NotAllowed => {
            "neither its extension nor its organisation has it recorded: set recording to \"on_demand\" or \"always\""
        }
        Outcome::NotNow => match command {
            Command::Record { .. } => "nobody talks yet, or nothing is being recorded",
            Command::Listen { .. } => "nobody talks in that call, or the switch takes no new calls just now",
            Command::PickUp { .. } => "it rings nowhere, or only for people of a queue",
            Command::Mute { .. } => "its caller is in no conference",
            Command::Call { .. } => "the switch takes no new calls just now",
            Command::Supervise { .. } => "its caller listens to nobody",
            Command::Hold { .. } => "nobody talks, or the switch plays no music (calls.hold_music)",
            _ => "nobody talks yet, or something is just being agreed on: try again",
        },
        Outcome::UnknownNumber => "nothing has that number",
        Outcome::Closed => "the extension is closed now",
        Outcome::NotThere => match command {
            Command::Connect { .. } => "nobody is in both calls",
            Command::Hold { .. } => "the call has no such leg",
            Command::Call { .. } => {
                "nobody can be had there, or it is a feature code, which is dialled at the phone itself"
            }
            _ => "nobody can be had there, or the call has no such leg",
        },
        Outcome::AlreadySo if matches!(command, Command::PickUp { .. }) => "their phones ring for it already",
        Outcome::AlreadySo => "it is so already",
        Outcome::UnusableId => "the id of the call is no UUIDv7 of now",
    };
    Err(Failure::Failed(anyhow::anyhow!(refusal)))
}

/// The only call whose id begins so.
fn one(beginning: &str, calls: &[LiveCall]) -> Result<CallId, Failure> {
    let is_it = |call: &&LiveCall| call.call.to_string().starts_with(&beginning.to_lowercase());
    let found: Vec<&LiveCall> = calls.iter().filter(is_it).collect();
    match found.as_slice() {
        [call] if !beginning.is_empty() => Ok(call.call),
        [] => Err(Failure::Mistakes(vec![format!(
            "no call is up whose id begins with {}",
            printable(beginning)
        )])),
        calls => Err(Failure::Mistakes(vec![format!("{} calls begin with that; which one?", calls.len())])),
    }
}
