//! What can be done with a build: test it, sign it off, promote it.

use super::{environments, sent_back_chip, signed, unless_away};
use crate::parts::{Choice, Field, Form, Icon, Reader, Tone, chip, icon, note, only, panel, region_title, when};
use crate::text::Text;
use crate::view::{BuildView, RegionBoard, RegionRef, SendBackView};
use domain::canary::{DEFAULT_HOURS, LEAST_HOURS, MOST_HOURS, MOST_LABEL, Shape};
use domain::drift::MOST_REPLICAS;
use domain::id::BuildId;
use domain::lease::{DEFAULT_LEASE_HOURS, MOST_LEASE_HOURS};
use domain::rollout::waves::MOST_SOAK_MINUTES;
use domain::verdict::Standing;
use domain::{Action, Problem};
use leptos::prelude::*;

/// The environments with this build, and the form to launch one.
pub(super) fn test(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let form = if !build.may.contains(&Action::LaunchEnvironment) {
        only(t, Action::LaunchEnvironment)
    } else if build.row.standing.quarantined() {
        ().into_any()
    } else if build.stacks.is_empty() {
        view! { <p class="quiet pad">{t.no_stack()}</p> }.into_any()
    } else {
        view! { <div class="part" id="launch">{launch_form(r, build)}</div> }.into_any()
    };
    panel(t.environments_here(), (), view! { {environments(r, build)}{form} })
}

fn launch_form(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let id = build.row.id.to_string();
    let form = Form::of(r, "/do/environments/launch", Some(("build", &id)));
    let stacks = build.stacks.iter().map(|stack| (stack.clone(), stack.clone())).collect();
    let lease = Field::number("lease_hours", t.lease_hours(), 1, MOST_LEASE_HOURS, DEFAULT_LEASE_HOURS);
    view! {
        <form method="post" action="/do/environments/launch" class="stack">
            {form.alert()}
            <input type="hidden" name="build" value=id/>
            <div class="launch-row">
                {form.select("stack", t.stack(), stacks, build.default_stack.as_deref())}
                {form.input(lease.hint(t.lease_hint(MOST_LEASE_HOURS)))}
                <button class="btn go">{icon(Icon::Play)}{t.launch_button()}</button>
            </div>
            <p class="hint">{t.launch_help()}" "<a href=format!("/builds/{}/launch", build.row.id)>{t.launch_options()}</a></p>
        </form>
        {replace_in(r, build)}
    }
    .into_any()
}

/// Running environments into which the build can be put.
fn replace_in(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    if build.replaceable.is_empty() {
        return ().into_any();
    }
    let id = build.row.id.to_string();
    let items = build
        .replaceable
        .iter()
        .map(|environment| {
            let number = t.env_number(environment.number);
            let present = environment.builds.iter().find(|one| one.app == build.row.app);
            let present = present.map(|one| one.tag.clone().unwrap_or_else(|| one.digest.short().to_owned()));
            let form = Form::of(r, "/do/environments/replace", Some(("id", environment.id.as_str())));
            let about = format!("{} · {}", environment.stack, t.held_by(&environment.holder_name));
            view! {
                <li class="line-item">
                    <span class="grow"><span class="quiet">{about}</span>" "{present.map(|tag| t.replace_instead_of(&tag))}</span>
                    <form method="post" action="/do/environments/replace">
                        {form.alert()}
                        <input type="hidden" name="id" value=environment.id.to_string()/>
                        <input type="hidden" name="build" value=id.clone()/>
                        <button class="btn small">{t.replace_in_env(&number)}</button>
                    </form>
                </li>
            }
        })
        .collect_view();
    view! { <details class="fold"><summary>{t.replace_in()}</summary><ul class="lines">{items}</ul></details> }.into_any()
}

/// Who signed the build off, and the form to do it.
pub(super) fn sign_off(r: &Reader, build: &BuildView) -> AnyView {
    let t = r.t;
    let items = build
        .sign_offs
        .iter()
        .map(|sign_off| {
            let stands = sign_off.withdrawn_at.is_none();
            let withdraw = (stands && sign_off.mine && build.may.contains(&Action::SignOff)).then(|| {
                let id = sign_off.id.to_string();
                let form = Form::of(r, "/do/sign-offs/withdraw", Some(("id", &id)));
                view! {
                    <form method="post" action="/do/sign-offs/withdraw">
                        {form.alert()}
                        <input type="hidden" name="id" value=id/>
                        <button class="btn small">{t.withdraw()}</button>
                    </form>
                }
            });
            let fallen = sign_off.withdrawn_at.map(|at| view! { <p class="aside">{t.withdrawn()}" · "{when(r, at)}</p> });
            let author = sign_off.author_name.clone();
            view! {
                <li class="said-item" class:fallen=!stands>
                    <div class="said-head">
                        {if stands { chip(Tone::Ok, Icon::Check, t.signed()) } else { chip(Tone::Idle, Icon::Minus, t.withdrawn()) }}
                        <span class="grow"><b>{author}</b><span class="quiet">" · "{when(r, sign_off.at)}</span></span>
                        {withdraw}
                    </div>
                    {note(&sign_off.note, None)}
                    {fallen}
                </li>
            }
        })
        .collect_view();
    let none = build.sign_offs.is_empty().then(|| view! { <p class="quiet pad">{t.not_signed()}</p> });
    let form = if build.may.contains(&Action::SignOff) {
        let id = &build.row.id;
        let accept = signed(build).is_none().then(|| sign_off_form(r, id, build.row.standing));
        view! { <div class="part" id="sign-off">{accept}{send_back_form(r, id)}</div> }.into_any()
    } else if signed(build).is_some() {
        ().into_any()
    } else {
        only(t, Action::SignOff)
    };
    let sent = build.send_backs.iter().map(|sent| sent_back(r, sent)).collect_view();
    panel(t.sign_offs(), (), view! { <div data-live="sign-offs">{none}<ul class="lines">{items}{sent}</ul></div>{form} })
}

fn sent_back(r: &Reader, sent: &SendBackView) -> AnyView {
    let t = r.t;
    let after = (!sent.stands).then(|| view! { <p class="aside">{t.signed_after()}</p> });
    let author = sent.author_name.clone();
    view! {
        <li class="said-item" class:fallen=!sent.stands>
            <div class="said-head">
                {sent_back_chip(t)}
                <span class="grow"><b>{author}</b><span class="quiet">" · "{when(r, sent.at)}</span></span>
            </div>
            {note(&sent.reason, None)}
            {after}
        </li>
    }
    .into_any()
}

/// The form to accept a build.
pub(in crate::pages) fn sign_off_form(r: &Reader, build: &BuildId, standing: Standing) -> AnyView {
    let t = r.t;
    let id = build.to_string();
    let form = Form::of(r, "/do/sign-offs/give", Some(("build", &id)));
    let untested = (!standing.passed()).then(|| view! { <p class="hint warn">{icon(Icon::Alert)}{t.sign_off_needs_pass()}</p> });
    view! {
        <form method="post" action="/do/sign-offs/give" class="stack">
            {form.alert()}
            <input type="hidden" name="build" value=id/>
            {untested}
            {form.area("note", t.sign_off_note(), t.optional(), false)}
            <div class="row"><button class="btn go">{t.give_sign_off()}</button></div>
        </form>
    }
    .into_any()
}

/// The form not to accept it.
pub(in crate::pages) fn send_back_form(r: &Reader, build: &BuildId) -> AnyView {
    let t = r.t;
    let id = build.to_string();
    let form = Form::of(r, "/do/builds/send-back", Some(("build", &id)));
    view! {
        <details class="fold" open=form.refused()>
            <summary>{t.send_back()}</summary>
            <form method="post" action="/do/builds/send-back" class="stack">
                {form.alert()}
                <input type="hidden" name="build" value=id/>
                <p class="hint">{t.send_back_help()}</p>
                {form.area("reason", t.send_back_reason(), "", true)}
                <div class="row"><button class="btn danger">{t.send_back()}</button></div>
            </form>
        </details>
    }
    .into_any()
}

/// The form to ask for production, with this region chosen beforehand. It starts nothing.
///
/// # Errors
/// What the regions answer, unless they are only away.
pub(super) async fn promote(r: &Reader, build: &BuildView, region: Option<&str>) -> Result<AnyView, Problem> {
    let t = r.t;
    if build.row.standing.quarantined() {
        return Ok(().into_any());
    }
    let board = unless_away(r.port().regions(&r.actor).await)?;
    let content = match board {
        Some(board) if !board.columns.is_empty() => promote_form(r, build, &board, region),
        _ => view! { <p class="quiet pad">{t.no_regions()}</p> }.into_any(),
    };
    Ok(view! { <div id="promote">{panel(t.request_promotion(), (), content)}</div> }.into_any())
}

fn promote_form(r: &Reader, build: &BuildView, board: &RegionBoard, region: Option<&str>) -> AnyView {
    let t = r.t;
    let id = build.row.id.to_string();
    let form = Form::of(r, "/do/promotions/request", Some(("build", &id)));
    let row = board.rows.iter().find(|row| row.app == build.row.app);
    let regions = board
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| {
            let cell = row.and_then(|row| row.cells.iter().find(|cell| cell.region == column.region.name));
            let here = cell.is_some_and(|cell| cell.digest.as_ref() == Some(&build.row.digest));
            let about = if here {
                t.runs_already().to_owned()
            } else if column.reachable {
                cell.and_then(|cell| cell.tag.clone()).map(|tag| t.runs_now(&tag)).unwrap_or_default()
            } else {
                t.unreachable().to_owned()
            };
            let title = region_title(t, &column.region);
            Choice {
                value: column.region.name.clone(),
                word: view! { <span><span class="place">{place + 1}</span><b>{title}</b></span> }.into_any(),
                about,
                chosen: region == Some(column.region.name.as_str()),
            }
        })
        .collect();
    view! {
        <form method="post" action="/do/promotions/request" class="stack pad">
            {form.alert()}
            <input type="hidden" name="build" value=id/>
            {form.checks("regions", t.regions_in_order(), regions)}
            {waves(t, &form, board.columns.iter().map(|column| &column.region))}
            {canary(t, &form)}
            {form.area("reason", t.promotion_reason(), t.promotion_reason_hint(), true)}
            {start_choice(r, &form, &build.row.app)}
            <div class="row"><button class="btn go">{t.request_button()}</button><span class="hint">{t.request_help()}</span></div>
        </form>
    }
    .into_any()
}

/// Where later waves begin, and what they wait for.
pub(in crate::pages) fn waves<'a>(t: Text, form: &Form, regions: impl Iterator<Item = &'a RegionRef>) -> Option<AnyView> {
    let later = |region: &RegionRef| Choice {
        value: region.name.clone(),
        word: view! { <b>{region_title(t, region)}</b> }.into_any(),
        about: String::new(),
        chosen: false,
    };
    let choices: Vec<Choice> = regions.skip(1).map(later).collect();
    if choices.is_empty() {
        return None;
    }
    let between = vec![("false".to_owned(), t.waves_by_itself().to_owned()), ("true".to_owned(), t.waves_by_lead().to_owned())];
    Some(
        view! {
            <details class="fold" open=form.chosen("waves[]", "").is_some()>
                <summary>{t.waves_title()}</summary>
                {form.checks("waves", t.waves_begin(), choices)}
                {form.input(Field::number("soak_minutes", t.waves_soak(), 0, MOST_SOAK_MINUTES, 0))}
                {form.select("look", t.waves_look(), between, Some("false"))}
            </details>
        }
        .into_any(),
    )
}

/// A part of one region instead of all of some, for a while.
fn canary(t: Text, form: &Form) -> AnyView {
    let chosen = form.chosen("canary", "true").unwrap_or_default();
    let shapes = [Shape::Share, Shape::Beside].map(|shape| (shape.as_str().to_owned(), t.shape(shape).to_owned())).to_vec();
    let hours = Field::number("hours", t.canary_hours(), LEAST_HOURS, MOST_HOURS, DEFAULT_HOURS);
    let label = Field {
        kind: "number",
        range: Some((1, MOST_LABEL)),
        required: false,
        ..Field::text("port_label", t.canary_port_label())
    };
    view! {
        <details class="fold" open=chosen>
            <summary>{t.canary_form_title()}</summary>
            <div class="stack">
                <label class="answer">
                    <input type="checkbox" name="canary" value="true" checked=chosen/>
                    <span class="answer-text"><b>{t.canary_form_check()}</b><span class="about">{t.canary_form_about()}</span></span>
                </label>
                {form.select("shape", t.canary_shape(), shapes, Some(Shape::Share.as_str()))}
                {form.input(Field::number("replicas", t.canary_replicas(), 1, MOST_REPLICAS, 1))}
                {form.input(hours.hint(t.canary_hours_hint(MOST_HOURS)))}
                {form.input(label.hint(t.canary_port_hint()))}
            </div>
        </details>
    }
    .into_any()
}

/// By hand, or by itself when every gate is green: then what a start asks for is asked for here.
fn start_choice(r: &Reader, form: &Form, app: &str) -> AnyView {
    let t = r.t;
    let chosen = form.chosen("by_itself", "true").unwrap_or_default();
    let free = |field: Field| Field { required: false, ..field };
    let time = Field { kind: "datetime-local", ..Field::text("not_before", t.not_before()) };
    view! {
        <details class="fold" open=form.refused()>
            <summary>{t.booking_title()}</summary>
            <div class="stack">
                <label class="answer">
                    <input type="checkbox" name="by_itself" value="true" checked=chosen/>
                    <span class="answer-text"><b>{t.start_by_itself()}</b><span class="about">{t.start_by_itself_about()}</span></span>
                </label>
                {form.input(free(time).hint(t.not_before_first()))}
                {form.input(free(Field::text("app", t.confirm_itself(app))))}
                {form.input(free(Field::password("password", t.password_itself(), "current-password")))}
            </div>
        </details>
    }
    .into_any()
}
