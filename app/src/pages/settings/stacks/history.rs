//! What a stack was before: its versions, what changed in one, and the way back.

use crate::parts::{Form, Icon, Reader, Tone, chip, icon, panel, path_with, when};
use crate::view::{StackChange, StackVersion, StackView};
use domain::Action;
use domain::diff::DiffLine;
use leptos::prelude::*;

const RESTORE: &str = "/do/stacks/restore";
/// Lines that stay are shown around those that do not.
const AROUND: usize = 3;

pub(super) fn versions(r: &Reader, stack: &StackView) -> AnyView {
    let t = r.t;
    if stack.versions.is_empty() {
        return panel(t.stack_versions(), (), view! { <p class="quiet pad">{t.stack_no_versions()}</p> });
    }
    let rows = stack.versions.iter().map(|version| row(r, stack, version)).collect_view();
    let table = view! {
        <table class="cards">
            <thead>
                <tr>
                    <th scope="col">{t.stack_versions()}</th>
                    <th scope="col">{t.msg_time()}</th>
                    <th scope="col">{t.stack_changed_by()}</th>
                    <th scope="col" class="end"><span class="sr">{t.col_act()}</span></th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    };
    view! { <div id="versions">{panel(t.stack_versions(), (), table)}</div> }.into_any()
}

fn row(r: &Reader, stack: &StackView, version: &StackVersion) -> AnyView {
    let t = r.t;
    let number = version.version;
    let mark = match (version.removed, number == stack.version) {
        (true, _) => Some(chip(Tone::Idle, Icon::Cross, t.stack_removed())),
        (false, true) => Some(chip(Tone::Ok, Icon::Check, t.stack_now())),
        _ => None,
    };
    let href = path_with(&format!("/settings/stacks/{}", stack.name), &[("version", Some(number.to_string().as_str()))]);
    view! {
        <tr>
            <td class="c-version"><span class="chips"><b>{t.stack_version(number)}</b>{mark}</span></td>
            <td class="c-when"><span class="quiet">{when(r, version.at)}</span></td>
            <td class="c-who">{version.by.clone()}</td>
            <td class="c-act end">
                <a class="btn small" href=href aria-label=t.stack_compare_of(number)>{t.stack_compare()}</a>
            </td>
        </tr>
    }
    .into_any()
}

/// One version beside the one before it, with the way back to it.
pub(super) fn change(r: &Reader, stack: &StackView, change: &StackChange) -> AnyView {
    let t = r.t;
    let old = change.version != stack.version && change.compose.is_some();
    let back = (old && r.may(Action::EditStacks)).then(|| {
        let form = Form::of(r, RESTORE, None);
        let (name, version, from) = (stack.name.clone(), stack.version, change.version);
        view! {
            <form method="post" action=RESTORE>
                {form.alert()}
                <input type="hidden" name="name" value=name/>
                <input type="hidden" name="version" value=version/>
                <input type="hidden" name="from" value=from/>
                <button class="btn small">{icon(Icon::Turning)}{t.stack_restore()}</button>
            </form>
        }
    });
    let told = view! {
        <div class="bar pad-line">
            <span class="quiet">{change.by.clone()}" "{when(r, change.at)}</span>
            {back}
        </div>
        <pre class="file diff" tabindex="0">{lines(r, &change.lines)}</pre>
    };
    panel(t.stack_version(change.version), (), told)
}

fn lines(r: &Reader, lines: &[DiffLine]) -> AnyView {
    let changed: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| !matches!(line, DiffLine::Same(_))).map(|(at, _)| at).collect();
    let is_near = |at: usize| {
        let next = changed.partition_point(|other| *other < at.saturating_sub(AROUND));
        changed.get(next).is_some_and(|other| *other <= at + AROUND)
    };
    let (mut all, mut left_out) = (Vec::new(), 0_usize);
    for (at, line) in lines.iter().enumerate() {
        if is_near(at) {
            flush(r, &mut all, &mut left_out);
            all.push(shown(line));
        } else {
            left_out += 1;
        }
    }
    flush(r, &mut all, &mut left_out);
    all.collect_view().into_any()
}

fn flush(r: &Reader, all: &mut Vec<AnyView>, left_out: &mut usize) {
    if *left_out > 0 {
        let words = format!("{}\n", r.t.stack_same_lines(*left_out));
        all.push(view! { <span class="skip">{words}</span> }.into_any());
        *left_out = 0;
    }
}

fn shown(line: &DiffLine) -> AnyView {
    match line {
        DiffLine::Same(line) => view! { <span>{format!("  {line}\n")}</span> }.into_any(),
        DiffLine::Gone(line) => view! { <del>{format!("- {line}\n")}</del> }.into_any(),
        DiffLine::New(line) => view! { <ins>{format!("+ {line}\n")}</ins> }.into_any(),
    }
}
