//! What messages in chats and mails say.

use super::{Lang, Text, texts};
use domain::notify::{EventKind, MessageLang};
use domain::verdict::VerdictKind;

texts! {
    msg_build_ready(what: &str) = "{what} is ready to be tested", "{what} 可以测试了";
    msg_build_failed(app: &str, run: &str) = "A build of {app} failed: {run}", "{app} 构建失败：{run}";
    msg_tag_moved(what: &str) = "The release tag {what} was moved to another image", "发布标签 {what} 被移到了另一个镜像";
    msg_env_ready(number: i64, what: &str) = "Environment E-{number} is ready: {what}", "测试环境 E-{number} 已就绪：{what}";
    msg_env_failed(number: i64, what: &str) = "Environment E-{number} failed: {what}", "测试环境 E-{number} 失败：{what}";
    msg_env_expiring(number: i64, what: &str) = "Environment E-{number} ends soon: {what}", "测试环境 E-{number} 即将到期：{what}";
    msg_env_handed(number: i64, holder: &str, by: &str) = "{by} handed environment E-{number} over to {holder}", "{by} 将测试环境 E-{number} 移交给 {holder}";
    msg_verdict(kind: &str, what: &str, by: &str) = "{kind}: {what}, by {by}", "{kind}：{what}（{by}）";
    msg_verdict_withdrawn(kind: &str, what: &str, by: &str) = "{by} withdrew the verdict {kind} on {what}", "{by} 撤回了对 {what} 的结论“{kind}”";
    msg_verdict_overruled(what: &str, by: &str) = "{by} overruled a fail of {what}", "{by} 否决了 {what} 的“不通过”";
    msg_signed(what: &str, by: &str) = "{by} signed {what} off", "{by} 签核了 {what}";
    msg_sign_off_withdrawn(what: &str, by: &str) = "{by} withdrew the sign-off of {what}", "{by} 撤回了对 {what} 的签核";
    msg_sent_back(what: &str, by: &str) = "{by} sent {what} back", "{by} 退回了 {what}";
    msg_approval(number: i64, what: &str, regions: &str) = "P-{number} wants approval: {what} to {regions}", "P-{number} 等待批准：{what} 发布到 {regions}";
    msg_started(number: i64, what: &str, regions: &str) = "P-{number}: {what} is on its way to {regions}", "P-{number}：{what} 开始更新到 {regions}";
    msg_verified(number: i64, what: &str, regions: &str) = "P-{number}: {what} runs in {regions}, verified", "P-{number}：{what} 已在 {regions} 运行并验证";
    msg_failed(number: i64, what: &str, regions: &str) = "P-{number}: {what} failed in {regions}", "P-{number}：{what} 在 {regions} 更新失败";
    msg_glass(number: i64, what: &str, regions: &str) = "P-{number}: the glass was broken, {what} goes to {regions}", "P-{number}：紧急启动，{what} 正在更新到 {regions}";
    msg_rollback(number: i64, what: &str, regions: &str) = "P-{number}: {regions} is being rolled back to {what}", "P-{number}：{regions} 正在回滚到 {what}";
    msg_paused(number: i64, what: &str) = "P-{number} is paused: {what}", "P-{number} 已暂停：{what}";
    msg_resumed(number: i64, what: &str) = "P-{number} goes on: {what}", "P-{number} 继续进行：{what}";
    msg_aborted(number: i64, what: &str) = "P-{number} was ended before it was through: {what}", "P-{number} 已中止：{what}";
    msg_silent(hook: &str) = "Nothing was heard of the hook {hook} for long", "钩子 {hook} 已很久没有收到投递";
    msg_test = "A test message from Slipway", "来自 Slipway 的测试消息";
    msg_and_more(title: &str, more: i64) = "{title} (and {more} more)", "{title}（另有 {more} 条）";

    msg_time = "Time", "时间";
    msg_app = "App", "应用";
    msg_version = "Version", "版本";
    msg_namespace = "Namespace", "命名空间";
    msg_image = "Image", "镜像";
    msg_digest = "Digest", "摘要";
    msg_before = "Before", "之前的摘要";
    msg_commit = "Commit", "提交";
    msg_branch = "Branch", "分支";
    msg_by = "By", "操作人";
    msg_author = "Author", "作者";
    msg_run = "CI run", "CI 运行";
    msg_stack = "Stack", "编排";
    msg_holder = "Held by", "持有人";
    msg_until = "Until", "到期时间";
    msg_regions = "Regions", "区域";
    msg_hook = "Hook", "钩子";
    msg_last = "Last delivery", "最近投递";
    msg_why = "Why", "原因";
    msg_also = "Also", "另有";
    msg_not_said = "not said", "未说明";

    ask_test = "Testers: launch an environment and record a verdict.", "请测试人员启动测试环境并记录结论。";
    ask_build = "Whoever pushed: look at the run, mend it and push again.", "请提交者查看运行记录，修复后重新推送。";
    ask_tag = "Leads: a release tag should stay where it is. Find out who pushed it, and have the new image tested.", "发布标签不应移动：请负责人确认由谁推送，并安排测试新镜像。";
    ask_env(holder: &str) = "{holder}: test it and record a verdict before the lease ends.", "请 {holder} 在到期前完成测试并记录结论。";
    ask_env_failed(holder: &str) = "{holder}: see which step failed, then launch it again.", "请 {holder} 查看失败的步骤，然后重新启动。";
    ask_env_ends(holder: &str) = "{holder}: record your verdict before it ends, or extend the lease.", "请 {holder} 在到期前记录结论，或延长租期。";
    ask_env_handed(holder: &str) = "{holder} holds it now and decides how long it stays.", "{holder} 现在持有它，并决定保留多久。";
    ask_sign = "Product managers: look at the verdicts and sign the build off.", "请产品经理查看结论并签核。";
    ask_fail = "Developers: push a fix. This image runs nowhere until the fail is withdrawn or overruled.", "请开发人员推送修复。在“不通过”被撤回或否决前，该镜像不会运行。";
    ask_blocked = "Developers and ops: clear what kept it from being tested.", "请开发和运维排除阻碍测试的问题。";
    ask_look_again = "Leads: look at the build again before it goes further.", "请负责人在继续前重新查看该构建。";
    ask_promote = "Leads: request a promotion when it may go out.", "可以发布时请负责人发起申请。";
    ask_sent_back = "Developers and testers: read the reason, mend it, and have the next build tested.", "请开发和测试人员查看原因，修复后测试下一个构建。";
    ask_approve(by: &str) = "A lead other than {by}: look at the gates and approve it.", "请 {by} 以外的负责人查看条件并批准。";
    ask_failed = "Leads: look at the failed step, then roll back or promote another build.", "请负责人查看失败的步骤，然后回滚或发布其他构建。";
    ask_review(by: &str) = "{by} started it without people's decisions. Leads: look at it, and close the review.", "{by} 未经人工决定即启动。请负责人核查并完成复核。";
    ask_watch = "Leads: stay with it until the region is verified.", "请负责人跟进直到该区域验证完成。";
    ask_resume = "Leads: let it go on or end it.", "请负责人决定继续或中止。";
    ask_aborted = "Leads: look at the regions. What was changed stays until it is rolled back or promoted over.", "请负责人查看各区域。已更改的部分会保留，直到回滚或重新发布。";
    ask_hook = "Admins: see whether the builder or registry still calls this hook.", "请管理员确认构建器或仓库是否仍在调用该钩子。";
    ask_nothing = "If you can read this, nothing is left to do.", "能看到此消息即表示一切正常，无需处理。";

    link_build = "Open the build", "查看构建";
    link_builds = "Open the builds", "查看构建列表";
    link_environment = "Open the environment", "查看测试环境";
    link_promotion = "Open the promotion", "查看发布";
    link_hooks = "Open the hooks", "查看钩子";
    link_notifications = "Open the notifications", "查看通知";
}

impl Text {
    /// The catalogue in a target's language.
    pub const fn of_message(lang: MessageLang) -> Self {
        match lang {
            MessageLang::En => Text(Lang::En),
            MessageLang::Zh => Text(Lang::Zh),
        }
    }

    /// Who is asked to do what after a verdict that stands.
    pub const fn ask_after(self, kind: VerdictKind) -> &'static str {
        match kind {
            VerdictKind::Pass => self.ask_sign(),
            VerdictKind::Fail => self.ask_fail(),
            VerdictKind::Blocked => self.ask_blocked(),
        }
    }

    /// What is told of, in a word or two.
    pub const fn event(self, event: EventKind) -> &'static str {
        match event {
            EventKind::BuildReady => self.ev_build_ready(),
            EventKind::BuildFailed => self.ev_build_failed(),
            EventKind::TagMoved => self.ev_tag_moved(),
            EventKind::EnvironmentReady => self.ev_environment_ready(),
            EventKind::EnvironmentFailed => self.ev_environment_failed(),
            EventKind::EnvironmentExpiring => self.ev_environment_expiring(),
            EventKind::EnvironmentHandedOver => self.ev_environment_handed_over(),
            EventKind::Verdict => self.ev_verdict(),
            EventKind::SignOff => self.ev_sign_off(),
            EventKind::ApprovalWanted => self.ev_approval_wanted(),
            EventKind::RolloutStarted => self.ev_rollout_started(),
            EventKind::RolloutVerified => self.ev_rollout_verified(),
            EventKind::RolloutFailed => self.ev_rollout_failed(),
            EventKind::Rollback => self.ev_rollback(),
            EventKind::PromotionPaused => self.ev_paused(),
            EventKind::PromotionResumed => self.ev_resumed(),
            EventKind::PromotionAborted => self.ev_aborted(),
            EventKind::CanaryReturned => self.ev_canary_returned(),
            EventKind::GlassBroken => self.ev_glass(),
            EventKind::HookSilent => self.ev_hook_silent(),
            EventKind::Test => self.ev_test(),
        }
    }
}
