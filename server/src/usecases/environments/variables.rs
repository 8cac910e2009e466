//! Variables of an environment's services: which layers they are made of, and how they are shown.

use super::plan::{Plan, PlannedService};
use crate::ctx::Ctx;
use app::view::{OverrodeView, ServiceVariables, VariableView};
use domain::config::Config;
use domain::id::EnvironmentId;
use domain::problem::{Fault, Noun};
use domain::stack::{Stack, StackImage, StackService};
use domain::variables::{Given, Layer, MOST_GIVEN, Origin, looks_secret, merge, values};
use domain::{Digest, ImageName, Problem};
use std::collections::BTreeMap;

/// What is laid over the stack's own variables.
#[derive(Clone, Copy)]
pub(super) struct Over<'a> {
    pub preset: Option<&'a str>,
    pub given: &'a [Given],
}

impl Over<'_> {
    /// Whether all of it is there and can be given.
    ///
    /// # Errors
    /// [`Problem::NotFound`] for the region; [`Problem::Invalid`] for a variable.
    pub fn check(&self, config: &Config, stack: &Stack) -> Result<(), Problem> {
        if let Some(region) = self.preset.filter(|name| config.region(name).is_none()) {
            return Err(Problem::not_found(Noun::Region, region.chars().take(64).collect::<String>()));
        }
        let refused = |why| Problem::invalid("variables", why);
        if self.given.len() > MOST_GIVEN {
            return Err(refused(Fault::Refused { reason: format!("more than {MOST_GIVEN} variables") }));
        }
        for one in self.given {
            one.check().map_err(refused)?;
            let known = |name: &String| stack.services.iter().any(|service| service.name == *name);
            if let Some(name) = one.service.as_ref().filter(|name| !known(name)) {
                let name = name.chars().take(64).collect();
                return Err(refused(Fault::Unknown { what: Noun::Service, name }));
            }
        }
        Ok(())
    }

    /// The layers of one service, without the image's own, which the engine knows.
    pub fn layers(&self, config: &Config, service: &StackService) -> Vec<Layer> {
        let mut layers = vec![Layer { origin: Origin::Stack, values: service.environment.clone() }];
        let app = match &service.image {
            StackImage::Build { app } => Some(app.as_str()),
            StackImage::Fixed { .. } => None,
        };
        if let Some((app, region)) = app.zip(self.preset.and_then(|name| config.region(name))) {
            let everywhere = config.app(app).map(|app| app.service.env.clone()).unwrap_or_default();
            layers.push(Layer { origin: Origin::App, values: everywhere });
            layers.push(Layer { origin: Origin::Region, values: region.env.clone() });
        }
        let mine = |one: &&Given| one.service.as_ref().map_or(app.is_some(), |name| *name == service.name);
        // What is for one service wins over what is for all.
        let all = self.given.iter().filter(mine).filter(|one| one.service.is_none());
        let own = self.given.iter().filter(mine).filter(|one| one.service.is_some());
        let values: BTreeMap<String, String> = all.chain(own).map(|one| (one.name.clone(), one.value.clone())).collect();
        layers.push(Layer { origin: Origin::Launch, values });
        layers.retain(|layer| !layer.values.is_empty());
        layers
    }
}

/// The variables of planned services. The image's own are shown when they are known already.
pub(super) fn shown(ctx: &Ctx, services: &[PlannedService]) -> Vec<ServiceVariables> {
    let one = |planned: &PlannedService| {
        let own = ctx.registries.variables(&planned.digest);
        view(&planned.service, planned.image_words(), own, planned.layers())
    };
    services.iter().map(one).collect()
}

/// The values that an environment gives its services, without those of the images, each under
/// `service: NAME`; none of an environment that is kept in another form.
pub async fn given_values(ctx: &Ctx, environment: &EnvironmentId) -> Result<Option<BTreeMap<String, String>>, Problem> {
    let spec = ctx.store.environment_spec(environment).await?;
    let Ok(plan) = serde_json::from_str::<Plan>(&spec) else { return Ok(None) };
    let of = |planned: &PlannedService| {
        let service = planned.service.name.clone();
        values(&planned.layers()).into_iter().map(move |(name, value)| (format!("{service}: {name}"), value))
    };
    Ok(Some(plan.services.iter().flat_map(of).collect()))
}

/// As [`shown`], for a service that is not planned yet. What its image has is asked of the registry.
pub(super) async fn previewed(
    ctx: &Ctx,
    service: &StackService,
    image: Option<(&ImageName, &Digest)>,
    layers: Vec<Layer>,
) -> ServiceVariables {
    let (own, words) = match image {
        Some((name, digest)) => (ctx.registry().variables(name, digest).await, format!("{name}@{}", digest.short())),
        None => (None, String::new()),
    };
    view(service, words, own, layers)
}

fn view(
    service: &StackService,
    image: String,
    own: Option<BTreeMap<String, String>>,
    mut layers: Vec<Layer>,
) -> ServiceVariables {
    let image_known = own.is_some();
    layers.insert(0, Layer { origin: Origin::Image, values: own.unwrap_or_default() });
    let variable = |one: domain::variables::Variable| {
        let overrode =
            one.overrode.into_iter().map(|(origin, value)| OverrodeView { value: open(&one.name, origin, value), origin });
        VariableView {
            overrode: overrode.collect(),
            value: open(&one.name, one.origin, one.value),
            origin: one.origin,
            name: one.name,
        }
    };
    ServiceVariables {
        service: service.name.clone(),
        image,
        image_known,
        variables: merge(&layers).into_iter().map(variable).collect(),
    }
}

/// A value that anybody may see. Those of regions are for whoever configures them.
fn open(name: &str, origin: Origin, value: String) -> Option<String> {
    let hidden = matches!(origin, Origin::App | Origin::Region) || looks_secret(name, &value);
    (!hidden).then_some(value)
}
