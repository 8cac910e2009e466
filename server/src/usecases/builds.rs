//! Builds: listing and looking.

use crate::ctx::Ctx;
use crate::store::builds::{BuildRecord, Key, Narrow, TagRecord};
use crate::store::{Cursor, missing, page_of, page_size, plausible};
use crate::usecases::regions::region_ref;
use crate::usecases::{environments, promotions, runs, verdicts};
use app::view::{AppView, BuildFilter, BuildRow, BuildView, Page, Paging, TagView};
use domain::config::{AppConfig, Config};
use domain::id::BuildId;
use domain::problem::Noun;
use domain::stack::Stack;
use domain::{Action, Actor, Problem};

/// Steps of tags shown on a build's page.
const MOST_MOVES: i64 = 200;
/// Tags shown with one build; a digest can be pushed under ever new names.
const MOST_TAGS: usize = 50;
/// No app, channel, tag, commit or digest is longer.
const MOST_FILTER: usize = 256;
/// What can be done about a build from its page.
const ACTIONS: [Action; 6] = [
    Action::LaunchEnvironment,
    Action::RecordVerdict,
    Action::WithdrawVerdict,
    Action::OverruleVerdict,
    Action::SignOff,
    Action::RequestPromotion,
];

/// Every app of the configuration, in its order.
///
/// # Errors
/// [`Problem::Forbidden`].
pub async fn apps(ctx: &Ctx, actor: &Actor) -> Result<Vec<AppView>, Problem> {
    actor.require(Action::Read)?;
    let view = |app: &AppConfig| AppView {
        name: app.name.clone(),
        image: app.image.clone(),
        git: app.git.clone(),
        port: app.production_port().ok().flatten(),
        port_label: app.port_label,
        channels: app.channels.clone(),
    };
    Ok(ctx.config().config.apps.iter().map(view).collect())
}

/// Builds, those seen last first. By channel or tag: those that were there, the newest move
/// first. A search finds the beginning of an app, tag, commit or digest.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::Invalid`] for the cursor.
pub async fn builds(ctx: &Ctx, actor: &Actor, filter: BuildFilter, paging: Paging) -> Result<Page<BuildRow>, Problem> {
    actor.require(Action::Read)?;
    let (before, size) = (Cursor::parse(paging.cursor.as_deref())?, page_size(paging.limit));
    let Some(narrow) = narrow(&filter) else { return Ok(Page { items: Vec::new(), next: None }) };
    let keys = ctx.store.build_keys(&narrow, &before, size + 1).await?;
    let Page { items: keys, next } = page_of(keys, size, |key: &Key| Cursor::text(key.at, &key.place));
    let ids: Vec<BuildId> = keys.into_iter().map(|key| key.build).collect();
    Ok(Page { items: rows(ctx, &ids).await?, next })
}

/// The filter without its empty parts; none when a part is something that no build has.
fn narrow(filter: &BuildFilter) -> Option<Narrow<'_>> {
    parts(filter).map(|[app, channel, tag, q]| Narrow { app, channel, tag, q })
}

/// App, channel, tag and search of a filter, each when it is not empty; none when one of them is
/// nothing that could be there.
pub(super) fn parts(filter: &BuildFilter) -> Option<[Option<&str>; 4]> {
    let given = [&filter.app, &filter.channel, &filter.tag, &filter.q];
    let parts = given.map(|part| part.as_deref().map(str::trim).filter(|part| !part.is_empty()));
    let possible = |part: &str| part.len() <= MOST_FILTER && !part.chars().any(char::is_control);
    parts.into_iter().flatten().all(possible).then_some(parts)
}

/// Everything a list shows about these builds, in their order.
pub(super) async fn rows(ctx: &Ctx, ids: &[BuildId]) -> Result<Vec<BuildRow>, Problem> {
    let store = &ctx.store;
    let mut records = store.builds_by_id(ids).await?;
    let mut tags = store.tags_of(ids).await?;
    let standings = store.standings(ids).await?;
    let signed_off = store.signed_off(ids).await?;
    let environments = store.environment_counts(ids).await?;
    let mut alarms = store.alarms_of(ids).await?;
    let applied = ctx.config();
    let row = |id: &BuildId| {
        let record = records.remove(id)?;
        let tags = tags.remove(id).unwrap_or_default();
        Some(BuildRow {
            standing: standings.get(id).copied().unwrap_or_default(),
            signed_off: signed_off.contains(id),
            environments: environments.get(id).copied().unwrap_or_default(),
            alarms: alarms.remove(id).unwrap_or_default(),
            ..plain_row(ctx, &applied.config, record, tags)
        })
    };
    Ok(ids.iter().filter_map(row).collect())
}

/// What the build itself, its tags and the regions say.
fn plain_row(ctx: &Ctx, config: &Config, record: BuildRecord, tags: Vec<TagRecord>) -> BuildRow {
    let channels = config.app(&record.app).map(|app| app.channels.as_slice()).unwrap_or_default();
    let tag = |tag: TagRecord| TagView {
        kind: channels.iter().find(|channel| Some(&channel.name) == tag.channel.as_ref()).map(|channel| channel.kind),
        name: tag.name,
        channel: tag.channel,
        current: tag.current,
        moved_at: tag.moved_at,
    };
    let regions = ctx.seen.regions_running(&record.app, &record.digest);
    BuildRow {
        tags: tags.into_iter().take(MOST_TAGS).map(tag).collect(),
        commit_url: domain::labels::commit_url(record.source.as_deref(), record.revision.as_deref()),
        runs_in: regions.iter().map(|name| region_ref(config, name)).collect(),
        id: record.id,
        app: record.app,
        image: record.image,
        digest: record.digest,
        revision: record.revision,
        source: record.source,
        size: record.size,
        built_at: record.built_at,
        seen_at: record.seen_at,
        described: record.described,
        undescribed: record.undescribed,
        standing: Default::default(),
        signed_off: false,
        environments: 0,
        alarms: Vec::new(),
    }
}

/// Everything about one build.
///
/// # Errors
/// [`Problem::Forbidden`], [`Problem::NotFound`].
pub async fn build(ctx: &Ctx, actor: &Actor, id: &BuildId) -> Result<BuildView, Problem> {
    actor.require(Action::Read)?;
    let missing = || missing(Noun::Build, id.as_str());
    if !plausible(id.as_str()) {
        return Err(missing());
    }
    let row = rows(ctx, std::slice::from_ref(id)).await?.pop().ok_or_else(missing)?;
    let applied = ctx.config();
    let app = applied.config.app(&row.app);
    let (verdicts, sign_offs) = verdicts::of_build(ctx, actor, id).await?;
    Ok(BuildView {
        reference: row.image.at(&row.digest),
        made_by: runs::of_build(ctx, actor, id).await?,
        tag_moves: ctx.store.moves_to(id, MOST_MOVES).await?,
        verdicts,
        sign_offs,
        send_backs: verdicts::send_backs_of(ctx, actor, id).await?,
        checklist: app.map(|app| app.checklist.clone()).unwrap_or_default(),
        environments: environments::of_build(ctx, actor, id).await?,
        checks: environments::checks_of_build(ctx, actor, id).await?,
        replaceable: environments::replaceable(ctx, actor, &row.app, id).await?,
        promotions: promotions::of_build(ctx, actor, id).await?,
        default_stack: app.and_then(|app| app.stack_file.clone().or_else(|| app.stack.clone())),
        stacks: stacks_of(&applied.config, &row.app),
        may: ACTIONS.into_iter().filter(|action| actor.may(*action)).collect(),
        row,
    })
}

/// The stacks that use an app, in the configuration's order.
fn stacks_of(config: &Config, app: &str) -> Vec<String> {
    let uses = |compose: &str| Stack::parse(compose).is_ok_and(|stack| stack.apps().contains(&app));
    let own = config.app(app).and_then(|app| app.stack_file.clone());
    own.into_iter().chain(config.stacks.iter().filter(|stack| uses(&stack.compose)).map(|stack| stack.name.clone())).collect()
}
