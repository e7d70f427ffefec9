//! See `scimgate_fuzz::resource`.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| scimgate_fuzz::resource(data));
