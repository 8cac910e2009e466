//! Settings → Notifications.

use super::texts;

texts! {
    notifications = "Notifications", "通知";
    notifications_help = "Targets and routes come from the applied configuration; addresses and keys are secrets and are never shown.", "通知目标和路由来自已应用的配置；地址和密钥属于机密，从不显示。";
    targets = "Targets", "通知目标";
    routes = "Routes", "路由";
    history = "Messages", "消息";
    col_target = "Target", "目标";
    col_kind = "Kind", "类型";
    col_language = "Language", "语言";
    col_quiet = "Quiet hours", "免打扰";
    col_last_sent = "Last sent", "最近发送";
    col_last_problem = "Last problem", "最近问题";
    col_events = "Events", "事件";
    col_to = "To", "发往";
    col_mentions = "Mentions", "提及";
    col_message = "Message", "消息内容";
    col_tries = "Tries", "尝试";
    no_targets = "No target is configured", "尚未配置通知目标";
    no_targets_help = "Add [[targets]] and [[routes]] to the configuration and apply it.", "在配置中添加 [[targets]] 和 [[routes]] 后重新应用。";
    no_routes = "No route is configured: nothing is told to anybody.", "尚未配置路由：不会发送任何通知。";
    no_messages = "Nothing was told yet", "还没有发送过消息";
    no_messages_help = "Messages appear here as soon as something happens that a route takes; a test message shows whether a target works.", "发生路由所接收的事件后，消息会显示在这里；可用测试消息确认目标是否可用。";
    no_such_messages = "No message fits", "没有符合条件的消息";
    no_such_messages_help = "Choose another target or state.", "请选择其他目标或状态。";
    send_test = "Send test message", "发送测试消息";
    send_test_to(name: &str) = "Send a test message to {name}", "向 {name} 发送测试消息";
    replay_message = "Send again", "重新发送";
    replay_of(subject: &str) = "Send again: {subject}", "重新发送：{subject}";
    waiting_messages(n: u32) = "{n} waiting", "{n} 条等待中";
    dead_messages(n: u32) = "{n} given up", "{n} 条已放弃";
    every_event = "every event", "所有事件";
    every_app = "every app", "所有应用";
    every_channel = "every channel", "所有通道";
    every_target = "Every target", "所有目标";
    message_waiting = "waiting", "等待中";
    message_delivered = "delivered", "已送达";
    message_dead = "given up", "已放弃";
    pieces(n: u32) = "{n} news in one", "合并了 {n} 条";
    due = "Due", "预计";
    done_test_sent = "The test message is on its way; the list below shows how it goes.", "测试消息已发出，结果见下方列表。";
    done_message_replayed = "The message is tried again under the same id.", "消息将以相同编号重新发送。";

    ev_build_ready = "build ready", "构建就绪";
    ev_build_failed = "build failed", "构建失败";
    ev_tag_moved = "release tag moved", "发布标签移动";
    ev_environment_ready = "environment ready", "测试环境就绪";
    ev_environment_failed = "environment failed", "测试环境失败";
    ev_environment_expiring = "environment ends soon", "测试环境即将到期";
    ev_environment_handed_over = "environment handed over", "测试环境移交";
    ev_verdict = "verdict", "测试结论";
    ev_sign_off = "sign-off", "签核";
    ev_approval_wanted = "approval wanted", "等待批准";
    ev_rollout_started = "rollout started", "区域更新开始";
    ev_rollout_verified = "rollout verified", "区域更新已验证";
    ev_rollout_failed = "rollout failed", "区域更新失败";
    ev_rollback = "rollback", "回滚";
    ev_paused = "promotion paused", "发布已暂停";
    ev_resumed = "promotion goes on", "发布继续";
    ev_aborted = "promotion ended early", "发布已中止";
    ev_glass = "glass broken", "紧急启动";
    ev_hook_silent = "hook silent", "钩子静默";
    ev_test = "test message", "测试消息";
}
