//! What a person reads once everything runs: where it is, who can be called, and what to do first.

use std::path::Path;

use super::{demo::Demo, options::Options};
use crate::terminal;

/// People shown; the rest stands in demo.json.
const STAFF_SHOWN_MAX: usize = 12;

/// The whole text, ending in a newline.
pub(super) fn table(demo: &Demo, options: &Options, root: &Path) -> String {
    let heading = ["Number", "Name", "Rings for", "SIP user", "SIP password"].map(str::to_owned).to_vec();
    let shown = demo.staff.iter().take(STAFF_SHOWN_MAX).map(|staff| {
        let rings = staff.extensions.join(", ");
        vec![
            staff.number.clone(),
            staff.name.clone(),
            rings,
            staff.sip_username.clone(),
            staff.sip_password.clone(),
        ]
    });
    let people = terminal::columns(&std::iter::once(heading).chain(shown).collect::<Vec<_>>());
    let more = match demo.staff.len().saturating_sub(STAFF_SHOWN_MAX) {
        0 => String::new(),
        more => format!("… and {more} more in demo.json\n"),
    };
    let bare = match options.sip_accounts {
        0 => String::new(),
        count => format!("Bare accounts for load tests: u0 … u{} and callee, password secret\n", count - 1),
    };
    format!("{}\n{people}{more}{bare}\n{}\n", places(demo, root), first_steps(demo))
}

fn places(demo: &Demo, root: &Path) -> String {
    let row = |name: &str, what: String| vec![name.to_owned(), what];
    let logins = [("Owner", &demo.owner), ("Super admin", &demo.super_admin)];
    let mut rows = vec![
        row("Front page", demo.http.clone()),
        row("API", format!("{0}/docs  ({0}/api/openapi.json)", demo.http)),
        row("API key", demo.api_key.clone()),
        row("SIP", format!("{} (UDP and TCP), domain {}", demo.sip.udp, demo.sip.domain)),
    ];
    if let Some(tls) = demo.sip.tls {
        let authority = root.join(super::certificate::AUTHORITY);
        rows.push(row("SIP over TLS", format!("{tls}, phones must believe {}", authority.display())));
    }
    rows.extend(logins.map(|(name, login)| row(name, format!("{}  {}", login.email, login.password))));
    rows.push(row("Kept in", format!("{} (all of this: demo.json; logs: log/)", root.display())));
    format!("\n{}", terminal::columns(&rows))
}

fn first_steps(demo: &Demo) -> String {
    let extensions =
        demo.extensions.iter().map(|extension| format!("{} ({})", extension.number, extension.name));
    let extensions = extensions.collect::<Vec<_>>().join(" or ");
    let mut people = demo.staff.iter();
    let (first, second) = (people.next(), people.next());
    let name =
        |staff: Option<&super::demo::Staff>| staff.map_or("", |staff| staff.number.as_str()).to_owned();
    format!(
        "Register a phone: domain {domain}, server or outbound proxy {server}, user and password of a row above.\n\
         Register a second one with another row. Then call {second} from the phone of {first}, or an extension: {extensions}.\n\
         With one phone alone: {echo} lets you hear yourself.\n\
         See what goes on: sambung calls, sambung registrations. Have a call recorded: sambung record CALL start; then\n\
         sambung recording list, sambung recording fetch. Ctrl-C stops everything and loses nothing.\n",
        echo = demo.numbers.get("echo").map_or("", String::as_str),
        domain = demo.sip.domain,
        server = demo.sip.udp,
        first = name(first),
        second = name(second.or(first)),
    )
}
