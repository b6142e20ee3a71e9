//! Which ports a leg holds, what its far end is told, and which stream goes to whom (RFC 3264).
//!
//! Every relayed m-line of a leg has a lease of its own, at the same index on all legs of a call, because the
//! number and order of m-lines never change within a call (RFC 3264 §8). What one side says is rewritten for the
//! other with that leg's leases, and with codecs that the switch can turn into each other (`streams::sdp`). The keys of a
//! line are its leg's own (`keys`).

use std::net::IpAddr;

use contract::{
    id::CallId,
    journal::{Fact, Quality},
};
use serde::{Deserialize, Serialize};
use sip::{
    Body, Flow, Reply,
    content::{ContentError, session_description},
};
use streams::{
    media::{LeaseId, LegMedia, LegReport, MediaCommand, PortLease},
    sdp::{
        Description, Kept, Kind, Origin, Ours, Profile, RELAYED_STREAMS_MAX, RelayAddress, Spoken, Stream,
    },
};

use super::{
    events::ClosedRecord,
    keys::{Ink, LineKeys, OVER_ICE, Terms, Told},
    over_ice::LineIce,
};
use crate::{config::SwitchboardConfig, means::Means, output::Notice, quality};

/// There are no ports for a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoPorts;

/// The media of one leg.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LegStreams {
    call: CallId,
    /// Family of the leases: that of its signalling.
    is_ipv4: bool,
    signalling: IpAddr,
    terms: Terms,
    /// How many of the profiles it may be offered its far end has refused.
    refused_profiles: usize,
    lines: Vec<Option<Line>>,
    origin: Option<Origin>,
    /// What this leg's far end has said of itself and the other side has agreed to.
    said: Option<Kept>,
    /// What it says while it holds the call and the other side, who is not told, hears music (`hold`).
    hold: Option<Kept>,
    /// Closed and not reported yet.
    closing: Vec<PortLease>,
    /// The sum of what was reported; `None` when the leg never had media.
    report: Option<Box<Quality>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    lease: PortLease,
    partner: Option<LeaseId>,
    keys: LineKeys,
    /// On the shared port.
    ice: Option<Box<LineIce>>,
    /// What its far end was told last of formats that can be decoded.
    told: Spoken,
    /// Its two ends have agreed on one of them: it can be played to.
    has_voice: bool,
    /// They have agreed on events too.
    has_events: bool,
    /// Its far end wants to be sent something.
    receives: bool,
    /// Its keys are told; true: and go no further.
    listened: Option<bool>,
}

impl Line {
    fn new(lease: PortLease, keys: LineKeys, ice: Option<LineIce>) -> Self {
        Self {
            lease,
            partner: None,
            keys,
            ice: ice.map(Box::new),
            told: Spoken::default(),
            has_voice: false,
            has_events: false,
            receives: false,
            listened: None,
        }
    }
}

impl Line {
    fn listen(&mut self, wanted: Option<bool>, means: &mut Means<'_>) {
        self.listened = wanted;
        let (is_on, keeps) = (wanted.is_some(), wanted.unwrap_or(false));
        means.media(MediaCommand::Listen { lease: self.lease.id, is_on, keeps });
    }
}

impl LegStreams {
    pub(crate) fn new(call: CallId, flow: Flow, config: &SwitchboardConfig) -> Self {
        let signalling = flow.remote.ip().to_canonical();
        Self {
            call,
            is_ipv4: signalling.is_ipv4(),
            signalling,
            terms: Terms::of(flow, config),
            refused_profiles: 0,
            lines: Vec::new(),
            origin: None,
            said: None,
            hold: None,
            closing: Vec::new(),
            report: None,
        }
    }

    /// Opens a lease for every m-line of `shape` that can be carried and has none here. `is_own`: the description
    /// is that of this leg's far end, so that the relay learns it at once.
    pub(crate) fn reserve(
        &mut self,
        shape: &Description,
        is_own: bool,
        means: &mut Means<'_>,
    ) -> Result<(), NoPorts> {
        let mut carried = 0;
        for (index, stream) in shape.streams().enumerate() {
            if self.lines.len() <= index {
                // There are one or two for the whole call, so no room is taken for more.
                self.lines.reserve_exact(1);
                self.lines.push(None);
            }
            let Some(line) = self.lines.get_mut(index) else { continue };
            if !stream.is_relayable() || carried == RELAYED_STREAMS_MAX {
                continue;
            }
            let (mut new, is_new) = (LineKeys::default(), line.is_none());
            let keys = line.as_mut().map_or(&mut new, |line| &mut line.keys);
            let mut media = match is_own {
                true => LegMedia::of(&stream, self.signalling),
                false => LegMedia::unknown(self.signalling),
            };
            let mut is_over_ice = self.terms.takes_ice(&stream);
            let mut ink =
                Ink { random: &mut *means.random, fingerprint: means.config.dtls_fingerprint.as_ref() };
            if is_own {
                let Some(protection) = keys.offered(&stream, self.terms, &mut ink) else { continue };
                media.protection = protection;
                if let Some(Line { lease, ice: Some(ice), .. }) = line {
                    ice.offered(lease.id, &stream, means.random);
                }
            } else {
                let mut profiles = self.terms.profiles(insists(&stream));
                let profile = profiles.nth(self.refused_profiles).unwrap_or(Profile::Avp);
                is_over_ice = profile == OVER_ICE;
                if is_new && is_over_ice && (stream.kind != Kind::Audio || carried > 0) {
                    continue;
                }
                keys.offer(profile, self.terms, &mut ink);
                media.protection = keys.until_answered();
            }
            if is_new && is_over_ice {
                let theirs = stream.ice.filter(|_| is_own);
                let drawn = means.open_shared(self.call, media, theirs);
                *line = drawn.map(|(lease, ice)| Line::new(lease, new, Some(ice)));
            } else if is_new {
                let lease = means.open(self.call, self.is_ipv4, media);
                *line = lease.map(|lease| Line::new(lease, new, None));
            }
            carried += usize::from(line.is_some());
        }
        if carried > 0 {
            return Ok(());
        }
        means.notice(Notice::StockEmpty);
        Err(NoPorts)
    }

    /// What its far end is offered after it could do nothing with `shape` in the profile it was offered it in: the place
    /// of the next one, if there is one.
    pub(crate) fn next_profile(&self, shape: &Description) -> Option<usize> {
        let is_insisted = shape.streams().any(|stream| stream.is_relayable() && insists(&stream));
        let next = self.refused_profiles + 1;
        self.terms.profiles(is_insisted).nth(next).map(|_| next)
    }

    /// The same, of which so many profiles have been refused.
    pub(crate) fn after_refusals(self, refused_profiles: usize) -> Self {
        Self { refused_profiles, ..self }
    }

    /// Its m-lines that have ports, with what the far end has said of each.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (RelayAddress, Option<Stream>)> + '_ {
        let mut said: Vec<Option<Stream>> =
            self.said_last().iter().flat_map(Description::streams).map(Some).collect();
        said.resize(self.lines.len().max(said.len()), None);
        let lines = self.lines.iter().zip(said);
        lines.filter_map(|(line, said)| line.as_ref().map(|line| (line.lease.address, said)))
    }

    /// The leases that carry something now.
    pub(crate) fn open_leases(&self) -> impl Iterator<Item = PortLease> + '_ {
        self.lines.iter().flatten().map(|line| line.lease)
    }

    /// The leases that it holds, and those whose closing has not been reported.
    pub(crate) fn lease_ids(&self) -> impl Iterator<Item = LeaseId> + '_ {
        let held = self.lines.iter().flatten().map(|line| line.lease.id);
        held.chain(self.closing.iter().map(|lease| lease.id))
    }

    /// What this leg's far end is offered when the other side said `said`.
    pub(crate) fn offer(&mut self, said: &Description, means: &mut Means<'_>) -> Body {
        let wide = said.widened(&means.config.codecs, self.said().as_ref());
        self.tell(&wide, means)
    }

    /// What this leg's far end, who made `offer`, is answered when the other side said `said`.
    pub(crate) fn answer(&mut self, said: &Description, offer: &Description, means: &mut Means<'_>) -> Body {
        let narrow = said.narrowed(offer, &means.config.codecs);
        self.tell(&narrow, means)
    }

    /// What this leg's far end is told when the switch itself is the other side.
    pub(crate) fn speak(&mut self, own: &Description, means: &mut Means<'_>) -> Body {
        self.tell(own, means)
    }

    fn tell(&mut self, description: &Description, means: &mut Means<'_>) -> Body {
        let leases = self.leases(means.config);
        let address = leases.iter().flatten().next().map_or(self.signalling, |lease| lease.address.ip());
        let origin = self.origin.get_or_insert_with(|| Origin::new(means.random.number(), address));
        let told = description.relayed(origin, &leases);
        for (line, stream) in self.lines.iter_mut().zip(told.streams()) {
            if let Some(line) = line {
                line.told = Spoken::of(&stream);
            }
        }
        Body::sdp(told.to_bytes())
    }

    /// The same as [`Self::answer`], without being told.
    pub(crate) fn would_answer(
        &self,
        said: &Description,
        offer: &Description,
        means: &Means<'_>,
    ) -> Option<Body> {
        let mut origin = self.origin.clone()?;
        let narrow = said.narrowed(offer, &means.config.codecs);
        Some(Body::sdp(narrow.relayed(&mut origin, &self.leases(means.config)).to_bytes()))
    }

    /// Whether this leg's far end, who made `offer`, was told the same already when it was told `told`.
    pub(crate) fn has_told(
        &self,
        told: &Body,
        said: &Description,
        offer: &Description,
        means: &Means<'_>,
    ) -> bool {
        self.would_answer(said, offer, means).is_some_and(|would| would.bytes == told.bytes)
    }

    fn leases(&self, config: &SwitchboardConfig) -> Vec<Option<Ours>> {
        let ours = |line: &Line| {
            let Told { profile, crypto, dtls } = line.keys.told();
            let ice = line.ice.as_ref().map(|ice| ice.told(config));
            Ours { address: line.lease.address, profile, crypto, dtls, ice }
        };
        self.lines.iter().map(|line| line.as_ref().map(ours)).collect()
    }

    /// What this leg's far end has said of itself, as last agreed with the other side.
    pub(crate) fn said(&self) -> Option<Description> {
        self.said.as_ref()?.read()
    }

    /// What it has said last, be it a hold that the other side was not told of.
    pub(crate) fn said_last(&self) -> Option<Description> {
        self.hold.as_ref().or(self.said.as_ref())?.read()
    }

    /// It holds the call, and the other side was not told.
    pub(crate) fn is_holding_here(&self) -> bool {
        self.hold.is_some()
    }

    /// Its first line that can be played to.
    pub(crate) fn voice_line(&self) -> Option<LeaseId> {
        self.lines.iter().flatten().find(|line| line.has_voice).map(|line| line.lease.id)
    }

    /// Whether its first line that can be played to has events; `None` without one.
    pub(crate) fn has_events(&self) -> Option<bool> {
        self.lines.iter().flatten().find(|line| line.has_voice).map(|line| line.has_events)
    }

    /// From now on the keys of its first line that can be played to are told, and with `Some(true)` go no further.
    pub(crate) fn listen(&mut self, wanted: Option<bool>, means: &mut Means<'_>) {
        let line = self.lines.iter_mut().flatten().find(|line| line.has_voice);
        if let Some(line) = line.filter(|line| line.listened != wanted) {
            line.listen(wanted, means);
        }
    }

    /// Whether they are told.
    pub(crate) fn is_listened_to(&self) -> bool {
        self.lines.iter().flatten().any(|line| line.listened.is_some())
    }

    /// The same as [`Self::listen`], be it that the relay has been told already. `None`: nothing can be heard of it, or played to it.
    pub(crate) fn listen_anew(&mut self, means: &mut Means<'_>) -> Option<LeaseId> {
        let line = self.lines.iter_mut().flatten().find(|line| line.has_voice)?;
        line.listen(Some(false), means);
        Some(line.lease.id)
    }

    /// Its first line that can be played to, if its far end listens.
    pub(crate) fn listening_line(&self) -> Option<LeaseId> {
        self.lines.iter().flatten().find(|line| line.has_voice && line.receives).map(|line| line.lease.id)
    }

    /// Whether its far end has said anything that is agreed.
    pub(crate) fn has_spoken(&self) -> bool {
        self.said.is_some()
    }

    /// What this leg's far end said is agreed: it is remembered and told to the relay.
    pub(crate) fn agree(&mut self, said: &Description, means: &mut Means<'_>) {
        self.learn(said, means);
        self.give_up_exchange();
        self.said = Some(Kept::of(said));
        self.hold = None;
    }

    /// What this leg's far end said was answered without the other side, which goes on as if nothing had been said when
    /// it is a hold.
    pub(crate) fn agree_here(&mut self, said: &Description, means: &mut Means<'_>) {
        if said.is_held() {
            self.learn(said, means);
            self.give_up_exchange();
            self.hold = Some(Kept::of(said));
        } else {
            self.agree(said, means);
        }
    }

    /// Whether its far end restarts ICE with this offer.
    pub(crate) fn is_restarted_by(&self, offer: &Description) -> bool {
        let ice = self.lines.iter().map(|line| line.as_ref().and_then(|line| line.ice.as_ref()));
        ice.zip(offer.streams()).any(|(ice, stream)| ice.is_some_and(|ice| ice.is_restarted_by(&stream)))
    }

    /// The answer that takes nothing of an offer.
    pub(crate) fn decline(&mut self, offer: &Description, means: &mut Means<'_>) -> Body {
        let address = self.signalling;
        let origin = self.origin.get_or_insert_with(|| Origin::new(means.random.number(), address));
        Body::sdp(offer.relayed(origin, &[]).to_bytes())
    }

    /// Tells the relay what this leg's far end said of itself.
    pub(crate) fn learn(&mut self, said: &Description, means: &mut Means<'_>) {
        for (line, stream) in self.lines.iter_mut().zip(said.streams()) {
            if let Some(line) = line
                && stream.is_active()
            {
                let protection = line.keys.learn(&stream, self.terms);
                let voice = line.told.agreed(&stream);
                (line.has_voice, line.receives) = (voice.is_some(), stream.direction.receives());
                line.has_events = voice.as_ref().is_some_and(|voice| !voice.events.is_empty());
                let media = LegMedia { protection, voice, ..LegMedia::of(&stream, self.signalling) };
                let media = match &mut line.ice {
                    Some(ice) => media.over_ice(ice.learn(&stream)),
                    None => media,
                };
                means.media(MediaCommand::Configure { lease: line.lease.id, media });
            }
        }
    }

    /// Gives back the leases of m-lines that this description refuses or ends.
    pub(crate) fn drop_refused(&mut self, said: &Description, means: &mut Means<'_>) {
        let is_refused: Vec<bool> = said.streams().map(|stream| !stream.is_relayable()).collect();
        self.drop_lines(means, |index, _| is_refused.get(index).copied().unwrap_or(true));
    }

    /// Gives back the leases, and forgets the keys, that were reserved for an exchange that came to nothing.
    pub(crate) fn drop_unjoined(&mut self, means: &mut Means<'_>) {
        self.give_up_exchange();
        self.drop_lines(means, |_, line| line.partner.is_none());
    }

    /// An exchange is over: what was agreed last is what is agreed.
    pub(crate) fn give_up_exchange(&mut self) {
        for line in self.lines.iter_mut().flatten() {
            line.keys.give_up();
            line.ice.iter_mut().for_each(|ice| ice.give_up());
        }
    }

    /// The call that it belongs to.
    pub(crate) fn call(&self) -> CallId {
        self.call
    }

    /// It belongs to another call now, where nobody is heard yet.
    pub(crate) fn go_over(&mut self, call: CallId) {
        self.call = call;
        self.part();
    }

    /// Whoever was heard on its lines is so no longer, once somebody else is.
    pub(crate) fn part(&mut self) {
        self.lines.iter_mut().flatten().for_each(|line| line.partner = None);
    }

    /// Gives back everything.
    pub(crate) fn close(&mut self, means: &mut Means<'_>) {
        self.drop_lines(means, |_, _| true);
    }

    #[cfg(feature = "planted-leaked-lease")]
    pub(crate) fn forget(&mut self) {
        self.lines.clear();
    }

    fn drop_lines(&mut self, means: &mut Means<'_>, is_dropped: impl Fn(usize, &Line) -> bool) {
        for (index, place) in self.lines.iter_mut().enumerate() {
            if let Some(line) = place.take_if(|line| is_dropped(index, line)) {
                means.media(MediaCommand::Close { lease: line.lease.id });
                self.closing.push(line.lease);
            }
        }
    }

    /// The relay has closed a lease; false when it is none of leg `no`'s.
    pub(crate) fn closed(
        &mut self,
        no: u16,
        lease: LeaseId,
        report: &LegReport,
        means: &mut Means<'_>,
    ) -> bool {
        let Some(at) = self.closing.iter().position(|closing| closing.id == lease) else { return false };
        let local = self.closing.swap_remove(at).address;
        quality::add(self.report.get_or_insert_default(), report);
        means.trace_media(self.call, quality::view(no, local, report));
        true
    }

    /// Nothing is open, nothing is awaited.
    pub(crate) fn is_closed(&self) -> bool {
        self.closing.is_empty() && self.lines.iter().all(Option::is_none)
    }

    /// Gives up on reports that do not come.
    pub(crate) fn give_up(&mut self, means: &mut Means<'_>) {
        for lease in self.closing.drain(..) {
            means.lost(lease.id);
        }
        for line in self.lines.drain(..).flatten() {
            means.lost(line.lease.id);
        }
    }

    /// Writes the quality record. A leg that never talked and carried nothing has none to speak of.
    pub(crate) fn write_quality(
        &self,
        leg: u16,
        has_talked: bool,
        record: &mut ClosedRecord,
        means: &mut Means<'_>,
    ) {
        let Some(report) = &self.report else { return };
        let has_carried = report.packets_received + report.packets_sent + report.packets_foreign > 0;
        if has_talked || has_carried {
            record.fact(Fact::Quality(Quality { leg, ..(**report).clone() }), means);
        }
    }
}

/// Whether its author takes SRTP with told keys and nothing else. Whoever shakes hands (a browser always does) does not
/// ask it of others.
fn insists(stream: &Stream) -> bool {
    stream.profile.is_secure() && !stream.profile.is_dtls()
}

/// Lets two legs hear each other on every m-line that both have.
pub(crate) fn join(one: &mut LegStreams, other: &mut LegStreams, means: &mut Means<'_>) {
    for pair in one.lines.iter_mut().zip(&mut other.lines) {
        let (Some(a), Some(b)) = pair else { continue };
        if a.partner != Some(b.lease.id) || b.partner != Some(a.lease.id) {
            means.media(MediaCommand::Join { a: a.lease.id, b: b.lease.id });
            a.partner = Some(b.lease.id);
            b.partner = Some(a.lease.id);
        }
    }
}

/// The first line with speech by which two legs hear each other: what it is on the one, and on the other.
pub(crate) fn joined(one: &LegStreams, other: &LegStreams) -> Option<[LeaseId; 2]> {
    let pairs = one.lines.iter().zip(&other.lines);
    let mut pairs = pairs.filter_map(|(a, b)| a.as_ref().zip(b.as_ref()));
    let (a, b) = pairs.find(|(a, b)| a.partner == Some(b.lease.id) && (a.has_voice || b.has_voice))?;
    Some([a.lease.id, b.lease.id])
}

/// Why a body cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// Something in it is not understood (RFC 3261 §21.4.13).
    Content(ContentError),
    /// It describes nothing that can be carried (RFC 3261 §21.4.26).
    Media,
    /// It could be carried with keys, or without; as it is, it may not.
    Keys(Terms),
}

impl Unusable {
    /// The refusal of a request that brought it.
    pub(crate) fn reply(self) -> Reply {
        let warning = |text: &str| Reply::new(488).header("Warning", format!("399 sambung \"{text}\""));
        match self {
            Self::Content(ContentError::Kind) => {
                Reply::new(415).header("Accept", "application/sdp, multipart/mixed, multipart/alternative")
            }
            Self::Content(ContentError::Encoding) => Reply::new(415).header("Accept-Encoding", "identity"),
            Self::Media => Reply::new(488),
            Self::Keys(terms) => warning(terms.missing()),
        }
    }
}

impl LegStreams {
    /// The description in the body of this leg's request or response, if there is one.
    pub(crate) fn read(
        &self,
        body: Option<&Body>,
        means: &mut Means<'_>,
    ) -> Result<Option<Description>, Unusable> {
        let Some(body) = body else { return Ok(None) };
        let Some(bytes) = session_description(body).map_err(Unusable::Content)? else { return Ok(None) };
        let usable = self.usable(&bytes);
        if usable.is_err() {
            means.notice(Notice::DescriptionRefused);
        }
        usable.map(Some)
    }

    fn usable(&self, bytes: &[u8]) -> Result<Description, Unusable> {
        let mut description = Description::parse(bytes).map_err(|_| Unusable::Media)?;
        let is_over_ice = self.lines.iter().flatten().any(|line| line.ice.is_some());
        if is_over_ice || description.streams().any(|stream| self.terms.takes_ice(&stream)) {
            description = description.with_one_audio_line();
        }
        let streams: Vec<(usize, Stream)> =
            description.streams().enumerate().filter(|(_, stream)| stream.is_relayable()).collect();
        let take = |(index, stream): &(usize, Stream)| match self.lines.get(*index) {
            Some(Some(line)) if line.ice.is_some() && stream.ice.is_none() => false,
            Some(Some(line)) => line.keys.take(stream, self.terms),
            _ => self.terms.accept(stream),
        };
        match streams.is_empty() {
            true => Err(Unusable::Media),
            false if streams.iter().any(take) => Ok(description),
            false => Err(Unusable::Keys(self.terms)),
        }
    }

    /// The description in the body of a message of this leg that cannot be refused any more.
    pub(crate) fn said_in(&self, body: Option<&Body>, means: &mut Means<'_>) -> Option<Description> {
        self.read(body, means).ok().flatten()
    }
}
