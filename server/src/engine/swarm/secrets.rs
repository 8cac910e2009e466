//! The secrets that a region's services are given. An object of a Swarm never changes, so each version of
//! a value is one of its own, under a name that says which; old ones stay while the way back may want them.

use super::spec::{APP, INSTANCE};
use super::{CHANGE, Failure, LOOK, Swarm, Trouble, within};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::models::SecretSpec;
use bollard::query_parameters::ListSecretsOptionsBuilder;
use domain::region_secrets::ServiceSecret;
use domain::service::ServiceIntent;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};

/// The name that the app gives it.
const SECRET: &str = "slipway.secret";
/// The version of its value.
const VERSION: &str = "slipway.version";
/// Which sealing of that version it was made from.
const MARK: &str = "slipway.mark";
/// Characters of a Swarm's name for a secret.
const MOST_NAME: usize = 64;

/// What the Swarm calls secrets, by the names of their objects.
pub type Ids = BTreeMap<String, String>;

/// A secret of ours, as the Swarm shows it: everything but the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretSeen {
    pub id: String,
    pub secret: ServiceSecret,
    pub mark: String,
}

/// What became of making a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is there, made now or a moment ago.
    Ours,
    /// Something of its name is there that this installation did not make. It is not touched.
    Foreign,
}

/// The name of a secret's object: `slw-web.db-password.3`. Names of apps and secrets have no dots and no
/// underscores, so no two of them meet; of those too long for a Swarm a hash tells them apart.
pub fn object_name(app: &str, secret: &ServiceSecret) -> String {
    let (name, version) = (&secret.name, secret.version);
    let whole = format!("slw-{app}.{name}.{version}");
    if whole.len() <= MOST_NAME {
        return whole;
    }
    let hash: String = hex::encode(Sha256::digest(format!("{app}.{name}"))).chars().take(16).collect();
    let tail = format!("_{hash}.{version}");
    let head: String = whole.chars().take(MOST_NAME.saturating_sub(tail.len())).collect();
    format!("{head}{tail}")
}

impl Swarm {
    /// The secrets of an app that this installation made.
    ///
    /// # Errors
    /// [`Trouble`] when the Swarm gave no answer.
    pub async fn secrets(&self, app: &str) -> Result<Vec<SecretSeen>, Trouble> {
        let ours = [format!("{INSTANCE}={}", self.instance), format!("{APP}={app}")];
        let filters = HashMap::from([("label", ours.iter().map(String::as_str).collect::<Vec<_>>())]);
        let options = ListSecretsOptionsBuilder::default().filters(&filters).build();
        let listed = within(LOOK, self.docker.list_secrets(Some(options))).await.map_err(Failure::trouble)?;
        let seen = listed.into_iter().filter_map(|one| self.seen_secret(app, one.id?, one.spec?));
        Ok(seen.collect())
    }

    /// A secret of ours by its labels; none when they say otherwise, or do not fit its name.
    fn seen_secret(&self, app: &str, id: String, spec: SecretSpec) -> Option<SecretSeen> {
        let labels = spec.labels.unwrap_or_default();
        let label = |name: &str| labels.get(name).map(String::as_str);
        let ours = label(INSTANCE) == Some(self.instance.as_str()) && label(APP) == Some(app);
        let secret = ServiceSecret { name: label(SECRET)?.to_owned(), version: label(VERSION)?.parse().ok()? };
        let fits = spec.name.as_deref() == Some(object_name(app, &secret).as_str());
        (ours && fits).then(|| SecretSeen { id, secret, mark: label(MARK).unwrap_or_default().to_owned() })
    }

    /// Makes a secret of an app. One that came to be in between, perhaps by ourselves before a crash, is as good.
    ///
    /// # Errors
    /// [`Trouble`] when the Swarm did not say that it is there.
    pub async fn make_secret(
        &self,
        app: &str,
        secret: &ServiceSecret,
        mark: &str,
        value: &SecretString,
    ) -> Result<Made, Trouble> {
        let labels = [
            (INSTANCE, self.instance.clone()),
            (APP, app.to_owned()),
            (SECRET, secret.name.clone()),
            (VERSION, secret.version.to_string()),
            (MARK, mark.to_owned()),
        ];
        let spec = SecretSpec {
            name: Some(object_name(app, secret)),
            labels: Some(labels.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            data: Some(STANDARD.encode(value.expose_secret())),
            ..SecretSpec::default()
        };
        match within(CHANGE, self.docker.create_secret(spec)).await {
            Ok(_) => Ok(Made::Ours),
            Err(failure) => match failure.trouble() {
                Trouble::Stale => {
                    let there = self.secrets(app).await?.into_iter().any(|seen| seen.secret == *secret && seen.mark == mark);
                    Ok(if there { Made::Ours } else { Made::Foreign })
                }
                trouble => Err(trouble),
            },
        }
    }

    /// Removes a secret of ours by its id; one that is gone already is as good.
    ///
    /// # Errors
    /// [`Trouble::Refused`] while a service is given it.
    pub async fn remove_secret(&self, seen: &SecretSeen) -> Result<(), Trouble> {
        match within(CHANGE, self.docker.delete_secret(&seen.id)).await {
            Ok(()) | Err(Failure::Missing) => Ok(()),
            Err(failure) => Err(failure.trouble()),
        }
    }

    /// What the Swarm calls the secrets of an intent.
    ///
    /// # Errors
    /// [`Trouble::Refused`] when one of them is not there.
    pub(super) async fn ids(&self, intent: &ServiceIntent) -> Result<Ids, Trouble> {
        if intent.secrets.is_empty() {
            return Ok(Ids::new());
        }
        let there = self.secrets(&intent.app).await?;
        let id = |secret: &ServiceSecret| {
            let object = object_name(&intent.app, secret);
            match there.iter().find(|seen| seen.secret == *secret) {
                Some(seen) => Ok((object, seen.id.clone())),
                None => Err(Trouble::Refused(format!("secret {object} is not there"))),
            }
        };
        intent.secrets.iter().map(id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secret(name: &str, version: i64) -> ServiceSecret {
        ServiceSecret { name: name.to_owned(), version }
    }

    #[test]
    fn an_object_says_which_app_which_secret_and_which_version() {
        assert_eq!(object_name("web", &secret("db-password", 3)), "slw-web.db-password.3");
        let long = object_name(&"a".repeat(40), &secret(&"b".repeat(40), 12));
        assert_eq!((long.len(), long.ends_with(".12")), (64, true), "{long}");
    }

    proptest! {
        #[test]
        fn no_two_secrets_have_one_object(
            (a, b) in ("[a-c][a-c-]{0,39}", "[a-c][a-c-]{0,39}"),
            (c, d) in ("[a-c][a-c-]{0,39}", "[a-c][a-c-]{0,39}"),
            (first, second) in (1_i64..200, 1_i64..200),
        ) {
            let (one, other) = (object_name(&a, &secret(&b, first)), object_name(&c, &secret(&d, second)));
            prop_assert_eq!(one == other, (a, b, first) == (c, d, second));
            prop_assert!(one.len() <= MOST_NAME && one.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)));
        }
    }
}
