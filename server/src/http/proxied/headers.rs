//! What of a request the app under test sees, and what of its answer the browser sees.

use domain::proxied::DoorName;
use http::header::{
    ALT_SVC, CONNECTION, COOKIE, EXPECT, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// A program's way in; `Authorization` belongs to the app.
pub const TOKEN: HeaderName = HeaderName::from_static("x-slipway-token");
/// Cookies that are Slipway's own, on whichever host: the app neither sees nor sets them.
const OWN_COOKIES: [&str; 6] =
    ["slipway", "__Host-slipway", "slipway-pass", "__Host-slipway-pass", "slipway-knock", "__Host-slipway-knock"];
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// For one connection only (RFC 9110, 7.6.1), beside what `Connection` names.
const HOP_BY_HOP: [HeaderName; 9] =
    [CONNECTION, KEEP_ALIVE, PROXY_CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Where a request came in, as the browser sees it.
#[derive(Clone, Debug)]
pub struct Front {
    pub name: DoorName,
    /// `https`
    pub scheme: String,
    /// `e12-web.env.example.com:8443`
    pub authority: String,
    /// Who asks.
    pub client: String,
}

impl Front {
    pub fn base(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }
}

/// Whether this is a WebSocket's opening. No other protocol is switched to: inside of it nothing here
/// would hold any more.
pub fn wants_websocket(headers: &HeaderMap) -> bool {
    let connection = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(','));
    let upgrade = headers.get(UPGRADE).and_then(|value| value.to_str().ok());
    connection.map(str::trim).any(|word| word.eq_ignore_ascii_case("upgrade"))
        && upgrade.is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("websocket"))
}

/// What was meant for Slipway and for this connection goes; what is said of the way is said by us. The
/// host is passed on as the browser wrote it, so that the app makes addresses that lead back here.
pub fn to_app(headers: &mut HeaderMap, front: &Front, websocket: bool) {
    // First of all, so that no name in `Connection` takes away what is added below.
    drop_hop_by_hop(headers);
    headers.remove(TOKEN);
    headers.remove(EXPECT);
    headers.remove(FORWARDED);
    headers.remove("x-real-ip");
    let claimed: Vec<HeaderName> = headers.keys().filter(|name| name.as_str().starts_with("x-forwarded-")).cloned().collect();
    claimed.iter().for_each(|name| drop(headers.remove(name)));
    drop_own_cookies(headers);
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(HOST, &front.authority);
    set(HeaderName::from_static("x-forwarded-for"), &front.client);
    set(HeaderName::from_static("x-forwarded-host"), &front.authority);
    set(HeaderName::from_static("x-forwarded-proto"), &front.scheme);
    if websocket {
        switch_to_websocket(headers);
    }
}

/// The app's answer: its cookies stay on its own host, its redirects to itself lead back here.
pub fn to_browser(headers: &mut HeaderMap, front: &Front, own: &[String], websocket: bool) {
    drop_hop_by_hop(headers);
    // It would lead the browser's next connections past us.
    headers.remove(ALT_SVC);
    let cookies: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().filter_map(host_only).collect();
    headers.remove(SET_COOKIE);
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
    let location = headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|to| led_back(to, front, own));
    if let Some(location) = location.and_then(|location| HeaderValue::from_str(&location).ok()) {
        headers.insert(LOCATION, location);
    }
    if websocket {
        switch_to_websocket(headers);
    }
}

fn switch_to_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let lines = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(','));
    let named: Vec<HeaderName> = lines.filter_map(|name| name.trim().parse().ok()).collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}

fn drop_own_cookies(headers: &mut HeaderMap) {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let kept: Vec<&[u8]> = pairs.map(<[u8]>::trim_ascii).filter(|pair| !pair.is_empty() && !is_own(pair)).collect();
    let line = HeaderValue::from_bytes(&kept.join(&b"; "[..])).ok().filter(|line| !line.is_empty());
    headers.remove(COOKIE);
    if let Some(line) = line {
        headers.insert(COOKIE, line);
    }
}

/// Whether a pair `name=value` is a cookie of Slipway's.
fn is_own(pair: &[u8]) -> bool {
    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
    OWN_COOKIES.iter().any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
}

/// A cookie without `Domain`: with one it would reach other environments' hosts. Slipway's are not taken.
fn host_only(cookie: &HeaderValue) -> Option<HeaderValue> {
    let mut parts = cookie.as_bytes().split(|byte| *byte == b';');
    let pair = parts.next().filter(|pair| !is_own(pair))?;
    let is_domain = |part: &&[u8]| {
        let name = part.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"domain")
    };
    let kept: Vec<&[u8]> = std::iter::once(pair).chain(parts.filter(|part| !is_domain(part))).collect();
    HeaderValue::from_bytes(&kept.join(&b";"[..])).ok()
}

/// An address of the app's own as the browser has to be told it; nothing when it is another's, or a path.
fn led_back(to: &str, front: &Front, own: &[String]) -> Option<String> {
    let (scheme, rest) = to.split_once("//")?;
    if !["http:", "https:", ""].contains(&scheme.to_ascii_lowercase().as_str()) {
        return None;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end)?;
    let authority = authority.to_ascii_lowercase();
    let host = |authority: &str| authority.split(':').next().unwrap_or_default().to_owned();
    let ours = host(&authority) == host(&front.authority) || own.contains(&authority);
    ours.then(|| format!("{}{path}", front.base()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn front() -> Front {
        let name = DoorName::parse("e12-web").expect("a name");
        let authority = "e12-web.env.test:8443".to_owned();
        Front { name, scheme: "https".to_owned(), authority, client: "192.0.2.7".to_owned() }
    }

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| (name.parse::<HeaderName>().expect("a name"), value.parse().expect("a value"));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    fn all(headers: &HeaderMap) -> Vec<String> {
        let mut all: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("plain"))).collect();
        all.sort();
        all
    }

    #[test]
    fn the_app_sees_what_is_its_own_and_our_word_of_the_way() {
        let mut headers = map(&[
            ("connection", "close, X-Forwarded-For, x-forwarded-proto, authorization-of-hop"),
            ("authorization-of-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-prefix", "/evil"),
            ("forwarded", "for=10.0.0.1"),
            ("x-real-ip", "10.0.0.1"),
            ("x-slipway-token", "slw_secret"),
            ("authorization", "Bearer of-the-app"),
            ("cookie", "a=1; slipway=s; __Host-slipway-pass=p"),
            ("cookie", "slipway-knock=k; b=slipway; SLIPWAY=x"),
            ("host", "e12-web.env.test"),
        ]);
        to_app(&mut headers, &front(), false);
        let wanted = [
            "authorization: Bearer of-the-app",
            "cookie: a=1; b=slipway",
            "host: e12-web.env.test:8443",
            "x-forwarded-for: 192.0.2.7",
            "x-forwarded-host: e12-web.env.test:8443",
            "x-forwarded-proto: https",
        ];
        assert_eq!(all(&headers), wanted);
        let mut only_ours = map(&[("cookie", "slipway-pass=p")]);
        to_app(&mut only_ours, &front(), false);
        assert!(!only_ours.contains_key(COOKIE));
    }

    #[test]
    fn a_cookie_of_the_app_s_stays_on_its_host() {
        let mut headers = map(&[
            ("set-cookie", "sid=1; Path=/; Domain=.env.test; HttpOnly"),
            ("set-cookie", "x=domain; DOMAIN = env.test;secure"),
            ("set-cookie", "slipway-pass=forged; Path=/"),
            ("set-cookie", "__host-slipway=forged; Path=/"),
            ("alt-svc", "h3=\":443\""),
            ("keep-alive", "timeout=5"),
        ]);
        to_browser(&mut headers, &front(), &[], false);
        assert_eq!(all(&headers), ["set-cookie: sid=1; Path=/; HttpOnly", "set-cookie: x=domain;secure"]);
    }

    #[test]
    fn redirects_to_the_app_itself_lead_back_through_the_proxy() {
        let own = ["10.1.2.3:32768".to_owned(), "web".to_owned(), "web:80".to_owned()];
        let lead = |to: &str| led_back(to, &front(), &own);
        let base = "https://e12-web.env.test:8443";
        assert_eq!(lead("http://10.1.2.3:32768/a?b#c"), Some(format!("{base}/a?b#c")));
        assert_eq!(lead("http://E12-web.env.test/a"), Some(format!("{base}/a")));
        assert_eq!(lead("//web:80"), Some(base.to_owned()));
        assert_eq!(lead("https://web?x=//y"), Some(format!("{base}?x=//y")));
        for other in
            ["/a", "a//b", "https://evil.test/", "http://web@evil.test/", "http://10.1.2.3:32769/", "ftp://web/", "?u=//web"]
        {
            assert_eq!(lead(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_websocket_s_opening_is_one() {
        assert!(wants_websocket(&map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")])));
        for other in [
            &[("connection", "upgrade"), ("upgrade", "h2c")][..],
            &[("connection", "keep-alive"), ("upgrade", "websocket")],
            &[("connection", "upgrade")],
        ] {
            assert!(!wants_websocket(&map(other)));
        }
    }
}
