//! Stacks: one that can be launched, and one that cannot be read.

use super::{Answer, Fake, ago};
use app::view::*;
use domain::problem::{Fault, Noun};
use domain::stack::Stack;
use domain::{Problem, diff};

const OLD: &str =
    "services:\n  web:\n    image: ${BUILD_WEB}\n    ports: [\"80\"]\n  db:\n    image: registry.example.com/base/db:1\n";

const SHOP: &str = r#"services:
  migrate:
    image: ${BUILD_WEB}
    command: [migrate, --to, "${SCHEMA:-latest}"]
    depends_on:
      db: { condition: service_healthy }
  web:
    image: ${BUILD_WEB}
    ports: ["80"]
    environment:
      API_KEY: ${API_KEY:?ask the payments team}
    depends_on:
      migrate: { condition: service_completed_successfully }
      cache: { condition: service_started }
    networks: [default, inside]
  worker:
    image: ${BUILD_WORKER}
    depends_on: [db, cache]
    networks: [inside]
  db:
    image: registry.example.com/base/db:1
    healthcheck: { test: [CMD, ready] }
    volumes: ["data:/var/lib/db"]
    networks: [default, inside]
  cache:
    image: registry.example.com/base/cache:7
    networks: [default, inside]
networks: { inside: { internal: true } }
volumes: { data: {} }
"#;

impl Fake {
    pub(super) fn sample_stacks(&self) -> Vec<StackRow> {
        if self.empty {
            return Vec::new();
        }
        let row = |name: &str, apps: &[&str], services, version| StackRow {
            name: name.to_owned(),
            apps: apps.iter().map(|app| self.say(app)).collect(),
            services,
            default_of: apps.iter().take(1).map(|app| self.say(app)).collect(),
            version,
            changed_at: (version > 0).then(|| ago(90)),
            changed_by: (version > 0).then(|| self.say("tester-1")),
        };
        vec![row("shop", &["web", "worker"], 5, 3), row("alone", &["web"], 1, 0)]
    }

    pub(super) fn sample_stack(&self, name: &str) -> Answer<StackView> {
        if name == "nothing" {
            return Err(Problem::not_found(Noun::Stack, name));
        }
        let version = |version, removed| StackVersion { version, at: ago(90 * (4 - version)), by: self.say("tester-1"), removed };
        let check = match name {
            "broken" => {
                let why = Fault::Refused { reason: self.say("containers share nothing with the machine they run on") };
                Err(Problem::Stack { line: 7, key: self.say("services.web.pid"), why })
            }
            _ => Stack::parse(SHOP),
        };
        let mut check = StackCheck::of(check);
        for service in &mut check.services {
            service.image = self.say(&service.image);
        }
        Ok(StackView {
            name: name.to_owned(),
            compose: if self.hostile { format!("# {}\n{SHOP}", self.say("</textarea>")) } else { SHOP.to_owned() },
            version: 3,
            check,
            default_of: vec![self.say("web")],
            versions: vec![version(3, false), version(2, false), version(1, true)],
        })
    }

    pub(super) fn sample_change(&self, name: &str, version: i64) -> StackChange {
        let lines = diff::lines(&self.say(OLD), &self.say(SHOP));
        let (at, by) = (ago(180), self.say("tester-1"));
        StackChange { stack: name.to_owned(), version, at, by, compose: Some(SHOP.to_owned()), lines }
    }
}
