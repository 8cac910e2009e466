//! The rule by which a region counts as verified: what the Swarm says of its tasks, and
//! nothing else. The status of a service update is not believed; it only ends hope early.

pub mod waves;

use crate::{Digest, Time};
use std::collections::BTreeSet;
use std::time::Duration;

/// Tasks that may fail under the new specification before the rollout is given up. The Swarm
/// tries each again; a start that fails twice for want of a neighbour may still be well.
pub const MOST_FAILED_TASKS: usize = 3;

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskPhase {
    /// Waits for a node, pulls, starts or is not yet healthy.
    Coming,
    /// Runs and, if it has a health check, passed it.
    Running,
    /// Ended by itself, was refused by its node, or was ended as unhealthy.
    Failed,
    /// Ended because it was told to.
    Gone,
}

/// One task of a service, as the Swarm shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSeen {
    pub id: String,
    /// From the image in the task's own specification.
    pub digest: Option<Digest>,
    pub phase: TaskPhase,
    /// Whether the Swarm means to keep it running.
    pub wanted: bool,
    /// Whether it is made after the service's present specification.
    pub current: bool,
    /// Why it failed, or what it waits for, made safe.
    pub error: Option<String>,
}

/// What can be said of a service while a rollout waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outlook {
    /// Not there yet.
    Coming {
        /// Tasks that run the digest as wanted.
        running: u32,
        /// Other tasks that run, also on a node that is away: nobody knows whether those ended.
        others: u32,
        /// The newest error, or what a task waits for.
        error: Option<String>,
    },
    /// Exactly the wanted tasks live, all of them run the digest, and nothing else does.
    Steady { tasks: BTreeSet<String> },
    /// It will not come up by itself.
    Broken { error: Option<String> },
}

/// Judges a look at a service that should run `replicas` tasks of `digest`. `before` are the
/// tasks that had ended before this rollout acted; `paused` says that the Swarm gave up.
pub fn outlook(digest: &Digest, replicas: u32, tasks: &[TaskSeen], paused: bool, before: &BTreeSet<String>) -> Outlook {
    let fits = |task: &TaskSeen| task.wanted && task.current && task.digest.as_ref() == Some(digest);
    let live = || tasks.iter().filter(|task| matches!(task.phase, TaskPhase::Coming | TaskPhase::Running));
    let good: BTreeSet<String> =
        live().filter(|task| fits(task) && task.phase == TaskPhase::Running).map(|task| task.id.clone()).collect();
    let wanted = usize::try_from(replicas).unwrap_or(usize::MAX);
    if good.len() == wanted && live().count() == wanted && wanted > 0 {
        return Outlook::Steady { tasks: good };
    }
    let ours = |task: &&TaskSeen| task.digest.as_ref() == Some(digest) && !before.contains(&task.id);
    let failed = || tasks.iter().filter(ours).filter(|task| task.phase == TaskPhase::Failed);
    let error = failed().chain(live().filter(|task| fits(task))).find_map(|task| task.error.clone());
    if paused || failed().count() >= MOST_FAILED_TASKS {
        return Outlook::Broken { error };
    }
    let count = |many: usize| u32::try_from(many).unwrap_or(u32::MAX);
    let others = live().filter(|task| task.phase == TaskPhase::Running && !fits(task)).count();
    Outlook::Coming { running: count(good.len()), others: count(others), error }
}

/// Watches that the same tasks stay up for a while. Another set of tasks begins it anew.
#[derive(Clone, Debug, Default)]
pub struct Soak {
    since: Option<(Time, BTreeSet<String>)>,
}

impl Soak {
    /// Takes in what was seen at `now` and says how much of `wanted` is left; none while
    /// the tasks are not steady.
    pub fn note(&mut self, outlook: &Outlook, now: Time, wanted: Duration) -> Option<Duration> {
        let Outlook::Steady { tasks } = outlook else {
            self.since = None;
            return None;
        };
        if self.since.as_ref().is_none_or(|(_, before)| before != tasks) {
            self.since = Some((now, tasks.clone()));
        }
        let (since, _) = self.since.as_ref()?;
        let passed = (now - *since).to_std().unwrap_or_default();
        Some(wanted.saturating_sub(passed))
    }
}

/// The middle one of some durations; of an even number the lower of the two in the middle.
pub fn median(durations: &[u32]) -> Option<u32> {
    let mut sorted = durations.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len().checked_sub(1)? / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(letter: char) -> Digest {
        format!("sha256:{}", letter.to_string().repeat(64)).parse().expect("a digest")
    }

    fn task(id: &str, letter: char, phase: TaskPhase) -> TaskSeen {
        let live = matches!(phase, TaskPhase::Coming | TaskPhase::Running);
        TaskSeen { id: id.to_owned(), digest: Some(digest(letter)), phase, wanted: live, current: live, error: None }
    }

    fn seen(replicas: u32, tasks: &[TaskSeen]) -> Outlook {
        outlook(&digest('b'), replicas, tasks, false, &BTreeSet::new())
    }

    #[test]
    fn one_task_of_another_digest_is_enough_to_wait() {
        let (new, old) = (task("n", 'b', TaskPhase::Running), task("o", 'a', TaskPhase::Running));
        assert!(matches!(seen(1, std::slice::from_ref(&new)), Outlook::Steady { .. }));
        let leaving = TaskSeen { wanted: false, ..old.clone() };
        for (other, others) in [(old, 1), (leaving, 1), (task("c", 'a', TaskPhase::Coming), 0)] {
            assert_eq!(seen(1, &[new.clone(), other]), Outlook::Coming { running: 1, others, error: None });
        }
    }

    #[test]
    fn a_task_of_the_digest_from_before_a_change_of_its_environment_does_not_count() {
        let old = TaskSeen { current: false, ..task("o", 'b', TaskPhase::Running) };
        assert_eq!(seen(1, &[old]), Outlook::Coming { running: 0, others: 1, error: None });
    }

    #[test]
    fn completed_at_nothing_is_not_believed() {
        assert_eq!(seen(1, &[]), Outlook::Coming { running: 0, others: 0, error: None });
        assert_eq!(seen(0, &[]), Outlook::Coming { running: 0, others: 0, error: None });
    }

    #[test]
    fn a_paused_update_and_a_third_failed_task_end_it() {
        let failed = |id: &str| TaskSeen { error: Some("exit 3".to_owned()), ..task(id, 'b', TaskPhase::Failed) };
        let error = Some("exit 3".to_owned());
        let tasks = [failed("1"), failed("2")];
        assert_eq!(seen(1, &tasks), Outlook::Coming { running: 0, others: 0, error: error.clone() });
        let paused = outlook(&digest('b'), 1, &tasks[..1], true, &BTreeSet::new());
        assert_eq!(paused, Outlook::Broken { error: error.clone() });
        let tasks = [failed("1"), failed("2"), failed("3")];
        assert_eq!(seen(1, &tasks), Outlook::Broken { error });
        let before = tasks.iter().map(|task| task.id.clone()).collect();
        assert_eq!(outlook(&digest('b'), 1, &tasks, false, &before), Outlook::Coming { running: 0, others: 0, error: None });
    }

    #[test]
    fn a_restart_begins_the_soak_anew() {
        let at = |second: i64| Time::from_timestamp(1_800_000_000 + second, 0).expect("a time");
        let steady = |id: &str| seen(1, &[task(id, 'b', TaskPhase::Running)]);
        let five = Duration::from_secs(5);
        let mut soak = Soak::default();
        assert_eq!(soak.note(&steady("a"), at(0), five), Some(five));
        assert_eq!(soak.note(&steady("a"), at(4), five), Some(Duration::from_secs(1)));
        assert_eq!(soak.note(&seen(1, &[]), at(4), five), None);
        assert_eq!(soak.note(&steady("a"), at(5), five), Some(five));
        assert_eq!(soak.note(&steady("b"), at(9), five), Some(five));
        assert_eq!(soak.note(&steady("b"), at(14), five), Some(Duration::ZERO));
    }

    #[test]
    fn the_usual_duration_is_the_one_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7]), Some(7));
        assert_eq!(median(&[900, 5, 6]), Some(6), "one that hung does not count for more");
        assert_eq!(median(&[9, 5, 6, 7]), Some(6));
    }

    fn any_task() -> impl Strategy<Value = TaskSeen> {
        let phase = prop::sample::select(vec![TaskPhase::Coming, TaskPhase::Running, TaskPhase::Failed, TaskPhase::Gone]);
        ("[a-z]{4}", prop::option::of(prop::sample::select(vec!['a', 'b'])), phase, any::<(bool, bool)>()).prop_map(
            |(id, letter, phase, (wanted, current))| TaskSeen {
                id,
                digest: letter.map(digest),
                phase,
                wanted,
                current,
                error: None,
            },
        )
    }

    proptest! {
        /// Whatever the Swarm shows, steady means: as many as wanted, and all of them right.
        #[test]
        fn steady_is_never_said_of_anything_else(tasks in prop::collection::vec(any_task(), 0..6), replicas in 0_u32..5, paused: bool) {
            if let Outlook::Steady { tasks: steady } = outlook(&digest('b'), replicas, &tasks, paused, &BTreeSet::new()) {
                prop_assert!(steady.len() == replicas as usize && replicas > 0);
                for task in tasks.iter().filter(|task| matches!(task.phase, TaskPhase::Coming | TaskPhase::Running)) {
                    prop_assert!(steady.contains(&task.id) && task.wanted && task.current);
                    prop_assert_eq!((task.phase, &task.digest), (TaskPhase::Running, &Some(digest('b'))));
                }
            }
        }
    }
}
