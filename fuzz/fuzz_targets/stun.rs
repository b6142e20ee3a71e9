//! Any datagram that looks like STUN: `stun` in `checks/stun.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::stun::stun(data));
