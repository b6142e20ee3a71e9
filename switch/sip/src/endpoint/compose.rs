//! The messages an endpoint writes: responses from their request, INVITEs, and the ACKs and CANCELs that are
//! copies of the INVITE's identifiers.

use std::fmt::Write as _;
use std::net::SocketAddr;

use arrayvec::ArrayString;
use bytes::Bytes;

use crate::dialog::to_tag;
use crate::flow::Flow;
use crate::header::HeaderName;
use crate::message::fields::Via;
use crate::message::{Message, OwnedMessage};
use crate::method::Method;
use crate::nat::StampedVia;
use crate::status::reason_phrase_of;
use crate::uri::EscapedUser;
use crate::write::{Address, MessageWriter, WriteError};

use super::Endpoint;
use super::config::{REPLACES, SESSION_EXTENSIONS, TIMER};
use super::order::{Body, ExtraHeaders, Invite, Party, Reply};

/// The headers that credentials stand in.
pub(crate) const CREDENTIALS: [HeaderName; 2] = [HeaderName::Authorization, HeaderName::ProxyAuthorization];

/// Decimal digits of a sequence number.
const NUMBER_DIGITS: usize = 10;

/// The value of a Via for a request on `flow`. `rport` asks for RFC 3581 where a NAT can be in between.
pub(crate) fn via(flow: Flow, branch: &str) -> String {
    let sent_by = SocketAddr::new(flow.local.ip(), flow.local.port());
    let rport = if flow.transport.is_reliable() { "" } else { ";rport" };
    format!("SIP/2.0/{} {sent_by};branch={branch}{rport}", flow.transport.as_str())
}

/// The value of our Contact on `flow`.
pub(crate) fn contact(user: &str, flow: Flow) -> String {
    let address = SocketAddr::new(flow.local.ip(), flow.local.port());
    let at = if user.is_empty() { "" } else { "@" };
    let user = EscapedUser(user);
    match flow.transport.uri_parameter() {
        Some(transport) => format!("<sip:{user}{at}{address};transport={transport}>"),
        None => format!("<sip:{user}{at}{address}>"),
    }
}

/// A From or To value.
fn party<'a>(party: &'a Party, tag: Option<&'a str>) -> Address<'a> {
    Address { display: party.display.as_deref(), uri: &party.uri, tag }
}

/// The To value of a response: the request's, with `tag` where it has none (8.2.6.2).
pub(crate) fn tagged_to(request: &Message<'_>, tag: &str) -> String {
    let to = request.first(HeaderName::To).unwrap_or("");
    if to_tag(request).is_empty() { format!("{to};tag={tag}") } else { to.to_owned() }
}

/// 8.2.6: the head of a response; `via` is the topmost of the request. 100 has no To tag of ours.
pub(crate) fn response(
    request: &Message<'_>,
    via: Option<&Via<'_>>,
    source: SocketAddr,
    (status, phrase): (u16, Option<&str>),
    tag: &str,
) -> MessageWriter {
    let mut writer = MessageWriter::response(status, phrase.unwrap_or(reason_phrase_of(status)));
    for (position, value) in request.values(HeaderName::Via).enumerate() {
        match via.filter(|_| position == 0) {
            Some(via) => writer.header(HeaderName::Via, StampedVia { raw: value, via, source }),
            None => writer.header(HeaderName::Via, value),
        };
    }
    writer.header(HeaderName::From, request.first(HeaderName::From).unwrap_or(""));
    let to = request.first(HeaderName::To).unwrap_or("");
    if status == 100 || !to_tag(request).is_empty() {
        writer.header(HeaderName::To, to);
    } else {
        writer.header(HeaderName::To, format_args!("{to};tag={tag}"));
    }
    writer
        .header(HeaderName::CallId, request.first(HeaderName::CallId).unwrap_or(""))
        .header(HeaderName::CSeq, request.first(HeaderName::CSeq).unwrap_or(""));
    if let Some(timestamp) = request.first(HeaderName::Timestamp).filter(|_| status == 100) {
        writer.header(HeaderName::Timestamp, timestamp);
    }
    writer
}

/// Appends what the owner gave.
pub(crate) fn extend(writer: &mut MessageWriter, headers: &ExtraHeaders, body: Option<&Body>) {
    for (name, value) in headers {
        writer.header(name, value);
    }
    if let Some(body) = body {
        body.write(writer);
    }
}

/// 12.1.1: what a response adds when it makes or refreshes a dialog.
pub(crate) fn dialog_headers(writer: &mut MessageWriter, request: &Message<'_>, contact: &str) {
    for route in request.values(HeaderName::RecordRoute) {
        writer.header(HeaderName::RecordRoute, route);
    }
    writer.header(HeaderName::Contact, contact);
}

/// 17.1.1.3 and 9.1: a request with the identifiers of an INVITE of ours. `via`: `None` for the INVITE's own.
fn like_invite(method: Method, invite: &Message<'_>, to: &str, via: Option<&str>) -> MessageWriter {
    let mut writer = MessageWriter::request(method.as_str(), invite.request_uri());
    let own = invite.first(HeaderName::Via).unwrap_or("");
    writer.header(HeaderName::Via, via.unwrap_or(own)).header(HeaderName::MaxForwards, 70);
    for route in invite.values(HeaderName::Route) {
        writer.header(HeaderName::Route, route);
    }
    let number = invite.cseq().map_or(0, |cseq| cseq.number);
    writer
        .header(HeaderName::From, invite.first(HeaderName::From).unwrap_or(""))
        .header(HeaderName::To, to)
        .header(HeaderName::CallId, invite.first(HeaderName::CallId).unwrap_or(""))
        .header(HeaderName::CSeq, format_args!("{number} {method}"));
    if method == Method::Ack {
        credentials_like(&mut writer, invite);
    }
    writer
}

/// 22.1: an ACK has the credentials of its INVITE, because nobody can challenge it.
pub(crate) fn credentials_like(writer: &mut MessageWriter, invite: &Message<'_>) {
    for name in CREDENTIALS {
        for value in invite.values(name) {
            writer.header(name, value);
        }
    }
}

/// The same request as a new one: another branch and number, and of the headers what `change` makes of them; it returns
/// true for those that it has written or wants left out.
pub(crate) fn again(
    request: &Message<'_>,
    (flow, branch, cseq): (Flow, &str, u32),
    mut change: impl FnMut(&mut MessageWriter, HeaderName) -> bool,
) -> Result<Bytes, WriteError> {
    let mut writer = MessageWriter::request(request.method_text(), request.request_uri());
    for (name, known, value) in request.headers() {
        match known {
            HeaderName::Via => writer.header(known, via(flow, branch)),
            HeaderName::CSeq => writer.header(known, format_args!("{cseq} {}", request.method_text())),
            HeaderName::ContentType | HeaderName::ContentLength => continue,
            _ if change(&mut writer, known) => continue,
            _ => writer.header(name, value),
        };
    }
    if let Some(content_type) = request.first(HeaderName::ContentType) {
        writer.body(content_type, request.body());
    }
    writer.finish()
}

/// 17.1.1.3: the ACK of a failure, with the INVITE's Via; or with a fresh one, the ACK of a 2xx to a re-INVITE
/// whose session is over.
pub(crate) fn ack_like(
    invite: &[u8],
    response: &Message<'_>,
    via: Option<&str>,
) -> Result<Bytes, WriteError> {
    let invite = OwnedMessage::parse(invite).map_err(|_| WriteError::Value)?;
    let to = response.first(HeaderName::To).unwrap_or("");
    like_invite(Method::Ack, &invite.view(), to, via).finish()
}

/// 9.1: the CANCEL of an INVITE.
pub(crate) fn cancel(invite: &[u8], reason: Option<&str>) -> Result<Bytes, WriteError> {
    let invite = OwnedMessage::parse(invite).map_err(|_| WriteError::Value)?;
    let to = invite.view().first(HeaderName::To).unwrap_or("").to_owned();
    let mut writer = like_invite(Method::Cancel, &invite.view(), &to, None);
    if let Some(reason) = reason {
        writer.header(HeaderName::Reason, reason);
    }
    writer.finish()
}

/// 8.1.1: start line and identifiers of a request outside any dialog. `names`: branch, tag and Call-ID.
pub(crate) fn outside(
    method: &str,
    cseq: u32,
    request_uri: &str,
    (flow, max_forwards, routes): (Flow, u8, &[String]),
    (from, to): (&Party, &Party),
    (branch, tag, call_id): (&str, &str, &str),
) -> MessageWriter {
    let mut writer = MessageWriter::request(method, request_uri);
    writer.header(HeaderName::Via, via(flow, branch)).header(HeaderName::MaxForwards, max_forwards);
    for route in routes {
        writer.header(HeaderName::Route, route);
    }
    writer
        .header(HeaderName::From, party(from, Some(tag)))
        .header(HeaderName::To, party(to, None))
        .header(HeaderName::CallId, call_id)
        .header(HeaderName::CSeq, format_args!("{cseq} {method}"));
    writer
}

impl Endpoint {
    /// The INVITE that opens a session.
    pub(crate) fn compose_invite(
        &self,
        invite: &Invite,
        names: (&str, &str, &str),
    ) -> Result<Bytes, WriteError> {
        let way = (invite.flow, invite.max_forwards, &*invite.routes);
        let mut writer =
            outside(Method::Invite.as_str(), 1, &invite.request_uri, way, (&invite.from, &invite.to), names);
        writer.header(HeaderName::Contact, contact(&invite.contact_user, invite.flow));
        let extensions = if invite.reliable { &SESSION_EXTENSIONS[..] } else { &[REPLACES, TIMER] };
        self.capabilities(&mut writer, extensions);
        self.ask_for_timer(&mut writer);
        if let Some(breadth) = invite.max_breadth {
            writer.header(HeaderName::MaxBreadth, breadth);
        }
        self.name(&mut writer, HeaderName::UserAgent);
        extend(&mut writer, &invite.headers, invite.body.as_ref());
        writer.finish()
    }

    /// 13.2.1, 13.3.1.4: what an INVITE and its 2xx say about us.
    pub(crate) fn capabilities(&self, writer: &mut MessageWriter, extensions: &[&str]) {
        writer.header(HeaderName::Allow, &self.allow);
        writer.header(HeaderName::Supported, extensions.join(", "));
    }

    /// Our name.
    pub(crate) fn name(&self, writer: &mut MessageWriter, header: HeaderName) {
        if !self.config.user_agent.is_empty() {
            writer.header(header, &self.config.user_agent);
        }
    }

    /// The To tag of a stateless answer to this request, and of the ACK to it.
    pub(crate) fn stateless_tag(&self, request: &Message<'_>) -> String {
        self.tokens.tag(self.stateless_number(request, request.via().ok().as_ref()))
    }

    /// What is told apart by that tag; `via` is the topmost one.
    pub(crate) fn stateless_number(&self, request: &Message<'_>, via: Option<&Via<'_>>) -> u64 {
        let mut number = ArrayString::<NUMBER_DIGITS>::new();
        // A number of 32 bits has no more digits.
        let _ = write!(number, "{}", request.cseq().map_or(0, |cseq| cseq.number));
        let branch = via.and_then(Via::branch).unwrap_or("");
        let call_id = request.first(HeaderName::CallId).unwrap_or("");
        self.tokens.stateless_number(&[call_id, crate::dialog::from_tag(request), &number, branch])
    }

    /// A response without a transaction. Short: it says no more than it must to a peer that is not known.
    pub(crate) fn compose_stateless(
        &self,
        request: &Message<'_>,
        via: &Via<'_>,
        source: SocketAddr,
        reply: &Reply,
        tag: &str,
    ) -> Result<Bytes, WriteError> {
        let line = (reply.status, reply.phrase.as_deref());
        let mut writer = response(request, Some(via), source, line, tag);
        extend(&mut writer, &reply.headers, reply.body.as_ref());
        writer.finish()
    }
}
