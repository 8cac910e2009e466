//! Test environments, their steps and logs.

use super::texts;

texts! {
    environments_title = "Environments", "测试环境";
    env_number(n: i64) = "E-{n}", "E-{n}";
    show_running = "Running", "运行中";
    show_all = "With ended", "含已结束";
    col_env = "Environment", "环境";
    col_builds = "Builds", "构建";
    col_holder = "Held by", "持有人";
    col_lease = "Lease", "租期";
    col_links = "Links", "链接";
    no_environments = "No environment is running", "没有运行中的测试环境";
    no_environments_help = "Open a build and press Launch: it takes a few seconds.", "打开一个构建并点击“启动”，只需几秒。";
    to_builds = "To the builds", "前往构建";
    on_engine(name: &str) = "on {name}", "在 {name} 上";
    lease_ends = "ends", "到期";
    lease_ended = "ended", "已结束";
    under_test = "under test", "被测";
    tabs_of_environment = "Ways to look at it", "查看方式";
    tab_overview = "Overview", "概览";
    tab_logs = "Logs", "日志";
    tab_resources = "Resources", "资源";
    tab_processes = "Processes", "进程";
    tab_events = "Events", "事件";
    tab_inspect = "Inspect", "详情";
    steps = "Steps", "步骤";
    steps_done(done: usize, all: usize) = "{done} of {all}", "{done} / {all}";
    no_steps = "The steps appear here in a moment.", "步骤稍后显示。";
    services = "Services", "服务";
    no_services = "No container is there yet.", "尚无容器。";
    engine_away = "The engine does not answer. This is what was last known.", "引擎无响应，以下为最后已知状态。";
    engine_away_since = "engine away since", "引擎离线，自";
    engine_away_waits = "Its engine is away. What was asked for waits and goes on when it is back; nothing is removed meanwhile.", "引擎离线。已提交的操作会等待，引擎恢复后继续；期间不会移除任何内容。";
    col_service = "Service", "服务";
    col_health = "Health", "健康";
    col_restarts = "Restarts", "重启次数";
    no_health = "no check", "无检查";
    open_service(name: &str) = "Open {name}", "打开 {name}";
    link_direct = "direct", "直连";
    log = "Log", "日志";
    log_of(name: &str) = "Log of {name}", "{name} 的日志";
    log_follow = "Follow", "跟随";
    log_empty = "Nothing has been written yet.", "尚无输出。";
    log_away = "The log cannot be read now.", "暂时无法读取日志。";
    log_gap = "{n} lines were left out", "省略了 {n} 行";
    log_end = "The log has ended.", "日志已结束。";
    stop_environment = "Stop environment", "停止环境";
    failed_title = "It did not come up", "未能启动";
    failed_help = "Its containers stay for a look until the lease ends or you stop it.", "容器会保留以供查看，直到租期结束或您停止它。";
    verdict_here = "Your verdict", "您的结论";
    judged_build_word = "It applies to", "针对";
    ended_note = "This environment has ended; its containers are gone. The record stays.", "此环境已结束，容器已移除，记录保留。";
    held_by(name: &str) = "held by {name}", "持有人 {name}";
}
