//! The variables that images bring: a digest never changes, so neither do they. They live in
//! memory only and are read again after a start.

use super::Registry;
use domain::{Digest, ImageName};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Images that are remembered; when there are more, all are forgotten and read again.
const MOST: usize = 300;
/// A page does not wait longer for a registry, and does not ask again for so long.
const PATIENCE: Duration = Duration::from_millis(1500);
const AGAIN: Duration = Duration::from_secs(60);

/// What is known of images. Cloning is cheap.
#[derive(Clone, Default)]
pub struct Known(Arc<Mutex<HashMap<Digest, Fact>>>);

enum Fact {
    Has(BTreeMap<String, String>),
    /// It could not be read then.
    Away(Instant),
}

impl Known {
    pub fn find(&self, digest: &Digest) -> Option<BTreeMap<String, String>> {
        match self.held().get(digest) {
            Some(Fact::Has(variables)) => Some(variables.clone()),
            _ => None,
        }
    }

    pub fn learn(&self, digest: &Digest, variables: BTreeMap<String, String>) {
        self.keep(digest, Fact::Has(variables));
    }

    fn asked_lately(&self, digest: &Digest) -> bool {
        matches!(self.held().get(digest), Some(Fact::Away(at)) if at.elapsed() < AGAIN)
    }

    fn keep(&self, digest: &Digest, fact: Fact) {
        let mut held = self.held();
        if held.len() >= MOST && !held.contains_key(digest) {
            held.clear();
        }
        held.insert(digest.clone(), fact);
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Digest, Fact>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// The variables that an image brings; none while they cannot be read.
    pub async fn variables(&self, image: &ImageName, digest: &Digest) -> Option<BTreeMap<String, String>> {
        if let Some(found) = self.known.find(digest) {
            return Some(found);
        }
        if self.known.asked_lately(digest) {
            return None;
        }
        let asked = tokio::time::timeout(PATIENCE, self.describe(image, digest)).await;
        if !matches!(asked, Ok(Ok(_))) {
            self.known.keep(digest, Fact::Away(Instant::now()));
        }
        self.known.find(digest)
    }
}
