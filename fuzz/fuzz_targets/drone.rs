#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for headers in [&[] as &[(&str, &str)], &[("x-drone-event", "build")] as &[(&str, &str)]] {
        slipway_fuzz::read("drone", headers, data);
    }
});
