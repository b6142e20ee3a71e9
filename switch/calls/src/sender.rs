//! Who sends a request outside a dialog that is for the sender's own organisation only: INVITE, MESSAGE, SUBSCRIBE.
//!
//! REGISTER is not asked here: whose contacts it is about is said by To (RFC 3261 §10.3).

use dialplan::{Account, OrgPlan, Plan};
use sip::{Method, NewRequest, Reply};

use crate::{authentication::Sender, call::identity, facts, output::Outputs, switchboard::Switchboard};

impl Switchboard {
    /// The organisation that a request is for and the account that sends it. `None`: it has been answered, because
    /// the domain is not ours (404), the credentials are wanting (401), From names somebody else or it is a guest's (403).
    pub(crate) fn sender<'p>(
        &mut self,
        plan: &'p Plan,
        request: &NewRequest,
        out: &mut Outputs,
    ) -> Option<(&'p OrgPlan, &'p Account)> {
        let (org, sender) = self.anybody(plan, request, out)?;
        Some((org, self.account_alone(request, &sender)?))
    }

    /// The same, guests among them.
    pub(crate) fn anybody<'p>(
        &mut self,
        plan: &'p Plan,
        request: &NewRequest,
        out: &mut Outputs,
    ) -> Option<(&'p OrgPlan, Sender<'p>)> {
        let message = request.message.view();
        let Some(org) = facts::addressed(plan, &self.config.own_hosts, &message) else {
            self.not_for_us(request, out);
            return None;
        };
        let sender = self.identified(request, org, out)?;
        let own_hosts = &self.config.own_hosts;
        let from = message.from();
        let is_own_name =
            from.is_ok_and(|from| facts::names_user(&from, plan, own_hosts, org, sender.username()));
        if !is_own_name && !identity::has_anonymous_from(&message) {
            self.refuse_sender(request, Reply::new(403).phrase("From Is Not The Authenticated User"));
            return None;
        }
        Some((org, sender))
    }

    /// Refuses a request whose credentials have been used up: its repeat would be challenged (RFC 7616 §3.4, `nc`), so
    /// a transaction has to remember the answer (RFC 3261 §17.2.2).
    pub(crate) fn refuse_sender(&mut self, request: &NewRequest, reply: Reply) {
        if request.message.view().method() == Method::Invite {
            // Its transaction would begin with a 100, which nobody has to see who may not call.
            self.reply(request, reply);
        } else if let Ok(key) = self.endpoint.accept(self.now, request.clone(), &mut self.wire) {
            self.endpoint.respond(self.now, key, reply, &mut self.wire);
        }
    }
}
