//! What each service uses: numbers and small plots of the last minutes, live with scripts.

use crate::islands::Plots;
use crate::parts::Reader;
use crate::plots::{HEIGHT, Plot, WIDTH, plot};
use crate::text::Text;
use crate::view::{EnvironmentView, ServiceUsage, UsageView};
use domain::Problem;
use leptos::prelude::*;

/// What the tab holds.
pub(super) async fn resources(r: &Reader, environment: &EnvironmentView) -> AnyView {
    let t = r.t;
    let usage = r.port().usage(&r.actor, &environment.row.id).await;
    let (content, live) = match usage {
        Ok(UsageView { services, engine_reachable: true }) => {
            let live = services.iter().any(|service| service.measured);
            (table(t, &services), live)
        }
        Ok(_) | Err(Problem::Unreachable { .. }) => (view! { <p class="quiet pad">{t.engine_away()}</p> }.into_any(), false),
        Err(_) => (view! { <p class="quiet pad">{t.no_services()}</p> }.into_any(), false),
    };
    let source = live.then(|| format!("/environments/{}/usage", environment.row.id));
    view! {
        // The stream draws what is in here; a look at the page leaves it alone.
        <section class="panel" data-keep="" data-usage=source>
            <div class="panel-head"><h2>{t.tab_resources()}</h2><span class="quiet">{t.usage_note()}</span></div>
            {content}
        </section>
        {live.then(|| view! { <Plots/> })}
    }
    .into_any()
}

fn table(t: Text, services: &[ServiceUsage]) -> AnyView {
    let rows = services.iter().map(|usage| row(t, usage)).collect_view();
    let heads = Plot::ALL.map(|kind| view! { <th scope="col">{t.plot(kind)}</th> }).into_iter().collect_view();
    view! {
        <table class="cards plots">
            <thead><tr><th scope="col">{t.col_service()}</th>{heads}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}

fn row(t: Text, usage: &ServiceUsage) -> AnyView {
    let cells = Plot::ALL
        .into_iter()
        .map(|kind| {
            let drawn = plot(kind, usage);
            let words = if drawn.words.is_empty() { t.dash().to_owned() } else { drawn.words };
            let name = format!("{}/{}", usage.service, kind.as_str());
            view! {
                <td class="c-plot" data-label=t.plot(kind)>
                    <div class="plot" data-plot=name>
                        <span class="plot-words">{words}</span>
                        <svg class="spark" viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                            <path class="first" d=drawn.path></path>
                            <path class="second" d=drawn.second></path>
                        </svg>
                    </div>
                </td>
            }
        })
        .collect_view();
    let name = usage.service.clone();
    let still = (!usage.measured).then(|| view! { <span class="quiet">{t.not_running()}</span> });
    view! { <tr><td class="c-name"><b>{name}</b>" "{still}</td>{cells}</tr> }.into_any()
}
