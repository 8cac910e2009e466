//! The REST document says all that is served, and REST does all that a button does.

use crate::browser::Browser;
use crate::common::TestApp;
use http::{Method, StatusCode};
use serde_json::Value;

/// Each action of the pages with the REST route of the same use case. `-` stands for what
/// only a person can do: a token is never asked for its owner's password.
const TWINS: [(&str, &str); 64] = [
    ("/do/account/password", "-"),
    ("/do/apps/sweep", "POST /api/v1/apps/{name}/sweep"),
    ("/do/builds/send-back", "POST /api/v1/builds/{id}/send-backs"),
    ("/do/canaries/extend", "POST /api/v1/promotions/{id}/extend"),
    ("/do/canaries/withdraw", "POST /api/v1/promotions/{id}/withdraw"),
    ("/do/deliveries/replay", "POST /api/v1/deliveries/{id}/replay"),
    ("/do/environments/extend", "POST /api/v1/environments/{id}/extend"),
    ("/do/environments/freeze", "POST /api/v1/environments/{id}/freeze"),
    ("/do/environments/hand-over", "POST /api/v1/environments/{id}/hand-over"),
    ("/do/environments/launch", "POST /api/v1/environments"),
    ("/do/environments/relaunch", "POST /api/v1/environments/{id}/relaunch"),
    ("/do/environments/replace", "POST /api/v1/environments/{id}/replace"),
    ("/do/environments/restart", "POST /api/v1/environments/{id}/services/{service}/restart"),
    ("/do/environments/stop", "POST /api/v1/environments/{id}/stop"),
    ("/do/environments/thaw", "POST /api/v1/environments/{id}/thaw"),
    ("/do/hooks/add", "POST /api/v1/hooks"),
    ("/do/hooks/reveal", "POST /api/v1/hooks/{id}/reveal"),
    ("/do/hooks/revoke", "POST /api/v1/hooks/{id}/revoke"),
    ("/do/hooks/rotate", "POST /api/v1/hooks/{id}/rotate"),
    ("/do/notifications/replay", "POST /api/v1/notifications/{id}/replay"),
    ("/do/notifications/test", "POST /api/v1/notifications/targets/{name}/test"),
    ("/do/people/add", "POST /api/v1/users"),
    ("/do/people/disable", "POST /api/v1/users/{id}"),
    ("/do/people/password", "POST /api/v1/users/{id}"),
    ("/do/people/role", "POST /api/v1/users/{id}"),
    ("/do/plans/return", "POST /api/v1/plans/{plan}/return"),
    ("/do/plans/review", "POST /api/v1/plans/{plan}/review"),
    ("/do/plans/run", "POST /api/v1/plans/{plan}/run"),
    ("/do/promotions/abort", "POST /api/v1/promotions/{id}/abort"),
    ("/do/promotions/approve", "POST /api/v1/promotions/{id}/approve"),
    ("/do/promotions/book", "POST /api/v1/promotions/{id}/book"),
    ("/do/promotions/break-glass", "POST /api/v1/promotions/{id}/break-glass"),
    ("/do/promotions/cancel", "POST /api/v1/promotions/{id}/cancel"),
    ("/do/promotions/pause", "POST /api/v1/promotions/{id}/pause"),
    ("/do/promotions/exempt", "POST /api/v1/promotions/{id}/exempt"),
    ("/do/promotions/reject", "POST /api/v1/promotions/{id}/reject"),
    ("/do/promotions/request", "POST /api/v1/promotions"),
    ("/do/promotions/resume", "POST /api/v1/promotions/{id}/resume"),
    ("/do/promotions/start", "POST /api/v1/promotions/{id}/start"),
    ("/do/region-secrets/remove", "POST /api/v1/regions/{region}/secrets/{app}/{name}/remove"),
    ("/do/region-secrets/set", "POST /api/v1/regions/{region}/secrets"),
    ("/do/regions/adopt", "POST /api/v1/regions/{region}/apps/{app}/adopt"),
    ("/do/regions/correct", "POST /api/v1/regions/{region}/apps/{app}/correct"),
    ("/do/promotions/review", "POST /api/v1/promotions/{id}/review"),
    ("/do/promotions/unbook", "POST /api/v1/promotions/{id}/unbook"),
    ("/do/regions/roll-back", "POST /api/v1/rollbacks"),
    ("/do/secrets/remove", "POST /api/v1/secrets/{name}/remove"),
    ("/do/secrets/set", "POST /api/v1/secrets"),
    ("/do/sets/approve", "POST /api/v1/promotion-sets/{set}/approve"),
    ("/do/sets/book", "POST /api/v1/promotion-sets/{set}/book"),
    ("/do/sets/cancel", "POST /api/v1/promotion-sets/{set}/cancel"),
    ("/do/sets/reject", "POST /api/v1/promotion-sets/{set}/reject"),
    ("/do/sets/request", "POST /api/v1/promotion-sets"),
    ("/do/sets/start", "POST /api/v1/promotion-sets/{set}/start"),
    ("/do/sets/unbook", "POST /api/v1/promotion-sets/{set}/unbook"),
    ("/do/sign-offs/give", "POST /api/v1/builds/{id}/sign-offs"),
    ("/do/sign-offs/withdraw", "POST /api/v1/sign-offs/{id}/withdraw"),
    ("/do/stacks/restore", "POST /api/v1/stacks/{name}/restore"),
    ("/do/stacks/save", "POST /api/v1/stacks"),
    ("/do/tokens/add", "POST /api/v1/tokens"),
    ("/do/tokens/revoke", "POST /api/v1/tokens/{id}/revoke"),
    ("/do/verdicts/overrule", "POST /api/v1/verdicts/{id}/overrule"),
    ("/do/verdicts/record", "POST /api/v1/builds/{id}/verdicts"),
    ("/do/verdicts/withdraw", "POST /api/v1/verdicts/{id}/withdraw"),
];

async fn served() -> (Vec<String>, Value) {
    let app = TestApp::sqlite().await;
    let listed = server::http::outside(&app.ctx).listed;
    let document = Browser::new(&app).get("/api/v1/openapi.json").await;
    assert_eq!(document.status, StatusCode::OK);
    (listed.iter().map(|route| format!("{} {}", route.method, route.path)).collect(), document.json())
}

fn operation<'a>(document: &'a Value, route: &str) -> &'a Value {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    &document["paths"][path][method.to_lowercase()]
}

#[tokio::test]
async fn every_rest_route_is_documented_whole() {
    let (routes, document) = served().await;
    let rest = routes.iter().filter(|route| route.contains(" /api/v1/") && !route.ends_with("/openapi.json"));
    let mut count = 0;
    for route in rest {
        let operation = operation(&document, route);
        count += 1;
        let summary = operation["summary"].as_str().unwrap_or_default();
        assert!(summary.ends_with('.'), "{route} says nothing about itself");
        let responses = operation["responses"].as_object().unwrap_or_else(|| panic!("{route} is not in the document"));
        let good: Vec<(&String, &Value)> = responses.iter().filter(|(status, _)| status.starts_with('2')).collect();
        assert_eq!(good.len(), 1, "{route} has one good answer");
        let (status, answer) = good[0];
        assert_eq!(answer["content"].is_object(), status != "204", "{route}: what does {status} hold?");
        let problem = responses.get("default").unwrap_or_else(|| panic!("{route} does not say how it refuses"));
        let shape = problem["content"].as_object().and_then(|content| content.values().next()).map(|one| &one["schema"]["$ref"]);
        assert_eq!(shape, Some(&Value::from("#/components/schemas/ProblemDocument")), "{route}");
        let path = route.split_once(' ').expect("a path").1;
        for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
            let named = |one: &Value| one["name"] == part && one["in"] == "path" && one["required"] == true;
            assert!(operation["parameters"].as_array().is_some_and(|all| all.iter().any(named)), "{route}: what is {part}?");
        }
    }
    assert!(count >= 7, "only {count} routes");
}

#[tokio::test]
async fn nothing_is_documented_that_is_not_served() {
    let (routes, document) = served().await;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            if item[method.as_str().to_lowercase()].is_object() {
                assert!(routes.contains(&format!("{method} {path}")), "{method} {path}");
            }
        }
    }
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    assert!(document["security"].as_array().is_some_and(|all| !all.is_empty()));
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn walk(document: &Value, value: &Value) {
        match value {
            Value::Object(map) => map.iter().for_each(|(key, inside)| match inside {
                Value::String(to) if key == "$ref" => {
                    assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
                }
                inside => walk(document, inside),
            }),
            Value::Array(all) => all.iter().for_each(|inside| walk(document, inside)),
            _ => {}
        }
    }
    let (_, document) = served().await;
    walk(&document, &document);
}

#[tokio::test]
async fn whatever_a_button_does_rest_does_too() {
    let (routes, _) = served().await;
    let buttons: Vec<&str> =
        routes.iter().filter_map(|route| route.strip_prefix("POST ")).filter(|path| path.starts_with("/do/")).collect();
    for button in &buttons {
        let twin = TWINS.iter().find(|(path, _)| path == button).unwrap_or_else(|| panic!("{button} has no REST route in TWINS"));
        assert!(twin.1 == "-" || routes.iter().any(|route| route == twin.1), "{button}: there is no {}", twin.1);
    }
    for (button, twin) in TWINS {
        assert!(buttons.contains(&button), "{button} is no button any more (its REST route was {twin})");
    }
}
