//! What explains a call to whoever looks later: the route, and which messages are whose.

use std::net::SocketAddr;

use calls::Trace;
use contract::{id::CallId, live::LiveLeg};
use dialplan::{Refusal, Route, Step};
use streams::media::LegReport;

use crate::desk::{Caller, Desk, Phone, header};

fn phone_call_ids(desk: &Desk) -> Vec<String> {
    let legs = desk.traces.iter().filter_map(|trace| match trace {
        Trace::Leg { sip_call_id, .. } => Some(sip_call_id.to_string()),
        Trace::Routed { .. } | Trace::Media { .. } => None,
    });
    legs.collect()
}

/// The ports that carry a call are known by leg while it goes on; when they are closed each leg's media is told.
#[test]
fn each_legs_media_is_told_with_its_port_when_it_is_closed() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let (mut caller, call) = talk(&mut desk, &sari, &budi);
    let open: Vec<(u16, SocketAddr)> =
        desk.board.open_leases(call).into_iter().map(|(leg, lease)| (leg, lease.address)).collect();
    assert_eq!(open.iter().map(|(leg, _)| *leg).collect::<Vec<_>>(), [1, 2]);
    desk.report = LegReport { packets_received: 7, ..LegReport::default() };
    desk.hang_up(&mut caller, &budi);
    let told: Vec<(u16, SocketAddr)> = desk
        .traces
        .iter()
        .filter_map(|trace| match trace {
            Trace::Media { call: of, media } if *of == call && media.packets_received == 7 => {
                Some((media.leg, media.local))
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, open);
    assert!(desk.board.open_leases(call).is_empty());
    desk.quiet();
}

fn talk(desk: &mut Desk, sari: &Phone, budi: &Phone) -> (Caller, CallId) {
    let (caller, _) = desk.talk(sari, budi, "1002");
    let call = desk.traces.iter().find_map(|trace| match trace {
        Trace::Routed { call, .. } => Some(*call),
        _ => None,
    });
    (caller, call.expect("a call"))
}

#[test]
fn every_leg_is_named_before_its_first_message() {
    let mut desk = Desk::new();
    let [sari, budi, citra] =
        [("1001", "198.51.100.1:5060"), ("1002", "198.51.100.2:5060"), ("1003", "198.51.100.3:5060")]
            .map(|(user, address)| desk.phone(user, address));
    desk.order.clear();
    desk.dial(&sari, "100", Some(&sari.sdp()));
    let invites = [&budi, &citra].map(|phone| desk.expect(phone, "INVITE"));
    let of_callees = invites.map(|invite| header(&invite, "Call-ID").unwrap());
    let legs = phone_call_ids(&desk);
    assert_eq!(legs[1..], of_callees);
    for leg in &legs[1..] {
        let at = |what: &str| desk.order.iter().position(|told| *told == format!("{what} {leg}")).unwrap();
        assert!(at("leg") < at("sent"), "{:?}", desk.order);
    }
    // The caller was challenged before there was a call; from the leg on everything is told after it.
    let of_caller = [format!("sent {0}", legs[0]), format!("leg {0}", legs[0]), format!("sent {0}", legs[0])];
    let told: Vec<_> = desk.order.iter().filter(|told| told.ends_with(&legs[0])).cloned().collect();
    assert_eq!(told, of_caller, "401, then the leg, then 100");
}

#[test]
fn the_route_is_told_with_its_steps_also_when_nobody_is_rung() {
    let mut desk = Desk::new();
    let sari = desk.phone("1001", "198.51.100.1:5060");
    desk.dial(&sari, "999", Some(&sari.sdp()));
    desk.expect(&sari, "SIP/2.0 404");
    let Some(Trace::Routed { revision, decision, .. }) =
        desk.traces.iter().find(|trace| matches!(trace, Trace::Routed { .. }))
    else {
        panic!("no route was told: {:?}", desk.traces)
    };
    assert_eq!((*revision, &decision.route), (1, &Route::Refuse(Refusal::UnknownNumber)));
    assert_eq!(decision.trace.0, [Step::NoNumber]);
}

/// `no stage transport local ↔ remote`, `holds`, and for each stream `kind local ↔ remote direction formats`.
fn shown(desk: &Desk) -> Vec<String> {
    let call = *desk.live.keys().next().expect("a live call");
    let text = |text: &Option<String>| text.clone().unwrap_or("?".into());
    let leg = |leg: &LiveLeg| {
        let holds = if leg.is_holding { " holds" } else { "" };
        let streams = leg.streams.iter().map(|one| {
            let remote = one.remote.map_or("?".into(), |remote| remote.to_string());
            let (kind, direction) = (text(&one.kind), text(&one.direction));
            format!(" | {kind} {} ↔ {remote} {direction} {}", one.local, one.formats.join(" "))
        });
        let (stage, transport) = (leg.stage.as_str(), &leg.transport);
        let streams: String = streams.collect();
        format!("{} {stage} {transport} {} ↔ {}{holds}{streams}", leg.no, leg.local, leg.remote)
    };
    desk.board.live_legs(call).iter().map(leg).collect()
}

#[test]
fn an_operator_sees_how_each_leg_stands_and_what_it_sends() {
    let mut desk = Desk::new();
    let [sari, budi] = desk.two();
    let mobile = desk.phone("1002-mobile", "198.51.100.22:5060");
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invites = [&budi, &mobile].map(|phone| desk.expect(phone, "INVITE"));
    desk.from(&mobile, &mobile.respond(&invites[1], 180, None));
    desk.expect(&sari, "SIP/2.0 180");
    let ringing = shown(&desk);
    assert_eq!(ringing.len(), 3, "{ringing:#?}");
    assert!(ringing[0].starts_with("1 ringing udp 192.0.2.1:5060 ↔ 198.51.100.1:5060 | "), "{ringing:#?}");
    assert_eq!(ringing[1], "2 trying udp 192.0.2.1:5060 ↔ 198.51.100.2:5060 | ? 192.0.2.20:20002 ↔ ? ? ");
    assert!(ringing[2].starts_with("3 ringing udp 192.0.2.1:5060 ↔ 198.51.100.22:5060 | "), "{ringing:#?}");

    desk.from(&budi, &budi.respond(&invites[0], 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    desk.expect(&mobile, "CANCEL");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let talking = shown(&desk);
    assert_eq!(
        talking[..2],
        [
            "1 answered udp 192.0.2.1:5060 ↔ 198.51.100.1:5060 | audio 192.0.2.20:20000 ↔ 198.51.100.1:15060 sendrecv PCMU/8000 PCMA/8000",
            "2 answered udp 192.0.2.1:5060 ↔ 198.51.100.2:5060 | audio 192.0.2.20:20002 ↔ 198.51.100.2:15060 sendrecv PCMU/8000 PCMA/8000",
        ]
    );
    assert!(talking[2].starts_with("3 leaving "), "the device that was cancelled: {talking:#?}");

    let reinvite = caller.request("INVITE", "", Some(&sari.sdp_with("sendonly")));
    desk.from(&sari, &reinvite);
    desk.expect(&sari, "SIP/2.0 100");
    let passed = desk.expect(&budi, "INVITE");
    desk.from(&budi, &budi.respond(&passed, 200, Some(&budi.sdp_with("recvonly"))));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    let held = shown(&desk);
    assert!(held[0].contains(" holds | audio") && held[0].contains(" sendonly "), "{held:#?}");
    assert!(!held[1].contains("holds"), "{held:#?}");
}
