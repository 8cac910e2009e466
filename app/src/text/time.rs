//! Times as people say them.

use super::{Lang, Text};

impl Text {
    /// "4 min ago", "in 3 h", "just now".
    pub fn relative(self, seconds_ago: i64) -> String {
        let length = self.span(seconds_ago.abs());
        match (self.0, seconds_ago) {
            (Lang::En, -4..=4) => "just now".to_owned(),
            (Lang::Zh, -4..=4) => "刚刚".to_owned(),
            (Lang::En, 0..) => format!("{length} ago"),
            (Lang::Zh, 0..) => format!("{length}前"),
            (Lang::En, _) => format!("in {length}"),
            (Lang::Zh, _) => format!("{length}后"),
        }
    }

    /// "12 s", "4 min", "3 h", "2 d": one unit, for tables and running clocks.
    pub fn span(self, seconds: i64) -> String {
        let seconds = seconds.max(0);
        let (number, en, zh) = match seconds {
            0..60 => (seconds, "s", "秒"),
            60..3600 => (seconds / 60, "min", "分钟"),
            3600..86_400 => (seconds / 3600, "h", "小时"),
            _ => (seconds / 86_400, "d", "天"),
        };
        match self.0 {
            Lang::En => format!("{number} {en}"),
            Lang::Zh => format!("{number} {zh}"),
        }
    }

    /// "4.2 s", "2 min 05 s": how long a step took or has been running.
    pub fn elapsed(self, milliseconds: i64) -> String {
        let milliseconds = milliseconds.max(0);
        let seconds = milliseconds / 1000;
        match (self.0, seconds) {
            (Lang::En, 0..10) => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
            (Lang::Zh, 0..10) => format!("{}.{} 秒", seconds, milliseconds % 1000 / 100),
            (Lang::En, 10..60) => format!("{seconds} s"),
            (Lang::Zh, 10..60) => format!("{seconds} 秒"),
            (Lang::En, 60..3600) => format!("{} min {:02} s", seconds / 60, seconds % 60),
            (Lang::Zh, 60..3600) => format!("{} 分 {:02} 秒", seconds / 60, seconds % 60),
            (Lang::En, _) => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
            (Lang::Zh, _) => format!("{} 小时 {:02} 分", seconds / 3600, seconds % 3600 / 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        let (en, zh) = (Text(Lang::En), Text(Lang::Zh));
        assert_eq!(en.relative(0), "just now");
        assert_eq!(en.relative(59), "59 s ago");
        assert_eq!(en.relative(240), "4 min ago");
        assert_eq!(zh.relative(240), "4 分钟前");
        assert_eq!(en.relative(-10_800), "in 3 h");
        assert_eq!(zh.relative(-172_800), "2 天后");
        assert_eq!(en.elapsed(4_210), "4.2 s");
        assert_eq!(en.elapsed(125_000), "2 min 05 s");
        assert_eq!(zh.elapsed(3_725_000), "1 小时 02 分");
        assert_eq!(en.elapsed(-5), "0.0 s");
    }
}
