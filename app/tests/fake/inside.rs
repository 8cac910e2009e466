//! An environment from inside.

use super::{Fake, ago, now};
use app::view::*;
use chrono::Duration;
use domain::happening::Happening;
use domain::usage::Usage;

impl Fake {
    pub(super) fn sample_usage(&self) -> UsageView {
        let sample = |n: i64| Usage {
            at: now() - Duration::seconds(120 - n),
            cpu: 40 + (n * 37 % 400) as u64,
            memory: 80_000_000 + (n * 100_000) as u64,
            received: (n * 991 % 20_000) as u64,
            sent: (n * 577 % 9_000) as u64,
            read: 0,
            written: (n * 313 % 4_000) as u64,
        };
        let service = |name: &str, measured: bool| ServiceUsage {
            service: name.to_owned(),
            measured,
            memory: if measured { 92_000_000 } else { 0 },
            memory_limit: if measured { 512 << 20 } else { 0 },
            samples: if measured { (0..120).map(sample).collect() } else { Vec::new() },
        };
        UsageView {
            services: vec![service("web", true), service("worker", true), service("migrate", false)],
            engine_reachable: true,
        }
    }

    pub(super) fn sample_processes(&self) -> Vec<ServiceProcesses> {
        let words = |all: &[&str]| all.iter().map(|word| self.say(word)).collect::<Vec<_>>();
        let titles = ["PID", "USER", "%CPU", "RSS", "ELAPSED", "COMMAND"];
        let rows = vec![
            words(&["4711", "root", "0.3", "2300", "01:12", "nginx: master process"]),
            words(&["4712", "www", "1.2", "4100", "01:12", "nginx: worker process --token ••••••"]),
        ];
        vec![
            ServiceProcesses { service: "web".to_owned(), titles: titles.map(str::to_owned).to_vec(), rows },
            ServiceProcesses { service: "migrate".to_owned(), titles: Vec::new(), rows: Vec::new() },
        ]
    }

    pub(super) fn sample_happenings(&self) -> Vec<HappeningView> {
        let one = |minutes, service: &str, what, exit_code| HappeningView {
            at: ago(minutes),
            service: self.say(service),
            what,
            exit_code,
        };
        vec![
            one(1, "worker", Happening::Started, None),
            one(2, "worker", Happening::Ended, Some(137)),
            one(2, "worker", Happening::OutOfMemory, None),
            one(5, "web", Happening::Unhealthy, None),
            one(7, "migrate", Happening::Ended, Some(0)),
            one(8, "web", Happening::Healthy, None),
            one(9, "web", Happening::Started, None),
        ]
    }
}
