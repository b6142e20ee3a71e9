//! A story told by bytes: `voice_story` in `checks/voice.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::voice::voice_story(data));
