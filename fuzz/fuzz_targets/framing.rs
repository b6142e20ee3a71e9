//! Any bytes on a connection that carries media: `framing` in `checks/framing.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::framing::framing(data));
