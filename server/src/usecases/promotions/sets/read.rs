//! Promotion sets as pages and REST show them, and what a new one can be made of.

use super::super::read::{row, stands};
use super::super::world::How;
use super::states;
use crate::ctx::Ctx;
use crate::store::bookings;
use crate::store::builds::Narrow;
use crate::store::promotions::PromotionRecord;
use crate::store::set_bookings::{SetBooking, booking_of_set};
use crate::store::{Cursor, internal};
use crate::usecases::people::password_needed;
use crate::usecases::regions::region_ref;
use crate::usecases::{builds, environments};
use app::view::{BookingView, RegionTime, SetForm, SetFormApp, SetFrom, SetMember, SetRegion, SetView};
use domain::config::Config;
use domain::gate::{may_approve, may_reject};
use domain::id::{BuildId, EnvironmentId};
use domain::policy::Policy;
use domain::promotion::PromotionState;
use domain::promotion::set::{SetCourse, SetNumber, course, state};
use domain::{Action, Actor, Problem, Time, zone};
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::HashMap;

/// Members that are looked at at the same time.
const AT_ONCE: usize = 8;
/// Builds of each app that can be chosen from a list; others by their id, through REST.
const MOST_RECENT: i64 = 20;

/// A set with its promotions in their order.
///
/// # Errors
/// [`Problem::NotFound`].
pub async fn promotion_set(ctx: &Ctx, actor: &Actor, number: SetNumber) -> Result<SetView, Problem> {
    actor.require(Action::Read)?;
    let (record, known) = ctx.store.set(number).await?;
    let states = states(&known);
    let started = record.started_at.is_some();
    let course = course(&states, started);
    // Once it runs, or something of it has ended, a booking says nothing any more.
    let booking = if course == SetCourse::Waits { booking_of(ctx, number).await? } else { None };
    let (at, stopped) = match course {
        SetCourse::Start(at) | SetCourse::Watch(at) => (Some(at), false),
        SetCourse::Stopped(at) => (Some(at), true),
        SetCourse::Waits | SetCourse::Verified => (None, false),
    };
    let found = futures::stream::iter(known).map(|promotion| member(ctx, actor, promotion)).buffered(AT_ONCE);
    let found: Vec<(SetMember, bool)> = found.try_collect().await?;
    let open = |member: &SetMember| member.row.state == PromotionState::Open;
    let mut opened = found.iter().filter(|(member, _)| open(member));
    let may_reject = opened.clone().next().is_some() && opened.all(|(_, may)| *may);
    let members: Vec<SetMember> = found.into_iter().map(|(member, _)| member).collect();
    let applied = ctx.config();
    let regions: Vec<&str> =
        members.first().map_or_else(Vec::new, |first| first.regions.iter().map(|part| part.region.name.as_str()).collect());
    let time_zone = regions.first().map_or("UTC", |region| zone_of(&applied.config, region)).to_owned();
    let not_before = booking.as_ref().and_then(|booking| booking.not_before);
    let times = not_before.map(|at| regions.iter().map(|region| shown_in(&applied.config, region, at)).collect());
    Ok(SetView {
        number,
        state: state(&states, started),
        reason: record.reason,
        requested_by: record.requested_by,
        requested_by_name: record.requested_by_name,
        requested_at: record.requested_at,
        started_by_name: record.started_by_name,
        started_at: record.started_at,
        at: at.and_then(|at| u32::try_from(at + 1).ok()),
        stopped,
        password_needed: password_needed(ctx, actor),
        may: Action::ALL.into_iter().filter(|action| actor.may(*action)).collect(),
        may_approve: members.iter().any(|member| member.may_approve),
        may_reject,
        time_zone,
        booking,
        times: times.unwrap_or_default(),
        members,
    })
}

async fn booking_of(ctx: &Ctx, number: SetNumber) -> Result<Option<BookingView>, Problem> {
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let booking = booking_of_set(&mut connection, number).await?;
    Ok(booking.map(|SetBooking { by_name, at, not_before, waits, tried_at, .. }| BookingView {
        by_name,
        at,
        not_before,
        waits,
        tried_at,
    }))
}

fn zone_of<'a>(config: &'a Config, region: &str) -> &'a str {
    config.region(region).map_or("UTC", |region| region.time_zone.as_str())
}

/// A moment as clocks in a region show it.
fn shown_in(config: &Config, region: &str, at: Time) -> RegionTime {
    let name = zone_of(config, region);
    let shown = zone::zone(name).map_or_else(
        |_| at.format("%Y-%m-%d %H:%M").to_string(),
        |zone| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string(),
    );
    RegionTime { region: region_ref(config, region), time_zone: name.to_owned(), at: shown }
}

/// One promotion of a set, and whether the reader may send it back.
async fn member(ctx: &Ctx, actor: &Actor, promotion: PromotionRecord) -> Result<(SetMember, bool), Problem> {
    let parts = ctx.store.rollouts_of(&promotion.id).await?;
    let regions: Vec<String> = parts.iter().map(|part| part.region.clone()).collect();
    let stands = stands(ctx, &promotion, &regions, How::Page).await?;
    let applied = ctx.config();
    let (config, state) = (&applied.config, promotion.state);
    let policy = Policy::of(&config.policies, &promotion.app, &regions);
    let may_send_back = may_reject(actor, &promotion.requested_by, state, &policy).is_ok();
    let mut connection = ctx.store.read().acquire().await.map_err(internal)?;
    let booking = bookings::booking_of(&mut connection, &promotion.id).await?;
    drop(connection);
    // That it is not its turn yet is said by its place.
    let waits = booking.and_then(|booking| booking.waits).filter(|why| !matches!(why, Problem::InSet { .. }));
    let place = ctx.store.place_in_set(&promotion.id).await?;
    let gates = stands.as_ref().map(|stands| stands.gates.clone()).unwrap_or_default();
    let member = SetMember {
        row: row(config, promotion, &regions, &gates, place),
        gates,
        regions: parts.iter().map(|part| SetRegion { region: region_ref(config, &part.region), state: part.state }).collect(),
        waits: waits.filter(|_| state == PromotionState::Open),
        may_approve: stands.is_some_and(|stands| may_approve(actor, state, &stands.facts).is_ok()),
    };
    Ok((member, may_send_back))
}

/// What a set can be made of: the apps with their newest builds, and those that an environment runs now.
///
/// # Errors
/// [`Problem::NotFound`] for the environment.
pub async fn set_form(ctx: &Ctx, actor: &Actor, from: Option<EnvironmentId>) -> Result<SetForm, Problem> {
    actor.require(Action::Read)?;
    ctx.reload_config().await?;
    let applied = ctx.config();
    let config = &applied.config;
    let (from, mut chosen) = match from {
        Some(id) => {
            let (number, builds) = environments::runs_now(ctx, &id).await?;
            (Some(SetFrom { id, number }), builds.into_iter().map(|build| (build.app, build.build)).collect())
        }
        None => (None, HashMap::new()),
    };
    let mut apps = Vec::with_capacity(config.apps.len());
    for app in &config.apps {
        apps.push(form_app(ctx, &app.name, chosen.remove(&app.name)).await?);
    }
    let regions = config.regions.iter().map(|region| region_ref(config, &region.name)).collect();
    Ok(SetForm { apps, regions, from })
}

async fn form_app(ctx: &Ctx, app: &str, chosen: Option<BuildId>) -> Result<SetFormApp, Problem> {
    let narrow = Narrow { app: Some(app), channel: None, tag: None, q: None };
    let keys = ctx.store.build_keys(&narrow, &Cursor::parse(None)?, MOST_RECENT).await?;
    let mut ids: Vec<BuildId> = keys.into_iter().map(|key| key.build).collect();
    if let Some(id) = chosen.as_ref().filter(|id| !ids.contains(id)) {
        ids.push(id.clone());
    }
    Ok(SetFormApp { app: app.to_owned(), builds: builds::rows(ctx, &ids).await?, chosen })
}
