#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for headers in [
        &[] as &[(&str, &str)],
        &[("x-github-event", "package")] as &[(&str, &str)],
        &[("x-github-event", "workflow_run")] as &[(&str, &str)],
        &[("x-github-event", "star")] as &[(&str, &str)],
        &[("content-type", "application/x-www-form-urlencoded")] as &[(&str, &str)],
    ] {
        slipway_fuzz::read("github", headers, data);
    }
});
