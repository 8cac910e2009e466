//! Who acts, and what each role may do. Denied unless listed.

use crate::id::{HookId, TokenId, UserId};
use crate::{Problem, Time};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a person is trusted with. Roles are not a ladder: an admin runs the installation
/// and decides about no build; a lead decides and cannot change people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Viewer,
    Tester,
    Product,
    Lead,
    Admin,
}

impl Role {
    pub const ALL: [Role; 5] = [Role::Viewer, Role::Tester, Role::Product, Role::Lead, Role::Admin];

    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Tester => "tester",
            Role::Product => "product",
            Role::Lead => "lead",
            Role::Admin => "admin",
        }
    }

    /// Whether this role allows `action`. The whole table stands here.
    pub const fn allows(self, action: Action) -> bool {
        use Action as A;
        match action {
            A::Read | A::KeepOwnAccount => true,
            A::LaunchEnvironment | A::StopEnvironment | A::OpenShell | A::KeepEnvironment => {
                matches!(self, Role::Tester | Role::Lead)
            }
            A::OpenEnvironment => !matches!(self, Role::Viewer),
            A::EditStacks => matches!(self, Role::Tester | Role::Lead | Role::Admin),
            // Which of them are asked is the policy's to say.
            A::ApprovePromotion => matches!(self, Role::Tester | Role::Product | Role::Lead),
            A::RecordVerdict | A::WithdrawVerdict => matches!(self, Role::Tester),
            A::SignOff => matches!(self, Role::Product),
            A::OverruleVerdict
            | A::RequestPromotion
            | A::StartPromotion
            | A::CancelPromotion
            | A::PausePromotion
            | A::AbortPromotion
            | A::LiftFreeze
            | A::BreakGlass
            | A::RollBack
            | A::CorrectRegion
            | A::ReviewPlan
            | A::RunPlan
            | A::TendCanary => matches!(self, Role::Lead),
            // Who decides what goes to a region, and who configures it.
            A::SetRegionSecrets => matches!(self, Role::Lead | Role::Admin),
            A::ManagePeople
            | A::ManageTokens
            | A::ManageHooks
            | A::ManageSecrets
            | A::ManageNotifications
            | A::Configure
            | A::SeeDeliveries => {
                matches!(self, Role::Admin)
            }
            A::Deliver => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| Problem::UnknownRole { given: text.to_owned() })
    }
}

/// Everything a use case can ask permission for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Read,
    KeepOwnAccount,
    LaunchEnvironment,
    StopEnvironment,
    /// Running commands inside of a container.
    OpenShell,
    /// To use what runs in one, which is more than to read about it.
    OpenEnvironment,
    /// Extend its lease, hand it over, freeze it, restart a service.
    KeepEnvironment,
    EditStacks,
    RecordVerdict,
    WithdrawVerdict,
    OverruleVerdict,
    SignOff,
    RequestPromotion,
    ApprovePromotion,
    StartPromotion,
    CancelPromotion,
    /// Pause what runs, let it go on, let a wave begin that waits for a look.
    PausePromotion,
    /// End what runs, and leave its regions as they are.
    AbortPromotion,
    /// Make an exception from freeze windows for one promotion.
    LiftFreeze,
    /// Start without people's decisions, and review who did.
    BreakGlass,
    RollBack,
    /// Puts back, or takes over, what somebody changed on a Swarm by hand.
    CorrectRegion,
    /// To have read a contingency plan.
    ReviewPlan,
    /// Uses a contingency plan, and returns from it.
    RunPlan,
    /// Withdraws a canary before its end, or moves its end.
    TendCanary,
    /// Sets and removes the secrets that services of a region are given; they are never read back.
    SetRegionSecrets,
    ManagePeople,
    ManageTokens,
    ManageHooks,
    /// Credentials at rest: they are set and named, never read back.
    ManageSecrets,
    ManageNotifications,
    Configure,
    SeeDeliveries,
    /// What a hook is for; no person and no token may.
    Deliver,
}

impl Action {
    pub const ALL: [Action; 34] = [
        Action::Read,
        Action::KeepOwnAccount,
        Action::LaunchEnvironment,
        Action::StopEnvironment,
        Action::OpenShell,
        Action::OpenEnvironment,
        Action::KeepEnvironment,
        Action::EditStacks,
        Action::RecordVerdict,
        Action::WithdrawVerdict,
        Action::OverruleVerdict,
        Action::SignOff,
        Action::RequestPromotion,
        Action::ApprovePromotion,
        Action::StartPromotion,
        Action::CancelPromotion,
        Action::PausePromotion,
        Action::AbortPromotion,
        Action::LiftFreeze,
        Action::BreakGlass,
        Action::RollBack,
        Action::CorrectRegion,
        Action::ReviewPlan,
        Action::RunPlan,
        Action::TendCanary,
        Action::SetRegionSecrets,
        Action::ManagePeople,
        Action::ManageTokens,
        Action::ManageHooks,
        Action::ManageSecrets,
        Action::ManageNotifications,
        Action::Configure,
        Action::SeeDeliveries,
        Action::Deliver,
    ];
}

/// A user as they act now: the role is read afresh for every request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub id: UserId,
    pub name: String,
    pub role: Role,
}

/// Whoever acts: a user, an API token, a webhook, or Slipway itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// Signed in through the browser; `signed_in_at` is when the password was last given.
    User { person: Person, signed_in_at: Time },
    /// A bearer token. It acts for the person who owns it and never beyond either role,
    /// so that nobody gains a second identity by making a token.
    Token { id: TokenId, name: String, role: Role, person: Person },
    /// A webhook: may only deliver.
    Hook { id: HookId, name: String },
    /// Slipway itself: its own workers, and the command line on the server's machine.
    Slipway,
}

impl Actor {
    /// Whether this actor may do `action` at all. Use cases add what depends on the subject.
    pub fn may(&self, action: Action) -> bool {
        match self {
            Actor::User { person, .. } => person.role.allows(action),
            Actor::Token { role, person, .. } => {
                role.allows(action) && person.role.allows(action) && !matches!(action, Action::KeepOwnAccount)
            }
            Actor::Hook { .. } => matches!(action, Action::Deliver),
            Actor::Slipway => matches!(
                action,
                Action::Read
                    | Action::StopEnvironment
                    | Action::ManagePeople
                    | Action::ManageTokens
                    | Action::ManageHooks
                    | Action::ManageSecrets
                    | Action::ManageNotifications
                    | Action::Configure
            ),
        }
    }

    /// The guard on the first line of every use case.
    ///
    /// # Errors
    /// [`Problem::Forbidden`] when the actor may not.
    pub fn require(&self, action: Action) -> Result<(), Problem> {
        if self.may(action) { Ok(()) } else { Err(Problem::Forbidden { action }) }
    }

    /// The human being behind the act, if there is one. Separation of duties compares these.
    pub fn person(&self) -> Option<&Person> {
        match self {
            Actor::User { person, .. } | Actor::Token { person, .. } => Some(person),
            Actor::Hook { .. } | Actor::Slipway => None,
        }
    }

    /// The name for audit rows and pages: `ada`, `ada (token ci)`, `hook registry`, `Slipway`.
    pub fn label(&self) -> String {
        match self {
            Actor::User { person, .. } => person.name.clone(),
            Actor::Token { name, person, .. } => format!("{} (token {name})", person.name),
            Actor::Hook { name, .. } => format!("hook {name}"),
            Actor::Slipway => "Slipway".to_owned(),
        }
    }
}
