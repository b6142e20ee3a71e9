//! What of a call lives outside of it, for whoever puts it away and takes it back: its sessions, its leases, its
//! line in the live table. The call itself is plain data.

use sip::SessionKey;
use streams::media::LeaseId;

use super::{
    Call,
    leg::{Leaving, Leg},
    state::State,
};
use crate::output::LiveChange;

impl Call {
    /// The sessions of all its legs, those that are leaving too.
    pub(crate) fn sessions(&self) -> Vec<SessionKey> {
        self.all_legs().map(|leg| leg.session).collect()
    }

    /// Those of which the endpoint has still to say that they are over.
    pub(crate) fn open_sessions(&self) -> impl Iterator<Item = SessionKey> {
        let over = self.head.leaving.iter().filter(|leaving| leaving.is_over()).map(Leaving::session);
        let over: Vec<SessionKey> = over.collect();
        self.sessions().into_iter().filter(move |session| !over.contains(session))
    }

    /// The leases that it holds and those whose closing has not been reported.
    pub(crate) fn leases(&self) -> Vec<LeaseId> {
        self.all_legs().flat_map(|leg| leg.streams.lease_ids()).collect()
    }

    /// Its line in the table of calls that are up, while it is.
    pub(crate) fn shown(&self) -> Option<LiveChange> {
        match &self.state {
            State::Ringing(ringing) => Some(ringing.record.shown()),
            State::Connecting(connecting) => Some(connecting.record.shown()),
            State::Talking(talking) => Some(talking.record.shown()),
            State::Transferring(transferring) => Some(transferring.record.shown()),
            State::Queued(queued) => Some(queued.line.record.shown()),
            State::Served(served) => Some(served.line.record.shown()),
            State::Paged(paged) => Some(paged.line.record.shown()),
            State::Callback(callback) => Some(callback.record.shown()),
            State::Originating(originating) => Some(originating.record.shown()),
            State::Over(_) => None,
        }
    }

    /// The journal may know of an event that came just before the process died and after the image was made: its
    /// number is not given out again.
    pub(crate) fn skip_events(&mut self, latest: u32) {
        match &mut self.state {
            State::Ringing(ringing) => ringing.record.skip_events(latest),
            State::Connecting(connecting) => connecting.record.skip_events(latest),
            State::Talking(talking) => talking.record.skip_events(latest),
            State::Transferring(transferring) => transferring.record.skip_events(latest),
            State::Queued(queued) => queued.line.record.skip_events(latest),
            State::Served(served) => served.line.record.skip_events(latest),
            State::Paged(paged) => paged.line.record.skip_events(latest),
            State::Callback(callback) => callback.record.skip_events(latest),
            State::Originating(originating) => originating.record.skip_events(latest),
            State::Over(_) => {}
        }
    }

    fn all_legs(&self) -> impl Iterator<Item = &Leg> {
        self.state.staying().into_iter().chain(self.head.leaving.iter().map(Leaving::leg))
    }
}
