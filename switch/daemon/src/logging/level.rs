//! Which lines are written, and how that changes while the switch runs. There is one log in a process, so this is one
//! value of the process.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use contract::time::Timestamp;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, filter::ParseError};

/// What a library thinks of a stranger's handshake is no news: what has become of it is counted, and told with the call. Whoever
/// wants to hear it names it.
const QUIET: &str = "rtc_dtls=off";

static FILTER: OnceLock<Filter> = OnceLock::new();

/// The filter of this process's log.
pub struct Filter {
    configured: String,
    state: Mutex<State>,
    set: Box<dyn Fn(EnvFilter) -> bool + Send + Sync>,
}

struct State {
    current: Current,
    /// Of the latest change: an older one's end changes nothing any more.
    number: u64,
}

/// What is logged now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// In the syntax of `EnvFilter`.
    pub filter: String,
    /// When it goes back to what is configured.
    pub until: Option<Timestamp>,
}

/// The filter, once logging has started.
pub fn filter() -> Option<&'static Filter> {
    FILTER.get()
}

pub(super) fn keep(configured: &str, set: impl Fn(EnvFilter) -> bool + Send + Sync + 'static) {
    // Logging starts once; the subscriber itself refuses a second time.
    let _ = FILTER.set(Filter::new(configured, set));
}

/// Reads a filter, of an operator who has not thought of [`QUIET`].
pub(super) fn parse(filter: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(format!("{QUIET},{filter}"))
}

/// What is wrong with a filter. `EnvFilter` takes any word for a target that is to be logged whole, and so a level
/// with a typing error for something that never speaks.
pub fn problem_of(filter: &str) -> Option<String> {
    if filter.trim().is_empty() {
        return Some("is empty".into());
    }
    let words = filter.split(',').map(str::trim);
    for word in words.filter(|word| !word.contains(['=', '[', ':'])) {
        if word.parse::<LevelFilter>().is_err() {
            return Some(format!("{word} is no level: error, warn, info, debug, trace or off"));
        }
    }
    parse(filter).err().map(|error| error.to_string())
}

impl Filter {
    fn new(configured: &str, set: impl Fn(EnvFilter) -> bool + Send + Sync + 'static) -> Self {
        let current = Current { filter: configured.to_owned(), until: None };
        Self {
            configured: configured.to_owned(),
            state: Mutex::new(State { current, number: 0 }),
            set: Box::new(set),
        }
    }

    /// What the configuration says.
    pub fn configured(&self) -> &str {
        &self.configured
    }

    /// What is logged now.
    pub fn current(&self) -> Current {
        self.lock().current.clone()
    }

    /// Changes it, and gives the number of the change for [`Self::end_of`].
    ///
    /// # Errors
    /// What is wrong with the filter.
    pub fn change(&self, filter: &str, until: Option<Timestamp>) -> Result<u64, String> {
        if let Some(problem) = problem_of(filter) {
            return Err(problem);
        }
        let parsed = parse(filter).map_err(|error| error.to_string())?;
        let mut state = self.lock();
        if !(self.set)(parsed) {
            return Err("the log is gone".into());
        }
        state.current = Current { filter: filter.to_owned(), until };
        state.number += 1;
        Ok(state.number)
    }

    /// Goes back to what is configured, unless there was another change since.
    pub fn end_of(&self, number: u64) -> bool {
        let mut state = self.lock();
        let is_latest = state.number == number;
        if is_latest && let Ok(filter) = parse(&self.configured) {
            let _ = (self.set)(filter);
            state.current = Current { filter: self.configured.clone(), until: None };
        }
        is_latest
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[test]
    fn a_level_with_a_typing_error_is_refused() {
        for sound in ["debug", "info,sambungd::wire=debug", "off", "warn,sambungd=trace", "INFO"] {
            assert_eq!(problem_of(sound), None, "{sound}");
        }
        for wrong in ["dbug", "", "info,wire", "info,x=loud"] {
            assert!(problem_of(wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn a_library_is_quiet_until_it_is_named() {
        let read = |filter: &str| parse(filter).unwrap().to_string();
        assert_eq!(read("info"), "rtc_dtls=off,info");
        assert_eq!(read("debug,rtc_dtls=debug"), "rtc_dtls=debug,debug");
    }

    #[test]
    fn only_the_end_of_the_latest_change_goes_back() {
        let changes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&changes);
        let filter = Filter::new("info", move |_| counted.fetch_add(1, Ordering::Relaxed) < 100);
        let first = filter.change("debug", Some(Timestamp(1))).unwrap();
        let second = filter.change("trace", None).unwrap();
        assert!(!filter.end_of(first));
        assert_eq!(filter.current(), Current { filter: "trace".into(), until: None });
        assert!(filter.end_of(second));
        assert_eq!(filter.current().filter, "info");
        assert_eq!(changes.load(Ordering::Relaxed), 3);
        filter.change("dbug", None).unwrap_err();
        assert_eq!(filter.current().filter, "info", "what is refused changes nothing");
    }
}
