//! From the daemon's configuration to the switchboard's.

use std::time::Duration;

use calls::{AccessList, GuardConfig, Limits, Srtp, SwitchboardConfig};
use sip::EndpointConfig;
use streams::dtls::Identity;

use crate::config::{Config, Mistake};

/// INVITE sessions that calls of usual size need: a caller and a few phones that ring.
const SESSIONS_PER_CALL: usize = 10;

/// A phone that registers again a little late is not a stranger.
const TRUST_BEYOND_EXPIRY: Duration = Duration::from_secs(300);

/// The switchboard's settings. An error: the secret of guests cannot be read.
pub(super) fn switchboard(
    config: &Config,
    identity: Option<&Identity>,
) -> Result<SwitchboardConfig, Vec<Mistake>> {
    let limits = &config.limits;
    let guests = config.guests.secret().map_err(|mistake| vec![mistake])?;
    Ok(SwitchboardConfig {
        endpoint: EndpointConfig {
            user_agent: config.sip.user_agent.clone(),
            reliable_provisionals: config.sip.reliable_provisionals,
            session_expires_secs: config.sip.session_expires_secs,
            min_se_secs: config.sip.min_se_secs,
            transactions_max: limits.transactions_max,
            sessions_max: limits.calls_max * SESSIONS_PER_CALL,
            subscriptions_max: limits.subscriptions_max,
            ..EndpointConfig::default()
        },
        listeners: config.sip.listeners(),
        trusted_proxies: config.sip.allowed_names().cloned().collect(),
        digest_algorithms: config.sip.digest_algorithms.clone(),
        guard: GuardConfig {
            access: AccessList::new(&config.sip.allow, &config.sip.deny),
            scanner_user_agents: config.sip.scanner_user_agents.clone(),
            auth_failures_max: limits.auth_failures_max,
            account_failures_max: limits.account_failures_max,
            window: Duration::from_secs(limits.auth_window_secs),
            lock_out: Duration::from_secs(limits.lock_out_secs),
            trust: Duration::from_secs(u64::from(limits.register_expires_max_secs)) + TRUST_BEYOND_EXPIRY,
        },
        queue_delay_target: Duration::from_millis(limits.queue_delay_target_millis),
        emergency_numbers: config.sip.emergency_numbers.clone(),
        limits: Limits {
            calls_max: limits.calls_max,
            legs_per_call_max: limits.legs_per_call_max,
            bindings_per_account_max: limits.bindings_per_account_max,
            subscriptions_per_account_max: limits.subscriptions_per_account_max,
            messages_per_minute_max: limits.messages_per_minute_max,
            expires_min_secs: limits.register_expires_min_secs,
            expires_max_secs: limits.register_expires_max_secs,
            expires_default_secs: limits.register_expires_default_secs,
            // A flow that keeps to it must not be closed for being silent.
            flow_timer_secs: u32::try_from(config.sip.tcp_idle_secs / 2).unwrap_or(u32::MAX).min(120),
            ..Limits::default()
        },
        redirects: config.calls.redirects,
        codecs: config.media.codecs.clone(),
        hold_music: config.calls.hold_music,
        announcements: config.calls.announcements,
        srtp: Srtp {
            policy: config.media.srtp,
            in_clear: config.media.srtp_keys_in_clear,
            dtls: config.media.dtls,
        },
        shared_addresses: config.media.browser_port.map_or_else(Vec::new, |port| {
            config.media.known_as().map(|(_, advertised)| (advertised, port).into()).collect()
        }),
        is_shared_over_tcp: config.media.browser_tcp,
        dtls_fingerprint: identity.map(|identity| identity.fingerprint().clone()),
        guests,
        ..SwitchboardConfig::default()
    })
}
