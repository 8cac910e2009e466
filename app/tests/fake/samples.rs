//! Builds and environments as they may look on a working day.

use super::{Fake, ago, may, now};
use app::view::*;
use chrono::Duration;
use domain::id::*;
use domain::lease::{EndReason, EnvironmentState};
use domain::problem::Noun;
use domain::promotion::StepState;
use domain::release_set::Chosen;
use domain::variables::Origin;
use domain::verdict::Standing;
use domain::{Actor, Channel, ChannelKind, Digest, Problem};

/// A digest that begins with these digits.
pub(super) fn digest(head: &str) -> Digest {
    let filled: String = head.chars().chain("0123456789abcdef".chars().cycle()).take(64).collect();
    format!("sha256:{filled}").parse().expect("a digest")
}

pub(super) fn region(name: &str, en: &str, zh: &str) -> RegionRef {
    RegionRef { name: name.to_owned(), title_en: en.to_owned(), title_zh: zh.to_owned() }
}

pub(super) fn three_regions() -> Vec<RegionRef> {
    vec![region("hangzhou", "Hangzhou", "杭州"), region("hong-kong", "Hong Kong", "香港"), region("us-west", "US West", "美西")]
}

impl Fake {
    pub(super) fn sample_apps(&self) -> Vec<AppView> {
        let channel = |name: &str, kind, tags: &str| Channel {
            name: name.to_owned(),
            kind,
            tags: tags.to_owned(),
            branch: None,
            launch: None,
            draft: None,
        };
        let channels = vec![
            channel("dev", ChannelKind::Branch, "dev"),
            channel("test", ChannelKind::Branch, "test"),
            channel("latest", ChannelKind::Branch, "latest"),
            channel("release-v*", ChannelKind::Release, "release-v*"),
        ];
        let app = |name: &str, port: Option<u16>, label: Option<u16>| AppView {
            name: name.to_owned(),
            image: format!("registry.example.com/team/{name}").parse().expect("an image"),
            git: Some(format!("https://git.example.com/team/{name}")),
            port: port.zip(label).map(|(port, label)| label * 100 + port),
            port_label: label,
            channels: channels.clone(),
        };
        vec![app("web", Some(80), Some(80)), app("worker", None, None), app("share-api", Some(80), Some(81))]
    }

    pub(super) fn sample_tags(&self, tags: &[(&str, bool)]) -> Vec<TagView> {
        let view = |(name, current): &(&str, bool)| {
            let release = name.starts_with("release");
            let kind = if release { ChannelKind::Release } else { ChannelKind::Branch };
            let channel = if release { "release-v*" } else { *name };
            TagView {
                name: self.say(name),
                channel: Some(channel.to_owned()),
                kind: Some(kind),
                current: *current,
                moved_at: ago(5),
            }
        };
        tags.iter().map(view).collect()
    }

    fn sample_row(&self, id: &str, app: &str, tags: &[(&str, bool)], head: &str, age: i64) -> BuildRow {
        BuildRow {
            id: BuildId(id.to_owned()),
            app: app.to_owned(),
            image: format!("registry.example.com/team/{app}").parse().expect("an image"),
            digest: digest(head),
            tags: self.sample_tags(tags),
            revision: Some(self.say("9ac1e77b20f4")),
            commit_url: (app == "web").then(|| format!("https://git.example.com/team/{app}/commit/9ac1e77")),
            source: Some(format!("https://git.example.com/team/{app}")),
            size: Some(48_300_000),
            built_at: Some(ago(age)),
            seen_at: ago(age - 1),
            described: true,
            undescribed: None,
            standing: Standing::default(),
            signed_off: false,
            environments: 0,
            runs_in: Vec::new(),
            alarms: Vec::new(),
        }
    }

    pub(super) fn sample_builds(&self) -> Vec<BuildRow> {
        let row = |id: &str, app: &str, tags: &[(&str, bool)], head: &str, age| self.sample_row(id, app, tags, head, age);
        let two = || vec![three_regions().remove(0), three_regions().remove(2)];
        vec![
            BuildRow {
                described: false,
                revision: None,
                size: None,
                built_at: None,
                ..row("reading", "web", &[("dev", true)], "b41f09c2", 1)
            },
            BuildRow {
                standing: Standing { passes: 1, fails: 0, blocked: 0 },
                environments: 2,
                ..row("passed", "web", &[("release-v5.12.05.02", true), ("test", true)], "9c41d2aa07be", 4)
            },
            BuildRow {
                standing: Standing { passes: 2, fails: 0, blocked: 0 },
                environments: 1,
                ..row("fresh", "worker", &[("test", true)], "f7b20c11e9d4", 26)
            },
            row("untested", "share-api", &[("release-v2.11.28.02", true)], "c0ffe12a90be", 41),
            BuildRow {
                standing: Standing { passes: 1, fails: 1, blocked: 0 },
                alarms: vec![self.sample_alarm()],
                ..row("quarantined", "web", &[("release-v5.12.05.01", true)], "2ab7719c40fd", 190)
            },
            BuildRow {
                standing: Standing { passes: 0, fails: 0, blocked: 1 },
                ..row("blocked", "worker", &[("dev", true)], "1f00ab77c9e2", 300)
            },
            BuildRow {
                standing: Standing { passes: 3, fails: 0, blocked: 0 },
                signed_off: true,
                runs_in: two(),
                ..row("signed", "web", &[("release-v5.12.04.01", true), ("latest", true)], "77aa31f0c2b6", 1500)
            },
            BuildRow {
                standing: Standing { passes: 1, fails: 0, blocked: 0 },
                signed_off: true,
                runs_in: three_regions(),
                ..row("worker-old", "worker", &[("release-v3.02.11.30.01", true)], "aa90be41c7d3", 7300)
            },
            row("moved", "share-api", &[("dev", false)], "51d2f00aa1b2", 9000),
        ]
    }

    pub(super) fn sample_build(&self, actor: &Actor, id: &BuildId) -> Result<BuildView, Problem> {
        let row = self.sample_builds().into_iter().find(|row| row.id == *id);
        let row = row.ok_or_else(|| Problem::not_found(Noun::Build, id.as_str()))?;
        let me = actor.person().map(|person| person.id.0.as_str());
        let verdicts = self.sample_verdicts(me, row.standing);
        let sign_off = SignOffView {
            id: SignOffId("s1".to_owned()),
            author: UserId("product-1".to_owned()),
            author_name: self.say("product-1"),
            note: self.say("Good to go after the campaign."),
            at: ago(30),
            withdrawn_at: None,
            mine: me == Some("product-1"),
        };
        Ok(BuildView {
            reference: row.image.at(&row.digest),
            made_by: self.sample_runs().into_iter().skip(1).take(1).collect(),
            tag_moves: vec![
                TagMove {
                    tag: self.say("test"),
                    channel: Some("test".to_owned()),
                    at: ago(4),
                    previous: Some(digest("2ab7719c40fd")),
                },
                TagMove { tag: self.say("release-v5.12.05.02"), channel: None, at: ago(5), previous: None },
            ],
            verdicts,
            sign_offs: if row.signed_off { vec![sign_off] } else { Vec::new() },
            send_backs: self.sample_send_backs(row.signed_off),
            checklist: self.sample_checklist(),
            environments: self
                .sample_environments(false)
                .into_iter()
                .take(usize::try_from(row.environments).unwrap_or(0))
                .collect(),
            checks: self.sample_checks(),
            replaceable: self.sample_environments(false).into_iter().take(1).collect(),
            promotions: if row.signed_off { self.sample_promotions() } else { Vec::new() },
            default_stack: Some("shop".to_owned()),
            stacks: vec!["shop".to_owned(), "shop-with-worker".to_owned()],
            may: may(actor),
            row,
        })
    }

    pub(super) fn sample_environments(&self, all: bool) -> Vec<EnvironmentRow> {
        let states: &[&str] =
            if all { &["launching", "running", "failed", "stopping", "stopped"] } else { &["running", "launching", "failed"] };
        states.iter().map(|state| self.environment_row(state)).collect()
    }

    pub(super) fn environment_row(&self, state: &str) -> EnvironmentRow {
        let state: EnvironmentState = state.parse().expect("a state");
        let number = match state {
            EnvironmentState::Launching => 43,
            EnvironmentState::Running => 42,
            EnvironmentState::Failed => 41,
            EnvironmentState::Stopping => 40,
            EnvironmentState::Stopped => 39,
            EnvironmentState::Queued => 44,
            EnvironmentState::Restarting => 38,
            EnvironmentState::Freezing => 37,
            EnvironmentState::Frozen => 36,
            EnvironmentState::Thawing => 35,
        };
        let build = |app: &str, head: &str, tag: &str, under_test| EnvironmentBuild {
            app: app.to_owned(),
            build: BuildId(if under_test { "passed" } else { "fresh" }.to_owned()),
            digest: digest(head),
            tag: Some(self.say(tag)),
            under_test,
            chosen: if under_test { Chosen::UnderTest } else { Chosen::NewestOf("test".to_owned()) },
        };
        let link = |service: &str, container_port, port: u16| PortLink {
            service: self.say(service),
            container_port,
            url: format!("http://test.example.com:{port}/"),
            direct: None,
        };
        let ended = state == EnvironmentState::Stopped;
        let links = if matches!(state, EnvironmentState::Running) {
            vec![link("web", 80, 32_771), link("admin", 8080, 32_772)]
        } else {
            Vec::new()
        };
        EnvironmentRow {
            id: EnvironmentId(state.as_str().to_owned()),
            number,
            generation: 2,
            stack: self.say("shop"),
            engine: "test".to_owned(),
            state,
            builds: vec![
                build("web", "9c41d2aa07be", "release-v5.12.05.02", true),
                build("worker", "f7b20c11e9d4", "test", false),
            ],
            holder_name: self.say("tester-1"),
            created_at: now() - Duration::seconds(8),
            lease_ends_at: now() + Duration::hours(7),
            ended_at: ended.then(|| ago(20)),
            end_reason: ended.then_some(EndReason::LeaseEnded),
            ends_soon: state == EnvironmentState::Failed,
            queue: (state == EnvironmentState::Queued)
                .then(|| QueuePlace { position: 2, expected_at: Some(now() + Duration::minutes(25)) }),
            links,
            engine_away_since: (state == EnvironmentState::Failed).then(|| ago(3)),
        }
    }

    pub(super) fn sample_logs(&self) -> BuildLogs {
        let log = |id: &str, service: &str| BuildLog {
            id: id.to_owned(),
            service: self.say(service),
            taken_at: ago(12),
            lines: 240,
            bytes: 18_432,
            verdict: VerdictId("v1".to_owned()),
            environment: EnvironmentId("stopped".to_owned()),
            environment_number: 39,
        };
        BuildLogs { logs: if self.empty { Vec::new() } else { vec![log("l1", "web"), log("l2", "db")] }, waiting: !self.empty }
    }

    pub(super) fn sample_capacity(&self) -> CapacityView {
        let engine = |name: &str, draining, environments, most: Option<u32>| EngineRoom {
            name: name.to_owned(),
            labels: vec!["arm64".to_owned()],
            draining,
            environments,
            most_environments: most,
            memory_mib: u64::from(environments) * 1536,
            most_memory_mib: most.map(|most| most * 2048),
        };
        let queued = |number, position, expected_at| QueuedView {
            id: EnvironmentId("queued".to_owned()),
            number,
            stack: self.say("shop"),
            holder_name: self.say("tester-1"),
            since: ago(4),
            memory_mib: 1536,
            engine: None,
            labels: vec!["arm64".to_owned()],
            place: QueuePlace { position, expected_at },
        };
        CapacityView {
            engines: vec![engine("test", false, 4, Some(4)), engine("spare", true, 1, None)],
            queue: vec![queued(44, 1, Some(now() + Duration::minutes(25))), queued(45, 2, None)],
            per_person: 5,
            per_app: 10,
        }
    }

    pub(super) fn sample_environment(&self, actor: &Actor, id: &EnvironmentId) -> Result<EnvironmentView, Problem> {
        if id.as_str().parse::<EnvironmentState>().is_err() {
            return Err(Problem::not_found(Noun::Environment, id.as_str()));
        }
        let row = self.environment_row(id.as_str());
        let service = |name: &str, state: &str, health: Option<&str>, restarts| ServiceStatus {
            name: name.to_owned(),
            image: self.say(&format!("registry.example.com/team/{name}@{}", digest("9c41d2aa07be"))),
            state: self.say(state),
            health: health.map(ToOwned::to_owned),
            restarts,
        };
        let services = match row.state {
            EnvironmentState::Launching => {
                vec![service("db", "running", Some("starting"), 0), service("web", "created", None, 0)]
            }
            EnvironmentState::Running | EnvironmentState::Restarting => vec![
                service("web", "running", Some("healthy"), 0),
                service("worker", "running", None, 2),
                service("db", "running", Some("healthy"), 0),
                service("migrate", "exited (0)", None, 0),
            ],
            EnvironmentState::Failed => {
                vec![service("web", "exited (1)", Some("unhealthy"), 3), service("db", "running", Some("healthy"), 0)]
            }
            EnvironmentState::Freezing | EnvironmentState::Frozen | EnvironmentState::Thawing => {
                vec![service("web", "exited (143)", None, 0), service("db", "exited (137)", None, 0)]
            }
            EnvironmentState::Queued | EnvironmentState::Stopping | EnvironmentState::Stopped => Vec::new(),
        };
        let failure =
            (row.state == EnvironmentState::Failed).then(|| Problem::ServiceEnded { service: self.say("web"), exit_code: 1 });
        Ok(EnvironmentView {
            holder: UserId("tester-1".to_owned()),
            steps: self.sample_steps(row.state),
            services,
            engine_reachable: row.state != EnvironmentState::Failed,
            failure,
            variables: self.sample_variables(),
            sets: self.sample_sets(&row.builds),
            checks: self.sample_checks(),
            checklist: self.sample_checklist(),
            lease_room: if row.state == EnvironmentState::Failed { 0 } else { 24 },
            hand_to: vec![self.say("tester-2"), "lead-1".to_owned()],
            may: may(actor),
            row,
        })
    }

    pub(super) fn sample_variables(&self) -> Vec<ServiceVariables> {
        let variable = |name: &str, value: Option<&str>, origin, overrode: Vec<OverrodeView>| VariableView {
            name: name.to_owned(),
            value: value.map(|value| self.say(value)),
            origin,
            overrode,
        };
        let before = |origin, value: &str| vec![OverrodeView { origin, value: Some(self.say(value)) }];
        vec![
            ServiceVariables {
                service: self.say("web"),
                image: self.say("registry.example.com/team/web@9c41d2aa07be"),
                image_known: true,
                variables: vec![
                    variable("DATABASE_PASSWORD", None, Origin::Stack, Vec::new()),
                    variable("PATH", Some("/usr/local/bin:/bin"), Origin::Image, Vec::new()),
                    variable("REGION", None, Origin::Region, before(Origin::Stack, "test")),
                    variable("TILE_CACHE", Some("off"), Origin::Launch, before(Origin::Image, "on")),
                ],
            },
            ServiceVariables { service: "db".to_owned(), image: String::new(), image_known: false, variables: Vec::new() },
        ]
    }

    fn sample_sets(&self, builds: &[EnvironmentBuild]) -> Vec<ReleaseSet> {
        let set = |generation, minutes| ReleaseSet {
            generation,
            at: ago(minutes),
            by_name: self.say("tester-1"),
            builds: builds.to_vec(),
        };
        vec![set(2, 3), set(1, 40)]
    }

    fn sample_steps(&self, state: EnvironmentState) -> Vec<StepView> {
        let (running, failed) = (state == EnvironmentState::Launching, state == EnvironmentState::Failed);
        let last = if running {
            StepState::Running
        } else if failed {
            StepState::Failed
        } else {
            StepState::Done
        };
        let after = if running {
            StepState::Waiting
        } else if failed {
            StepState::Skipped
        } else {
            StepState::Done
        };
        vec![
            self.step("network", "shop-43", StepState::Done, 8, Some(7), None),
            self.step("pull", "registry.example.com/team/web@9c41d2aa07be", StepState::Done, 7, Some(5), Some("already here")),
            self.step(
                "pull",
                "registry.example.com/team/db@2ab7719c40fd",
                last,
                6,
                (!running).then_some(1),
                Some("38.4 / 112.0 MB"),
            ),
            self.step("create", "db", StepState::Done, 5, Some(4), None),
            self.step("start", "db", StepState::Done, 4, Some(3), None),
            self.step("health", "db", last, 3, (!running).then_some(1), Some("database system is ready to accept connections")),
            self.step("start", "web", after, 1, (!running).then_some(0), None),
        ]
    }

    pub(super) fn step(
        &self,
        kind: &str,
        subject: &str,
        state: StepState,
        began: i64,
        ended: Option<i64>,
        detail: Option<&str>,
    ) -> StepView {
        let at = |seconds: i64| now() - Duration::milliseconds(seconds * 1000 - 300);
        StepView {
            kind: kind.to_owned(),
            subject: self.say(subject),
            state,
            started_at: (state != StepState::Waiting).then(|| at(began)),
            ended_at: ended.filter(|_| state != StepState::Waiting).map(at),
            detail: detail.map(|detail| self.say(detail)),
        }
    }

    pub(super) fn sample_log(&self, query: &LogQuery) -> LogPage {
        let services = query.service.as_deref().map_or(vec!["web", "worker", "db"], |one| vec![one]);
        let line = |n: i64| {
            let service = services[n as usize % services.len()];
            let text = format!("GET /tour/{n}/share 200 {}ms", 3 + n * 7 % 40);
            let pieces = vec![LogPiece { chars: 3, look: "ink-2 bold".to_owned() }, LogPiece { chars: 9, look: String::new() }];
            LogLine {
                service: service.to_owned(),
                at: Some(now() - Duration::seconds(40 - n)),
                err: n % 9 == 0,
                text: self.say(&text),
                pieces: if n % 3 == 0 { pieces } else { Vec::new() },
            }
        };
        let mut lines: Vec<LogLine> = (0..40).map(line).collect();
        if let Some(q) = &query.q {
            lines.retain(|line| line.text.contains(q.as_str()));
        }
        let found = query.q.is_some().then_some(lines.len() as u64);
        LogPage { lines, found, read: 40, whole: true }
    }
}
