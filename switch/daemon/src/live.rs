//! What is going on right now, for anybody to read without a lock (DESIGN D4).
//!
//! The engine writes, the switch API and metrics read. The tables are papaya's: readers never make the engine wait.

use std::sync::Arc;

use calls::{Binding, BindingChange, LiveChange};
use contract::{
    id::{AccountId, CallId},
    journal::EventKind,
    live::{LiveCall, Registration},
};

/// The tables of live calls and of registrations.
#[derive(Debug, Default)]
pub struct Live {
    calls: papaya::HashMap<CallId, LiveCall>,
    /// The registrar's own bindings, shared: with a hundred thousand phones a copy would be most of the memory.
    registrations: papaya::HashMap<(AccountId, Arc<str>), Arc<Binding>>,
}

impl Live {
    /// Takes over a change of a call.
    pub(crate) fn change_call(&self, change: LiveChange) {
        match change {
            LiveChange::Put(call) => {
                self.calls.pin().insert(call.call, call);
            }
            LiveChange::Remove(call) => {
                self.calls.pin().remove(&call);
            }
        }
    }

    /// Takes over a change of a contact.
    pub(crate) fn change_registration(&self, change: &BindingChange) {
        match change {
            BindingChange::Put(binding) => {
                let key = (binding.account, Arc::clone(&binding.key));
                self.registrations.pin().insert(key, Arc::clone(binding));
            }
            BindingChange::Remove { account, key } => {
                self.registrations.pin().remove(&(*account, key.clone()));
            }
        }
    }

    /// Calls that have not ended, oldest first.
    pub fn calls(&self) -> Vec<LiveCall> {
        let mut calls: Vec<LiveCall> = self.calls.pin().values().cloned().collect();
        calls.sort_by_key(|call| (call.created_at, call.call));
        calls
    }

    /// Contacts, by organisation, username and contact.
    pub fn registrations(&self) -> Vec<Registration> {
        let mut registrations: Vec<Registration> =
            self.registrations.pin().values().map(|binding| binding.registration()).collect();
        registrations.sort_by(|a, b| (a.org, &a.username, &a.contact).cmp(&(b.org, &b.username, &b.contact)));
        registrations
    }

    /// How many calls stand at each state, by its word for metrics.
    pub fn calls_by_state(&self) -> [(&'static str, u64); 5] {
        let mut counts = [("begun", 0), ("ringing", 0), ("answered", 0), ("held", 0), ("other", 0)];
        for call in self.calls.pin().values() {
            let word = match call.state {
                EventKind::Created
                | EventKind::DialAttempt
                | EventKind::Forward
                | EventKind::ForwardBusy
                | EventKind::ForwardNoAnswer => "begun",
                EventKind::Ringing | EventKind::ForwardRinging => "ringing",
                EventKind::Answered | EventKind::ForwardAnswered | EventKind::Unhold => "answered",
                EventKind::Hold => "held",
                _ => "other",
            };
            counts.iter_mut().filter(|(state, _)| *state == word).for_each(|(_, count)| *count += 1);
        }
        counts
    }

    /// How many calls have not ended.
    pub fn calls_len(&self) -> usize {
        self.calls.pin().len()
    }

    /// How many contacts there are.
    pub fn registrations_len(&self) -> usize {
        self.registrations.pin().len()
    }
}
