//! A call's route and outcome in plain words.

use contract::{
    command::SupervisionMode,
    journal::{Event, EventKind, Fact, Supervision},
    rules::{Condition, RuleNamed, Timescope},
    trace::{CallTrace, MenuOffer, RouteStep},
};

use crate::{media, switch::printable};

/// What the code for intercom does.
const ASKS_TO_ANSWER: &str = "*80 stands before a number for intercom: phones there answer by themselves";

/// What the plan made of what was dialled, step by step, and then of what was rung.
pub(super) fn routes(trace: &CallTrace) -> String {
    if trace.routes.is_empty() {
        return "Route\n  not remembered\n".into();
    }
    let routes = trace.routes.iter().map(|route| {
        format!("Route (configuration revision {})\n{}", route.revision, steps(&route.steps, &trace.dialled))
    });
    routes.collect()
}

/// What a number of the switch's own does.
fn feature_text(name: &str, dialled: &str) -> String {
    match name {
        "pickup" => format!("{dialled} is the code to answer what rings elsewhere"),
        "park" => format!("{dialled} is where calls are parked: whoever waits there is taken"),
        "supervise" => {
            format!("{dialled} is the code by which a supervisor listens to a call of somebody of theirs")
        }
        "pause" => {
            format!("{dialled} is the code by which somebody who answers queues is paused, or taken back")
        }
        "do_not_disturb" => format!("{dialled} is the code after which nothing of the caller's rings"),
        "do_not_disturb_off" => format!("{dialled} is the code after which the caller's phones ring again"),
        "call_waiting" => format!("{dialled} is the code after which a second call rings at the caller's"),
        "call_waiting_off" => {
            format!("{dialled} is the code after which a second call finds the caller busy")
        }
        _ => format!("{dialled} is the feature code of {name}: the switch answers by itself"),
    }
}

/// The steps of a decision, one a line.
pub(crate) fn steps(steps: &[RouteStep], dialled: &str) -> String {
    steps.iter().map(|step| format!("  {}\n", step_text(step, dialled))).collect()
}

fn step_text(step: &RouteStep, dialled: &str) -> String {
    let dialled = printable(dialled);
    match step {
        RouteStep::NoOrganisation => "the caller's organisation is not in the configuration".into(),
        RouteStep::NoNumber => format!("no extension, person or account has the number {dialled}"),
        RouteStep::Number { number, kind, name, .. } => {
            let what = match kind.as_str() {
                "extension" => "the extension",
                "user" => "the person",
                _ => "the account",
            };
            format!("{} is {what} “{}”", printable(number), printable(name))
        }
        RouteStep::Did { number } => {
            format!("{} is a number of the organisation in the telephone network", printable(number))
        }
        RouteStep::Outside { number, route, trunks } => outside(number, route.as_deref(), trunks),
        RouteStep::Barred { because } => reason_text(because).to_owned(),
        RouteStep::Intercom => ASKS_TO_ANSWER.into(),
        RouteStep::Feature { name } => feature_text(name, &dialled),
        RouteStep::Inactive => "it is switched off or suspended".into(),
        RouteStep::NoStaff => "nobody who could answer is assigned to it".into(),
        RouteStep::Hours { local, is_open, window, is_holiday } => {
            let holiday = if *is_holiday { ", a date with hours of its own" } else { "" };
            match window {
                Some(window) => format!("it is {local} there{holiday}: open, by {window}"),
                None if *is_open => format!("it is {local} there{holiday}: open"),
                None => format!("it is {local} there{holiday}: closed"),
            }
        }
        RouteStep::Closed => "no rule says what to do while it is closed".into(),
        RouteStep::After { number, condition } => {
            format!("{} {}: its rules for that", printable(number), came_to(*condition))
        }
        RouteStep::PassedOver { rule, because } => {
            format!("{} {}", named(Some(rule)), passed_over(because))
        }
        RouteStep::Forward { rule, number, name } => {
            format!("{} forwards to {} “{}”", named(rule.as_ref()), printable(number), printable(name))
        }
        RouteStep::LedNowhere { rule } => format!("nobody can be rung by {}", named(Some(rule))),
        RouteStep::OwnPeople { rule } => format!("{} rings its own people", named(rule.as_ref())),
        RouteStep::Announce { rule, sound } => {
            format!("{} plays “{}” and hangs up", named(rule.as_ref()), printable(sound))
        }
        RouteStep::Voicemail { number, reason, rule } if rule.is_some() || reason.starts_with("menu") => {
            format!("{} lets the caller leave a message for {}", named(rule.as_ref()), printable(number))
        }
        RouteStep::Voicemail { number, .. } => {
            format!("{} has a mailbox: the caller may leave a message", printable(number))
        }
        RouteStep::Menu { number, offers, has_direct_dialling } => menu(number, offers, *has_direct_dialling),
        RouteStep::Conference { number, members_max, has_pin } => {
            let pin = if *has_pin { ", by a PIN" } else { "" };
            format!("the conference of {} takes up to {members_max}{pin}", printable(number))
        }
        RouteStep::Page { number, people, is_duplex } => page(number, *people, *is_duplex),
        RouteStep::Chosen { number, reason } => {
            format!("{} the menu of {}", chosen(reason), printable(number))
        }
        RouteStep::Waits { number, people, .. } => waits(step, number, *people),
        RouteStep::CallerLeftOut => "the caller is one of those who would ring, and is left out".into(),
        RouteStep::Rings { people, accounts, seconds } => format!(
            "rings {} on {} for up to {seconds} s",
            count(*people, "person", "people"),
            count(*accounts, "account", "accounts")
        ),
    }
}

fn page(number: &str, people: usize, is_duplex: bool) -> String {
    let heard = if is_duplex { ", and are heard" } else { "" };
    format!(
        "the phones of {} at {} answer by themselves{heard}",
        count(people, "person", "people"),
        printable(number)
    )
}

fn passed_over(because: &str) -> &str {
    match because {
        "disabled" => "is switched off",
        "other_hours" => "is for other hours",
        "been_there" => "leads where the call has been",
        "too_far" => "would forward the call once too often",
        other => other,
    }
}

fn chosen(reason: &str) -> &'static str {
    match reason {
        "menu_timeout" => "nothing was pressed in",
        "menu_invalid" => "no choice was pressed in",
        _ => "the caller has chosen from",
    }
}

fn outside(number: &str, route: Option<&str>, trunks: &[String]) -> String {
    let number = printable(number);
    let way = match route {
        Some(name) => format!("leaves by the route “{}”", printable(name)),
        None => "is a number of the emergency services, which nothing limits".to_owned(),
    };
    format!("{number} {way}: {}", printable(&trunks.join(", then ")))
}

fn waits(step: &RouteStep, number: &str, people: usize) -> String {
    let RouteStep::Waits { strategy, priority, seconds, .. } = step else { return String::new() };
    let people = count(people, "person", "people");
    let before = if *priority > 0 { format!(", with priority {priority}") } else { String::new() };
    let (number, strategy) = (printable(number), printable(strategy));
    format!("is for the queue of {number}: {people} ({strategy}), for up to {seconds} s{before}")
}

fn menu(number: &str, offers: &[MenuOffer], has_direct_dialling: bool) -> String {
    let offer = |offer: &MenuOffer| {
        let to =
            if offer.target.is_empty() { String::new() } else { format!(" {}", printable(&offer.target)) };
        format!("{} {}{to}", offer.key.as_str(), offer.action)
    };
    let offers: Vec<String> = offers.iter().map(offer).collect();
    let dials = if has_direct_dialling { "; numbers inside can be dialled" } else { "" };
    format!("the menu of {} offers {}{dials}", printable(number), offers.join(", "))
}

/// `rule 2 (off hours, always)`, or `the menu`
fn named(rule: Option<&RuleNamed>) -> String {
    let Some(rule) = rule else { return "the menu".to_owned() };
    let hours = match rule.timescope {
        Timescope::Any => "any hours",
        Timescope::WorkHours => "work hours",
        Timescope::OffHours => "off hours",
    };
    let case = match rule.condition {
        Condition::Always => "always",
        Condition::Busy => "busy",
        Condition::NoAnswer => "no answer",
        Condition::Unreachable => "unreachable",
    };
    format!("rule {} ({hours}, {case})", rule.place)
}

/// What was rung came to.
pub(crate) fn came_to(condition: Condition) -> &'static str {
    match condition {
        // Nothing has been rung: further rules of the same extension are asked.
        Condition::Always => "had sent it on",
        Condition::Busy => "is busy",
        Condition::NoAnswer => "does not answer",
        Condition::Unreachable => "cannot be reached",
    }
}

fn count(number: usize, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// What the call came to, and why.
pub(super) fn outcome(trace: &CallTrace) -> String {
    let events: Vec<&Event> = trace
        .facts
        .iter()
        .filter_map(|fact| match &fact.fact {
            Fact::Event(event) => Some(event),
            _ => None,
        })
        .collect();
    let was = |kind| events.iter().any(|event| event.kind == kind);
    let at = |kind| {
        let mut facts = trace.facts.iter();
        facts
            .find(|fact| matches!(&fact.fact, Fact::Event(event) if event.kind == kind))
            .map(|fact| fact.at.0)
    };
    let reason = events.iter().rev().find_map(|event| event.detail.reason.as_deref());
    let status = events.iter().rev().find_map(|event| event.detail.sip_status);
    let because = reason.map(|reason| format!(": {}", reason_text(reason))).unwrap_or_default();
    let told = status.map(|status| format!("; the caller was told {status}")).unwrap_or_default();
    if trace.is_live {
        return if was(EventKind::Answered) {
            "they talk".into()
        } else {
            "it rings or is being set up".into()
        };
    }
    if let (Some(answered), Some(ended)) = (at(EventKind::Answered), at(EventKind::Ended)) {
        let seconds = (ended - answered).max(0) / 1_000_000;
        let verb = if was(EventKind::Failed) { "answered, and then failed" } else { "answered" };
        return format!("{verb}; they talked for {seconds} s{because}");
    }
    let what = [
        (EventKind::Canceled, "the caller gave up before an answer"),
        (EventKind::Timeout, "nobody answered in time"),
        (EventKind::Busy, "busy"),
        (EventKind::Rejected, "refused"),
        (EventKind::Failed, "failed"),
    ];
    let what = what.iter().find(|(kind, _)| was(*kind)).map_or("ended", |(_, words)| words);
    format!("{what}{because}{told}")
}

/// Who has been listened to by the call, and who heard the one who did.
pub(super) fn supervisions(trace: &CallTrace) -> String {
    let step = |step: &Supervision| {
        let mode = match step.mode {
            Some(SupervisionMode::Listen) => "listens, and nobody hears it",
            Some(SupervisionMode::Whisper) => "is heard by whoever it listens to",
            Some(SupervisionMode::Barge) => "is heard by both",
            None => "listens no more",
        };
        format!("  the caller {mode} ({}), call {}\n", printable(&step.reason), step.supervised_call)
    };
    let steps: String = trace
        .facts
        .iter()
        .filter_map(|fact| match &fact.fact {
            Fact::Supervision(found) => Some(step(found)),
            _ => None,
        })
        .collect();
    if steps.is_empty() { steps } else { format!("Supervision\n{steps}\n") }
}

/// The stable words of `contract::journal::Detail::reason`.
fn reason_text(reason: &str) -> &str {
    match reason {
        "unknown_number" => "nothing has that number",
        "inactive" => "what was dialled is switched off or suspended",
        "no_staff" => "nobody is assigned to what was dialled",
        "closed" => "what was dialled is closed at that time",
        "no_such_number" => "the telephone network says that there is no such number",
        "announced" => "a rule had something said and the call ended",
        "no_intercom" => "nobody there takes an intercom: no extension of theirs has it switched on",
        "inside_only" => "only people of the organisation may call what was dialled",
        "self_call" => "the caller dialled themselves",
        "unreachable" => "no phone of whoever was called is registered or could be reached",
        "refused" => "the phones that were called refused for reasons of their own",
        "media_refused" => "no common media: the offer was refused",
        "congestion" => "the switch had no ports or transactions left",
        "no_answer" => "it rang until the time was up",
        "busy" => "whoever was called is busy",
        "do_not_disturb" => "whoever was called does not want to be disturbed, and was not rung",
        "do_not_disturb_on" => "nothing of the caller's rings any more",
        "do_not_disturb_off" => "the caller's phones ring again",
        "call_waiting_on" => "a second call rings at the caller's again",
        "call_waiting_off" => "a second call finds the caller busy",
        "declined" => "whoever was called declined",
        "not_taken" => "it waited in a queue and was told that nobody takes it",
        "nothing_rings" => "nothing rang that the caller may answer",
        "nobody_talks" => "whoever was to be listened to talked to nobody",
        "not_supervisor" => "whoever called may not listen to the calls of whoever was meant",
        "supervised" => "somebody listened to that call already",
        "left" => "whoever was listened to had left the call",
        "listen" => "whoever called has listened to another call",
        "nothing_parked" => "no call was parked there",
        "trunk_full" => "the trunk had as many calls as it may",
        "mailbox_full" => "the mailbox was full",
        "message_ended" => "the caller ended the message",
        "time_limit" => "it had lasted as long as it may",
        "transferred" => "the others were put through to each other",
        "menu_timeout" => "the caller pressed nothing in a menu",
        "menu_invalid" => "the caller pressed what is no choice in a menu",
        "menu_gone" => "the menu in which the caller was is not there any more",
        "too_many_menus" => "the caller had been led through as many menus as a call may pass",
        "wrong_pin" => "the caller did not know the PIN of the conference",
        "conference_full" => "as many were in the conference as may be",
        "conference_gone" => "the conference was not there any more",
        "paused" => "whoever called is not asked by queues any more",
        "resumed" => "whoever called is asked by queues again",
        "mailbox_left" => "the caller was done with the mailbox",
        "session_expired" => "nobody refreshed the session in time",
        "redirected" => "the phone that was called sent the caller where calls are not sent on to",
        "transfer_failed" => "nobody took it where it was sent, and whoever had sent it could not be had",
        "picked_up" => "somebody else had answered it",
        "operator" => "an operator hung up",
        "ack_missing" => "the caller's phone never acknowledged the answer",
        "caller_hung_up" => "the caller hung up",
        "callee_hung_up" => "the called side hung up",
        "caller_silent" => "the caller's phone stopped answering",
        "callee_silent" => "the called phone stopped answering",
        other => ordered_or_called_back(other),
    }
}

/// Of a call that was ordered, and of a caller who is called back.
fn ordered_or_called_back(reason: &str) -> &str {
    match reason {
        "ordered" => "by order: the caller's own phones rang first",
        "caller_no_answer" => {
            "the caller's own phones, which rang first by order, were not answered: nothing was called"
        }
        "caller_busy" => "the caller, who was to call by order, was busy: nothing was called",
        "caller_declined" => "the caller did not want to make the call that was ordered: nothing was called",
        "caller_unreachable" => {
            "no phone of the caller, who was to call by order, could be reached: nothing was called"
        }
        "callback" => "the caller is called back when it is its turn",
        "callback_no_answer" => "the caller was called back as often as may be, and did not answer",
        "callback_declined" => "the caller was called back, and declined",
        "callback_unreachable" => "the caller was to be called back, and no phone of theirs could be reached",
        "callback_served" => {
            "the caller was to be called back, and has called again and been answered before"
        }
        "callback_lapsed" => {
            "the caller was to be called back, and nobody was free before the queue's longest wait was over"
        }
        other => budget_text(other),
    }
}

/// Why a budget did not allow a call, or not for longer.
fn budget_text(reason: &str) -> &str {
    match reason {
        "destination_not_allowed" => "the budget of whoever pays for it does not allow that number",
        "outside_not_at_this_time" => {
            "the budget of whoever pays for it does not allow calls outside at that time"
        }
        "outside_calls_at_once" => "as many calls outside as the budget allows were up",
        "outside_calls_per_minute" => "as many calls outside as the budget allows within a minute had begun",
        "outside_calls_per_hour" => "as many calls outside as the budget allows within an hour had begun",
        "outside_calls_per_day" => "as many calls outside as the budget allows within a day had begun",
        "outside_minutes_per_day" => "the minutes outside that the budget allows within a day were used up",
        "outside_money_per_day" => {
            "the money that the budget allows within a day was used up, or what is left pays no minute of it"
        }
        "outside_price_unknown" => {
            "the budget is in money, and no price is known of this number: add a [[price]]"
        }
        other => other,
    }
}

/// What the media of the legs is like, or was, and what is wrong with it. Of a call that the switch has taken back
/// after a crash only the record is left.
pub(super) fn quality(trace: &CallTrace) -> String {
    let mut text = String::new();
    for stream in &trace.media {
        text.push_str(&format!("Media of leg {}: {}\n", stream.leg, printable(&media::diagnosis(stream))));
        for line in media::figures(stream) {
            text.push_str(&format!("  {}\n", printable(&line)));
        }
    }
    let recorded = trace.facts.iter().filter_map(|fact| match &fact.fact {
        Fact::Quality(quality) => Some(quality),
        _ => None,
    });
    for quality in recorded.filter(|quality| trace.media.iter().all(|stream| stream.leg != quality.leg)) {
        text.push_str(&format!("Media of leg {}: {}\n", quality.leg, printable(&media::recorded(quality))));
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}
