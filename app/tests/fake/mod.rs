//! A port that answers from samples, for tests of the pages and for looking at them.
//!
//! An id names the state that is wanted: `/promotions/ready`, `/environments/failed`.
#![allow(dead_code, reason = "the tests and the gallery each use their own part")]
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a sample says what it expected"
)]

mod ask;
mod commits;
mod decisions;
mod desk;
mod inside;
mod intake;
mod launch;
mod notifications;
mod regions;
mod rules;
mod samples;
mod secrets;
mod sets;
mod shared;
mod stacks;
mod verdicts;

#[allow(unused_imports, reason = "the tests and the gallery each use their own part")]
pub use ask::{Ask, get, router};
#[allow(unused_imports, reason = "the tests and the gallery each use their own part")]
pub use shared::{Fake, HOSTILE, ago, may, named, now, person};

use app::port::Port;
use app::view::*;
use async_trait::async_trait;
use domain::id::*;
use domain::promotion::PromotionState;
use domain::promotion::set::SetNumber;
use domain::{Action, Actor, Problem, Role};

type Answer<T> = Result<T, Problem>;

#[async_trait]
impl Port for Fake {
    async fn counts(&self, _: &Actor) -> Answer<Counts> {
        let (promotions, environments, waiting) = if self.empty { (0, 0, 0) } else { (2, 3, 4) };
        Ok(Counts { promotions, environments, waiting })
    }

    async fn apps(&self, _: &Actor) -> Answer<Vec<AppView>> {
        Ok(if self.empty { Vec::new() } else { self.sample_apps() })
    }
    async fn builds(&self, _: &Actor, filter: BuildFilter, paging: Paging) -> Answer<Page<BuildRow>> {
        if filter.q.as_deref() == Some("nothing") {
            return Ok(Page { items: Vec::new(), next: None });
        }
        Ok(self.page(self.sample_builds(), &paging))
    }
    async fn build(&self, actor: &Actor, id: &BuildId) -> Answer<BuildView> {
        self.sample_build(actor, id)
    }
    async fn commits_of_build(&self, _: &Actor, id: &BuildId) -> Answer<BuildCommits> {
        Ok(self.sample_commits(id))
    }
    async fn runs_beside(&self, _: &Actor, filter: BuildFilter, _: Option<String>, _: Option<String>) -> Answer<Vec<RunRow>> {
        Ok(if self.empty || filter.q.as_deref() == Some("nothing") { Vec::new() } else { self.sample_runs() })
    }
    async fn run(&self, _: &Actor, id: &RunId) -> Answer<RunRow> {
        let run = self.sample_runs().into_iter().find(|run| run.id == *id);
        run.ok_or_else(|| Problem::not_found(domain::problem::Noun::Run, id.as_str()))
    }

    async fn environments(&self, _: &Actor, all: bool, paging: Paging) -> Answer<Page<EnvironmentRow>> {
        Ok(self.page(self.sample_environments(all), &paging))
    }
    async fn environment(&self, actor: &Actor, id: &EnvironmentId) -> Answer<EnvironmentView> {
        self.sample_environment(actor, id)
    }
    async fn launch_environment(&self, _: &Actor, input: LaunchInput) -> Answer<EnvironmentId> {
        self.note(input);
        Ok(EnvironmentId("launching".to_owned()))
    }
    async fn launch_form(&self, actor: &Actor, build: &BuildId, ask: LaunchAsk) -> Answer<LaunchForm> {
        self.sample_launch_form(actor, build, ask)
    }
    async fn relaunch_environment(&self, _: &Actor, id: &EnvironmentId) -> Answer<EnvironmentId> {
        self.note(id);
        Ok(EnvironmentId("launching".to_owned()))
    }
    async fn replace_form(&self, _: &Actor, id: &EnvironmentId) -> Answer<ReplaceForm> {
        Ok(self.sample_replace_form(id))
    }
    async fn replace_build(&self, _: &Actor, id: &EnvironmentId, input: ReplaceInput) -> Answer<()> {
        self.note((id, input));
        Ok(())
    }
    async fn stop_environment(&self, _: &Actor, id: &EnvironmentId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn extend_environment(&self, _: &Actor, id: &EnvironmentId, hours: u32) -> Answer<()> {
        self.note((id, hours));
        Ok(())
    }
    async fn logs_of_build(&self, _: &Actor, _: &BuildId) -> Answer<BuildLogs> {
        Ok(self.sample_logs())
    }
    async fn capacity(&self, _: &Actor) -> Answer<CapacityView> {
        Ok(self.sample_capacity())
    }
    async fn freeze_environment(&self, _: &Actor, id: &EnvironmentId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn thaw_environment(&self, _: &Actor, id: &EnvironmentId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn restart_service(&self, _: &Actor, id: &EnvironmentId, service: String) -> Answer<()> {
        self.note((id, service));
        Ok(())
    }
    async fn hand_over_environment(&self, _: &Actor, id: &EnvironmentId, to: String) -> Answer<()> {
        self.note((id, to));
        Ok(())
    }
    async fn log_page(&self, _: &Actor, _: &EnvironmentId, query: LogQuery) -> Answer<LogPage> {
        Ok(self.sample_log(&query))
    }

    async fn engines(&self, _: &Actor) -> Answer<Vec<EngineView>> {
        Ok(self.sample_engines())
    }

    async fn usage(&self, _: &Actor, _: &EnvironmentId) -> Answer<UsageView> {
        Ok(self.sample_usage())
    }
    async fn processes(&self, _: &Actor, _: &EnvironmentId) -> Answer<Vec<ServiceProcesses>> {
        Ok(self.sample_processes())
    }
    async fn happenings(&self, _: &Actor, _: &EnvironmentId) -> Answer<Vec<HappeningView>> {
        Ok(self.sample_happenings())
    }
    async fn inspect(&self, _: &Actor, _: &EnvironmentId, service: &str) -> Answer<InspectView> {
        Ok(InspectView { service: service.to_owned(), json: self.say("{\n  \"Id\": \"abc\"\n}") })
    }
    async fn shell(&self, actor: &Actor, id: &EnvironmentId, service: &str) -> Answer<ShellView> {
        Ok(ShellView {
            number: 42,
            service: service.to_owned(),
            container: format!("slw-0badcafe-e42-{service}"),
            engine: "test".to_owned(),
            running: id.as_str() == "running",
            may: actor.may(Action::OpenShell),
        })
    }

    async fn record_verdict(&self, _: &Actor, input: VerdictInput, findings: Findings) -> Answer<VerdictId> {
        self.note((input, findings));
        Ok(VerdictId("new".to_owned()))
    }
    async fn withdraw_verdict(&self, _: &Actor, id: &VerdictId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn overrule_verdict(&self, _: &Actor, id: &VerdictId, reason: String) -> Answer<()> {
        self.note((id, reason));
        Ok(())
    }
    async fn sign_off(&self, _: &Actor, build: &BuildId, note: String) -> Answer<SignOffId> {
        self.note((build, note));
        Ok(SignOffId("new".to_owned()))
    }
    async fn withdraw_sign_off(&self, _: &Actor, id: &SignOffId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn send_back(&self, _: &Actor, build: &BuildId, reason: String) -> Answer<SendBackId> {
        self.note((build, reason));
        Ok(SendBackId("new".to_owned()))
    }
    async fn waiting(&self, actor: &Actor) -> Answer<WaitingView> {
        Ok(self.sample_waiting(actor))
    }

    async fn promotions(&self, _: &Actor, state: Option<PromotionState>, paging: Paging) -> Answer<Page<PromotionRow>> {
        let mut items = self.sample_promotions();
        items.retain(|promotion| state.is_none_or(|state| promotion.state == state));
        Ok(self.page(items, &paging))
    }
    async fn promotion(&self, actor: &Actor, id: &PromotionId) -> Answer<PromotionView> {
        self.sample_promotion(actor, id)
    }
    async fn request_promotion(&self, _: &Actor, input: PromotionInput) -> Answer<PromotionId> {
        self.note(input);
        Ok(PromotionId("open".to_owned()))
    }
    async fn approve_promotion(&self, _: &Actor, id: &PromotionId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn start_promotion(&self, _: &Actor, id: &PromotionId, confirmation: Confirmation) -> Answer<()> {
        self.note((id, confirmation));
        Ok(())
    }
    async fn cancel_promotion(&self, _: &Actor, id: &PromotionId, reason: String) -> Answer<()> {
        self.note((id, reason));
        Ok(())
    }
    async fn pause_promotion(&self, _: &Actor, id: &PromotionId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn resume_promotion(&self, _: &Actor, id: &PromotionId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn abort_promotion(&self, _: &Actor, id: &PromotionId, reason: String) -> Answer<()> {
        self.note((id, reason));
        Ok(())
    }
    async fn reject_promotion(&self, _: &Actor, id: &PromotionId, reason: String) -> Answer<()> {
        self.note((id, reason));
        Ok(())
    }
    async fn book_promotion(&self, _: &Actor, id: &PromotionId, input: BookingInput) -> Answer<()> {
        self.note((id, input));
        Ok(())
    }
    async fn unbook_promotion(&self, _: &Actor, id: &PromotionId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn exempt_from_freeze(&self, _: &Actor, id: &PromotionId, reason: String) -> Answer<()> {
        self.note((id, reason));
        Ok(())
    }
    async fn break_glass(&self, _: &Actor, id: &PromotionId, input: GlassInput) -> Answer<()> {
        self.note((id, input));
        Ok(())
    }
    async fn review_glass(&self, _: &Actor, id: &PromotionId, note: String) -> Answer<()> {
        self.note((id, note));
        Ok(())
    }
    async fn roll_back(&self, _: &Actor, input: RollbackInput) -> Answer<PromotionId> {
        self.note(input);
        Ok(PromotionId("rollback".to_owned()))
    }

    async fn promotion_set(&self, actor: &Actor, number: SetNumber) -> Answer<SetView> {
        self.sample_set(actor, number)
    }
    async fn set_form(&self, _: &Actor, from: Option<EnvironmentId>) -> Answer<SetForm> {
        Ok(self.sample_set_form(from))
    }
    async fn request_set(&self, _: &Actor, input: SetInput) -> Answer<SetNumber> {
        self.note(input);
        Ok(SetNumber(1))
    }
    async fn approve_set(&self, _: &Actor, number: SetNumber) -> Answer<SetApproval> {
        self.note(number.to_string());
        Ok(SetApproval { approved: Vec::new(), refused: Vec::new() })
    }
    async fn book_set(&self, _: &Actor, number: SetNumber, input: BookingInput) -> Answer<()> {
        self.note((number.to_string(), input));
        Ok(())
    }
    async fn unbook_set(&self, _: &Actor, number: SetNumber) -> Answer<()> {
        self.note(number.to_string());
        Ok(())
    }
    async fn start_set(&self, _: &Actor, number: SetNumber, confirmation: Confirmation) -> Answer<()> {
        self.note((number.to_string(), confirmation));
        Ok(())
    }
    async fn cancel_set(&self, _: &Actor, number: SetNumber, reason: String) -> Answer<()> {
        self.note((number.to_string(), reason));
        Ok(())
    }
    async fn reject_set(&self, _: &Actor, number: SetNumber, reason: String) -> Answer<()> {
        self.note((number.to_string(), reason));
        Ok(())
    }

    async fn regions(&self, actor: &Actor) -> Answer<RegionBoard> {
        Ok(self.sample_board(actor))
    }
    async fn region(&self, actor: &Actor, name: &str) -> Answer<RegionView> {
        self.sample_region(actor, name)
    }
    async fn region_history(&self, _: &Actor, _: &str, paging: Paging) -> Answer<Page<RegionPast>> {
        Ok(self.page(self.sample_history(), &paging))
    }
    async fn region_rules(&self, _: &Actor, _: &str) -> Answer<RegionRules> {
        Ok(self.sample_rules())
    }
    async fn region_secrets(&self, _: &Actor, name: &str) -> Answer<RegionSecrets> {
        Ok(self.sample_region_secrets(name))
    }
    async fn set_region_secret(&self, _: &Actor, at: (&str, &str), name: String, value: String) -> Answer<()> {
        self.note((at, name, value));
        Ok(())
    }
    async fn remove_region_secret(&self, _: &Actor, at: (&str, &str), name: String) -> Answer<()> {
        self.note((at, name));
        Ok(())
    }
    async fn region_variables(&self, _: &Actor, name: &str) -> Answer<RegionVariables> {
        Ok(self.sample_region_variables(name))
    }
    async fn service_log(&self, _: &Actor, _: &str, app: &str, _: bool, _: Option<u32>) -> Answer<ServiceLog> {
        Ok(self.sample_service_log(app))
    }
    async fn withdraw_canary(&self, _: &Actor, id: &PromotionId, input: WithdrawInput) -> Answer<()> {
        self.note((id, input));
        Ok(())
    }
    async fn extend_canary(&self, _: &Actor, id: &PromotionId, input: ExtendInput) -> Answer<()> {
        self.note((id, input));
        Ok(())
    }
    async fn correct_drift(&self, _: &Actor, region: &str, app: &str, input: CorrectInput) -> Answer<PromotionId> {
        self.note((region, app, input));
        Ok(PromotionId("rollback".to_owned()))
    }
    async fn adopt_drift(&self, _: &Actor, region: &str, app: &str, input: AdoptInput) -> Answer<PromotionId> {
        self.note((region, app, input));
        Ok(PromotionId("rollback".to_owned()))
    }
    async fn plan(&self, actor: &Actor, name: &str) -> Answer<PlanView> {
        self.sample_contingency(actor, name)
    }
    async fn review_plan(&self, _: &Actor, name: &str) -> Answer<()> {
        self.note(name);
        Ok(())
    }
    async fn run_plan(&self, _: &Actor, name: &str, input: PlanInput) -> Answer<PromotionId> {
        self.note((name, input));
        Ok(PromotionId("rollback".to_owned()))
    }
    async fn return_from_plan(&self, _: &Actor, name: &str, input: PlanInput) -> Answer<PromotionId> {
        self.note((name, input));
        Ok(PromotionId("rollback".to_owned()))
    }
    async fn activity(&self, _: &Actor, _: Option<String>, paging: Paging) -> Answer<Page<AuditRow>> {
        Ok(self.page(self.sample_record(), &paging))
    }

    async fn settings(&self, actor: &Actor) -> Answer<SettingsView> {
        Ok(self.sample_settings(actor))
    }
    async fn deliveries(&self, actor: &Actor, filter: DeliveryFilter, paging: Paging) -> Answer<Page<DeliveryRow>> {
        actor.require(Action::SeeDeliveries)?;
        let rows =
            self.sample_deliveries().into_iter().filter(|row| filter.state.as_ref().is_none_or(|state| *state == row.state));
        Ok(self.page(rows.collect(), &paging))
    }
    async fn delivery(&self, actor: &Actor, id: &DeliveryId) -> Answer<DeliveryView> {
        actor.require(Action::SeeDeliveries)?;
        self.sample_delivery(id, actor.may(Action::ManageHooks))
    }
    async fn replay_delivery(&self, _: &Actor, id: &DeliveryId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn add_user(&self, _: &Actor, name: String, role: Role, password: String) -> Answer<UserId> {
        self.note((name, role, password));
        Ok(UserId("new".to_owned()))
    }
    async fn change_role(&self, _: &Actor, id: &UserId, role: Role) -> Answer<()> {
        self.note((id, role));
        Ok(())
    }
    async fn set_disabled(&self, _: &Actor, id: &UserId, disabled: bool) -> Answer<()> {
        self.note((id, disabled));
        Ok(())
    }
    async fn reset_password(&self, _: &Actor, id: &UserId, password: String) -> Answer<()> {
        self.note((id, password));
        Ok(())
    }
    async fn change_own_password(&self, _: &Actor, old: String, new: String) -> Answer<()> {
        self.note((old, new));
        Ok(())
    }
    async fn add_token(&self, _: &Actor, name: String, owner: String, role: Role) -> Answer<NewSecret> {
        self.note((&name, owner, role));
        Ok(NewSecret { id: "new".to_owned(), name, secret: "secret".to_owned() })
    }
    async fn revoke_token(&self, _: &Actor, id: &TokenId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
    async fn add_hook(&self, _: &Actor, new: NewHook) -> Answer<HookMade> {
        self.note(&new);
        Ok(self.hook_made(&new.name))
    }
    async fn hook(&self, actor: &Actor, id: &HookId) -> Answer<HookPage> {
        actor.require(Action::ManageHooks)?;
        self.sample_hook_page(id)
    }
    async fn rotate_hook_secret(&self, _: &Actor, id: &HookId, secret: Option<String>) -> Answer<HookMade> {
        self.note((id, secret));
        Ok(self.hook_made("drone"))
    }
    async fn reveal_hook(&self, _: &Actor, id: &HookId) -> Answer<HookMade> {
        self.note(id);
        Ok(self.hook_made("drone"))
    }
    async fn set_secret(&self, _: &Actor, name: String, value: String) -> Answer<()> {
        self.note((name, value));
        Ok(())
    }
    async fn remove_secret(&self, _: &Actor, name: String) -> Answer<()> {
        self.note(name);
        Ok(())
    }
    async fn sweep_app(&self, _: &Actor, app: String) -> Answer<()> {
        self.note(app);
        Ok(())
    }
    async fn revoke_hook(&self, _: &Actor, id: &HookId) -> Answer<()> {
        self.note(id);
        Ok(())
    }

    async fn stacks(&self, _: &Actor) -> Answer<Vec<StackRow>> {
        Ok(self.sample_stacks())
    }
    async fn stack(&self, _: &Actor, name: &str) -> Answer<StackView> {
        self.sample_stack(name)
    }
    async fn stack_change(&self, _: &Actor, name: &str, version: i64) -> Answer<StackChange> {
        Ok(self.sample_change(name, version))
    }
    async fn check_stack(&self, actor: &Actor, compose: &str) -> Answer<StackCheck> {
        actor.require(Action::EditStacks)?;
        Ok(StackCheck::of(domain::stack::Stack::parse(compose)))
    }
    async fn save_stack(&self, _: &Actor, input: StackInput) -> Answer<i64> {
        self.note(input);
        Ok(4)
    }
    async fn try_stack(&self, _: &Actor, name: &str, compose: &str) -> Answer<EnvironmentId> {
        self.note((name, compose));
        Ok(EnvironmentId("launching".to_owned()))
    }
    async fn restore_stack(&self, _: &Actor, name: &str, version: i64, from: i64) -> Answer<i64> {
        self.note((name, version, from));
        Ok(4)
    }
    async fn notification_targets(&self, actor: &Actor) -> Answer<NotificationsView> {
        actor.require(Action::ManageNotifications)?;
        Ok(self.sample_targets())
    }
    async fn messages(&self, actor: &Actor, filter: MessageFilter, paging: Paging) -> Answer<Page<MessageRow>> {
        actor.require(Action::ManageNotifications)?;
        Ok(self.page(self.sample_messages(&filter), &paging))
    }
    async fn send_test_message(&self, _: &Actor, target: &str) -> Answer<()> {
        self.note(target);
        Ok(())
    }
    async fn replay_message(&self, _: &Actor, id: &MessageId) -> Answer<()> {
        self.note(id);
        Ok(())
    }
}
