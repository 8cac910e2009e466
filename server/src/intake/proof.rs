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

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(text: &str) -> Time {
        text.parse().expect("a time")
    }

    fn secrets(words: &[&str]) -> Vec<SecretString> {
        words.iter().map(|word| SecretString::from(*word)).collect()
    }

    fn shown(proof: Proof, headers: &Headers, body: &[u8], words: &[&str], now: Time) -> Result<(), Unproven> {
        let told = Told { headers, body, registry: None, received_at: now };
        check(proof, &told, &secrets(words), now)
    }

    fn missing(header: &str) -> Result<(), Unproven> {
        Err(Unproven::Missing { header: header.to_owned() })
    }

    const NOON: &str = "2026-11-24T12:00:00Z";

    /// RFC 4231, test cases 1, 2 and 6.
    #[test]
    fn hmac_is_what_the_standard_says() {
        let long = [0xaa; 131];
        for (key, message, mac) in [
            (&[0x0b; 20][..], &b"Hi There"[..], "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                &long,
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let mac = hex::decode(mac).expect("hexadecimal");
            assert!(hmac_is(key, &[message], &mac));
            assert!(
                !hmac_is(key, &[message, b"."], &mac) && !hmac_is(key, &[message], &mac[..31]) && !hmac_is(b"", &[message], &mac)
            );
        }
    }

    #[test]
    fn a_hexadecimal_mac_of_the_body_stands_after_its_prefix() {
        const PROOF: Proof = Proof::HexHmac { header: "x-hub-signature-256", prefix: "sha256=" };
        let body = b"what do ya want for nothing?";
        let mac = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let check =
            |value: &str, words: &[&str]| shown(PROOF, &Headers::from([("X-Hub-Signature-256", value)]), body, words, at(NOON));
        assert_eq!(check(&format!("sha256={mac}"), &["Jefe"]), Ok(()));
        assert_eq!(check(&format!("sha256={}", mac.to_uppercase()), &["Jefe"]), Ok(()));
        // While a secret is rotated, the old one and the new one are both good.
        assert_eq!(check(&format!("sha256={mac}"), &["new", "Jefe"]), Ok(()));
        for bad in [mac.to_owned(), format!("sha256={}", &mac[2..]), "sha256=".into(), "sha256=zz".into(), format!("sha1={mac}")]
        {
            assert_eq!(check(&bad, &["Jefe"]), Err(Unproven::Wrong), "{bad}");
        }
        assert_eq!(check(&format!("sha256={mac}"), &["Geoff"]), Err(Unproven::Wrong));
        assert_eq!(check(&format!("sha256={mac}"), &[]), Err(Unproven::NoSecret));
        assert_eq!(check("", &["Jefe"]), missing("x-hub-signature-256"));
        assert_eq!(shown(PROOF, &Headers::default(), body, &["Jefe"], at(NOON)), missing("x-hub-signature-256"));
    }

    #[test]
    fn of_a_list_of_versions_only_v1_counts() {
        const PROOF: Proof = Proof::Versioned { header: "circleci-signature" };
        let body = b"what do ya want for nothing?";
        let v1 = "v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        let check = |value: &str| shown(PROOF, &Headers::from([("circleci-signature", value)]), body, &["Jefe"], at(NOON));
        for good in [v1.to_owned(), format!("v0=00, {v1}"), format!("{v1},v2=00")] {
            assert_eq!(check(&good), Ok(()), "{good}");
        }
        for bad in ["v1=00".to_owned(), v1.replace("v1", "v2"), format!("v1=00,{v1}"), format!("{}{v1}", "v9=,".repeat(50))] {
            assert_eq!(check(&bad), Err(Unproven::Wrong), "{bad}");
        }
    }

    #[test]
    fn a_token_is_the_secret_itself_with_or_without_a_scheme() {
        let check =
            |proof, value: &str, words: &[&str]| shown(proof, &Headers::from([("authorization", value)]), b"", words, at(NOON));
        let (may, must) = (Proof::MayToken("authorization"), Proof::Token("authorization"));
        for proof in [may, must] {
            assert_eq!(check(proof, "Bearer s", &["s"]), Ok(()));
            assert_eq!(check(proof, "s", &["other", "s"]), Ok(()));
            // A secret that is written with its scheme is good as well.
            assert_eq!(check(proof, "Bearer s", &["Bearer s"]), Ok(()));
            assert_eq!(check(proof, "Bearer t", &["s"]), Err(Unproven::Wrong));
            assert_eq!(check(proof, "", &["s"]), missing("authorization"));
        }
        assert_eq!(check(may, "anything", &[]), Ok(()));
        assert_eq!(check(must, "anything", &[]), Err(Unproven::NoSecret));
        assert_eq!(check(Proof::Address, "", &[]), Ok(()));
    }

    /// The example of Standard Webhooks 1.0.
    const STANDARD_BODY: &[u8] = br#"{"event_type":"ping","data":{"success":true}}"#;
    const STANDARD_SECRET: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl";
    const STANDARD_MAC: &str = "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=";

    fn standard(mac: &str) -> Headers {
        Headers::from([("webhook-id", "msg_loFOjxBNrRLzqYUf"), ("webhook-timestamp", "1731705121"), ("webhook-signature", mac)])
    }

    #[test]
    fn a_standard_webhook_is_signed_with_its_id_and_its_time() {
        let then = chrono::DateTime::from_timestamp(1_731_705_121, 0).expect("a time");
        let check =
            |mac: &str, body: &[u8], words: &[&str], now| shown(Proof::StandardWebhooks, &standard(mac), body, words, now);
        assert_eq!(check(STANDARD_MAC, STANDARD_BODY, &[STANDARD_SECRET], then), Ok(()));
        assert_eq!(
            check(&format!("v1a,zz v1,AAAA {STANDARD_MAC}"), STANDARD_BODY, &["whsec_bmV3", STANDARD_SECRET], then),
            Ok(())
        );
        assert_eq!(check(STANDARD_MAC, b"{}", &[STANDARD_SECRET], then), Err(Unproven::Wrong));
        assert_eq!(check(STANDARD_MAC, STANDARD_BODY, &["whsec_bmV3"], then), Err(Unproven::Wrong));
        assert_eq!(check(STANDARD_MAC, STANDARD_BODY, &[], then), Err(Unproven::NoSecret));
        assert_eq!(check("", STANDARD_BODY, &[STANDARD_SECRET], then), missing("webhook-signature"));
        for (shift, wanted) in [(300, Ok(())), (-300, Ok(())), (301, Err(301)), (-301, Err(-301))] {
            let now = then + TimeDelta::seconds(shift);
            let wanted = wanted.map_err(|seconds| Unproven::Stale { seconds });
            assert_eq!(check(STANDARD_MAC, STANDARD_BODY, &[STANDARD_SECRET], now), wanted, "{shift}");
        }
        let mut later = standard(STANDARD_MAC);
        later.0.insert("webhook-timestamp".into(), "1731705122".into());
        assert_eq!(shown(Proof::StandardWebhooks, &later, STANDARD_BODY, &[STANDARD_SECRET], then), Err(Unproven::Wrong));
    }

    const DRONE_DATE: &str = "Tue, 24 Nov 2026 02:00:00 GMT";
    const DRONE_BODY: &[u8] = br#"{"event":"build"}"#;

    fn drone(date: &str, digest: &str, mac: &str, names: &str) -> Headers {
        let signature = format!(r#"keyId="hmac-key",algorithm="hmac-sha256",signature="{mac}",headers="{names}""#);
        Headers::from([("Date", date), ("Digest", digest), ("Signature", &signature)])
    }

    /// What Drone does; the expected values below were made with another program.
    fn drone_mac(date: &str, digest: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(b"drone-secret").expect("a key");
        mac.update(format!("date: {date}\ndigest: {digest}").as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    }

    #[test]
    fn drone_signs_date_and_digest_and_both_are_checked() {
        let digest = "SHA-256=BsRS7q4yFvSnNVElaYtVHbqlOTZ6nzOBgiQE4L7+1Nw=";
        let mac = "+A1tGXKQ5gV6Jn6F7WeR0md2L0hIQTL2kkEPXA1JZTE=";
        assert_eq!(drone_mac(DRONE_DATE, digest), mac);
        let then = at("2026-11-24T02:00:00Z");
        let check = |headers: &Headers, body: &[u8], words: &[&str], now| shown(Proof::HttpSignature, headers, body, words, now);
        let good = drone(DRONE_DATE, digest, mac, "date digest");
        assert_eq!(check(&good, DRONE_BODY, &["drone-secret"], then), Ok(()));
        assert_eq!(check(&good, DRONE_BODY, &["new", "drone-secret"], then), Ok(()));
        // A captured pair of headers proves neither another body …
        assert_eq!(check(&good, br#"{"event":"other"}"#, &["drone-secret"], then), Err(Unproven::Wrong));
        // … nor another time.
        let late = then + TimeDelta::seconds(301);
        assert_eq!(check(&good, DRONE_BODY, &["drone-secret"], late), Err(Unproven::Stale { seconds: 301 }));
        let moved = drone("Tue, 24 Nov 2026 02:05:00 GMT", digest, mac, "date digest");
        assert_eq!(check(&moved, DRONE_BODY, &["drone-secret"], then), Err(Unproven::Wrong));
        assert_eq!(check(&good, DRONE_BODY, &["other"], then), Err(Unproven::Wrong));
        assert_eq!(check(&good, DRONE_BODY, &[], then), Err(Unproven::NoSecret));
    }

    #[test]
    fn a_signature_over_less_than_date_and_digest_is_none() {
        let digest = "SHA-256=BsRS7q4yFvSnNVElaYtVHbqlOTZ6nzOBgiQE4L7+1Nw=";
        let then = at("2026-11-24T02:00:00Z");
        let check = |headers: &Headers| shown(Proof::HttpSignature, headers, DRONE_BODY, &["drone-secret"], then);
        let only_date = {
            let mut mac = Hmac::<Sha256>::new_from_slice(b"drone-secret").expect("a key");
            mac.update(format!("date: {DRONE_DATE}").as_bytes());
            STANDARD.encode(mac.finalize().into_bytes())
        };
        assert_eq!(check(&drone(DRONE_DATE, digest, &only_date, "date")), Err(Unproven::Wrong));
        assert_eq!(check(&drone(DRONE_DATE, digest, "no base64!", "date digest")), Err(Unproven::Wrong));
        let undated = drone("yesterday", digest, &drone_mac("yesterday", digest), "date digest");
        assert_eq!(check(&undated), Err(Unproven::Wrong));
        assert_eq!(check(&drone(DRONE_DATE, digest, "AAAA", "date digest host")), missing("host"));
        assert_eq!(check(&drone("", digest, "AAAA", "date digest")), missing("date"));
        assert_eq!(check(&Headers::from([("date", DRONE_DATE), ("digest", digest)])), missing("signature"));
        let other = Headers::from([
            ("date", DRONE_DATE),
            ("digest", digest),
            ("signature", r#"algorithm="none",signature="",headers="date digest""#),
        ]);
        assert_eq!(check(&other), Err(Unproven::Wrong));
    }

    #[test]
    fn of_two_proofs_the_one_that_is_shown_is_checked() {
        const EITHER: Proof = Proof::Either(&Proof::Token("x-gitlab-token"), &Proof::StandardWebhooks);
        let then = chrono::DateTime::from_timestamp(1_731_705_121, 0).expect("a time");
        let check = |headers: &Headers, words: &[&str]| shown(EITHER, headers, STANDARD_BODY, words, then);
        assert_eq!(check(&Headers::from([("X-Gitlab-Token", "s")]), &["s"]), Ok(()));
        assert_eq!(check(&standard(STANDARD_MAC), &[STANDARD_SECRET]), Ok(()));
        assert_eq!(check(&Headers::from([("X-Gitlab-Token", "t")]), &["s"]), Err(Unproven::Wrong));
        assert_eq!(check(&standard("v1,AAAA"), &[STANDARD_SECRET]), Err(Unproven::Wrong));
        assert_eq!(check(&Headers::default(), &["s"]), missing("x-gitlab-token"));
        assert!(EITHER.needs_secret() && !Proof::MayToken("a").needs_secret() && !Proof::Address.takes_secret());
    }

    proptest::proptest! {
        #[test]
        fn no_guess_proves_anything_and_none_makes_it_panic(value in "[ -~]{0,80}", body: Vec<u8>) {
            let headers = ["signature", "date", "digest", "webhook-id", "webhook-timestamp", "webhook-signature", "token"];
            let headers = Headers(headers.iter().map(|name| ((*name).to_owned(), value.clone())).collect());
            let proofs = [Proof::HttpSignature, Proof::StandardWebhooks, Proof::Token("token"), Proof::Versioned { header: "token" },
                Proof::HexHmac { header: "token", prefix: "" }];
            for proof in proofs {
                proptest::prop_assert!(shown(proof, &headers, &body, &["a secret that nobody guesses"], at(NOON)).is_err());
            }
        }
    }
}
