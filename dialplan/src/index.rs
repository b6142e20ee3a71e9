//! By what a request finds its organisation: SIP domains, numbers of the telephone network, the addresses that trunks send from, and
//! whose the switch's own addresses are. The first two and the last are one organisation's alone.
//!
//! A part is shared with the plan before until a change touches it, because most changes touch none and each part is as long as
//! there are organisations. It deliberately does not judge what an organisation has here, only that no other has it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use contract::id::{OrgId, TrunkId};
use ipnet::IpNet;

use crate::{
    diagnostic::{Diagnostic, Problem, Row},
    plan::OrgPlan,
};

/// An organisation that is not what it was in another plan.
#[derive(Clone, Copy, Debug)]
pub struct Difference<'p> {
    /// In the earlier one, if it was there.
    pub before: Option<&'p OrgPlan>,
    /// In the later one, if it is there.
    pub after: Option<&'p OrgPlan>,
}

impl Difference<'_> {
    /// Which organisation it is.
    pub fn id(&self) -> Option<OrgId> {
        self.after.or(self.before).map(OrgPlan::id)
    }
}

/// All of it, of all organisations of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    domains: Arc<BTreeMap<Box<str>, OrgId>>,
    dids: Arc<BTreeMap<Arc<str>, OrgId>>,
    sources: Arc<Sources>,
    default: Option<OrgId>,
}

impl Index {
    /// Whose domain this is, in lower case.
    pub(crate) fn domain(&self, domain: &str) -> Option<OrgId> {
        self.domains.get(domain).copied()
    }

    /// Whose number this is, by E.164 with a plus.
    pub(crate) fn did(&self, number: &str) -> Option<OrgId> {
        self.dids.get(number).copied()
    }

    /// Whose the switch's own addresses are.
    pub(crate) fn default(&self) -> Option<OrgId> {
        self.default
    }

    /// Whose trunks send from this address.
    pub(crate) fn trunks_at(&self, address: IpAddr) -> impl Iterator<Item = (OrgId, TrunkId)> {
        self.sources.at(address)
    }

    /// Takes out what organisations had and puts in what they have. What two of them have is told of the one that it was put in for last.
    pub(crate) fn change(&mut self, changed: &[Difference<'_>]) -> Vec<Diagnostic> {
        let mut wrong = Vec::new();
        self.change_domains(changed, &mut wrong);
        self.change_default(changed, &mut wrong);
        self.change_dids(changed, &mut wrong);
        self.change_sources(changed);
        wrong
    }

    fn change_domains(&mut self, changed: &[Difference<'_>], wrong: &mut Vec<Diagnostic>) {
        let changed = moved(changed, OrgPlan::sip_domain);
        if changed.is_empty() {
            return;
        }
        let domains = Arc::make_mut(&mut self.domains);
        for before in changed.iter().filter_map(|one| one.before) {
            domains.remove(before.sip_domain());
        }
        for after in changed.iter().filter_map(|one| one.after) {
            if domains.insert(after.sip_domain().into(), after.id()).is_some() {
                wrong.push(taken(after, Row::Organisation, "sip_domain"));
            }
        }
    }

    fn change_default(&mut self, changed: &[Difference<'_>], wrong: &mut Vec<Diagnostic>) {
        let changed = moved(changed, |org| org.is_default);
        if changed.iter().filter_map(|one| one.before).any(|before| before.is_default) {
            self.default = None;
        }
        for after in changed.iter().filter_map(|one| one.after).filter(|after| after.is_default) {
            if self.default.replace(after.id()).is_some() {
                wrong.push(taken(after, Row::Organisation, "is_default"));
            }
        }
    }

    fn change_dids(&mut self, changed: &[Difference<'_>], wrong: &mut Vec<Diagnostic>) {
        let changed = moved(changed, |org| &org.dids);
        if changed.is_empty() {
            return;
        }
        let dids = Arc::make_mut(&mut self.dids);
        for (number, _) in changed.iter().filter_map(|one| one.before).flat_map(|before| &before.dids) {
            dids.remove(number);
        }
        for after in changed.iter().filter_map(|one| one.after) {
            for (number, id) in &after.dids {
                let other = dids.insert(Arc::clone(number), after.id()).filter(|other| *other != after.id());
                if other.is_some() {
                    wrong.push(taken(after, Row::Did(*id), "number"));
                }
            }
        }
    }

    fn change_sources(&mut self, changed: &[Difference<'_>]) {
        let changed = moved(changed, |org| &org.sources);
        if changed.is_empty() {
            return;
        }
        let sources = Arc::make_mut(&mut self.sources);
        for before in changed.iter().filter_map(|one| one.before) {
            before.sources.iter().for_each(|(net, trunk)| sources.remove(*net, (before.id(), *trunk)));
        }
        for after in changed.iter().filter_map(|one| one.after) {
            after.sources.iter().for_each(|(net, trunk)| sources.add(*net, (after.id(), *trunk)));
        }
    }
}

/// Those of which this part is another one than before.
fn moved<'p, T: PartialEq>(
    changed: &[Difference<'p>],
    part: impl Fn(&'p OrgPlan) -> T,
) -> Vec<Difference<'p>> {
    let is_moved = |one: &&Difference<'p>| one.before.map(&part) != one.after.map(&part);
    changed.iter().filter(is_moved).copied().collect()
}

fn taken(org: &OrgPlan, row: Row, field: &'static str) -> Diagnostic {
    Diagnostic { org: org.id(), row, field, problem: Problem::Taken }
}

/// Whose trunks send from where.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sources {
    of: BTreeMap<IpNet, BTreeSet<(OrgId, TrunkId)>>,
    /// How many networks there are by the lengths of their prefixes, so that each length is looked up once.
    lengths: BTreeMap<u8, usize>,
}

impl Sources {
    fn add(&mut self, net: IpNet, whose: (OrgId, TrunkId)) {
        let there = self.of.entry(net).or_default();
        if there.is_empty() {
            *self.lengths.entry(net.prefix_len()).or_default() += 1;
        }
        there.insert(whose);
    }

    fn remove(&mut self, net: IpNet, whose: (OrgId, TrunkId)) {
        let Some(there) = self.of.get_mut(&net) else { return };
        there.remove(&whose);
        if !there.is_empty() {
            return;
        }
        self.of.remove(&net);
        if let Some(count) = self.lengths.get_mut(&net.prefix_len()) {
            *count -= 1;
        }
        self.lengths.retain(|_, count| *count > 0);
    }

    fn at(&self, address: IpAddr) -> impl Iterator<Item = (OrgId, TrunkId)> {
        let address = address.to_canonical();
        let lengths = self.lengths.keys().rev();
        let nets = lengths.filter_map(move |length| IpNet::new(address, *length).ok());
        nets.filter_map(|net| self.of.get(&net.trunc())).flatten().copied()
    }
}
