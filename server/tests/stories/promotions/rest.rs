//! The same decisions through REST, with tokens.

use super::stage::{REGIONS, Stage};
use crate::common::on_each_database;
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_else(|| panic!("no id: {value}")).to_owned()
}

#[tokio::test]
async fn the_whole_journey_is_walked_with_tokens() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let app = &stage.app;
        let (tess, pia) = (app.token(&stage.people.tess).await, app.token(&stage.people.pia).await);
        let (ada, leo) = (app.token(&stage.people.ada).await, app.token(&stage.people.leo).await);
        let vera = app.token(&stage.people.vera).await;
        let build = stage.built(1).await;
        let on_build = |what: &str| format!("/api/v1/builds/{}/{what}", build.id);

        let (status, fail) = app.rest(&tess, "POST", &on_build("verdicts"), json!({ "kind": "fail", "note": "<script>" })).await;
        assert_eq!(status, StatusCode::CREATED, "{fail}");
        let (status, told) = app.rest(&pia, "POST", &on_build("sign-offs"), json!({})).await;
        assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("quarantined")));
        let overrule = format!("/api/v1/verdicts/{}/overrule", id(&fail));
        let (status, _) = app.rest(&ada, "POST", &overrule, json!({ "reason": "behind a flag" })).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let (_, pass) = app.rest(&tess, "POST", &on_build("verdicts"), json!({ "kind": "pass" })).await;
        let (status, _) = app.rest(&tess, "POST", &format!("/api/v1/verdicts/{}/withdraw", id(&pass)), Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        app.rest(&tess, "POST", &on_build("verdicts"), json!({ "kind": "pass" })).await;
        let (status, signed) = app.rest(&pia, "POST", &on_build("sign-offs"), json!({ "note": "nice" })).await;
        assert_eq!(status, StatusCode::CREATED);
        let (status, _) = app.rest(&pia, "POST", &format!("/api/v1/sign-offs/{}/withdraw", id(&signed)), Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        app.rest(&pia, "POST", &on_build("sign-offs"), json!({})).await;

        let request = json!({ "build": build.id, "regions": ["hangzhou"], "reason": "it is time" });
        let (status, made) = app.rest(&ada, "POST", "/api/v1/promotions", request).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let on = |what: &str| format!("/api/v1/promotions/{}{what}", id(&made));
        let (status, told) = app.rest(&ada, "POST", &on("/start"), json!({ "app": "web" })).await;
        assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("gates_closed")));
        let gates = told["problem"]["gates"].as_array().expect("gates");
        let approved = gates.iter().find(|gate| gate["gate"] == "approved").expect("a gate");
        assert_eq!((&approved["state"], &approved["cleared_by"]), (&json!("waiting"), &json!("lead")));
        let (status, told) = app.rest(&ada, "POST", &on("/approve"), Value::Null).await;
        assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("own_request")));
        let (status, _) = app.rest(&leo, "POST", &on("/approve"), Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let (status, told) = app.rest(&ada, "POST", &on("/start"), json!({ "app": "WEB" })).await;
        assert_eq!((status, &told["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("confirmation_mismatch")));
        let (status, _) = app.rest(&ada, "POST", &on("/start"), json!({ "app": "web" })).await;
        assert_eq!(status, StatusCode::NO_CONTENT);

        let (status, list) = app.rest(&vera, "GET", "/api/v1/promotions?state=running&limit=1", Value::Null).await;
        assert_eq!((status, &list["items"][0]["number"]), (StatusCode::OK, &json!(1)));
        let (status, seen) = app.rest(&vera, "GET", &on(""), Value::Null).await;
        assert_eq!((status, &seen["row"]["state"]), (StatusCode::OK, &json!("running")));
        let (status, told) = app.rest(&ada, "POST", &on("/cancel"), json!({ "reason": "late" })).await;
        assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("finished")));
        let promotion = domain::id::PromotionId(id(&made));
        stage.work(&promotion, &[]).await;

        stage.promoted(2, &["hangzhou"]).await;
        let back = json!({ "app": "web", "region": "hangzhou", "reason": "broken", "to": build.digest, "confirmation": { "app": "web" } });
        let (status, made) = app.rest(&ada, "POST", "/api/v1/rollbacks", back).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let (_, seen) = app.rest(&vera, "GET", &format!("/api/v1/promotions/{}", id(&made)), Value::Null).await;
        assert_eq!((&seen["row"]["kind"], &seen["row"]["digest"]), (&json!("rollback"), &json!(build.digest)));
    })
    .await;
}

#[tokio::test]
async fn every_door_asks_for_its_role_and_for_a_token() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let build = stage.accepted(1).await;
        let id = stage.requested(&build, &REGIONS).await;
        let doors = [
            (format!("/api/v1/builds/{}/verdicts", build.id), json!({ "kind": "pass" }), ["tess"].as_slice()),
            ("/api/v1/verdicts/x/withdraw".to_owned(), Value::Null, &["tess"]),
            ("/api/v1/verdicts/x/overrule".to_owned(), json!({ "reason": "r" }), &["ada", "leo"]),
            (format!("/api/v1/builds/{}/sign-offs", build.id), json!({}), &["pia"]),
            ("/api/v1/sign-offs/x/withdraw".to_owned(), Value::Null, &["pia"]),
            ("/api/v1/promotions".to_owned(), json!({ "build": build.id, "regions": ["hangzhou"] }), &["ada", "leo"]),
            (format!("/api/v1/promotions/{id}/approve"), Value::Null, &["ada", "leo"]),
            (format!("/api/v1/promotions/{id}/start"), json!({ "app": "no" }), &["ada", "leo"]),
            (format!("/api/v1/promotions/{id}/cancel"), json!({ "reason": "" }), &["ada", "leo"]),
            (format!("/api/v1/promotions/{id}/book"), json!({ "confirmation": { "app": "no" } }), &["ada", "leo"]),
            (format!("/api/v1/promotions/{id}/unbook"), Value::Null, &["ada", "leo"]),
            (format!("/api/v1/promotions/{id}/exempt"), json!({ "reason": "r" }), &["ada", "leo"]),
            (
                format!("/api/v1/promotions/{id}/break-glass"),
                json!({ "reason": "r", "confirmation": { "app": "no" } }),
                &["ada", "leo"],
            ),
            (format!("/api/v1/promotions/{id}/review"), json!({ "reason": "r" }), &["ada", "leo"]),
            (format!("/api/v1/promotions/{id}/reject"), json!({ "reason": "r" }), &["ada", "leo"]),
            (
                "/api/v1/rollbacks".to_owned(),
                json!({ "app": "web", "region": "hangzhou", "reason": "r", "confirmation": { "app": "web" } }),
                &["ada", "leo"],
            ),
        ];
        for person in stage.people.all() {
            let name = person.person().expect("a person").name.clone();
            let token = stage.app.token(person).await;
            for (door, body, whose) in &doors {
                let (status, told) = stage.app.rest(&token, "POST", door, body.clone()).await;
                let let_in = status != StatusCode::FORBIDDEN;
                assert_eq!(let_in, whose.contains(&name.as_str()), "{name} at {door}: {told}");
            }
        }
        for (door, body, _) in &doors {
            let request = Request::builder().method("POST").uri(door).header("content-type", "application/json");
            let (status, _) = stage.app.send(request.body(Body::from(body.to_string())).expect("a request")).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{door}");
            let (status, _) = stage.app.rest("not-a-token", "POST", door, body.clone()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{door}");
        }
        assert_eq!(stage.app.count("promotions WHERE state = 'running'").await, 0);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_at_its_place() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ada, tess) = (stage.app.token(&stage.people.ada).await, stage.app.token(&stage.people.tess).await);
        let build = stage.built(1).await;
        let verdicts = format!("/api/v1/builds/{}/verdicts", build.id);
        for (token, door, body) in [
            (&tess, verdicts.as_str(), json!({ "kind": "maybe" })),
            (&tess, &verdicts, json!({ "kind": 3 })),
            (&tess, &verdicts, json!({ "kind": "pass", "author": "pia" })),
            (&tess, &verdicts, json!([])),
            (&ada, "/api/v1/promotions", json!({ "build": build.id, "regions": "hangzhou" })),
            (&ada, "/api/v1/promotions", json!({ "build": build.id })),
            (&ada, "/api/v1/rollbacks", json!({ "app": "web", "region": "hangzhou", "reason": "r" })),
            (
                &ada,
                "/api/v1/rollbacks",
                json!({ "app": "web", "region": "hangzhou", "reason": "r", "to": "latest", "confirmation": { "app": "web" } }),
            ),
        ] {
            let (status, told) = stage.app.rest(token, "POST", door, body).await;
            assert_eq!((status, &told["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")), "{told}");
        }
        for query in ["state=started", "limit=many", "cursor=x"] {
            let (status, told) = stage.app.rest(&ada, "GET", &format!("/api/v1/promotions?{query}"), Value::Null).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        }
        for unknown in ["nothing", "%00", "%3Cscript%3E", "..%2F.."] {
            let (status, told) = stage.app.rest(&ada, "GET", &format!("/api/v1/promotions/{unknown}"), Value::Null).await;
            assert_eq!((status, &told["code"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{told}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_request_sent_twice_with_one_key_is_one_promotion() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let token = stage.app.token(&stage.people.ada).await;
        let build = stage.accepted(1).await;
        let send = |regions: Value| {
            let body = json!({ "build": build.id, "regions": regions }).to_string();
            let request = Request::post("/api/v1/promotions").header("authorization", format!("Bearer {token}"));
            let request = request.header("content-type", "application/json").header("idempotency-key", "once");
            stage.app.send(request.body(Body::from(body)).expect("a request"))
        };
        let (first, again) = (send(json!(["hangzhou"])).await, send(json!(["hangzhou"])).await);
        assert_eq!((first.0, again.0), (StatusCode::CREATED, StatusCode::CREATED));
        assert_eq!(first.1, again.1);
        let (status, told) = send(json!(["us-west"])).await;
        assert_eq!((status, &told["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("idempotency_mismatch")));
        assert_eq!(stage.app.count("promotions").await, 1);
    })
    .await;
}

#[tokio::test]
async fn waves_pauses_and_the_end_by_hand_go_through_rest_too() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let app = &stage.app;
        let (ada, leo, tess) =
            (app.token(&stage.people.ada).await, app.token(&stage.people.leo).await, app.token(&stage.people.tess).await);
        let build = stage.accepted(1).await;
        let waves = json!([{ "from": "us-west", "soak_minutes": 30, "look": true }]);
        let request = json!({ "build": build.id, "regions": ["hangzhou", "us-west"], "waves": waves });
        let (status, made) = app.rest(&ada, "POST", "/api/v1/promotions", request).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        let on = |what: &str| format!("/api/v1/promotions/{}{what}", id(&made));
        let (status, told) = app.rest(&ada, "POST", &on("/pause"), Value::Null).await;
        assert_eq!((status, &told["code"]), (StatusCode::CONFLICT, &json!("finished")), "it does not run");
        app.rest(&leo, "POST", &on("/approve"), Value::Null).await;
        let (status, told) = app.rest(&ada, "POST", &on("/start"), json!({ "app": "web" })).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{told}");
        let (status, _) = app.rest(&tess, "POST", &on("/pause"), Value::Null).await;
        assert_eq!(status, StatusCode::FORBIDDEN);
        let (status, _) = app.rest(&leo, "POST", &on("/pause"), Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let (_, seen) = app.rest(&tess, "GET", &on(""), Value::Null).await;
        assert_eq!((&seen["course"]["paused_by"], &seen["rollouts"][1]["wave"]), (&json!("leo"), &json!(2)));
        let (status, _) = app.rest(&ada, "POST", &on("/resume"), Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let (status, told) = app.rest(&ada, "POST", &on("/abort"), json!({ "reason": " " })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{told}");
        let (status, _) = app.rest(&ada, "POST", &on("/abort"), json!({ "reason": "called off" })).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        let (_, seen) = app.rest(&tess, "GET", &on(""), Value::Null).await;
        assert_eq!((&seen["row"]["state"], &seen["course"]["aborted_why"]), (&json!("aborted"), &json!("called off")));
    })
    .await;
}
