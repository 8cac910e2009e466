//! How long an environment stays, who holds it, and what can be done with it meanwhile.

use super::texts;

texts! {
    lease_title = "Lease", "租期";
    lease_ends_soon = "Its lease ends soon", "租期即将到期";
    lease_soon_help = "Then its containers are removed. Record your verdict, or extend the lease.", "到期后容器会被移除。请记录结论，或延长租期。";
    lease_soon_other(holder: &str) = "Then its containers are removed. {holder} or a lead can extend the lease.", "到期后容器会被移除。{holder} 或负责人可以延长租期。";
    lease_waits = "begins with its turn", "轮到后开始";
    queue = "Queue", "队列";
    room_title = "Room on the engines", "引擎容量";
    room_environments = "environments", "环境";
    room_memory = "memory", "内存";
    draining = "takes nothing new", "不再接收新环境";
    quotas(person: u32, app: u32) = "At most {person} environments a person and {app} an app.", "每人最多 {person} 个环境，每个应用最多 {app} 个。";
    expected = "starts", "预计开始";
    expected_unknown = "cannot be told yet when it starts", "暂无法预计开始时间";
    in_queue(position: u32) = "number {position} in the queue", "排在第 {position} 位";
    most_environments(most: u32) = "at most {most} environments", "最多 {most} 个环境";
    port_range(range: &str) = "ports {range}", "端口 {range}";
    cancel_launch = "Cancel launch", "取消启动";
    kept_logs = "Logs kept with verdicts", "随结论保留的日志";
    logs_waiting = "The logs are being read.", "正在读取日志。";
    log_size(lines: i64, kib: i64) = "{lines} lines, {kib} KiB", "{lines} 行，{kib} KiB";
    soon = "soon", "即将到期";
    extend = "Extend", "延长";
    extend_by = "By hours", "延长小时数";
    extend_room(hours: u32) = "At most {hours} h more now.", "目前最多还可延长 {hours} 小时。";
    lease_no_room = "It cannot be extended any more; launch a new environment.", "租期已不能再延长，请启动新的环境。";
    hand_over = "Hand over", "移交";
    hand_over_to = "To", "移交给";
    hand_over_hint = "They decide about it then, and are told.", "移交后由对方决定，并会通知对方。";
    freeze = "Freeze", "冻结";
    freeze_help = "Stops its services and keeps them for a look later", "停止并保留其服务，供以后查看";
    thaw = "Thaw", "解冻";
    restart = "Restart", "重启";
    restart_of(name: &str) = "Restart {name}", "重启 {name}";
    frozen_note = "It is frozen: its services are stopped and kept, their logs can be read, and its lease goes on.", "环境已冻结：服务已停止并保留，日志可读，租期继续计算。";
    queued_note = "It waits for room on an engine and starts by itself when its turn comes.", "正在等待引擎空位，轮到后会自动启动。";
    done_freeze = "The environment is being frozen.", "正在冻结环境。";
    done_thaw = "The environment is being thawed.", "正在解冻环境。";
    done_restart = "The service is being restarted.", "正在重启服务。";
    done_extended = "The lease was extended.", "租期已延长。";
    done_handed_over = "The environment was handed over.", "环境已移交。";
}
