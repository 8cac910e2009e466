//! Mail: one letter to all of a target's addresses, as text and as simple HTML.

use super::answer::words_of;
use super::guard::{Guard, Pinned};
use super::layout::{self, Dialect, PLAIN, Shown, fit, parts};
use super::{Message, Sent};
use domain::Time;
use domain::notify::{MailConfig, MailTls, TargetConfig};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};
use std::net::SocketAddr;
use std::time::Duration;

/// From the name's look-up to the server's last word: servers make strangers wait.
pub const TIME_OUT: Duration = Duration::from_secs(45);
const STEP_TIME_OUT: Duration = Duration::from_secs(15);
const MOST_COMMITS: usize = 100;
const MOST_TO: usize = 50;

/// Messages that one mail target may send in a time: enough for people, too little to look like a flood.
pub const RATE: (u32, Duration) = (30, Duration::from_secs(60));

const HTML: Dialect = Dialect {
    escape: html_escape,
    bold: |text| format!("<b>{text}</b>"),
    link: |label, address| format!("<a href=\"{}\">{label}</a>", html_escape(address)),
    links: true,
    line: "<br>\n",
    fact: "",
    quote: "",
    item: "• ",
};

fn html_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Sends a message by mail and says what became of it. The server's name is looked up once and judged
/// like every address that people name; the certificate is asked for that name.
pub async fn send(guard: &Guard, config: &TargetConfig, password: Option<&SecretString>, message: &Message, now: Time) -> Sent {
    let Some(mail) = &config.mail else {
        return Sent::Never { why: "The target has no [mail] part.".to_owned() };
    };
    if mail.user.is_some() && password.is_none() {
        return Sent::Never {
            why: "The mail server wants a password for its user: name its secret as password_secret.".to_owned(),
        };
    }
    let letter = match letter(mail, message, now) {
        Ok(letter) => letter,
        Err(why) => return Sent::Never { why },
    };
    let whole = async {
        let pinned = match guard.pin(&mail.host, port(mail)).await {
            Ok(pinned) => pinned,
            Err(refused) => return refused.into(),
        };
        let transport = match transport(mail, password, &pinned, answering(&pinned).await) {
            Ok(transport) => transport,
            Err(cause) => return outcome(&cause),
        };
        transport.send(letter).await.map_or_else(|cause| outcome(&cause), |_| Sent::Delivered)
    };
    let late = || Sent::Later { after: None, why: format!("The mail server did not answer within {} s.", TIME_OUT.as_secs()) };
    tokio::time::timeout(TIME_OUT, whole).await.unwrap_or_else(|_| late())
}

fn port(mail: &MailConfig) -> u16 {
    let usual = match mail.tls {
        MailTls::Implicit => 465,
        MailTls::Starttls => 587,
        MailTls::None => 25,
    };
    mail.port.unwrap_or(usual)
}

/// Of several addresses the first that answers; a letter is handed in at one of them only.
async fn answering(pinned: &Pinned) -> Option<SocketAddr> {
    for address in pinned.addresses.iter().skip_while(|_| pinned.addresses.len() == 1) {
        let connecting = tokio::net::TcpStream::connect(address);
        if let Ok(Ok(_)) = tokio::time::timeout(Duration::from_secs(5), connecting).await {
            return Some(*address);
        }
    }
    pinned.addresses.first().copied()
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

fn transport(
    mail: &MailConfig,
    password: Option<&SecretString>,
    pinned: &Pinned,
    address: Option<SocketAddr>,
) -> Result<Transport, Error> {
    let parameters = || pinned.trust.mail(TlsParameters::builder(mail.host.clone()))?.build_rustls();
    let tls = match mail.tls {
        MailTls::Implicit => Tls::Wrapper(parameters()?),
        MailTls::Starttls => Tls::Required(parameters()?),
        MailTls::None => Tls::None,
    };
    let server = address.map_or_else(String::new, |address| address.ip().to_string());
    let mut builder = Transport::builder_dangerous(server)
        .port(port(mail))
        .tls(tls)
        .timeout(Some(STEP_TIME_OUT))
        .hello_name(ClientId::Domain(domain_of(&mail.from).to_owned()));
    if let Some(user) = &mail.user {
        let password = password.map(|password| password.expose_secret().to_owned()).unwrap_or_default();
        builder = builder.credentials(Credentials::new(user.clone(), password));
    }
    Ok(builder.build())
}

/// The part after the at sign of `a@b.test` or `Name <a@b.test>`.
fn domain_of(from: &str) -> &str {
    let domain = from.rsplit_once('@').map_or("", |(_, domain)| domain.trim_end_matches(['>', ' ']));
    if domain.is_empty() { "localhost" } else { domain }
}

fn letter(mail: &MailConfig, message: &Message, now: Time) -> Result<lettre::Message, String> {
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|_| format!("{} is no mail address.", layout::clean(text)));
    if mail.to.is_empty() || mail.to.len() > MOST_TO {
        return Err(format!("A mail target has 1 to {MOST_TO} addresses; use a list's address for more."));
    }
    let people: Vec<String> = message.mention.iter().take(20).map(|name| layout::clean(name)).collect();
    let (text, html) = fit(message, MOST_COMMITS, |shown| Some((text(shown, &people), html(shown, &people))))?;
    let mut builder = lettre::Message::builder()
        .from(mailbox(&mail.from)?)
        .subject(layout::clean(&message.title))
        .message_id(Some(format!("<{}@{}>", message.id, domain_of(&mail.from))))
        .date(now.into())
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    for to in &mail.to {
        builder = builder.to(mailbox(to)?);
    }
    let part = |kind: ContentType, body: String| {
        SinglePart::builder().header(kind).header(ContentTransferEncoding::QuotedPrintable).body(body)
    };
    let both = MultiPart::alternative().boundary(format!("slipway-{}", message.id));
    let both = both.singlepart(part(ContentType::TEXT_PLAIN, text)).singlepart(part(ContentType::TEXT_HTML, html));
    builder.multipart(both).map_err(|_| "The mail cannot be written: an address is missing.".to_owned())
}

fn text(shown: &Shown<'_>, people: &[String]) -> String {
    let mut texts = vec![shown.marked_title()];
    texts.extend(parts(shown, &PLAIN, people).each());
    texts.join("\n\n") + "\n"
}

fn html(shown: &Shown<'_>, people: &[String]) -> String {
    let people: Vec<String> = people.iter().map(|name| html_escape(name)).collect();
    let texts = parts(shown, &HTML, &people);
    let mut out = format!("<!DOCTYPE html>\n<html><body>\n<h3>{}</h3>\n", html_escape(&shown.marked_title()));
    for part in [texts.facts, texts.commits, texts.ask, texts.link].iter().filter(|part| !part.is_empty()) {
        out.push_str(&format!("<p>{part}</p>\n"));
    }
    if !texts.note.is_empty() {
        out.push_str(&format!("<blockquote>{}</blockquote>\n", texts.note));
    }
    out + "</body></html>\n"
}

/// A server's refusal with a code 5xx stays one (RFC 5321); everything else may pass.
fn outcome(cause: &Error) -> Sent {
    let said = words_of(&std::error::Error::source(cause).map(ToString::to_string).unwrap_or_default());
    let code = cause.status().map(|code| format!(" {code}")).unwrap_or_default();
    match () {
        () if cause.is_permanent() => {
            Sent::Never { why: format!("The mail server refused the letter ({}: {said}).", code.trim()) }
        }
        () if cause.is_transient() => {
            Sent::Later { after: None, why: format!("The mail server put it off ({}: {said}).", code.trim()) }
        }
        () if cause.is_timeout() => Sent::Later { after: None, why: "The mail server did not answer in time.".to_owned() },
        () if cause.is_tls() => Sent::Later { after: None, why: format!("There is no TLS with the mail server: {said}.") },
        () if cause.is_client() => Sent::Never { why: format!("The mail server does not do what the target asks for: {said}.") },
        () => Sent::Later { after: None, why: format!("The mail server could not be spoken to: {said}.") },
    }
}
