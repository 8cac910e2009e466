//! The words for canaries.

use super::{Text, texts};
use domain::canary::{CanaryState, ReturnCause, Shape};

texts! {
    canary = "Canary", "灰度";
    canary_title(app: &str, region: &str) = "{app} in {region}: canary", "{region} 的 {app}：灰度";
    canary_lead = "A part of this region runs another build. It returns by itself at its end, and at once when a fail quarantines it.", "该区域的一部分正在运行另一个构建。到期后自动撤回；若被判为不通过，则立即撤回。";
    canary_main = "Main", "主版本";
    no_canary = "No canary is here", "此处没有灰度";
    no_canary_help = "A lead requests one with a build: its form for a promotion has a part for it.", "负责人可在构建页面的发布申请中选择灰度。";
    canary_owner = "Owner", "负责人";
    canary_end = "Ends", "结束时间";
    canary_took(n: u32, of: u32) = "{n} of {of} replicas", "{of} 个副本中的 {n} 个";
    canary_beside(n: u32) = "replicas beside the main service: {n}", "主服务之外 {n} 个副本";
    canary_running_of = "Running", "运行中";
    canary_restarts = "Failed tasks", "失败任务";
    canary_starting = "canary starting", "灰度启动中";
    canary_runs = "canary running", "灰度运行中";
    canary_returning = "canary returning", "灰度撤回中";
    canary_returned = "canary returned", "灰度已撤回";
    cause_end = "its time is over", "已到期";
    cause_withdrawn = "somebody withdrew it", "已被人工撤回";
    cause_quarantined = "a fail quarantined its build", "其构建已被判为不通过并隔离";
    cause_failed = "it did not come up", "未能正常启动";
    canary_withdraw = "Withdraw the canary", "撤回灰度";
    canary_withdraw_help = "Its service is removed, and the main service gets its replicas back.", "将移除灰度服务，并恢复主服务的副本数。";
    canary_extend = "Extend", "延长";
    canary_extend_button = "Extend the canary", "延长灰度";
    canary_more_hours = "Hours more", "延长小时数";
    canary_most_hours(n: u32) = "At most {n}: a canary lives for a week at the longest.", "最多 {n} 小时：灰度总时长不超过一周。";
    canary_no_more = "It has reached the longest life of a canary, a week.", "已达到灰度的最长时长（一周）。";
    canary_promote = "Promote this build here", "在此区域发布该构建";
    canary_promote_help = "Opens the form for a promotion, with every gate. Withdraw the canary before the start.", "打开发布申请，所有条件照常检查。启动前请先撤回灰度。";
    canary_starts_note = "It is still starting. To stop it, end its promotion.", "仍在启动。若要停止，请中止其发布。";
    canary_leaves_note = "It is on its way out; what is left of it is removed as soon as the region answers.", "正在撤回；区域可连接后即移除其余内容。";
    canary_form_title = "As a canary: a part of one region, for a while", "灰度：仅更新一个区域的一部分，限时";
    canary_form_check = "Run it as a canary", "作为灰度运行";
    canary_form_about = "In the one region that is chosen. It passes every gate and returns by itself.", "在所选的一个区域内运行。须满足所有条件，到期自动撤回。";
    canary_shape = "How", "方式";
    canary_shape_share = "instead of some replicas, on the same port", "替换部分副本，使用相同端口";
    canary_shape_beside = "beside the main service, on its own port", "与主服务并行，使用独立端口";
    canary_replicas = "Replicas of the canary", "灰度副本数";
    canary_hours = "Hours", "小时数";
    canary_hours_hint(n: u32) = "1 to {n}; then it returns by itself.", "1 至 {n}，到期自动撤回。";
    canary_port_label = "Port label", "端口标签";
    canary_port_hint = "Only for one beside: another label than any app has.", "仅并行方式需要：不得与任何应用的标签相同。";
    canary_for_hours(n: u32) = "{n} hours from its start", "启动后 {n} 小时";
    gate_no_canary(region: &str) = "No canary is in {region}", "{region}没有灰度";
    gate_canary_fits(region: &str) = "{region} has a main service beside which it fits", "{region}有可与灰度并存的主服务";
    help_no_canary = "Withdraw it on the region's page, or wait for its end.", "请在区域页面撤回灰度，或等待其到期。";
    help_canary_fits = "A share leaves the main service at least one replica; a canary is never larger than it.", "替换方式至少保留一个主服务副本；灰度不得多于主服务。";
    note_no_canary = "is the canary that is there", "为当前灰度";
    note_canary_fits = "replicas of the canary / of the region", "灰度副本 / 区域副本";
    do_tend_canary = "withdraw and extend canaries", "撤回和延长灰度";
    kind_canary = "Canary", "灰度";
    canary_followed = "Rolled back as soon as it is gone", "撤回后即回滚";
    rollback_after_canary = "Withdraw the canary, then roll back", "撤回灰度并回滚";
    rollback_canary_help(number: &str) = "The canary {number} is withdrawn now. The rollback starts by itself as soon as it is gone; every gate is checked again then.", "立即撤回灰度 {number}；撤回完成后自动开始回滚，届时再次检查全部条件。";
    follows(by: &str) = "{by} asked for it: it starts by itself as soon as the canary is gone.", "{by} 已发起：灰度撤回后自动启动。";
    follows_until = "given up if it has not started", "仍未启动则放弃：";
    follows_given_up = "The rollback was given up", "回滚已放弃";
    done_canary_withdrawn = "The canary is on its way back.", "灰度正在撤回。";
    done_canary_extended = "The canary's end was moved.", "已延长灰度。";
    msg_canary_returned(number: i64, what: &str, regions: &str) = "The canary P-{number} has returned from {regions}: {what}", "灰度 P-{number} 已从 {regions} 撤回：{what}";
    ask_canary = "Leads: promote the build, or look at why it returned.", "请负责人决定发布该构建，或查看撤回原因。";
    ev_canary_returned = "canary returned", "灰度撤回";
}

impl Text {
    pub const fn canary_state(self, state: CanaryState) -> &'static str {
        match state {
            CanaryState::Starting => self.canary_starting(),
            CanaryState::Running => self.canary_runs(),
            CanaryState::Returning => self.canary_returning(),
            CanaryState::Returned => self.canary_returned(),
        }
    }

    /// Why it returns.
    pub const fn return_cause(self, cause: ReturnCause) -> &'static str {
        match cause {
            ReturnCause::End => self.cause_end(),
            ReturnCause::Withdrawn => self.cause_withdrawn(),
            ReturnCause::Quarantined => self.cause_quarantined(),
            ReturnCause::Failed => self.cause_failed(),
        }
    }

    pub const fn shape(self, shape: Shape) -> &'static str {
        match shape {
            Shape::Share => self.canary_shape_share(),
            Shape::Beside => self.canary_shape_beside(),
        }
    }
}
