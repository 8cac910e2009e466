//! Opening what runs in environments through Slipway's own proxy: the way from the main site to a
//! proxied host, who may look, and where the app is.
//!
//! A proxied host is another site to a browser, so the session's cookie does not reach it, and must not:
//! the app under test would see it. The main site hands over a ticket that is good for one host, one
//! browser, one minute and one use; the proxied host exchanges it for a pass of its own, which is
//! worth no more than the session behind it and the environment before it.

mod targets;

pub use targets::{Target, Targets};

use crate::clock::micros;
use crate::ctx::{Ctx, Entry, secret_hash};
use crate::hub::Topic;
use crate::store::environments::EnvironmentRecord;
use crate::store::{internal, proxy as rows};
use crate::usecases::environments::doors;
use app::proxied::Shut;
use domain::id::EnvironmentId;
use domain::lease::EnvironmentState;
use domain::problem::Noun;
use domain::proxied::{Door, DoorName, name_of};
use domain::{Action, Actor, Problem};

/// Seconds that a ticket is good for.
const TICKET_SECONDS: i64 = 60;
/// Tickets of one session under way.
const MOST_TICKETS: i64 = 50;
/// Where proxied hosts have what is Slipway's own.
pub const OWN_PATH: &str = "/.slipway/";

/// What somebody wants to open.
pub struct Wanted {
    pub name: DoorName,
    /// The hash of what the browser was given when it knocked at the host.
    pub knock_hash: String,
    /// The path and query to go on at.
    pub back: String,
}

/// Where it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the environment's page, because it has ended.
    Ended(EnvironmentId),
    /// To the proxied host, with a ticket.
    Enter { address: String },
}

/// An app that may be looked at.
#[derive(Clone, Debug)]
pub struct Opening {
    pub environment: EnvironmentRecord,
    pub door: Door,
}

/// What a ticket was exchanged for.
pub struct Entered {
    pub pass: String,
    pub back: String,
}

/// Hands over to a proxied host: makes the ticket for a session.
///
/// # Errors
/// [`Problem::Forbidden`]; [`Problem::NotFound`] for the environment or the service;
/// [`Problem::Throttled`] when the session has too many tickets under way.
pub async fn hand_over(ctx: &Ctx, actor: &Actor, session_hash: &str, wanted: Wanted) -> Result<Way, Problem> {
    actor.require(Action::OpenEnvironment)?;
    let Wanted { name, knock_hash, back } = wanted;
    let environment =
        by_name(ctx, &name).await?.ok_or_else(|| Problem::not_found(Noun::Environment, format!("E-{}", name.number)))?;
    if environment.ended_at.is_some() {
        return Ok(Way::Ended(environment.id));
    }
    let doors = doors(ctx, &environment).await?;
    let door = domain::proxied::door(&name.rest, &doors).ok_or_else(|| Problem::not_found(Noun::Service, name.rest.as_str()))?;
    let address = address(ctx, &name).ok_or_else(|| Problem::not_found(Noun::Page, "/environments/open"))?;
    let (ticket, now) = (ctx.new_secret(), ctx.now());
    let mut tx = ctx.store.begin().await?;
    if rows::tickets_of(&mut tx, session_hash).await? >= MOST_TICKETS {
        return Err(Problem::Throttled { seconds: TICKET_SECONDS.unsigned_abs() });
    }
    let row = rows::Ticket {
        session_hash: session_hash.to_owned(),
        environment: environment.id.clone(),
        name: name.to_string(),
        knock_hash,
        back,
        expires_at: micros(now) + TICKET_SECONDS * 1_000_000,
    };
    rows::add_ticket(&mut tx, &secret_hash(&ticket), &row, now).await?;
    let entry = Entry {
        action: "environment.opened",
        subject_kind: "environment",
        subject: environment.id.as_str(),
        app: None,
        detail: format!("E-{}: {} {}", environment.number, door.service, door.port),
    };
    ctx.audit(&mut tx, actor, entry).await?;
    tx.commit().await.map_err(internal)?;
    ctx.hub.tell(Topic::Activity, None);
    Ok(Way::Enter { address: format!("{address}{OWN_PATH}enter?ticket={ticket}") })
}

/// Exchanges a ticket at the host `name` for a pass. Whoever shows it, it is used up; it is good only
/// here, in time, and in the browser that knocked.
///
/// # Errors
/// [`Problem::SignedOut`].
pub async fn take_ticket(ctx: &Ctx, name: &DoorName, ticket: &str, knock: &str) -> Result<Entered, Problem> {
    let now = ctx.now();
    let mut tx = ctx.store.begin().await?;
    let found = rows::take_ticket(&mut tx, &secret_hash(ticket)).await?;
    let knock_hash = secret_hash(knock);
    let good = |ticket: &rows::Ticket| {
        ticket.name == name.to_string() && ticket.knock_hash == knock_hash && ticket.expires_at > micros(now)
    };
    let entered = match found.filter(good) {
        Some(ticket) => {
            let pass = ctx.new_secret();
            let row = rows::Pass { session_hash: ticket.session_hash, environment: ticket.environment, name: ticket.name };
            rows::add_pass(&mut tx, &secret_hash(&pass), &row, now).await?;
            Ok(Entered { pass, back: ticket.back })
        }
        None => Err(Problem::SignedOut),
    };
    tx.commit().await.map_err(internal)?;
    entered
}

/// Whether this actor may look at what stands under `name`, and what that is.
///
/// # Errors
/// [`Shut`] says why not.
pub async fn enter(ctx: &Ctx, actor: &Actor, name: &DoorName) -> Result<Opening, Shut> {
    actor.require(Action::OpenEnvironment)?;
    let environment = by_name(ctx, name).await?.ok_or(Shut::Nothing)?;
    let (id, number) = (environment.id.clone(), environment.number);
    match environment.state {
        EnvironmentState::Queued | EnvironmentState::Launching | EnvironmentState::Restarting | EnvironmentState::Thawing => {
            return Err(Shut::Starting { id, number });
        }
        EnvironmentState::Freezing | EnvironmentState::Frozen => return Err(Shut::Frozen { id, number }),
        EnvironmentState::Stopping | EnvironmentState::Stopped => return Err(Shut::Ended { id, number }),
        // What has failed is there to be looked at.
        EnvironmentState::Running | EnvironmentState::Failed => {}
    }
    let doors = doors(ctx, &environment).await?;
    let door = domain::proxied::door(&name.rest, &doors).cloned().ok_or(Shut::Nothing)?;
    Ok(Opening { environment, door })
}

/// The address of a proxied host, without a slash at the end; nothing without a domain.
pub fn address(ctx: &Ctx, name: &DoorName) -> Option<String> {
    address_of(ctx, name)
}

/// Every proxied host, as a source in a policy.
pub fn any_address(ctx: &Ctx) -> Option<String> {
    address_of(ctx, &"*")
}

fn address_of(ctx: &Ctx, name: &dyn std::fmt::Display) -> Option<String> {
    let applied = ctx.config();
    let domain = applied.config.proxy.domain.as_deref()?;
    let public = ctx.settings.public_url.parse::<http::Uri>().unwrap_or_default();
    let own_scheme = public.scheme_str().unwrap_or("http");
    let scheme = applied.config.proxy.scheme.as_deref().unwrap_or(own_scheme);
    let own_port = public.port_u16().filter(|_| scheme == own_scheme);
    let standard = if scheme == "https" { 443 } else { 80 };
    match applied.config.proxy.port.or(own_port).filter(|port| *port != standard) {
        Some(port) => Some(format!("{scheme}://{name}.{domain}:{port}")),
        None => Some(format!("{scheme}://{name}.{domain}")),
    }
}

/// The address of a published port behind the proxy, for links.
pub fn link(ctx: &Ctx, number: i64, door: &Door, doors: &[Door]) -> Option<String> {
    address(ctx, &name_of(number, door, doors)?)
}

async fn by_name(ctx: &Ctx, name: &DoorName) -> Result<Option<EnvironmentRecord>, Problem> {
    match ctx.store.environment_by_number(name.number).await? {
        Some(id) => ctx.store.environment_record(&id).await,
        None => Ok(None),
    }
}
