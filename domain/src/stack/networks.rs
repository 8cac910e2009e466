//! Networks: a stack's own, each with or without a way out.

use super::field::Field;
use super::service::{Read, several};
use super::{Attachment, DEFAULT_NETWORK, StackNetwork, refusals, values};
use crate::Problem;
use crate::config::valid_name;
use crate::problem::{Fault, Noun};

const MOST_NETWORKS: usize = 8;
const MOST_ALIASES: usize = 16;

/// The networks that a file names.
#[derive(Default)]
pub(super) struct Named(Vec<StackNetwork>);

/// A service's place on a network, with the problem of one that is not there.
pub(super) struct Place {
    attachment: Attachment,
    problem: Problem,
}

/// `networks` of the file.
pub(super) fn of_file(field: &Field<'_>) -> Result<Named, Problem> {
    let mut all = Vec::new();
    for entry in field.fields()? {
        if !valid_name(entry.name) {
            return Err(entry.fault(Fault::BadName));
        }
        let mut internal = false;
        if !entry.is_null() {
            for inside in entry.keys()? {
                match inside.name {
                    "internal" => internal = inside.flag()?,
                    "driver" => super::service::one_of(&inside, &["bridge"], "a network lies on one engine")?,
                    name => return Err(inside.fault(refusals::of_network(name))),
                }
            }
        }
        all.push(StackNetwork { name: entry.name.to_owned(), internal });
    }
    if all.len() <= MOST_NETWORKS { Ok(Named(all)) } else { Err(field.refused(format!("more than {MOST_NETWORKS} networks"))) }
}

/// `networks` of a service: names, or names with aliases.
pub(super) fn of_service(field: &Field<'_>) -> Result<Vec<Place>, Problem> {
    let place = |field: &Field<'_>, network: String, aliases| {
        let problem = field.fault(Fault::Unknown { what: Noun::Network, name: network.clone() });
        Place { attachment: Attachment { network, aliases }, problem }
    };
    let mut all = Vec::new();
    if field.is_list() {
        for name in several(field, |item| item.text())? {
            all.push(place(field, name, Vec::new()));
        }
    } else {
        for entry in field.fields()? {
            let mut aliases = Vec::new();
            if !entry.is_null() {
                for inside in entry.keys()? {
                    match inside.name {
                        "aliases" => aliases = several(&inside, |item| super::service::checked(item, values::host_name))?,
                        name => return Err(inside.fault(refusals::of_attachment(name))),
                    }
                }
            }
            if aliases.len() > MOST_ALIASES {
                return Err(entry.refused(format!("more than {MOST_ALIASES} aliases")));
            }
            all.push(place(&entry, entry.name.to_owned(), aliases));
        }
    }
    if all.is_empty() { Err(field.fault(Fault::Missing)) } else { Ok(all) }
}

/// Puts every service on its networks; gives those that are used. Without egress none has a way out.
pub(super) fn settle(named: &Named, services: &mut [Read], egress: bool) -> Result<Vec<StackNetwork>, Problem> {
    let internal = |name: &str| match named.0.iter().find(|network| network.name == name) {
        Some(network) => Some(network.internal || !egress),
        None => (name == DEFAULT_NETWORK).then_some(!egress),
    };
    let mut used: Vec<StackNetwork> = Vec::new();
    for read in services {
        let mut on: Vec<Attachment> = Vec::new();
        let mut reached = false;
        for place in &read.places {
            let name = &place.attachment.network;
            let internal = internal(name).ok_or_else(|| place.problem.clone())?;
            reached |= !internal;
            on.push(place.attachment.clone());
            note(&mut used, name, internal);
        }
        if on.is_empty() {
            let internal = internal(DEFAULT_NETWORK).unwrap_or(!egress);
            reached = !internal;
            on.push(Attachment { network: DEFAULT_NETWORK.to_owned(), aliases: Vec::new() });
            note(&mut used, DEFAULT_NETWORK, internal);
        }
        // The engine publishes a port through the network that comes first.
        on.sort_by_key(|attachment| internal(&attachment.network));
        read.service.networks = on;
        if let Some(problem) = read.closed.take().filter(|_| !reached && !read.service.ports.is_empty()) {
            return Err(problem);
        }
    }
    Ok(used)
}

fn note(used: &mut Vec<StackNetwork>, name: &str, internal: bool) {
    if used.iter().all(|network| network.name != name) {
        used.push(StackNetwork { name: name.to_owned(), internal });
    }
}
