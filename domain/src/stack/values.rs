//! The small languages inside a stack file: placeholders, words, durations, sizes, ports.

use super::{MemoryFolder, StackImage};
use crate::image::{Digest, ImageName, Tag};
use crate::problem::Fault;

/// Capabilities that a container may ask for: what images need that start as root and step down.
pub(super) const HARMLESS: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE", "SETGID", "SETUID"];

/// A folder in memory is no bigger; it counts against the container's memory too.
pub(super) const MOST_FOLDER_MIB: u32 = 1024;

fn refused(reason: impl Into<String>) -> Fault {
    Fault::Refused { reason: reason.into() }
}

/// `${BUILD_WEB}`, or an image with its tag or digest.
pub(super) fn image(text: &str, is_build: bool) -> Result<StackImage, Fault> {
    if is_build {
        let name = text.strip_prefix("${BUILD_").and_then(|rest| rest.strip_suffix('}')).unwrap_or_default();
        let app = name.to_ascii_lowercase().replace('_', "-");
        let good = crate::config::valid_name(&app) && super::placeholder_of(&app) == text;
        return if good {
            Ok(StackImage::Build { app })
        } else {
            Err(refused(format!("the placeholder {text}: no app has this name")))
        };
    }
    if let Some((name, digest)) = text.split_once('@') {
        let digest: Digest = digest.parse()?;
        return Ok(StackImage::Fixed { image: name.parse()?, reference: digest.to_string() });
    }
    let (folder, last) = text.rsplit_once('/').ok_or(Fault::BadImage)?;
    let Some((name, tag)) = last.split_once(':') else {
        format!("{folder}/{last}").parse::<ImageName>()?;
        return Err(refused("an image without a tag: write which one"));
    };
    let tag: Tag = tag.parse()?;
    Ok(StackImage::Fixed { image: format!("{folder}/{name}").parse()?, reference: tag.to_string() })
}

/// Splits a command line into words as a POSIX shell does, without expanding anything.
pub(super) fn words(text: &str) -> Result<Vec<String>, Fault> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if open == c => quote = None,
            (None, '\\') => word.get_or_insert_default().push(chars.next().ok_or_else(unfinished)?),
            (Some('"'), '\\') => {
                let next = chars.next().ok_or_else(unfinished)?;
                if !matches!(next, '"' | '\\' | '$' | '`') {
                    word.get_or_insert_default().push('\\');
                }
                word.get_or_insert_default().push(next);
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match quote {
        Some(_) => Err(unfinished()),
        None if words.is_empty() => Err(Fault::Missing),
        None => Ok(words),
    }
}

fn unfinished() -> Fault {
    Fault::Unreadable { detail: "a quotation mark or a backslash has no end".to_owned() }
}

/// `1m30s`, `500ms`: milliseconds.
pub(super) fn duration(text: &str) -> Result<u64, Fault> {
    let bad = || Fault::Unreadable { detail: "write a time like 1m30s or 500ms".to_owned() };
    let (mut rest, mut sum) = (text, 0_u64);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let (number, tail) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| tail.starts_with(unit)).ok_or_else(bad)?;
        sum = number.checked_mul(factor).and_then(|part| sum.checked_add(part)).ok_or_else(bad)?;
        rest = tail.strip_prefix(unit).unwrap_or_default();
    }
    Ok(sum)
}

/// `512m`, `1g`, `536870912`: mebibytes, rounded up.
pub(super) fn mebibytes(text: &str, least: u32, most: u32) -> Result<u32, Fault> {
    let bad = || Fault::Unreadable { detail: "write a size like 512m or 1g".to_owned() };
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return Err(bad()),
    };
    let bytes = number.checked_mul(factor).ok_or_else(bad)?;
    let shown =
        |size: u32| if size >= 1024 && size.is_multiple_of(1024) { format!("{}g", size / 1024) } else { format!("{size}m") };
    let range = refused(format!("write a size between {} and {}", shown(least), shown(most)));
    u32::try_from(bytes.div_ceil(1 << 20)).ok().filter(|size| (least..=most).contains(size)).ok_or(range)
}

/// `0.5`, `2`: thousandths of a processor.
pub(super) fn processors(text: &str) -> Result<u32, Fault> {
    let bad = || Fault::Unreadable { detail: "write a number of processors like 0.5 or 2".to_owned() };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return Err(bad());
    }
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let part: u64 = format!("{part:0<3}").get(..3).and_then(|part| part.parse().ok()).ok_or_else(bad)?;
    let range = refused("write a number of processors between 0.01 and 8");
    u32::try_from(whole * 1000 + part).ok().filter(|millis| (10..=8000).contains(millis)).ok_or(range)
}

/// `SIGTERM`, `TERM`: one of the signals that programs are asked to end with.
pub(super) fn signal(text: &str) -> Result<String, Fault> {
    const SIGNALS: [&str; 8] = ["HUP", "INT", "QUIT", "KILL", "USR1", "USR2", "TERM", "WINCH"];
    let name = text.strip_prefix("SIG").unwrap_or(text);
    if SIGNALS.contains(&name) { Ok(format!("SIG{name}")) } else { Err(Fault::NotOneOf { choices: SIGNALS.join(", ") }) }
}

/// The name by which a container knows itself: words of letters, digits and -, joined by dots.
pub(super) fn host_name(text: &str) -> Result<String, Fault> {
    let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let word = |word: &str| !word.is_empty() && !word.starts_with('-') && !word.ends_with('-') && word.bytes().all(inside);
    if text.len() <= 63 && text.split('.').all(word) {
        return Ok(text.to_owned());
    }
    Err(Fault::Unreadable { detail: "write a host name of letters, digits, - and dots, at most 63 characters".to_owned() })
}

/// `1000`, `1000:1000`, `app`: a user of the image and a group.
pub(super) fn user(text: &str) -> Result<String, Fault> {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let name = |name: &str| !name.is_empty() && name.len() <= 32 && !name.starts_with('-') && name.bytes().all(inside);
    let mut parts = text.split(':');
    let good = parts.by_ref().take(2).all(name) && parts.next().is_none();
    if good { Ok(text.to_owned()) } else { Err(Fault::Unreadable { detail: "write a user like app or 1000:1000".to_owned() }) }
}

/// `80` or `80/tcp`: a port of the container.
pub(super) fn port(text: &str) -> Result<u16, Fault> {
    if text.contains(':') {
        return Err(refused("a port of the host: the engine chooses a free one, write the container's port alone"));
    }
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if protocol != "tcp" {
        return Err(refused("only tcp ports are published"));
    }
    if number.contains('-') {
        return Err(refused("a range of ports: write each port"));
    }
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let port = number.parse().ok().filter(|port| digits && *port > 0);
    port.ok_or(Fault::OutOfRange { least: 1, most: 65_535 })
}

/// `80`, `53/udp`: a port that services of the stack speak to.
pub(super) fn exposed(text: &str) -> Result<String, Fault> {
    match text.strip_suffix("/udp") {
        Some(number) => port(number).map(|port| format!("{port}/udp")),
        None => port(text).map(|port| format!("{port}/tcp")),
    }
}

/// One of [`HARMLESS`], with or without `CAP_`.
pub(super) fn capability(text: &str) -> Result<String, Fault> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if HARMLESS.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(refused(format!("only {} can be added", HARMLESS.join(", "))))
}

/// Any capability's name; whether Linux has it is nobody's harm.
pub(super) fn dropped(text: &str) -> Result<String, Fault> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    let good =
        !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if good { Ok(name.to_owned()) } else { Err(Fault::Unreadable { detail: "write a capability like NET_RAW".to_owned() }) }
}

/// A folder of a container: absolute and plain.
pub(super) fn path(text: &str) -> Result<String, Fault> {
    let parts: Vec<&str> = text.strip_prefix('/').unwrap_or_default().split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty() && !matches!(*part, "." | "..") && !part.contains(|c: char| c.is_control() || matches!(c, ':' | ','))
    };
    if !parts.iter().all(plain) || text.len() > 255 {
        return Err(Fault::Unreadable { detail: "write an absolute path like /tmp".to_owned() });
    }
    Ok(text.to_owned())
}

/// A folder that something is put at: none that the kernel or the engine keeps.
pub(super) fn folder(text: &str) -> Result<String, Fault> {
    let text = path(text)?;
    match text.split('/').nth(1) {
        Some("proc" | "sys" | "dev") => Err(refused("this folder belongs to the kernel")),
        _ => Ok(text),
    }
}

/// A file's mode in octal: `1777`.
pub(super) fn mode(text: &str) -> Result<u32, Fault> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o1777 && text.len() <= 5);
    mode.ok_or_else(|| Fault::Unreadable { detail: "write a mode in octal like 1777".to_owned() })
}

/// `/tmp`, `/tmp:size=64m,mode=1777`: a folder in memory.
pub(super) fn memory_folder(text: &str) -> Result<MemoryFolder, Fault> {
    let (place, options) = text.split_once(':').unwrap_or((text, ""));
    let mut made = MemoryFolder { folder: folder(place)?, ..MemoryFolder::default() };
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option.split_once('=').unwrap_or((option, "")) {
            ("size", size) => made.size_mib = mebibytes(size, 1, MOST_FOLDER_MIB)?,
            ("mode", octal) => made.mode = mode(octal)?,
            // They are so anyhow.
            ("rw" | "noexec" | "nosuid" | "nodev", "") => {}
            _ => return Err(refused("of a tmpfs only size and mode can be set")),
        }
    }
    Ok(made)
}
