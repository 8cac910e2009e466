//! What people decide about a promotion: policies, freezes, bookings, rejections, broken glass.

use super::{Text, problem_text, texts};
use crate::plots::bytes;
use domain::Role;
use domain::gate::{Note, Void};
use domain::policy::Policy;

texts! {
    policy_title = "What people decide", "需要人工决定的事项";
    policy_default = "No policy fits: the default counts.", "没有匹配的策略，按默认规则执行。";
    policy_named(names: &str) = "Policies that fit, the strictest of each counts: {names}.", "匹配的策略（各项取最严）：{names}。";
    policy_tested = "A pass by somebody who did not write the build alone.", "由非唯一作者的测试人员给出“通过”。";
    policy_soak(minutes: u32) = "At least {minutes} min since the first pass.", "自首次通过起至少 {minutes} 分钟。";
    policy_sign_off = "A sign-off by product.", "产品经理签核。";
    policy_no_sign_off = "No sign-off is asked for.", "不要求签核。";
    policy_approvals(count: u32, who: &str) = "Approvals by {who}: {count}.", "{who}批准：{count} 人。";
    policy_others = "Neither the requester nor the only author approves.", "申请人和唯一作者的批准不计入。";
    policy_expire(hours: u32) = "An approval counts for {hours} h.", "批准的有效期为 {hours} 小时。";
    policy_glass = "A lead may break the glass.", "负责人可紧急启动。";
    policy_no_glass = "Nobody may break the glass.", "不允许紧急启动。";

    void_requester = "does not count: the requester", "不计入：申请人本人";
    void_author = "does not count: the only author of the commits", "不计入：提交的唯一作者";
    void_role = "does not count: no longer in this role", "不计入：已不是该角色";
    void_subject = "void: digest or regions changed", "已失效：摘要或区域已变更";
    void_policy = "void: policy changed", "已失效：策略已变更";
    void_not_asked = "does not count: nobody of this role is asked", "不计入：策略不要求该角色";
    void_expired = "void: expired", "已失效：已过期";

    note_authors = "the authors of the commits are not known", "提交的作者未知";
    note_own(name: &str) = "{name} wrote the build alone", "{name} 是该构建的唯一作者";
    note_counted(have: u32, need: u32) = "{have} of {need}", "{have} / {need}";
    note_window(name: &str, reason: &str) = "{name}: {reason}", "{name}：{reason}";
    note_exempt(name: &str, reason: &str) = "exception by {name}: {reason}", "{name} 批准例外：{reason}";
    note_may_not_copy = "Slipway may not copy it there", "Slipway 无权将其复制到该仓库";
    note_pinned = "a tag of Slipway keeps it from clean-up", "已由 Slipway 的标签保护，不会被清理";
    note_may_not_pin = "only the registry's own rules keep it", "仅由仓库自身的保留规则保护";
    note_due = "Slipway does it in a moment", "Slipway 即将处理";
    note_copying = "is being copied", "正在复制";
    note_copied(done: &str, all: &str) = "{done} of {all} copied", "已复制 {done} / {all}";
    note_tries_again(why: &str) = "{why} Slipway tries again.", "{why}Slipway 会继续重试。";
    until = "until", "至";

    reject_title = "Send it back", "驳回此发布";
    reject_button = "Reject promotion", "驳回发布";
    reject_reason = "Why it cannot go out like this", "驳回理由";
    rejected_by = "Sent back by", "驳回人";

    exempt_title = "Make an exception from the freeze", "批准冻结例外";
    exempt_help = "For this promotion only. It stands in the record.", "仅限本次发布，并会记录在案。";
    exempt_button = "Make an exception", "批准例外";
    exempt_reason = "Why it cannot wait", "为何不能等待";

    start_by_itself = "By itself", "自动启动";
    start_by_itself_about = "As soon as every gate is green. Type the app's name below.", "所有条件满足后立即启动。请在下方输入应用名称。";
    not_before = "Not before", "不早于";
    not_before_first = "In the first region's own time. Leave it empty for as soon as possible.", "按首个区域的当地时间；留空则尽快启动。";
    not_before_zone(zone: &str) = "In the time of {zone}. Leave it empty for as soon as possible.", "按 {zone} 时间；留空则尽快启动。";
    confirm_itself(app: &str) = "To start by itself: type {app}", "自动启动请输入 {app}";
    password_itself = "To start by itself: your password", "自动启动请输入密码";
    booking_title = "Start by itself", "自动启动";
    booked(by: &str) = "{by} booked it: it starts by itself when every gate is green.", "{by} 已预约：所有条件满足后自动启动。";
    booking_waits = "Tried last:", "最近一次尝试：";
    book_button = "Let it start by itself", "预约自动启动";
    unbook_button = "Start by hand instead", "改为手动启动";

    glass_title = "Break the glass", "紧急启动";
    glass_help = "Starts without tests, sign-off, approvals, soak and freezes. Everybody is told, and another lead reviews it. A quarantined build, a missing image or a region that is away still stops it.", "跳过测试、签核、批准、观察期与冻结直接启动。所有人会收到通知，并由另一位负责人复核。被隔离的构建、缺失的镜像或不可达的区域仍会阻止启动。";
    glass_button = "Break the glass and start", "紧急启动";
    glass_reason = "What is burning", "紧急原因";
    confirm_glass(app: &str) = "To break the glass: type {app}", "紧急启动请输入 {app}";
    password_glass = "To break the glass: your password", "紧急启动请输入密码";
    glass_password_why = "It is always asked for here.", "此操作总是需要密码。";
    glass_broken(by: &str) = "{by} broke the glass", "{by} 执行了紧急启动";
    review_open = "The review is open: another lead has to look at it.", "复核未完成：需由另一位负责人核查。";
    review_closed(by: &str) = "Reviewed by {by}", "{by} 已复核";
    review_note = "What you found", "复核结论";
    review_button = "Close the review", "完成复核";
}

impl Text {
    /// What people have to decide, a sentence each.
    pub fn policy(self, policy: &Policy) -> Vec<String> {
        let mut said = vec![if policy.named.is_empty() {
            self.policy_default().to_owned()
        } else {
            self.policy_named(&policy.named.join(", "))
        }];
        said.push(self.policy_tested().to_owned());
        if policy.soak_in_test_minutes > 0 {
            said.push(self.policy_soak(policy.soak_in_test_minutes));
        }
        said.push(if policy.sign_off { self.policy_sign_off() } else { self.policy_no_sign_off() }.to_owned());
        said.extend(policy.approvals.iter().map(|rule| self.policy_approvals(rule.count, self.role(rule.role))));
        said.push(self.policy_others().to_owned());
        said.push(self.policy_expire(policy.approvals_expire_hours));
        said.push(if policy.break_glass { self.policy_glass() } else { self.policy_no_glass() }.to_owned());
        said
    }

    /// Why an approval does not count.
    pub const fn void(self, void: Void) -> &'static str {
        match void {
            Void::Requester => self.void_requester(),
            Void::OnlyAuthor => self.void_author(),
            Void::RoleLost => self.void_role(),
            Void::SubjectChanged => self.void_subject(),
            Void::PolicyChanged => self.void_policy(),
            Void::NotAsked => self.void_not_asked(),
            Void::Expired => self.void_expired(),
        }
    }

    /// What a person has to know beside a gate's state.
    pub fn gate_note(self, note: &Note) -> String {
        match note {
            Note::AuthorsUnknown => self.note_authors().to_owned(),
            Note::OwnWork { name } => self.note_own(name),
            Note::Counted { have, need } => self.note_counted(*have, *need),
            Note::Window { name, reason } => self.note_window(name, reason),
            Note::Exempt { name, reason } => self.note_exempt(name, reason),
            Note::MayNotCopy => self.note_may_not_copy().to_owned(),
            Note::Pinned => self.note_pinned().to_owned(),
            Note::MayNotPin => self.note_may_not_pin().to_owned(),
            Note::Due => self.note_due().to_owned(),
            Note::UnderWay { all: 0, .. } => self.note_copying().to_owned(),
            Note::UnderWay { done, all } => self.note_copied(&bytes(*done), &bytes(*all)),
            Note::Failed { why } => self.note_tries_again(&problem_text(self, why).happened),
        }
    }

    /// "Approved by a lead", "Approved by 2 of role lead".
    pub fn gate_approvals(self, role: Role, count: u32) -> String {
        match (role, count) {
            (Role::Lead, 1) => self.gate_approved().to_owned(),
            (role, count) => self.gate_approved_by(count, self.role(role)),
        }
    }
}
