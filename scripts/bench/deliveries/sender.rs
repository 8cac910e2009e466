//! One builder: a connection that is kept, and one message after the other.

use crate::Done;
use crate::desk::{Desk, seconds};
use base64::Engine as _;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const LONGEST: Duration = Duration::from_secs(30);

pub struct Sender {
    address: String,
    path: String,
    key: Vec<u8>,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// What is told: a push of this tag and digest, in a body of about the size that real ones have.
pub fn push(tag: &str, digest: usize) -> String {
    let (digest, padding) = (format!("{digest:064x}"), "x".repeat(400));
    format!(
        r#"{{"type":"image.pushed","data":{{"image":"127.0.0.1:1/team/web","tag":"{tag}","digest":"sha256:{digest}","note":"{padding}"}}}}"#
    )
}

impl Sender {
    pub fn new(desk: &Desk) -> Self {
        let (address, path, key) = (desk.address.clone(), desk.path.clone(), desk.key.clone());
        Self { address, path, key, stream: None, buffer: Vec::new() }
    }

    /// Signs and sends one message; the answer's status and body.
    pub async fn send(&mut self, id: &str, body: &str) -> Done<(u16, String)> {
        let at = seconds().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key)?;
        [id, ".", &at, ".", body].iter().for_each(|part| mac.update(part.as_bytes()));
        let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nwebhook-id: {id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: v1,{signature}\r\ncontent-length: {}\r\n\r\n{body}",
            self.path,
            self.address,
            body.len()
        );
        let answer = tokio::time::timeout(LONGEST, self.exchange(request.as_bytes())).await?;
        if answer.is_err() {
            self.stream = None;
        }
        answer
    }

    async fn exchange(&mut self, request: &[u8]) -> Done<(u16, String)> {
        let stream = match self.stream.take() {
            Some(stream) => self.stream.insert(stream),
            None => {
                let stream = TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                self.stream.insert(stream)
            }
        };
        stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if let Some(answer) = whole(&self.buffer)? {
                return Ok(answer);
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the answer ended in the middle".into());
            }
        }
    }
}

/// Status and body, once both are there.
fn whole(read: &[u8]) -> Done<Option<(u16, String)>> {
    let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&read[..end])?;
    let status = head.split(' ').nth(1).unwrap_or_default().parse()?;
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let length: usize = length.ok_or("no content-length")?;
    let body = read.get(end + 4..end + 4 + length);
    Ok(body.map(|body| (status, String::from_utf8_lossy(body).into_owned())))
}
