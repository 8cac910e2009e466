//! Names behind Slipway's own proxy: `e12-web.env.example.com` is the service `web` of E-12.
//!
//! A name is looked up among those that an environment has, never taken apart and believed:
//! whatever hyphens services have in their names, one name means one port or none.

/// A published port of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Door {
    pub service: String,
    /// Inside the container.
    pub port: u16,
}

/// Where the `Host` of a request leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not under the domain of environments.
    Elsewhere,
    /// Under it, and the name of no environment.
    Nowhere,
    Environment(DoorName),
}

/// The first label of a proxied host: `e12-web`, `e12-web-8080`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DoorName {
    /// The environment's number.
    pub number: i64,
    /// What follows it: `web`, `web-8080`.
    pub rest: String,
}

/// A label of a host name is no longer.
const MOST_LABEL: usize = 63;
/// Digits of an environment's number.
const MOST_DIGITS: usize = 15;

impl DoorName {
    /// Reads `e12-web`.
    pub fn parse(label: &str) -> Option<Self> {
        let (number, rest) = label.strip_prefix('e')?.split_once('-')?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let digits = (1..=MOST_DIGITS).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        let good = digits && !number.starts_with('0') && label.len() <= MOST_LABEL;
        let good = good && !rest.is_empty() && !rest.ends_with('-') && rest.bytes().all(plain);
        good.then(|| number.parse().ok().map(|number| Self { number, rest: rest.to_owned() })).flatten()
    }
}

impl std::fmt::Display for DoorName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "e{}-{}", self.number, self.rest)
    }
}

/// Where a host leads, be it written with a port or in capitals. A name that is written with a dot at its
/// end is another site to a browser, so it leads nowhere.
pub fn place(host: &str, domain: &str) -> Place {
    let host = host.to_ascii_lowercase();
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(&*host, |(name, _)| name);
    let bare = name.trim_end_matches('.');
    if bare == domain {
        return Place::Nowhere;
    }
    let Some(label) = bare.strip_suffix(domain).and_then(|rest| rest.strip_suffix('.')) else { return Place::Elsewhere };
    let found = DoorName::parse(label).filter(|_| bare == name);
    found.map_or(Place::Nowhere, Place::Environment)
}

/// Every name that an environment's doors have, each once: a service's own for its lowest port, and
/// `{service}-{port}` for all, where no other service has that name already.
pub fn names(doors: &[Door]) -> Vec<(String, &Door)> {
    let mut found: Vec<(String, &Door)> = Vec::new();
    let lowest = |door: &&Door| !doors.iter().any(|other| other.service == door.service && other.port < door.port);
    let short = doors.iter().filter(lowest).map(|door| (slug(&door.service), door));
    let long = doors.iter().map(|door| (format!("{}-{}", slug(&door.service), door.port), door));
    for (name, door) in short.chain(long) {
        let good = !name.is_empty() && !name.starts_with('-') && !found.iter().any(|(taken, _)| *taken == name);
        if good {
            found.push((name, door));
        }
    }
    found
}

/// The door that a name means.
pub fn door<'a>(rest: &str, doors: &'a [Door]) -> Option<&'a Door> {
    names(doors).into_iter().find(|(name, _)| name == rest).map(|(_, door)| door)
}

/// What a door is called in links; nothing when no name is left for it.
pub fn name_of(number: i64, door: &Door, doors: &[Door]) -> Option<DoorName> {
    let (rest, _) = names(doors).into_iter().find(|(_, named)| *named == door)?;
    DoorName::parse(&format!("e{number}-{rest}"))
}

/// A service's name as a part of a host name.
fn slug(service: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    service.chars().map(plain).collect::<String>().trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(host: &str) -> Place {
        place(host, "env.example.com")
    }

    fn named(number: i64, rest: &str) -> Place {
        Place::Environment(DoorName { number, rest: rest.to_owned() })
    }

    fn opening(service: &str, port: u16) -> Door {
        Door { service: service.to_owned(), port }
    }

    #[test]
    fn a_host_leads_to_an_environment_or_nowhere_or_is_not_ours() {
        assert_eq!(at("e12-web.env.example.com"), named(12, "web"));
        assert_eq!(at("E12-Web.ENV.example.com:8443"), named(12, "web"));
        assert_eq!(at("e1-my-web-8080.env.example.com"), named(1, "my-web-8080"));
        for nowhere in [
            "env.example.com",
            "env.example.com:443",
            "e12-web.env.example.com.",
            "e12-web.env.example.com..",
            "a.e12-web.env.example.com",
            "e12.env.example.com",
            "e12-.env.example.com",
            "e012-web.env.example.com",
            "e-web.env.example.com",
            "e12-web-.env.example.com",
            "e12-we_b.env.example.com",
            "e9999999999999999-web.env.example.com",
            "www.env.example.com",
            ".env.example.com",
        ] {
            assert_eq!(at(nowhere), Place::Nowhere, "{nowhere}");
        }
        for elsewhere in [
            "e12-web.env.example.com.evil.test",
            "e12-web.evil",
            "e12-web.xenv.example.com",
            "example.com",
            "",
            "[::1]:3000",
            "e12-web.env.example.com:x",
            "e12-web.env.example.com@evil.test",
        ] {
            assert_eq!(at(elsewhere), Place::Elsewhere, "{elsewhere}");
        }
    }

    #[test]
    fn a_service_is_found_by_its_name_and_its_other_ports_by_their_number() {
        let doors = [opening("web", 8080), opening("web", 80), opening("web-8080", 9), opening("My_App.one", 1), opening("-", 3)];
        let names = names(&doors).into_iter().map(|(name, door)| format!("{name}={}:{}", door.service, door.port));
        let names: Vec<String> = names.collect();
        let wanted = ["web=web:80", "web-8080=web-8080:9", "my-app-one=My_App.one:1", "web-80=web:80", "web-8080-9=web-8080:9"];
        assert_eq!(names[..5], wanted);
        assert_eq!(door("web-8080", &doors), Some(&doors[2]), "a service's own name goes before a port of another");
        assert_eq!(name_of(7, &doors[0], &doors), None, "no name is left for it");
        assert_eq!(name_of(7, &doors[1], &doors).expect("a name").to_string(), "e7-web");
        assert_eq!(door("db", &doors), None);
    }

    proptest! {
        #[test]
        fn whatever_services_are_called_a_name_means_one_door(
            doors in proptest::collection::vec(("[a-z][a-z0-9-]{0,6}", 1u16..200), 0..8),
            number in 1i64..100_000,
        ) {
            let doors: Vec<Door> = doors.into_iter().map(|(service, port)| Door { service, port }).collect();
            for door in &doors {
                let Some(name) = name_of(number, door, &doors) else { continue };
                prop_assert_eq!(super::door(&name.rest, &doors), Some(door));
                let place = place(&format!("{name}.env.test"), "env.test");
                prop_assert_eq!(place, Place::Environment(name));
            }
            let mut all: Vec<String> = names(&doors).into_iter().map(|(name, _)| name).collect();
            let count = all.len();
            all.sort();
            all.dedup();
            prop_assert_eq!(all.len(), count);
        }

        #[test]
        fn no_host_makes_the_reading_fail(host in ".{0,80}", domain in "[a-z]{1,5}(\\.[a-z]{1,5}){0,2}") {
            if let Place::Environment(name) = place(&host, &domain) {
                let beginning = format!("{name}.{domain}");
                prop_assert!(host.to_ascii_lowercase().starts_with(&beginning));
            }
        }
    }
}
