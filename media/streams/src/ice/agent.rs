//! What checks have come to for one leg: whose packets may be taken, and who is sent to.
//!
//! Every source that knows the leg's password is proven, and may be spoken to; one at a time is chosen by the far end
//! (USE-CANDIDATE), the last one that it chose. A source that has not checked for [`CONSENT_MICROS`] is forgotten: the
//! far end has gone, or does not want it any more (RFC 7675). After a restart the routes from before go on until one has
//! been chosen under the new credentials (RFC 8445 §9).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{
    Credentials, Terms,
    check::{Answer, Check, Error},
};

/// Sources that are proven at the same time; the one that was quiet for longest makes room for another.
pub const ROUTES_MAX: usize = 8;
/// Silence after which a far end is not sent to any more (RFC 7675 §5.1).
pub const CONSENT_MICROS: u64 = 30_000_000;

/// A way to the far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Route {
    /// Which of our shared ports it leads through, of UDP or TCP.
    pub port: u8,
    /// The far end's address there.
    pub remote: SocketAddr,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Proven {
    route: Route,
    checked_micros: u64,
    /// Under the credentials before the present ones.
    is_former: bool,
}

/// ICE of one leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agent {
    terms: Terms,
    former: Option<Credentials>,
    proven: Vec<Proven>,
    chosen: Option<Route>,
    was_chosen: bool,
}

/// How far a leg has come; one of the reasons why there is no sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No check has come that knows the password.
    Unchecked,
    /// The far end has not chosen.
    Checked,
    /// It has.
    Chosen,
    /// It had, and checks no more.
    Lost,
}

/// What a check has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// To be sent back.
    pub answer: Option<Answer>,
    /// Its source is proven.
    pub is_proven: bool,
    /// The far end is sent to somewhere else from now on.
    pub is_moved: bool,
    /// Made room.
    pub forgotten: Option<Route>,
}

impl Agent {
    /// Nothing has come yet.
    pub fn new(terms: Terms) -> Self {
        Self { terms, former: None, proven: Vec::new(), chosen: None, was_chosen: false }
    }

    /// The far end has answered, or one of the two has begun anew.
    pub fn configure(&mut self, terms: Terms) {
        let before = std::mem::replace(&mut self.terms, terms);
        if before.ours.ufrag != self.terms.ours.ufrag {
            // A restart may meet another one, or its answer be lost: what is sent by is of before both.
            self.former.get_or_insert(before.ours);
            self.proven.iter_mut().for_each(|one| one.is_former = true);
        }
    }

    /// Takes a check that came by `route`.
    pub fn take(&mut self, now_micros: u64, route: Route, check: &Check<'_>) -> Checked {
        let is_present = check.is_for(&self.terms.ours.ufrag, self.terms.theirs.as_deref());
        let former = self.former.as_ref().filter(|former| check.is_for(&former.ufrag, None));
        let Some(credentials) = Some(&self.terms.ours).filter(|_| is_present).or(former) else {
            return Checked::default();
        };
        let password = credentials.password.as_str();
        let refused = match check.is_under(password) {
            None => Some((Error::BadRequest, None)),
            Some(false) => Some((Error::Unauthenticated, None)),
            _ if check.asks_too_much() => Some((Error::Unknown, Some(password))),
            _ if check.is_controlled => Some((Error::RoleConflict, Some(password))),
            Some(true) => None,
        };
        if let Some((error, password)) = refused {
            return Checked { answer: check.refuse(error, password), ..Checked::default() };
        }
        let answer = check.succeed(route.remote, password);
        let forgotten = self.prove(Proven { route, checked_micros: now_micros, is_former: !is_present });
        let is_moved = check.nominates && self.choose(route, is_present);
        Checked { answer, is_proven: true, is_moved, forgotten }
    }

    /// What made room.
    fn prove(&mut self, one: Proven) -> Option<Route> {
        if let Some(known) = self.proven.iter_mut().find(|known| known.route == one.route) {
            *known = one;
            return None;
        }
        let quietest = (0..self.proven.len())
            .filter(|at| self.proven.get(*at).is_some_and(|one| Some(one.route) != self.chosen))
            .min_by_key(|at| self.proven.get(*at).map(|one| one.checked_micros));
        let forgotten = quietest.filter(|_| self.proven.len() >= ROUTES_MAX);
        let forgotten = forgotten.map(|at| self.proven.swap_remove(at).route);
        self.proven.push(one);
        forgotten
    }

    /// Whether that is another one than before.
    fn choose(&mut self, route: Route, is_present: bool) -> bool {
        if is_present {
            self.former = None;
        }
        self.was_chosen = true;
        self.chosen.replace(route) != Some(route)
    }

    /// The next route that nobody has checked for too long, or that a restart has left behind; it is forgotten.
    pub fn forget_silent(&mut self, now_micros: u64) -> Option<Route> {
        let has_gone = |one: &Proven| {
            now_micros.saturating_sub(one.checked_micros) >= CONSENT_MICROS
                || one.is_former && self.former.is_none()
        };
        let route = self.proven.iter().find(|one| has_gone(one))?.route;
        self.forget(|other| other == route);
        Some(route)
    }

    /// Some routes are no more, as connections that have ended. Who had chosen one of them waits until another is chosen.
    pub fn forget(&mut self, is_gone: impl Fn(Route) -> bool) {
        self.proven.retain(|one| !is_gone(one.route));
        self.chosen.take_if(|chosen| is_gone(*chosen));
    }

    /// Whether packets may come from there.
    pub fn is_proven(&self, remote: SocketAddr) -> bool {
        self.proven.iter().any(|one| one.route.remote == remote)
    }

    /// All that are proven.
    pub fn routes(&self) -> impl Iterator<Item = Route> + '_ {
        self.proven.iter().map(|one| one.route)
    }

    /// Who is sent to.
    pub fn chosen(&self) -> Option<Route> {
        self.chosen
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        match self.chosen {
            Some(_) => Stage::Chosen,
            None if self.was_chosen => Stage::Lost,
            None if self.proven.is_empty() => Stage::Unchecked,
            None => Stage::Checked,
        }
    }
}
