#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let line = domain::log::read(data);
    assert!(line.text.chars().all(|c| c == '\t' || !c.is_control()));
    let pieces: usize = line.pieces.iter().map(|(count, _)| *count as usize).sum();
    assert!(line.pieces.is_empty() || pieces == line.text.chars().count());
    for range in domain::log::hits(&line.text, "a") {
        assert!(line.text.get(range).is_some());
    }
});
