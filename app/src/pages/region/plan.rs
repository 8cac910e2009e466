//! A contingency plan: what it does, who has read it, and the guarded buttons to use it and to return.

use super::super::param;
use super::{Guarded, guarded};
use crate::parts::{Body, Form, Icon, Reader, Section, Tone, chip, fact, icon, only, panel, promotion_chip, region_title, when};
use crate::text::Text;
use crate::view::{PlanDoes, PlanRun, PlanView};
use domain::Action;
use leptos::prelude::*;

/// `GET /plans/{plan}`
#[component]
pub fn Plan() -> impl IntoView {
    let name = param("plan");
    crate::parts::page(move |r| async move {
        let plan = r.port().plan(&r.actor, &name).await?;
        Ok(Body::new(Section::Regions, plan.title.clone(), content(&r, &plan))
            .crumb("/regions", format!("{} / {}", r.t.regions_title(), r.t.plans()))
            .topics("regions,promotions"))
    })
}

fn content(r: &Reader, plan: &PlanView) -> AnyView {
    let t = r.t;
    let running = plan.runs.iter().map(|run| under_way(r, plan, run)).collect_view();
    view! {
        <p class="lead-in">{t.plan_lead()}</p>
        <div class="two">
            <div class="column">
                <div data-live="plan">{facts(t, plan)}</div>
                {reviews(r, plan)}
            </div>
            <div class="column">{running}{start(r, plan)}</div>
        </div>
    }
    .into_any()
}

/// What a plan does, in words.
pub(super) fn does(t: Text, does: &PlanDoes) -> AnyView {
    match does {
        PlanDoes::Scale { replicas } => view! { <span>{t.plan_scale(*replicas)}</span> }.into_any(),
        PlanDoes::Switch { build } => view! { <span>{t.plan_switch()}" "<code>{build.clone()}</code></span> }.into_any(),
        PlanDoes::Set { variables } => {
            let each = variables.iter().map(|(name, value)| view! { <code>{format!("{name}={value}")}</code>" " }).collect_view();
            view! { <span>{t.plan_set()}" "{each}</span> }.into_any()
        }
    }
}

fn facts(t: Text, plan: &PlanView) -> AnyView {
    let regions: Vec<String> = plan.regions.iter().map(|region| region_title(t, region)).collect();
    let content = view! {
        <dl class="facts pad">
            {fact(t.app(), view! { <b>{plan.app.clone()}</b> })}
            {fact(t.regions(), regions.join(" · "))}
            {fact(t.plan_does(), does(t, &plan.does))}
        </dl>
    };
    panel(t.plan(), (), content)
}

fn reviews(r: &Reader, plan: &PlanView) -> AnyView {
    let t = r.t;
    let items = plan
        .reviews
        .iter()
        .map(|review| {
            let void = (!review.counts).then(|| view! { <span class="quiet">{t.review_void()}</span> });
            let name = review.name.clone();
            view! {
                <li class="line-item" class:fallen=!review.counts>
                    {icon(if review.counts { Icon::Check } else { Icon::Minus })}
                    <b>{name}</b>
                    <span class="grow">{void}</span>
                    <span class="quiet">{when(r, review.at)}</span>
                </li>
            }
        })
        .collect_view();
    let list = if plan.reviews.is_empty() {
        view! { <p class="quiet pad">{t.no_reviews()}</p> }.into_any()
    } else {
        view! { <ul class="lines">{items}</ul> }.into_any()
    };
    let act = if !plan.may.contains(&Action::ReviewPlan) {
        only(t, Action::ReviewPlan)
    } else if plan.read {
        ().into_any()
    } else {
        let form = Form::of(r, "/do/plans/review", None);
        view! {
            <form method="post" action="/do/plans/review" class="part stack">
                {form.alert()}
                <input type="hidden" name="plan" value=plan.name.clone()/>
                <div class="row"><button class="btn primary">{icon(Icon::Check)}{t.plan_review_button()}</button></div>
                <p class="hint">{t.review_help()}</p>
            </form>
        }
        .into_any()
    };
    panel(t.plan_reviews(), (), view! { <div data-live="reviews">{list}</div>{act} })
}

fn start(r: &Reader, plan: &PlanView) -> AnyView {
    let t = r.t;
    if !plan.may.contains(&Action::RunPlan) {
        return panel(t.plan_use(), (), only(t, Action::RunPlan));
    }
    let free = plan.regions.iter().filter(|region| !plan.runs.iter().any(|run| run.region.name == region.name));
    let free: Vec<(String, String)> = free.map(|region| (region.name.clone(), region_title(t, region))).collect();
    if free.is_empty() {
        return ().into_any();
    }
    if !plan.ready {
        let why = view! {
            <div class="pad row">
                <button class="btn danger solid" disabled aria-describedby="why-closed">{icon(Icon::Lock)}{t.plan_use_button()}</button>
                <span id="why-closed" class="why">{icon(Icon::Clock)}{t.plan_needs_reader()}</span>
            </div>
        };
        return panel(t.plan_use(), chip(Tone::Wait, Icon::Clock, t.plan_unread()), why);
    }
    let form = Form::of(r, "/do/plans/run", None);
    let of = Guarded {
        action: "/do/plans/run",
        subject: ("plan", &plan.name),
        hidden: Vec::new(),
        fields: form.select("region", t.region(), free, None),
        app: &plan.app,
        password: plan.password_needed,
        button: t.plan_use_button(),
        hint: t.plan_use_help(),
    };
    panel(t.plan_use(), chip(Tone::Ok, Icon::Check, t.plan_read()), guarded(r, &form, of))
}

/// A use of the plan, and the way back from it.
fn under_way(r: &Reader, plan: &PlanView, run: &PlanRun) -> AnyView {
    let t = r.t;
    let (href, region) = (format!("/promotions/{}", run.promotion), region_title(t, &run.region));
    let told = view! {
        <p class="pad-line">
            <a href=href>{t.promotion_number(run.number)}</a>" "{promotion_chip(t, run.state)}" "
            <span class="quiet">{run.by.clone()}" · "{when(r, run.at)}" · "<span class="said">{run.reason.clone()}</span></span>
        </p>
    };
    let act = if plan.may.contains(&Action::RunPlan) {
        let form = Form::of(r, "/do/plans/return", Some(("region", &run.region.name)));
        let of = Guarded {
            action: "/do/plans/return",
            subject: ("region", &run.region.name),
            hidden: vec![("plan", run.plan.clone())],
            fields: ().into_any(),
            app: &run.app,
            password: plan.password_needed,
            button: t.plan_return_button(),
            hint: t.plan_return_help(),
        };
        guarded(r, &form, of)
    } else {
        only(t, Action::RunPlan)
    };
    panel(t.plan_runs_in(&region), (), view! { {told}{act} })
}
