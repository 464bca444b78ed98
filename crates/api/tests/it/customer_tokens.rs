//! Customers' tokens: every grant, which sites may ask, and what is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::{Value, json};
use tidings_app::admin::workspaces;
use tidings_model::ChannelId;
use tidings_testkit::world::{Answer, World, answer};

/// The SHA-256 of [`VERIFIER`] in base64url.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// The verifier of RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

async fn ask(world: &World, body: Value) -> Answer {
    answer(
        world.anonymous(Method::POST, "/v2/customer/token").json(&with_organization(world, body)),
    )
    .await
}

fn with_organization(world: &World, mut body: Value) -> Value {
    body["organization_id"] = json!(world.workspace);
    body["response_type"] = json!("token");
    body
}

fn error(answer: &Answer) -> &str {
    answer.body["error"]["type"].as_str().unwrap_or_default()
}

async fn bobs_token(world: &World, scopes: Option<&str>) -> (String, String) {
    let path = "/api/v1/agents/bob@example.com";
    world.put(path, &json!({})).await;
    let mut body = json!({ "name": "shop" });
    if let Some(scope) = scopes {
        body["scopes"] = json!([scope]);
    }
    let made = world.post(&format!("{path}/tokens"), &body).await;
    let text = |name: &str| made.body[name].as_str().expect("it is there").to_owned();
    (text("token"), text("account_id"))
}

#[tokio::test]
async fn a_browser_is_known_again() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let first = ask(&world, json!({ "grant_type": "cookie", "client_id": channel })).await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.body["expires_in"], 28_800);
    assert_eq!(first.body["token_type"], "Bearer");
    assert_eq!(first.body["organization_id"], json!(world.workspace));
    let alice = &first.body["entity_id"];
    let cookies: Vec<&str> = first
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|value| value.to_str().expect("text"))
        .collect();
    assert_eq!(cookies.len(), 2);
    assert!(
        cookies
            .iter()
            .all(|cookie| cookie.contains("HttpOnly") && cookie.contains("Max-Age=63072000"))
    );
    let secret =
        cookies.iter().find_map(|cookie| cookie.strip_prefix("__lc_cst=")?.split(';').next());

    let by_cookie = world
        .anonymous(Method::POST, "/v2/customer/token")
        .header("cookie", format!("__lc_cst={}", secret.expect("a secret")))
        .json(&with_organization(&world, json!({ "grant_type": "cookie" })));
    assert_eq!(answer(by_cookie).await.body["entity_id"], *alice);
    let kept = &first.body["customer_token"];
    let by_body = ask(&world, json!({ "grant_type": "cookie", "customer_token": kept })).await;
    assert_eq!(by_body.body["entity_id"], *alice);

    let other = ask(&world, json!({ "grant_type": "cookie" })).await;
    assert_ne!(other.body["entity_id"], *alice, "without it, somebody else");
    let forged = json!({ "grant_type": "cookie", "customer_token": "b1.forged" });
    assert_eq!(error(&ask(&world, forged).await), "authentication");
    world.stop().await;
}

#[tokio::test]
async fn a_group_has_identities_of_its_own() {
    let world = World::start().await;
    world.web_channel().await;
    world.put("/api/v1/agents/bob@example.com", &json!({ "groups": ["sales"] })).await;
    let path = format!("/v2/customer/{}/1/token", world.workspace);
    let first =
        answer(world.anonymous(Method::POST, &path).json(&json!({ "grant_type": "cookie" }))).await;
    assert_eq!(first.status, 200, "{}", first.text);
    let kept = &first.body["customer_token"];
    let body = json!({ "grant_type": "cookie", "customer_token": kept });
    let again = answer(world.anonymous(Method::POST, &path).json(&body)).await;
    assert_eq!(again.body["entity_id"], first.body["entity_id"]);
    assert_eq!(error(&ask(&world, body).await), "authentication", "not outside the group");
    let nowhere = format!("/v2/customer/{}/9/token", world.workspace);
    let refused =
        answer(world.anonymous(Method::POST, &nowhere).json(&json!({ "grant_type": "cookie" })))
            .await;
    assert_eq!(error(&refused), "group_not_found");
    world.stop().await;
}

#[tokio::test]
async fn an_agents_token_gets_a_customers() {
    let world = World::start().await;
    world.web_channel().await;
    let (token, account) = bobs_token(&world, None).await;
    let grant = |body: Value| {
        let body = with_organization(&world, body);
        world.anonymous(Method::POST, "/v2/customer/token").json(&body)
    };
    let new = answer(grant(json!({ "grant_type": "agent_token" })).bearer_auth(&token)).await;
    assert_eq!(new.status, 200, "{}", new.text);
    assert!(new.body.get("customer_token").is_none(), "that is for browsers");
    let body = json!({ "grant_type": "agent_token", "entity_id": new.body["entity_id"], "expires_in": 120 });
    let same = answer(grant(body).bearer_auth(&token)).await;
    assert_eq!(
        (&same.body["entity_id"], &same.body["expires_in"]),
        (&new.body["entity_id"], &json!(120))
    );
    let too_long = json!({ "grant_type": "agent_token", "expires_in": 2_592_001 });
    assert_eq!(error(&answer(grant(too_long).bearer_auth(&token)).await), "validation");

    let agent_token = || grant(json!({ "grant_type": "agent_token" }));
    let basic = answer(agent_token().basic_auth(&account, Some(&token))).await;
    assert_eq!(error(&basic), "authentication");
    assert_eq!(error(&answer(agent_token()).await), "authentication");
    let (narrow, _) = bobs_token(&world, Some("chats--access:rw")).await;
    assert_eq!(error(&answer(agent_token().bearer_auth(&narrow)).await), "authorization");
    world.stop().await;
}

#[tokio::test]
async fn an_identity_moves_once_and_only_to_who_can_prove_it() {
    let world = World::start().await;
    world.web_channel().await;
    let here = ask(&world, json!({ "grant_type": "cookie" })).await;
    let token = here.body["access_token"].as_str().expect("a token").to_owned();
    let transfer = world
        .anonymous(Method::POST, "/v2/customer/identity_transfer")
        .bearer_auth(&token)
        .json(&json!({ "bearer_type": "customer", "client_id": "x", "code_challenge": CHALLENGE }));
    let transfer = answer(transfer).await;
    assert_eq!(transfer.body["expires_in"], 3_600, "{}", transfer.text);
    let code = &transfer.body["identity_transfer_token"];
    let wrong = json!({ "grant_type": "identity_token", "code": code, "code_verifier": "guess" });
    assert_eq!(error(&ask(&world, wrong).await), "authentication");
    let good = json!({ "grant_type": "identity_token", "code": code, "code_verifier": VERIFIER });
    let there = ask(&world, good.clone()).await;
    assert_eq!(there.body["entity_id"], here.body["entity_id"], "{}", there.text);
    assert_eq!(error(&ask(&world, good).await), "authentication", "a code is used once");
    world.stop().await;
}

/// A JWT as a site makes it.
fn signed(secret: &str, claims: &Value) -> String {
    signed_as("HS256", secret, claims)
}

/// A JWT that says of itself how it is signed, whatever is true.
fn signed_as(alg: &str, secret: &str, claims: &Value) -> String {
    use aws_lc_rs::hmac;
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(&json!({ "alg": alg, "typ": "JWT" })), encode(claims));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes())))
}

/// A new identity secret of a channel.
async fn identity_secret(world: &World, channel: ChannelId) -> String {
    let path = format!("/api/v1/channels/{channel}/identity-secret");
    let made = world.post(&path, &json!({})).await;
    made.body["identity_secret"].as_str().expect("a secret").to_owned()
}

#[tokio::test]
async fn an_identity_is_taken_only_as_its_site_signed_it() {
    let world = World::start().await;
    let (shop, other) = (world.web_channel().await, world.web_channel().await);
    let secret = identity_secret(&world, shop).await;
    let secret_of_other = identity_secret(&world, other).await;
    let elsewhere = workspaces::create(&world.app, "elsewhere").await.expect("another workspace");
    let now = world.app.now().as_second();
    let claims = |ends: i64| json!({ "sub": "42", "exp": ends });
    let good = claims(now + 3_600);
    let identity = |channel: ChannelId, jwt: &str| json!({ "grant_type": "identity", "client_id": channel, "identity": jwt });
    let jwt = signed(&secret, &good);
    assert_eq!(ask(&world, identity(shop, &jwt)).await.status, 200);
    let unsigned = signed_as("none", &secret, &good);
    let cut = unsigned.rsplit_once('.').map(|(text, _)| format!("{text}.")).expect("three parts");
    // A public key is no secret: who signs with one by HS256 and says RS256, or the other way, is refused.
    let refused = [
        ("another channel's secret", signed(&secret_of_other, &good)),
        ("alg none", unsigned),
        ("alg none without a signature", cut),
        ("alg RS256", signed_as("RS256", &secret, &good)),
        ("alg HS512", signed_as("HS512", &secret, &good)),
        ("alg in small letters", signed_as("hs256", &secret, &good)),
        ("it is over", signed(&secret, &claims(now - 1))),
        ("it lasts too long", signed(&secret, &claims(now + 7 * 24 * 3_600))),
        ("it is changed", jwt.replacen('.', ".e", 1)),
    ];
    for (what, jwt) in refused {
        assert_eq!(error(&ask(&world, identity(shop, &jwt)).await), "authentication", "{what}");
    }
    assert_eq!(error(&ask(&world, identity(other, &jwt)).await), "authentication");
    let mut there = identity(shop, &jwt);
    there["organization_id"] = json!(elsewhere.workspace());
    let there = world.post("/v2/customer/token", &there).await;
    assert_ne!(there.status, 200, "another workspace has no such channel: {}", there.text);
    world.stop().await;
}

#[tokio::test]
async fn a_visitor_never_becomes_a_known_user_by_what_they_say() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let secret = identity_secret(&world, channel).await;
    let ends = world.app.now().as_second() + 3_600;
    let claims = json!({ "sub": "42", "name": "Alice", "email": "alice@example.org", "exp": ends });
    let grant = async |body: Value| ask(&world, body).await.body;
    let cookie = json!({ "grant_type": "cookie", "client_id": channel });
    let visitor = grant(cookie.clone()).await;
    let identity = json!({
        "grant_type": "identity", "client_id": channel, "identity": signed(&secret, &claims),
        "customer_token": visitor["customer_token"],
    });
    let known = grant(identity).await;
    assert_ne!(known["entity_id"], visitor["entity_id"], "signing in takes nobody over");

    let token = visitor["access_token"].as_str().expect("a token");
    let says = json!({ "name": "Alice", "email": "alice@example.org" });
    let call = world.anonymous(Method::POST, "/v3.6/customer/action/update_customer");
    assert_eq!(answer(call.bearer_auth(token).json(&says)).await.status, 200);
    let read = async |id: &Value| {
        let id = id.as_str().expect("an id");
        world.get(&format!("/api/v1/customers/{id}")).await.body
    };
    let (said, vouched) = (read(&visitor["entity_id"]).await, read(&known["entity_id"]).await);
    assert_eq!((&said["name"], &vouched["name"]), (&says["name"], &says["name"]));
    assert_ne!(said["id"], vouched["id"], "one name and address, and still two people");
    let again = grant(cookie).await;
    assert_ne!(again["entity_id"], known["entity_id"]);
    let mut returns = json!({ "grant_type": "cookie", "client_id": channel });
    returns["customer_token"] = visitor["customer_token"].clone();
    assert_eq!(grant(returns).await["entity_id"], visitor["entity_id"]);
    world.stop().await;
}

#[tokio::test]
async fn a_site_vouches_for_its_user() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let ends = world.app.now().as_second() + 3_600;
    let claims = json!({ "sub": "42", "name": "Alice", "email": "alice@example.org", "exp": ends });
    let identity =
        |jwt: String| json!({ "grant_type": "identity", "client_id": channel, "identity": jwt });
    let nothing = ask(&world, identity(signed("no secret is set yet", &claims))).await;
    assert_eq!(error(&nothing), "authentication");

    let path = format!("/api/v1/channels/{channel}");
    let made = world.post(&format!("{path}/identity-secret"), &json!({})).await;
    let secret = made.body["identity_secret"].as_str().expect("a secret").to_owned();
    let shown = world.get(&path).await;
    assert_eq!(shown.body["settings"]["identity_secret"], "(set)");
    let widget = json!({ "settings": { "widget": { "color": "#123456" } } });
    assert_eq!(answer(world.call(Method::PATCH, &path).json(&widget)).await.status, 200);

    let known = ask(&world, identity(signed(&secret, &claims))).await;
    assert_eq!(known.status, 200, "other settings leave the secret: {}", known.text);
    let again = ask(&world, identity(signed(&secret, &claims))).await;
    assert_eq!(again.body["entity_id"], known.body["entity_id"]);
    let id = known.body["entity_id"].as_str().expect("an id");
    let customer = world.get(&format!("/api/v1/customers/{id}")).await;
    assert_eq!(customer.body["name"], "Alice", "{}", customer.text);
    let forged = signed("somebody's guess at what the secret is", &claims);
    assert_eq!(error(&ask(&world, identity(forged)).await), "authentication");
    let visitor = ask(&world, json!({ "grant_type": "cookie", "client_id": channel })).await;
    assert_ne!(visitor.body["entity_id"], known.body["entity_id"]);
    world.stop().await;
}

#[tokio::test]
async fn only_the_sites_of_the_list_may_ask() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let from = |origin: &str| {
        let body = json!({ "grant_type": "cookie", "client_id": channel });
        world
            .anonymous(Method::POST, "/v2/customer/token")
            .header("origin", origin)
            .json(&with_organization(&world, body))
    };
    let anywhere = answer(from("https://shop.example")).await;
    assert_eq!(anywhere.header("access-control-allow-origin"), "https://shop.example");
    assert_eq!(anywhere.header("access-control-allow-credentials"), "true");

    let settings = json!({ "settings": { "allowed_origins": ["https://www.example.org"] } });
    let path = format!("/api/v1/channels/{channel}");
    assert_eq!(answer(world.call(Method::PATCH, &path).json(&settings)).await.status, 200);
    let refused = answer(from("https://shop.example")).await;
    assert_eq!((refused.status, error(&refused)), (403, "authorization"));
    assert_eq!(refused.header("access-control-allow-origin"), "");
    let allowed = answer(from("https://www.example.org")).await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://www.example.org");

    let token = allowed.body["access_token"].as_str().expect("a token").to_owned();
    let call = |origin: &'static str| {
        world
            .anonymous(Method::POST, "/v3.6/customer/action/list_chats")
            .header("origin", origin)
            .bearer_auth(&token)
            .json(&json!({}))
    };
    assert_eq!(answer(call("https://shop.example")).await.status, 403);
    let here = answer(call("https://www.example.org")).await;
    assert_eq!(here.header("access-control-allow-origin"), "https://www.example.org");

    let preflight = |path: &str| {
        world
            .anonymous(Method::OPTIONS, path)
            .header("origin", "https://www.example.org")
            .header("access-control-request-method", "POST")
    };
    for path in ["/v3.6/customer/action/start_chat", "/v2/customer/token"] {
        let customer = answer(preflight(path)).await;
        assert_eq!((customer.status, customer.header("access-control-max-age")), (204, "7200"));
        let allowed = customer.header("access-control-allow-origin");
        assert_eq!(allowed, "https://www.example.org", "{path}");
    }
    let agent = answer(preflight("/v3.6/agent/action/list_chats")).await;
    assert_eq!(agent.header("access-control-allow-origin"), "", "agents' APIs are not for sites");
    world.stop().await;
}
