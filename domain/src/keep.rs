//! Images that must not be cleaned up: registries forget what has no tag, so what a region runs and what
//! it would go back to get a tag of Slipway's own.

use crate::rollback::{Past, back_after, last_verified};
use crate::{Digest, Tag};

const PREFIX: &str = "slipway.";
/// So much of an installation's name tells it from every other.
const INSTANCE: usize = 16;

/// Why an image is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A rollback would go there.
    Back,
    /// It runs there.
    Runs,
}

impl Kept {
    pub const ALL: [Self; 2] = [Kept::Back, Kept::Runs];

    const fn word(self) -> &'static str {
        match self {
            Kept::Back => "back",
            Kept::Runs => "runs",
        }
    }
}

/// The tag that keeps an image for an app in a region: `slipway.0123456789abcdef.web.hangzhou.runs`. Names
/// are short enough that it stays within the 128 characters of a tag.
pub fn tag(instance: &str, app: &str, region: &str, kept: Kept) -> String {
    let instance: String = instance.chars().take(INSTANCE).collect();
    format!("{PREFIX}{instance}.{app}.{region}.{}", kept.word())
}

/// Whether some installation of Slipway put this tag there.
pub fn is_ours(tag: &Tag) -> bool {
    tag.as_str().starts_with(PREFIX)
}

/// What is kept for a region with this past, in the order in which the tags are put: what a tag is taken
/// from has another by then.
pub fn kept(past: &[Past]) -> Vec<(Kept, Digest)> {
    let Some(runs) = last_verified(past) else { return Vec::new() };
    let back = back_after(past, runs).map(|back| (Kept::Back, back));
    back.into_iter().chain([(Kept::Runs, runs.clone())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promotion::PromotionKind;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().expect("a digest")
    }

    fn verified(letter: char) -> Past {
        Past { kind: PromotionKind::Promotion, digest: digest(letter), verified: true }
    }

    #[test]
    fn what_runs_and_what_is_gone_back_to_is_kept_and_the_way_back_first() {
        assert_eq!(kept(&[]), []);
        assert_eq!(kept(&[verified('a')]), [(Kept::Runs, digest('a'))]);
        let both = [(Kept::Back, digest('a')), (Kept::Runs, digest('b'))];
        assert_eq!(kept(&[verified('a'), verified('b')]), both);
        let failed = Past { verified: false, ..verified('c') };
        assert_eq!(kept(&[verified('a'), verified('b'), failed]), both, "a failed one changes neither");
    }

    #[test]
    fn the_longest_names_still_make_a_tag() {
        let (name, instance) = ("a".repeat(40), "f".repeat(32));
        for kept in Kept::ALL {
            let tag: Tag = tag(&instance, &name, &name, kept).parse().expect("a tag");
            assert!(is_ours(&tag));
        }
        assert!(!is_ours(&"slipway-v1".parse().expect("a tag")));
    }
}
