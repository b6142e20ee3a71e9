//! What the next process makes of a call that the one before has left behind (decision 0014).

use calls::{Notice, is_image_readable};

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

#[test]
fn an_image_of_another_release_is_refused_and_a_call_does_not_come_back_half() {
    // The version stands first; a shape that has changed shows in what is left over or missing.
    let changes: [fn(&mut Vec<u8>); 3] =
        [|image| image[0] += 1, |image| image.truncate(image.len() - 1), |image| image.push(0)];
    for change in changes {
        let mut desk = Desk::mortal();
        let [sari, budi] = desk.two();
        desk.talk(&sari, &budi, "1002");
        let (call, image) = desk.images.pop_first().unwrap();
        assert!(is_image_readable(&image));
        let mut image = image.to_vec();
        change(&mut image);
        assert!(!is_image_readable(&image));
        desk.images.insert(call, image.into());
        desk.die();
        assert_eq!((desk.board.counts().calls, desk.board.counts().sessions), (0, 0));
        assert!(desk.notices.contains(&Notice::ImageUnreadable(call)));
    }
}
