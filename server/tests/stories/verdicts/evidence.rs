//! Files beside verdicts: what is taken, where it is kept, and how it is given out.

use super::said;
use crate::browser::Browser;
use crate::common::{TestApp, on_each_database};
use crate::decided::{People, digest, listed, recorded};
use app::view::{EvidenceView, Upload};
use axum::body::Body;
use domain::evidence::{EvidenceKind, MOST_FILE, MOST_FILES};
use domain::id::{BuildId, VerdictId};
use domain::problem::Fault;
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem, Role};
use http::{Request, StatusCode};
use server::usecases::verdicts::{attach_evidence, evidence, of_build, record_verdict, withdraw_verdict};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const BOUNDARY: &str = "----a-line-between";

fn file(name: &str, bytes: &[u8]) -> Upload {
    Upload { name: name.to_owned(), bytes: bytes.to_vec() }
}

async fn files(app: &TestApp, actor: &Actor, build: &BuildId) -> Vec<EvidenceView> {
    of_build(&app.ctx, actor, build).await.expect("shown").0.remove(0).evidence
}

/// The form as a browser posts it, with its files.
fn form(build: &BuildId, files: &[(&str, &[u8])]) -> Request<Body> {
    let mut body = Vec::new();
    for (name, value) in [("build", build.as_str()), ("kind", "pass"), ("note", "with *pictures*")] {
        let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for (name, bytes) in files {
        // The type that a sender claims counts for nothing.
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: text/html\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    Request::post("/do/verdicts/record")
        .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(Body::from(body))
        .expect("a request")
}

/// A browser on the page of a build.
async fn on_page(app: &TestApp, actor: &Actor, build: &BuildId) -> Browser {
    let browser = Browser::new(app).signed_in(app, actor).await;
    browser.with("referer", &format!("http://127.0.0.1:3000/builds/{build}"))
}

#[tokio::test]
async fn a_form_brings_files_and_they_are_given_out_as_nothing_that_could_run() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let browser = on_page(&app, &people.tess, &build).await;
        let sent = [("../shot \u{202e}1.png", PNG), ("", b"".as_slice()), ("a.log", "ERROR <b>日志</b>".as_bytes())];
        let reply = browser.send(form(&build, &sent)).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
        let files = files(&app, &people.vera, &build).await;
        let told: Vec<_> = files.iter().map(|file| (file.name.as_str(), file.kind)).collect();
        assert_eq!(told, [("shot 1.png", EvidenceKind::Png), ("a.log", EvidenceKind::Text)]);
        let reader = Browser::new(&app).signed_in(&app, &people.vera).await;
        for (file, kind) in files.iter().zip(["image/png", "text/plain; charset=utf-8"]) {
            let reply = reader.get(&format!("/evidence/{}", file.id)).await;
            assert_eq!((reply.status, reply.header("content-type")), (StatusCode::OK, kind));
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            assert!(reply.header("content-security-policy").contains("default-src 'none'; sandbox"));
            assert!(reply.header("cache-control").starts_with("private"));
            assert!(reply.header("content-disposition").starts_with("inline; filename=\"evidence."));
        }
        let page = reader.get(&format!("/builds/{build}")).await;
        // Without the marks of the renderer between pieces.
        let page = page.body.replace("<!>", "");
        assert!(page.contains(&format!("src=\"/evidence/{}\"", files[0].id)) && page.contains("<em>pictures</em>"));
        let nobody = Browser::new(&app).get(&format!("/evidence/{}", files[0].id)).await;
        assert!(nobody.location().starts_with("/login"), "only for whoever is signed in");
    })
    .await;
}

#[tokio::test]
async fn a_form_with_a_file_of_another_kind_is_refused_whole_and_says_so() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let browser = on_page(&app, &people.tess, &build).await;
        let svg: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
        let reply = browser.send(form(&build, &[("a.png", PNG), ("b.png", svg)])).await;
        assert_eq!(reply.status, StatusCode::SEE_OTHER);
        let page = browser.get(reply.location()).await;
        assert!(page.body.contains("png, jpeg, webp, gif, pdf, plain text") && page.body.contains("with *pictures*"));
        let big = browser.send(form(&build, &[("a.log", &vec![b'a'; MOST_FILE + 1])])).await;
        assert_eq!(big.status, StatusCode::SEE_OTHER);
        assert!(browser.get(big.location()).await.body.contains(&MOST_FILE.to_string()));
        assert_eq!((app.count("verdicts").await, app.count("evidence").await), (0, 0));
        let viewer = on_page(&app, &people.vera, &build).await;
        viewer.send(form(&build, &[("a.png", PNG)])).await;
        assert_eq!(app.count("verdicts").await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_author_adds_files_while_the_verdict_stands_and_nobody_else_does() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let tom = app.person("tom", Role::Tester).await;
        let build = listed(&app, "web", &digest(1)).await;
        let id = record_verdict(&app.ctx, &people.tess, said(&build, VerdictKind::Pass, "")).await.expect("recorded");
        let add = |actor: &Actor, names: usize| {
            let (ctx, actor, id) = (app.ctx.clone(), actor.clone(), id.clone());
            let files = (0..names).map(|n| file(&format!("{n}.png"), PNG)).collect();
            async move { attach_evidence(&ctx, &actor, &id, files).await }
        };
        assert_eq!(add(&people.ada, 1).await, Err(Problem::Forbidden { action: Action::RecordVerdict }));
        assert_eq!(add(&tom, 1).await, Err(Problem::NotTheAuthor));
        assert_eq!(add(&people.tess, 0).await, Err(Problem::invalid("files", Fault::Missing)));
        assert_eq!(add(&people.tess, 2).await.map(|ids| ids.len()), Ok(2));
        let too_many = add(&people.tess, MOST_FILES - 1).await;
        assert!(matches!(&too_many, Err(Problem::Invalid { field, .. }) if field == "files"), "{too_many:?}");
        withdraw_verdict(&app.ctx, &people.tess, &id).await.expect("withdrawn");
        assert!(matches!(add(&people.tess, 1).await, Err(Problem::Finished { .. })));
        assert_eq!(files(&app, &people.vera, &build).await.len(), 2, "what was shown stays to be seen");
        assert_eq!(recorded(&app).await.iter().filter(|action| *action == "verdict.evidence_added").count(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_bytes_are_in_a_folder_of_their_own_under_their_hash() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let id = record_verdict(&app.ctx, &people.tess, said(&build, VerdictKind::Pass, "")).await.expect("recorded");
        let twice = vec![file("a.png", PNG), file("b.png", PNG)];
        let ids = attach_evidence(&app.ctx, &people.tess, &id, twice).await.expect("kept");
        let (one, bytes) = evidence(&app.ctx, &people.vera, &ids[0]).await.expect("read");
        assert_eq!((one.name.as_str(), bytes.as_slice()), ("a.png", PNG));
        let hashes: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT hash FROM evidence").fetch_all(app.ctx.store.read()).await.expect("rows");
        assert_eq!(hashes.len(), 1, "the same picture is one file");
        let path = app.evidence_folder().join(&hashes[0][..2]).join(&hashes[0]);
        assert_eq!(std::fs::read(&path).expect("it is there"), PNG);
        std::fs::remove_file(path).expect("somebody removes it");
        assert!(matches!(evidence(&app.ctx, &people.vera, &ids[0]).await, Err(Problem::NotFound { .. })));
    })
    .await;
}

#[tokio::test]
async fn rest_brings_a_file_and_reads_it_back() {
    on_each_database(|app| async move {
        let people = People::of(&app).await;
        let build = listed(&app, "web", &digest(1)).await;
        let id: VerdictId = record_verdict(&app.ctx, &people.tess, said(&build, VerdictKind::Pass, "")).await.expect("recorded");
        let token = app.token(&people.tess).await;
        let post = |bytes: &'static [u8]| {
            Request::post(format!("/api/v1/verdicts/{id}/evidence?name=trace.log"))
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/octet-stream")
                .body(Body::from(bytes))
                .expect("a request")
        };
        let (status, made) = app.send(post(b"a trace")).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let path = format!("/api/v1/evidence/{}", made["id"].as_str().expect("an id"));
        let reply = Browser::new(&app).bearer(&token).get(&path).await;
        assert_eq!((reply.status, reply.body.as_str()), (StatusCode::OK, "a trace"));
        let (status, _) = app.send(post(b"<html>")).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    })
    .await;
}
