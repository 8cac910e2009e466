//! Line icons, drawn here so that no font or picture has to load.

use leptos::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    Builds,
    Environments,
    Promotions,
    Regions,
    Activity,
    Settings,
    Person,
    Check,
    Cross,
    Clock,
    Turning,
    Alert,
    Minus,
    Back,
    Outside,
    Plus,
    Search,
    Lock,
    Stop,
    Play,
    Empty,
    Download,
    Shell,
}

impl Icon {
    const fn path(self) -> &'static str {
        match self {
            Icon::Builds => "M3 7.5 12 3l9 4.5-9 4.5-9-4.5ZM3 12l9 4.5 9-4.5M3 16.5 12 21l9-4.5",
            Icon::Environments => "M9 3v6.5L4.3 18a2 2 0 0 0 1.8 3h11.8a2 2 0 0 0 1.8-3L15 9.5V3M7.5 3h9M7 15h10",
            Icon::Promotions => "M4 12h15M13 6l6 6-6 6",
            Icon::Regions => {
                "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM3 12h18M12 3c2.6 2.7 3.7 5.600 3.700 9S14.600 18.300 12 21c-2.600-2.700-3.700-5.600-3.700-9S9.400 5.700 12 3Z"
            }
            Icon::Activity => "M3 12h4l3 8 4-16 3 8h4",
            Icon::Settings => "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.500v5M9 14.500v5",
            Icon::Person => {
                "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.500 20.500c.8-3.600 3.800-5.500 7.500-5.500s6.700 1.900 7.500 5.500"
            }
            Icon::Check => "M5 12.500 10 17.500 19.500 7",
            Icon::Cross => "M6 6l12 12M18 6 6 18",
            Icon::Clock => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM12 7.500V12l3 2",
            Icon::Turning => "M20.500 12a8.500 8.500 0 1 1-2.800-6.300M18 2v4.200h-4.200",
            Icon::Alert => "M12 4 2.500 20h19L12 4ZM12 10v4.500M12 17.300v.2",
            Icon::Minus => "M6 12h12",
            Icon::Back => "M9 5 3.500 10.500 9 16M4 10.500h10a6 6 0 0 1 6 6V19",
            Icon::Outside => "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
            Icon::Plus => "M12 5v14M5 12h14",
            Icon::Search => "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14ZM16 16l4.500 4.500",
            Icon::Lock => "M6 11h12v9H6v-9ZM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
            Icon::Stop => "M6.500 6.500h11v11h-11z",
            Icon::Play => "M8 5.500v13l10.500-6.500L8 5.500Z",
            Icon::Download => "M12 4v11M7 10.500 12 15.500l5-5M5 20h14",
            Icon::Shell => "M4 5h16v14H4V5ZM7.500 9.500 10.500 12l-3 2.500M12.500 15h4",
            Icon::Empty => "M4 13 7 5h10l3 8v6H4v-6ZM4 13h5l1.500 2.500h3L15 13h5",
        }
    }
}

/// The drawing; the word beside it is what a screen reader says.
pub fn icon(which: Icon) -> impl IntoView {
    view! {
        <svg
            class="icon"
            class:turning=matches!(which, Icon::Turning)
            viewBox="0 0 24 24"
            fill="none"
            stroke="currentColor"
            stroke-width="2"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d=which.path()></path>
        </svg>
    }
}
