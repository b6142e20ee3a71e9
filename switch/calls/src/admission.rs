//! Who gets in: new calls, registrations and everything else outside a dialog.
//!
//! The order is that of DESIGN D8: what overload turns away and what nobody has authenticated leaves nothing
//! behind. Answers up to that point are stateless.

mod lanes;
mod overload;
mod pace;
mod shed;

pub use lanes::{Lanes, is_new_work};
pub(crate) use overload::Overload;

use contract::id::CallId;
use dialplan::{Incoming, OrgPlan, Plan};
use sip::{Body, HeaderName, Method, NewRequest, Reply};

use crate::{
    authentication::Sender,
    call::{
        Call, Opening,
        entrant::Entrant,
        identity::{Identity, Privacy, PrivacyFailure},
    },
    config::MAX_FORWARDS_DEFAULT,
    facts,
    guests::UsedPass,
    output::{Notice, Offence, Outputs, SecurityEvent},
    registrar::{Owner, Registration, Rejection},
    switchboard::Switchboard,
    trunks,
};

/// Who calls whom.
struct Calling<'p> {
    org: &'p OrgPlan,
    caller: Identity,
    dialled: String,
    is_trunk_full: bool,
    /// What lets the caller in, who is a guest.
    pass: Option<UsedPass>,
}

impl Switchboard {
    /// A request outside any dialog.
    pub(crate) fn request(&mut self, request: &NewRequest, out: &mut Outputs) {
        let message = request.message.view();
        if message.first(HeaderName::UserAgent).is_some_and(|name| self.guard.is_scanner(name)) {
            let source = request.flow.remote.ip().to_canonical();
            return out.notice(Notice::Security(SecurityEvent { what: Offence::Scanner, source, org: None }));
        }
        match message.method() {
            Method::Invite => self.new_call(request, out),
            Method::Register => self.registration(request, out),
            Method::Options => {
                let reply = Reply::new(200).header("Allow", self.allow()).header("Accept", "application/sdp");
                self.reply_to_nuisance(request, reply, out);
            }
            Method::Message => self.message(request, out),
            Method::Subscribe => self.subscription(request, out),
            _ => self.reply_to_nuisance(request, Reply::new(405).header("Allow", self.allow()), out),
        }
    }

    fn allow(&self) -> String {
        self.endpoint.allow().to_owned()
    }

    pub(crate) fn reply(&mut self, request: &NewRequest, reply: Reply) {
        self.endpoint.reply(self.now, request, reply, &mut self.wire);
    }

    /// Why a new call is turned away before anybody looks who it is from.
    fn overload(&self, request: &NewRequest) -> Option<Notice> {
        let is_ipv4 = request.flow.remote.ip().to_canonical().is_ipv4();
        self.full().or_else(|| self.stock.is_empty(is_ipv4).then_some(Notice::StockEmpty))
    }

    /// Why no call at all can begin.
    pub(crate) fn full(&self) -> Option<Notice> {
        if self.has_journal_pressure {
            Some(Notice::JournalPressure)
        } else if self.calls.len() >= self.config.limits.calls_max {
            Some(Notice::CallsFull)
        } else {
            None
        }
    }

    fn new_call(&mut self, request: &NewRequest, out: &mut Outputs) {
        if let Some(notice) = self.overload(request).filter(|_| !self.is_emergency(&request.message.view())) {
            out.notice(notice);
            let retry_after = self.config.timeouts.retry_after_secs.to_string();
            return self.reply(request, Reply::new(503).header("Retry-After", retry_after));
        }
        let plan = std::sync::Arc::clone(&self.plan);
        let message = request.message.view();
        let Some(calling) = self.calling(&plan, request, out) else { return };
        let Calling { org, caller, dialled, is_trunk_full, pass } = calling;
        let body = Body::of(&message);
        let max_forwards = message.max_forwards().ok().flatten().unwrap_or(MAX_FORWARDS_DEFAULT);
        let max_breadth = facts::max_breadth(&message);
        let flow = request.flow;
        let entry = match self.entry(&message, (org, caller.person), &dialled) {
            Ok(entry) => entry,
            Err(reply) => return self.reply(request, reply),
        };
        let Ok(session) = self.endpoint.accept_invite(self.now, request.clone(), &mut self.wire) else {
            return;
        };
        if let Some(entry) = entry {
            let entrant = Entrant { session, flow, person: caller.person, body };
            return self.enter(entry, entrant, out);
        }
        let id = CallId::new(self.wall(), self.random.bytes());
        self.sessions.insert(session, id);
        let subject = self.subject(org, caller.person, &dialled);
        let opening = Opening {
            id,
            org,
            caller,
            dialled: &dialled,
            session,
            flow,
            max_forwards,
            max_breadth,
            body,
            is_trunk_full,
            pass,
            subject,
        };
        let call = Call::open(&opening, &mut self.means(out));
        self.keep(id, call, None);
    }

    /// Who calls whom: by a trunk, as an account, or as a guest. `None`: the request has been answered, or is not to be.
    fn calling<'p>(
        &mut self,
        plan: &'p Plan,
        request: &NewRequest,
        out: &mut Outputs,
    ) -> Option<Calling<'p>> {
        let message = request.message.view();
        let incoming = trunks::incoming(plan, &self.links, request);
        let sender = if incoming.is_none() { Some(self.anybody(plan, request, out)?) } else { None };
        let privacy = match Privacy::of(&message) {
            Ok(privacy) => privacy,
            Err(PrivacyFailure(unknown)) => {
                let phrase = format!("Privacy Not Provided: {unknown}");
                self.reply(request, Reply::new(500).phrase(phrase));
                return None;
            }
        };
        if let Some((org, sender)) = sender {
            let dialled = facts::dialled(&message).unwrap_or_default().into_owned();
            let (caller, pass) = match sender {
                Sender::Account(account) => (Identity::new(account, org, privacy), None),
                Sender::Guest(guest) => {
                    let used = self.admit_guest((org, &guest.pass), request)?;
                    (Identity::guest(&guest.pass, org, privacy), Some(used))
                }
            };
            return Some(Calling { org, caller, dialled, is_trunk_full: false, pass });
        }
        let Incoming { org, trunk, number } = incoming?;
        let is_trunk_full = self.channels.of(trunk.id) >= usize::from(trunk.channels_max);
        if is_trunk_full {
            out.notice(Notice::TrunkFull);
        }
        let caller = trunks::caller(&message, (org, trunk), privacy);
        Some(Calling { org, caller, dialled: number, is_trunk_full, pass: None })
    }

    fn registration(&mut self, request: &NewRequest, out: &mut Outputs) {
        let plan = std::sync::Arc::clone(&self.plan);
        let message = request.message.view();
        let Some(org) = facts::addressed(&plan, &self.config.own_hosts, &message) else {
            return self.not_for_us(request, out);
        };
        let Some(account) = self.authenticated(request, org, out) else { return };
        let own_hosts = &self.config.own_hosts;
        let is_own_name =
            message.to().is_ok_and(|to| facts::names_user(&to, &plan, own_hosts, org, &account.username));
        if !is_own_name {
            return self.reply(request, Reply::new(403).phrase("To Is Not The Authenticated User"));
        }
        // A repeat of a request that was carried out must not be found out of order.
        let Ok(key) = self.endpoint.accept(self.now, request.clone(), &mut self.wire) else { return };
        let owner = Owner { org: org.id(), account: account.id, username: &account.username };
        let wall = self.wall();
        let reply = Registration::read(&message, &self.config.limits)
            .and_then(|registration| {
                let left = self.registrar.register(owner, request.flow, &registration, wall, out)?;
                if request.flow.transport.is_reliable() {
                    left.into_iter().for_each(|from| self.sip(sip::Input::Moved { from, to: request.flow }));
                }
                Ok(self.registered(owner, &registration))
            })
            .unwrap_or_else(|rejection| {
                if rejection == Rejection::Full {
                    out.notice(Notice::BindingsFull);
                }
                rejection.reply(self.config.timeouts.retry_after_secs)
            });
        self.endpoint.respond(self.now, key, reply, &mut self.wire);
    }

    /// All contacts of the account with the time they have left (RFC 3261 §10.3 step 8, RFC 3327 §5.3).
    fn registered(&self, owner: Owner<'_>, registration: &Registration) -> Reply {
        let wall = self.wall();
        let contacts = self.registrar.contacts(owner.account).iter();
        let reply = contacts
            .fold(Reply::new(200), |reply, binding| reply.header("Contact", binding.contact_value(wall)));
        let reply = registration.path.iter().fold(reply, |reply, route| reply.header("Path", route));
        if !registration.is_outbound {
            return reply;
        }
        // RFC 5626 §6 and §5.1: flows are told apart, and this is how often we want to hear from each.
        reply
            .header("Require", "outbound")
            .header("Flow-Timer", self.config.limits.flow_timer_secs.to_string())
    }

    /// A domain that is none of ours, asked for by whomever: this is no relay (RFC 3261 §16.3, §26.3.2).
    pub(crate) fn not_for_us(&mut self, request: &NewRequest, out: &mut Outputs) {
        let source = request.flow.remote.ip().to_canonical();
        out.notice(Notice::Security(SecurityEvent { what: Offence::ForeignDomain, source, org: None }));
        self.reply_to_nuisance(request, Reply::new(404), out);
    }

    /// Answers a request that nobody has to send here, unless its sender has sent too many.
    fn reply_to_nuisance(&mut self, request: &NewRequest, reply: Reply, out: &mut Outputs) {
        let address = request.flow.remote.ip();
        if self.is_trunk(address) || self.guard.may_be_a_nuisance(self.guard_secs(), address) {
            self.reply(request, reply);
        } else {
            out.notice(Notice::Silenced);
        }
    }
}
