//! A real registry calls a listening instance, and its pushes become builds.

use crate::common::{TestApp, eventually};
use crate::lab::{Lab, lab};
use app::view::{BuildFilter, BuildRow, Paging};
use domain::{Actor, Digest, Problem, Role};
use server::usecases::{builds, hooks, intake};
use std::process::Command;

/// An instance with a hook, and a registry of its own that calls it.
struct Bench {
    app: TestApp,
    lab: &'static Lab,
    vera: Actor,
    name: &'static str,
    /// `address:port` of the registry.
    registry: String,
    /// Where the instance listens, or will listen.
    port: u16,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.lab.run(&["registry", "stop", self.name]);
    }
}

impl Bench {
    /// A registry at `port` of the lab; the instance does not listen yet.
    async fn begin(name: &'static str, port: &str) -> Option<Self> {
        let lab = lab()?;
        let app = TestApp::sqlite().await;
        let registry = format!("{}.1:{port}", lab.net());
        app.apply(&format!(
            "[[registries]]\nhost = \"{registry}\"\ninsecure = true\n
             [[apps]]\nname = \"web\"\nimage = \"{registry}/story/web\"\n
             channels = [{{ name = \"dev\", kind = \"branch\", tags = \"dev\" }}, {{ name = \"release-v*\", kind = \"release\", tags = \"release-v*\" }}]\n"
        ))
        .await;
        let key = app.hook("lab", "distribution").await.key.expect("a key");
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let here = free.local_addr().expect("an address").port();
        let address = format!("http://127.0.0.1:{here}/hooks/distribution/{key}");
        lab.run(&["registry", "start", name, port, &address]);
        lab.run(&["push", "web", "dev", "release-v5.12.05.01"]);
        let vera = app.person("vera", Role::Viewer).await;
        Some(Self { app, lab, vera, name, registry, port: here })
    }

    async fn listen(&self) {
        self.app.listen_at("127.0.0.1", self.port).await;
    }

    /// The engine's own client, at the lab's plain engine.
    fn docker(&self, arguments: &[&str]) -> String {
        let socket = format!("unix://{}", self.lab.socket("test").display());
        let output = Command::new("docker").args(["-H", &socket]).args(arguments).output().expect("docker runs");
        assert!(output.status.success(), "docker {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Pushes the sample app's image of one tag to this registry, under another.
    fn push(&self, from: &str, to: &str) {
        let image = format!("{}/story/web:{to}", self.registry);
        self.docker(&["tag", &format!("{}/demo/web:{from}", self.lab.registry()), &image]);
        self.docker(&["push", "-q", &image]);
    }

    async fn rows(&self) -> Vec<BuildRow> {
        let page = builds::builds(&self.app.ctx, &self.vera, BuildFilter::default(), Paging::default());
        page.await.expect("builds").items
    }

    async fn described(&self, wanted: usize) -> Vec<BuildRow> {
        let what = format!("{wanted} builds with their labels");
        let rows = eventually(&what, || async {
            let rows = self.rows().await;
            (rows.len() == wanted && rows.iter().all(|row| row.described)).then_some(rows)
        });
        rows.await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_pushed_to_a_real_registry_becomes_a_build_with_its_labels() {
    let Some(bench) = Bench::begin("intake", "5071").await else { return };
    bench.listen().await;
    bench.app.ctx.work.tasks.spawn(intake::work(bench.app.ctx.clone()));
    bench.push("dev", "dev");
    let row = bench.described(1).await.remove(0);
    let labels = bench.docker(&["inspect", "-f", "{{json .Config.Labels}}", &format!("{}/story/web:dev", bench.registry)]);
    let labels: serde_json::Value = serde_json::from_str(&labels).expect("labels");
    assert_eq!(row.revision.as_deref(), labels["org.opencontainers.image.revision"].as_str());
    assert_eq!(row.source.as_deref(), labels["org.opencontainers.image.source"].as_str());
    assert_eq!(row.image.to_string(), format!("{}/story/web", bench.registry));
    assert!(row.revision.is_some() && row.built_at.is_some() && row.size.is_some_and(|size| size > 100_000), "{row:?}");
    assert_eq!((row.tags[0].name.as_str(), row.tags[0].channel.as_deref()), ("dev", Some("dev")));
    // The same image again, and under a second name: one build, and two tags.
    bench.push("dev", "dev");
    bench.push("dev", "release-v5.12.05.01");
    eventually("the second tag", || async { (bench.rows().await[0].tags.len() == 2).then_some(()) }).await;
    assert_eq!((bench.rows().await.len(), bench.app.count("tag_moves").await), (1, 2));
    // Another image under the first name: the tag moves.
    bench.push("release-v5.12.05.01", "dev");
    let rows = bench.described(2).await;
    let holders: Vec<&Digest> =
        rows.iter().filter(|row| row.tags.iter().any(|tag| tag.current && tag.name == "dev")).map(|row| &row.digest).collect();
    assert_eq!(holders.len(), 1);
    assert_ne!(holders[0], &row.digest);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_while_slipway_was_away_arrives_when_it_is_back() {
    let Some(bench) = Bench::begin("away", "5072").await else { return };
    bench.push("dev", "dev");
    assert_eq!(bench.app.count("deliveries").await, 0);
    bench.listen().await;
    bench.app.ctx.work.tasks.spawn(intake::work(bench.app.ctx.clone()));
    assert_eq!(bench.described(1).await[0].tags[0].name, "dev");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_a_real_registry_lost_is_listed_and_said_so() {
    let Some(bench) = Bench::begin("lost", "5073").await else { return };
    bench.listen().await;
    bench.push("dev", "dev");
    let row = eventually("the build is listed", || async {
        intake::process_waiting(&bench.app.ctx).await.expect("processed");
        bench.rows().await.pop()
    });
    let row = row.await;
    let url = format!("http://{}/v2/story/web/manifests/{}", bench.registry, row.digest);
    assert!(reqwest::Client::new().delete(url).send().await.expect("an answer").status().is_success());
    intake::describe_waiting(&bench.app.ctx).await.expect("asked");
    let row = bench.rows().await.remove(0);
    assert!(matches!(row.undescribed, Some(Problem::ImageGone { .. })), "{row:?}");
}
