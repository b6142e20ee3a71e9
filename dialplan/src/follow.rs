//! Following rules from extension to extension until somebody can be rung, something is said, a message is taken, a caller can
//! choose, or nothing is left. Where a choice leads is followed in the same way. A person's mailbox is what a rule of their own would be: the last resort where nobody took the call.
//!
//! The rules of a case are tried in their order; one that leads to nobody who can be rung is passed over as if it were
//! not there. No target is tried twice in a call and at most [`FORWARDS_MAX`] are, so that this ends whatever the rules
//! say; circles in which nobody would ever ring do not compile (`circles`). It deliberately does not know what came of
//! ringing: the switch says so and asks again.

use std::sync::Arc;

use contract::{
    id::{ExtensionId, UserId},
    rules::{Condition, RuleNamed, Timescope},
    time::Timestamp,
};

use crate::{
    hours::{self, Standing},
    limits::FORWARDS_MAX,
    menu::{Choice, Menu},
    outbound::Payer,
    plan::{Action, Conference, Extension, Host, OrgPlan, PersonKey, Ring, Rule},
    route::{
        Announcement, Decision, Forward, Lead, Paging, PassedOver, Queueing, Refusal, Route, Step, Trace,
        Trail, Voicemail,
    },
};

/// Where a call can go.
pub(crate) enum Way {
    Ring(Arc<Ring>),
    Queue(Queueing),
    Announce(Announcement),
    Voicemail(Voicemail),
    Menu(Arc<Menu>),
    Conference(Arc<Conference>),
    Page(Paging),
}

impl From<Way> for Route {
    fn from(way: Way) -> Self {
        match way {
            Way::Ring(ring) => Self::Ring(ring),
            Way::Queue(queueing) => Self::Queue(queueing),
            Way::Announce(announcement) => Self::Announce(announcement),
            Way::Voicemail(voicemail) => Self::Voicemail(voicemail),
            Way::Menu(menu) => Self::Menu(menu),
            Way::Conference(conference) => Self::Conference(conference),
            Way::Page(paging) => Self::Page(paging),
        }
    }
}

/// One decision in the making.
pub(crate) struct Following<'p> {
    org: &'p OrgPlan,
    caller: PersonKey,
    now: Timestamp,
    trail: Trail,
    /// Forwards of earlier decisions.
    before: usize,
    pub(crate) trace: Trace,
}

impl<'p> Following<'p> {
    pub(crate) fn new(org: &'p OrgPlan, caller: PersonKey, now: Timestamp, trail: Trail) -> Self {
        let before = trail.forwards.len();
        Self { org, caller, now, trail, before, trace: Trace(Vec::with_capacity(4)) }
    }

    pub(crate) fn caller(&self) -> PersonKey {
        self.caller
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn begin(&mut self, dialled: Host) {
        self.trail.dialled = Some(dialled);
        self.trail.at = Some(dialled);
    }

    pub(crate) fn decide(self, route: Route) -> Decision {
        let path = self.trail.path();
        let known = self.trail.forwards.get(..self.before).unwrap_or_default();
        let forwards = match route {
            Route::Ring(_)
            | Route::Queue(_)
            | Route::Announce(_)
            | Route::Voicemail(_)
            | Route::Menu(_)
            | Route::Conference(_)
            | Route::Page(_) => {
                path.into_iter().filter(|forward| !known.contains(forward)).cloned().collect()
            }
            Route::Intercom(_) | Route::Feature(_) | Route::Refuse(_) => Vec::new(),
        };
        Decision { route, forwards, trail: self.trail, trace: self.trace }
    }

    /// A call comes to an extension.
    pub(crate) fn extension(&mut self, extension: &Extension) -> Result<Way, Refusal> {
        let host = Host::Extension(extension.id);
        self.trail.at = Some(host);
        if !extension.is_active {
            self.trace.0.push(Step::Inactive);
            return Err(Refusal::Inactive(host));
        }
        let standing = self.standing(extension);
        if let Some(way) = self.by_rule(extension, standing, Condition::Always) {
            return Ok(way);
        }
        self.trail.at = Some(host);
        if !standing.is_open() {
            self.trace.0.push(Step::Closed);
            return Err(Refusal::Closed(host));
        }
        if let Some(menu) = &extension.menu {
            return Ok(self.menu(menu));
        }
        match self.own(extension, 0) {
            Ok(way) => Ok(way),
            // Nobody is there to be rung, which is what the rule is about.
            Err(refusal @ Refusal::NoStaff(_)) => {
                self.by_rule(extension, standing, Condition::Unreachable).ok_or(refusal)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// What was rung came to `condition`.
    pub(crate) fn after(&mut self, condition: Condition) -> Option<Way> {
        let (mut host, mut condition) = (self.trail.at?, condition);
        loop {
            if let Host::User(user) = host
                && let Ok(way) = self.voicemail(user, condition.as_str(), None)
            {
                return Some(way);
            }
            if let Host::Extension(id) = host
                && let Some(extension) = self.org.extensions.get(&id)
                && extension.is_active
                && extension.rules.iter().any(|rule| rule.condition == condition)
            {
                let number = Arc::clone(&extension.number);
                self.trace.0.push(Step::After { number, condition });
                let standing = self.standing(extension);
                if let Some(way) = self.by_rule(extension, standing, condition) {
                    return Some(way);
                }
            }
            let led_here = self.trail.leading_to(host)?;
            // Whoever has come by a menu is asked again there.
            let rule = led_here.lead.rule()?;
            (host, condition) = (Host::Extension(led_here.from), rule.condition);
        }
    }

    /// Whether an extension is open. A step of the trace where anything depends on it.
    fn standing(&mut self, extension: &Extension) -> Standing {
        let Some(hours) = &extension.hours else { return Standing::Always };
        let local = hours::local(&self.org.zone, self.now);
        let standing = hours.standing(local);
        self.trace.0.push(Step::Hours { local, standing });
        standing
    }

    /// The first rule for the case that leads anywhere.
    fn by_rule(&mut self, extension: &Extension, standing: Standing, condition: Condition) -> Option<Way> {
        for (at, rule) in extension.rules.iter().enumerate().filter(|(_, rule)| rule.condition == condition) {
            let named = RuleNamed {
                id: rule.id,
                place: at + 1,
                timescope: rule.timescope,
                condition: rule.condition,
            };
            if let Some(because) = self.passed_over(extension.id, rule, standing) {
                self.trace.0.push(Step::PassedOver { rule: named, because });
                continue;
            }
            match self.lead(extension, Lead::Rule(named), &rule.action) {
                Ok(way) => return Some(way),
                Err(_) => self.trace.0.push(Step::LedNowhere { rule: named }),
            }
        }
        None
    }

    /// Where a caller of an extension's menu goes, if its choice leads anywhere.
    pub(crate) fn choose(&mut self, extension: &Extension, menu: &Menu, choice: &Choice) -> Option<Route> {
        let host = Host::Extension(extension.id);
        let (number, chosen) = (Arc::clone(&menu.number), choice.chosen());
        let dialled = match choice {
            Choice::Pressed(keys) => self.org.dialled_in(menu, keys).map(Action::Forward),
            Choice::Timeout | Choice::Invalid => None,
        };
        let action = menu.offer(choice).map(|offer| &offer.action).or(dialled.as_ref())?;
        self.begin(host);
        self.trace.0.push(Step::Chosen { number, chosen });
        Some(self.lead(extension, Lead::Menu(chosen), action).map_or_else(Route::Refuse, Route::from))
    }

    /// An extension's rule, or its menu, leads the call to what this does.
    fn lead(&mut self, extension: &Extension, lead: Lead, action: &Action) -> Result<Way, Refusal> {
        let (host, rule) = (Host::Extension(extension.id), lead.rule());
        match action {
            Action::Ring => self.own_by(extension, rule, 0),
            Action::Queue(of, priority) if *of == extension.id => self.own_by(extension, rule, *priority),
            Action::Announce(sound) => {
                self.trace.0.push(Step::Announce { rule, sound: Arc::clone(sound) });
                self.trail.at = Some(host);
                Ok(Way::Announce(Announcement { host, sound: Arc::clone(sound) }))
            }
            Action::Voicemail(user) => {
                self.trail.at = Some(host);
                self.voicemail(*user, lead.reason(), rule)
            }
            // Of a menu: as if it had been called. No rule does that.
            Action::Forward(to) if *to == host => self.extension(extension),
            Action::Forward(to) => self.forward(extension, lead, *to),
            Action::Menu(of) if *of == extension.id => {
                self.trail.at = Some(host);
                self.menu_of(extension)
            }
            Action::Menu(of) => self.send_past(extension, lead, *of).and_then(|target| self.menu_of(target)),
            Action::Queue(of, priority) => {
                let target = self.send_past(extension, lead, *of)?;
                self.own(target, *priority)
            }
        }
    }

    /// An extension's own people, past its hours and its menu.
    fn own_by(
        &mut self,
        extension: &Extension,
        rule: Option<RuleNamed>,
        priority: u16,
    ) -> Result<Way, Refusal> {
        self.trace.0.push(Step::OwnPeople { rule });
        self.trail.at = Some(Host::Extension(extension.id));
        self.own(extension, priority)
    }

    fn passed_over(&self, extension: ExtensionId, rule: &Rule, standing: Standing) -> Option<PassedOver> {
        if !rule.is_enabled {
            return Some(PassedOver::Disabled);
        }
        if !standing.is_within(rule.timescope) {
            return Some(PassedOver::OtherHours);
        }
        let to = match rule.action {
            Action::Forward(to) => to,
            Action::Queue(of, _) | Action::Menu(of) if of != extension => Host::Extension(of),
            Action::Queue(..)
            | Action::Menu(_)
            | Action::Ring
            | Action::Announce(_)
            | Action::Voicemail(_) => return None,
        };
        if self.trail.dialled == Some(to) || self.trail.leading_to(to).is_some() {
            return Some(PassedOver::BeenThere);
        }
        (self.trail.forwards.len() >= FORWARDS_MAX).then_some(PassedOver::TooFar)
    }

    fn forward(&mut self, extension: &Extension, lead: Lead, to: Host) -> Result<Way, Refusal> {
        match (self.send(extension, lead, to)?, to) {
            (Some(target), _) => self.extension(target),
            (None, Host::User(user)) => self.person(user).map(Way::Ring),
            (None, Host::Outside(number)) => {
                self.trail.at = Some(to);
                let payer = Payer::Extension(extension.id);
                let org = self.org;
                let way = org.outside(&number.to_string(), Some(payer), self);
                way.unwrap_or(Err(Refusal::UnknownNumber)).map(Way::Ring)
            }
            (None, _) => Err(Refusal::UnknownNumber),
        }
    }

    /// To another extension, past its hours and rules.
    fn send_past(
        &mut self,
        extension: &Extension,
        lead: Lead,
        of: ExtensionId,
    ) -> Result<&'p Arc<Extension>, Refusal> {
        let to = Host::Extension(of);
        let target = self.send(extension, lead, to)?.ok_or(Refusal::UnknownNumber)?;
        self.trail.at = Some(to);
        if !target.is_active {
            self.trace.0.push(Step::Inactive);
            return Err(Refusal::Inactive(to));
        }
        Ok(target)
    }

    /// The call goes to `to`: which extension that is, if it is one.
    fn send(
        &mut self,
        extension: &Extension,
        lead: Lead,
        to: Host,
    ) -> Result<Option<&'p Arc<Extension>>, Refusal> {
        let org = self.org;
        let (target, number, name) = match to {
            Host::Extension(id) => {
                let target = org.extensions.get(&id).ok_or(Refusal::UnknownNumber)?;
                (Some(target), Arc::clone(&target.number), Arc::clone(&target.name))
            }
            Host::User(user) => {
                let person = org.staff.get(&user).ok_or(Refusal::UnknownNumber)?;
                (None, Arc::clone(&person.number), Arc::clone(&person.name))
            }
            Host::Outside(number) => {
                let number: Arc<str> = number.to_string().into();
                (None, Arc::clone(&number), number)
            }
            Host::Account(_) => return Err(Refusal::UnknownNumber),
        };
        let forward = Forward {
            from: extension.id,
            lead,
            to,
            number: Arc::clone(&number),
            by: Arc::clone(&extension.number),
        };
        self.trail.forwards.push(forward);
        self.trace.0.push(Step::Forward { rule: lead.rule(), to, number, name });
        Ok(target)
    }

    fn menu_of(&mut self, extension: &Extension) -> Result<Way, Refusal> {
        // A rule leads to one that is there, or does not compile.
        let menu = extension.menu.as_ref().ok_or(Refusal::Inactive(Host::Extension(extension.id)))?;
        Ok(self.menu(menu))
    }

    /// The caller chooses.
    fn menu(&mut self, menu: &Arc<Menu>) -> Way {
        self.trace.0.push(Step::Menu(Arc::clone(menu)));
        Way::Menu(Arc::clone(menu))
    }

    /// An extension's own people ring, or the caller waits for one of them. In a room nobody does.
    fn own(&mut self, extension: &Extension, priority: u16) -> Result<Way, Refusal> {
        if let Some(conference) = &extension.conference {
            self.trace.0.push(Step::Conference(Arc::clone(conference)));
            return Ok(Way::Conference(Arc::clone(conference)));
        }
        if let Some(group) = &extension.page_group {
            return self.page(extension, group).map(Way::Page);
        }
        match (&extension.queue, &extension.ring) {
            (Some(queue), Some(ring)) => {
                let (queue, ring) = (Arc::clone(queue), self.but_caller(ring)?);
                let queueing = Queueing { queue, ring, priority };
                self.trace.0.push(Step::Waits(queueing.clone()));
                Ok(Way::Queue(queueing))
            }
            _ => self.own_people(extension).map(Way::Ring),
        }
    }

    /// Rings an extension's own people.
    pub(crate) fn own_people(&mut self, extension: &Extension) -> Result<Arc<Ring>, Refusal> {
        match &extension.ring {
            Some(ring) => self.ring(ring),
            None => {
                self.trace.0.push(Step::NoStaff);
                Err(Refusal::NoStaff(Host::Extension(extension.id)))
            }
        }
    }

    /// Rings one person.
    pub(crate) fn person(&mut self, user: UserId) -> Result<Arc<Ring>, Refusal> {
        let host = Host::User(user);
        self.trail.at = Some(host);
        match self.org.staff.get(&user).and_then(|person| person.ring.as_ref()) {
            Some(ring) => self.ring(ring),
            None => {
                self.trace.0.push(Step::Inactive);
                Err(Refusal::Inactive(host))
            }
        }
    }

    /// Takes a message for a person, by a rule or a menu, or because they have a mailbox.
    pub(crate) fn voicemail(
        &mut self,
        user: UserId,
        reason: &'static str,
        rule: Option<RuleNamed>,
    ) -> Result<Way, Refusal> {
        let mailbox = self.org.mailbox(user).ok_or(Refusal::Inactive(Host::User(user)))?;
        let number = Arc::clone(&mailbox.number);
        self.trace.0.push(Step::Voicemail { number, reason, rule });
        Ok(Way::Voicemail(Voicemail { mailbox: Arc::clone(mailbox), reason }))
    }

    /// Rings everybody but the caller: a person who calls a team they belong to must not ring themselves.
    pub(crate) fn ring(&mut self, ring: &Arc<Ring>) -> Result<Arc<Ring>, Refusal> {
        let ring = self.but_caller(ring)?;
        let accounts = ring.targets.iter().map(|target| target.accounts.len()).sum();
        let (people, seconds) = (ring.targets.len(), ring.ring_timeout_secs);
        self.trace.0.push(Step::Rings { people, accounts, seconds });
        Ok(ring)
    }

    pub(crate) fn but_caller(&mut self, ring: &Arc<Ring>) -> Result<Arc<Ring>, Refusal> {
        let person = self.caller;
        let ring = if ring.targets.iter().any(|target| target.person == person) {
            self.trace.0.push(Step::CallerLeftOut);
            let others = ring.targets.iter().filter(|target| target.person != person).cloned();
            let (number, name) = (Arc::clone(&ring.number), Arc::clone(&ring.name));
            Arc::new(Ring { targets: others.collect(), number, name, outbound: None, ..**ring })
        } else {
            Arc::clone(ring)
        };
        if ring.targets.is_empty() {
            return Err(Refusal::SelfCall(ring.host));
        }
        Ok(ring)
    }
}

/// Whether a rule can ever hold for an extension that has hours, or has none.
pub(crate) const fn can_hold(timescope: Timescope, has_hours: bool) -> bool {
    has_hours || !matches!(timescope, Timescope::OffHours)
}

#[cfg(test)]
pub(crate) mod tests;
