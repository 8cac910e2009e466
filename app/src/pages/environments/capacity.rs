//! Room on the engines, and who waits for it.

use crate::parts::{Icon, Reader, Tone, chip, panel, when};
use crate::text::Text;
use crate::view::{CapacityView, EngineRoom, QueuePlace, QueuedView};
use leptos::prelude::*;

/// Each engine with what it holds, and the queue when there is one.
pub(super) fn section(r: &Reader, capacity: &CapacityView) -> AnyView {
    let t = r.t;
    if capacity.engines.is_empty() {
        return ().into_any();
    }
    let engines = capacity.engines.iter().map(|engine| room(t, engine)).collect_view();
    let queue = (!capacity.queue.is_empty()).then(|| {
        let rows = capacity.queue.iter().map(|queued| waiting(r, queued)).collect_view();
        panel(t.queue(), (), view! { <ol class="queue">{rows}</ol> })
    });
    let quotas = view! { <p class="quiet pad-line">{t.quotas(capacity.per_person, capacity.per_app)}</p> };
    let engines = panel(t.room_title(), (), view! { <ul class="rooms">{engines}</ul>{quotas} });
    view! { {queue}{engines} }.into_any()
}

fn room(t: Text, engine: &EngineRoom) -> AnyView {
    let number = u64::from(engine.environments);
    let labels = engine.labels.iter().map(|label| view! { <code>{label.clone()}</code>" " }).collect_view();
    let draining = engine.draining.then(|| chip(Tone::Wait, Icon::Minus, t.draining()));
    view! {
        <li class="room">
            <span class="room-name"><b>{engine.name.clone()}</b>" "{labels}{draining}</span>
            {meter(t.room_environments(), number, engine.most_environments.map(u64::from), "")}
            {meter(t.room_memory(), engine.memory_mib, engine.most_memory_mib.map(u64::from), " MiB")}
        </li>
    }
    .into_any()
}

/// How much of how much, as a bar where there is an end.
fn meter(word: &'static str, used: u64, most: Option<u64>, unit: &'static str) -> AnyView {
    let told = most.map_or_else(|| format!("{used}{unit}"), |most| format!("{used} / {most}{unit}"));
    let bar = most.map(|most| {
        view! { <meter min="0" max=most.to_string() high=(most * 9 / 10).to_string() value=used.min(most).to_string() aria-hidden="true"></meter> }
    });
    view! { <span class="room-meter"><span class="quiet">{word}</span>{bar}<span class="num">{told}</span></span> }.into_any()
}

fn waiting(r: &Reader, queued: &QueuedView) -> AnyView {
    let t = r.t;
    let href = format!("/environments/{}", queued.id);
    let asked: Vec<String> = queued.engine.iter().chain(&queued.labels).cloned().collect();
    let asked = (!asked.is_empty()).then(|| view! { " · "<code>{asked.join(", ")}</code> });
    view! {
        <li>
            <a href=href>{t.env_number(queued.number)}</a>
            <span>{queued.stack.clone()}" "<span class="quiet">{t.held_by(&queued.holder_name)}{asked}</span></span>
            <span class="quiet">{expected(r, &queued.place)}</span>
        </li>
    }
    .into_any()
}

/// When its turn can be expected.
pub(crate) fn expected(r: &Reader, place: &QueuePlace) -> AnyView {
    match place.expected_at {
        Some(at) => view! { {r.t.expected()}" "{when(r, at)} }.into_any(),
        None => r.t.expected_unknown().into_any(),
    }
}

/// "2nd in the queue, starts in 20 min".
pub(crate) fn place(r: &Reader, place: &QueuePlace) -> AnyView {
    view! { {r.t.in_queue(place.position)}" · "{expected(r, place)} }.into_any()
}
