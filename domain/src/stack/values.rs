//! The small languages inside a stack file: placeholders, words, durations, sizes, ports.

use super::StackImage;
use crate::image::{Digest, ImageName, Tag};
use crate::problem::Fault;

/// Capabilities that a container may ask for: what images need that start as root and step down.
pub(super) const HARMLESS: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE", "SETGID", "SETUID"];

fn refused(reason: impl Into<String>) -> Fault {
    Fault::Refused { reason: reason.into() }
}

/// Writes `$` for `$$`. Every other `$` begins a placeholder, and nothing fills it in.
pub(super) fn filled(text: &str) -> Result<String, Fault> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let Some(tail) = after.strip_prefix('$') else {
            let reason = format!(
                "the placeholder {}: only an image is filled in, by ${{BUILD_<APP>}} alone; write $$ for a $",
                placeholder(after)
            );
            return Err(refused(reason));
        };
        out.push('$');
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

/// The placeholder that begins after a `$`, short enough to be shown.
fn placeholder(after: &str) -> String {
    let name = match after.strip_prefix('{') {
        Some(inside) => format!("{{{}}}", inside.split('}').next().unwrap_or_default()),
        None => after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect(),
    };
    format!("${name}").chars().filter(|c| !c.is_control()).take(80).collect()
}

/// `${BUILD_WEB}`, or an image with its tag or digest.
pub(super) fn image(text: &str) -> Result<StackImage, Fault> {
    if let Some(name) = text.strip_prefix("${BUILD_").and_then(|rest| rest.strip_suffix('}')) {
        let app = name.to_ascii_lowercase().replace('_', "-");
        let good = crate::config::valid_name(&app) && super::placeholder_of(&app) == text;
        return if good { Ok(StackImage::Build { app }) } else { filled(text).and(Err(Fault::BadImage)) };
    }
    let text = filled(text)?;
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
pub(super) fn mebibytes(text: &str) -> Result<u32, Fault> {
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
    let range = Fault::Refused { reason: "write a size between 6m and 64g".to_owned() };
    u32::try_from(bytes.div_ceil(1 << 20)).ok().filter(|size| (6..=65_536).contains(size)).ok_or(range)
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

/// One of [`HARMLESS`], with or without `CAP_`.
pub(super) fn capability(text: &str) -> Result<String, Fault> {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if HARMLESS.contains(&name) {
        return Ok(name.to_owned());
    }
    Err(refused(format!("only {} can be added", HARMLESS.join(", "))))
}

/// A folder for files in memory: absolute, plain, and none that the kernel keeps.
pub(super) fn folder(text: &str) -> Result<String, Fault> {
    if text.contains(':') {
        return Err(refused("options of a tmpfs: write the folder alone"));
    }
    let parts: Vec<&str> = text.strip_prefix('/').unwrap_or_default().split('/').collect();
    let plain = |part: &&str| !part.is_empty() && !matches!(*part, "." | "..") && !part.contains(char::is_control);
    if !parts.iter().all(plain) || text.len() > 255 {
        return Err(Fault::Unreadable { detail: "write an absolute path like /tmp".to_owned() });
    }
    if matches!(parts.first(), Some(&("proc" | "sys" | "dev"))) {
        return Err(refused("this folder belongs to the kernel"));
    }
    Ok(text.to_owned())
}
