//! Every word the reader sees: one typed catalogue, English and Chinese side by side.
//!
//! A string without its translation does not compile; what stands in a sentence is an
//! argument of its function.

mod builds;
mod canary;
mod commits;
mod decisions;
mod deliveries;
mod environments;
mod gates;
mod general;
mod inside;
mod intake;
mod launch;
mod leases;
mod messages;
mod notifications;
mod people;
mod problems;
mod promotions;
mod proxied;
mod regions;
mod rules;
mod secrets;
mod sets;
mod stacks;
mod states;
mod time;
mod verdicts;
mod words;

pub use problems::{Explained, fault_text, problem_text};
pub use words::{ACTION_WORDS, SUBJECT_WORDS};

/// The reader's language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lang {
    #[default]
    En,
    Zh,
}

impl Lang {
    pub const ALL: [Lang; 2] = [Lang::Zh, Lang::En];

    /// The word in the cookie, in the preferences form and in `<html lang>`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Zh => "zh",
        }
    }

    /// Its own name, for the switch.
    pub const fn own_name(self) -> &'static str {
        match self {
            Lang::En => "English",
            Lang::Zh => "中文",
        }
    }

    /// Reads `zh`, `zh-CN`, `en` …; `None` for other languages.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.get(..2) {
            Some("zh") => Some(Lang::Zh),
            Some("en") => Some(Lang::En),
            _ => None,
        }
    }

    /// The first language of an `Accept-Language` header that Slipway speaks.
    pub fn accepted(header: &str) -> Self {
        header.split(',').find_map(|part| Self::from_word(part.trim())).unwrap_or_default()
    }
}

/// The catalogue in one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text(pub Lang);

/// `name = "English", "中文";` or, with arguments, `name(n: u32) = "{n} builds", "{n} 个构建";`
macro_rules! texts {
    (@one $name:ident [] $en:literal $zh:literal) => {
        pub const fn $name(self) -> &'static str {
            match self.0 { $crate::text::Lang::En => $en, $crate::text::Lang::Zh => $zh }
        }
    };
    (@one $name:ident [($($arg:ident : $ty:ty),+)] $en:literal $zh:literal) => {
        pub fn $name(self, $($arg: $ty),+) -> String {
            match self.0 { $crate::text::Lang::En => format!($en), $crate::text::Lang::Zh => format!($zh) }
        }
    };
    ($($name:ident $(($($arg:ident : $ty:ty),+))? = $en:literal, $zh:literal;)+) => {
        impl $crate::text::Text {
            $($crate::text::texts!(@one $name [$(($($arg: $ty),+))?] $en $zh);)+
        }

        #[cfg(test)]
        pub(super) const ENTRIES: &[(&str, &str, &str)] = &[$((stringify!($name), $en, $zh)),+];
    };
}
use texts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_chinese_string_is_chinese() {
        let all = [
            general::ENTRIES,
            inside::ENTRIES,
            intake::ENTRIES,
            builds::ENTRIES,
            canary::ENTRIES,
            commits::ENTRIES,
            environments::ENTRIES,
            gates::ENTRIES,
            launch::ENTRIES,
            leases::ENTRIES,
            decisions::ENTRIES,
            promotions::ENTRIES,
            proxied::ENTRIES,
            regions::ENTRIES,
            rules::ENTRIES,
            secrets::ENTRIES,
            people::ENTRIES,
            deliveries::ENTRIES,
            sets::ENTRIES,
            states::ENTRIES,
            problems::ENTRIES,
            messages::ENTRIES,
            notifications::ENTRIES,
            stacks::ENTRIES,
            verdicts::ENTRIES,
        ];
        for (name, en, zh) in all.into_iter().flatten() {
            assert!(!en.is_empty(), "{name} has no English");
            let has_han = zh.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
            let words: String = zh.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect();
            let only_data = !words.chars().any(char::is_alphabetic) || en == zh;
            assert!(has_han || only_data, "{name} is not translated: {zh}");
        }
    }

    #[test]
    fn the_reader_s_language_is_found() {
        assert_eq!(Lang::accepted("de-DE,zh-CN;q=0.8,en;q=0.5"), Lang::Zh);
        assert_eq!(Lang::accepted("fr"), Lang::En);
        assert_eq!(Lang::from_word("en-US"), Some(Lang::En));
        assert_eq!(Lang::from_word("é"), None);
    }
}
