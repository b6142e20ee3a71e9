//! Answers that take as long whether somebody is known or not (H-008, HX-21): they leave at whole steps after the question.
//!
//! Nothing is made slower than it is by more than a step: work that has outlasted one is answered at the end of the next.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::{task::spawn_blocking, time::sleep};

/// Longer than it takes to try a password or to write a letter, which both take longer for whoever is known.
const STEP: Duration = Duration::from_millis(50);
/// The end of a step, which is waited for by a clock that is exact: the runtime sleeps in whole milliseconds, which tells by a part of one
/// when it was asked to.
const EXACT_LAST: Duration = Duration::from_millis(5);

/// What comes of `work`, at the end of a step.
pub(super) async fn unhurried<T>(work: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let done = work.await;
    let steps = begun.elapsed().as_millis() / STEP.as_millis() + 1;
    let until = begun + STEP * u32::try_from(steps).unwrap_or(u32::MAX);
    let left = move || until.saturating_duration_since(Instant::now());
    sleep(left().saturating_sub(EXACT_LAST)).await;
    // Where no thread is to be had for that, it is answered a little too soon.
    let _ = spawn_blocking(move || thread::sleep(left())).await;
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_leave_at_whole_steps() {
        for (takes, steps) in [(0, 1), (30, 1), (60, 2)] {
            let begun = Instant::now();
            let done = unhurried(async {
                sleep(Duration::from_millis(takes)).await;
                takes
            });
            assert_eq!(done.await, takes);
            // However busy the machine is, not sooner.
            assert!(begun.elapsed() >= STEP * steps, "{takes} ms of work: {:?}", begun.elapsed());
        }
    }
}
