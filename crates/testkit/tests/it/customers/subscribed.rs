//! Agents who hear of the customers on a site: of not more than they asked for, and how many there are beside.

use serde_json::{Value, json};
use tidings_model::CustomerId;
use tidings_testkit::desk::CustomerClient;
use tidings_testkit::rtm::RtmClient;
use tidings_wire::livechat::Side;

use super::Scene;

async fn comes(scene: &Scene, customer: &CustomerClient) -> RtmClient {
    let (base_url, token) = (&scene.world.base_url, &customer.chat.token);
    let page = json!({ "customer_page": { "url": "https://shop.example/" } });
    RtmClient::log_in(base_url, Side::Customer, token, page).await.0
}

async fn total(listening: &mut RtmClient, subscription: &Value) -> Value {
    let name = subscription.as_str().expect("a name");
    let told = listening.push("subscribed_customers_totals_updated").await;
    told["payload"][name].clone()
}

fn came(pushes: &[Value]) -> Vec<Value> {
    let came = pushes.iter().filter(|push| push["action"] == "incoming_customer");
    came.map(|push| push["payload"]["id"].clone()).collect()
}

#[tokio::test]
async fn not_more_are_heard_of_than_asked_for_and_the_total_is_told() {
    let scene = Scene::begin().await;
    let (world, token) = (&scene.world, &scene.bob.chat.token);
    let (mut bob, _) = RtmClient::log_in(&world.base_url, Side::Agent, token, json!({})).await;
    let nothing = bob.call("subscribe_customers", json!({ "limit": 0 })).await;
    assert_eq!(nothing.error(), "validation");
    let begun = bob.call("subscribe_customers", json!({ "limit": 1 })).await.payload();
    let subscription = &begun["subscription_id"];
    assert_eq!(begun["customers"], json!([]));
    let _alices = comes(&scene, &scene.alice).await;
    let first = bob.push("incoming_customer").await;
    assert_eq!(first["payload"]["id"], json!(scene.alice.id));
    let carol = CustomerClient::comes(world, scene.alice.channel).await;
    let carols = comes(&scene, &carol).await;
    assert_eq!(total(&mut bob, subscription).await, 2);
    let dave = CustomerClient::comes(world, scene.alice.channel).await;
    let _daves = comes(&scene, &dave).await;
    assert_eq!(total(&mut bob, subscription).await, 3);
    carol.call("update_customer", json!({ "name": "Carol" })).await.expect("it is said");
    carols.close().await;
    assert_eq!(total(&mut bob, subscription).await, 2);
    let heard = bob.pushes().await;
    let of_carol = |push: &Value| push.to_string().contains(&carol.id.to_string());
    assert!(!heard.iter().any(of_carol), "only of whom they track: {heard:?}");
    scene.world.finish().await;
}

#[tokio::test]
async fn those_of_a_team_are_heard_of_before_they_chat() {
    let scene = Scene::begin().await;
    let (world, token) = (&scene.world, &scene.bob.chat.token);
    tidings_testkit::desk::team(world, 7, "sales", &[&scene.bob]).await;
    let (mut bob, _) = RtmClient::log_in(&world.base_url, Side::Agent, token, json!({})).await;
    let asked = json!({ "group_ids": [7] });
    assert!(bob.call("subscribe_customers", asked).await.success());
    let come = async |customer: CustomerId, group: u32| {
        let page = json!({
            "customer_page": { "url": "https://shop.example/" }, "group_id": group,
        });
        let customer = CustomerClient::known(world, scene.alice.channel, customer).await;
        let token = &customer.chat.token;
        RtmClient::log_in(&world.base_url, Side::Customer, token, page).await.0
    };
    let carol = CustomerClient::comes(world, scene.alice.channel).await;
    let _carols = come(carol.id, 0).await;
    let _alices = come(scene.alice.id, 7).await;
    let first = bob.push("incoming_customer").await;
    assert_eq!(first["payload"]["id"], json!(scene.alice.id));
    world.settle().await;
    assert_eq!(came(&bob.pushes().await), Vec::<Value>::new(), "carol is nobody of the team");
    let again = bob.call("subscribe_customers", json!({ "group_ids": [7] })).await.payload();
    assert_eq!(again["customers"].as_array().map(Vec::len), Some(1));
    assert_eq!(again["customers"][0]["id"], json!(scene.alice.id));
    scene.world.finish().await;
}
