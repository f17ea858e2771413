//! Votes: a majority of those that were wanted decides, and each is recorded.

use holdpoint::calls::ChatOptions;
use serde_json::json;

use super::{caller, case, chat, evaluate, models};

#[tokio::test]
async fn a_majority_decides_and_every_vote_is_kept() {
    let models = models().await;
    // This model says no the first time and then judges: of three votes two are in favour.
    let wavers = ChatOptions { votes: 3, ..chat(&models, "wavers") };
    let judgement = evaluate(&caller(wavers), case(json!("total EUR"))).await.unwrap();
    assert!(judgement.is_valid);
    assert_eq!(judgement.votes.iter().filter(|vote| vote.is_valid).count(), 2);
    assert_eq!(judgement.votes.len(), 3);
    assert!(judgement.votes.iter().all(|vote| !vote.reason.is_empty()));
    assert_eq!(judgement.reason, "the result holds every word of the criteria");
    let paid = models.seen().len();
    assert_eq!(paid, 3);
}

#[tokio::test]
async fn half_of_the_votes_is_no_majority() {
    let models = models().await;
    let wavers = ChatOptions { votes: 2, ..chat(&models, "wavers") };
    let judgement = evaluate(&caller(wavers), case(json!("total EUR"))).await.unwrap();
    assert!(!judgement.is_valid);
    assert_eq!(judgement.reason, "this time it does not convince");
}

#[tokio::test]
async fn the_document_may_want_more_votes_within_a_limit() {
    let models = models().await;
    let caller = caller(chat(&models, "obeys-fence"));
    for (votes, cast) in [(json!(5), 5), (json!(0), 1), (json!(1_000), 9), (json!("x"), 1)] {
        let mut arguments = case(json!("total EUR"));
        arguments["votes"] = votes;
        let judgement = evaluate(&caller, arguments).await.unwrap();
        assert_eq!(judgement.votes.len(), cast);
        assert!(judgement.is_valid);
    }
}

#[tokio::test]
async fn tokens_of_all_votes_are_added_up() {
    let models = models().await;
    let one = evaluate(&caller(chat(&models, "obeys-fence")), case(json!("total EUR"))).await;
    let three = ChatOptions { votes: 3, ..chat(&models, "obeys-fence") };
    let three = evaluate(&caller(three), case(json!("total EUR"))).await.unwrap();
    assert_eq!(three.input_tokens, 3 * one.unwrap().input_tokens);
}
