//! An environment from inside: logs, plots, processes, what happened, the shell.

use super::{Text, texts};
use crate::plots::Plot;
use domain::happening::Happening;
use domain::log::LogSince;

texts! {
    log_tail_note = "The last 500 lines; with scripts on they are followed live.", "最后 500 行；启用脚本后实时跟随。";
    log_of_all = "Logs of all services", "所有服务的日志";
    all_services = "All", "全部";
    log_since_label = "How far back", "时间范围";
    log_search = "Search the logs", "搜索日志";
    log_search_hint = "Enter searches everything that is kept; typing filters what is shown", "回车搜索全部保留的日志；输入时过滤当前显示的内容";
    log_wrap = "Wrap", "换行";
    log_times = "Times", "时间";
    log_download = "Download", "下载";
    log_hits(found: u64, read: u64) = "{found} of {read} lines", "{read} 行中有 {found} 行";
    log_newest_hits(n: usize) = "The newest {n} are shown.", "显示最新的 {n} 行。";
    log_search_cut = "The search ended at its bound; narrow it down.", "搜索已达上限，请缩小范围。";
    log_show_all = "Show all lines", "显示所有行";
    log_found_note = "Lines that hold what you search for; new ones are added as they come.", "包含搜索内容的行；新行会实时加入。";
    do_shell = "open shells", "打开终端";
    col_acts = "What can be done", "操作";
    usage_note = "The last five minutes, measured while somebody looks", "最近五分钟，仅在有人查看时测量";
    plot_cpu = "CPU", "CPU";
    plot_memory = "Memory", "内存";
    plot_network = "Network", "网络";
    plot_disk = "Disk", "磁盘";
    not_running = "It does not run.", "未在运行。";
    no_container = "It has no container.", "没有容器。";
    process_count(n: usize) = "{n} running", "{n} 个进程";
    processes_of(name: &str) = "Processes of {name}", "{name} 的进程";
    timeline_note = "What the engine told of the containers", "引擎报告的容器事件";
    launched_word = "Launched", "已启动环境";
    ended_word = "Ended", "已结束";
    exit_code(code: i64) = "with exit code {code}", "退出码 {code}";
    happened_started = "started", "已启动";
    happened_ended = "ended", "已退出";
    happened_memory = "ran out of memory", "内存不足";
    happened_restarted = "was restarted", "已重启";
    happened_healthy = "is healthy", "健康";
    happened_unhealthy = "is unhealthy", "不健康";
    happened_paused = "was paused", "已暂停";
    happened_resumed = "goes on", "已恢复";
    happened_removed = "was removed", "已移除";
    inspect_of(name: &str) = "What the engine says about {name}", "引擎对 {name} 的描述";
    inspect_note = "In the engine's words, without what nobody should read.", "引擎的原始描述，已隐去敏感内容。";
    shell = "Shell", "终端";
    shell_in(name: &str) = "Shell in {name}", "{name} 的终端";
    shell_needs = "The terminal needs scripts; without them, use the command below.", "终端需要启用脚本；否则请使用下方命令。";
    shell_not_built = "The terminal was not built into this server.", "此服务器未包含终端组件。";
    shell_opening = "Opening …", "正在打开……";
    shell_open = "Open", "已打开";
    shell_ended = "The shell has ended", "终端已结束";
    shell_left = "The connection is gone.", "连接已断开。";
    shell_idle = "Closed: nothing was typed for 15 minutes.", "已关闭：15 分钟内没有输入。";
    shell_too_long = "Closed: it was open for four hours.", "已关闭：已打开四小时。";
    shell_revoked = "Closed: you may no longer use it, or the environment has ended.", "已关闭：您已无权使用，或环境已结束。";
    shell_stopping = "Closed: Slipway is being stopped.", "已关闭：Slipway 正在停止。";
    shell_refused = "It did not open.", "未能打开。";
    shell_again = "Open again", "重新打开";
    shell_note = "Who opens a shell, where and for how long is in the record. What is typed is not.", "谁在何处打开终端、持续多久均会记录；输入的内容不会记录。";
    shell_by_hand = "On the engine's machine", "在引擎所在的机器上";
    shell_by_hand_note = "Whoever is signed in there opens the same shell with", "登录该机器的人可用以下命令打开同样的终端：";
    since_minutes5 = "5 min", "5 分钟";
    since_hour = "1 h", "1 小时";
    since_launch = "Since launch", "启动以来";
    since_all = "All", "全部";
}

impl Text {
    pub const fn plot(self, plot: Plot) -> &'static str {
        match plot {
            Plot::Cpu => self.plot_cpu(),
            Plot::Memory => self.plot_memory(),
            Plot::Network => self.plot_network(),
            Plot::Disk => self.plot_disk(),
        }
    }

    pub const fn happening(self, what: Happening) -> &'static str {
        match what {
            Happening::Started => self.happened_started(),
            Happening::Ended => self.happened_ended(),
            Happening::OutOfMemory => self.happened_memory(),
            Happening::Restarted => self.happened_restarted(),
            Happening::Healthy => self.happened_healthy(),
            Happening::Unhealthy => self.happened_unhealthy(),
            Happening::Paused => self.happened_paused(),
            Happening::Resumed => self.happened_resumed(),
            Happening::Removed => self.happened_removed(),
        }
    }

    pub const fn log_since(self, since: LogSince) -> &'static str {
        match since {
            LogSince::Minutes5 => self.since_minutes5(),
            LogSince::Hour => self.since_hour(),
            LogSince::Launch => self.since_launch(),
            LogSince::All => self.since_all(),
        }
    }
}
