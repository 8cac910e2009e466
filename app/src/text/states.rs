//! The words for roles, states, gates, steps and what the record says.

use super::{Lang, Text, texts};
use domain::check::CheckState;
use domain::gate::{GateKind, GateState};
use domain::lease::{EndReason, EnvironmentState};
use domain::promotion::{PromotionKind, PromotionState, RolloutState, StepState};
use domain::verdict::VerdictKind;
use domain::{Action, Role};

texts! {
    role_viewer = "viewer", "访客";
    role_tester = "tester", "测试";
    role_product = "product", "产品";
    role_lead = "lead", "负责人";
    role_admin = "admin", "管理员";
    about_viewer = "reads everything", "可查看全部内容";
    about_tester = "launches environments, records verdicts", "启动测试环境、记录测试结论";
    about_product = "signs builds off", "签核构建";
    about_lead = "requests, approves and starts promotions", "申请、批准并启动发布";
    about_admin = "manages people, tokens, hooks and configuration", "管理人员、令牌、钩子与配置";

    verdict_pass = "pass", "通过";
    verdict_fail = "fail", "不通过";
    verdict_blocked = "blocked", "受阻";

    env_queued = "waits for room", "排队中";
    env_restarting = "restarting a service", "重启服务中";
    env_freezing = "freezing", "冻结中";
    env_frozen = "frozen", "已冻结";
    env_thawing = "thawing", "解冻中";
    env_launching = "launching", "启动中";
    env_running = "running", "运行中";
    env_failed = "failed", "失败";
    env_stopping = "stopping", "停止中";
    env_stopped = "stopped", "已停止";
    end_by_hand = "stopped by hand", "手动停止";
    end_lease = "its lease ended", "租期已到";
    end_check = "its check ended", "检查已完成";
    check_waiting = "waiting", "等待";
    check_running = "running", "进行中";
    check_passed = "passed", "通过";
    check_failed = "failed", "未通过";
    check_broken = "says nothing", "无结果";

    promotion_open = "open", "待启动";
    promotion_running = "running", "进行中";
    promotion_verified = "verified", "已验证";
    promotion_failed = "failed", "失败";
    promotion_cancelled = "cancelled", "已取消";
    promotion_aborted = "ended early", "已中止";
    promotion_rejected = "rejected", "已驳回";
    promotion_expired = "expired", "已过期";
    kind_promotion = "Promotion", "发布";
    kind_rollback = "Rollback", "回滚";
    kind_correction = "Correction", "纠正";
    kind_plan = "Plan", "预案";

    rollout_waiting = "waiting", "等待中";
    rollout_running = "rolling out", "更新中";
    rollout_verified = "verified", "已验证";
    rollout_failed = "failed", "失败";
    rollout_skipped = "not touched", "未改动";

    step_waiting = "waiting", "等待";
    step_running = "running", "进行中";
    step_done = "done", "完成";
    step_failed = "failed", "失败";
    step_skipped = "skipped", "跳过";

    gate_green = "green", "已满足";
    gate_waiting = "waiting", "等待中";
    gate_red = "red", "未满足";

    gate_image = "The image is in the registry", "镜像在仓库中";
    gate_tested = "Tested: a pass stands and no fail does", "已测试：有通过结论且无不通过";
    gate_signed = "Signed off by product", "产品已签核";
    gate_approved = "Approved by another lead", "另一位负责人已批准";
    gate_approved_by(count: u32, role: &str) = "Approved by {count} of role {role}", "{role}批准（{count} 人）";
    gate_soaked = "Stayed in test for long enough", "测试观察期已满";
    gate_not_frozen(region: &str) = "{region} is not frozen", "{region}未被冻结";
    gate_ran_before(region: &str) = "Ran in {region} before", "曾在{region}运行";
    gate_not_quarantined = "Not quarantined", "未被隔离";
    gate_reachable(region: &str) = "{region} answers", "{region}可连接";
    gate_no_other(region: &str) = "Nothing else is rolling out in {region}", "{region}没有其他更新在进行";

    help_image = "The registry must hold exactly this digest. If it is gone, push the image again or choose another build.", "仓库中必须有这个摘要的镜像。若已丢失，请重新推送或换一个构建。";
    help_tested = "A tester launches the build and records a pass. A standing fail must first be withdrawn or overruled.", "由测试人员启动该构建并记录“通过”。若有“不通过”，须先撤回或否决。";
    help_signed = "A product manager opens the build and signs it off.", "由产品经理打开该构建并签核。";
    help_approved = "Neither the requester nor the only author counts: ask somebody else of this role.", "申请人和唯一作者的批准不算数：请该角色的其他人批准。";
    help_soaked = "It clears by itself when the time is over.", "时间到后自动满足。";
    help_not_frozen = "It opens by itself when the window ends. A lead who did not request it may make an exception below.", "窗口结束后自动开放；非申请人的负责人可在下方批准例外。";
    help_ran_before = "A way back leads only to a digest that was verified there before.", "只能回滚到曾在该区域验证过的摘要。";
    help_not_quarantined = "A standing fail keeps this digest from running anywhere.", "仍有效的“不通过”使该摘要不能在任何地方运行。";
    help_reachable = "Slipway could not ask the region's Swarm. Check the network or the node; it is asked again by itself.", "无法连接该区域的 Swarm。请检查网络或节点，系统会自动重试。";
    help_no_other = "It clears by itself when the other rollout has ended.", "另一次更新结束后会自动满足。";

    clears_itself = "clears by itself", "自动满足";
    for_operator = "needs an operator", "需要运维处理";
    can_clear(who: &str) = "{who} can clear this", "可由{who}处理";
    a_tester = "a tester", "测试人员";
    a_product = "a product manager", "产品经理";
    a_lead = "a lead", "负责人";
    an_admin = "an admin", "管理员";
    anyone = "anyone", "任何人";

    do_read = "read this", "查看此内容";
    do_account = "change your own account", "修改自己的账户";
    do_launch = "launch environments", "启动测试环境";
    do_stop = "stop environments", "停止测试环境";
    do_open = "open what runs in environments", "打开测试环境中的应用";
    do_keep = "look after environments", "管理测试环境";
    do_edit_stacks = "edit stacks", "编辑编排";
    do_verdict = "record verdicts", "记录测试结论";
    do_withdraw = "withdraw verdicts", "撤回测试结论";
    do_overrule = "overrule a fail", "否决“不通过”结论";
    do_sign_off = "sign builds off", "签核构建";
    do_request = "request promotions", "申请发布";
    do_approve = "approve promotions", "批准发布";
    do_start = "start promotions", "启动发布";
    do_cancel = "cancel promotions", "取消发布";
    do_pause = "pause promotions and let them go on", "暂停或继续发布";
    do_abort = "end promotions that run", "中止发布";
    do_lift_freeze = "make exceptions from freezes", "批准冻结例外";
    do_break_glass = "break the glass", "紧急启动";
    do_roll_back = "roll regions back", "回滚区域";
    do_correct = "correct or adopt what was changed by hand", "纠正或采纳手动改动";
    do_review_plan = "review contingency plans", "审阅应急预案";
    do_run_plan = "use contingency plans", "启用应急预案";
    do_people = "manage people", "管理人员";
    do_tokens = "manage tokens", "管理令牌";
    do_hooks = "manage hooks", "管理钩子";
    do_secrets = "manage secrets", "管理密钥";
    do_notifications = "manage notifications", "管理通知";
    do_configure = "change the configuration", "修改配置";
    do_deliveries = "see deliveries", "查看投递记录";
    do_deliver = "deliver events", "投递事件";
}

impl Text {
    pub(super) fn pick(self, en: &'static str, zh: &'static str) -> &'static str {
        match self.0 {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    pub const fn role(self, role: Role) -> &'static str {
        match role {
            Role::Viewer => self.role_viewer(),
            Role::Tester => self.role_tester(),
            Role::Product => self.role_product(),
            Role::Lead => self.role_lead(),
            Role::Admin => self.role_admin(),
        }
    }

    pub const fn about_role(self, role: Role) -> &'static str {
        match role {
            Role::Viewer => self.about_viewer(),
            Role::Tester => self.about_tester(),
            Role::Product => self.about_product(),
            Role::Lead => self.about_lead(),
            Role::Admin => self.about_admin(),
        }
    }

    /// "a lead": the role as somebody to ask.
    pub const fn somebody(self, role: Role) -> &'static str {
        match role {
            Role::Viewer => self.anyone(),
            Role::Tester => self.a_tester(),
            Role::Product => self.a_product(),
            Role::Lead => self.a_lead(),
            Role::Admin => self.an_admin(),
        }
    }

    /// Who is allowed to do it: "a tester, a lead".
    pub fn who_may(self, action: Action) -> String {
        let who: Vec<&str> = Role::ALL.into_iter().filter(|role| role.allows(action)).map(|role| self.somebody(role)).collect();
        who.join(self.pick(" or ", "或"))
    }

    /// What the action does, after "may" or "in order to".
    pub const fn action(self, action: Action) -> &'static str {
        match action {
            Action::Read => self.do_read(),
            Action::KeepOwnAccount => self.do_account(),
            Action::LaunchEnvironment => self.do_launch(),
            Action::StopEnvironment => self.do_stop(),
            Action::OpenShell => self.do_shell(),
            Action::OpenEnvironment => self.do_open(),
            Action::KeepEnvironment => self.do_keep(),
            Action::EditStacks => self.do_edit_stacks(),
            Action::RecordVerdict => self.do_verdict(),
            Action::WithdrawVerdict => self.do_withdraw(),
            Action::OverruleVerdict => self.do_overrule(),
            Action::SignOff => self.do_sign_off(),
            Action::RequestPromotion => self.do_request(),
            Action::ApprovePromotion => self.do_approve(),
            Action::StartPromotion => self.do_start(),
            Action::CancelPromotion => self.do_cancel(),
            Action::PausePromotion => self.do_pause(),
            Action::AbortPromotion => self.do_abort(),
            Action::LiftFreeze => self.do_lift_freeze(),
            Action::BreakGlass => self.do_break_glass(),
            Action::RollBack => self.do_roll_back(),
            Action::CorrectRegion => self.do_correct(),
            Action::ReviewPlan => self.do_review_plan(),
            Action::RunPlan => self.do_run_plan(),
            Action::TendCanary => self.do_tend_canary(),
            Action::SetRegionSecrets => self.do_region_secrets(),
            Action::ManagePeople => self.do_people(),
            Action::ManageTokens => self.do_tokens(),
            Action::ManageHooks => self.do_hooks(),
            Action::ManageSecrets => self.do_secrets(),
            Action::ManageNotifications => self.do_notifications(),
            Action::Configure => self.do_configure(),
            Action::SeeDeliveries => self.do_deliveries(),
            Action::Deliver => self.do_deliver(),
        }
    }

    pub const fn verdict(self, kind: VerdictKind) -> &'static str {
        match kind {
            VerdictKind::Pass => self.verdict_pass(),
            VerdictKind::Fail => self.verdict_fail(),
            VerdictKind::Blocked => self.verdict_blocked(),
        }
    }

    pub const fn environment_state(self, state: EnvironmentState) -> &'static str {
        match state {
            EnvironmentState::Queued => self.env_queued(),
            EnvironmentState::Restarting => self.env_restarting(),
            EnvironmentState::Freezing => self.env_freezing(),
            EnvironmentState::Frozen => self.env_frozen(),
            EnvironmentState::Thawing => self.env_thawing(),
            EnvironmentState::Launching => self.env_launching(),
            EnvironmentState::Running => self.env_running(),
            EnvironmentState::Failed => self.env_failed(),
            EnvironmentState::Stopping => self.env_stopping(),
            EnvironmentState::Stopped => self.env_stopped(),
        }
    }

    pub const fn check_state(self, state: CheckState) -> &'static str {
        match state {
            CheckState::Waiting => self.check_waiting(),
            CheckState::Running => self.check_running(),
            CheckState::Passed => self.check_passed(),
            CheckState::Failed => self.check_failed(),
            CheckState::Broken => self.check_broken(),
        }
    }

    pub const fn end_reason(self, reason: EndReason) -> &'static str {
        match reason {
            EndReason::StoppedByHand => self.end_by_hand(),
            EndReason::LeaseEnded => self.end_lease(),
            EndReason::CheckEnded => self.end_check(),
        }
    }

    pub const fn promotion_state(self, state: PromotionState) -> &'static str {
        match state {
            PromotionState::Open => self.promotion_open(),
            PromotionState::Running => self.promotion_running(),
            PromotionState::Verified => self.promotion_verified(),
            PromotionState::Failed => self.promotion_failed(),
            PromotionState::Cancelled => self.promotion_cancelled(),
            PromotionState::Aborted => self.promotion_aborted(),
            PromotionState::Rejected => self.promotion_rejected(),
            PromotionState::Expired => self.promotion_expired(),
        }
    }

    pub const fn promotion_kind(self, kind: PromotionKind) -> &'static str {
        match kind {
            PromotionKind::Promotion => self.kind_promotion(),
            PromotionKind::Rollback => self.kind_rollback(),
            PromotionKind::Correction => self.kind_correction(),
            PromotionKind::Plan => self.kind_plan(),
            PromotionKind::Canary => self.kind_canary(),
        }
    }

    pub const fn rollout_state(self, state: RolloutState) -> &'static str {
        match state {
            RolloutState::Waiting => self.rollout_waiting(),
            RolloutState::Running => self.rollout_running(),
            RolloutState::Verified => self.rollout_verified(),
            RolloutState::Failed => self.rollout_failed(),
            RolloutState::Skipped => self.rollout_skipped(),
        }
    }

    pub const fn step_state(self, state: StepState) -> &'static str {
        match state {
            StepState::Waiting => self.step_waiting(),
            StepState::Running => self.step_running(),
            StepState::Done => self.step_done(),
            StepState::Failed => self.step_failed(),
            StepState::Skipped => self.step_skipped(),
        }
    }

    pub const fn gate_state(self, state: GateState) -> &'static str {
        match state {
            GateState::Green => self.gate_green(),
            GateState::Waiting => self.gate_waiting(),
            GateState::Red => self.gate_red(),
        }
    }

    /// The gate's condition, with the region's title where it is about one.
    pub fn gate(self, kind: &GateKind, region: &str) -> String {
        match kind {
            GateKind::ImagePresent => self.gate_image().to_owned(),
            GateKind::Tested => self.gate_tested().to_owned(),
            GateKind::SignedOff => self.gate_signed().to_owned(),
            GateKind::Approved { role, count } => self.gate_approvals(*role, *count),
            GateKind::SoakedInTest => self.gate_soaked().to_owned(),
            GateKind::NotFrozen { .. } => self.gate_not_frozen(region),
            GateKind::RanBefore { .. } => self.gate_ran_before(region),
            GateKind::NotQuarantined => self.gate_not_quarantined().to_owned(),
            GateKind::RegionReachable { .. } => self.gate_reachable(region),
            GateKind::NoOtherRollout { .. } => self.gate_no_other(region),
            GateKind::ImageInRegion { .. } => self.gate_image_in(region),
            GateKind::EnoughRoom { .. } => self.gate_room(region),
            GateKind::VariablesThere { .. } => self.gate_variables(region),
            GateKind::SecretsThere { .. } => self.gate_secrets(region),
            GateKind::NotOlder { .. } => self.gate_not_older(region),
            GateKind::WayBackKept { .. } => self.gate_way_back(region),
            GateKind::NoCanary { .. } => self.gate_no_canary(region),
            GateKind::CanaryFits { .. } => self.gate_canary_fits(region),
        }
    }

    /// What to do while it is not green.
    pub const fn gate_help(self, kind: &GateKind) -> &'static str {
        match kind {
            GateKind::ImagePresent => self.help_image(),
            GateKind::Tested => self.help_tested(),
            GateKind::SignedOff => self.help_signed(),
            GateKind::Approved { .. } => self.help_approved(),
            GateKind::SoakedInTest => self.help_soaked(),
            GateKind::NotFrozen { .. } => self.help_not_frozen(),
            GateKind::RanBefore { .. } => self.help_ran_before(),
            GateKind::NotQuarantined => self.help_not_quarantined(),
            GateKind::RegionReachable { .. } => self.help_reachable(),
            GateKind::NoOtherRollout { .. } => self.help_no_other(),
            GateKind::ImageInRegion { .. } => self.help_image_in(),
            GateKind::EnoughRoom { .. } => self.help_room(),
            GateKind::VariablesThere { .. } => self.help_variables(),
            GateKind::SecretsThere { .. } => self.help_secrets(),
            GateKind::NotOlder { .. } => self.help_not_older(),
            GateKind::WayBackKept { .. } => self.help_way_back(),
            GateKind::NoCanary { .. } => self.help_no_canary(),
            GateKind::CanaryFits { .. } => self.help_canary_fits(),
        }
    }

    /// The state of a delivery.
    pub fn delivery_state(self, state: &str) -> String {
        match state {
            "stored" => self.pick("stored", "已保存").to_owned(),
            "done" => self.pick("done", "已处理").to_owned(),
            "ignored" => self.pick("ignored", "已忽略").to_owned(),
            "failed" => self.pick("failed", "失败").to_owned(),
            "duplicate" => self.pick("duplicate", "重复").to_owned(),
            "refused" => self.pick("refused", "已拒绝").to_owned(),
            other => other.to_owned(),
        }
    }

    /// The engine's word for a container's state, where the catalogue knows it.
    pub fn service_state(self, state: &str) -> String {
        match state {
            "running" => self.env_running().to_owned(),
            "missing" => self.pick("missing", "不存在").to_owned(),
            "created" => self.pick("created", "已创建").to_owned(),
            "restarting" => self.pick("restarting", "重启中").to_owned(),
            "healthy" => self.pick("healthy", "健康").to_owned(),
            "unhealthy" => self.pick("unhealthy", "不健康").to_owned(),
            "starting" => self.pick("starting", "检查中").to_owned(),
            other => match other.strip_prefix("exited") {
                Some(rest) => format!("{}{rest}", self.pick("exited", "已退出")),
                None => other.to_owned(),
            },
        }
    }
}
