//! Where customers are, by a database of places: in visits, lists, rules and the archive.

use serde_json::{Value, json};
use tidings_app::{Places, Settings};
use tidings_model::GroupNumber;
use tidings_testkit::desk::{CustomerClient, team};
use tidings_testkit::places::database;
use tidings_testkit::rtm::RtmClient;
use tidings_testkit::world::{Start, World};
use tidings_wire::livechat::Side;

use super::Scene;

const IN_WROCLAW: &str = "203.0.113.7";
const NOWHERE: &str = "198.51.100.1";

async fn begin() -> Scene {
    let name = |name: &str| json!({ "names": { "en": name } });
    let place = json!({
        "city": name("Wroclaw"), "subdivisions": [name("Lower Silesia")],
        "country": { "iso_code": "PL", "names": { "en": "Poland" } },
        "location": { "latitude": 51.1, "longitude": 17.03, "time_zone": "Europe/Warsaw" },
    });
    let places = database(IN_WROCLAW.parse().expect("an address"), &place);
    let places = Places::read(places).expect("it is a database");
    let settings = Settings { places, ..Settings::default() };
    Scene::set(World::begin(Start { settings, ..Start::default() }).await).await
}

async fn comes(scene: &Scene, customer: &CustomerClient, address: &str) -> RtmClient {
    let base_url = &scene.world.base_url;
    let mut line = RtmClient::open_from(base_url, Side::Customer, "3.6", address).await;
    let page = json!({ "customer_page": { "url": "https://shop.example/" } });
    assert!(line.login(&customer.chat.token, page).await.success());
    line
}

#[tokio::test]
async fn a_visit_says_where_it_comes_from_and_lists_and_archives_find_it() {
    let scene = begin().await;
    let (world, bob, alice) = (&scene.world, &scene.bob, &scene.alice);
    let mut listening = scene.bob_listens().await;
    let mut line = comes(&scene, alice, IN_WROCLAW).await;
    let expected = json!({
        "country": "Poland", "country_code": "PL", "region": "Lower Silesia", "city": "Wroclaw",
        "timezone": "Europe/Warsaw", "latitude": 51.1, "longitude": 17.03,
    });
    let told = listening.push("incoming_customer").await;
    assert_eq!(told["payload"]["visit"]["geolocation"], expected);
    assert_eq!(scene.seen().await["visit"]["geolocation"], expected);
    let carol = CustomerClient::comes(world, alice.channel).await;
    let _carols = comes(&scene, &carol, NOWHERE).await;
    let seen = bob.call("get_customer", json!({ "id": carol.id })).await.expect("carol");
    assert!(seen["visit"].get("geolocation").is_none(), "{seen}");

    let filters = json!({ "filters": { "country": { "values": ["PL"] } } });
    let found = scene.bob_in("v3.5").call("list_customers", filters).await.expect("a page");
    assert_eq!(found["total_customers"], 1);
    assert_eq!(found["customers"][0]["id"], json!(alice.id));

    let start = line.call("start_chat", json!({ "continuous": true })).await.payload();
    carol.starts_chat().await;
    let chat = json!({ "chat_id": start["chat_id"] });
    let read = bob.call("get_chat", chat).await.expect("the chat");
    assert_eq!(read["thread"]["customer_visit"]["geolocation"]["country_code"], "PL");
    let filters = json!({ "filters": { "customer_countries": { "values": ["PL"] } } });
    let archived = bob.call("list_archives", filters).await.expect("the archive");
    assert_eq!(archived["found_chats"], 1);
    assert_eq!(archived["chats"][0]["id"], start["chat_id"]);
    scene.world.finish().await;
}

#[tokio::test]
async fn rules_that_ask_for_a_country_hold_for_who_is_there() {
    let scene = begin().await;
    let (world, bob, alice) = (&scene.world, &scene.bob, &scene.alice);
    team(world, 7, "polish", &[bob]).await;
    let rule = json!({
        "access": { "groups": [7] },
        "conditions": { "geolocation": { "values": [{ "country_code": "PL" }] } },
    });
    bob.configure("add_auto_access", rule).await.expect("the rule is good");
    let greeting = json!({
        "type": "normal", "active": true, "name": "Polish", "group": 0,
        "rules": [{ "condition": "and", "type": "geolocation", "operator": "is_not", "value": "DE" }],
        "rich_message": { "template_id": "cards", "elements": [{ "title": "Dzień dobry",
            "subtitle": "", "image": { "url": "https://shop.example/a.png" } }] },
    });
    bob.configure("create_greeting", greeting).await.expect("it is made");
    let mut line = comes(&scene, alice, IN_WROCLAW).await;
    let shown = line.push("incoming_greeting").await;
    assert_eq!(shown["payload"]["event"]["elements"][0]["title"], "Dzień dobry");
    assert_eq!(scene.seen().await["group_ids"], json!([GroupNumber(7)]));
    let start = line.call("start_chat", json!({ "continuous": true })).await.payload();
    let chat = json!({ "chat_id": start["chat_id"] });
    let read = bob.call("get_chat", chat).await.expect("the chat");
    assert_eq!(read["access"]["group_ids"], json!([7]));

    let carol = CustomerClient::comes(world, alice.channel).await;
    let mut line = comes(&scene, &carol, NOWHERE).await;
    let greetings: Vec<Value> = line.pushes().await;
    assert!(greetings.iter().all(|push| push["action"] != "incoming_greeting"), "{greetings:?}");
    let seen = bob.call("get_customer", json!({ "id": carol.id })).await.expect("carol");
    assert!(seen.get("group_ids").is_none(), "who cannot be placed is in no country: {seen}");
    scene.world.finish().await;
}
