//! The port's one implementation: each method is one use case.

use crate::ctx::Ctx;
use crate::engine::swarm::Which;
use crate::store::region_secrets::Key;
use crate::usecases::{
    activity, builds, canaries, commits, engines, environments, hooks, intake, notifications, people, promotions, regions,
    rollouts, runs, secrets, settings, stacks, tokens, verdicts, waiting,
};
use app::port::Port;
use app::view::{
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

#[async_trait]
impl Port for Ctx {
    async fn counts(&self, actor: &Actor) -> Result<Counts, Problem> {
        regions::counts(self, actor).await
    }

    async fn apps(&self, actor: &Actor) -> Result<Vec<AppView>, Problem> {
        builds::apps(self, actor).await
    }

    async fn builds(&self, actor: &Actor, filter: BuildFilter, paging: Paging) -> Result<Page<BuildRow>, Problem> {
        builds::builds(self, actor, filter, paging).await
    }

    async fn build(&self, actor: &Actor, id: &BuildId) -> Result<BuildView, Problem> {
        builds::build(self, actor, id).await
    }

    async fn commits_of_build(&self, actor: &Actor, id: &BuildId) -> Result<BuildCommits, Problem> {
        commits::ranges_of_build(self, actor, id).await
    }

    async fn runs_beside(
        &self,
        actor: &Actor,
        filter: BuildFilter,
        from: Option<String>,
        to: Option<String>,
    ) -> Result<Vec<RunRow>, Problem> {
        runs::beside(self, actor, &filter, from.as_deref(), to.as_deref()).await
    }

    async fn run(&self, actor: &Actor, id: &RunId) -> Result<RunRow, Problem> {
        runs::run(self, actor, id).await
    }

    async fn environments(&self, actor: &Actor, all: bool, paging: Paging) -> Result<Page<EnvironmentRow>, Problem> {
        environments::environments(self, actor, all, paging).await
    }

    async fn environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<EnvironmentView, Problem> {
        environments::environment(self, actor, id).await
    }

    async fn launch_environment(&self, actor: &Actor, input: LaunchInput) -> Result<EnvironmentId, Problem> {
        environments::launch_environment(self, actor, input).await
    }

    async fn launch_form(&self, actor: &Actor, build: &BuildId, ask: LaunchAsk) -> Result<LaunchForm, Problem> {
        environments::launch_form(self, actor, build, ask).await
    }

    async fn relaunch_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<EnvironmentId, Problem> {
        environments::relaunch_environment(self, actor, id).await
    }

    async fn replace_form(&self, actor: &Actor, id: &EnvironmentId) -> Result<ReplaceForm, Problem> {
        environments::replace_form(self, actor, id).await
    }

    async fn replace_build(&self, actor: &Actor, id: &EnvironmentId, input: ReplaceInput) -> Result<(), Problem> {
        environments::replace_build(self, actor, id, input).await
    }

    async fn stop_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem> {
        environments::stop_environment(self, actor, id).await
    }

    async fn extend_environment(&self, actor: &Actor, id: &EnvironmentId, hours: u32) -> Result<(), Problem> {
        environments::extend_environment(self, actor, id, hours).await
    }

    async fn hand_over_environment(&self, actor: &Actor, id: &EnvironmentId, to: String) -> Result<(), Problem> {
        environments::hand_over_environment(self, actor, id, &to).await
    }

    async fn logs_of_build(&self, actor: &Actor, id: &BuildId) -> Result<BuildLogs, Problem> {
        environments::logs_of_build(self, actor, id).await
    }

    async fn capacity(&self, actor: &Actor) -> Result<CapacityView, Problem> {
        environments::capacity(self, actor).await
    }

    async fn freeze_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem> {
        environments::freeze_environment(self, actor, id).await
    }

    async fn thaw_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<(), Problem> {
        environments::thaw_environment(self, actor, id).await
    }

    async fn restart_service(&self, actor: &Actor, id: &EnvironmentId, service: String) -> Result<(), Problem> {
        environments::restart_service(self, actor, id, &service).await
    }

    async fn log_page(&self, actor: &Actor, id: &EnvironmentId, query: LogQuery) -> Result<LogPage, Problem> {
        environments::log_page(self, actor, id, &query).await
    }

    async fn engines(&self, actor: &Actor) -> Result<Vec<EngineView>, Problem> {
        engines::engines(self, actor).await
    }

    async fn usage(&self, actor: &Actor, id: &EnvironmentId) -> Result<UsageView, Problem> {
        environments::usage(self, actor, id).await
    }

    async fn processes(&self, actor: &Actor, id: &EnvironmentId) -> Result<Vec<ServiceProcesses>, Problem> {
        environments::processes(self, actor, id).await
    }

    async fn happenings(&self, actor: &Actor, id: &EnvironmentId) -> Result<Vec<HappeningView>, Problem> {
        environments::happenings(self, actor, id).await
    }

    async fn inspect(&self, actor: &Actor, id: &EnvironmentId, service: &str) -> Result<InspectView, Problem> {
        environments::inspect(self, actor, id, service).await
    }

    async fn shell(&self, actor: &Actor, id: &EnvironmentId, service: &str) -> Result<ShellView, Problem> {
        environments::shell(self, actor, id, service).await
    }

    async fn record_verdict(&self, actor: &Actor, input: VerdictInput, findings: Findings) -> Result<VerdictId, Problem> {
        verdicts::record_verdict_with(self, actor, input, findings).await
    }

    async fn withdraw_verdict(&self, actor: &Actor, id: &VerdictId) -> Result<(), Problem> {
        verdicts::withdraw_verdict(self, actor, id).await
    }

    async fn overrule_verdict(&self, actor: &Actor, id: &VerdictId, reason: String) -> Result<(), Problem> {
        verdicts::overrule_verdict(self, actor, id, reason).await
    }

    async fn sign_off(&self, actor: &Actor, build: &BuildId, note: String) -> Result<SignOffId, Problem> {
        verdicts::sign_off(self, actor, build, note).await
    }

    async fn withdraw_sign_off(&self, actor: &Actor, id: &SignOffId) -> Result<(), Problem> {
        verdicts::withdraw_sign_off(self, actor, id).await
    }

    async fn send_back(&self, actor: &Actor, build: &BuildId, reason: String) -> Result<SendBackId, Problem> {
        verdicts::send_back(self, actor, build, reason).await
    }

    async fn waiting(&self, actor: &Actor) -> Result<WaitingView, Problem> {
        waiting::waiting(self, actor).await
    }

    async fn promotions(
        &self,
        actor: &Actor,
        state: Option<PromotionState>,
        paging: Paging,
    ) -> Result<Page<PromotionRow>, Problem> {
        promotions::promotions(self, actor, state, paging).await
    }

    async fn promotion(&self, actor: &Actor, id: &PromotionId) -> Result<PromotionView, Problem> {
        promotions::promotion(self, actor, id).await
    }

    async fn request_promotion(&self, actor: &Actor, input: PromotionInput) -> Result<PromotionId, Problem> {
        promotions::request_promotion(self, actor, input).await
    }

    async fn approve_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<(), Problem> {
        promotions::approve_promotion(self, actor, id).await
    }

    async fn start_promotion(&self, actor: &Actor, id: &PromotionId, confirmation: Confirmation) -> Result<(), Problem> {
        promotions::start_promotion(self, actor, id, confirmation).await
    }

    async fn cancel_promotion(&self, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem> {
        promotions::cancel_promotion(self, actor, id, reason).await
    }

    async fn pause_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<(), Problem> {
        rollouts::pause_promotion(self, actor, id).await
    }

    async fn resume_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<(), Problem> {
        rollouts::resume_promotion(self, actor, id).await
    }

    async fn abort_promotion(&self, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem> {
        rollouts::abort_promotion(self, actor, id, reason).await
    }

    async fn reject_promotion(&self, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem> {
        promotions::reject_promotion(self, actor, id, reason).await
    }

    async fn book_promotion(&self, actor: &Actor, id: &PromotionId, input: BookingInput) -> Result<(), Problem> {
        promotions::book_promotion(self, actor, id, input).await
    }

    async fn unbook_promotion(&self, actor: &Actor, id: &PromotionId) -> Result<(), Problem> {
        promotions::unbook_promotion(self, actor, id).await
    }

    async fn exempt_from_freeze(&self, actor: &Actor, id: &PromotionId, reason: String) -> Result<(), Problem> {
        promotions::exempt_from_freeze(self, actor, id, reason).await
    }

    async fn break_glass(&self, actor: &Actor, id: &PromotionId, input: GlassInput) -> Result<(), Problem> {
        promotions::break_glass(self, actor, id, input).await
    }

    async fn review_glass(&self, actor: &Actor, id: &PromotionId, note: String) -> Result<(), Problem> {
        promotions::review_glass(self, actor, id, note).await
    }

    async fn roll_back(&self, actor: &Actor, input: RollbackInput) -> Result<PromotionId, Problem> {
        promotions::roll_back(self, actor, input).await
    }

    async fn promotion_set(&self, actor: &Actor, number: SetNumber) -> Result<SetView, Problem> {
        promotions::promotion_set(self, actor, number).await
    }

    async fn set_form(&self, actor: &Actor, from: Option<EnvironmentId>) -> Result<SetForm, Problem> {
        promotions::set_form(self, actor, from).await
    }

    async fn request_set(&self, actor: &Actor, input: SetInput) -> Result<SetNumber, Problem> {
        promotions::request_set(self, actor, input).await
    }

    async fn approve_set(&self, actor: &Actor, number: SetNumber) -> Result<SetApproval, Problem> {
        promotions::approve_set(self, actor, number).await
    }

    async fn start_set(&self, actor: &Actor, number: SetNumber, confirmation: Confirmation) -> Result<(), Problem> {
        promotions::start_set(self, actor, number, confirmation).await
    }

    async fn book_set(&self, actor: &Actor, number: SetNumber, input: BookingInput) -> Result<(), Problem> {
        promotions::book_set(self, actor, number, input).await
    }

    async fn unbook_set(&self, actor: &Actor, number: SetNumber) -> Result<(), Problem> {
        promotions::unbook_set(self, actor, number).await
    }

    async fn cancel_set(&self, actor: &Actor, number: SetNumber, reason: String) -> Result<(), Problem> {
        promotions::cancel_set(self, actor, number, reason).await
    }

    async fn reject_set(&self, actor: &Actor, number: SetNumber, reason: String) -> Result<(), Problem> {
        promotions::reject_set(self, actor, number, reason).await
    }

    async fn regions(&self, actor: &Actor) -> Result<RegionBoard, Problem> {
        regions::regions(self, actor).await
    }

    async fn region(&self, actor: &Actor, name: &str) -> Result<RegionView, Problem> {
        regions::region(self, actor, name).await
    }

    async fn region_history(&self, actor: &Actor, name: &str, paging: Paging) -> Result<Page<RegionPast>, Problem> {
        regions::history(self, actor, name, paging).await
    }

    async fn region_rules(&self, actor: &Actor, name: &str) -> Result<RegionRules, Problem> {
        regions::rules(self, actor, name).await
    }

    async fn region_secrets(&self, actor: &Actor, name: &str) -> Result<RegionSecrets, Problem> {
        regions::secrets(self, actor, name).await
    }

    async fn set_region_secret(
        &self,
        actor: &Actor,
        (region, app): (&str, &str),
        name: String,
        value: String,
    ) -> Result<(), Problem> {
        regions::set_secret(self, actor, Key { region, app, name: &name }, &value).await
    }

    async fn remove_region_secret(&self, actor: &Actor, (region, app): (&str, &str), name: String) -> Result<(), Problem> {
        regions::remove_secret(self, actor, Key { region, app, name: &name }).await
    }

    async fn region_variables(&self, actor: &Actor, name: &str) -> Result<RegionVariables, Problem> {
        regions::variables(self, actor, name).await
    }

    async fn service_log(
        &self,
        actor: &Actor,
        region: &str,
        app: &str,
        canary: bool,
        lines: Option<u32>,
    ) -> Result<ServiceLog, Problem> {
        regions::service_log(self, actor, (region, app, Which::canary_if(canary)), lines).await
    }

    async fn withdraw_canary(&self, actor: &Actor, id: &PromotionId, input: WithdrawInput) -> Result<(), Problem> {
        canaries::withdraw_canary(self, actor, id, input).await
    }

    async fn extend_canary(&self, actor: &Actor, id: &PromotionId, input: ExtendInput) -> Result<(), Problem> {
        canaries::extend_canary(self, actor, id, input).await
    }

    async fn correct_drift(&self, actor: &Actor, region: &str, app: &str, input: CorrectInput) -> Result<PromotionId, Problem> {
        regions::correct_drift(self, actor, region, app, input).await
    }

    async fn adopt_drift(&self, actor: &Actor, region: &str, app: &str, input: AdoptInput) -> Result<PromotionId, Problem> {
        regions::adopt_drift(self, actor, region, app, input).await
    }

    async fn plan(&self, actor: &Actor, name: &str) -> Result<PlanView, Problem> {
        regions::plan(self, actor, name).await
    }

    async fn review_plan(&self, actor: &Actor, name: &str) -> Result<(), Problem> {
        regions::review_plan(self, actor, name).await
    }

    async fn run_plan(&self, actor: &Actor, name: &str, input: PlanInput) -> Result<PromotionId, Problem> {
        regions::run_plan(self, actor, name, input).await
    }

    async fn return_from_plan(&self, actor: &Actor, name: &str, input: PlanInput) -> Result<PromotionId, Problem> {
        regions::return_from_plan(self, actor, name, input).await
    }

    async fn activity(&self, actor: &Actor, app: Option<String>, paging: Paging) -> Result<Page<AuditRow>, Problem> {
        activity::activity(self, actor, app, paging).await
    }

    async fn settings(&self, actor: &Actor) -> Result<SettingsView, Problem> {
        settings::settings(self, actor).await
    }

    async fn deliveries(&self, actor: &Actor, filter: DeliveryFilter, paging: Paging) -> Result<Page<DeliveryRow>, Problem> {
        intake::deliveries(self, actor, filter, paging).await
    }

    async fn delivery(&self, actor: &Actor, id: &DeliveryId) -> Result<DeliveryView, Problem> {
        intake::delivery(self, actor, id).await
    }

    async fn replay_delivery(&self, actor: &Actor, id: &DeliveryId) -> Result<(), Problem> {
        intake::replay(self, actor, id).await
    }

    async fn add_user(&self, actor: &Actor, name: String, role: Role, password: String) -> Result<UserId, Problem> {
        people::add_user(self, actor, name, role, password).await
    }

    async fn change_role(&self, actor: &Actor, id: &UserId, role: Role) -> Result<(), Problem> {
        people::change_role(self, actor, id, role).await
    }

    async fn set_disabled(&self, actor: &Actor, id: &UserId, disabled: bool) -> Result<(), Problem> {
        people::set_disabled(self, actor, id, disabled).await
    }

    async fn reset_password(&self, actor: &Actor, id: &UserId, password: String) -> Result<(), Problem> {
        people::reset_password(self, actor, id, password).await
    }

    async fn change_own_password(&self, actor: &Actor, old: String, new: String) -> Result<(), Problem> {
        people::change_own_password(self, actor, old, new).await
    }

    async fn add_token(&self, actor: &Actor, name: String, owner: String, role: Role) -> Result<NewSecret, Problem> {
        tokens::add_token(self, actor, name, owner, role).await
    }

    async fn revoke_token(&self, actor: &Actor, id: &TokenId) -> Result<(), Problem> {
        tokens::revoke_token(self, actor, id).await
    }

    async fn add_hook(&self, actor: &Actor, new: NewHook) -> Result<HookMade, Problem> {
        hooks::add_hook(self, actor, new).await
    }

    async fn hook(&self, actor: &Actor, id: &HookId) -> Result<HookPage, Problem> {
        hooks::hook(self, actor, id).await
    }

    async fn rotate_hook_secret(&self, actor: &Actor, id: &HookId, secret: Option<String>) -> Result<HookMade, Problem> {
        hooks::rotate_secret(self, actor, id, secret).await
    }

    async fn reveal_hook(&self, actor: &Actor, id: &HookId) -> Result<HookMade, Problem> {
        hooks::reveal_address(self, actor, id).await
    }

    async fn set_secret(&self, actor: &Actor, name: String, value: String) -> Result<(), Problem> {
        secrets::set(self, actor, &name, &value).await
    }

    async fn remove_secret(&self, actor: &Actor, name: String) -> Result<(), Problem> {
        secrets::remove(self, actor, &name).await
    }

    async fn sweep_app(&self, actor: &Actor, app: String) -> Result<(), Problem> {
        intake::ask_sweep(self, actor, &app).await
    }

    async fn revoke_hook(&self, actor: &Actor, id: &HookId) -> Result<(), Problem> {
        hooks::revoke_hook(self, actor, id).await
    }

    async fn stacks(&self, actor: &Actor) -> Result<Vec<StackRow>, Problem> {
        stacks::stacks(self, actor).await
    }

    async fn stack(&self, actor: &Actor, name: &str) -> Result<StackView, Problem> {
        stacks::stack(self, actor, name).await
    }

    async fn stack_change(&self, actor: &Actor, name: &str, version: i64) -> Result<StackChange, Problem> {
        stacks::stack_change(self, actor, name, version).await
    }

    async fn check_stack(&self, actor: &Actor, compose: &str) -> Result<StackCheck, Problem> {
        stacks::check_stack(self, actor, compose).await
    }

    async fn save_stack(&self, actor: &Actor, input: StackInput) -> Result<i64, Problem> {
        stacks::save_stack(self, actor, input).await
    }

    async fn try_stack(&self, actor: &Actor, name: &str, compose: &str) -> Result<EnvironmentId, Problem> {
        stacks::try_stack(self, actor, name, compose).await
    }

    async fn restore_stack(&self, actor: &Actor, name: &str, version: i64, from: i64) -> Result<i64, Problem> {
        stacks::restore_stack(self, actor, name, version, from).await
    }

    async fn notification_targets(&self, actor: &Actor) -> Result<NotificationsView, Problem> {
        notifications::targets(self, actor).await
    }

    async fn messages(&self, actor: &Actor, filter: MessageFilter, paging: Paging) -> Result<Page<MessageRow>, Problem> {
        notifications::messages(self, actor, filter, paging).await
    }

    async fn send_test_message(&self, actor: &Actor, target: &str) -> Result<(), Problem> {
        notifications::send_test_message(self, actor, target).await
    }

    async fn replay_message(&self, actor: &Actor, id: &MessageId) -> Result<(), Problem> {
        notifications::replay_message(self, actor, id).await
    }
}
