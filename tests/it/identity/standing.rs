//! Standing delegations: who stands in for whom, and when that ends.

use holdpoint::http::authorize::Role;
use holdpoint::http::delegation::givers;
use holdpoint::model::time::Span;
use serde_json::{Value, json};

use super::{As, Site};

const PATH: &str = "/api/auth/delegation";

#[tokio::test]
async fn a_delegation_stands_until_its_time_or_until_it_is_taken_back() {
    let site = Site::new().await;
    let ann = site.signed_in("ann@x.org", &[Role::Reviewer]).await;
    let ann_id =
        super::text(&site.get("/api/auth/me", &As::Cookie(&ann)).await.ok(200)["user"]["id"]);
    let ann = As::Cookie(&ann);
    let bob = site.account("bob@x.org", &[Role::Reviewer]).await;
    let eve = site.account("eve@x.org", &[Role::Admin]).await;
    assert_eq!(site.get(PATH, &ann).await.ok(200)["delegation"], Value::Null);
    let body = json!({"to": "BOB@x.org", "until": "2026-01-20T00:00:00Z"});
    let set = site.ask("PUT", PATH, &ann, Some(&body)).await.ok(200);
    assert_eq!(
        (&set["delegation"]["to"], &set["delegation"]["email"]),
        (&json!(bob), &json!("bob@x.org"))
    );
    assert_eq!(site.get(PATH, &ann).await.ok(200), set);
    let names = vec![ann_id, "ann@x.org".to_owned()];
    assert_eq!(givers(&site.engine, &bob).await.unwrap(), names);
    assert!(givers(&site.engine, &eve).await.unwrap().is_empty());
    // Somebody else in place of the first one, for ever.
    let set = site.ask("PUT", PATH, &ann, Some(&json!({"to": eve}))).await.ok(200);
    assert_eq!(set["delegation"]["until"], Value::Null);
    assert!(givers(&site.engine, &bob).await.unwrap().is_empty());
    assert_eq!(givers(&site.engine, &eve).await.unwrap(), names);
    site.ask("DELETE", PATH, &ann, None).await.ok(200);
    assert!(givers(&site.engine, &eve).await.unwrap().is_empty());
    assert_eq!(site.ask("DELETE", PATH, &ann, None).await.ok(200)["delegation"], Value::Null);
    // Its time ends it too.
    site.ask("PUT", PATH, &ann, Some(&body)).await.ok(200);
    site.clock.advance(Span::from_secs(5 * 24 * 3600));
    assert!(givers(&site.engine, &bob).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_is_out_of_use_gives_nothing_and_nothing_is_handed_on() {
    let site = Site::new().await;
    let admin = site.signed_in("root@x.org", Role::ALL).await;
    let ann = site.signed_in("ann@x.org", &[Role::Reviewer]).await;
    let bob = site.signed_in("bob@x.org", &[Role::Reviewer]).await;
    let eve = site.account("eve@x.org", &[Role::Reviewer]).await;
    let bob_id =
        super::text(&site.get("/api/auth/me", &As::Cookie(&bob)).await.ok(200)["user"]["id"]);
    site.ask("PUT", PATH, &As::Cookie(&ann), Some(&json!({"to": bob_id}))).await.ok(200);
    site.ask("PUT", PATH, &As::Cookie(&bob), Some(&json!({"to": eve}))).await.ok(200);
    let of_eve = givers(&site.engine, &eve).await.unwrap();
    assert_eq!(of_eve, [bob_id.clone(), "bob@x.org".to_owned()], "not ann's as well");
    let off = json!({"isActive": false});
    let path = "/api/admin/users/ann@x.org";
    site.ask("PATCH", path, &As::Cookie(&admin), Some(&off)).await.ok(200);
    assert!(givers(&site.engine, &bob_id).await.unwrap().is_empty());
}

/// The body and the pointer of its defect.
#[tokio::test]
async fn a_delegation_goes_to_somebody_else_who_may_decide_for_a_time_to_come() {
    let site = Site::new().await;
    let ann = site.signed_in("ann@x.org", &[Role::Reviewer]).await;
    let ann = As::Cookie(&ann);
    site.account("bob@x.org", &[Role::Reviewer]).await;
    let user = site.signed_in("user@x.org", &[Role::User, Role::Operator]).await;
    let cases = [
        (json!({"to": "ann@x.org"}), "/to"),
        (json!({"to": "user@x.org"}), "/to"),
        (json!({"to": "nobody@x.org"}), "/to"),
        (json!({"to": ""}), "/to"),
        (json!({"to": "bob@x.org", "until": "tomorrow"}), "/until"),
        (json!({"to": "bob@x.org", "until": "2026-01-15T10:30:00Z"}), "/until"),
        (json!({"to": "bob@x.org", "from": "eve@x.org"}), "/from"),
    ];
    for (body, pointer) in cases {
        let refused = site.ask("PUT", PATH, &ann, Some(&body)).await;
        assert_eq!(refused.problem(), (422, "invalid-request"), "{body}");
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{body}: {}", refused.text);
    }
    let body = json!({"to": "bob@x.org"});
    let refused = site.ask("PUT", PATH, &As::Cookie(&user), Some(&body)).await;
    assert_eq!(refused.problem(), (403, "forbidden"), "who decides nothing hands nothing on");
}
