//! What a region asks of promotions: its freeze windows and its policies.

use super::stage::Stage;
use crate::common::{TestApp, on_each_database};
use domain::Problem;
use domain::problem::Noun;
use serde_json::Value;
use server::usecases::regions::rules;

const RULES: &str = "
[[freezes]]
name = \"sale\"
regions = [\"here\"]
reason = \"the shops are full\"
time_zone = \"UTC\"
once = { from = \"2026-11-23\", to = \"2026-11-26\" }

[[freezes]]
name = \"lunch\"
regions = [\"there\"]
reason = \"nobody watches\"
weekly = { from = \"12:00\", to = \"13:00\" }

[[policies]]
name = \"payments\"
apps = [\"pay\"]
approvals = [{ role = \"lead\", count = 2 }]
";

#[tokio::test]
async fn a_region_says_which_windows_close_it_and_what_people_decide_about_each_app() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let (ctx, vera, host) = (&stage.app.ctx, &stage.people.vera, &stage.registry.host);
        let more = ["pay", "worker"].map(|name| format!("[[apps]]\nname = \"{name}\"\nimage = \"{host}/team/{name}\"\n"));
        stage.app.apply(&format!("{}{RULES}", more.concat())).await;
        let here = rules(ctx, vera, "here").await.expect("rules");
        let windows: Vec<(&str, Option<bool>, &str)> =
            here.freezes.iter().map(|freeze| (freeze.window.name.as_str(), freeze.now, freeze.time_zone.as_str())).collect();
        assert_eq!(windows, [("sale", Some(true), "UTC")], "another region's windows are not this one's");
        assert_eq!(here.freezes[0].changes_at.map(|at| at.to_rfc3339()), Some("2026-11-26T00:00:00+00:00".to_owned()));
        let closed: Vec<&str> = here.closed.iter().map(|closed| closed.app.as_str()).collect();
        assert_eq!(closed, ["web", "pay", "worker"]);
        let policies: Vec<(Vec<String>, u32)> =
            here.policies.iter().map(|of| (of.apps.clone(), of.policy.approvals[0].count)).collect();
        assert_eq!(policies, [(vec!["web".to_owned(), "worker".to_owned()], 1), (vec!["pay".to_owned()], 2)]);
        assert_eq!(here.version, ctx.config().version);

        let there = rules(ctx, vera, "there").await.expect("rules");
        assert_eq!((there.freezes.len(), there.freezes[0].now, there.closed.len()), (1, Some(false), 0));
        assert_eq!(rules(ctx, vera, "nowhere").await, Err(Problem::not_found(Noun::Region, "nowhere")));
    })
    .await;
}

#[tokio::test]
async fn rules_are_read_over_rest_by_whoever_may_read() {
    let stage = Stage::set(TestApp::sqlite().await).await;
    let token = stage.app.token(&stage.people.vera).await;
    let (status, rules) = stage.app.rest(&token, "GET", "/api/v1/regions/here/rules", Value::Null).await;
    assert_eq!((status.as_u16(), &rules["freezes"]), (200, &serde_json::json!([])));
    assert_eq!(rules["policies"][0]["apps"][0], "web");
}
