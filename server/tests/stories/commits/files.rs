//! One file at one commit, out of a clone that has no files.

use super::origin::Origin;
use domain::commits::Trouble;
use domain::config::valid_file;
use server::git::{Found, Git, Tools, Way};

async fn read(git: &Git, origin: &Origin, commit: &str, path: &str) -> Found {
    git.file(&origin.remote(), &Way::default(), commit, path, 100).await.expect("an answer")
}

#[tokio::test]
async fn a_file_is_read_as_it_was_at_its_commit_and_a_link_leads_nowhere() {
    let origin = Origin::new();
    origin.git(&["config", "uploadpack.allowAnySHA1InWant", "true"], b"");
    let old = origin.commit_files(&[("100644", "slipway.yaml", "first"), ("100644", "deploy/test/stack.yaml", "below")]);
    let big = "x".repeat(101);
    let new = origin.commit_files(&[
        ("100644", "slipway.yaml", "second"),
        ("120000", "link.yaml", "/etc/passwd"),
        ("120000", "up.yaml", "../../../etc/passwd"),
        ("100644", "big.yaml", &big),
        ("100644", "deploy/test.d/x", "x"),
    ]);
    let git = origin.clone_of();
    let content = |text: &str| Found::File(text.as_bytes().to_vec());
    assert_eq!(read(&git, &origin, &old, "slipway.yaml").await, content("first"));
    assert_eq!(read(&git, &origin, &new[..12], "slipway.yaml").await, content("second"));
    assert_eq!(read(&git, &origin, &old, "deploy/test/stack.yaml").await, content("below"));
    for (path, wanted) in [
        ("link.yaml", Found::NoFile),
        ("up.yaml", Found::NoFile),
        ("deploy/test.d", Found::NoFile),
        ("big.yaml", Found::TooBig),
        ("nothing.yaml", Found::Nothing),
        ("../slipway.yaml", Found::Nothing),
    ] {
        assert_eq!(read(&git, &origin, &new, path).await, wanted, "{path}");
    }
    assert_eq!(read(&git, &origin, &"f".repeat(40), "slipway.yaml").await, Found::Nothing);
    let later = origin.commit_files(&[("100644", "slipway.yaml", "third")]);
    assert_eq!(read(&git, &origin, &later, "slipway.yaml").await, content("third"), "pushed after the clone was made");
}

#[tokio::test]
async fn a_repository_that_is_away_is_no_missing_file() {
    let origin = Origin::new();
    let commit = origin.commit_files(&[("100644", "slipway.yaml", "x")]);
    let remote = origin.remote();
    let git = Git::new(&std::env::temp_dir().join(format!("slipway-away-{}", std::process::id())), Tools::here());
    drop(origin);
    let away = git.file(&remote, &Way::default(), &commit, "slipway.yaml", 100).await;
    assert!(matches!(&away, Err(problem) if problem.trouble == Trouble::Refused), "{away:?}");
}

#[test]
fn only_plain_paths_are_asked_for() {
    for good in ["slipway.yaml", "a/b-c/d_e.yml", ".slipway/stack.yaml"] {
        assert!(valid_file(good), "{good}");
    }
    for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "-x", "a/-b", "a b", "a\nb", "a:b", "字", "a/", "*", "plain"]
    {
        assert!(!valid_file(bad), "{bad}");
    }
}
