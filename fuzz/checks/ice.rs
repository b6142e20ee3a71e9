//! What must hold for any datagram of STUN on the port that browsers share (RFC 8445, RFC 8489).

use streams::{
    ice::{Agent, Check, Credentials, Route, Stage, Terms},
    media::LeaseId,
};

/// A datagram is a check or not. Who does not know the password changes nothing, is told little, and never twice: nobody can make
/// two of us talk.
pub fn ice(data: &[u8]) {
    let Some(check) = Check::read(data) else { return };
    let ours = Credentials::new(LeaseId(7), [1; 24]);
    let mut agent = Agent::new(Terms { ours, theirs: None });
    let route = Route { port: 0, remote: ([192, 0, 2, 1], 50_000).into() };
    let checked = agent.take(0, route, &check);
    assert!(!checked.is_proven && !checked.is_moved, "the password is not in the corpus");
    assert_eq!((agent.stage(), agent.is_proven(route.remote)), (Stage::Unchecked, false));
    let Some(answer) = checked.answer else { return };
    assert_eq!(check.lease(), Some(LeaseId(7)), "for this leg");
    assert_eq!(answer.get(..2), Some(&[0x01, 0x11][..]), "a refusal");
    assert_eq!(answer.get(4..20), data.get(4..20), "of that request");
    assert_eq!(Check::read(&answer), None);
}
