//! Requests of a session that are sent again as new ones, because a challenge (RFC 3261 22.2) or a session interval (RFC
//! 4028 7.3) asks for something else in them: which number they get, and who waits for them from then on.

use crate::dialog::Dialog;
use crate::endpoint::{ClientKey, ClientUser, Endpoint};
use crate::message::Message;

use super::usage::Update;
use super::{Confirmed, Exchange, SessionKey, Stage};

impl Endpoint {
    /// The number for a request that is sent again. `None`: nobody waits for it any more, or it is taken back.
    pub(crate) fn renumbered(
        &mut self,
        user: ClientUser,
        old: ClientKey,
        request: &Message<'_>,
    ) -> Option<u32> {
        let is_cancelled = self.clients.get(ClientKey { cancel: true, ..old }).is_some();
        let one_more = request.cseq().ok()?.number.checked_add(1);
        match user {
            ClientUser::Invite(session) => {
                let Stage::Outgoing(outgoing) = &self.sessions.get(&session)?.stage else { return None };
                (outgoing.client == old && outgoing.cancel.is_none()).then_some(one_more?)
            }
            ClientUser::Reinvite(_) if is_cancelled => None,
            ClientUser::Outside(_) | ClientUser::Nobody => one_more,
            ClientUser::Subscribe(_) | ClientUser::Notify(_) => None,
            _ => Some(self.dialog_waiting(user.session()?, old)?.next_cseq()),
        }
    }

    /// The dialog in which a request of ours has no final answer.
    fn dialog_waiting(&mut self, session: SessionKey, client: ClientKey) -> Option<&mut Dialog> {
        match &mut self.sessions.get_mut(&session)?.stage {
            Stage::Leaving(dialog) => Some(dialog),
            Stage::Incoming(incoming) => Some(&mut incoming.usage.dialog),
            Stage::Confirmed(confirmed) => Some(&mut confirmed.usage.dialog),
            Stage::Outgoing(outgoing) => {
                let early = outgoing.early.iter_mut();
                let waits = |usage: &super::Early| {
                    usage.prack == Some(client)
                        || usage.usage.update.as_ref().is_some_and(|open| open.is_ours(client))
                };
                early.into_iter().find(|early| waits(early)).map(|early| &mut early.usage.dialog)
            }
        }
    }

    /// Whoever waited for a request waits for the same one with another branch.
    pub(crate) fn retake(&mut self, user: ClientUser, old: ClientKey, new: ClientKey) {
        let Some(session) = user.session().and_then(|key| self.sessions.get_mut(&key)) else { return };
        match (user, &mut session.stage) {
            (ClientUser::Invite(_), Stage::Outgoing(outgoing)) => {
                outgoing.client = new;
                outgoing.cseq = outgoing.cseq.saturating_add(1);
                outgoing.early.clear();
            }
            (
                ClientUser::Reinvite(_),
                Stage::Confirmed(Confirmed { exchange: Exchange::Ours { client, .. }, .. }),
            ) => {
                *client = new;
            }
            (ClientUser::Prack(_), Stage::Outgoing(outgoing)) => {
                outgoing
                    .early
                    .iter_mut()
                    .filter(|early| early.prack == Some(old))
                    .for_each(|early| early.prack = Some(new));
            }
            (ClientUser::Update(_), _) => {
                for usage in session.usages() {
                    if let Some(Update::Ours { client, .. }) = &mut usage.update
                        && *client == old
                    {
                        *client = new;
                    }
                }
            }
            _ => {}
        }
    }
}
