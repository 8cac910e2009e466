//! Stacks: the list, the editor, the drawing of services, and what changed between versions.

mod drawing;
mod history;

use crate::islands::StackEditor;
use crate::pages::{param, query};
use crate::parts::{Body, Field, Form, Icon, Reader, Section, Tone, chip, empty, icon, panel, text_lines, when};
use crate::text::{Text, fault_text, problem_text};
use crate::view::{StackCheck, StackRow, StackView};
use domain::stack::{MOST_BYTES, Variable};
use domain::{Action, Problem};
use leptos::prelude::*;

const HERE: &str = "/settings/stacks";
const SAVE: &str = "/do/stacks/save";
/// What a new stack begins with.
const BEGINNING: &str = "services:\n  web:\n    image: ${BUILD_WEB}\n    ports: [\"80\"]\n";

/// `GET /settings/stacks`
#[component]
pub fn Stacks() -> impl IntoView {
    crate::parts::page(|r| async move {
        let t = r.t;
        let stacks = r.port().stacks(&r.actor).await?;
        let content = view! {
            <p class="lead-in">{t.stacks_help()}</p>
            <div class="panel" data-live="stacks">{list(&r, &stacks)}</div>
        };
        let act = r.may(Action::EditStacks).then(|| {
            view! { <a class="btn primary" href="/settings/stacks/new">{icon(Icon::Plus)}{t.new_stack()}</a> }
        });
        Ok(Body::new(Section::Settings, t.stacks(), content).crumb("/settings", t.settings_title()).act(act).topics("settings"))
    })
}

fn list(r: &Reader, stacks: &[StackRow]) -> AnyView {
    let t = r.t;
    if stacks.is_empty() {
        return empty(t.no_stacks(), view! { <p>{t.no_stacks_help()}</p> });
    }
    view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.stack_name()}</th>
                    <th scope="col">{t.apps()}</th>
                    <th scope="col">{t.col_services()}</th>
                    <th scope="col">{t.stack_default_of()}</th>
                    <th scope="col">{t.stack_versions()}</th>
                    <th scope="col">{t.stack_changed_by()}</th>
                </tr>
            </thead>
            <tbody>{stacks.iter().map(|stack| row(r, stack)).collect_view()}</tbody>
        </table>
    }
    .into_any()
}

fn row(r: &Reader, stack: &StackRow) -> AnyView {
    let t = r.t;
    let apps = stack.apps.iter().cloned().map(|app| view! { <span class="tag">{app}</span> }).collect_view();
    let version = (stack.version > 0).then(|| t.stack_version(stack.version));
    let changed = stack.changed_at.map(|at| when(r, at));
    view! {
        <tr>
            <td class="c-name"><a href=format!("{HERE}/{}", stack.name)><b>{stack.name.clone()}</b></a></td>
            <td class="c-tags"><span class="chips">{apps}</span></td>
            <td class="c-count">{t.stack_services(stack.services)}</td>
            <td class="c-app" data-label=t.stack_default_of()>{stack.default_of.join(", ")}</td>
            <td class="c-version">{version}</td>
            <td class="c-who"><span class="quiet">{stack.changed_by.clone()}" "{changed}</span></td>
        </tr>
    }
    .into_any()
}

/// `GET /settings/stacks/new`
#[component]
pub fn NewStack() -> impl IntoView {
    crate::parts::page(|r| async move {
        let t = r.t;
        r.actor.require(Action::EditStacks)?;
        let check = r.port().check_stack(&r.actor, BEGINNING).await?;
        let content = editor(&r, None, BEGINNING, 0, &check);
        Ok(Body::new(Section::Settings, t.new_stack_title(), content).crumb(HERE, t.stacks()))
    })
}

/// `GET /settings/stacks/{name}?version=`
#[component]
pub fn StackPage() -> impl IntoView {
    let (name, version) = (param("name"), query("version").and_then(|version| version.parse::<i64>().ok()));
    crate::parts::page(move |r| async move {
        let t = r.t;
        let stack = r.port().stack(&r.actor, &name).await?;
        let change = match version {
            Some(version) => Some(r.port().stack_change(&r.actor, &name, version).await?),
            None => None,
        };
        let used = (!stack.default_of.is_empty())
            .then(|| view! { <span class="quiet">{t.stack_default_of()}" "{stack.default_of.join(", ")}</span> });
        let change = change.map(|change| history::change(&r, &stack, &change));
        let content = view! {
            {change}
            {body(&r, &stack)}
            {history::versions(&r, &stack)}
        };
        let (title, here) = (stack.name.clone(), t.stacks());
        Ok(Body::new(Section::Settings, title, content).crumb(HERE, here).beside(used))
    })
}

/// The editor for those who edit, the text for all others.
fn body(r: &Reader, stack: &StackView) -> AnyView {
    if r.may(Action::EditStacks) {
        return editor(r, Some(&stack.name), &stack.compose, stack.version, &stack.check);
    }
    let t = r.t;
    view! {
        <div class="editor">
            {panel(t.stack_text(), (), view! { <pre class="file" tabindex="0">{stack.compose.clone()}</pre><p class="hint pad">{t.stack_read_only()}</p> })}
            {panel(t.stack_checking(), (), result(t, &stack.check))}
        </div>
    }
    .into_any()
}

fn editor(r: &Reader, name: Option<&str>, compose: &str, version: i64, check: &StackCheck) -> AnyView {
    let t = r.t;
    let form = Form::of(r, SAVE, name.map(|name| ("name", name)));
    // What was refused stays as it was sent, with the version that it was read at.
    let text = form.value("compose").unwrap_or_else(|| compose.to_owned());
    let version = form.value("version").unwrap_or_else(|| version.to_string());
    let refused = form.problem().map(|problem| StackCheck::of(Err(problem.clone())));
    let check = refused.as_ref().unwrap_or(check);
    let named = match name {
        Some(name) => view! { <input type="hidden" name="name" value=name.to_owned()/> }.into_any(),
        None => form.input(Field {
            pattern: Some("[a-z][a-z0-9\\-]{0,39}"),
            ..Field::text("name", t.stack_name()).hint(t.stack_name_hint())
        }),
    };
    let tries = r.may(Action::LaunchEnvironment);
    let most = u32::try_from(MOST_BYTES).unwrap_or(u32::MAX);
    let button = if name.is_some() { t.stack_save() } else { t.stack_create() };
    view! {
        <form method="post" action=SAVE class="editor" data-check="/settings/stacks/check">
            <div class="stack">
                {form.alert()}
                {named}
                <input type="hidden" name="version" value=version/>
                {text_lines(form.id("compose"), "compose", t.stack_text(), most, &text, check.line())}
                <span class="hint" id=format!("{}-hint", form.id("compose"))>{t.stack_text_hint()}</span>
                <div class="bar">
                    <button class="btn primary">{button}</button>
                    {tries.then(|| view! {
                        <button class="btn" name="act" value="try" formtarget="_blank">{icon(Icon::Play)}{t.stack_try()}</button>
                    })}
                    <noscript><span class="hint">{t.stack_checks_on_save()}</span></noscript>
                </div>
            </div>
            <section class="panel reading" aria-live="polite" data-checked="">{result(t, check)}</section>
            <StackEditor/>
        </form>
    }
    .into_any()
}

/// What a text says: the part of the page that is written anew while one types.
pub fn result(t: Text, check: &StackCheck) -> AnyView {
    if let Some(problem) = &check.problem {
        return broken(t, problem);
    }
    let count = u32::try_from(check.services.len()).unwrap_or(u32::MAX);
    view! {
        <div class="verdict-line">{chip(Tone::Ok, Icon::Check, t.stack_fits())}<span class="quiet">{t.stack_services(count)}</span></div>
        {drawing::drawing(t, &check.services)}
        {ground(t, check)}
        {variables(t, &check.variables)}
    }
    .into_any()
}

fn broken(t: Text, problem: &Problem) -> AnyView {
    let (place, key, why) = match problem {
        Problem::Stack { line, key, why } => (Some(t.stack_line(*line)), key.clone(), fault_text(t, why)),
        other => (None, String::new(), problem_text(t, other).happened),
    };
    let line = match problem {
        Problem::Stack { line, .. } => Some(line.to_string()),
        _ => None,
    };
    view! {
        <div class="broken" data-line=line>
            <div class="verdict-line">{chip(Tone::Bad, Icon::Alert, t.stack_broken())}<b>{place}</b></div>
            <p><code>{key}</code></p>
            <p>{why}</p>
        </div>
    }
    .into_any()
}

/// Networks and volumes, where there are more than anybody expects.
fn ground(t: Text, check: &StackCheck) -> AnyView {
    let network = |network: &domain::stack::StackNetwork| match network.internal {
        true => t.stack_internal(&network.name),
        false => network.name.clone(),
    };
    let plain = check.networks.iter().all(|network| network.name == domain::stack::DEFAULT_NETWORK && !network.internal);
    let networks: Vec<String> = check.networks.iter().map(network).collect();
    let networks = (!plain).then(|| view! { <dt>{t.stack_networks()}</dt><dd>{networks.join("; ")}</dd> });
    let volumes = (!check.volumes.is_empty()).then(|| view! { <dt>{t.stack_volumes()}</dt><dd>{check.volumes.join(", ")}</dd> });
    if networks.is_none() && volumes.is_none() {
        return ().into_any();
    }
    view! { <dl class="facts">{networks}{volumes}</dl> }.into_any()
}

fn variables(t: Text, variables: &[Variable]) -> AnyView {
    if variables.is_empty() {
        return ().into_any();
    }
    let row = |variable: &Variable| {
        let lines: Vec<String> = variable.lines.iter().map(u64::to_string).collect();
        let default = match (&variable.default, variable.required) {
            (_, true) => chip(Tone::Wait, Icon::Alert, t.variable_needed()),
            (default, false) => view! { <code>{default.clone()}</code> }.into_any(),
        };
        let message = variable.message.clone();
        view! {
            <tr>
                <td class="c-name"><code>{variable.name.clone()}</code>" "<span class="quiet">{message}</span></td>
                <td class="c-what">{default}</td>
                <td class="c-lines" data-label=t.variable_lines()>{lines.join(", ")}</td>
            </tr>
        }
    };
    view! {
        <h3>{t.stack_variables()}</h3>
        <p class="hint">{t.stack_variables_help()}</p>
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.stack_name()}</th>
                    <th scope="col">{t.variable_default()}</th>
                    <th scope="col">{t.variable_lines()}</th>
                </tr>
            </thead>
            <tbody>{variables.iter().map(row).collect_view()}</tbody>
        </table>
    }
    .into_any()
}
