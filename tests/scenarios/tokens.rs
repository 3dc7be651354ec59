//! Access tokens that are not ours, or not good any more, open nothing.

use chapar_shared::Timestamp;
use chapar_tests::{Hello, Site, Socket, User, scenarios};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// The key that the deployments here sign with.
const SECRET: &str = "a-secret-of-the-tests-0123456789";
const KEY: [(&str, &str); 3] = [
    ("tokens.keys.0.algorithm", "HS256"),
    ("tokens.keys.0.id", "tests"),
    ("tokens.keys.0.secret", SECRET),
];

scenarios! {
    forged_tokens_open_nothing => KEY,
    an_expired_token_is_told_so => KEY,
    tokens_of_an_older_key_stay_good => ROTATED,
    a_token_may_come_by_header_query_or_hello,
}

const ROTATED: [(&str, &str); 6] = [
    ("tokens.keys.0.algorithm", "HS256"),
    ("tokens.keys.0.id", "newer"),
    ("tokens.keys.0.secret", "another-secret-of-the-tests-9876"),
    ("tokens.keys.1.algorithm", "HS256"),
    ("tokens.keys.1.id", "tests"),
    ("tokens.keys.1.secret", SECRET),
];

/// The claims of a user's own good token, read without a key.
fn claims(user: &User) -> Value {
    let token = user.token();
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&token).unwrap();
    claims.claims
}

fn install_crypto() {
    // Another scenario of this process may have done it.
    jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER
        .install_default()
        .ok();
}

fn sign(algorithm: Algorithm, kid: Option<&str>, secret: &str, claims: &Value) -> String {
    install_crypto();
    let mut header = Header::new(algorithm);
    header.kid = kid.map(str::to_owned);
    jsonwebtoken::encode(
        &header,
        claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap()
}

fn base64url(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let word = chunk
            .iter()
            .fold(0, |word, byte| word << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            out.push(char::from(DIGITS[word >> (18 - 6 * digit) & 63]));
        }
    }
    out
}

async fn status(site: &Site, token: &str) -> (u16, u16) {
    let answer = site.api(1).with_token(token).get("/v1/users/me").await;
    let socket = Socket::open(&site.ws_url(0), &[]).await;
    let token = Some(token.to_owned());
    socket
        .hello(&Hello {
            token,
            ..Hello::default()
        })
        .await;
    (answer.status, socket.closed().await)
}

async fn forged_tokens_open_nothing(site: Site) {
    let ali = User::register(&site, 0).await;
    let good = claims(&ali);
    // The suite's own signature is good: what follows is refused for what it changes, not for its form.
    let own = sign(Algorithm::HS256, Some("tests"), SECRET, &good);
    site.api(0)
        .with_token(&own)
        .get("/v1/users/me")
        .await
        .expect(200);
    let with = |field: &str, value: Value| {
        let mut claims = good.clone();
        claims[field] = value;
        sign(Algorithm::HS256, Some("tests"), SECRET, &claims)
    };
    let body = base64url(&good.to_string());
    let none = base64url("{\"alg\":\"none\",\"typ\":\"JWT\"}");
    let kid_none = base64url("{\"alg\":\"none\",\"typ\":\"JWT\",\"kid\":\"tests\"}");
    let mut tampered = own.clone();
    let last = tampered.pop().unwrap();
    tampered.push(if last == 'A' { 'Q' } else { 'A' });
    let forged = [
        ("alg none", format!("{none}.{body}.")),
        ("alg none with kid", format!("{kid_none}.{body}.")),
        ("no signature", format!("{none}.{body}")),
        (
            "wrong key",
            sign(
                Algorithm::HS256,
                Some("tests"),
                "not-the-secret-of-the-tests-0000",
                &good,
            ),
        ),
        (
            "unknown key",
            sign(Algorithm::HS256, Some("other"), SECRET, &good),
        ),
        (
            "other algorithm",
            sign(Algorithm::HS512, Some("tests"), SECRET, &good),
        ),
        ("issuer", with("iss", json!("evil"))),
        ("audience", with("aud", json!("evil"))),
        ("no user", with("sub", json!("x"))),
        ("no expiry", with("exp", Value::Null)),
        ("session of nobody", with("sid", json!(987_654_321))),
        ("tampered", tampered),
        ("garbage", "a.b.c".to_owned()),
        ("empty", String::new()),
        ("long", "x".repeat(4000)),
    ];
    for (what, token) in forged {
        let (rest, close) = status(&site, &token).await;
        assert_eq!(rest, 401, "{what}");
        assert!([4001, 4003].contains(&close), "{what}: {close}");
    }
    // A good session, but another user's.
    let eve = User::register(&site, 1).await;
    let (rest, _) = status(&site, &with("sub", json!(eve.id.to_string()))).await;
    assert_eq!(rest, 401);
}

async fn an_expired_token_is_told_so(site: Site) {
    let ali = User::register(&site, 0).await;
    let mut claims = claims(&ali);
    claims["exp"] = json!(Timestamp::now().as_secs() - 1);
    let expired = sign(Algorithm::HS256, Some("tests"), SECRET, &claims);
    let answer = site.api(1).with_token(&expired).get("/v1/users/me").await;
    answer.expect_problem(401, "token_expired");
    assert_eq!(status(&site, &expired).await, (401, 4002));
}

async fn tokens_of_an_older_key_stay_good(site: Site) {
    let ali = User::register(&site, 0).await;
    let header = jsonwebtoken::decode_header(ali.token()).unwrap();
    assert_eq!(header.kid.as_deref(), Some("newer"));
    let older = sign(Algorithm::HS256, Some("tests"), SECRET, &claims(&ali));
    site.api(1)
        .with_token(&older)
        .get("/v1/users/me")
        .await
        .expect(200);
}

async fn a_token_may_come_by_header_query_or_hello(site: Site) {
    let ali = User::register(&site, 0).await;
    let (url, token) = (site.ws_url(1), ali.token());
    let bearer = format!("Bearer {token}");
    let by_header = Socket::open(&url, &[("authorization", &bearer)]).await;
    let by_query = Socket::open(&format!("{url}?token={token}"), &[]).await;
    for socket in [by_header, by_query] {
        socket.hello(&Hello::default()).await;
        socket.ok(json!({"op": "ping"})).await;
        assert_eq!(socket.ready().user.user.id, ali.id);
    }
    let bad = Socket::open(&format!("{url}?token=nonsense"), &[]).await;
    bad.hello(&Hello::default()).await;
    assert_eq!(bad.closed().await, 4001);
}
