//! Promotion sets: several apps that are promoted together.

use super::texts;

texts! {
    new_set = "Promote several apps", "多应用发布";
    new_set_title = "Promote several apps together", "多个应用一起发布";
    promote_these = "Promote this set", "发布此组合";
    set_title(number: &str) = "Promotion set {number}", "发布组 {number}";
    part_of_set(number: &str, place: u32, of: u32) = "{number} ({place} of {of})", "{number}（{place}/{of}）";
    set_starts_it(number: &str) = "{number} starts this promotion when its turn comes.", "轮到时由 {number} 启动此发布。";
    open_set(number: &str) = "Open {number}", "打开 {number}";
    set_members = "Promotions, in their order", "发布及顺序";
    set_builds = "Builds, in the order in which they go out", "构建及发布顺序";
    set_builds_help = "One build for each app. Each begins when the one before it is verified everywhere; leave out what stays as it is.", "每个应用一个构建。前一个在所有区域验证通过后才开始下一个；不发布的应用请留空。";
    set_from = "Taken from", "取自";
    set_leave_out = "not in this set", "不包含";
    set_order_of(app: &str) = "Place of {app}", "{app} 的顺序";
    set_build_of(app: &str) = "Build of {app}", "{app} 的构建";
    set_request_button = "Request all of them", "全部申请";
    set_request_help = "All of them are requested or none. Nothing starts: each is approved on its own gates.", "要么全部申请成功，要么一个也不申请。此时不会启动：每个发布各自满足条件、各自批准。";
    set_no_apps = "At least two apps with builds are needed.", "至少需要两个有构建的应用。";
    set_gates(green: usize, red: usize, waiting: usize) = "{green} green, {red} red, {waiting} waiting", "满足 {green}，不满足 {red}，等待 {waiting}";
    set_approve = "Approve all I may", "批准我可批准的全部";
    set_approve_help = "Each is approved as by itself. What you may not approve is named.", "逐个批准；不能批准的会列出原因。";
    set_start_title = "Start the set", "启动发布组";
    set_start_button = "Start the set", "启动发布组";
    set_start_order(names: &str) = "In this order: {names}. Each begins when the one before is verified; one that fails holds the rest.", "顺序：{names}。前一个验证通过后开始下一个；任一失败则其余不再开始。";
    set_closed(n: usize) = "promotions not ready yet: {n}", "尚未就绪：{n} 个发布";
    set_start_closed = "The button opens when every gate of each is green.", "所有发布的条件全部满足后按钮可用。";
    set_booking_title = "Let the set start by itself", "自动启动发布组";
    set_booking_help = "At its time every gate of each is checked again; it starts whole or not at all.", "到时间后再次检查每个发布的全部条件；要么整体启动，要么完全不启动。";
    set_booked(by: &str) = "{by} booked it: the set starts by itself when every gate of each is green.", "{by} 已预约：各发布的条件全部满足后，发布组自动启动。";
    set_time_in(region: &str, at: &str, zone: &str) = "{region}: {at} ({zone})", "{region}：{at}（{zone}）";
    set_withdraw_title = "Withdraw the set", "撤回发布组";
    set_withdraw_help = "Everything of it that is still open is withdrawn. What runs goes on, what ran stays.", "撤回其中所有未启动的发布；进行中的继续，已完成的保留。";
    set_withdraw_reason = "Why it is not going out", "撤回理由";
    set_withdraw_button = "Withdraw set", "撤回发布组";
    set_reject_title = "Send the set back", "驳回发布组";
    set_reject_help = "Everything of it that is still open is sent back.", "驳回其中所有未启动的发布。";
    set_reject_reason = "Why it is sent back", "驳回理由";
    set_reject_button = "Send set back", "驳回发布组";
    set_turn = "its turn", "轮到它";
    set_waits = "It does not start yet:", "尚未启动：";
    set_running = "One promotion after another", "逐个发布中";
    set_verified = "Every promotion of the set is verified.", "发布组中的发布均已验证。";
    set_stopped(name: &str) = "Stopped at {name}: no other begins.", "停在 {name}：其余不再开始。";
    set_done(names: &str) = "Verified: {names}.", "已验证：{names}。";
    set_not_done(names: &str) = "Not begun: {names}.", "未开始：{names}。";
    set_nothing_done = "Nothing of it was verified.", "没有发布通过验证。";
}
