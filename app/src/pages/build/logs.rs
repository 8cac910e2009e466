//! Logs that were kept when verdicts fell.

use crate::parts::{Reader, panel, when};
use crate::view::{BuildLog, BuildLogs};
use domain::id::BuildId;
use leptos::prelude::*;

/// Nothing while there is nothing to read.
pub(super) fn panel_of(r: &Reader, build: &BuildId, kept: &BuildLogs) -> AnyView {
    let t = r.t;
    if kept.logs.is_empty() && !kept.waiting {
        return ().into_any();
    }
    let rows = kept.logs.iter().map(|log| row(r, build, log)).collect_view();
    let waiting = kept.waiting.then(|| view! { <p class="quiet pad-line">{t.logs_waiting()}</p> });
    panel(t.kept_logs(), (), view! { {waiting}<ul class="lines kept-logs">{rows}</ul> })
}

fn row(r: &Reader, build: &BuildId, log: &BuildLog) -> AnyView {
    let t = r.t;
    let href = format!("/builds/{build}/logs/{}", log.id);
    let environment = format!("/environments/{}", log.environment);
    let size = t.log_size(log.lines, (log.bytes + 1023) / 1024);
    view! {
        <li class="line-item">
            <a href=href><b>{log.service.clone()}</b></a>
            <span class="quiet">
                {size}" · "<a href=environment>{t.env_number(log.environment_number)}</a>" · "{when(r, log.taken_at)}
            </span>
        </li>
    }
    .into_any()
}
