//! From the daemon's configuration to the switchboard's.

use calls::{Limits, SwitchboardConfig};
use sip::EndpointConfig;

use crate::config::Config;

/// INVITE sessions that calls of usual size need: a caller and a few phones that ring.
const SESSIONS_PER_CALL: usize = 10;

/// The switchboard's settings.
pub(super) fn switchboard(config: &Config) -> SwitchboardConfig {
    let limits = &config.limits;
    SwitchboardConfig {
        endpoint: EndpointConfig {
            user_agent: config.sip.user_agent.clone(),
            transactions_max: limits.transactions_max,
            sessions_max: limits.calls_max * SESSIONS_PER_CALL,
            ..EndpointConfig::default()
        },
        digest_algorithms: config.sip.digest_algorithms.clone(),
        limits: Limits {
            calls_max: limits.calls_max,
            legs_per_call_max: limits.legs_per_call_max,
            bindings_per_account_max: limits.bindings_per_account_max,
            expires_min_secs: limits.register_expires_min_secs,
            expires_max_secs: limits.register_expires_max_secs,
            expires_default_secs: limits.register_expires_default_secs,
            ..Limits::default()
        },
        redirects: config.calls.redirects,
        ..SwitchboardConfig::default()
    }
}
