//! The record, the settings and the deliveries.

use super::{Fake, ago, may};
use app::view::*;
use domain::config::{EngineConfig, RegionConfig, StackConfig};
use domain::id::*;
use domain::problem::Noun;
use domain::{Action, Actor, Problem, Role};

const STACK: &str = "services:\n  web:\n    image: ${BUILD_WEB}\n    ports: [\"80\"]\n    depends_on:\n      db:\n        condition: service_healthy\n  db:\n    image: registry.example.com/base/db:1\n";

impl Fake {
    pub(super) fn sample_record(&self) -> Vec<AuditRow> {
        let row =
            |id: &str, minutes, actor: &str, action: &str, kind: &str, subject: &str, app: Option<&str>, detail: &str| AuditRow {
                id: AuditId(id.to_owned()),
                at: ago(minutes),
                actor: self.say(actor),
                action: action.to_owned(),
                subject_kind: kind.to_owned(),
                subject: self.say(subject),
                app: app.map(ToOwned::to_owned),
                detail: self.say(detail),
            };
        vec![
            row(
                "9",
                2,
                "lead-1",
                "promotion.started",
                "promotion",
                "running",
                Some("web"),
                "release-v5.12.05.02 to hangzhou, hong-kong, us-west",
            ),
            row("8", 9, "lead-2", "promotion.approved", "promotion", "open", Some("web"), ""),
            row("7", 12, "lead-1", "promotion.requested", "promotion", "open", Some("web"), "For tonight's campaign"),
            row("6", 30, "product-1", "sign_off.given", "build", "signed", Some("web"), "Good to go after the campaign."),
            row(
                "5",
                41,
                "tester-1",
                "verdict.recorded",
                "build",
                "passed",
                Some("web"),
                "pass: 12 of 12 checks on the share page",
            ),
            row("4", 55, "tester-1", "environment.launched", "environment", "running", Some("web"), "shop for 8 h"),
            row("3", 61, "hook registry", "tag.moved", "build", "passed", Some("web"), "test from 2ab7719c40fd"),
            row("2", 3000, "admin-1", "user.added", "user", "tester-2", None, "tester"),
            row("1", 3010, "Slipway", "config.applied", "config", "4", None, "3 apps, 3 regions"),
        ]
    }

    pub(super) fn sample_settings(&self, actor: &Actor) -> SettingsView {
        let user = |name: &str, role, disabled, sessions| UserView {
            id: UserId(name.to_owned()),
            name: self.say(name),
            role,
            disabled,
            created_at: ago(50_000),
            sessions,
        };
        let users = vec![
            user("admin-1", Role::Admin, false, 1),
            user("lead-1", Role::Lead, false, 2),
            user("lead-2", Role::Lead, false, 0),
            user("product-1", Role::Product, false, 1),
            user("tester-1", Role::Tester, false, 3),
            user("tester-2", Role::Tester, true, 0),
        ];
        let token = |id: &str, name: &str, used: Option<i64>, revoked: Option<i64>| TokenView {
            id: TokenId(id.to_owned()),
            name: self.say(name),
            owner_name: self.say("lead-1"),
            role: Role::Viewer,
            created_at: ago(30_000),
            last_used_at: used.map(ago),
            revoked_at: revoked.map(ago),
        };
        let admin = actor.may(Action::Configure);
        SettingsView {
            apps: if self.empty { Vec::new() } else { self.sample_apps() },
            stacks: vec![StackConfig { name: "shop".to_owned(), compose: self.say(STACK), engine_labels: Vec::new() }],
            engines: vec![EngineConfig {
                name: "test".to_owned(),
                url: "unix:///run/slipway/test/docker.sock".to_owned(),
                address: "test.example.com".to_owned(),
                labels: vec!["arm64".to_owned()],
                draining: true,
                ..EngineConfig::default()
            }],
            engines_seen: self.sample_engines(),
            regions: if self.empty { Vec::new() } else { sample_regions() },
            config_version: 4,
            users: if admin { users } else { Vec::new() },
            tokens: if admin && !self.empty {
                vec![token("t1", "dashboard", Some(3), None), token("t2", "old-ci", None, Some(900))]
            } else {
                Vec::new()
            },
            hooks: if admin && !self.empty { self.sample_hooks() } else { Vec::new() },
            sources: if admin { self.sample_sources() } else { Vec::new() },
            secrets: if admin && !self.empty { self.sample_secrets() } else { Vec::new() },
            sweeps: if admin && !self.empty { self.sample_sweeps() } else { Vec::new() },
            may: may(actor),
        }
    }
}

impl Fake {
    pub(super) fn sample_engines(&self) -> Vec<EngineView> {
        vec![EngineView {
            name: "test".to_owned(),
            address: "test.example.com".to_owned(),
            state: domain::engine::EngineState::Away,
            since: Some(ago(3)),
            version: Some(self.say("20.10.24")),
            problem: Some(Problem::Unreachable { what: Noun::Engine, name: self.say("test") }),
            environments: 2,
            in_the_clear: false,
        }]
    }
}

fn sample_regions() -> Vec<RegionConfig> {
    let region = |name: &str, en: &str, zh: &str, zone: &str, replicas| RegionConfig {
        name: name.to_owned(),
        title_en: Some(en.to_owned()),
        title_zh: Some(zh.to_owned()),
        time_zone: zone.to_owned(),
        url: format!("tcp://{name}.example.com:2376"),
        address: Some(format!("{name}.example.com")),
        registry: (name == "us-west").then(|| "registry-us.example.com".to_owned()),
        replicas: Some(replicas),
        replicas_of: Default::default(),
        ca: None,
        cert: None,
        key_secret: None,
        ssh_key_secret: None,
        ssh_known_hosts: None,
        env: [("TILE_CDN".to_owned(), "not shown".to_owned()), ("REGION".to_owned(), "not shown".to_owned())].into(),
    };
    vec![
        region("hangzhou", "Hangzhou", "杭州", "Asia/Shanghai", 6),
        region("hong-kong", "Hong Kong", "香港", "Asia/Hong_Kong", 3),
        region("us-west", "US West", "美西", "America/Los_Angeles", 6),
    ]
}
