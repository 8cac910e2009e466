//! The board of regions, rollback, and the record.

use super::texts;

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
