//! Finds rules by which nobody would ever ring: circles of forwards that hold before anybody does, and chains of them
//! that are longer than a call may be forwarded.
//!
//! Circles through busy, no answer and unreachable are none: somebody is tried on the way, no target is tried twice in
//! one call, and two desks that stand in for each other are what people want. Hours are not compared between
//! extensions: two that forward to each other at different times do so at the same time once somebody changes their
//! hours.

use std::collections::{BTreeMap, BTreeSet};

use contract::{
    id::{ExtensionId, RuleId},
    rules::Condition,
};

use super::{Compiler, limits};
use crate::{
    diagnostic::{Problem, Row},
    follow::can_hold,
    plan::{Action, Host},
};

/// Forwards before anybody rings: whose, by which rule, to which extension.
type Edges = BTreeMap<ExtensionId, Vec<(RuleId, ExtensionId)>>;

impl Compiler<'_> {
    pub(super) fn circles(&mut self) {
        let edges = self.edges();
        let mut walk = Walk { edges: &edges, path: Vec::new(), depth: BTreeMap::new(), circles: Vec::new() };
        for from in edges.keys() {
            walk.enter(*from);
        }
        let Walk { depth, circles, .. } = walk;
        let is_straight = circles.is_empty();
        for (rule, path) in circles {
            self.wrong(Row::Rule(rule), "target", Problem::Circle(self.said(&path)));
        }
        // Where there are circles nothing has a length.
        let entered: BTreeSet<ExtensionId> = edges.values().flatten().map(|(_, to)| *to).collect();
        for (from, rules) in edges.iter().filter(|(from, _)| is_straight && !entered.contains(from)) {
            let farthest = rules.iter().max_by_key(|(_, to)| depth.get(to).copied().unwrap_or(0));
            if let Some((rule, _)) = farthest
                && depth.get(from).is_some_and(|depth| *depth > limits::FORWARDS_MAX)
            {
                let path = self.said(&longest(&edges, &depth, *from));
                let problem = Problem::TooFar { most: limits::FORWARDS_MAX, path };
                self.wrong(Row::Rule(*rule), "target", problem);
            }
        }
    }

    fn edges(&self) -> Edges {
        let mut edges = Edges::new();
        for extension in self.org.extensions.values() {
            let rules = extension.rules.iter().filter(|rule| {
                rule.is_enabled
                    && rule.condition == Condition::Always
                    && can_hold(rule.timescope, extension.hours.is_some())
            });
            for rule in rules {
                if let Action::Forward(Host::Extension(to)) = rule.action {
                    edges.entry(extension.id).or_default().push((rule.id, to));
                }
            }
        }
        edges
    }

    /// `200 → 201 → 200`
    fn said(&self, path: &[ExtensionId]) -> String {
        let numbers = path.iter().filter_map(|id| self.org.extensions.get(id)).map(|e| &*e.number);
        numbers.collect::<Vec<_>>().join(" → ")
    }
}

fn longest(edges: &Edges, depth: &BTreeMap<ExtensionId, usize>, from: ExtensionId) -> Vec<ExtensionId> {
    let mut path = vec![from];
    let mut at = from;
    while let Some((_, to)) =
        edges.get(&at).into_iter().flatten().max_by_key(|(_, to)| depth.get(to).copied().unwrap_or(0))
    {
        path.push(*to);
        at = *to;
    }
    path
}

/// Depth first, without calling itself: chains may be as long as there are extensions.
struct Walk<'e> {
    edges: &'e Edges,
    /// Extensions on the way, each with the edges of it that have been walked.
    path: Vec<(ExtensionId, usize)>,
    /// Forwards from an extension that is done, at most.
    depth: BTreeMap<ExtensionId, usize>,
    /// The rule that closes a circle, and the circle.
    circles: Vec<(RuleId, Vec<ExtensionId>)>,
}

impl Walk<'_> {
    fn enter(&mut self, from: ExtensionId) {
        if self.depth.contains_key(&from) {
            return;
        }
        self.path.push((from, 0));
        while let Some((at, walked)) = self.path.last_mut() {
            let at = *at;
            let edges = self.edges.get(&at).map_or(&[][..], Vec::as_slice);
            match edges.get(*walked) {
                Some((rule, to)) => {
                    *walked += 1;
                    self.step(*rule, *to);
                }
                None => {
                    let depth =
                        edges.iter().map(|(_, to)| 1 + self.depth.get(to).copied().unwrap_or(0)).max();
                    self.depth.insert(at, depth.unwrap_or(0));
                    self.path.pop();
                }
            }
        }
    }

    fn step(&mut self, rule: RuleId, to: ExtensionId) {
        match self.path.iter().position(|(on, _)| *on == to) {
            Some(begin) => {
                let circle = self.path.iter().skip(begin).map(|(on, _)| *on).chain([to]);
                self.circles.push((rule, circle.collect()));
            }
            None if !self.depth.contains_key(&to) => self.path.push((to, 0)),
            None => {}
        }
    }
}
