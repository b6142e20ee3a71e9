//! A hold that somebody orders who has no part in the call (`Command::Hold`).

use calls::Input;
use contract::command::{Command, Outcome};

use super::*;

fn order(desk: &mut Desk, leg: Option<u16>, is_on: bool) -> Outcome {
    let call = *desk.live.keys().next().expect("a call is up");
    desk.tell(Input::Command(Command::Hold { call, leg, is_on }));
    desk.outcomes.pop().expect("an outcome")
}

fn both_hear(desk: &Desk) -> [String; 2] {
    [heard(desk, 0), heard(desk, 1)]
}

#[test]
fn an_order_holds_a_call_for_either_side_once_and_takes_it_back() {
    for (leg, event) in [(None, "(3)"), (Some(1), "(2)")] {
        let mut desk = Desk::with(with_music(), 32);
        let [sari, budi] = desk.two();
        let (mut caller, _) = desk.talk(&sari, &budi, "1002");
        assert_eq!(order(&mut desk, leg, true), Outcome::Done);
        assert_eq!(both_hear(&desk), [MUSIC; 2]);
        assert_eq!(order(&mut desk, leg, true), Outcome::AlreadySo);
        // Nobody's phone is asked anything, and what it says in between is answered as ever.
        caller_says(&mut desk, &mut caller, &sari.sdp(), "sendrecv");
        assert_eq!(both_hear(&desk), [MUSIC; 2]);
        assert_eq!(order(&mut desk, leg, false), Outcome::Done);
        assert_eq!(both_hear(&desk), [""; 2]);
        assert_eq!(order(&mut desk, leg, false), Outcome::AlreadySo);
        assert_eq!(order(&mut desk, Some(7), true), Outcome::NotThere);
        desk.hang_up(&mut caller, &budi);
        let events = desk.events();
        assert_eq!(events[3..], [format!("hold{event}"), format!("unhold{event}"), "ended".to_owned()]);
        desk.rest();
    }
}

/// The phone's own hold stays its own, and is written once.
#[test]
fn an_order_does_not_take_back_what_a_phone_holds() {
    let mut desk = Desk::with(with_music(), 32);
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    caller_says(&mut desk, &mut caller, &sari.sdp_with("sendonly"), "recvonly");
    assert_eq!(order(&mut desk, Some(1), false), Outcome::AlreadySo);
    assert_eq!(order(&mut desk, Some(1), true), Outcome::Done);
    assert_eq!(order(&mut desk, Some(1), false), Outcome::Done);
    assert_eq!(both_hear(&desk), ["", MUSIC]);
    caller_says(&mut desk, &mut caller, &sari.sdp(), "sendrecv");
    assert_eq!(both_hear(&desk), [""; 2]);
    desk.hang_up(&mut caller, &budi);
    assert_eq!(desk.events()[3..], ["hold(2)", "unhold(2)", "ended"]);
    desk.rest();
}

/// Where holds are the phones' own business the switch plays nothing; before the answer there is nobody to hold.
#[test]
fn what_cannot_be_held_is_refused() {
    let mut desk = Desk::with(SwitchboardConfig { hold_music: false, ..transcoding() }, 32);
    let [sari, budi] = desk.two();
    let mut caller = desk.dial(&sari, "1002", Some(&sari.sdp()));
    let invite = desk.expect(&budi, "INVITE");
    assert_eq!(order(&mut desk, None, true), Outcome::NotNow);
    desk.from(&budi, &budi.respond(&invite, 200, Some(&budi.sdp())));
    desk.expect(&budi, "ACK");
    let ok = desk.expect(&sari, "SIP/2.0 200");
    let ack = caller.ack(&ok, None);
    desk.from(&sari, &ack);
    assert_eq!(order(&mut desk, None, true), Outcome::NotNow);
    desk.hang_up(&mut caller, &budi);
    desk.rest();
}
