//! CI runs and images find each other in whichever order they come, and a failed run is not silent.

use crate::commits::with_git;
use crate::common::on_each_database;
use crate::decided::announced;
use crate::intake::{Intake, NOON, ONE, TWO};
use app::view::{BuildFilter, HookMade, RunRow};
use axum::body::Body;
use domain::run::RunStatus;
use hmac::{Hmac, Mac as _};
use http::Request;
use serde_json::{Value, json};
use server::usecases::{builds, intake, runs};
use sha2::Sha256;
use std::time::Duration;

const FIRST: &str = "4be0021c9ac1e77b20f44be0021c9ac1e77b20f4";
const SECOND: &str = "9ac1e77b20f44be0021c9ac1e77b20f44be0021c";

struct Yard {
    story: Intake,
    drone: HookMade,
}

impl Yard {
    async fn open(app: crate::common::TestApp) -> Self {
        let story = Intake::begin(app).await;
        with_git(&story, "https://git.example/team/web", "").await;
        let drone = story.app.hook("drone", "drone-plugin").await;
        Self { story, drone }
    }

    /// What Drone's webhook plugin tells of a run.
    async fn tell(&self, number: u32, status: &str, branch: &str, commit: &str) -> u16 {
        let body = json!({
            "repo": { "owner": "team", "name": "web" },
            "build": { "tag": "", "event": "push", "number": number, "commit": commit, "ref": format!("refs/heads/{branch}"), "branch": branch,
                "author": "lin", "message": "Weigh origins", "status": status, "link": format!("https://drone.example/team/web/{number}"),
                "deployTo": "", "started": 1_764_000_000, "created": 1_764_000_000 },
        });
        let body = format!("{body}\n");
        let mut mac = Hmac::<Sha256>::new_from_slice(self.drone.secret.as_deref().expect("a secret").as_bytes()).expect("a key");
        mac.update(body.as_bytes());
        let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
        let request = Request::post(format!("/hooks/drone-plugin/{}", self.drone.key.as_deref().expect("a key")));
        let request = request.header("x-drone-signature", signature).header("content-type", "application/json");
        let status = self.story.app.send(request.body(Body::from(body)).expect("a request")).await.0.as_u16();
        self.story.work().await;
        status
    }

    async fn push(&self, id: &str, at: &str, tag: &str, commit: &str) {
        self.story.app.clock.advance(Duration::from_secs(1));
        self.story.push(id, at, "team/web", tag, commit).await;
        self.story.work().await;
    }

    async fn loose(&self) -> Vec<RunRow> {
        runs::beside(&self.story.app.ctx, &self.story.viewer, &BuildFilter::default(), None, None).await.expect("runs")
    }

    /// The runs that made the newest build.
    async fn made_by(&self) -> Vec<RunRow> {
        let id = self.story.builds().await[0].id.clone();
        builds::build(&self.story.app.ctx, &self.story.viewer, &id).await.expect("a build").made_by
    }
}

#[tokio::test]
async fn a_run_and_its_image_become_one_in_either_order() {
    on_each_database(|app| async move {
        let yard = Yard::open(app).await;
        assert_eq!(yard.tell(1, "running", "dev", FIRST).await, 202);
        assert_eq!(yard.loose().await[0].status, RunStatus::Running);
        yard.push("e1", NOON, "dev", FIRST).await;
        assert!(yard.loose().await.is_empty(), "the image took the run's place");
        assert_eq!(yard.tell(1, "success", "dev", FIRST).await, 202);
        let made_by = yard.made_by().await;
        assert_eq!((made_by.len(), made_by[0].status), (1, RunStatus::Success));

        yard.push("e2", ONE, "dev", SECOND).await;
        assert_eq!(yard.tell(2, "success", "dev", SECOND).await, 202);
        assert!(yard.loose().await.is_empty());
        assert_eq!(yard.made_by().await[0].revision.as_deref(), Some(SECOND));
        assert_eq!(yard.story.builds().await.len(), 2, "two images, two builds");
        assert_eq!(yard.tell(2, "success", "dev", SECOND).await, 200, "told again");
    })
    .await;
}

#[tokio::test]
async fn a_failed_run_is_listed_found_and_shown_and_stays() {
    on_each_database(|app| async move {
        let yard = Yard::open(app).await;
        yard.tell(7, "failure", "dev", FIRST).await;
        yard.push("e1", NOON, "dev", SECOND).await;
        let failed = yard.loose().await.remove(0);
        assert_eq!(
            (failed.status, failed.branch.as_deref(), failed.channel.as_deref()),
            (RunStatus::Failed, Some("dev"), Some("dev"))
        );
        assert_eq!(yard.tell(7, "success", "dev", FIRST).await, 202, "late news");
        assert_eq!(yard.loose().await[0].status, RunStatus::Failed, "what is over stays over");
        let told = announced(&yard.story.app).await;
        assert_eq!(told.iter().filter(|event| *event == "build_failed").count(), 1, "{told:?}");
        let token = yard.story.app.token(&yard.story.viewer).await;
        let ask = |path: &str| {
            let (app, token, path) = (&yard.story.app, token.clone(), path.to_owned());
            async move { app.rest(&token, "GET", &path, Value::Null).await }
        };
        let (_, listed) = ask("/api/v1/runs?channel=dev&q=4be0").await;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
        assert_eq!(ask("/api/v1/runs?app=worker").await.1["items"].as_array().map(Vec::len), Some(0));
        let (status, one) = ask(&format!("/api/v1/runs/{}", failed.id)).await;
        assert_eq!((status.as_u16(), &one["status"]), (200, &json!("failed")));
        assert_eq!(ask("/api/v1/runs/nothing").await.0.as_u16(), 404);
    })
    .await;
}

#[tokio::test]
async fn a_run_of_a_repository_that_no_app_has_is_kept_as_ignored() {
    on_each_database(|app| async move {
        let yard = Yard::open(app).await;
        with_git(&yard.story, "https://git.example/team/another", "").await;
        assert_eq!(yard.tell(1, "success", "dev", FIRST).await, 202);
        assert!(yard.loose().await.is_empty());
        let row = yard.story.deliveries().await.remove(0);
        assert_eq!(row.state, "ignored");
        with_git(&yard.story, "https://git.example/team/web", "").await;
        intake::replay(&yard.story.app.ctx, &yard.story.admin, &row.id).await.expect("replayed");
        yard.story.work().await;
        assert_eq!(yard.loose().await.len(), 1, "a replay takes it in");
    })
    .await;
}

#[tokio::test]
async fn a_release_tag_that_goes_to_another_image_raises_an_alarm_on_both_and_voids_nothing() {
    on_each_database(|app| async move {
        let yard = Yard::open(app).await;
        yard.push("e1", NOON, "release-v5.12.05.02", FIRST).await;
        yard.push("e2", ONE, "dev", SECOND).await;
        yard.push("e3", TWO, "dev", FIRST).await;
        assert!(yard.story.builds().await.iter().all(|build| build.alarms.is_empty()), "a branch may move");
        yard.push("e4", TWO, "release-v5.12.05.02", SECOND).await;
        let builds = yard.story.builds().await;
        let alarms: Vec<bool> = builds.iter().flat_map(|build| build.alarms.iter().map(|alarm| alarm.away)).collect();
        assert_eq!((alarms.len(), alarms.iter().filter(|away| **away).count()), (2, 1), "where it came from, and where it went");
        assert_eq!(builds.len(), 4, "each image stays listed");
    })
    .await;
}
