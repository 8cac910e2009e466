//! Clones: every shape of a history, nothing executed, bounds kept, accidents mended.

use super::origin::{Origin, in_place_of, range};
use domain::commits::{End, MOST_COMMITS, MOST_SUBJECT, Range, Relation, Trouble};
use server::git::{Access, Git, Remote, Tools};
use std::time::Duration;

fn subjects(range: &Range) -> Vec<&str> {
    range.ahead.iter().map(|commit| commit.subject.as_str()).collect()
}

#[tokio::test]
async fn five_hundred_commits_are_counted_and_the_newest_hundred_told() {
    let origin = Origin::new();
    let many: Vec<String> = (0..500).map(|n| format!("change {n}")).collect();
    let hashes = origin.commit("main", None, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let git = origin.clone_of();
    let found = range(&git, &origin, &hashes[0], &hashes[499]).await.expect("a range");
    assert_eq!((found.relation, found.ahead_total, found.ahead.len()), (Relation::Ahead, 499, MOST_COMMITS));
    assert_eq!((subjects(&found)[0], subjects(&found)[99]), ("change 499", "change 400"));
    assert_eq!((found.ahead[0].author.as_str(), found.ahead[0].hash.as_str()), ("Wu Mei", hashes[499].as_str()));
    assert_eq!(found.ahead[0].parents, [hashes[498].clone()]);
    // The other way round it is behind; with itself it is the same; a short name is enough.
    let back = range(&git, &origin, &hashes[499], &hashes[490]).await.expect("a range");
    assert_eq!((back.relation, back.behind_total, back.ahead_total), (Relation::Behind, 9, 0));
    assert_eq!(range(&git, &origin, &hashes[7], &hashes[7][..12]).await.expect("a range").relation, Relation::Same);
}

#[tokio::test]
async fn branches_and_merges_are_told_apart_from_strangers() {
    let origin = Origin::new();
    let main = origin.commit("main", None, &["one", "two"]);
    let side = origin.commit("side", Some(&main[0]), &["aside"]);
    let git = origin.clone_of();
    let apart = range(&git, &origin, &main[1], &side[0]).await.expect("a range");
    assert_eq!((apart.relation, apart.ahead_total, apart.behind_total), (Relation::Diverged, 1, 1));
    assert_eq!((subjects(&apart), apart.behind[0].subject.as_str()), (vec!["aside"], "two"));
    let merged = origin.merge("main", &side[0], "Merge side");
    let news = range(&git, &origin, &main[1], &merged).await.expect("a range");
    assert_eq!((news.relation, subjects(&news)), (Relation::Ahead, vec!["Merge side", "aside"]));
    assert_eq!(news.ahead[0].parents, [main[1].clone(), side[0].clone()]);
    let stranger = origin.root("other", "a new beginning");
    let strange = range(&git, &origin, &merged, &stranger).await.expect("a range");
    assert_eq!(strange, Range::bare(Relation::Unrelated));
}

#[tokio::test]
async fn a_rewritten_history_is_still_known_and_a_missing_commit_comes_later() {
    let origin = Origin::new();
    let old = origin.commit("main", None, &["one", "two", "three"]);
    let git = origin.clone_of();
    assert_eq!(range(&git, &origin, &old[0], &old[2]).await.expect("a range").ahead_total, 2);
    let new = origin.commit("main", Some(&old[0]), &["two, better"]);
    // What was force-pushed away is garbage at home, but the clone keeps it.
    origin.git(&["reflog", "expire", "--expire=now", "--all"], b"");
    origin.git(&["gc", "--quiet", "--prune=now"], b"");
    let rewritten = range(&git, &origin, &old[2], &new[0]).await.expect("a range");
    assert_eq!((rewritten.relation, rewritten.ahead_total, rewritten.behind_total), (Relation::Diverged, 1, 2));
    // A clone that is made now never saw it.
    let late = Git::new(&origin.beside("late"), Tools::here());
    let gone = range(&late, &origin, &old[2], &new[0]).await.expect("a range");
    assert_eq!(gone.relation, Relation::Missing { which: End::Base });
    let nobody = "f".repeat(40);
    for (base, head, which) in
        [(nobody.as_str(), new[0].as_str(), End::Base), (&new[0], &nobody, End::Head), (&nobody[1..], &nobody, End::Both)]
    {
        let missing = range(&git, &origin, base, head).await.expect("a range");
        assert_eq!(missing, Range::bare(Relation::Missing { which }));
    }
    let news = origin.commit("later", Some(&new[0]), &["pushed after its image"]);
    let found = range(&git, &origin, &new[0], &news[0]).await.expect("a range");
    assert_eq!(subjects(&found), ["pushed after its image"]);
}

#[tokio::test]
async fn what_people_write_into_commits_stays_text_of_bounded_length() {
    let origin = Origin::new();
    let start = origin.commit("main", None, &["start"]);
    let long = "x".repeat(10_000);
    let huge = "y".repeat(6 << 20);
    let texts = [
        ("A\u{1b}[31m\u{202e}da", "<script>alert(1)</script> & \"quotes\""),
        ("Eve", "bell \u{7} escape \u{1b}[2J unit \u{1f} del \u{7f}"),
        ("Eve", &long),
        ("吴梅", "修复: 船 🚢\n\nthe body is not told"),
        ("Eve", ""),
        ("Eve", "ends\r\nwith both"),
    ];
    let hashes = origin.commit_by("main", Some(&start[0]), &texts);
    let git = origin.clone_of();
    let found = range(&git, &origin, &start[0], hashes.last().expect("a commit")).await.expect("a range");
    assert_eq!(found.ahead_total, 6);
    let told = subjects(&found);
    assert_eq!(told[5], "<script>alert(1)</script> & \"quotes\"");
    assert_eq!((found.ahead[5].author.as_str(), found.ahead[2].author.as_str()), ("A[31mda", "吴梅"));
    assert_eq!(told[4], "bell escape [2J unit del");
    assert_eq!(told[3].chars().count(), MOST_SUBJECT + 1);
    assert_eq!((told[2], told[1]), ("修复: 船 🚢", ""));
    for commit in &found.ahead {
        assert!(!commit.subject.chars().chain(commit.author.chars()).any(char::is_control), "{commit:?}");
    }
    // One that is longer than anything that is read does not hide how many there are.
    let hashes = origin.commit("main", None, &["before", &huge]);
    let found = range(&git, &origin, &start[0], &hashes[1]).await.expect("a range");
    assert_eq!((found.ahead_total, found.ahead.len()), (8, 1));
    assert!(found.ahead[0].subject.starts_with("yyy"));
}

#[tokio::test]
async fn nothing_that_a_repository_holds_is_executed() {
    let origin = Origin::new();
    let marker = origin.beside("marks").join("executed");
    let touch = format!("touch {}", marker.display());
    let hashes = origin.commit("main", None, &["one", "two"]);
    // Names of branches that look like options, helpers or commits.
    for name in ["--upload-pack=touch${IFS}x", "-c", "--output=x", "ext-sh", &hashes[0][..7], &hashes[0]] {
        origin.point(&format!("refs/heads/{name}"), &hashes[1]);
        origin.point(&format!("refs/tags/{name}"), &hashes[1]);
    }
    let modules = format!("[submodule \"x\"]\n\tpath = x\n\turl = ext::sh -c \"{touch}\"\n");
    let stream = format!(
        "commit refs/heads/main\ncommitter E <e@example.com> 1796000000 +0000\ndata 9\nsubmodule\nfrom {}\n\
         M 100644 inline .gitmodules\ndata {}\n{modules}\nM 160000 {} x\n\
         M 100644 inline .mailmap\ndata 28\nNobody <nobody@example.com>\n\n",
        hashes[1],
        modules.len(),
        hashes[0]
    );
    origin.git(&["fast-import", "--quiet", "--force"], stream.as_bytes());
    let tip = origin.tip("main").expect("a tip");
    for hook in ["post-checkout", "post-merge", "reference-transaction", "pre-receive", "post-update", "update"] {
        in_place_of(&origin.folder().join("hooks"), hook, &format!("#!/bin/sh\n{touch}\n"));
    }
    for (key, value) in [
        ("core.sshCommand", touch.as_str()),
        ("core.fsmonitor", &touch),
        ("core.alternateRefsCommand", &touch),
        ("uploadpack.packObjectsHook", &touch),
        ("credential.helper", &format!("!{touch}")),
        ("core.pager", &touch),
        ("gpg.program", &touch),
        ("log.showSignature", "true"),
        ("alias.log", &format!("!{touch}")),
        ("alias.fetch", &format!("!{touch}")),
    ] {
        origin.git(&["config", key, value], b"");
    }
    let git = origin.clone_of();
    assert_eq!(range(&git, &origin, &hashes[0], &tip).await.expect("a range").ahead_total, 2);
    // The name of a branch is no commit, however much it looks like one.
    let by_name = range(&git, &origin, &hashes[0][..7], &hashes[1]).await.expect("a range");
    assert_eq!((by_name.relation, by_name.ahead_total), (Relation::Ahead, 1));
    // The same settings in the clone itself, as somebody with a hand in the folder would write them.
    let clone = std::fs::read_dir(origin.clones()).expect("clones").next().expect("one").expect("read").path();
    for (key, value) in [("core.fsmonitor", touch.as_str()), ("log.showSignature", "true"), ("core.hooksPath", "hooks")] {
        origin.git(&["config", "--file", &clone.join("config").to_string_lossy(), key, value], b"");
    }
    in_place_of(&clone.join("hooks"), "reference-transaction", &format!("#!/bin/sh\n{touch}\n"));
    let more = origin.commit("main", None, &["three"]);
    assert_eq!(range(&git, &origin, &tip, &more[0]).await.expect("a range").ahead_total, 1);
    assert!(!marker.exists(), "something was executed");
    for bad in ["ext::sh -c id", "--upload-pack=id", "file:///srv/../etc", "ftp://x.example/a"] {
        assert_eq!(Remote::parse(bad).expect_err("refused").trouble, Trouble::Address, "{bad}");
    }
}

#[tokio::test]
async fn a_clone_that_was_killed_is_thrown_away_and_made_again() {
    let origin = Origin::new();
    let hashes = origin.commit("main", None, &["one", "two"]);
    // A git that starts a transport and never ends, as one that is downloading.
    let pids = origin.beside("pids").join("pid");
    let script = format!(
        "#!/bin/sh\nmkdir -p {0}/x.part\nsleep 600 &\necho $! > {1}.new\nmv {1}.new {1}\nwait\n",
        origin.clones().display(),
        pids.display()
    );
    let path = in_place_of(&origin.beside("bin"), "git", &script);
    let stuck = Git::new(&origin.clones(), Tools { path, ..Tools::here() });
    let killed = tokio::time::timeout(Duration::from_millis(800), range(&stuck, &origin, &hashes[0], &hashes[1])).await;
    assert!(killed.is_err(), "it was still cloning");
    let pid = std::fs::read_to_string(&pids).expect("a transport was started");
    let alive = || std::path::Path::new("/proc").join(pid.trim()).join("cmdline").exists();
    for _ in 0..100 {
        if !alive() || std::fs::read(format!("/proc/{}/cmdline", pid.trim())).is_ok_and(|line| line.is_empty()) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(!alive() || std::fs::read(format!("/proc/{}/cmdline", pid.trim())).is_ok_and(|line| line.is_empty()), "it goes on");
    // What the accident left: half a clone under the other name.
    let git = origin.clone_of();
    assert_eq!(range(&git, &origin, &hashes[0], &hashes[1]).await.expect("a range").ahead_total, 1);
    let clone = std::fs::read_dir(origin.clones()).expect("clones");
    let clone = clone.flatten().map(|entry| entry.path()).find(|path| path.join("HEAD").exists()).expect("a clone");
    let part = clone.with_extension("part");
    std::fs::create_dir_all(part.join("objects")).expect("half a clone");
    std::fs::remove_file(clone.join("HEAD")).expect("broken");
    assert_eq!(range(&git, &origin, &hashes[0], &hashes[1]).await.expect("a range").ahead_total, 1);
    assert!(!part.exists());
    // A clone that lost its objects, and locks of a git that was killed while it fetched.
    std::fs::remove_dir_all(clone.join("objects")).expect("broken");
    std::fs::create_dir_all(clone.join("objects/pack")).expect("broken");
    assert_eq!(range(&git, &origin, &hashes[0], &hashes[1]).await.expect("a range").ahead_total, 1);
    std::fs::write(clone.join("packed-refs.lock"), "").expect("a lock");
    std::fs::write(clone.join("objects/pack/tmp_pack_x"), "half").expect("half a pack");
    let more = origin.commit("main", None, &["three"]);
    assert_eq!(range(&git, &origin, &hashes[0], &more[0]).await.expect("a range").ahead_total, 2);
    assert!(!clone.join("objects/pack/tmp_pack_x").exists());
}

#[tokio::test]
async fn a_repository_beyond_its_bound_is_given_up_and_leaves_nothing() {
    let origin = Origin::new();
    let many: Vec<String> = (0..500).map(|n| format!("change {n} {}", "z".repeat(200))).collect();
    let hashes = origin.commit("main", None, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let small = Git::new(&origin.clones(), Tools { most_bytes: 10_000, ..Tools::here() });
    let problem = range(&small, &origin, &hashes[0], &hashes[1]).await.expect_err("too big");
    assert_eq!(problem.trouble, Trouble::TooBig);
    assert_eq!(std::fs::read_dir(origin.clones()).expect("clones").count(), 0);
    let nothing = Git::new(&origin.clones(), Tools { path: "/nonexistent".into(), ..Tools::here() });
    assert_eq!(range(&nothing, &origin, &hashes[0], &hashes[1]).await.expect_err("no git").trouble, Trouble::NoGit);
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_told_and_clones_of_old_addresses_go() {
    let origin = Origin::new();
    let hashes = origin.commit("main", None, &["one"]);
    let git = origin.clone_of();
    let nowhere = Remote::parse(&format!("{}/nothing", origin.url())).expect("an address");
    let problem = git.range(&nowhere, &Access::Anyone.into(), &hashes[0], &hashes[0]).await.expect_err("not there");
    assert_eq!(problem.trouble, Trouble::Refused);
    assert_eq!(std::fs::read_dir(origin.clones()).expect("clones").count(), 0);
    assert_eq!(range(&git, &origin, &hashes[0], &hashes[0]).await.expect("a range").relation, Relation::Same);
    std::fs::create_dir_all(origin.clones().join("somebody-elses")).expect("a folder");
    git.keep_only(&[origin.remote()]).await.expect("kept");
    assert_eq!(std::fs::read_dir(origin.clones()).expect("clones").count(), 2);
    git.keep_only(&[]).await.expect("removed");
    assert_eq!(std::fs::read_dir(origin.clones()).expect("clones").count(), 1, "what is not ours stays");
}
