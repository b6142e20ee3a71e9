//! Hours and rules of extensions, on their way into a plan.

use std::{collections::BTreeSet, sync::Arc};

use contract::{
    id::QueueId,
    rules::{self, Condition, Span, Timescope},
    snapshot,
};
use jiff::civil::Date;

use super::{Compiler, limits};
use crate::{
    diagnostic::{Problem, Row},
    hours::{Dates, Hours},
    plan::{Action, Host, Rule},
};

const DAY_MINUTES: u16 = 24 * 60;

fn is_sound(span: Span) -> bool {
    span.start < DAY_MINUTES && span.end <= DAY_MINUTES
}

/// A date as ISO 8601 writes it, and nothing more.
fn date_of(text: &str) -> Option<Date> {
    text.parse::<Date>().ok().filter(|date| date.to_string() == text)
}

/// Whether an extension's own people may be rung in that case: they have not been.
fn may_ring(condition: Option<Condition>) -> bool {
    condition.is_none_or(|condition| condition == Condition::Always)
}

impl Compiler<'_> {
    /// Dates with hours of their own.
    pub(super) fn holidays(&mut self) {
        let mut everybodys = Dates::new();
        if self.rows.holidays.len() > limits::HOLIDAYS_MAX {
            self.wrong(Row::Organisation, "holidays", Problem::TooMany(limits::HOLIDAYS_MAX));
        }
        for holiday in &self.rows.holidays {
            let row = Row::Holiday(holiday.id);
            let dates = match holiday.extension {
                None => &mut everybodys,
                Some(extension) => {
                    if !self.extension_ids.contains(&extension) {
                        self.wrong(row, "extension", Problem::Dangling);
                    }
                    self.own_holidays.entry(extension).or_default()
                }
            };
            let date = date_of(&holiday.date);
            let spans = date.map(|date| dates.entry(date).or_default());
            match (spans, holiday.span) {
                (None, _) => self.wrong(row, "date", Problem::Malformed),
                (Some(_), Some(span)) if !is_sound(span) => self.wrong(row, "span", Problem::OutOfRange),
                (Some(spans), span) => spans.extend(span),
            }
        }
        self.holidays = Arc::new(everybodys);
    }

    /// An extension's hours; `None` when it has none and is always open.
    pub(super) fn hours(&mut self, extension: &snapshot::Extension) -> Option<Hours> {
        let row = Row::Extension(extension.id);
        if extension.hours.len() > limits::WINDOWS_MAX {
            self.wrong(row, "hours", Problem::TooMany(limits::WINDOWS_MAX));
        }
        let mut week: [Vec<Span>; 7] = Default::default();
        for window in &extension.hours {
            let day = usize::from(window.day).checked_sub(1).and_then(|day| week.get_mut(day));
            match day.filter(|_| is_sound(window.span)) {
                Some(spans) => spans.push(window.span),
                None => self.wrong(row, "hours", Problem::OutOfRange),
            }
        }
        let own = self.own_holidays.remove(&extension.id).unwrap_or_default();
        let everybodys = Arc::clone(&self.holidays);
        (!extension.hours.is_empty()).then_some(Hours { week, own, everybodys })
    }

    /// An extension's rules in the order in which they are tried: by position, and of the same one those for certain
    /// hours first (HX-9 lets each case count for itself).
    pub(super) fn rules(&mut self, extension: &snapshot::Extension) -> Vec<Rule> {
        if extension.rules.len() > limits::RULES_MAX {
            self.wrong(Row::Extension(extension.id), "rules", Problem::TooMany(limits::RULES_MAX));
        }
        let mut ids = BTreeSet::new();
        let mut places = BTreeSet::new();
        let mut rows: Vec<&rules::Rule> = extension.rules.iter().collect();
        rows.sort_by_key(|rule| (rule.position, rule.timescope == Timescope::Any));
        let mut compiled = Vec::new();
        for rule in rows {
            let row = Row::Rule(rule.id);
            if !ids.insert(rule.id) {
                self.wrong(row, "id", Problem::Taken);
            }
            if !places.insert((rule.timescope, rule.condition, rule.position)) {
                self.wrong(row, "position", Problem::Taken);
            }
            match self.action(extension, Some(rule.condition), &rule.action) {
                Ok(action) => compiled.push(Rule {
                    id: rule.id,
                    is_enabled: rule.is_enabled,
                    timescope: rule.timescope,
                    condition: rule.condition,
                    action,
                }),
                Err((field, problem)) => self.wrong(row, field, problem),
            }
        }
        compiled
    }

    fn queue_action(
        &self,
        extension: &snapshot::Extension,
        condition: Option<Condition>,
        (queue, priority): (QueueId, u16),
    ) -> Result<Action, (&'static str, Problem)> {
        match self.queue_of.get(&queue) {
            _ if priority > limits::PRIORITY_MAX => Err(("priority", Problem::OutOfRange)),
            None => Err(("target", Problem::Dangling)),
            Some(of) if *of == extension.id && !may_ring(condition) => Err(("action", Problem::RingsAgain)),
            Some(of) => Ok(Action::Queue(*of, priority)),
        }
    }

    /// What a rule for that case does, or a key of the extension's menu, which has none.
    pub(super) fn action(
        &self,
        extension: &snapshot::Extension,
        condition: Option<Condition>,
        action: &rules::Action,
    ) -> Result<Action, (&'static str, Problem)> {
        match action {
            rules::Action::Ring if may_ring(condition) => Ok(Action::Ring),
            rules::Action::Ring => Err(("action", Problem::RingsAgain)),
            rules::Action::ForwardExtension(to) if *to == extension.id && condition.is_some() => {
                let path = format!("{0} → {0}", extension.number);
                Err(("target", Problem::Circle(path)))
            }
            rules::Action::ForwardExtension(to) if self.extension_ids.contains(to) => {
                Ok(Action::Forward(Host::Extension(*to)))
            }
            rules::Action::ForwardStaff(to) if self.staff.contains_key(to) => {
                Ok(Action::Forward(Host::User(*to)))
            }
            rules::Action::Voicemail(of) if self.staff.contains_key(of) => Ok(Action::Voicemail(*of)),
            rules::Action::ForwardExtension(_)
            | rules::Action::ForwardStaff(_)
            | rules::Action::Voicemail(_) => Err(("target", Problem::Dangling)),
            rules::Action::AnnounceHangup(sound) if limits::is_sound(sound) => {
                Ok(Action::Announce(sound.as_str().into()))
            }
            rules::Action::AnnounceHangup(_) => Err(("target", Problem::Malformed)),
            rules::Action::Queue { queue, priority } => {
                self.queue_action(extension, condition, (*queue, *priority))
            }
            rules::Action::ForwardNumber(number) => match self.inside(number) {
                Some(inside) => self.action(extension, condition, &inside),
                None if number.starts_with('+') => {
                    let number = number.parse().map_err(|_| ("target", Problem::Malformed))?;
                    Ok(Action::Forward(Host::Outside(number)))
                }
                None => Err(("target", Problem::Malformed)),
            },
            rules::Action::Ivr(menu) => {
                let of = self.menu_of.get(menu).copied();
                of.map(Action::Menu).ok_or(("target", Problem::Dangling))
            }
        }
    }

    /// What leads to where the organisation's own number outside leads: such a call never leaves the house.
    fn inside(&self, number: &str) -> Option<rules::Action> {
        let did = self.rows.outside.dids.iter().find(|did| did.number == number)?;
        let extension = did.extension.map(rules::Action::ForwardExtension);
        extension.or(did.user.map(rules::Action::ForwardStaff))
    }
}
