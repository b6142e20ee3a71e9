//! Several voices into one: everybody in a conference hears all who speak to them, and never themselves.
//!
//! Who hears whom is a matrix made of each seat's audience, so a supervisor who listens, whispers or barges in takes a
//! seat like anybody. A tick is: [`Mixer::begin`], [`Mixer::speak`] for each who has something to say, [`Mixer::listen`]
//! for each who wants to hear. Sums are exact and cut only at the end.

use super::{Rate, sample::saturate};

/// Seats of one conference.
pub const SEATS_MAX: usize = 64;

/// A place in one mixer, until it is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(u8);

/// Who hears a seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everybody: a participant, or a supervisor who barges in.
    Everyone,
    /// One other: a supervisor who whispers to the agent.
    Only(Seat),
    /// Nobody: muted, or a supervisor who listens.
    Nobody,
}

/// A conference's sound.
#[derive(Clone, Debug)]
pub struct Mixer {
    frame: usize,
    /// One bit for each seat that is taken, that spoke in this tick, and that spoke to everybody.
    taken: u64,
    spoke: u64,
    spoke_to_all: u64,
    places: Box<[Place]>,
    /// The frames of all seats, one after the other.
    frames: Box<[i16]>,
    /// All that was said to everybody in this tick.
    sum: Box<[i32]>,
    /// What one listener hears of it.
    heard: Box<[i32]>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    audience: Audience,
    /// One bit for each seat that speaks to this one only.
    whisperers: u64,
}

impl Mixer {
    /// With room for so many, at most [`SEATS_MAX`]. Everybody's sound has this rate.
    pub fn new(rate: Rate, seats: usize) -> Self {
        let (seats, frame) = (seats.min(SEATS_MAX), rate.frame());
        let empty = Place { audience: Audience::Nobody, whisperers: 0 };
        Self {
            frame,
            taken: 0,
            spoke: 0,
            spoke_to_all: 0,
            places: vec![empty; seats].into_boxed_slice(),
            frames: vec![0; seats * frame].into_boxed_slice(),
            sum: vec![0; frame].into_boxed_slice(),
            heard: vec![0; frame].into_boxed_slice(),
        }
    }

    /// Takes a seat, heard by these. Nothing where all are taken.
    pub fn join(&mut self, audience: Audience) -> Option<Seat> {
        let free = u8::try_from((!self.taken).trailing_zeros()).ok()?;
        let place = self.places.get_mut(usize::from(free))?;
        place.audience = audience;
        self.taken |= 1 << free;
        self.arrange();
        Some(Seat(free))
    }

    /// Leaves the seat; somebody else may get it. Who whispered to it is heard by nobody from then on.
    pub fn leave(&mut self, seat: Seat) {
        let bit = self.bit(seat);
        self.taken &= !bit;
        self.spoke &= !bit;
        for place in self.places.iter_mut().filter(|place| place.audience == Audience::Only(seat)) {
            place.audience = Audience::Nobody;
        }
        self.arrange();
    }

    /// From the next tick on, who hears the seat.
    pub fn set_audience(&mut self, seat: Seat, audience: Audience) {
        let taken = self.bit(seat) != 0;
        if let Some(place) = self.places.get_mut(usize::from(seat.0)).filter(|_| taken) {
            place.audience = audience;
            self.arrange();
        }
    }

    /// Seats that are taken.
    pub fn seated(&self) -> u32 {
        self.taken.count_ones()
    }

    /// The seat's bit, none where nobody sits.
    fn bit(&self, seat: Seat) -> u64 {
        1_u64.checked_shl(u32::from(seat.0)).unwrap_or(0) & self.taken
    }

    /// Finds who whispers to whom.
    fn arrange(&mut self) {
        for place in &mut self.places {
            place.whisperers = 0;
        }
        for speaker in seats(self.taken) {
            let audience = self.places.get(usize::from(speaker.0)).map(|place| place.audience);
            if let Some(Audience::Only(listener)) = audience
                && listener != speaker
                && let Some(place) = self.places.get_mut(usize::from(listener.0))
            {
                place.whisperers |= 1 << speaker.0;
            }
        }
    }

    /// Another 20 ms; nobody has said anything yet.
    pub fn begin(&mut self) {
        self.spoke = 0;
        self.spoke_to_all = 0;
        self.sum.fill(0);
    }

    /// What the seat says in this tick, once; silence need not be said. A frame of another length, a second one, and one
    /// of a seat that nobody has are refused.
    pub fn speak(&mut self, seat: Seat, frame: &[i16]) -> bool {
        let bit = self.bit(seat);
        if bit == 0 || self.spoke & bit != 0 || frame.len() != self.frame {
            return false;
        }
        let start = usize::from(seat.0) * self.frame;
        let (Some(place), Some(room)) =
            (self.places.get(usize::from(seat.0)), self.frames.get_mut(start..start + self.frame))
        else {
            return false;
        };
        room.copy_from_slice(frame);
        self.spoke |= bit;
        if place.audience == Audience::Everyone {
            self.spoke_to_all |= bit;
            add(&mut self.sum, frame, 1);
        }
        true
    }

    /// What the seat hears in this tick. Returns how many spoke to it; with none it is silence.
    pub fn listen(&mut self, seat: Seat, frame: &mut [i16]) -> u32 {
        let bit = self.bit(seat);
        let whisperers = self.places.get(usize::from(seat.0)).map_or(0, |place| place.whisperers);
        let alone = whisperers & self.spoke & !self.spoke_to_all;
        let speakers = if bit == 0 { 0 } else { (self.spoke_to_all & !bit) | alone };
        if speakers == 0 {
            frame.fill(0);
            return 0;
        }
        self.heard.copy_from_slice(&self.sum);
        for (these, sign) in [(self.spoke_to_all & bit, -1), (alone, 1)] {
            for speaker in seats(these) {
                let start = usize::from(speaker.0) * self.frame;
                add(&mut self.heard, self.frames.get(start..start + self.frame).unwrap_or_default(), sign);
            }
        }
        for (sample, sum) in frame.iter_mut().zip(&self.heard) {
            *sample = saturate(*sum);
        }
        speakers.count_ones()
    }
}

fn add(sum: &mut [i32], frame: &[i16], sign: i32) {
    for (sum, sample) in sum.iter_mut().zip(frame) {
        *sum += i32::from(*sample) * sign;
    }
}

/// The seats whose bits are set, from the first on.
fn seats(mut bits: u64) -> impl Iterator<Item = Seat> {
    std::iter::from_fn(move || {
        let seat = u8::try_from(bits.trailing_zeros()).ok().filter(|seat| usize::from(*seat) < SEATS_MAX)?;
        bits &= bits - 1;
        Some(Seat(seat))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each seat says its own constant, so what is heard names who was heard.
    fn heard(mixer: &mut Mixer, says: &[(Seat, i16)]) -> Vec<i16> {
        mixer.begin();
        for (seat, value) in says {
            assert!(mixer.speak(*seat, &[*value; 160]));
        }
        let mut frame = [77; 160];
        let mut all = Vec::new();
        for (seat, _) in says {
            mixer.listen(*seat, &mut frame);
            assert!(frame.iter().all(|sample| *sample == frame[0]));
            all.push(frame[0]);
        }
        all
    }

    fn conference(audiences: &[Audience]) -> (Mixer, Vec<Seat>) {
        let mut mixer = Mixer::new(Rate::Narrow, SEATS_MAX);
        let seats = audiences.iter().map(|audience| mixer.join(*audience).unwrap()).collect();
        (mixer, seats)
    }

    #[test]
    fn everybody_hears_all_but_themselves() {
        let (mut mixer, seats) = conference(&[Audience::Everyone; 5]);
        let says: Vec<(Seat, i16)> =
            seats.iter().zip([1, 10, 100, 1_000, 10_000]).map(|(s, v)| (*s, v)).collect();
        assert_eq!(heard(&mut mixer, &says), [11_110, 11_101, 11_011, 10_111, 1_111]);
    }

    #[test]
    fn loud_voices_are_cut_and_not_wrapped_and_quiet_ones_among_them_stay_exact() {
        let (mut mixer, seats) = conference(&[Audience::Everyone; 4]);
        let says: Vec<(Seat, i16)> =
            seats.iter().zip([30_000, 30_000, -29_000, 5]).map(|(s, v)| (*s, v)).collect();
        // The first hears 30,000 − 29,000 + 5 although all that was said would be cut.
        assert_eq!(heard(&mut mixer, &says), [1_005, 1_005, i16::MAX, 31_000]);
    }

    /// Agent, customer and supervisor say 1, 10 and 100.
    #[test]
    fn a_supervisor_listens_whispers_and_barges_in() {
        let (mut mixer, seats) = conference(&[Audience::Everyone; 3]);
        let says = [(seats[0], 1), (seats[1], 10), (seats[2], 100)];
        for (audience, expected) in [
            (Audience::Nobody, [10, 1, 11]),
            (Audience::Only(seats[0]), [110, 1, 11]),
            (Audience::Everyone, [110, 101, 11]),
        ] {
            mixer.set_audience(seats[2], audience);
            assert_eq!(heard(&mut mixer, &says), expected, "{audience:?}");
        }
        // Muted, the agent is heard by nobody and still hears.
        mixer.set_audience(seats[0], Audience::Nobody);
        assert_eq!(heard(&mut mixer, &says), [110, 100, 10]);
    }

    #[test]
    fn who_whispered_to_somebody_who_left_is_not_heard_by_whoever_gets_the_seat() {
        let (mut mixer, seats) = conference(&[Audience::Everyone; 3]);
        mixer.set_audience(seats[2], Audience::Only(seats[0]));
        mixer.leave(seats[0]);
        let newcomer = mixer.join(Audience::Everyone).unwrap();
        assert_eq!(newcomer, seats[0], "the seat is given again");
        assert_eq!(heard(&mut mixer, &[(newcomer, 1), (seats[1], 10), (seats[2], 100)]), [10, 1, 11]);
    }

    #[test]
    fn only_who_sits_speaks_and_only_once_a_tick() {
        let (mut mixer, seats) = conference(&[Audience::Everyone; 2]);
        mixer.begin();
        assert!(mixer.speak(seats[0], &[5; 160]));
        assert!(!mixer.speak(seats[0], &[5; 160]), "twice");
        assert!(!mixer.speak(seats[1], &[5; 159]), "too short");
        mixer.leave(seats[1]);
        assert!(!mixer.speak(seats[1], &[5; 160]), "gone");
        let mut frame = [9; 160];
        assert_eq!((mixer.listen(seats[1], &mut frame), frame), (0, [0; 160]), "who left hears nothing");
    }

    #[test]
    fn a_conference_is_full_at_its_limit_and_silence_costs_nothing() {
        let (mut mixer, seats) = conference(&[Audience::Everyone; SEATS_MAX]);
        assert_eq!((mixer.join(Audience::Everyone), mixer.seated()), (None, 64));
        mixer.begin();
        let mut frame = [9; 160];
        assert_eq!((mixer.listen(seats[63], &mut frame), frame), (0, [0; 160]));
        let says: Vec<(Seat, i16)> = seats.iter().map(|seat| (*seat, 3)).collect();
        assert_eq!(heard(&mut mixer, &says), [63 * 3; 64]);
    }
}
