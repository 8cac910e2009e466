//! What is asked again and again and changes seldom: answered from memory for a moment.

use chrono::TimeDelta;
use domain::{Problem, Time};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What was read is believed for so long: another process may have changed it meanwhile.
const LONGEST: TimeDelta = TimeDelta::seconds(1);

/// Answers by name. What is not there is never remembered, so there are no more of them than there are
/// things. Cloning is cheap.
#[derive(Clone)]
pub struct Believed<A>(Arc<Mutex<Known<A>>>);

struct Known<A> {
    /// How often all of it was forgotten.
    turn: u64,
    answers: HashMap<String, (Time, A)>,
}

impl<A> Default for Believed<A> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Known { turn: 0, answers: HashMap::new() })))
    }
}

impl<A: Clone> Believed<A> {
    /// The answer of a moment ago, or else what `look` finds.
    ///
    /// # Errors
    /// Those of `look`.
    pub async fn ask<F>(&self, name: &str, now: Time, look: F) -> Result<Option<A>, Problem>
    where
        F: Future<Output = Result<Option<A>, Problem>>,
    {
        let turn = {
            let known = self.known();
            match known.answers.get(name) {
                Some((at, answer)) if (TimeDelta::zero()..LONGEST).contains(&(now - *at)) => return Ok(Some(answer.clone())),
                _ => known.turn,
            }
        };
        let found = look.await?;
        let mut known = self.known();
        match &found {
            // What was read before the last change is not for others.
            Some(answer) if known.turn == turn => drop(known.answers.insert(name.to_owned(), (now, answer.clone()))),
            _ => drop(known.answers.remove(name)),
        }
        Ok(found)
    }

    /// Something changed: whoever asks from now on is answered by a new look.
    pub fn forget(&self) {
        let mut known = self.known();
        known.turn += 1;
        known.answers.clear();
    }

    fn known(&self) -> MutexGuard<'_, Known<A>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use tokio::sync::oneshot;

    fn at(millis: i64) -> Time {
        Time::from_timestamp_millis(millis).expect("a time")
    }

    fn ask(believed: &Believed<u8>, millis: i64, found: Option<u8>) -> Option<u8> {
        let asked = believed.ask("a", at(millis), async { Ok(found) });
        asked.now_or_never().expect("an answer").expect("no problem")
    }

    #[test]
    fn an_answer_is_believed_for_a_moment_until_something_changes_and_nothing_is_never() {
        let believed = Believed::default();
        assert_eq!(ask(&believed, 0, None), None);
        assert_eq!(ask(&believed, 0, Some(1)), Some(1));
        assert_eq!(ask(&believed, 999, Some(2)), Some(1));
        assert_eq!(ask(&believed, 1000, Some(2)), Some(2));
        believed.forget();
        assert_eq!(ask(&believed, 1000, None), None);
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_answers_nobody_else() {
        let (believed, (answer, answered)) = (Believed::default(), oneshot::channel());
        let first = async { believed.ask("a", at(0), async { Ok(answered.await.ok()) }).await };
        let change = async {
            believed.forget();
            answer.send(1).expect("somebody waits");
        };
        let (first, ()) = tokio::join!(first, change);
        assert_eq!(first, Ok(Some(1)));
        assert_eq!(ask(&believed, 0, Some(2)), Some(2));
    }
}
