//! What is remembered of one call. It only grows, up to its bounds; what comes after that is counted.

use contract::{
    id::{CallId, OrgId},
    journal::{Entry, EventKind, Fact},
    media::MediaView,
    time::Timestamp,
    trace::{CallSummary, TracedFact, Way},
};
use dialplan::Decision;
use sip::Flow;

use super::{Message, text::Text};

/// Messages of one call: a party that is in a call must not push other calls out.
const MESSAGES_MAX: usize = 1_024;
/// Bytes of the messages of one call.
const BYTES_MAX: usize = 512 * 1024;
/// Between how many pairs of addresses they may have gone.
const FLOWS_MAX: usize = 64;
/// Facts of one call.
const FACTS_MAX: usize = 512;
/// Streams of one call whose media is remembered: two for each of its legs, and what re-INVITEs have ended.
const MEDIA_MAX: usize = 64;
/// Messages of a call whose room is kept for the next one.
const SPARE_MESSAGES_MAX: usize = 64;
/// What a fact takes besides itself: its texts.
const FACT_TEXT_BYTES: usize = 64;
/// What a decision takes besides itself: a few steps.
const DECISION_BYTES: usize = 512;
/// Decisions of one call that are remembered: the first, and as many as rules and redirections can bring.
const ROUTES_MAX: usize = 16;
/// What a stream's media takes besides itself: the word and the sentence.
const MEDIA_TEXT_BYTES: usize = 192;

/// What is remembered of one call.
#[derive(Clone, Debug)]
pub struct Tape {
    pub(super) call: CallId,
    pub(super) org: OrgId,
    pub(super) created_at: Timestamp,
    pub(super) caller: Box<str>,
    pub(super) dialled: Box<str>,
    pub(super) is_live: bool,
    /// With the revisions of the plans that made them.
    pub(super) routes: Vec<(i64, Box<Decision>)>,
    /// Call-IDs by leg.
    pub(super) legs: Vec<Box<str>>,
    pub(super) facts: Vec<TracedFact>,
    /// What the media of its streams was like that are closed.
    pub(super) media: Vec<MediaView>,
    pub(super) messages: Vec<Line>,
    /// Between which addresses they went: two or three for a whole call.
    pub(super) flows: Vec<Flow>,
    /// What they said.
    pub(super) text: Text,
    pub(super) left_out: u64,
}

/// A message without its bytes, which begin where those of the one before end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    at: Timestamp,
    end: u32,
    leg: u16,
    /// Its place among the flows.
    flow: u8,
    way: Way,
}

impl Tape {
    pub(super) fn new(call: CallId) -> Self {
        Self {
            call,
            org: OrgId(uuid::Uuid::nil()),
            created_at: Timestamp(0),
            caller: Box::default(),
            dialled: Box::default(),
            is_live: true,
            routes: Vec::new(),
            legs: Vec::new(),
            facts: Vec::new(),
            media: Vec::new(),
            messages: Vec::new(),
            flows: Vec::new(),
            text: Text::default(),
            left_out: 0,
        }
    }

    /// The same tape for another call: its room is used again, which costs no allocation. `None` when it has grown beyond
    /// what a call takes.
    pub(super) fn emptied(mut self) -> Option<Self> {
        if self.messages.capacity() > SPARE_MESSAGES_MAX {
            return None;
        }
        self.legs.clear();
        self.facts.clear();
        self.media.clear();
        self.messages.clear();
        self.flows.clear();
        let empty = Self::new(self.call);
        let Self { legs, facts, media, messages, flows, .. } = self;
        Some(Self { legs, facts, media, messages, flows, ..empty })
    }

    /// The plan has decided.
    pub(super) fn routed(&mut self, revision: i64, decision: Box<Decision>) {
        if self.routes.len() < ROUTES_MAX {
            self.routes.push((revision, decision));
        }
    }

    /// Bytes of memory it takes, a little more rather than less.
    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.text.memory_bytes()
            + self.messages.capacity() * size_of::<Line>()
            + self.flows.capacity() * size_of::<Flow>()
            + self.facts.capacity() * (size_of::<TracedFact>() + FACT_TEXT_BYTES)
            + self.media.capacity() * (size_of::<MediaView>() + MEDIA_TEXT_BYTES)
            + self.legs.capacity() * (size_of::<Box<str>>() + 128)
            + self.routes.len() * (size_of::<Decision>() + DECISION_BYTES)
    }

    pub(super) fn message(&mut self, leg: u16, message: &Message<'_>) {
        let Message { at, way, flow, bytes } = *message;
        let flow = self.number_of(flow);
        let end = self.text.len() + bytes.len();
        let (Some(flow), true) = (flow, self.messages.len() < MESSAGES_MAX && end <= BYTES_MAX) else {
            self.left_out += 1;
            return;
        };
        self.text.push(bytes);
        self.messages.push(Line { at, way, leg, flow, end: u32::try_from(end).unwrap_or(u32::MAX) });
    }

    /// The place of a flow among those of the call; `None` when there are too many.
    fn number_of(&mut self, flow: Flow) -> Option<u8> {
        let at = self.flows.iter().position(|known| *known == flow).unwrap_or(self.flows.len());
        if at == self.flows.len() && at < FLOWS_MAX {
            self.flows.reserve_exact(1);
            self.flows.push(flow);
        }
        u8::try_from(at).ok().filter(|at| usize::from(*at) < self.flows.len())
    }

    pub(super) fn fact(&mut self, entry: &Entry) {
        if let Fact::Call(call) = &entry.fact {
            (self.org, self.created_at) = (entry.org, entry.at);
            self.dialled = call.dialled.as_str().into();
            return;
        }
        if self.facts.len() >= FACTS_MAX {
            self.left_out += 1;
            return;
        }
        if let Fact::Event(event) = &entry.fact
            && matches!(event.kind, EventKind::Answered | EventKind::Ended)
        {
            self.text.rest();
        }
        self.facts.push(TracedFact { at: entry.at, fact: entry.fact.clone() });
    }

    pub(super) fn media(&mut self, media: MediaView) {
        if self.media.len() < MEDIA_MAX {
            self.media.reserve_exact(1);
            self.media.push(media);
        } else {
            self.left_out += 1;
        }
    }

    /// The messages with their legs, in the order in which they went by. `text` is what they said.
    pub(super) fn messages<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (u16, Message<'a>)> {
        let ends = self.messages.iter().map(|line| line.end as usize);
        let starts = std::iter::once(0).chain(ends);
        self.messages.iter().zip(starts).filter_map(|(line, start)| {
            let flow = *self.flows.get(usize::from(line.flow))?;
            let bytes = text.get(start..line.end as usize)?;
            Some((line.leg, Message { at: line.at, way: line.way, flow, bytes }))
        })
    }

    /// Which call it is.
    pub fn call(&self) -> CallId {
        self.call
    }

    pub(super) fn summary(&self) -> CallSummary {
        CallSummary {
            call: self.call,
            caller: self.caller.to_string(),
            dialled: self.dialled.to_string(),
            created_at: self.created_at,
            is_live: self.is_live,
            messages: self.messages.len(),
        }
    }
}
