//! The services of a stack as a drawing: what waits stands to the right of what it waits for. The
//! same is said in words below it, for those who cannot see it.

use crate::text::Text;
use crate::view::{StackNode, StackWait};
use leptos::prelude::*;
use std::collections::BTreeMap;

const WIDTH: usize = 168;
const HEIGHT: usize = 54;
const GAP_X: usize = 56;
const GAP_Y: usize = 18;
const EDGE: usize = 8;
/// Letters that fit into a box.
const FITS: usize = 21;

/// Where a service stands: its column and its place in it.
struct Spot {
    column: usize,
    row: usize,
}

impl Spot {
    fn x(&self) -> usize {
        EDGE + self.column * (WIDTH + GAP_X)
    }

    fn y(&self) -> usize {
        EDGE + self.row * (HEIGHT + GAP_Y)
    }
}

pub(super) fn drawing(t: Text, services: &[StackNode]) -> AnyView {
    if services.is_empty() {
        return view! { <p class="quiet pad">{t.stack_empty()}</p> }.into_any();
    }
    let spots = spots(services);
    let columns = spots.values().map(|spot| spot.column).max().unwrap_or_default() + 1;
    let rows = spots.values().map(|spot| spot.row).max().unwrap_or_default() + 1;
    let (width, height) = (EDGE * 2 + columns * (WIDTH + GAP_X) - GAP_X, EDGE * 2 + rows * (HEIGHT + GAP_Y) - GAP_Y);
    let arrows = services.iter().flat_map(|service| service.waits.iter().filter_map(|wait| arrow(&spots, service, wait)));
    let boxes = services.iter().filter_map(|service| Some(draw(t, spots.get(service.name.as_str())?, service)));
    view! {
        <figure class="drawing">
            <svg viewBox=format!("0 0 {width} {height}") width=width height=height role="img" aria-label=t.stack_graph()>
                <defs>
                    <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto-start-reverse">
                        <path class="head" d="M0 0 L8 4 L0 8 z"/>
                    </marker>
                </defs>
                {arrows.collect_view()}
                {boxes.collect_view()}
            </svg>
            {words(t, services)}
        </figure>
    }
    .into_any()
}

/// A column after the last of those that it waits for. Services come in an order in which none
/// stands before what it waits for.
fn spots(services: &[StackNode]) -> BTreeMap<&str, Spot> {
    let mut spots: BTreeMap<&str, Spot> = BTreeMap::new();
    let mut filled: BTreeMap<usize, usize> = BTreeMap::new();
    for service in services {
        let after = service.waits.iter().filter_map(|wait| spots.get(wait.service.as_str())).map(|spot| spot.column + 1).max();
        let column = after.unwrap_or_default();
        let row = filled.entry(column).or_default();
        spots.insert(&service.name, Spot { column, row: *row });
        *row += 1;
    }
    spots
}

fn arrow(spots: &BTreeMap<&str, Spot>, service: &StackNode, wait: &StackWait) -> Option<AnyView> {
    let (from, to) = (spots.get(wait.service.as_str())?, spots.get(service.name.as_str())?);
    let (x1, y1) = (from.x() + WIDTH, from.y() + HEIGHT / 2);
    let (x2, y2) = (to.x() - 1, to.y() + HEIGHT / 2);
    let bend = GAP_X / 2;
    let path = format!("M{x1} {y1} C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2.saturating_sub(bend));
    Some(view! { <path class=format!("wait {}", wait.until) d=path marker-end="url(#arrow)"/> }.into_any())
}

fn draw(t: Text, spot: &Spot, service: &StackNode) -> AnyView {
    let (x, y) = (spot.x(), spot.y());
    let image = match service.is_build {
        true => format!("{} · {}", service.image, t.stack_under_test()),
        false => tail(&service.image),
    };
    let ports: Vec<String> = service.ports.iter().map(|port| format!(":{port}")).collect();
    let title = format!("{} {}", service.name, service.image);
    view! {
        <g class="service" class:build=service.is_build>
            <title>{crate::parts::escape(&title)}</title>
            <rect x=x y=y width=WIDTH height=HEIGHT rx="6"/>
            <text class="name" x=x + 12 y=y + 22>{cut(&service.name)}</text>
            <text class="port" x=x + WIDTH - 12 y=y + 22 text-anchor="end">{ports.join(" ")}</text>
            <text class="image" x=x + 12 y=y + 41>{cut(&image)}</text>
        </g>
    }
    .into_any()
}

/// The end of an image's name says more than its beginning.
fn tail(image: &str) -> String {
    image.rsplit('/').next().unwrap_or(image).to_owned()
}

fn cut(text: &str) -> String {
    if text.chars().count() <= FITS { text.to_owned() } else { text.chars().take(FITS - 1).chain(['…']).collect() }
}

fn words(t: Text, services: &[StackNode]) -> AnyView {
    let line = |service: &StackNode, wait: &StackWait| match wait.until.as_str() {
        "completed" => t.stack_waits_completed(&service.name, &wait.service),
        "healthy" => t.stack_waits_healthy(&service.name, &wait.service),
        _ => t.stack_waits_started(&service.name, &wait.service),
    };
    let lines = services.iter().flat_map(|service| service.waits.iter().map(move |wait| line(service, wait)));
    let items = lines.map(|words| view! { <li>{words}</li> }).collect_view();
    view! { <ul class="waits">{items}</ul> }.into_any()
}
