//! Any datagram on the port that browsers share: `ice` in `checks/ice.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::ice::ice(data));
