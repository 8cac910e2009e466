//! Signing in: what it costs to guess, whom it must not lock out, and how the first admin comes.

use crate::browser::{Browser, PASSWORD, Reply, user};
use crate::common::{TestApp, on_each_database};
use domain::problem::Fault;
use domain::{Actor, Problem, Role};
use server::http::flash::Message;
use server::usecases::people;
use std::time::Duration;

/// The problem that a refused form leads back with.
fn problem(app: &TestApp, reply: &Reply) -> Option<Problem> {
    let (_, id) = reply.location().split_once("flash=")?;
    match app.ctx.flashes.take(&app.ctx, None, id) {
        Some(Message::Refused(flash)) => Some(flash.problem),
        _ => None,
    }
}

async fn try_in(app: &TestApp, browser: &Browser, name: &str, password: &str) -> Option<Problem> {
    problem(app, &browser.log_in(name, password).await)
}

fn throttled(problem: Option<Problem>) -> u64 {
    match problem {
        Some(Problem::Throttled { seconds }) => seconds,
        other => panic!("not slowed down: {other:?}"),
    }
}

#[tokio::test]
async fn a_login_leads_where_it_was_asked_for_and_never_to_another_site() {
    let app = TestApp::sqlite().await;
    user(&app, "vera", Role::Viewer).await;
    let browser = Browser::new(&app);
    assert_eq!(browser.get("/builds?app=web").await.location(), "/login?next=/builds%3Fapp%3Dweb");
    for (next, leads) in
        [("/builds?app=web", "/builds?app=web"), ("//evil.test", "/"), ("https://evil.test/", "/"), ("/\\evil.test", "/")]
    {
        let reply = browser.post("/login", &[("name", "vera"), ("password", PASSWORD), ("next", next)]).await;
        assert_eq!(reply.location(), leads, "{next}");
    }
}

#[tokio::test]
async fn nobody_learns_who_has_an_account() {
    let app = TestApp::sqlite().await;
    user(&app, "ada", Role::Admin).await;
    user(&app, "vera", Role::Viewer).await;
    let gone = user(&app, "gone", Role::Viewer).await;
    let gone = gone.person().expect("a person").id.clone();
    people::set_disabled(&app.ctx, &Actor::Slipway, &gone, true).await.expect("disabled");
    for (name, password) in [("vera", "not the password"), ("nobody", PASSWORD), ("gone", PASSWORD), ("", ""), ("<script>", "x")]
    {
        let browser = Browser::new(&app);
        let reply = browser.log_in(name, password).await;
        assert_eq!(reply.status.as_u16(), 303, "{name}");
        assert_eq!(problem(&app, &reply), Some(Problem::WrongCredentials), "{name}");
        // Each waits for its turn to hash, so each costs the same work.
        let turns = app.ctx.hashing.clone().acquire_many_owned(2).await.expect("both turns");
        let (waiting, name) = (browser.clone(), name.to_owned());
        let mut asked = tokio::spawn(async move { waiting.log_in(&name, "another wrong one").await });
        let early = tokio::time::timeout(Duration::from_millis(100), &mut asked).await;
        assert!(early.is_err(), "answered without hashing");
        drop(turns);
        assert_eq!(asked.await.expect("an answer").status.as_u16(), 303);
    }
}

#[tokio::test]
async fn guessing_is_slowed_down_and_a_restart_forgives_nothing() {
    on_each_database(|app| async move {
        user(&app, "vera", Role::Viewer).await;
        let guesser = Browser::new(&app).from([203, 0, 113, 9]);
        for _ in 0..6 {
            assert_eq!(try_in(&app, &guesser, "vera", "not the password").await, Some(Problem::WrongCredentials));
        }
        let seconds = throttled(try_in(&app, &guesser, "vera", PASSWORD).await);
        assert!((1..=3).contains(&seconds), "{seconds}");
        let restarted = app.restarted().await;
        let again = Browser::over(server::http::outside(&restarted).router).from([203, 0, 113, 9]);
        assert!(again.log_in("vera", PASSWORD).await.location().contains("flash="), "still slowed down");
        app.clock.advance(Duration::from_secs(seconds));
        assert_eq!(guesser.log_in("vera", PASSWORD).await.location(), "/", "the right password counts again");
        assert_eq!(try_in(&app, &guesser, "vera", "a slip").await, Some(Problem::WrongCredentials), "and clears the slips");
    })
    .await;
}

#[tokio::test]
async fn strangers_cannot_lock_a_colleague_out() {
    on_each_database(|app| async move {
        user(&app, "vera", Role::Viewer).await;
        let desk = Browser::new(&app).from([10, 0, 0, 7]);
        assert_eq!(desk.log_in("vera", PASSWORD).await.location(), "/");
        // Many machines at one name, and many names from the colleague's own office.
        for at in 0..24 {
            let stranger = Browser::new(&app).from([203, 0, 113, at]);
            try_in(&app, &stranger, "vera", "not the password").await;
            try_in(&app, &desk, &format!("nobody-{at}"), "not the password").await;
        }
        throttled(try_in(&app, &Browser::new(&app).from([198, 51, 100, 1]), "vera", PASSWORD).await);
        throttled(try_in(&app, &desk, "somebody-else", PASSWORD).await);
        assert_eq!(desk.another().log_in("vera", PASSWORD).await.location(), "/", "at the own desk nothing has changed");
        // Over a long weekend as well.
        app.clock.advance(Duration::from_secs(4 * 24 * 3600));
        let mut tx = app.ctx.store.begin().await.expect("a transaction");
        server::store::people::prune(&mut tx, app.ctx.now()).await.expect("pruned");
        tx.commit().await.expect("kept");
        for at in 0..24 {
            try_in(&app, &Browser::new(&app).from([203, 0, 113, at]), "vera", "not the password").await;
        }
        throttled(try_in(&app, &Browser::new(&app).from([198, 51, 100, 1]), "vera", PASSWORD).await);
        assert_eq!(desk.another().log_in("vera", PASSWORD).await.location(), "/");
    })
    .await;
}

#[tokio::test]
async fn a_burst_of_guesses_meets_its_own_failures() {
    on_each_database(|app| async move {
        user(&app, "vera", Role::Viewer).await;
        let guesser = Browser::new(&app).from([203, 0, 113, 9]);
        let guesses = (0..40).map(|_| guesser.log_in("vera", "not the password"));
        let replies = futures::future::join_all(guesses).await;
        let checked = replies.iter().filter(|reply| problem(&app, reply) == Some(Problem::WrongCredentials)).count();
        assert!((6..=8).contains(&checked), "{checked} of 40 were checked");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_believed_about_their_own_address() {
    let app = TestApp::sqlite().await;
    user(&app, "vera", Role::Viewer).await;
    // From outside, the header is anyone's word.
    for at in 0..6 {
        let liar = Browser::new(&app).from([203, 0, 113, 9]).with("x-forwarded-for", &format!("10.0.0.{at}"));
        try_in(&app, &liar, "vera", "not the password").await;
    }
    throttled(
        try_in(&app, &Browser::new(&app).from([203, 0, 113, 9]).with("x-forwarded-for", "10.9.9.9"), "vera", PASSWORD).await,
    );
    // From a proxy on this machine, the last entry is the proxy's own.
    for at in 0..6 {
        let proxied = Browser::new(&app).with("x-forwarded-for", &format!("10.1.1.{at}, 198.51.100.7"));
        try_in(&app, &proxied, "vera", "not the password").await;
    }
    throttled(try_in(&app, &Browser::new(&app).with("x-forwarded-for", "198.51.100.7"), "vera", PASSWORD).await);
    assert_eq!(Browser::new(&app).with("x-forwarded-for", "198.51.100.8").log_in("vera", PASSWORD).await.location(), "/");
}

#[tokio::test]
async fn the_password_that_is_asked_for_again_cannot_be_guessed_either() {
    on_each_database(|app| async move {
        let lea = user(&app, "lea", Role::Lead).await;
        app.clock.advance(Duration::from_secs(16 * 60));
        let again = async |password: Option<&str>| people::require_fresh(&app.ctx, &lea, password).await;
        assert_eq!(again(None).await, Err(Problem::PasswordNeeded));
        assert_eq!(again(Some("")).await, Err(Problem::PasswordNeeded));
        // Strangers who guess at the login do not keep a lead from acting.
        for at in 0..24 {
            try_in(&app, &Browser::new(&app).from([203, 0, 113, at]), "lea", "not the password").await;
        }
        assert_eq!(again(Some(PASSWORD)).await, Ok(()));
        for _ in 0..6 {
            assert_eq!(again(Some("not the password")).await, Err(Problem::WrongCredentials));
        }
        throttled(again(Some(PASSWORD)).await.err());
        let change = people::change_own_password(&app.ctx, &lea, PASSWORD.to_owned(), "eight grey herons".to_owned()).await;
        throttled(change.err());
        app.clock.advance(Duration::from_secs(3));
        assert_eq!(again(Some(PASSWORD)).await, Ok(()));
    })
    .await;
}

#[tokio::test]
async fn a_password_is_long_uncommon_and_not_endless() {
    let app = TestApp::sqlite().await;
    let refused = async |password: &str| match people::add_user(
        &app.ctx,
        &Actor::Slipway,
        "vera".to_owned(),
        Role::Viewer,
        password.to_owned(),
    )
    .await
    {
        Err(Problem::Invalid { field, why }) if field == "password" => why,
        other => panic!("{password}: {other:?}"),
    };
    assert_eq!(refused("").await, Fault::TooShort { least: 10 });
    assert_eq!(refused("herons 77").await, Fault::TooShort { least: 10 });
    assert_eq!(refused("灰鹭灰鹭灰鹭灰鹭灰").await, Fault::TooShort { least: 10 });
    assert_eq!(refused(&"heron ".repeat(40)).await, Fault::TooLong { most: 200 });
    assert_eq!(refused("Password123!").await, Fault::CommonPassword);
    assert_eq!(refused("vera-vera-vera").await, Fault::CommonPassword);
    assert_eq!(app.count("users").await, 0);
}

#[tokio::test]
async fn the_set_up_code_makes_one_admin_and_no_second() {
    on_each_database(|app| async move {
        let form = |code: &'static str, name: &'static str| [("code", code), ("name", name), ("password", PASSWORD)];
        let browser = Browser::new(&app);
        let reply = browser.post("/setup", &form("", "eve")).await;
        assert_eq!(problem(&app, &reply), Some(Problem::WrongSetupCode), "no code is in force");
        app.ctx.setup.arm("the-code".to_owned());
        let reply = browser.post("/setup", &form("the-cod", "eve")).await;
        assert_eq!(problem(&app, &reply), Some(Problem::WrongSetupCode));
        let short = [("code", "the-code"), ("name", "ada"), ("password", "short")];
        assert!(matches!(problem(&app, &browser.post("/setup", &short).await), Some(Problem::Invalid { .. })));
        // A refused form does not use the code up; of many at once one wins.
        let names = ["ada", "abe", "amy", "ann", "art"];
        let all = names.map(|name| {
            let browser = browser.another();
            async move { browser.post("/setup", &form("the-code", name)).await }
        });
        let replies = futures::future::join_all(all).await;
        assert_eq!(replies.iter().filter(|reply| reply.location() == "/settings").count(), 1);
        assert_eq!(app.count("users").await, 1);
        assert!(!app.ctx.setup.matches("the-code"), "the code is used up");
        app.ctx.setup.arm("another".to_owned());
        let reply = browser.another().post("/setup", &form("another", "eve")).await;
        assert!(matches!(problem(&app, &reply), Some(Problem::WrongSetupCode | Problem::Throttled { .. })));
        assert_eq!(app.count("users").await, 1);
    })
    .await;
}

#[tokio::test]
async fn the_set_up_code_cannot_be_guessed() {
    let app = TestApp::sqlite().await;
    app.ctx.setup.arm("the-code".to_owned());
    let browser = Browser::new(&app).from([203, 0, 113, 9]);
    for at in 0..6 {
        let guess = format!("guess-{at}");
        let reply = browser.post("/setup", &[("code", guess.as_str()), ("name", "eve"), ("password", PASSWORD)]).await;
        assert_eq!(problem(&app, &reply), Some(Problem::WrongSetupCode));
    }
    let reply = browser.post("/setup", &[("code", "the-code"), ("name", "eve"), ("password", PASSWORD)]).await;
    throttled(problem(&app, &reply));
    assert_eq!(app.count("users").await, 0);
}
