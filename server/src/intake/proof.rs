//! How a sender proves itself: always over the raw bytes, always compared in constant time.

use super::{Headers, Told};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Time;
use domain::delivery::Unproven;
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// How far a signed time may be from ours, in seconds (Standard Webhooks: five minutes).
pub const TOLERANCE: i64 = 300;
/// Signatures looked at in one header.
const MOST_SIGNATURES: usize = 8;

/// A way to prove who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The unguessable address is all that the sender has to show.
    Address,
    /// The secret itself, in this header, possibly after a scheme (`Bearer `). Checked only when
    /// the hook has a secret.
    MayToken(&'static str),
    /// The same, and the hook always has a secret.
    Token(&'static str),
    /// Hexadecimal HMAC-SHA256 of the body in a header, after a prefix (`sha256=`).
    HexHmac { header: &'static str, prefix: &'static str },
    /// CircleCI: a list of `vN=…`, of which `v1` is the hexadecimal HMAC-SHA256 of the body.
    Versioned { header: &'static str },
    /// Drone: HTTP signature over `date` and `digest`, both of which are checked too.
    HttpSignature,
    /// Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`.
    StandardWebhooks,
    /// One of two, whichever the request carries.
    Either(&'static Proof, &'static Proof),
}

impl Proof {
    /// Whether a hook of this source has a secret from its beginning.
    pub fn needs_secret(self) -> bool {
        match self {
            Proof::Address | Proof::MayToken(_) => false,
            Proof::Either(one, other) => one.needs_secret() && other.needs_secret(),
            _ => true,
        }
    }

    /// Whether its secrets have the form of Standard Webhooks.
    pub fn is_standard(self) -> bool {
        self == Proof::StandardWebhooks
    }

    /// Whether a hook of this source can have a secret.
    pub fn takes_secret(self) -> bool {
        self != Proof::Address
    }
}

/// Whether a request is proven by one of the secrets.
///
/// # Errors
/// [`Unproven`].
pub fn check(proof: Proof, told: &Told<'_>, secrets: &[SecretString], now: Time) -> Result<(), Unproven> {
    match proof {
        Proof::Address => Ok(()),
        Proof::MayToken(_) if secrets.is_empty() => Ok(()),
        Proof::MayToken(header) | Proof::Token(header) => token(header, told.headers, secrets),
        Proof::HexHmac { header, prefix } => {
            let given = wanted(told.headers, header)?;
            let given = given.strip_prefix(prefix).ok_or(Unproven::Wrong)?;
            hex_hmac(secrets, told.body, given)
        }
        Proof::Versioned { header } => {
            let given = wanted(told.headers, header)?;
            let v1 = given.split(',').take(MOST_SIGNATURES).find_map(|part| part.trim().strip_prefix("v1="));
            hex_hmac(secrets, told.body, v1.ok_or(Unproven::Wrong)?)
        }
        Proof::HttpSignature => http_signature(told, secrets, now),
        Proof::StandardWebhooks => standard_webhooks(told, secrets, now),
        Proof::Either(one, other) => check(*one, told, secrets, now).or_else(|first| match check(*other, told, secrets, now) {
            // What was shown and is wrong says more than what was not shown.
            Err(Unproven::Missing { .. }) => Err(first),
            second => second,
        }),
    }
}

fn wanted<'a>(headers: &'a Headers, name: &str) -> Result<&'a str, Unproven> {
    headers.get(name).filter(|value| !value.is_empty()).ok_or_else(|| Unproven::Missing { header: name.to_owned() })
}

fn token(header: &str, headers: &Headers, secrets: &[SecretString]) -> Result<(), Unproven> {
    let given = wanted(headers, header)?;
    let bare = given.strip_prefix("Bearer ").unwrap_or(given);
    let same = |secret: &SecretString| {
        let secret = secret.expose_secret().as_bytes();
        bool::from(given.as_bytes().ct_eq(secret) | bare.as_bytes().ct_eq(secret))
    };
    any(secrets, same)
}

/// Every secret is tried, so that the time says nothing about which one fits.
fn any(secrets: &[SecretString], fits: impl Fn(&SecretString) -> bool) -> Result<(), Unproven> {
    if secrets.is_empty() {
        return Err(Unproven::NoSecret);
    }
    let fitting = secrets.iter().filter(|secret| fits(secret)).count();
    if fitting > 0 { Ok(()) } else { Err(Unproven::Wrong) }
}

fn hmac_is(key: &[u8], message: &[&[u8]], given: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    message.iter().for_each(|part| mac.update(part));
    mac.verify_slice(given).is_ok()
}

fn hex_hmac(secrets: &[SecretString], body: &[u8], given: &str) -> Result<(), Unproven> {
    let given = hex::decode(given.trim()).map_err(|_| Unproven::Wrong)?;
    any(secrets, |secret| hmac_is(secret.expose_secret().as_bytes(), &[body], &given))
}

fn fresh(at: i64, now: Time) -> Result<(), Unproven> {
    let seconds = now.timestamp().saturating_sub(at);
    if seconds.abs() <= TOLERANCE { Ok(()) } else { Err(Unproven::Stale { seconds }) }
}

/// Drone signs `date: …\ndigest: …`. Its own handler checks neither; then a captured pair of headers
/// would prove any body at any time.
fn http_signature(told: &Told<'_>, secrets: &[SecretString], now: Time) -> Result<(), Unproven> {
    use sha2::Digest as _;
    let signature = wanted(told.headers, "signature")?;
    let (date, digest) = (wanted(told.headers, "date")?, wanted(told.headers, "digest")?);
    let field = |name: &str| {
        let parts = signature.split(',').take(MOST_SIGNATURES);
        parts
            .filter_map(|part| part.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim_matches('"'))
    };
    let (Some(signed), Some(given)) = (field("headers"), field("signature")) else { return Err(Unproven::Wrong) };
    let names: Vec<&str> = signed.split(' ').take(16).collect();
    if !names.contains(&"date") || !names.contains(&"digest") || field("algorithm").is_some_and(|name| name != "hmac-sha256") {
        return Err(Unproven::Wrong);
    }
    let mut lines = Vec::new();
    for name in names {
        lines.push(format!("{name}: {}", wanted(told.headers, name)?));
    }
    let given = STANDARD.decode(given).map_err(|_| Unproven::Wrong)?;
    let message = lines.join("\n");
    any(secrets, |secret| hmac_is(secret.expose_secret().as_bytes(), &[message.as_bytes()], &given))?;
    let body = format!("SHA-256={}", STANDARD.encode(Sha256::digest(told.body)));
    if !bool::from(digest.as_bytes().ct_eq(body.as_bytes())) {
        return Err(Unproven::Wrong);
    }
    let at = chrono::DateTime::parse_from_rfc2822(date).map_err(|_| Unproven::Wrong)?;
    fresh(at.timestamp(), now)
}

/// `v1,<base64>` over `id.timestamp.body`; several, separated by spaces, while a secret is rotated.
fn standard_webhooks(told: &Told<'_>, secrets: &[SecretString], now: Time) -> Result<(), Unproven> {
    let (id, at) = (wanted(told.headers, "webhook-id")?, wanted(told.headers, "webhook-timestamp")?);
    let given = wanted(told.headers, "webhook-signature")?;
    let given: Vec<Vec<u8>> =
        given.split(' ').take(MOST_SIGNATURES).filter_map(|one| STANDARD.decode(one.strip_prefix("v1,")?).ok()).collect();
    let message: [&[u8]; 5] = [id.as_bytes(), b".", at.as_bytes(), b".", told.body];
    any(secrets, |secret| {
        let key = standard_key(secret);
        given.iter().filter(|given| hmac_is(&key, &message, given)).count() > 0
    })?;
    fresh(at.parse().map_err(|_| Unproven::Wrong)?, now)
}

/// `whsec_` and base64; a secret of another form is taken as its bytes.
pub fn standard_key(secret: &SecretString) -> Vec<u8> {
    let secret = secret.expose_secret();
    let encoded = secret.strip_prefix("whsec_").and_then(|rest| STANDARD.decode(rest).ok());
    encoded.unwrap_or_else(|| secret.as_bytes().to_vec())
}
