//! Slipway's own proxy in front of environments, with a real app behind it and an engine that is
//! pretended: who gets in and how, what each side sees, and what ends when.

mod scene;
mod streams;

use crate::browser::Browser;
use crate::common::{TestApp, eventually, on_each_database};
use domain::Role;
use domain::config::Config;
use http::StatusCode;
use scene::Scene;
use server::usecases::environments::stop_environment;
use server::usecases::people::change_role;
use std::time::Duration;

#[tokio::test]
async fn who_may_look_is_led_through_the_login_and_back_to_the_app() {
    on_each_database(|app| async move {
        let scene = Scene::set(app).await;
        let (main, host) = (scene.signed_in(&scene.people().tess).await, scene.at("e1-web"));
        let knock = host.get("/shop?a=1&b=%2F").await;
        assert_eq!(knock.status, StatusCode::SEE_OTHER);
        let to = knock.location().strip_prefix("http://127.0.0.1:3000").expect("the main site").to_owned();
        assert!(to.starts_with("/environments/open?at=e1-web&knock="), "{to}");
        let nobody = Browser::new(&scene.stage.app).get(&to).await;
        assert!(nobody.location().starts_with("/login?next=/environments/open%3Fat%3De1-web"), "{}", nobody.location());
        let handed = main.get(&to).await;
        let entry = handed.location().strip_prefix("http://e1-web.env.test:3000").expect("the proxied host").to_owned();
        assert_eq!((handed.header("cache-control"), handed.header("referrer-policy")), ("no-store", "no-referrer"));
        let entered = host.get(&entry).await;
        assert_eq!((entered.status, entered.location()), (StatusCode::SEE_OTHER, "/shop?a=1&b=%2F"));
        let pass = host.cookie("slipway-pass").expect("a pass");
        host.set_cookie("of-the-app", "1");
        let lying = host.clone().from([192, 0, 2, 7]).with("x-forwarded-for", "10.9.9.9").with("connection", "x-forwarded-host");
        let seen = lying.get(entered.location()).await;
        assert_eq!(seen.status, StatusCode::OK);
        let told = seen.json();
        assert_eq!(told["path"], "/shop?a=1&b=%2F");
        assert_eq!(told["headers"]["host"], "e1-web.env.test:3000");
        assert_eq!(told["headers"]["cookie"], "of-the-app=1", "no cookie of ours reaches the app");
        assert_eq!(told["headers"]["x-forwarded-for"], "192.0.2.7", "nor what the browser claims of the way");
        assert_eq!(told["headers"]["x-forwarded-proto"], "http");
        assert_eq!(told["headers"]["x-forwarded-host"], "e1-web.env.test:3000");
        assert!(!seen.body.contains(&pass));
        assert_eq!(seen.header("content-security-policy"), "", "none of the main site's headers");
        let audited: String = sqlx::query_scalar("SELECT detail FROM audit WHERE action = 'environment.opened'")
            .fetch_one(scene.stage.app.ctx.store.read())
            .await
            .expect("a record");
        assert_eq!(audited, "E-1: web 80");
    })
    .await;
}

#[tokio::test]
async fn a_ticket_is_good_once_for_a_minute_at_one_host_and_in_one_browser() {
    on_each_database(|app| async move {
        let scene = Scene::set(app).await;
        scene.another_environment().await;
        let main = scene.signed_in(&scene.people().tess).await;
        let host = scene.at("e1-web");
        let used = scene.entry(&main, &host).await;
        assert_eq!(host.get(&used).await.status, StatusCode::SEE_OTHER);
        for (what, at, entry) in [
            ("used", host.clone(), used),
            ("of another host", scene.at("e2-web"), scene.entry(&main, &host).await),
            ("of another browser", host.another(), scene.entry(&main, &host).await),
            ("made up", host.clone(), "/.slipway/enter?ticket=made-up".to_owned()),
        ] {
            if what == "of another host" {
                at.set_cookie("slipway-knock", &host.cookie("slipway-knock").expect("a knock"));
            }
            let refused = at.get(&entry).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{what}");
            assert!(refused.body.contains("This way in was used already"), "{what}");
            assert!(at.cookie("slipway-pass").is_none() || what == "used" || what == "made up");
        }
        let late = scene.entry(&main, &host).await;
        scene.stage.app.clock.advance(Duration::from_secs(61));
        assert_eq!(host.get(&late).await.status, StatusCode::FORBIDDEN, "too late");
        // One that nobody takes is forgotten when the next is made.
        scene.entry(&main, &host).await;
        scene.stage.app.clock.advance(Duration::from_secs(61));
        scene.entry(&main, &host).await;
        assert_eq!(scene.stage.app.count("proxy_tickets").await, 1);
    })
    .await;
}

#[tokio::test]
async fn whoever_may_not_look_is_told_so_and_reaches_nothing() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let (people, app) = (scene.people(), &scene.stage.app);
    let vera = scene.signed_in(&people.vera).await;
    let host = scene.at("e1-web");
    let to = host.get("/").await.location().replace("http://127.0.0.1:3000", "");
    assert_eq!(vera.get(&to).await.status, StatusCode::FORBIDDEN, "a viewer only reads");
    let program = scene.at("e1-web").with("accept", "application/json");
    let unknown = program.get("/").await;
    assert_eq!((unknown.status, unknown.code().as_str()), (StatusCode::UNAUTHORIZED, "signed_out"));
    let posted = scene.at("e1-web").post("/", &[("a", "1")]).await;
    assert_eq!(posted.status, StatusCode::UNAUTHORIZED, "only a page is led to the login");
    let (tess, viewer) = (app.token(&people.tess).await, app.token(&people.vera).await);
    assert_eq!(program.clone().with("x-slipway-token", &viewer).get("/").await.status, StatusCode::FORBIDDEN);
    assert_eq!(program.clone().with("x-slipway-token", "slw_wrong").get("/").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(program.clone().bearer(&tess).get("/").await.status, StatusCode::UNAUTHORIZED, "that is the app's header");
    assert_eq!(scene.reached(), 0, "nothing of it reached the app");
    let served = program.with("x-slipway-token", &tess).bearer("of-the-app").get("/api").await;
    assert_eq!(served.json()["headers"]["authorization"], "Bearer of-the-app");
    assert!(served.json()["headers"].get("x-slipway-token").is_none() && !served.body.contains(&tess));
    assert_eq!(scene.reached(), 1);
}

#[tokio::test]
async fn an_ended_session_and_a_lost_role_let_nobody_in_any_more() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let people = scene.people();
    for (who, ends) in [(&people.tess, "role"), (&people.leo, "session")] {
        let main = scene.signed_in(who).await;
        let host = scene.entered(&main, "e1-web").await;
        assert_eq!(host.get("/").await.status, StatusCode::OK);
        match ends {
            "role" => change_role(&scene.stage.app.ctx, &domain::Actor::Slipway, &who.person().expect("one").id, Role::Viewer)
                .await
                .expect("changed"),
            _ => drop(main.post("/logout", &[]).await),
        }
        eventually("it is noticed", || async {
            let reply = host.get("/").await;
            (reply.status == StatusCode::SEE_OTHER && reply.location().contains("/environments/open")).then_some(())
        })
        .await;
    }
    assert_eq!(scene.stage.app.count("proxy_passes").await, 0, "they went with their sessions");
}

#[tokio::test]
async fn a_host_leads_to_an_app_or_to_the_main_site_and_never_to_both() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let main = scene.signed_in(&scene.people().tess).await;
    let host = scene.entered(&main, "e1-web").await;
    let at = |name: &str| host.clone().with("host", name);
    for same in ["E1-WEB.Env.Test", "e1-web.env.test:3000", "e1-web-80.env.test"] {
        let reply = at(same).get("/healthz").await;
        if same == "e1-web-80.env.test" {
            assert_eq!(reply.status, StatusCode::SEE_OTHER, "another host, with a pass of its own");
        } else {
            assert_eq!(reply.json()["path"], "/healthz", "{same}");
        }
    }
    for nowhere in ["env.test", "e1-web.env.test.", "www.env.test", "a.e1-web.env.test", "e1.env.test", "e01-web.env.test"] {
        let reply = at(nowhere).get("/login").await;
        assert_eq!(reply.status, StatusCode::MISDIRECTED_REQUEST, "{nowhere}");
        assert!(!reply.body.contains("password"), "{nowhere}");
    }
    let reached = scene.reached();
    for main_site in ["127.0.0.1:3000", "e1-web.env.test.evil.example", "e1-web.evil", "localhost", "env.test.evil"] {
        let reply = at(main_site).get("/login").await;
        assert!(reply.body.contains("password") || reply.status == StatusCode::SEE_OTHER, "{main_site}: {}", reply.body);
    }
    let two = http::Request::get("http://127.0.0.1:3000/login").header("host", "e1-web.env.test");
    assert_eq!(scene.stage.app.send(two.body(axum::body::Body::empty()).expect("a request")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(scene.reached(), reached);
    for path in ["/.slipway/enter", "/.slipway/", "/.slipway/other"] {
        assert_ne!(host.get(path).await.status, StatusCode::OK, "{path}");
    }
    assert_eq!(scene.reached(), reached, "what is ours does not reach the app");
    for unknown in ["e9-web", "e1-db", "e1-web-81"] {
        let token = scene.stage.app.token(&scene.people().tess).await;
        let reply = scene.at(unknown).with("x-slipway-token", &token).get("/").await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{unknown}");
        assert!(reply.body.contains("has no such port"), "{unknown}");
    }
}

#[tokio::test]
async fn another_environment_s_page_cannot_use_a_browser_s_pass() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let main = scene.signed_in(&scene.people().tess).await;
    let host = scene.entered(&main, "e1-web").await;
    let post = async |headers: &[(&str, &str)]| {
        let from = headers.iter().fold(host.clone(), |host, (name, value)| host.with(name, value));
        from.post("/", &[("a", "1")]).await.status
    };
    for own in [
        &[("origin", "http://e1-web.env.test:3000"), ("sec-fetch-site", "same-origin")][..],
        &[("origin", "http://e1-api.env.test:3000"), ("sec-fetch-site", "same-site")],
        &[("origin", "null"), ("sec-fetch-site", "same-origin")],
    ] {
        assert_eq!(post(own).await, StatusCode::OK, "{own:?}");
    }
    for foreign in [
        &[("origin", "http://e2-web.env.test:3000"), ("sec-fetch-site", "same-site")][..],
        &[("origin", "http://127.0.0.1:3000"), ("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")],
        &[("origin", "null"), ("sec-fetch-site", "cross-site")],
    ] {
        assert_eq!(post(foreign).await, StatusCode::UNAUTHORIZED, "{foreign:?}");
    }
}

#[tokio::test]
async fn what_the_app_answers_stays_its_own_and_leads_back_here() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let main = scene.signed_in(&scene.people().tess).await;
    let host = scene.entered(&main, "e1-web").await;
    let pass = host.cookie("slipway-pass");
    let reply = host.get("/answers").await;
    assert_eq!(reply.location(), "http://e1-web.env.test:3000/next?x=1#y", "the app's own address is not told");
    let cookies: Vec<_> = reply.headers.get_all("set-cookie").iter().map(|one| one.to_str().expect("plain")).collect();
    assert_eq!(cookies, ["sid=1; Path=/"], "neither for the domain nor in our name");
    assert_eq!(host.cookie("slipway-pass"), pass);
    assert_eq!(reply.header("alt-svc"), "");
}

#[tokio::test]
async fn while_there_is_no_app_a_page_says_why_in_the_reader_s_language() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let main = scene.signed_in(&scene.people().tess).await;
    let host = scene.entered(&main, "e1-web").await;
    let chinese = host.clone().with("accept-language", "zh-CN,zh;q=0.9");
    let (app, id) = (&scene.stage.app, scene.id.clone());
    // Nobody listens where the container is said to be.
    let right = scene.stage.engine.held().published.replace(1);
    let silent = eventually("the container moved", || async {
        let reply = host.get("/").await;
        (reply.status == StatusCode::BAD_GATEWAY).then_some(reply)
    });
    assert!(silent.await.body.contains("web does not answer"));
    assert!(chinese.get("/").await.body.contains("web 无响应"));
    // It moves back: that is found out by trying.
    scene.stage.engine.held().published = right;
    assert_eq!(host.get("/").await.status, StatusCode::OK);
    stop_environment(&app.ctx, &scene.people().tess, &id).await.expect("stopped");
    let ended = eventually("it is noticed", || async {
        let reply = chinese.get("/").await;
        (reply.status == StatusCode::GONE).then_some(reply)
    })
    .await;
    assert!(
        ended.body.contains("E-1 已结束") && ended.body.contains(&format!("href=\"http://127.0.0.1:3000/environments/{id}\""))
    );
    eventually("it has stopped", || async { scene.stage.look(&id).await.row.ended_at }).await;
    let again = scene.at("e1-web").get("/").await.location().replace("http://127.0.0.1:3000", "");
    assert_eq!(main.get(&again).await.location(), format!("/environments/{id}"), "the main site leads to its record");
}

#[tokio::test]
async fn an_environment_that_starts_is_waited_for() {
    let scene = Scene::launching(TestApp::sqlite().await).await;
    let main = scene.signed_in(&scene.people().tess).await;
    let host = scene.entered(&main, "e1-web").await;
    let reply = host.get("/").await;
    assert_eq!((reply.status, reply.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "2"));
    assert!(reply.body.contains("E-1 is starting") && reply.body.contains("http-equiv=\"refresh\""), "{}", reply.body);
    scene.stage.begin_work();
    eventually("it is there", || async { (host.get("/").await.status == StatusCode::OK).then_some(()) }).await;
}

#[tokio::test]
async fn an_engine_that_is_away_is_named() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let main = scene.signed_in(&scene.people().tess).await;
    scene.stage.engine.held().silent = true;
    let host = scene.entered(&main, "e1-web").await;
    let reply = host.get("/").await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.body.contains("The engine test does not answer"), "{}", reply.body);
    assert_eq!(scene.reached(), 0);
}

#[tokio::test]
async fn links_lead_through_the_proxy_and_past_it_where_browsers_reach_the_engine() {
    let scene = Scene::set(TestApp::sqlite().await).await;
    let port = scene.upstream.port();
    let links = scene.stage.look(&scene.id).await.row.links;
    let [link] = links.as_slice() else { panic!("one port: {links:?}") };
    assert_eq!(link.url, "http://e1-web.env.test:3000");
    assert_eq!(link.direct.as_deref(), Some(format!("http://127.0.0.1:{port}").as_str()));
    scene.stage.app.apply("[proxy]\ndomain = \"env.test\"\nscheme = \"https\"\n").await;
    assert_eq!(scene.stage.look(&scene.id).await.row.links[0].url, "https://e1-web.env.test");
    scene.stage.app.apply("[proxy]\ndomain = \"env.test\"\nport = 8080\n").await;
    assert_eq!(scene.stage.look(&scene.id).await.row.links[0].url, "http://e1-web.env.test:8080");

    let mut engine = scene.stage.app.ctx.config().config.engines[0].clone();
    engine.private = true;
    let config = Config { engines: vec![engine], ..Config::default() };
    scene.stage.app.apply(&toml::to_string(&config).expect("a file")).await;
    let links = scene.stage.look(&scene.id).await.row.links;
    assert_eq!((links.len(), &links[0].direct), (1, &None), "nothing but Slipway need be reachable");
}

#[tokio::test]
async fn the_main_site_is_no_name_under_the_domain_of_environments() {
    let app = TestApp::sqlite().await;
    let mut settings = (*app.ctx.settings).clone();
    settings.public_url = "https://slipway.env.test".to_owned();
    let ctx = server::ctx::Ctx::new(settings, app.ctx.store.clone()).await.expect("a context");
    let apply = async |toml: &str| server::usecases::settings::apply(&ctx, &domain::Actor::Slipway, toml, false).await;
    let refused = apply("[proxy]\ndomain = \"env.test\"\n").await.expect_err("refused");
    assert!(matches!(&refused, domain::Problem::Config { place, .. } if place == "proxy.domain"), "{refused:?}");
    apply("[proxy]\ndomain = \"apps.env.test\"\n").await.expect("beside it is well");
}
