//! What the fuzz targets share. The webhook sources are built from their own files, without the
//! server around them, so that a build takes seconds.
#![allow(dead_code, reason = "of the server's files, only what reads and what proves is run here")]

#[path = "../../server/src"]
mod server {
    pub mod intake;
}

use domain::problem::Fault;
use secrecy::SecretString;
use server::intake::proof::{Proof, check};
use server::intake::{Event, Fact, Headers, Source, Told};

/// Reads a body as one source does, with these headers, with and without a registry.
///
/// # Panics
/// When what is passed on is not sound.
pub fn read(word: &str, headers: &[(&str, &str)], body: &[u8]) {
    let source = source(word);
    let headers = headers_of(headers);
    for registry in [None, Some("registry.example:5000")] {
        let told = Told { headers: &headers, body, registry, received_at: now() };
        match source.read(&told) {
            Ok(events) => events.iter().for_each(sound),
            Err(Fault::Unreadable { .. } | Fault::Refused { .. }) => {}
            Err(other) => panic!("{word}: {other}"),
        }
    }
}

/// Reads a stack file, and reads it once more as a launch that gives every variable the file's own
/// first line.
///
/// # Panics
/// When what is read is not within its bounds, or a refusal has no place.
pub fn stack(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = match domain::stack::Stack::parse(text) {
        Ok(stack) => stack,
        Err(domain::Problem::Stack { line, key, .. }) => {
            assert!(line >= 1 && !key.is_empty());
            return;
        }
        Err(other) => panic!("{other}"),
    };
    contained(&read);
    let first = text.lines().next().unwrap_or_default().to_owned();
    let values = read.variables.iter().map(|variable| (variable.name.clone(), first.clone())).collect();
    if let Ok(filled) = domain::stack::Stack::filled(text, |_| true, &values) {
        assert_eq!(filled.services.len(), read.services.len(), "a value made or took away a service");
        contained(&filled);
    }
}

fn contained(stack: &domain::stack::Stack) {
    assert!((1..=50).contains(&stack.services.len()));
    for service in &stack.services {
        assert!(service.memory_mib >= 6 && service.cpu_millis >= 10 && service.pids >= 1 && service.restarts <= 10);
        assert!(service.cap_add.len() <= 6, "{:?}", service.cap_add);
        assert!(!service.networks.is_empty());
        assert!(service.networks.iter().all(|on| stack.networks.iter().any(|network| network.name == on.network)));
        for mount in &service.mounts {
            assert!(stack.volumes.contains(&mount.volume) && mount.folder.starts_with('/'));
            assert!(domain::config::valid_name(&mount.volume), "{}", mount.volume);
        }
        assert!(service.labels.keys().all(|name| !name.starts_with("slipway.")));
    }
}

/// Shows every kind of proof what stands on the first lines, the rest being the body. None of it is
/// made with the secret.
///
/// # Panics
/// When one of them takes it for proven.
pub fn prove(data: &[u8]) {
    const NAMES: [&str; 7] =
        ["signature", "date", "digest", "webhook-id", "webhook-timestamp", "webhook-signature", "x-signature"];
    let mut parts = data.splitn(NAMES.len() + 1, |byte| *byte == b'\n');
    let values: Vec<String> = parts.by_ref().take(NAMES.len()).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let body = parts.next().unwrap_or_default();
    let pairs: Vec<(&str, &str)> = NAMES.into_iter().zip(values.iter().map(String::as_str)).collect();
    let headers = headers_of(&pairs);
    let told = Told { headers: &headers, body, registry: None, received_at: now() };
    let secrets =
        [SecretString::from("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), SecretString::from("an older one of another form")];
    for proof in [
        Proof::HttpSignature,
        Proof::StandardWebhooks,
        Proof::Versioned { header: "x-signature" },
        Proof::HexHmac { header: "x-signature", prefix: "sha256=" },
        Proof::Either(&Proof::StandardWebhooks, &Proof::HexHmac { header: "x-signature", prefix: "" }),
    ] {
        assert!(check(proof, &told, &secrets, now()).is_err(), "{proof:?}");
    }
    // The secret itself may be guessed here; what counts is that nothing breaks.
    let _ = check(Proof::Token("x-signature"), &told, &secrets, now());
}

fn source(word: &str) -> &'static dyn Source {
    server::intake::source(word).unwrap_or_else(|why| panic!("{word}: {why}"))
}

fn headers_of(pairs: &[(&str, &str)]) -> Headers {
    let mut map = http::HeaderMap::new();
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
            map.insert(name, value);
        }
    }
    Headers::of(&map)
}

fn now() -> domain::Time {
    domain::Time::from_timestamp(1_795_485_600, 0).unwrap_or_default()
}

fn sound(event: &Event) {
    let printable = |b: u8| b == b' ' || b.is_ascii_graphic();
    assert!((1..=400).contains(&event.key.len()) && event.key.bytes().all(printable), "{event:?}");
    match &event.fact {
        Ok(Fact::Push(push)) => assert!(!push.images.is_empty(), "{event:?}"),
        Ok(Fact::Run(run)) => {
            let texts = [&run.branch, &run.tag, &run.name, &run.author, &run.message, &run.revision];
            for text in texts.into_iter().flatten().chain([&run.run]) {
                assert!(!text.is_empty() && text.chars().count() <= 400 && !text.contains(char::is_control), "{run:?}");
            }
            let is_http = |url: &String| url.to_lowercase().starts_with("http") && url.len() <= 2000;
            assert!(run.url.as_ref().is_none_or(is_http), "{run:?}");
            let is_commit = |revision: &String| revision.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(run.revision.as_ref().is_none_or(is_commit), "{run:?}");
        }
        Err(reason) => {
            let length = serde_json::to_string(reason).map(|text| text.len()).unwrap_or(usize::MAX);
            assert!(length < 4000, "{reason:?}");
        }
    }
}
