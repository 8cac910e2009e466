//! Every webhook source, held to the same rules: what is good is taken once, what is not proven is
//! not believed, and nothing that anybody can send does harm.

mod reading;
mod samples;
mod taking;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::Time;
use hmac::{Hmac, Mac as _};
use server::intake::proof::{Proof, standard_key};
use server::intake::{Headers, Source, Told};
use sha2::{Digest as _, Sha256};

/// Standard Webhooks' own example of a secret, so that every kind of proof can use it.
pub const SECRET: &str = "whsec_plJ3nmyCDGBKInavdOK15jsl";

/// A request that a source understands, without its proof.
pub struct Sample {
    pub source: &'static dyn Source,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Sample {
    pub fn headers(&self) -> Headers {
        made_of(&self.headers)
    }

    /// The headers with the proof that its sender would add.
    pub fn signed(&self, secret: &str, now: Time) -> Headers {
        let mut headers = self.headers.clone();
        headers.extend(prove(self.source.proof(), secret, self.body.as_bytes(), now));
        made_of(&headers)
    }
}

pub fn made_of(pairs: &[(String, String)]) -> Headers {
    let mut map = http::HeaderMap::new();
    for (name, value) in pairs {
        let name: http::HeaderName = name.parse().expect("a header's name");
        map.insert(name, value.parse().expect("a header's value"));
    }
    Headers::of(&map)
}

pub fn tell<'a>(headers: &'a Headers, body: &'a [u8]) -> Told<'a> {
    Told { headers, body, registry: Some("registry.test:5000"), received_at: "2026-11-24T02:00:00Z".parse().expect("a time") }
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// What a sender does to prove itself, written from the senders' side.
fn prove(proof: Proof, secret: &str, body: &[u8], now: Time) -> Vec<(String, String)> {
    let one = |name: &str, value: String| vec![(name.to_owned(), value)];
    let hex = || hex::encode(mac(secret.as_bytes(), body));
    match proof {
        Proof::Address => Vec::new(),
        Proof::MayToken(header) | Proof::Token(header) => one(header, secret.to_owned()),
        Proof::HexHmac { header, prefix } => one(header, format!("{prefix}{}", hex())),
        Proof::Versioned { header } => one(header, format!("v1={}", hex())),
        Proof::HttpSignature => {
            let (date, digest) = (now.format("%a, %d %b %Y %H:%M:%S GMT"), STANDARD.encode(Sha256::digest(body)));
            let signed = STANDARD.encode(mac(secret.as_bytes(), format!("date: {date}\ndigest: SHA-256={digest}").as_bytes()));
            let signature = format!(r#"keyId="hmac-key",algorithm="hmac-sha256",signature="{signed}",headers="date digest""#);
            vec![
                ("date".to_owned(), date.to_string()),
                ("digest".to_owned(), format!("SHA-256={digest}")),
                ("signature".to_owned(), signature),
            ]
        }
        Proof::StandardWebhooks => {
            let (id, at) = ("msg_1", now.timestamp());
            let message = [format!("{id}.{at}.").as_bytes(), body].concat();
            let signed = STANDARD.encode(mac(&standard_key(&secret.to_owned().into()), &message));
            vec![
                ("webhook-id".to_owned(), id.to_owned()),
                ("webhook-timestamp".to_owned(), at.to_string()),
                ("webhook-signature".to_owned(), format!("v1,{signed}")),
            ]
        }
        Proof::Either(one, _) => prove(*one, secret, body, now),
    }
}
