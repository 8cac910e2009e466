#![no_main]

use domain::check::{outcome, read_report};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let printed = String::from_utf8_lossy(data);
    if let Ok(Some(report)) = read_report(&printed) {
        assert!(report.failures + report.errors + report.skipped <= report.tests, "{report:?}");
        assert!(report.failing.len() <= 50, "{} cases", report.failing.len());
        for case in &report.failing {
            let texts = [&case.group, &case.name, &case.message];
            assert!(texts.iter().all(|text| text.chars().count() <= 500 && !text.contains(char::is_control)), "{case:?}");
        }
        let _ = outcome(0, Some(&report));
    }
});
