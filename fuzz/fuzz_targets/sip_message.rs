#![no_main]
//! Any bytes: `checks/sip.rs`, `message`.

#[path = "../checks/sip.rs"]
#[allow(dead_code)]
mod checks;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::message(data));
