//! The port: everything the pages ask of the server. One implementation stands behind it,
//! and REST calls the same use cases.

use crate::view::{
    AdoptInput, AppView, AuditRow, BookingInput, BuildCommits, BuildFilter, BuildLogs, BuildRow, BuildView, CapacityView,
    Confirmation, CorrectInput, Counts, DeliveryFilter, DeliveryRow, DeliveryView, EngineView, EnvironmentRow, EnvironmentView,
    ExtendInput, Findings, GlassInput, HappeningView, HookMade, HookPage, InspectView, LaunchAsk, LaunchForm, LaunchInput,
    LogPage, LogQuery, MessageFilter, MessageRow, NewHook, NewSecret, NotificationsView, Page, Paging, PlanInput, PlanView,
    PromotionInput, PromotionRow, PromotionView, RegionBoard, RegionPast, RegionRules, RegionSecrets, RegionVariables,
    RegionView, ReplaceForm, ReplaceInput, RollbackInput, RunRow, ServiceLog, ServiceProcesses, SetApproval, SetForm, SetInput,
    SetView, SettingsView, ShellView, StackChange, StackCheck, StackInput, StackRow, StackView, UsageView, VerdictInput,
    WaitingView, WithdrawInput,
};
use async_trait::async_trait;
use domain::id::{
    BuildId, DeliveryId, EnvironmentId, HookId, MessageId, PromotionId, RunId, SendBackId, SignOffId, TokenId, UserId, VerdictId,
};
use domain::promotion::PromotionState;
use domain::promotion::set::SetNumber;
use domain::{Actor, Problem, Role};

/// Every method takes the actor first and checks permission on its first line.
#[async_trait]
pub trait Port: Send + Sync {
    async fn counts(&self, actor: &Actor) -> Result<Counts, Problem>;

    // Builds.
    async fn apps(&self, actor: &Actor) -> Result<Vec<AppView>, Problem>;
    async fn builds(&self, actor: &Actor, filter: BuildFilter, paging: Paging) -> Result<Page<BuildRow>, Problem>;
    async fn build(&self, actor: &Actor, id: &BuildId) -> Result<BuildView, Problem>;
    /// What a build brings; what is not known yet is asked for and said to be on its way.
    async fn commits_of_build(&self, actor: &Actor, id: &BuildId) -> Result<BuildCommits, Problem>;
    /// CI runs without an image, beside one page of builds: from its cursor to the cursor of the next.
    async fn runs_beside(
        &self,
        actor: &Actor,
        filter: BuildFilter,
        from: Option<String>,
        to: Option<String>,
    ) -> Result<Vec<RunRow>, Problem>;
    async fn run(&self, actor: &Actor, id: &RunId) -> Result<RunRow, Problem>;

    // Environments.
    async fn environments(&self, actor: &Actor, all: bool, paging: Paging) -> Result<Page<EnvironmentRow>, Problem>;
    async fn environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<EnvironmentView, Problem>;
    async fn launch_environment(&self, actor: &Actor, input: LaunchInput) -> Result<EnvironmentId, Problem>;
    /// What can be chosen when a build is launched.
    async fn launch_form(&self, actor: &Actor, build: &BuildId, ask: LaunchAsk) -> Result<LaunchForm, Problem>;
    async fn relaunch_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<EnvironmentId, Problem>;
    /// What can be put in the place of what an environment runs.
    async fn replace_form(&self, actor: &Actor, id: &EnvironmentId) -> Result<ReplaceForm, Problem>;
    async fn replace_build(&self, actor: &Actor, id: &EnvironmentId, input: ReplaceInput) -> Result<(), Problem>;
    async fn stop_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem>;
    /// The end of the logs, or what is sought in them.
    async fn log_page(&self, actor: &Actor, id: &EnvironmentId, query: LogQuery) -> Result<LogPage, Problem>;
    async fn extend_environment(&self, actor: &Actor, id: &EnvironmentId, hours: u32) -> Result<(), Problem>;
    /// Logs that were kept when verdicts fell.
    async fn logs_of_build(&self, actor: &Actor, id: &BuildId) -> Result<BuildLogs, Problem>;
    async fn capacity(&self, actor: &Actor) -> Result<CapacityView, Problem>;
    /// Stops its services and keeps them.
    async fn freeze_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem>;
    async fn thaw_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem>;
    async fn restart_service(&self, actor: &Actor, id: &EnvironmentId, service: String) -> Result<(), Problem>;
    /// Gives it to somebody else, by name.
    async fn hand_over_environment(&self, actor: &Actor, id: &EnvironmentId, to: String) -> Result<(), Problem>;

    /// The engines that environments are launched on, as they were last heard of.
    async fn engines(&self, actor: &Actor) -> Result<Vec<EngineView>, Problem>;
    /// What the containers use now, and used lately while somebody looked.
    async fn usage(&self, actor: &Actor, id: &EnvironmentId) -> Result<UsageView, Problem>;
    async fn processes(&self, actor: &Actor, id: &EnvironmentId) -> Result<Vec<ServiceProcesses>, Problem>;
    /// What happened to the containers, the newest first.
    async fn happenings(&self, actor: &Actor, id: &EnvironmentId) -> Result<Vec<HappeningView>, Problem>;
    /// What the engine says about a service's container, as far as it may be shown.
    async fn inspect(&self, actor: &Actor, id: &EnvironmentId, service: &str) -> Result<InspectView, Problem>;
    /// Where a shell can be opened.
    async fn shell(&self, actor: &Actor, id: &EnvironmentId, service: &str) -> Result<ShellView, Problem>;

    // Decisions on a build.
    async fn record_verdict(&self, actor: &Actor, input: VerdictInput, findings: Findings) -> Result<VerdictId, Problem>;
    async fn withdraw_verdict(&self, actor: &Actor, id: &VerdictId) -> Result<(), Problem>;
    async fn overrule_verdict(&self, actor: &Actor, id: &VerdictId, reason: String) -> Result<(), Problem>;
    async fn sign_off(&self, actor: &Actor, build: &BuildId, note: String) -> Result<SignOffId, Problem>;
    async fn withdraw_sign_off(&self, actor: &Actor, id: &SignOffId) -> Result<(), Problem>;
    async fn send_back(&self, actor: &Actor, build: &BuildId, reason: String) -> Result<SendBackId, Problem>;
    /// What waits for the reader.
    async fn waiting(&self, actor: &Actor) -> Result<WaitingView, Problem>;

    // Promotions.
    async fn promotions(
        &self,
        actor: &Actor,
        state: Option<PromotionState>,
        paging: Paging,
    ) -> Result<Page<PromotionRow>, Problem>;
    async fn promotion(&self, actor: &Actor, id: &PromotionId) -> Result<PromotionView, Problem>;
    async fn request_promotion(&self, actor: &Actor, input: PromotionInput) -> Result<PromotionId, Problem>;
    async fn approve_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<(), Problem>;
    async fn start_promotion(&self, actor: &Actor, id: &PromotionId, confirmation: Confirmation) -> Result<(), Problem>;
    async fn cancel_promotion(&self, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem>;
    async fn pause_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<(), Problem>;
    /// Lets a paused promotion go on, or the wave begin that waits for a look.
    async fn resume_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<(), Problem>;
    /// Ends a promotion that runs, and leaves its regions as they are.
    async fn abort_promotion(&self, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem>;
    async fn reject_promotion(&self, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem>;
    async fn book_promotion(&self, actor: &Actor, id: &PromotionId, input: BookingInput) -> Result<(), Problem>;
    async fn unbook_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<(), Problem>;
    /// Lets one promotion pass freeze windows.
    async fn exempt_from_freeze(&self, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem>;
    /// Starts one without people's decisions.
    async fn break_glass(&self, actor: &Actor, id: &PromotionId, input: GlassInput) -> Result<(), Problem>;
    async fn review_glass(&self, actor: &Actor, id: &PromotionId, note: String) -> Result<(), Problem>;
    /// Requests and starts a rollback of one region to the digest that ran before.
    async fn roll_back(&self, actor: &Actor, input: RollbackInput) -> Result<PromotionId, Problem>;

    // Promotion sets.
    async fn promotion_set(&self, actor: &Actor, number: SetNumber) -> Result<SetView, Problem>;
    /// What a set can be made of; the builds of the environment are proposed.
    async fn set_form(&self, actor: &Actor, from: Option<EnvironmentId>) -> Result<SetForm, Problem>;
    async fn request_set(&self, actor: &Actor, input: SetInput) -> Result<SetNumber, Problem>;
    /// Approves each of it that can be, and names the others.
    async fn approve_set(&self, actor: &Actor, number: SetNumber) -> Result<SetApproval, Problem>;
    async fn start_set(&self, actor: &Actor, number: SetNumber, confirmation: Confirmation) -> Result<(), Problem>;
    async fn book_set(&self, actor: &Actor, number: SetNumber, input: BookingInput) -> Result<(), Problem>;
    async fn unbook_set(&self, actor: &Actor, number: SetNumber) -> Result<(), Problem>;
    async fn cancel_set(&self, actor: &Actor, number: SetNumber, reason: String) -> Result<(), Problem>;
    async fn reject_set(&self, actor: &Actor, number: SetNumber, reason: String) -> Result<(), Problem>;

    // Regions and the record.
    async fn regions(&self, actor: &Actor) -> Result<RegionBoard, Problem>;
    /// One region, as its Swarm says it now.
    async fn region(&self, actor: &Actor, name: &str) -> Result<RegionView, Problem>;
    async fn region_history(&self, actor: &Actor, name: &str, paging: Paging) -> Result<Page<RegionPast>, Problem>;
    /// The freeze windows and policies of a region.
    async fn region_rules(&self, actor: &Actor, name: &str) -> Result<RegionRules, Problem>;
    /// The secrets of a region's services, by name.
    async fn region_secrets(&self, actor: &Actor, name: &str) -> Result<RegionSecrets, Problem>;
    async fn set_region_secret(&self, actor: &Actor, at: (&str, &str), name: String, value: String) -> Result<(), Problem>;
    async fn remove_region_secret(&self, actor: &Actor, at: (&str, &str), name: String) -> Result<(), Problem>;
    async fn region_variables(&self, actor: &Actor, name: &str) -> Result<RegionVariables, Problem>;
    /// What the tasks of an app's service, or of its canary, wrote last.
    async fn service_log(
        &self,
        actor: &Actor,
        region: &str,
        app: &str,
        canary: bool,
        lines: Option<u32>,
    ) -> Result<ServiceLog, Problem>;
    /// Sends a canary back before its end.
    async fn withdraw_canary(&self, actor: &Actor, id: &PromotionId, input: WithdrawInput) -> Result<(), Problem>;
    /// Moves its end.
    async fn extend_canary(&self, actor: &Actor, id: &PromotionId, input: ExtendInput) -> Result<(), Problem>;
    /// Puts back what was last verified.
    async fn correct_drift(&self, actor: &Actor, region: &str, app: &str, input: CorrectInput) -> Result<PromotionId, Problem>;
    /// Takes the replicas that somebody set by hand into the configuration.
    async fn adopt_drift(&self, actor: &Actor, region: &str, app: &str, input: AdoptInput) -> Result<PromotionId, Problem>;
    async fn plan(&self, actor: &Actor, name: &str) -> Result<PlanView, Problem>;
    async fn review_plan(&self, actor: &Actor, name: &str) -> Result<(), Problem>;
    async fn run_plan(&self, actor: &Actor, name: &str, input: PlanInput) -> Result<PromotionId, Problem>;
    async fn return_from_plan(&self, actor: &Actor, name: &str, input: PlanInput) -> Result<PromotionId, Problem>;
    async fn activity(&self, actor: &Actor, app: Option<String>, paging: Paging) -> Result<Page<AuditRow>, Problem>;

    // Settings.
    async fn settings(&self, actor: &Actor) -> Result<SettingsView, Problem>;
    async fn deliveries(&self, actor: &Actor, filter: DeliveryFilter, paging: Paging) -> Result<Page<DeliveryRow>, Problem>;
    async fn delivery(&self, actor: &Actor, id: &DeliveryId) -> Result<DeliveryView, Problem>;
    async fn replay_delivery(&self, actor: &Actor, id: &DeliveryId) -> Result<(), Problem>;
    async fn add_user(&self, actor: &Actor, name: String, role: Role, password: String) -> Result<UserId, Problem>;
    async fn change_role(&self, actor: &Actor, id: &UserId, role: Role) -> Result<(), Problem>;
    async fn set_disabled(&self, actor: &Actor, id: &UserId, disabled: bool) -> Result<(), Problem>;
    async fn reset_password(&self, actor: &Actor, id: &UserId, password: String) -> Result<(), Problem>;
    async fn change_own_password(&self, actor: &Actor, old: String, new: String) -> Result<(), Problem>;
    async fn add_token(&self, actor: &Actor, name: String, owner: String, role: Role) -> Result<NewSecret, Problem>;
    async fn revoke_token(&self, actor: &Actor, id: &TokenId) -> Result<(), Problem>;
    async fn add_hook(&self, actor: &Actor, new: NewHook) -> Result<HookMade, Problem>;
    async fn hook(&self, actor: &Actor, id: &HookId) -> Result<HookPage, Problem>;
    async fn rotate_hook_secret(&self, actor: &Actor, id: &HookId, secret: Option<String>) -> Result<HookMade, Problem>;
    /// The address once more; who asked is written down.
    async fn reveal_hook(&self, actor: &Actor, id: &HookId) -> Result<HookMade, Problem>;
    async fn revoke_hook(&self, actor: &Actor, id: &HookId) -> Result<(), Problem>;
    async fn set_secret(&self, actor: &Actor, name: String, value: String) -> Result<(), Problem>;
    async fn remove_secret(&self, actor: &Actor, name: String) -> Result<(), Problem>;
    /// Has all tags of an app read from its registry.
    async fn sweep_app(&self, actor: &Actor, app: String) -> Result<(), Problem>;

    // Stacks.
    async fn stacks(&self, actor: &Actor) -> Result<Vec<StackRow>, Problem>;
    async fn stack(&self, actor: &Actor, name: &str) -> Result<StackView, Problem>;
    async fn stack_change(&self, actor: &Actor, name: &str, version: i64) -> Result<StackChange, Problem>;
    /// Reads a text as a save would; what is wrong with it stands in the answer.
    async fn check_stack(&self, actor: &Actor, compose: &str) -> Result<StackCheck, Problem>;
    async fn save_stack(&self, actor: &Actor, input: StackInput) -> Result<i64, Problem>;
    /// Launches a text that is not saved.
    async fn try_stack(&self, actor: &Actor, name: &str, compose: &str) -> Result<EnvironmentId, Problem>;
    async fn restore_stack(&self, actor: &Actor, name: &str, version: i64, from: i64) -> Result<i64, Problem>;

    // Notifications.
    async fn notification_targets(&self, actor: &Actor) -> Result<NotificationsView, Problem>;
    async fn messages(&self, actor: &Actor, filter: MessageFilter, paging: Paging) -> Result<Page<MessageRow>, Problem>;
    async fn send_test_message(&self, actor: &Actor, target: &str) -> Result<(), Problem>;
    /// Tries a message again that was given up, under the id that it had.
    async fn replay_message(&self, actor: &Actor, id: &MessageId) -> Result<(), Problem>;
}
