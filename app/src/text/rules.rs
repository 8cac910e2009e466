//! The words for freeze windows, and for the rules of a region.

use super::{Text, texts};
use domain::freeze::{Day, FreezeConfig, Once, Weekly};

texts! {
    freeze_windows = "Freeze windows", "冻结窗口";
    freeze_window = "Window", "窗口";
    freeze_times = "When", "时间";
    freeze_apps = "Apps", "应用";
    freeze_changes = "Changes", "下次变化";
    freeze_all_apps = "all apps", "全部应用";
    freeze_forbids = "forbids now", "正在冻结";
    freeze_rests = "not now", "未生效";
    freeze_allows = "allows now", "正在放行";
    freeze_outside = "closed outside of it", "窗口外关闭";
    freeze_unreadable = "cannot be read: closed", "无法读取，按冻结处理";
    no_freezes = "No freeze windows", "没有冻结窗口";
    no_freezes_help = "Windows at which nothing new goes here are written in the applied configuration.", "不允许发布的时间段写在已应用的配置中。";
    closed_now = "Nothing new goes to these apps now", "以下应用当前不接受新的发布";
    rules_version(version: i64) = "As configuration {version} says. A rollback is never frozen.", "依据第 {version} 版配置。回滚不受冻结限制。";
    every_day(from: &str, to: &str) = "every day, {from} to {to}", "每天 {from} 至 {to}";
    every_week(days: &str, from: &str, to: &str) = "{days}, {from} to {to}", "{days} {from} 至 {to}";
    next_day(to: &str) = "{to} on the next day", "次日 {to}";
    once_span(from: &str, to: &str) = "once, {from} to {to}", "一次性，{from} 至 {to}";
}

impl Text {
    /// When a window is, in its own zone.
    pub fn window_times(self, window: &FreezeConfig) -> String {
        match (&window.weekly, &window.once) {
            (Some(weekly), _) => self.weekly(weekly),
            (None, Some(Once { from, to })) => self.once_span(from, to),
            (None, None) => String::new(),
        }
    }

    fn weekly(self, Weekly { days, from, to }: &Weekly) -> String {
        let to = if to <= from { self.next_day(to) } else { to.clone() };
        if days.is_empty() {
            return self.every_day(from, &to);
        }
        let days: Vec<&str> = days.iter().map(|day| self.day(*day)).collect();
        self.every_week(&days.join(self.pick(", ", "、")), from, &to)
    }

    fn day(self, day: Day) -> &'static str {
        match day {
            Day::Mon => self.pick("Mon", "周一"),
            Day::Tue => self.pick("Tue", "周二"),
            Day::Wed => self.pick("Wed", "周三"),
            Day::Thu => self.pick("Thu", "周四"),
            Day::Fri => self.pick("Fri", "周五"),
            Day::Sat => self.pick("Sat", "周六"),
            Day::Sun => self.pick("Sun", "周日"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    #[test]
    fn a_window_is_told_as_people_say_it() {
        let weekly = |days: &[Day], from: &str, to: &str| FreezeConfig {
            weekly: Some(Weekly { days: days.to_vec(), from: from.to_owned(), to: to.to_owned() }),
            ..FreezeConfig::default()
        };
        let night = weekly(&[Day::Fri, Day::Sat], "18:00", "08:00");
        assert_eq!(Text(Lang::En).window_times(&night), "Fri, Sat, 18:00 to 08:00 on the next day");
        assert_eq!(Text(Lang::Zh).window_times(&night), "周五、周六 18:00 至 次日 08:00");
        assert_eq!(Text(Lang::En).window_times(&weekly(&[], "09:00", "17:00")), "every day, 09:00 to 17:00");
    }
}
