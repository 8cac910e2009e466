//! The variables of services, and where each came from.

use crate::parts::panel;
use crate::text::Text;
use crate::view::{ServiceVariables, VariableView};
use domain::variables::Origin;
use leptos::prelude::*;

/// One folded panel for each service.
pub(in crate::pages) fn panels(t: Text, services: &[ServiceVariables]) -> AnyView {
    let content = services.iter().map(|service| one(t, service)).collect_view();
    panel(t.variables(), (), view! { <div class="variables">{content}</div> })
}

fn one(t: Text, service: &ServiceVariables) -> AnyView {
    let name = service.service.clone();
    let count = service.variables.len();
    let open = (1..=12).contains(&count);
    let unknown = (!service.image_known).then(|| view! { <p class="hint pad-line">{t.variables_unknown()}</p> });
    let none = service.variables.is_empty().then(|| view! { <p class="quiet pad-line">{t.variables_none()}</p> });
    let rows = service.variables.iter().map(|variable| row(t, variable)).collect_view();
    let table = (!service.variables.is_empty()).then(|| {
        view! {
            <table class="vars" aria-label=t.variables_of(&name)>
                <thead class="sr">
                    <tr>
                        <th scope="col">{t.col_variable()}</th>
                        <th scope="col">{t.col_value()}</th>
                        <th scope="col">{t.col_origin()}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        }
    });
    view! {
        <details class="fold vars-of" open=open>
            <summary><b>{name.clone()}</b>" "<span class="quiet">{count}</span></summary>
            {unknown}{none}{table}
        </details>
    }
    .into_any()
}

fn row(t: Text, variable: &VariableView) -> AnyView {
    let name = variable.name.clone();
    let overrode = variable
        .overrode
        .iter()
        .map(|below| {
            view! {
                <span class="vars-below">
                    {t.variable_overrode()}" "{value(t, below.value.as_deref())}" "<span class="origin">{origin(t, below.origin)}</span>
                </span>
            }
        })
        .collect_view();
    view! {
        <tr>
            <th scope="row"><code>{name}</code></th>
            <td>{value(t, variable.value.as_deref())}{overrode}</td>
            <td><span class="origin" data-origin=word(variable.origin)>{origin(t, variable.origin)}</span></td>
        </tr>
    }
    .into_any()
}

fn value(t: Text, value: Option<&str>) -> AnyView {
    match value {
        Some(value) => {
            let value = value.to_owned();
            view! { <code>{value}</code> }.into_any()
        }
        None => view! { <span class="quiet">{t.variable_hidden()}</span> }.into_any(),
    }
}

const fn word(origin: Origin) -> &'static str {
    match origin {
        Origin::Image => "image",
        Origin::Stack => "stack",
        Origin::App => "app",
        Origin::Region => "region",
        Origin::Launch => "launch",
    }
}

fn origin(t: Text, origin: Origin) -> &'static str {
    match origin {
        Origin::Image => t.origin_image(),
        Origin::Stack => t.origin_stack(),
        Origin::App => t.origin_app(),
        Origin::Region => t.origin_region(),
        Origin::Launch => t.origin_launch(),
    }
}
