//! What a message says, in both languages.

use super::{ALL_TO_OPS, ALL_TO_QA, Stage};
use crate::common::on_each_database;
use crate::decided::digest;
use domain::Problem;
use domain::Role;
use domain::notify::{EventKind, MessageLang};
use domain::problem::Noun;
use domain::verdict::VerdictKind;
use server::notify::{CommitLine, Message, Tone};
use server::usecases::notifications::{News, What, announce};

/// The facts as lines.
fn facts(message: &Message) -> Vec<String> {
    message.facts.iter().map(|(label, value)| format!("{label}: {value}")).collect()
}

async fn tell(stage: &Stage, news: News) {
    let mut tx = stage.app.ctx.store.begin().await.expect("a transaction");
    announce(&stage.app.ctx, &mut tx, news).await.expect("announced");
    tx.commit().await.expect("kept");
    stage.pass(10);
    stage.work().await;
}

#[tokio::test]
async fn a_build_is_told_with_all_that_a_tester_needs() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, "[[routes]]\ntargets = [\"ops\", \"qa\"]\n").await;
        let build = stage.build(7, "release-v5.12.05.02", Some("release-v*")).await;
        crate::decided::tamper(
            &stage.app,
            "UPDATE builds SET revision = '0123456789abcdef0123456789abcdef01234567' WHERE id = $1",
            &[build.as_str()],
        )
        .await;
        stage.ready(&build).await;
        stage.work().await;
        stage.pass(10);
        stage.work().await;
        let en = &stage.chat.to("ops")[0];
        let short = digest(7).short().to_owned();
        assert_eq!(en.title, "web release-v5.12.05.02 is ready to be tested");
        assert_eq!(
            facts(en),
            [
                "Time: 2026-11-24 02:00:00 +00:00",
                "App: web",
                "Version: release-v5.12.05.02",
                "Namespace: team",
                "Image: registry.test:5000/team/web:release-v5.12.05.02",
                &format!("Digest: {short}"),
                "Commit: 0123456789ab",
            ]
        );
        assert_eq!(en.ask.as_deref(), Some("Testers: launch an environment and record a verdict."));
        let href = format!("http://127.0.0.1:3000/builds/{build}");
        assert_eq!(en.link, Some(("Open the build".to_owned(), href.clone())));
        assert_eq!((en.tone, en.lang, en.event), (Tone::Good, MessageLang::En, EventKind::BuildReady));
        assert_eq!(en.data["news"][0]["digest"], digest(7).as_str());

        let zh = &stage.chat.to("qa")[0];
        assert_eq!(zh.title, "web release-v5.12.05.02 可以测试了");
        assert_eq!(
            facts(zh),
            [
                "时间: 2026-11-24 10:00:00 +08:00",
                "应用: web",
                "版本: release-v5.12.05.02",
                "命名空间: team",
                "镜像: registry.test:5000/team/web:release-v5.12.05.02",
                &format!("摘要: {short}"),
                "提交: 0123456789ab",
            ]
        );
        assert_eq!(zh.ask.as_deref(), Some("请测试人员启动测试环境并记录结论。"));
        assert_eq!(zh.link, Some(("查看构建".to_owned(), href)));
    })
    .await;
}

#[tokio::test]
async fn commits_are_listed_and_the_rest_is_counted() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        let line =
            |n: usize| CommitLine { hash: format!("{n:012x}"), subject: format!("Change {n}"), author: "ada".into(), url: None };
        let commits: Vec<CommitLine> = (0..12).map(line).collect();
        let news = News { commits, commits_total: 40, ..News::new(EventKind::BuildReady, stage.app.ctx.now(), What::Build) };
        tell(&stage, news).await;
        let message = &stage.chat.to("ops")[0];
        assert_eq!((message.commits.len(), message.commits_total, message.commits[0].subject.as_str()), (10, 40, "Change 0"));
    })
    .await;
}

#[tokio::test]
async fn what_somebody_wrote_stays_what_they_wrote() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_OPS).await;
        let tess = stage.app.person("tess", Role::Tester).await;
        let build = stage.build(1, "dev", Some("dev")).await;
        let note = "<script>alert('x')</script> *bold* @all [a](http://b)";
        let input = app::view::VerdictInput { build, kind: VerdictKind::Fail, note: note.to_owned(), environment: None };
        server::usecases::verdicts::record_verdict(&stage.app.ctx, &tess, input).await.expect("recorded");
        stage.work().await;
        let message = &stage.chat.to("ops")[0];
        assert_eq!((message.title.as_str(), message.note.as_deref()), ("fail: web dev, by tess", Some(note)));
        assert_eq!(message.tone, Tone::Bad);
        assert!(message.ask.as_deref().is_some_and(|ask| ask.starts_with("Developers:")));
        let token = stage.app.token(&stage.app.person("adam", Role::Admin).await).await;
        let (_, listed) = stage.app.rest(&token, "GET", "/api/v1/notifications", serde_json::Value::Null).await;
        assert!(!listed.to_string().contains("script"), "the list names the build, not the note");
    })
    .await;
}

#[tokio::test]
async fn a_failed_region_says_why_in_the_target_s_language() {
    on_each_database(|app| async move {
        let stage = Stage::set(app, ALL_TO_QA).await;
        let what = What::Promotion {
            id: "p1".to_owned().into(),
            number: 12,
            regions: vec!["hangzhou".to_owned()],
            failure: Some(Problem::Unreachable { what: Noun::Region, name: "hangzhou".to_owned() }),
        };
        let news = News {
            app: Some("web".into()),
            tag: Some("dev".into()),
            ..News::new(EventKind::RolloutFailed, stage.app.ctx.now(), what)
        };
        tell(&stage, news).await;
        let message = &stage.chat.to("qa")[0];
        assert_eq!(message.title, "P-12：web dev 在 hangzhou 更新失败");
        assert!(message.note.as_deref().is_some_and(|note| note.contains("hangzhou") && note.contains("区域")), "{message:?}");
        assert_eq!(message.link.as_ref().map(|(_, href)| href.as_str()), Some("http://127.0.0.1:3000/promotions/p1"));
        assert!(message.ask.is_some());
    })
    .await;
}

#[tokio::test]
async fn every_event_has_a_title_and_a_link_in_both_languages() {
    let app = crate::common::TestApp::sqlite().await;
    let stage = Stage::set(app, "[[routes]]\ntargets = [\"ops\", \"qa\"]\n").await;
    let now = stage.app.ctx.now();
    let environment = || What::Environment {
        id: "e1".to_owned().into(),
        number: 3,
        stack: "shop".into(),
        holder: "tess".into(),
        lease_ends_at: now,
        failure: None,
    };
    for event in EventKind::ALL {
        let what = match event {
            EventKind::BuildReady => What::Build,
            EventKind::BuildFailed => What::Run { name: "build #4".into(), url: None, branch: Some("dev".into()) },
            EventKind::TagMoved => What::TagMove { from: digest(1).to_string() },
            EventKind::EnvironmentReady
            | EventKind::EnvironmentFailed
            | EventKind::EnvironmentExpiring
            | EventKind::EnvironmentHandedOver => environment(),
            EventKind::Verdict => {
                What::Verdict { verdict: VerdictKind::Pass, acted: server::usecases::notifications::Acted::Overruled }
            }
            EventKind::SignOff => What::SignOff { acted: server::usecases::notifications::Acted::Recorded },
            EventKind::HookSilent => What::Hook { name: "registry".into(), last_at: now },
            EventKind::Test => What::Test,
            _ => What::Promotion { id: "p1".to_owned().into(), number: 1, regions: vec!["hk".into()], failure: None },
        };
        let to = (event == EventKind::Test).then(|| "qa".to_owned());
        tell(
            &stage,
            News { app: Some("web".into()), tag: Some("dev".into()), by: Some("ada".into()), to, ..News::new(event, now, what) },
        )
        .await;
    }
    for (target, count) in [("ops", 20), ("qa", 21)] {
        let told = stage.chat.to(target);
        let titles: std::collections::BTreeSet<&str> = told.iter().map(|message| message.title.as_str()).collect();
        assert_eq!((told.len(), titles.len()), (count, count), "{titles:?}");
        assert!(told.iter().all(|message| message.link.is_some() && !message.title.contains('{') && !message.facts.is_empty()));
        let han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
        assert!(told.iter().all(|message| han(&message.title) == (target == "qa")), "{titles:?}");
    }
}
