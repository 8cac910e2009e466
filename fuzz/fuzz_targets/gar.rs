#![no_main]

use base64::Engine as _;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    slipway_fuzz::read("gar", &[], data);
    // What is inside is hidden by its encoding.
    let inside = base64::engine::general_purpose::STANDARD.encode(data);
    let body = serde_json::json!({ "message": { "data": inside, "messageId": "1" }, "subscription": "s" }).to_string();
    slipway_fuzz::read("gar", &[], body.as_bytes());
});
