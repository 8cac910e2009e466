//! Volumes and folders in memory. A volume has a name of the stack's own; nothing of the machine
//! is mounted, in no spelling.

use super::field::Field;
use super::service::{checked, one_of};
use super::{MemoryFolder, StackService, VolumeMount, refusals, values};
use crate::Problem;
use crate::config::valid_name;
use crate::problem::{Fault, Noun};

const MOST_VOLUMES: usize = 16;
const MOST_MOUNTS: usize = 32;
const NOT_OF_THE_HOST: &str = "nothing of the machine is mounted: name a volume, and list it under volumes";
const NAMELESS: &str = "a volume without a name: write name:/folder, and list the name under volumes";

/// The names under `volumes` of the file.
pub(super) fn of_file(field: &Field<'_>) -> Result<Vec<String>, Problem> {
    let mut all = Vec::new();
    for entry in field.fields()? {
        if !valid_name(entry.name) {
            return Err(entry.fault(Fault::BadName));
        }
        if !entry.is_null() {
            for inside in entry.keys()? {
                match inside.name {
                    "driver" => one_of(&inside, &["local"], "volumes are kept on the engine itself")?,
                    name => return Err(inside.fault(refusals::of_volume(name))),
                }
            }
        }
        all.push(entry.name.to_owned());
    }
    if all.len() <= MOST_VOLUMES { Ok(all) } else { Err(field.refused(format!("more than {MOST_VOLUMES} volumes"))) }
}

/// What a service mounts; gives the volumes, each with the problem of one that is not there.
pub(super) fn of_service(field: &Field<'_>, service: &mut StackService) -> Result<Vec<(String, Problem)>, Problem> {
    let mut named = Vec::new();
    for item in field.items()? {
        if item.is_map() {
            long(&item, service)?;
        } else {
            service.mounts.push(short(&item)?);
        }
        if let Some(mount) = service.mounts.last().filter(|_| service.mounts.len() > named.len()) {
            let why = Fault::Unknown { what: Noun::Volume, name: mount.volume.clone() };
            named.push((mount.volume.clone(), item.fault(why)));
        }
        apart(&item, service)?;
    }
    Ok(named)
}

/// A key or a list of folders in memory.
pub(super) fn tmpfs(field: &Field<'_>, service: &mut StackService) -> Result<(), Problem> {
    let items = if field.is_list() { field.items()? } else { vec![field.clone()] };
    for item in items {
        service.tmpfs.push(checked(&item, values::memory_folder)?);
        apart(&item, service)?;
    }
    Ok(())
}

/// No two things in one folder, and not too many.
fn apart(field: &Field<'_>, service: &StackService) -> Result<(), Problem> {
    let folders = service.tmpfs.iter().map(|made| &made.folder).chain(service.mounts.iter().map(|mount| &mount.folder));
    let mut folders: Vec<&String> = folders.collect();
    let count = folders.len();
    folders.sort_unstable();
    folders.dedup();
    match count {
        _ if folders.len() < count => Err(field.fault(Fault::Twice)),
        count if count > MOST_MOUNTS => Err(field.refused(format!("more than {MOST_MOUNTS} folders"))),
        _ => Ok(()),
    }
}

fn volume(field: &Field<'_>, name: &str) -> Result<String, Problem> {
    if valid_name(name) {
        return Ok(name.to_owned());
    }
    let of_the_host = name.contains(['/', '\\', '.', '~', '$']);
    Err(if of_the_host { field.refused(NOT_OF_THE_HOST) } else { field.fault(Fault::BadName) })
}

/// `data:/folder`, `data:/folder:ro`.
fn short(field: &Field<'_>) -> Result<VolumeMount, Problem> {
    let text = field.text()?;
    let parts: Vec<&str> = text.split(':').collect();
    let (name, folder, mode) = match parts.as_slice() {
        [_] => return Err(field.refused(NAMELESS)),
        [name, folder] => (*name, *folder, "rw"),
        [name, folder, mode] => (*name, *folder, *mode),
        _ => return Err(field.refused(NOT_OF_THE_HOST)),
    };
    let volume = volume(field, name)?;
    let folder = values::folder(folder).map_err(|why| field.fault(why))?;
    let (mut read_only, mut no_copy) = (false, false);
    for word in mode.split(',') {
        match word {
            "rw" => {}
            "ro" => read_only = true,
            "nocopy" => no_copy = true,
            _ => return Err(field.refused("of a volume only ro, rw and nocopy can be said")),
        }
    }
    Ok(VolumeMount { volume, folder, read_only, no_copy })
}

/// The long form, of type `volume` or `tmpfs`.
fn long(field: &Field<'_>, service: &mut StackService) -> Result<(), Problem> {
    let (mut kind, mut source, mut target, mut read_only, mut no_copy) = (None, None, None, false, false);
    let mut memory = MemoryFolder::default();
    let mut of_kind = Vec::new();
    for entry in field.keys()? {
        match entry.name {
            "type" => kind = Some(the_type(&entry)?),
            "source" => source = Some(volume(&entry, &entry.text()?)?),
            "target" => target = Some(checked(&entry, values::folder)?),
            "read_only" => read_only = entry.flag()?,
            "volume" | "tmpfs" => {
                for inside in entry.keys()? {
                    match (entry.name, inside.name) {
                        ("volume", "nocopy") => no_copy = inside.flag()?,
                        ("tmpfs", "size") => {
                            memory.size_mib = checked(&inside, |text| values::mebibytes(text, 1, values::MOST_FOLDER_MIB))?;
                        }
                        ("tmpfs", "mode") => memory.mode = mode(&inside)?,
                        (_, name) => return Err(inside.fault(refusals::of_mount(name))),
                    }
                }
                of_kind.push(entry);
            }
            name => return Err(entry.fault(refusals::of_mount(name))),
        }
    }
    let (kind, folder) = kind.zip(target).ok_or_else(|| field.write("type, source and target"))?;
    if let Some(other) = of_kind.iter().find(|entry| entry.name != kind) {
        return Err(other.refused(format!("it says nothing about a {kind}")));
    }
    match (kind, source) {
        ("tmpfs", Some(_)) => return Err(field.refused("a folder in memory has no source")),
        ("tmpfs", None) if read_only => return Err(field.refused("a folder in memory that nobody can write to")),
        ("tmpfs", None) => service.tmpfs.push(MemoryFolder { folder, ..memory }),
        (_, None) => return Err(field.refused(NAMELESS)),
        (_, Some(volume)) => service.mounts.push(VolumeMount { volume, folder, read_only, no_copy }),
    }
    Ok(())
}

fn the_type(field: &Field<'_>) -> Result<&'static str, Problem> {
    match field.scalar()?.0 {
        "volume" => Ok("volume"),
        "tmpfs" => Ok("tmpfs"),
        "bind" | "npipe" => Err(field.refused(NOT_OF_THE_HOST)),
        _ => Err(field.refused("only volumes and folders in memory are mounted")),
    }
}

/// In YAML a mode is a number: `0o1777` and `01777` in octal; in quotes it is octal too.
fn mode(field: &Field<'_>) -> Result<u32, Problem> {
    let (text, plain) = field.scalar()?;
    let octal = text.strip_prefix("0o").or_else(|| text.strip_prefix('0'));
    match octal {
        None if plain => Err(field.write("a mode in octal, with a 0 before it")),
        octal => values::mode(octal.unwrap_or(text)).map_err(|why| field.fault(why)),
    }
}
