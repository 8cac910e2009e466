//! Status: a colour, an icon and a word, always all three.

use super::{Icon, icon};
use crate::text::Text;
use domain::gate::GateState;
use domain::lease::EnvironmentState;
use domain::promotion::{PromotionState, RolloutState, StepState};
use domain::verdict::{Standing, VerdictKind};
use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Wait,
    Bad,
    Info,
    Idle,
}

impl Tone {
    pub const fn class(self) -> &'static str {
        match self {
            Tone::Ok => "chip ok",
            Tone::Wait => "chip wait",
            Tone::Bad => "chip bad",
            Tone::Info => "chip info",
            Tone::Idle => "chip idle",
        }
    }

    pub const fn dot(self) -> &'static str {
        match self {
            Tone::Ok => "dot ok",
            Tone::Wait => "dot wait",
            Tone::Bad => "dot bad",
            Tone::Info => "dot info",
            Tone::Idle => "dot idle",
        }
    }
}

pub fn chip(tone: Tone, which: Icon, word: impl Into<String>) -> AnyView {
    let word = word.into();
    view! { <span class=tone.class()>{icon(which)}<span>{word}</span></span> }.into_any()
}

/// The same as a round mark, for lists in which the word stands beside it.
pub fn dot(tone: Tone, which: Icon, word: impl Into<String>) -> AnyView {
    let word = word.into();
    let title = word.clone();
    view! { <span class=tone.dot() title=title>{icon(which)}<span class="sr">{word}</span></span> }.into_any()
}

/// What the standing verdicts amount to.
pub fn standing_chip(t: Text, standing: Standing) -> AnyView {
    if standing.quarantined() {
        return chip(Tone::Bad, Icon::Cross, format!("{} · {}", t.verdict_fail(), t.quarantined()));
    }
    if standing.passed() {
        let word = if standing.passes > 1 { t.passes(standing.passes) } else { t.verdict_pass().to_owned() };
        return chip(Tone::Ok, Icon::Check, word);
    }
    if standing.blocked > 0 {
        return chip(Tone::Wait, Icon::Minus, t.verdict_blocked());
    }
    view! { <span class="quiet">{t.untested()}</span> }.into_any()
}

pub fn verdict_chip(t: Text, kind: VerdictKind) -> AnyView {
    let (tone, which) = match kind {
        VerdictKind::Pass => (Tone::Ok, Icon::Check),
        VerdictKind::Fail => (Tone::Bad, Icon::Cross),
        VerdictKind::Blocked => (Tone::Wait, Icon::Minus),
    };
    chip(tone, which, t.verdict(kind))
}

pub fn environment_chip(t: Text, state: EnvironmentState) -> AnyView {
    let (tone, which) = match state {
        EnvironmentState::Queued => (Tone::Wait, Icon::Clock),
        EnvironmentState::Restarting | EnvironmentState::Thawing => (Tone::Info, Icon::Turning),
        EnvironmentState::Freezing => (Tone::Wait, Icon::Turning),
        EnvironmentState::Frozen => (Tone::Idle, Icon::Clock),
        EnvironmentState::Launching => (Tone::Info, Icon::Turning),
        EnvironmentState::Running => (Tone::Ok, Icon::Check),
        EnvironmentState::Failed => (Tone::Bad, Icon::Cross),
        EnvironmentState::Stopping => (Tone::Wait, Icon::Turning),
        EnvironmentState::Stopped => (Tone::Idle, Icon::Stop),
    };
    chip(tone, which, t.environment_state(state))
}

pub fn promotion_chip(t: Text, state: PromotionState) -> AnyView {
    let (tone, which) = match state {
        PromotionState::Open => (Tone::Wait, Icon::Clock),
        PromotionState::Running => (Tone::Info, Icon::Turning),
        PromotionState::Verified => (Tone::Ok, Icon::Check),
        PromotionState::Failed => (Tone::Bad, Icon::Cross),
        PromotionState::Cancelled | PromotionState::Expired => (Tone::Idle, Icon::Minus),
        PromotionState::Rejected => (Tone::Bad, Icon::Cross),
        PromotionState::Aborted => (Tone::Bad, Icon::Minus),
    };
    chip(tone, which, t.promotion_state(state))
}

pub fn rollout_chip(t: Text, state: RolloutState) -> AnyView {
    let (tone, which) = match state {
        RolloutState::Waiting => (Tone::Idle, Icon::Clock),
        RolloutState::Running => (Tone::Info, Icon::Turning),
        RolloutState::Verified => (Tone::Ok, Icon::Check),
        RolloutState::Failed => (Tone::Bad, Icon::Cross),
        RolloutState::Skipped => (Tone::Idle, Icon::Minus),
    };
    chip(tone, which, t.rollout_state(state))
}

pub fn step_dot(t: Text, state: StepState) -> AnyView {
    let (tone, which) = match state {
        StepState::Waiting => (Tone::Idle, Icon::Clock),
        StepState::Running => (Tone::Info, Icon::Turning),
        StepState::Done => (Tone::Ok, Icon::Check),
        StepState::Failed => (Tone::Bad, Icon::Cross),
        StepState::Skipped => (Tone::Idle, Icon::Minus),
    };
    dot(tone, which, t.step_state(state))
}

pub fn gate_dot(t: Text, state: GateState) -> AnyView {
    let (tone, which) = match state {
        GateState::Green => (Tone::Ok, Icon::Check),
        GateState::Waiting => (Tone::Wait, Icon::Clock),
        GateState::Red => (Tone::Bad, Icon::Cross),
    };
    dot(tone, which, t.gate_state(state))
}
