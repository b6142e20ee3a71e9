//! What explains a call to whoever looks later: the route, and which messages are whose.

use calls::Trace;
use dialplan::{Refusal, Route, Step};

use crate::desk::{Desk, header};

fn phone_call_ids(desk: &Desk) -> Vec<String> {
    let legs = desk.traces.iter().filter_map(|trace| match trace {
        Trace::Leg { sip_call_id, .. } => Some(sip_call_id.to_string()),
        Trace::Routed { .. } => None,
    });
    legs.collect()
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
