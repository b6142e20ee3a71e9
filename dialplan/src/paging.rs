//! Numbers where phones answer by themselves: the code for intercom in front of a number, and page groups.
//!
//! Intercom opens the microphone of a room, so it is for people of the organisation alone, and reaches whoever has agreed to it: no
//! hours, rules, queues or mailboxes take it anywhere else. Which phones are busy is not known here.

use std::sync::Arc;

use crate::{
    follow::Following,
    plan::{Destination, Extension, Host, OrgPlan, PageGroup, Ring},
    route::{Paging, Refusal, Step},
};

impl OrgPlan {
    /// Whose phones answer an intercom to a number.
    pub(crate) fn intercom(
        &self,
        (number, found): (&str, &Destination),
        following: &mut Following<'_>,
    ) -> Result<Arc<Ring>, Refusal> {
        let Some(host) = self.holder(number) else {
            following.trace.0.push(Step::NoNumber);
            return Err(Refusal::UnknownNumber);
        };
        let name = match found {
            Destination::Extension(extension) => Arc::clone(&extension.name),
            Destination::Person(user) => self.staff_named(*user).map_or(number, |(_, name)| name).into(),
            Destination::Ring(ring) => Arc::clone(&ring.name),
            Destination::Inactive(_) | Destination::Feature(_) => number.into(),
        };
        following.trace.0.extend([Step::Intercom, Step::Number { number: number.into(), host, name }]);
        if let Destination::Inactive(host) = found {
            following.trace.0.push(Step::Inactive);
            return Err(Refusal::Inactive(*host));
        }
        if following.caller().is_outside() {
            return Err(Refusal::InsideOnly(host));
        }
        if !self.takes_intercom(found) {
            return Err(Refusal::NoIntercom(host));
        }
        match found {
            Destination::Extension(extension) if !extension.is_active => {
                following.trace.0.push(Step::Inactive);
                Err(Refusal::Inactive(host))
            }
            Destination::Extension(extension) => following.own_people(extension),
            Destination::Person(user) => {
                let ring = self.staff.get(user).and_then(|person| person.ring.as_ref());
                ring.map_or(Err(Refusal::Inactive(host)), |ring| following.ring(ring))
            }
            Destination::Ring(ring) => following.ring(ring),
            Destination::Inactive(_) | Destination::Feature(_) => Err(Refusal::UnknownNumber),
        }
    }
}

impl Following<'_> {
    /// The phones of an extension's people hear the caller, if that is one of the organisation.
    pub(crate) fn page(&mut self, extension: &Extension, group: &Arc<PageGroup>) -> Result<Paging, Refusal> {
        let host = Host::Extension(extension.id);
        if self.caller().is_outside() {
            return Err(Refusal::InsideOnly(host));
        }
        let Some(ring) = &extension.ring else {
            self.trace.0.push(Step::NoStaff);
            return Err(Refusal::NoStaff(host));
        };
        let paging = Paging { group: Arc::clone(group), ring: self.but_caller(ring)? };
        self.trace.0.push(Step::Page(paging.clone()));
        Ok(paging)
    }
}

#[cfg(test)]
mod tests;
