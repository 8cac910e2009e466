//! Promotions, gates, rollouts and the guarded button.

use super::texts;

texts! {
    promotions_title = "Promotions", "发布";
    promotion_number(n: i64) = "P-{n}", "P-{n}";
    col_promotion = "Promotion", "发布";
    col_gates = "Gates", "条件";
    col_requested = "Requested", "申请";
    gates_of(green: u32, all: u32) = "{green} of {all}", "{green} / {all}";
    no_promotions = "No promotion here", "没有发布";
    no_promotions_help = "A lead opens a build that passed and requests one.", "负责人打开已通过的构建即可申请。";
    what_changes = "What changes", "变更内容";
    nothing_ran = "nothing", "无";
    same_digest = "runs it already; it is verified again", "已在运行，将再次验证";
    replicas(n: u32) = "{n} replica(s)", "{n} 个副本";
    on_port(port: u16) = "port {port}", "端口 {port}";
    no_port = "no port", "无端口";
    one_at_a_time = "one at a time", "逐个更新";
    dip_one = "Capacity dips: the old task stops before the new one starts, so this region is briefly without it.", "容量会下降：旧任务先停后启，此区域将短暂无服务。";
    dip_many(n: u32) = "Capacity dips by one of {n} while each task is replaced.", "逐个替换期间容量减少 {n} 分之一。";
    gates = "Gates", "条件";
    gates_open(n: usize) = "not green yet: {n}", "尚未满足：{n} 项";
    checked = "checked", "检查于";
    clear_it = "open the build", "打开构建";
    see_regions = "see regions", "查看区域";
    approvals = "Approvals", "批准";
    no_approvals = "Nobody has approved yet.", "尚无人批准。";
    does_not_count = "does not count: the requester, or no longer a lead", "不计入：申请人本人，或已不是负责人";
    approve = "Approve", "批准";
    approve_help = "You vouch for this digest in these regions.", "您为这些区域运行此摘要负责。";
    own_request_note = "You requested this, so another lead has to approve it.", "您是申请人，须由另一位负责人批准。";
    start_title = "Start the rollout", "启动更新";
    start_button = "Start rollout", "启动更新";
    start_order(regions: &str) = "In this order: {regions}. It stops at the first region that fails.", "顺序：{regions}。任一区域失败即停止。";
    start_closed = "The button opens when every gate is green.", "所有条件满足后按钮可用。";
    cancel_title = "Cancel this promotion", "取消此发布";
    cancel_button = "Cancel promotion", "取消发布";
    cancel_reason = "Why it is not going out", "取消理由";
    regions_verified(done: usize, all: usize) = "{done} of {all} regions verified", "已验证 {done} / {all} 个区域";
    now_running = "It goes on when you leave this page.", "离开此页不影响进行。";
    roll_back = "Roll back", "回滚";
    result_verified = "Every region runs this digest, seen on the tasks themselves.", "所有区域均已运行此摘要，已在任务上逐一核对。";
    result_failed = "A region failed. Regions after it were left as they were.", "有区域失败，其后的区域保持原样。";
    result_cancelled = "It was cancelled before it started. Nothing was changed.", "启动前已取消，没有任何改动。";
    why_failed = "Why it failed", "失败原因";
}
