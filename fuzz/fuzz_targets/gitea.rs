#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    for headers in [
        &[] as &[(&str, &str)],
        &[("x-gitea-event", "package")] as &[(&str, &str)],
        &[("x-forgejo-event", "workflow_run")] as &[(&str, &str)],
        &[("x-gitea-event", "push")] as &[(&str, &str)],
    ] {
        slipway_fuzz::read("gitea", headers, data);
    }
});
