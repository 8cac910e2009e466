//! What is hidden of a container's variables and commands before anybody sees them.

/// What stands in the place of a hidden value.
pub const HIDDEN: &str = "••••••";

/// Parts of names whose values nobody should read.
const WORDS: [&str; 16] = [
    "PASS",
    "SECRET",
    "TOKEN",
    "KEY",
    "CREDENTIAL",
    "PRIVATE",
    "AUTH",
    "DSN",
    "COOKIE",
    "SALT",
    "SIGN",
    "CERT",
    "PIN",
    "SESSION",
    "WEBHOOK",
    "PWD",
];

/// Whether a name sounds like one of a secret.
pub fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace(['-', '.'], "_");
    // The folder one is in is no secret.
    name != "PWD" && name != "OLDPWD" && WORDS.iter().any(|word| name.contains(word))
}

/// `NAME=value` as it may be shown: the value only of a name that does not sound secret, when it is
/// `known` to be written in the clear elsewhere, and without a password inside of an address.
pub fn variable(pair: &str, known: impl Fn(&str, &str) -> bool) -> String {
    let Some((name, value)) = pair.split_once('=') else { return pair.to_owned() };
    if value.is_empty() {
        return format!("{name}=");
    }
    if sounds_secret(name) || !known(name, value) {
        return format!("{name}={HIDDEN}");
    }
    format!("{name}={}", address(value))
}

/// An argument of a command as it may be shown, after the one that stood before it.
pub fn argument(before: Option<&str>, argument: &str) -> String {
    // `--password hunter2`
    if before.is_some_and(|flag| flag.starts_with('-') && !flag.contains('=') && sounds_secret(flag)) {
        return HIDDEN.to_owned();
    }
    // `--password=hunter2`, `PGPASSWORD=hunter2`
    match argument.split_once('=') {
        Some((name, value)) if !value.is_empty() && !name.contains(char::is_whitespace) && sounds_secret(name) => {
            format!("{name}={HIDDEN}")
        }
        _ => address(argument),
    }
}

/// A whole command line as it may be shown.
pub fn command(line: &str) -> String {
    let mut before = None;
    let mut shown = Vec::new();
    for word in line.split(' ') {
        shown.push(argument(before, word));
        before = Some(word);
    }
    shown.join(" ")
}

/// Text without the passwords of the addresses in it: `scheme://user:password@host`.
pub fn address(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at_checked(at + 3).unwrap_or((rest, ""));
        shown.push_str(before);
        let end = after.find(|c: char| c == '/' || c == '?' || c == '#' || c.is_whitespace()).unwrap_or(after.len());
        let (place, after) = after.split_at_checked(end).unwrap_or((after, ""));
        match place.rsplit_once('@') {
            Some((user, host)) => {
                let user = user.split_once(':').map_or_else(|| HIDDEN.to_owned(), |(user, _)| format!("{user}:{HIDDEN}"));
                shown.push_str(&format!("{user}@{host}"));
            }
            None => shown.push_str(place),
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_sounds_secret_or_is_not_known_to_be_open_is_hidden() {
        let shown = |pair| variable(pair, |name, _| name != "UNKNOWN");
        for (given, wanted) in [
            ("LOG_LEVEL=debug", "LOG_LEVEL=debug"),
            ("EMPTY=", "EMPTY="),
            ("DB_PASSWORD=hunter2", "DB_PASSWORD=••••••"),
            ("Stripe-Api-Key=hunter2", "Stripe-Api-Key=••••••"),
            ("UNKNOWN=hunter2", "UNKNOWN=••••••"),
            ("DATABASE_URL=postgres://app:hunter2@db/app?x=1", "DATABASE_URL=postgres://app:••••••@db/app?x=1"),
            ("REDIS=redis://hunter2@cache:6379", "REDIS=redis://••••••@cache:6379"),
            ("BOTH=http://a:hunter2@b http://c:hunter2@d/e", "BOTH=http://a:••••••@b http://c:••••••@d/e"),
            ("PWD=/app", "PWD=/app"),
            ("no pair", "no pair"),
        ] {
            assert_eq!(shown(given), wanted);
        }
    }

    #[test]
    fn a_command_is_shown_without_its_secrets() {
        for (given, wanted) in [
            ("nginx: worker process", "nginx: worker process"),
            ("mysql --password=hunter2 -u root", "mysql --password=•••••• -u root"),
            ("app --api-token hunter2 --port 80", "app --api-token •••••• --port 80"),
            ("env PGPASSWORD=hunter2 psql", "env PGPASSWORD=•••••• psql"),
            ("curl https://u:hunter2@host/x", "curl https://u:••••••@host/x"),
        ] {
            assert_eq!(command(given), wanted);
        }
    }

    proptest! {
        #[test]
        fn a_secret_never_comes_through(name in "[A-Z_]{0,8}", word in proptest::sample::select(&WORDS[..15]), secret in "[a-z0-9]{12,20}") {
            let shown = variable(&format!("{name}{word}={secret}"), |_, _| true);
            prop_assert!(!shown.contains(&secret));
            let shown = address(&format!("x https://user:{secret}@host/path y"));
            prop_assert!(!shown.contains(&secret), "{}", shown);
            let shown = command(&format!("run --{}-{} {secret}", name.to_lowercase(), word.to_lowercase()));
            prop_assert!(!shown.contains(&secret), "{}", shown);
        }

        #[test]
        fn what_has_no_address_is_left_alone(text in "[a-zA-Z0-9 .=/-]{0,40}") {
            prop_assert_eq!(address(&text), text);
        }
    }
}
