#![no_main]
//! Any bytes: `checks/sip.rs`, `stream`.

#[path = "../checks/sip.rs"]
#[allow(dead_code)]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::stream(data));
