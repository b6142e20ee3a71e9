//! The registrar: which contacts an account has, changed by REGISTER, time and lost connections (RFC 3261 §10).
//!
//! A request is carried out as a whole or not at all. Who may register is settled before it comes here
//! (`authentication`); what a contact is good for is said by [`Binding::reach`].

mod binding;
mod request;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use contract::{
    id::{AccountId, OrgId},
    time::Timestamp,
};
use dialplan::{Account, Difference, OrgPlan, Plan};
use sip::{
    Flow, Uri,
    locate::{Choice, Target},
};

pub(crate) use binding::Reach;
pub use binding::{Binding, BindingFlow};
use request::{Contact, Wish};
pub(crate) use request::{Registration, Rejection};

use crate::{
    config::Limits,
    located::Located,
    means::Random,
    output::{BindingChange, Notice, Output, Outputs},
};

/// All contacts of all accounts.
#[derive(Debug)]
pub(crate) struct Registrar {
    limits: Limits,
    /// At most `bindings_per_account_max` each; never an empty list. Whoever else keeps a binding shares it.
    accounts: BTreeMap<AccountId, Vec<Arc<Binding>>>,
    /// How many contacts there are.
    count: usize,
    /// When contacts of whom expire.
    expiries: BTreeSet<(Timestamp, AccountId)>,
    /// Whose contacts came on which open connection.
    connections: BTreeMap<u64, BTreeSet<AccountId>>,
    /// Whose contacts have become others since somebody asked.
    touched: BTreeSet<AccountId>,
    located: Located,
}

/// Whose contacts a request is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner<'a> {
    pub(crate) org: OrgId,
    pub(crate) account: AccountId,
    pub(crate) username: &'a str,
}

impl Registrar {
    pub(crate) fn new(limits: Limits, located: Located) -> Self {
        Self {
            limits,
            accounts: BTreeMap::new(),
            count: 0,
            expiries: BTreeSet::new(),
            connections: BTreeMap::new(),
            touched: BTreeSet::new(),
            located,
        }
    }

    /// How many contacts there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The contacts of an account, in the order they were made.
    pub(crate) fn contacts(&self, account: AccountId) -> &[Arc<Binding>] {
        self.accounts.get(&account).map_or(&[], Vec::as_slice)
    }

    /// Whether somebody has a device.
    pub(crate) fn is_reachable(&self, target: &dialplan::Target) -> bool {
        target.accounts.iter().any(|account| !self.contacts(*account).is_empty())
    }

    /// Whose contacts have become others, more or fewer since this was last asked. Refreshes do not count.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<AccountId> {
        std::mem::take(&mut self.touched)
    }

    /// How to reach the devices of an account now.
    pub(crate) fn devices(&self, account: AccountId, random: &mut Random) -> Vec<Reach> {
        binding::devices(self.contacts(account), &self.located, random)
    }

    /// Takes note of where a name leads now; of which other ones a trunk is still at is asked when there are too many.
    pub(crate) fn locate(
        &mut self,
        target: &Target,
        choices: Vec<Choice>,
        is_wanted: impl Fn(&Target) -> bool,
    ) {
        self.located.note(target, choices, is_wanted);
    }

    /// Where names lead now.
    pub(crate) fn located(&self) -> &Located {
        &self.located
    }

    /// The next expiry.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Carries out a REGISTER, wholly or not at all. Says from which connections devices have come to this one.
    pub(crate) fn register(
        &mut self,
        owner: Owner<'_>,
        flow: Flow,
        registration: &Registration,
        wall: Timestamp,
        out: &mut Outputs,
    ) -> Result<Vec<Flow>, Rejection> {
        self.judge(owner.account, registration)?;
        let mut left = Vec::new();
        match &registration.wish {
            Wish::Fetch => {}
            Wish::RemoveAll => {
                let keys: Vec<Arc<str>> =
                    self.contacts(owner.account).iter().map(|binding| binding.key.clone()).collect();
                for key in keys {
                    self.remove(owner.account, &key, out);
                }
            }
            Wish::Update(contacts) => {
                for contact in contacts {
                    left.extend(self.connections_of(owner.account, contact).filter(|left| *left != flow));
                    self.update(owner, flow, registration, contact, wall, out);
                }
            }
        }
        Ok(left)
    }

    /// The connections, open or not, that a device is known to be at.
    fn connections_of(&self, account: AccountId, contact: &Contact) -> impl Iterator<Item = Flow> {
        let same = self.contacts(account).iter().filter(|binding| is_same(binding, contact));
        same.map(|binding| Flow::from(binding.flow)).filter(|flow| flow.transport.is_reliable())
    }

    /// Step 7: a request older than the one that set a contact changes nothing, not even the other contacts.
    fn judge(&self, account: AccountId, registration: &Registration) -> Result<(), Rejection> {
        let touched = |binding: &&Binding| match &registration.wish {
            Wish::Fetch => false,
            Wish::RemoveAll => true,
            Wish::Update(contacts) => contacts.iter().any(|contact| is_same(binding, contact)),
        };
        let is_stale =
            |binding: &Binding| binding.call_id == registration.call_id && binding.cseq >= registration.cseq;
        let own = self.contacts(account);
        if own.iter().map(Arc::as_ref).filter(touched).any(is_stale) {
            return Err(Rejection::OutOfOrder);
        }
        let added = match &registration.wish {
            Wish::Update(contacts) => self.growth(own, contacts),
            Wish::Fetch | Wish::RemoveAll => 0,
        };
        if added > 0 && self.len() + added > self.limits.bindings_max {
            return Err(Rejection::Full);
        }
        Ok(())
    }

    /// By how many contacts an account grows at most: refreshed ones are there already, and those beyond the
    /// account's own limit replace others.
    fn growth(&self, own: &[Arc<Binding>], contacts: &[Contact]) -> usize {
        let is_known = |contact: &Contact| own.iter().any(|binding| is_same(binding, contact));
        let (removed, set): (Vec<&Contact>, Vec<&Contact>) =
            contacts.iter().partition(|contact| contact.expires_secs == 0);
        let freed = removed.into_iter().filter(|contact| is_known(contact)).count();
        let fresh = set.into_iter().filter(|contact| !is_known(contact)).count();
        fresh.min(self.limits.bindings_per_account_max.saturating_sub(own.len())).saturating_sub(freed)
    }

    fn update(
        &mut self,
        owner: Owner<'_>,
        flow: Flow,
        registration: &Registration,
        contact: &Contact,
        wall: Timestamp,
        out: &mut Outputs,
    ) {
        let key: Arc<str> = match (&contact.instance, contact.reg_id) {
            (Some(instance), Some(reg_id)) => format!("{instance};reg-id={reg_id}").into(),
            (Some(instance), None) => instance.as_str().into(),
            (None, _) => contact.uri.as_str().into(),
        };
        // The same place or the same device: an instance that moved does not leave its old contact behind.
        let replaced: Vec<Arc<str>> = self
            .contacts(owner.account)
            .iter()
            .filter(|binding| is_same(binding, contact))
            .map(|binding| binding.key.clone())
            .collect();
        for old in replaced {
            if contact.expires_secs == 0 || old != key {
                self.remove(owner.account, &old, out);
            }
        }
        if contact.expires_secs == 0 {
            return;
        }
        self.make_room(owner.account, &key, out);
        let expires_at = wall.plus_micros(i64::from(contact.expires_secs) * 1_000_000);
        let binding = Arc::new(Binding {
            org: owner.org,
            account: owner.account,
            username: owner.username.to_owned(),
            contact: if *contact.uri == *key { Arc::clone(&key) } else { contact.uri.as_str().into() },
            key,
            instance: contact.instance.clone(),
            reg_id: contact.reg_id,
            q: contact.q,
            path: registration.path.clone(),
            call_id: registration.call_id.clone(),
            cseq: registration.cseq,
            user_agent: registration.user_agent.clone(),
            flow: flow.into(),
            expires_at,
        });
        self.insert(Arc::clone(&binding));
        out.push(Output::Binding(BindingChange::Put(binding)));
    }

    /// A phone that lost its contacts (a new port at every start) must not be locked out by the old ones.
    fn make_room(&mut self, account: AccountId, key: &str, out: &mut Outputs) {
        let own = self.contacts(account);
        if own.len() < self.limits.bindings_per_account_max || own.iter().any(|binding| &*binding.key == key)
        {
            return;
        }
        let first = own.iter().min_by_key(|binding| binding.expires_at).map(|binding| binding.key.clone());
        if let Some(first) = first {
            self.remove(account, &first, out);
            out.notice(Notice::BindingReplaced);
        }
    }

    /// Puts a binding in, in place of the one with its key.
    fn insert(&mut self, binding: Arc<Binding>) {
        let (account, connection) = (binding.account, binding.flow.connection);
        self.expiries.insert((binding.expires_at, account));
        let own = self.accounts.entry(account).or_default();
        match own.iter_mut().find(|old| old.key == binding.key) {
            Some(place) => {
                let old = std::mem::replace(place, binding);
                if old.contact != place.contact {
                    self.touched.insert(account);
                }
                self.forget_expiry(account, old.expires_at);
                self.forget_connection(account, old.flow.connection);
            }
            None => {
                // Nearly all accounts have one.
                own.reserve_exact(1);
                own.push(binding);
                self.count += 1;
                self.touched.insert(account);
            }
        }
        if connection != 0 {
            self.connections.entry(connection).or_default().insert(account);
        }
    }

    fn remove(&mut self, account: AccountId, key: &str, out: &mut Outputs) {
        let Some(own) = self.accounts.get_mut(&account) else { return };
        let Some(at) = own.iter().position(|binding| &*binding.key == key) else { return };
        let gone = own.remove(at);
        self.touched.insert(account);
        if own.is_empty() {
            self.accounts.remove(&account);
        }
        self.count -= 1;
        self.forget_expiry(account, gone.expires_at);
        self.forget_connection(account, gone.flow.connection);
        out.push(Output::Binding(BindingChange::Remove { account, key: Arc::clone(&gone.key) }));
    }

    /// Drops an expiry of the account at which none of its contacts expires any more.
    fn forget_expiry(&mut self, account: AccountId, at: Timestamp) {
        if self.contacts(account).iter().all(|binding| binding.expires_at != at) {
            self.expiries.remove(&(at, account));
        }
    }

    /// Drops the account from a connection that none of its contacts uses any more.
    fn forget_connection(&mut self, account: AccountId, connection: u64) {
        if self.contacts(account).iter().any(|binding| binding.flow.connection == connection) {
            return;
        }
        if let Some(accounts) = self.connections.get_mut(&connection) {
            accounts.remove(&account);
            if accounts.is_empty() {
                self.connections.remove(&connection);
            }
        }
    }

    /// A connection is gone: its contacts stay until they expire, and are dialled anew where that can work.
    pub(crate) fn connection_lost(&mut self, connection: u64) {
        for account in self.connections.remove(&connection).unwrap_or_default() {
            for binding in self.accounts.get_mut(&account).into_iter().flatten() {
                if binding.flow.connection == connection {
                    Arc::make_mut(binding).flow.connection = 0;
                }
            }
        }
    }

    /// Takes back what was put out before a restart. No connection has survived it.
    pub(crate) fn restore(
        &mut self,
        bindings: Vec<Arc<Binding>>,
        plan: &Plan,
        wall: Timestamp,
        out: &mut Outputs,
    ) {
        for mut binding in bindings {
            let restored = Arc::make_mut(&mut binding);
            restored.flow.connection = 0;
            if restored.contact == restored.key {
                restored.contact = Arc::clone(&restored.key);
            }
            let is_current = binding.expires_at > wall && is_planned(plan, &binding);
            let has_room = self.len() < self.limits.bindings_max
                && self.contacts(binding.account).len() < self.limits.bindings_per_account_max;
            if is_current && has_room {
                self.insert(binding);
            } else {
                out.push(Output::Binding(BindingChange::Remove {
                    account: binding.account,
                    key: Arc::clone(&binding.key),
                }));
            }
        }
    }

    /// The clock was set by `micros`. Phones count their own seconds, so every contact keeps what it has left.
    pub(crate) fn shift(&mut self, micros: i64, out: &mut Outputs) {
        self.expiries.clear();
        for binding in self.accounts.values_mut().flatten() {
            let changed = Arc::make_mut(binding);
            changed.expires_at = changed.expires_at.plus_micros(micros);
            self.expiries.insert((binding.expires_at, binding.account));
            out.push(Output::Binding(BindingChange::Put(binding.clone())));
        }
    }

    /// Removes contacts of accounts that are not in the plan any more.
    pub(crate) fn adopt(&mut self, changed: &[Difference<'_>], out: &mut Outputs) {
        let mut gone: Vec<(AccountId, Arc<str>)> = Vec::new();
        for Difference { before, after } in changed {
            let had = before.iter().flat_map(|before| before.accounts());
            let is_gone = |account: &&Account| !after.is_some_and(|after| is_account_of(after, account));
            let contacts = had.filter(is_gone).flat_map(|account| self.contacts(account.id));
            gone.extend(contacts.map(|binding| (binding.account, Arc::clone(&binding.key))));
        }
        for (account, key) in gone {
            self.remove(account, &key, out);
        }
    }

    /// Removes what has expired.
    pub(crate) fn expire(&mut self, wall: Timestamp, out: &mut Outputs) {
        while let Some((at, account)) = self.expiries.first().filter(|(at, _)| *at <= wall).copied() {
            let expired = self.contacts(account).iter().find(|binding| binding.expires_at == at);
            match expired.map(|binding| Arc::clone(&binding.key)) {
                Some(key) => self.remove(account, &key, out),
                None => self.forget_expiry(account, at),
            }
        }
    }
}

fn is_planned(plan: &Plan, binding: &Binding) -> bool {
    plan.account(binding.org, &binding.username).is_some_and(|account| account.id == binding.account)
}

/// Whether an account may still be used by the same name.
fn is_account_of(org: &OrgPlan, account: &Account) -> bool {
    org.account(&account.username).is_some_and(|now| now.id == account.id)
}

/// The same flow of the same device; for those that name no device, the same place (RFC 3261 §19.1.4). Two devices
/// may well have the same address, each behind a NAT of its own.
fn is_same(binding: &Binding, contact: &Contact) -> bool {
    match (&binding.instance, &contact.instance) {
        (Some(ours), Some(theirs)) => {
            let is_same_flow = match (binding.reg_id, contact.reg_id) {
                (Some(ours), Some(theirs)) => ours == theirs,
                // It has begun or ceased to keep flows: what was before is over.
                (Some(_), None) | (None, _) => true,
            };
            ours == theirs && is_same_flow
        }
        (None, _) | (_, None) => Uri::parse(&contact.uri).is_ok_and(|uri| binding.is_at(&uri)),
    }
}
