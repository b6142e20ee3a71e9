//! What the person at a phone does: how calls are made, and how calls that arrive are met.

use std::time::Duration;

use crate::world::dice::Dice;

/// One call to be made.
#[derive(Clone, Debug)]
pub struct CallPlan {
    /// What is dialled.
    pub to: String,
    /// The INVITE carries no SDP; the 200 makes the offer (RFC 3261 §13.2.1).
    pub is_late_offer: bool,
    /// Also offers video.
    pub video: bool,
    /// Sends this instead of SDP that makes sense, with its type.
    pub odd_body: Option<(&'static str, &'static str)>,
    /// Gives up when nobody has answered by then.
    pub patience: Option<Duration>,
    /// What happens after the answer, each counted from the one before.
    pub talk: Vec<(Duration, Move)>,
}

impl CallPlan {
    /// An ordinary call that the caller ends.
    pub fn to(number: &str, length: Duration) -> Self {
        Self {
            to: number.to_owned(),
            is_late_offer: false,
            video: false,
            odd_body: None,
            patience: None,
            talk: vec![(length, Move::HangUp)],
        }
    }

    /// The same with what happens in it replaced.
    pub fn with_talk(self, talk: &[(u64, Move)]) -> Self {
        let talk = talk.iter().map(|(secs, step)| (Duration::from_secs(*secs), *step)).collect();
        Self { talk, ..self }
    }
}

/// Bodies no phone can answer: no media, no SDP, no sense.
pub const ODD_BODIES: [(&str, &str); 4] = [
    ("application/sdp", "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\n"),
    (
        "application/sdp",
        "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=application 9 UDP/DTLS/SCTP x\r\n",
    ),
    ("application/sdp", "this is no description"),
    ("text/plain", "hello"),
];

/// Something a party does during a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Re-INVITE with sendonly.
    Hold,
    /// Re-INVITE with sendrecv.
    Unhold,
    /// Re-INVITE without SDP (RFC 3261 §14.1).
    Refresh,
    /// Another request inside the dialog.
    Ask(&'static str),
    /// BYE.
    HangUp,
    /// The phone loses power.
    Vanish,
}

/// How a call that arrives is met.
#[derive(Clone, Debug)]
pub struct Manner {
    /// When it starts to ring; `None` never says so.
    pub ring_after: Option<Duration>,
    /// Rings with 183 and SDP.
    pub early_media: bool,
    /// What comes of it.
    pub verdict: Verdict,
    /// When, counted from the INVITE.
    pub after: Duration,
    /// What happens after the answer.
    pub talk: Vec<(Duration, Move)>,
}

/// What comes of a call that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 200.
    Answer,
    /// Refused with this status: 603 declined, 486 busy, 488 no common media …
    Refuse(u16),
    /// Rings until somebody gives up.
    Ignore,
    /// Says nothing at all, not even 100: the way to it is broken.
    Deaf,
}

impl Manner {
    /// Rings after 100 ms and answers after a time.
    pub fn answer(after: Duration) -> Self {
        Self::of(Verdict::Answer, after)
    }

    /// Rings after 100 ms and then does as said.
    pub fn of(verdict: Verdict, after: Duration) -> Self {
        Self {
            ring_after: Some(Duration::from_millis(100)),
            early_media: false,
            verdict,
            after,
            talk: Vec::new(),
        }
    }

    /// Any of the above, by chance.
    pub fn draw(dice: &mut Dice) -> Self {
        let verdict = match dice.below(100) {
            0..=54 => Verdict::Answer,
            55..=64 => Verdict::Refuse(603),
            65..=74 => Verdict::Refuse(486),
            75..=77 => Verdict::Refuse(dice.pick(&[480, 488, 404, 500, 606, 415])),
            78..=80 => Verdict::Refuse(302),
            81..=92 => Verdict::Ignore,
            _ => Verdict::Deaf,
        };
        let is_quick = dice.chance(300);
        Self {
            // Whoever takes long has to say something first (RFC 3261 §13.3.1.1).
            ring_after: (verdict == Verdict::Ignore || !dice.chance(100)).then(|| dice.millis(0, 800)),
            early_media: dice.chance(250),
            verdict,
            after: if is_quick { dice.millis(0, 300) } else { dice.millis(300, 9_000) },
            talk: draw_talk(dice),
        }
    }
}

/// What a party does after the answer, by chance; it always ends by hanging up or by vanishing.
pub fn draw_talk(dice: &mut Dice) -> Vec<(Duration, Move)> {
    let mut talk = Vec::new();
    for _ in 0..dice.below(4) {
        let step = match dice.below(10) {
            0..=3 => Move::Hold,
            4..=6 => Move::Unhold,
            7 => Move::Refresh,
            _ => Move::Ask(dice.pick(&["INFO", "OPTIONS", "MESSAGE", "UPDATE", "FOO"])),
        };
        let pause = if dice.chance(200) { dice.millis(0, 200) } else { dice.millis(200, 6_000) };
        talk.push((pause, step));
    }
    let last = if dice.chance(40) { Move::Vanish } else { Move::HangUp };
    // Some talk for longer than a session may go without a refresh (RFC 4028).
    let pause = match dice.below(100) {
        0..=14 => dice.millis(0, 300),
        15..=39 => dice.millis(40_000, 150_000),
        _ => dice.millis(300, 20_000),
    };
    talk.push((pause, last));
    talk
}
