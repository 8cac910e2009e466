//! What stands on an app's address while the app does not.

use super::texts;

texts! {
    px_signed_out = "Sign in to open this", "登录后即可打开";
    px_signed_out_do = "This address belongs to a test environment. Open it through Slipway.", "此地址属于测试环境，请通过 Slipway 打开。";
    px_forbidden = "Your role may not open test environments", "您的角色无权打开测试环境";
    px_forbidden_do = "Ask an admin for another role.", "请联系管理员调整角色。";
    px_misdirected = "Nothing is at this address", "此地址没有对应的内容";
    px_misdirected_do = "It is not the address of a test environment. Look in the list for the one you want.", "这不是测试环境的地址，请在列表中查找。";
    px_nothing = "This environment has no such port", "此测试环境没有该端口";
    px_nothing_do = "Its page lists the services and the ports that it publishes.", "其页面列出了所有服务及已发布的端口。";
    px_ended(n: i64) = "E-{n} has ended", "E-{n} 已结束";
    px_ended_do = "Its containers are gone. Its page says when and why, and launches it again.", "容器已移除。其页面记录了结束的时间和原因，也可重新启动。";
    px_starting(n: i64) = "E-{n} is starting", "E-{n} 正在启动";
    px_starting_do = "This page looks again by itself.", "本页面会自动刷新。";
    px_frozen(n: i64) = "E-{n} is frozen", "E-{n} 已冻结";
    px_frozen_do = "Its containers are stopped and kept for a look. Its page thaws it.", "容器已停止并保留以供查看，可在其页面解冻。";
    px_away(name: &str) = "The engine {name} does not answer", "引擎 {name} 无响应";
    px_away_do = "Nothing of the environment was removed. Try again in a moment.", "测试环境未被移除，请稍后重试。";
    px_silent(name: &str) = "{name} does not answer", "{name} 无响应";
    px_silent_do = "Its container does not run, or nothing listens at this port. Its log says more.", "容器未运行，或该端口没有程序监听。请查看其日志。";
    px_slow(name: &str) = "{name} took too long to answer", "{name} 响应超时";
    px_slow_do = "The request was given up. Its log may say why.", "请求已放弃，日志中或许有原因。";
    px_busy = "Too many requests are open here", "此处打开的请求过多";
    px_busy_do = "Close some pages of this app, or try again in a moment.", "请关闭该应用的部分页面，或稍后重试。";
    px_ticket = "This way in was used already", "此入口已被使用";
    px_ticket_do = "It is good for one minute and for one browser that takes cookies. Open it once more.", "入口一分钟内有效，且仅限一个启用 Cookie 的浏览器。请重新打开。";
    px_broken = "Something went wrong on our side", "服务端出现问题";
    px_broken_do(reference: &str) = "It was logged under {reference}.", "已记录，编号 {reference}。";
    px_to_environment = "To the environment", "前往测试环境";
    px_to_environments = "To the environments", "前往测试环境列表";
    px_open = "Open it again", "重新打开";
}
