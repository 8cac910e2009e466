//! Sessions: whose they are, how they end, and what a browser and the database hold of them.

use crate::browser::{Browser, PASSWORD, user};
use crate::common::{TestApp, on_each_database};
use axum::body::Body;
use domain::{Actor, Problem, Role};
use futures::StreamExt as _;
use http::{Request, StatusCode};
use server::ctx::{Settings, secret_hash};
use server::http::session::DatabaseSessions;
use server::usecases::people;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;
use tower_sessions::Session;

const HOUR: Duration = Duration::from_secs(3600);

/// Whether the browser is somebody.
async fn is_in(browser: &Browser) -> bool {
    browser.get("/account").await.status == StatusCode::OK
}

fn id(actor: &Actor) -> &domain::id::UserId {
    &actor.person().expect("a person").id
}

#[tokio::test]
async fn the_database_holds_only_a_hash_of_a_session() {
    on_each_database(|app| async move {
        user(&app, "vera", Role::Viewer).await;
        let browser = Browser::new(&app);
        assert_eq!(browser.log_in("vera", PASSWORD).await.location(), "/");
        let cookie = browser.cookie("slipway").expect("a session");
        let rows: Vec<(String, Vec<u8>)> =
            sqlx::query_as("SELECT id_hash, data FROM sessions").fetch_all(app.ctx.store.read()).await.expect("rows");
        let [(hash, data)] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!(*hash, secret_hash(&cookie));
        let data = String::from_utf8_lossy(data);
        assert!(!data.contains(&cookie) && !data.contains("vera") && !data.contains("viewer"), "{data}");
        assert!(cookie.len() >= 22, "128 random bits");
    })
    .await;
}

#[tokio::test]
async fn a_login_begins_a_new_session_and_ends_the_one_before() {
    on_each_database(|app| async move {
        user(&app, "vera", Role::Viewer).await;
        let browser = Browser::new(&app);
        browser.log_in("vera", PASSWORD).await;
        let before = browser.cookie("slipway").expect("a session");
        browser.log_in("vera", PASSWORD).await;
        assert_ne!(browser.cookie("slipway").expect("a session"), before);
        assert!(is_in(&browser).await);
        let thief = browser.another();
        thief.set_cookie("slipway", &before);
        assert!(!is_in(&thief).await, "the old id is worth nothing");
        assert_eq!(app.count("sessions").await, 1);
    })
    .await;
}

#[tokio::test]
async fn an_id_that_somebody_else_chose_is_not_taken_over() {
    let app = TestApp::sqlite().await;
    user(&app, "vera", Role::Viewer).await;
    let browser = Browser::new(&app);
    browser.log_in("vera", PASSWORD).await;
    let shape = browser.cookie("slipway").expect("a session");
    let chosen: String = shape.chars().rev().collect();
    let victim = browser.another();
    victim.set_cookie("slipway", &chosen);
    victim.log_in("vera", PASSWORD).await;
    assert_ne!(victim.cookie("slipway").expect("a session"), chosen);
}

#[tokio::test]
async fn a_visitor_leaves_no_session_behind() {
    let app = TestApp::sqlite().await;
    user(&app, "vera", Role::Viewer).await;
    let browser = Browser::new(&app);
    browser.get("/login").await;
    browser.get("/builds").await;
    browser.log_in("vera", "a wrong password").await;
    assert_eq!((browser.cookie("slipway"), app.count("sessions").await), (None, 0));
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_without_a_request() {
    on_each_database(|app| async move {
        let vera = user(&app, "vera", Role::Viewer).await;
        let (used, idle) = (Browser::new(&app).signed_in(&app, &vera).await, Browser::new(&app).signed_in(&app, &vera).await);
        app.clock.advance(11 * HOUR);
        assert!(is_in(&used).await);
        app.clock.advance(2 * HOUR);
        assert!(is_in(&used).await);
        assert!(!is_in(&idle).await);
    })
    .await;
}

#[tokio::test]
async fn a_session_ends_after_seven_days_however_much_it_is_used() {
    on_each_database(|app| async move {
        let vera = user(&app, "vera", Role::Viewer).await;
        let browser = Browser::new(&app).signed_in(&app, &vera).await;
        for _ in 0..16 {
            app.clock.advance(10 * HOUR);
            assert!(is_in(&browser).await);
        }
        let last: i64 = sqlx::query_scalar("SELECT MAX(expires_at - created_at) FROM sessions")
            .fetch_one(app.ctx.store.read())
            .await
            .expect("a number");
        assert_eq!(last, 7 * 24 * 3600 * 1_000_000, "the row goes then, too");
        app.clock.advance(9 * HOUR);
        assert!(!is_in(&browser).await);
    })
    .await;
}

#[tokio::test]
async fn logging_out_ends_the_session_on_the_server() {
    let app = TestApp::sqlite().await;
    let vera = user(&app, "vera", Role::Viewer).await;
    let browser = Browser::new(&app).signed_in(&app, &vera).await;
    let kept = browser.another();
    kept.set_cookie("slipway", &browser.cookie("slipway").expect("a session"));
    assert_eq!(browser.post("/logout", &[]).await.location(), "/login");
    assert!(!is_in(&kept).await);
    assert_eq!(app.count("sessions").await, 0);
}

#[tokio::test]
async fn every_session_ends_when_its_user_changes_and_only_those() {
    on_each_database(|app| async move {
        user(&app, "ada", Role::Admin).await;
        let tess = user(&app, "tess", Role::Tester).await;
        let vera = user(&app, "vera", Role::Viewer).await;
        let bystander = Browser::new(&app).signed_in(&app, &vera).await;
        let new_password = || "eight grey herons".to_owned();
        for change in ["role", "password", "own password", "disabled"] {
            let two = [Browser::new(&app).signed_in(&app, &tess).await, Browser::new(&app).signed_in(&app, &tess).await];
            assert!(is_in(&two[0]).await && is_in(&two[1]).await);
            let changed = match change {
                "role" => people::change_role(&app.ctx, &Actor::Slipway, id(&tess), Role::Product).await,
                "password" => people::reset_password(&app.ctx, &Actor::Slipway, id(&tess), PASSWORD.to_owned()).await,
                "own password" => {
                    let form = [("old", PASSWORD), ("new", &new_password())];
                    let reply = two[0].post("/do/account/password", &form).await;
                    assert_eq!(reply.status, StatusCode::SEE_OTHER);
                    Ok(())
                }
                _ => people::set_disabled(&app.ctx, &Actor::Slipway, id(&tess), true).await,
            };
            assert_eq!(changed, Ok(()), "{change}");
            assert!(!is_in(&two[0]).await && !is_in(&two[1]).await, "{change} leaves a session");
        }
        assert!(is_in(&bystander).await);
        let late = Browser::new(&app);
        let reply = late.log_in("tess", &new_password()).await;
        assert!(reply.location().starts_with("/login"), "disabled");
    })
    .await;
}

#[tokio::test]
async fn a_request_under_way_does_not_bring_an_ended_session_back() {
    on_each_database(|app| async move {
        user(&app, "ada", Role::Admin).await;
        let tess = user(&app, "tess", Role::Tester).await;
        let browser = Browser::new(&app).signed_in(&app, &tess).await;
        let store = Arc::new(DatabaseSessions::new(app.ctx.clone()));
        let cookie = browser.cookie("slipway").expect("a session").parse().expect("an id");
        let under_way = Session::new(Some(cookie), store, None);
        under_way.load().await.expect("it is there");
        people::set_disabled(&app.ctx, &Actor::Slipway, id(&tess), true).await.expect("disabled");
        people::set_disabled(&app.ctx, &Actor::Slipway, id(&tess), false).await.expect("enabled again");
        under_way.insert("seen", 1).await.expect("a value");
        under_way.save().await.expect("saved, it believes");
        assert!(!is_in(&browser).await);
        assert_eq!(app.count("sessions").await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_of_other_sites() {
    let app = TestApp::sqlite().await;
    user(&app, "vera", Role::Viewer).await;
    let reply = Browser::new(&app).log_in("vera", PASSWORD).await;
    let cookie = reply.header("set-cookie");
    for part in ["slipway=", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("Domain"), "{cookie}");
    assert_eq!(reply.header("strict-transport-security"), "");

    let mut ctx = app.ctx.clone();
    ctx.settings = Arc::new(Settings { public_url: "https://slipway.test".to_owned(), ..(*ctx.settings).clone() });
    let browser = Browser::over(server::http::outside(&ctx).router).with("origin", "https://slipway.test");
    let reply = browser.log_in("vera", PASSWORD).await;
    let cookie = reply.header("set-cookie");
    for part in ["__Host-slipway=", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(reply.header("strict-transport-security"), "max-age=31536000");
    let preference = browser.post("/preferences", &[("theme", "dark"), ("next", "/builds")]).await;
    assert!(preference.header("set-cookie").contains("; Secure"), "{:?}", preference.headers);
}

#[tokio::test]
async fn a_stream_ends_when_its_reader_is_put_out() {
    let app = TestApp::sqlite().await;
    user(&app, "ada", Role::Admin).await;
    let vera = user(&app, "vera", Role::Viewer).await;
    let browser = Browser::new(&app).signed_in(&app, &vera).await;
    let cookie = format!("slipway={}", browser.cookie("slipway").expect("a session"));
    let request = Request::get("/events").header("accept", "text/event-stream").header("cookie", cookie);
    let router = server::http::outside(&app.ctx).router;
    let response = router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let mut stream = response.into_body().into_data_stream();
    let mut next = async || {
        let next = tokio::time::timeout(Duration::from_secs(10), stream.next()).await.expect("not in vain");
        next.map(|part| String::from_utf8_lossy(&part.expect("a part")).into_owned())
    };
    assert!(next().await.is_some_and(|hello| hello.contains("hello")));
    app.ctx.hub.tell(server::hub::Topic::Builds, None);
    assert!(next().await.is_some_and(|hint| hint.contains("builds")));
    people::change_role(&app.ctx, &Actor::Slipway, id(&vera), Role::Tester).await.expect("changed");
    app.ctx.hub.tell(server::hub::Topic::Builds, None);
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn two_admins_who_disable_each_other_at_once_leave_one() {
    on_each_database(|app| async move {
        let (ada, abe) = (user(&app, "ada", Role::Admin).await, user(&app, "abe", Role::Admin).await);
        let both = tokio::join!(
            people::set_disabled(&app.ctx, &ada, id(&abe), true),
            people::change_role(&app.ctx, &abe, id(&ada), Role::Viewer),
        );
        let refused = [both.0, both.1].into_iter().filter(|done| *done == Err(Problem::LastAdmin)).count();
        assert_eq!(refused, 1);
    })
    .await;
}
