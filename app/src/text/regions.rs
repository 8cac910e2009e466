//! The board of regions, rollback, and the record.

use super::{Text, texts};
use domain::drift::Part;

texts! {
    regions_title = "Regions", "区域";
    no_board = "No region is configured", "尚未配置区域";
    no_board_help = "Add regions to the configuration and apply it:", "请在配置中添加区域并应用：";
    unreachable = "unreachable", "无法连接";
    reachable = "answers", "可连接";
    looked_at = "looked at", "查看于";
    port_label(label: u16, port: u16) = "label {label} → {port}", "端口标签 {label} → {port}";
    not_deployed = "not deployed", "未部署";
    unknown_build = "unknown build", "未知构建";
    newer(n: u32) = "{n} newer", "落后 {n} 个版本";
    newest_is(tag: &str) = "newest: {tag}", "最新：{tag}";
    healthy(running: u32, desired: u32) = "healthy {running}/{desired}", "健康 {running}/{desired}";
    unhealthy(running: u32, desired: u32) = "unhealthy {running}/{desired}", "异常 {running}/{desired}";
    last_known = "last known", "最后已知";
    drift = "drifted", "偏离";
    drift_help = "It runs something that Slipway did not put there.", "运行的不是由 Slipway 部署的内容。";
    rolling = "rolling out", "更新中";
    open_app = "Open", "打开";

    plan_runs_help = "It runs under a contingency plan until somebody returns from it.", "正按应急预案运行，直至有人结束预案。";
    tabs_of_region = "Ways to look at this region", "查看方式";
    tab_history = "History", "历史";
    tab_rules = "Rules", "规则";
    tab_variables = "Variables", "环境变量";
    to_region = "To the region", "返回该区域";
    nodes = "Nodes", "节点";
    col_node = "Node", "节点";
    col_availability = "Availability", "可用性";
    col_engine_version = "Engine", "引擎版本";
    node_leader = "manager, leader", "管理节点（主）";
    node_manager = "manager", "管理节点";
    node_worker = "worker", "工作节点";
    col_replica = "Replica", "副本";
    col_error = "Error", "错误";
    restarts(n: u32) = "failed tasks: {n}", "失败任务：{n} 个";
    more_tasks(n: usize) = "Earlier tasks: {n}", "之前的任务：{n} 个";
    no_history = "Nothing has been rolled out here", "此处尚无更新记录";
    no_history_help = "Every promotion, rollback, correction and plan in this region is listed here.", "该区域的每次发布、回滚、纠正与预案都会列在这里。";
    no_variables_here = "No app has a variable here", "此处没有任何环境变量";
    no_variables_help = "Variables stand in the configuration, with the app or with the region.", "环境变量写在配置中，属于应用或区域。";
    variables_lead = "Names only; what they hold is not shown. Where regions differ, the region's own value wins over the app's.", "仅显示名称，不显示取值。区域有不同取值时，以区域的取值为准。";
    col_changed_in = "Changed in", "变更版本";
    not_here = "not here", "此处没有";
    beside_same = "same", "相同";
    beside_different = "different", "不同";
    beside_missing = "missing", "缺少";
    read_again = "Read again", "重新读取";
    service_log_note(n: usize) = "The last {n} lines of all tasks, in the order of time; with scripts on they are followed live.", "所有任务的最后 {n} 行，按时间排列；启用脚本后实时跟随。";

    drift_title(app: &str, region: &str) = "{app} in {region}: changed by hand", "{region} 的 {app}：手动改动";
    drift_lead = "Somebody changed the service on the Swarm itself. Put back what was verified, or, where the configuration can say it, take the change over.", "有人直接在 Swarm 上改动了该服务。可以恢复到已验证的状态，或在配置能够表达时采纳改动。";
    drift_since = "Last changed there", "最后改动于";
    drift_unknown = "The service is gone, or carries the mark of another promotion.", "服务已不存在，或带有其他发布的标记。";
    no_drift = "It is what was put there", "与部署内容一致";
    no_drift_help = "Nothing was changed by hand, or it was made right meanwhile.", "没有手动改动，或已经恢复一致。";
    what_differs = "What is different", "差异";
    only_names = "names only", "仅名称";
    col_part = "Part", "部分";
    col_wanted = "Was put there", "部署内容";
    col_seen = "Is there", "当前内容";
    correct_title = "Correct", "纠正";
    correct_button = "Put back what was verified", "恢复已验证的状态";
    correct_help = "A rollout of the same digest, with the same checks as any other.", "以相同摘要进行一次更新，核对与其他更新一致。";
    adopt_title = "Adopt", "采纳";
    adopt_button = "Adopt the replicas", "采纳副本数";
    adopt_help = "The number goes into a new version of the configuration, for this app in this region, and is verified.", "副本数将写入新的配置版本，仅限此区域的此应用，并进行核对。";
    not_adoptable(parts: &str) = "A region's configuration cannot say this: {parts}. Correct it, or change the app's configuration and promote.", "区域配置无法表达：{parts}。请纠正，或修改应用配置后发布。";
    drift_image = "Image", "镜像";
    drift_environment = "Variables", "环境变量";
    drift_command = "Arguments", "启动参数";
    drift_replicas = "Replicas", "副本数";
    drift_ports = "Ports", "端口";
    drift_capabilities = "Capabilities", "权能";
    drift_read_only = "Read-only root", "只读根文件系统";
    drift_mounts = "Mounts", "挂载";
    drift_limits = "Limits", "资源限制";
    drift_unasked = "More than was asked", "额外设置";

    plans = "Contingency plans", "应急预案";
    plan = "Plan", "预案";
    no_plans = "There is no plan for this region", "该区域没有应急预案";
    no_plans_help = "A plan in the configuration is read beforehand and takes one button when it is needed.", "在配置中写好预案并提前审阅，需要时一键启用。";
    plan_lead = "Thought out and read beforehand. It runs through the same steps and checks as a promotion, and one button returns from it.", "事先拟定并审阅。启用时与发布采用相同的步骤与核对，并可一键结束。";
    plan_does = "What it does", "内容";
    plan_scale(n: u32) = "{n} replicas", "{n} 个副本";
    plan_switch = "switch to", "切换到";
    plan_set = "set", "设置";
    plan_runs = "runs", "生效中";
    plan_read = "read", "已审阅";
    plan_unread = "unread", "未审阅";
    plan_reviews = "Who has read it", "审阅";
    no_reviews = "Nobody has read it as it is now.", "当前内容尚无人审阅。";
    review_void = "read an earlier text, or no longer leads", "审阅的是旧内容，或已不是负责人";
    plan_review_button = "I have read it", "我已审阅";
    review_help = "Another lead may use it then. Any change of the plan makes it unread.", "之后其他负责人即可启用。预案一旦修改，需重新审阅。";
    plan_use = "Use it", "启用";
    plan_use_button = "Use the plan now", "立即启用预案";
    plan_use_help = "What is to run there now is kept, so that one button returns to it. A promotion or a rollback ends the plan.", "当前应运行的内容会被保留，可一键恢复。发布或回滚会终止预案。";
    plan_needs_reader = "Another lead has to read it first.", "需要另一位负责人先审阅。";
    plan_return_button = "Return to what ran before", "恢复到之前的状态";
    plan_return_help = "Goes back to exactly what was to run before the plan was used.", "恢复到启用预案之前应运行的内容。";
    plan_runs_in(region: &str) = "Runs in {region}", "正在 {region} 生效";
    done_plan_reviewed = "It is noted that you have read the plan.", "已记录您审阅了该预案。";

    rollback_title(app: &str, region: &str) = "Roll {app} back in {region}", "在{region}回滚 {app}";
    rollback_lead = "The region goes back to the digest that ran before, through the same steps and checks as a promotion. No approval is needed.", "区域将恢复到之前运行的摘要，步骤与核对同发布一致，无需批准。";
    rollback_from = "Runs now", "当前运行";
    rollback_to = "Goes back to", "回滚到";
    rollback_reason = "What is wrong", "出了什么问题";
    rollback_reason_hint = "For the record, and for whoever looks at it tomorrow.", "写入记录，方便明天查看的人。";
    rollback_button = "Roll back now", "立即回滚";
    no_rollback = "There is no way back here", "此处无法回滚";
    no_rollback_help = "This region has run nothing else of this app. Promote another build instead.", "该区域没有运行过此应用的其他版本。请发布另一个构建。";
    to_regions = "To the regions", "返回区域";

    activity_title = "Activity", "动态";
    no_activity = "Nothing has happened yet", "还没有任何动态";
    no_activity_help = "Every decision and change is written here with who, when and why.", "每个决定和变更都会在此记录：谁、何时、为何。";
    col_subject = "Subject", "对象";
    col_detail = "Detail", "详情";
}

/// The Swarm's words for nodes and tasks, and what they mean to a reader.
const SWARM_WORDS: &[(&str, &str, &str)] = &[
    ("ready", "ready", "就绪"),
    ("down", "down", "离线"),
    ("disconnected", "disconnected", "连接断开"),
    ("unknown", "unknown", "未知"),
    ("active", "active", "可调度"),
    ("pause", "paused", "暂停调度"),
    ("drain", "drained", "已排空"),
    ("new", "new", "新建"),
    ("pending", "pending", "等待节点"),
    ("allocated", "allocated", "已分配"),
    ("assigned", "assigned", "已指派"),
    ("accepted", "accepted", "已接受"),
    ("preparing", "pulling", "准备中"),
    ("starting", "starting", "启动中"),
    ("running", "running", "运行中"),
    ("complete", "ended", "已结束"),
    ("shutdown", "shut down", "已关闭"),
    ("failed", "failed", "失败"),
    ("rejected", "rejected", "被拒绝"),
    ("remove", "being removed", "移除中"),
    ("orphaned", "orphaned", "失联"),
];

impl Text {
    /// The Swarm's word for a state; one that the catalogue does not know stands as it is.
    pub fn swarm_word(self, word: &str) -> String {
        let known = SWARM_WORDS.iter().find(|(known, ..)| *known == word);
        known.map_or_else(|| word.to_owned(), |(_, en, zh)| self.pick(en, zh).to_owned())
    }

    /// A part of a service that can be another than it should.
    pub const fn drift_part(self, part: Part) -> &'static str {
        match part {
            Part::Image => self.drift_image(),
            Part::Environment => self.drift_environment(),
            Part::Command => self.drift_command(),
            Part::Replicas => self.drift_replicas(),
            Part::Ports => self.drift_ports(),
            Part::Capabilities => self.drift_capabilities(),
            Part::ReadOnlyRoot => self.drift_read_only(),
            Part::Mounts => self.drift_mounts(),
            Part::Secrets => self.drift_secrets(),
            Part::Limits => self.drift_limits(),
            Part::Unasked => self.drift_unasked(),
        }
    }
}
