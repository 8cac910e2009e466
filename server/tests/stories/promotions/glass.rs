//! Break-glass: past what people decide, and past nothing else; loud, and reviewed by somebody else.

use super::stage::{Stage, refusal, typed};
use crate::common::on_each_database;
use crate::decided::{announced, recorded};
use crate::outside::Mood;
use app::view::{Confirmation, GlassInput};
use domain::id::PromotionId;
use domain::promotion::PromotionState;
use domain::verdict::VerdictKind;
use domain::{Action, Actor, Problem, Role};
use server::usecases::people::{add_user, sign_in};
use server::usecases::promotions::{break_glass, promotion, review_glass};
use server::usecases::waiting::waiting;

const PASSWORD: &str = "a quiet harbour at dawn";

const GLASS: &str = "[[policies]]\nname = \"glass\"\nbreak_glass = true\n";

/// lin, a lead with a password.
async fn lin(stage: &Stage) -> Actor {
    let ctx = &stage.app.ctx;
    add_user(ctx, &stage.people.adam, "lin".to_owned(), Role::Lead, PASSWORD.to_owned()).await.expect("added");
    let person = sign_in(ctx, "lin", PASSWORD, "here").await.expect("signed in");
    Actor::User { person, signed_in_at: ctx.now() }
}

fn input(password: Option<&str>) -> GlassInput {
    let confirmation = Confirmation { password: password.map(str::to_owned), ..typed("web") };
    GlassInput { reason: "payments are down".to_owned(), confirmation }
}

async fn smash(stage: &Stage, by: &Actor, id: &PromotionId) -> Result<(), Problem> {
    stage.tick();
    break_glass(&stage.app.ctx, by, id, input(Some(PASSWORD))).await
}

#[tokio::test]
async fn glass_is_broken_only_where_every_policy_allows_it_and_with_the_password() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        let ctx = &stage.app.ctx;
        let lin = lin(&stage).await;
        let build = stage.built(1).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        assert_eq!(smash(&stage, &lin, &id).await, Err(Problem::GlassNotAllowed), "by default nobody may");
        stage.app.apply(&format!("{GLASS}[[policies]]\nname = \"strict\"\nregions = [\"hangzhou\"]\n")).await;
        assert_eq!(smash(&stage, &lin, &id).await, Err(Problem::GlassNotAllowed), "one of two policies does not allow it");
        stage.app.apply("[[policies]]\nname = \"strict\"\nregions = [\"us-west\"]\n").await;
        let forbidden = Err(Problem::Forbidden { action: Action::BreakGlass });
        for nobody in [&stage.people.vera, &stage.people.tess, &stage.people.pia, &stage.people.adam, &Actor::Slipway] {
            assert_eq!(smash(&stage, nobody, &id).await, forbidden);
        }
        assert_eq!(break_glass(ctx, &lin, &id, input(None)).await, Err(Problem::PasswordNeeded), "however fresh the session");
        assert_eq!(break_glass(ctx, &lin, &id, input(Some("no"))).await, Err(Problem::WrongCredentials));
        let unsaid = GlassInput { reason: " ".to_owned(), ..input(Some(PASSWORD)) };
        assert!(matches!(break_glass(ctx, &lin, &id, unsaid).await, Err(Problem::Invalid { .. })));
        let mistyped = GlassInput { confirmation: typed("wob"), ..input(Some(PASSWORD)) };
        assert!(matches!(break_glass(ctx, &lin, &id, mistyped).await, Err(Problem::ConfirmationMismatch { .. })));
        assert_eq!((stage.state(&id).await, stage.app.count("broken_glass").await), (PromotionState::Open, 0));
        smash(&stage, &lin, &id).await.expect("broken");
        assert_eq!(stage.state(&id).await, PromotionState::Running);
        assert!(announced(&stage.app).await.contains(&"glass_broken".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn broken_glass_passes_no_quarantine_and_no_region_that_is_away() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply(GLASS).await;
        let lin = lin(&stage).await;
        let build = stage.built(1).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        stage.judge(&build, VerdictKind::Fail).await;
        assert_eq!(refusal(smash(&stage, &lin, &id).await), ["NotQuarantined Red Some(Lead)"]);
        let good = stage.built(2).await;
        let id = stage.requested(&good, &["hangzhou"]).await;
        stage.regions[0].be(Mood::Broken);
        let away = ["RegionReachable { region: \"hangzhou\" } Red None", "EnoughRoom { region: \"hangzhou\" } Waiting None"];
        assert_eq!(refusal(smash(&stage, &lin, &id).await), away);
        assert_eq!(stage.app.count("broken_glass").await, 0, "what did not start was not broken");
        assert!(!announced(&stage.app).await.contains(&"glass_broken".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn the_review_stays_open_until_another_lead_closes_it() {
    on_each_database(|app| async move {
        let stage = Stage::set(app).await;
        stage.app.apply(GLASS).await;
        let ctx = &stage.app.ctx;
        let lin = lin(&stage).await;
        let build = stage.built(1).await;
        let id = stage.requested(&build, &["hangzhou"]).await;
        smash(&stage, &lin, &id).await.expect("broken");
        let review = |by, note: &'static str| review_glass(ctx, by, &id, note.to_owned());
        assert_eq!(review(&lin, "fine").await, Err(Problem::OwnReview));
        let forbidden = Err(Problem::Forbidden { action: Action::BreakGlass });
        assert_eq!(review(&stage.people.pia, "fine").await, forbidden);
        assert!(review(&stage.people.leo, "").await.is_err(), "a note is needed");
        let waits = async |by: &Actor| waiting(ctx, by).await.expect("shown").to_review.len();
        assert_eq!((waits(&stage.people.leo).await, waits(&lin).await, waits(&stage.people.pia).await), (1, 0, 0));
        let glass = promotion(ctx, &stage.people.leo, &id).await.expect("shown").glass.expect("broken");
        assert_eq!((glass.broken.by_name.as_str(), glass.reviewed.is_none(), glass.may_review), ("lin", true, true));
        stage.work(&id, &[]).await;
        review(&stage.people.leo, "it was right").await.expect("closed");
        assert_eq!(waits(&stage.people.leo).await, 0);
        assert!(matches!(review(&stage.people.leo, "again").await, Err(Problem::Finished { .. })));
        let glass = promotion(ctx, &lin, &id).await.expect("shown").glass.expect("broken");
        assert_eq!(glass.reviewed.map(|act| (act.by_name, act.reason)), Some(("leo".to_owned(), "it was right".to_owned())));
        let said = recorded(&stage.app).await;
        assert!(["glass.broken", "glass.reviewed"].iter().all(|action| said.iter().any(|known| known == action)));
    })
    .await;
}
