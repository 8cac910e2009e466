//! A mail server on loopback, in the clear, that keeps what it is handed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// A letter as it was handed in.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    pub from: String,
    pub to: Vec<String>,
    /// Header and body, as they came.
    pub raw: String,
}

impl Letter {
    /// The raw letter with quoted-printable text made readable.
    pub fn readable(&self) -> String {
        let joined = self.raw.replace("=\r\n", "");
        let mut out = Vec::new();
        let mut bytes = joined.bytes();
        while let Some(byte) = bytes.next() {
            if byte != b'=' {
                out.push(byte);
                continue;
            }
            let pair: Vec<u8> = bytes.by_ref().take(2).collect();
            match std::str::from_utf8(&pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
                Some(decoded) => out.push(decoded),
                None => out.extend([&b"="[..], &pair].concat()),
            }
        }
        String::from_utf8(out).expect("text")
    }
}

/// The server.
#[derive(Clone)]
pub struct MailFake {
    address: SocketAddr,
    /// User and password, where it asks for them.
    account: Option<(String, String)>,
    inside: Arc<Mutex<Inside>>,
}

#[derive(Default)]
struct Inside {
    letters: Vec<Letter>,
    connections: usize,
    /// What is answered to the next senders instead of 250.
    forced: Vec<&'static str>,
}

impl MailFake {
    /// Listens until the runtime ends. An address that begins with `nobody@` is not known here.
    pub async fn start(account: Option<(&str, &str)>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let account = account.map(|(user, password)| (user.to_owned(), password.to_owned()));
        let fake = Self { address: listener.local_addr().expect("an address"), account, inside: Arc::default() };
        let server = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                server.inside().connections += 1;
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        fake
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn received(&self) -> Vec<Letter> {
        self.inside().letters.clone()
    }

    pub fn connections(&self) -> usize {
        self.inside().connections
    }

    /// The next sender is answered with this line, as `451 4.7.1 Try again later`.
    pub fn answer(&self, line: &'static str) {
        self.inside().forced.push(line);
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().expect("whole")
    }

    async fn serve(self, stream: TcpStream) {
        let (reader, mut writer) = stream.into_split();
        let mut lines = BufReader::new(reader).lines();
        let mut letter = Letter::default();
        let mut known = self.account.is_none();
        writer.write_all(b"220 mail.test ESMTP\r\n").await.expect("written");
        while let Ok(Some(line)) = lines.next_line().await {
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let reply = match word.as_str() {
                "EHLO" => "250-mail.test\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
                "AUTH" => {
                    known = self.proves(&line);
                    if known { "235 2.7.0 Accepted" } else { "535 5.7.8 Bad credentials" }.to_owned()
                }
                "MAIL" | "RCPT" | "DATA" if !known => "530 5.7.0 Authentication required".to_owned(),
                "MAIL" => {
                    letter.from = between(&line);
                    self.inside().forced.pop().unwrap_or("250 2.1.0 Ok").to_owned()
                }
                "RCPT" if between(&line).starts_with("nobody@") => "550 5.1.1 User unknown".to_owned(),
                "RCPT" => {
                    letter.to.push(between(&line));
                    "250 2.1.5 Ok".to_owned()
                }
                "DATA" => {
                    writer.write_all(b"354 Go on\r\n").await.expect("written");
                    while let Ok(Some(line)) = lines.next_line().await {
                        if line == "." {
                            break;
                        }
                        letter.raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                        letter.raw.push_str("\r\n");
                    }
                    self.inside().letters.push(std::mem::take(&mut letter));
                    "250 2.0.0 Queued".to_owned()
                }
                "QUIT" => "221 2.0.0 Bye".to_owned(),
                _ => "250 2.0.0 Ok".to_owned(),
            };
            if writer.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() || word == "QUIT" {
                return;
            }
        }
    }

    fn proves(&self, line: &str) -> bool {
        let given = line.rsplit(' ').next().and_then(|given| STANDARD.decode(given).ok()).unwrap_or_default();
        self.account.as_ref().is_some_and(|(user, password)| given == format!("\0{user}\0{password}").into_bytes())
    }
}

fn between(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside.to_owned()).unwrap_or_default()
}
