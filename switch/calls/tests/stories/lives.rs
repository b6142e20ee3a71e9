//! What the next process makes of a call that the one before has left behind (decision 0014).

use crate::desk::Desk;

#[test]
fn a_leg_whose_session_is_over_keeps_none_in_the_next_life() {
    let mut desk = Desk::mortal();
    let [sari, budi] = desk.two();
    let (mut caller, _) = desk.talk(&sari, &budi, "1002");
    // Both sessions end; the legs stay until the relay has reported.
    desk.is_relay_dead = true;
    desk.hang_up(&mut caller, &budi);
    assert_eq!((desk.board.counts().sessions, desk.board.counts().legs), (0, 2));
    desk.die();
    assert_eq!(desk.board.counts().legs, 2);
    desk.quiet();
}
