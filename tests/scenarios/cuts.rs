//! What ends a session, a membership or a token cuts every socket off, on every node and in every protocol,
//! within a second.

use std::time::{Duration, Instant};

use chapar::testing::Place;
use chapar_shared::RoomId;
use chapar_shared::protocol::Session;
use chapar_tests::door::Door;
use chapar_tests::site::{CLUSTER, bounded};
use chapar_tests::{DEADLINE, Site, Socket, SocketIo, User, eventually, scenarios};
use futures_util::future::{join, join_all};
use serde_json::json;
use tokio::time::timeout;

use crate::rooms::left;

scenarios! {
    a_revoked_session_is_cut_off_everywhere,
    who_is_removed_or_banned_from_a_room_is_cut_off_everywhere,
    an_expired_token_cuts_off_everywhere => [("tokens.access_ttl", "6s")],
}

/// What the design promises over a proven link.
const AT_ONCE: Duration = Duration::from_secs(1);

/// A user's sockets of each protocol on both nodes.
struct Sockets {
    native: Vec<Socket>,
    doors: Vec<Door>,
    service: Vec<SocketIo>,
}

impl Sockets {
    async fn open(user: &User, room: RoomId) -> Self {
        let mut all = Self {
            native: Vec::new(),
            doors: Vec::new(),
            service: Vec::new(),
        };
        let token = user.token();
        for node in 0..2 {
            let path = format!("/ws/chat/{room}/");
            all.native.push(user.connect_to(node, []).await);
            all.doors.push(Door::open(user, node, &path).await);
            let base = user.site().gateway_url(node);
            let socket = SocketIo::connect(&base, &token).await;
            all.service.push(socket);
        }
        all
    }

    /// Waits for the end of all of them, each with its protocol's word for it.
    async fn expect_end(&mut self, code: u16, limit: Duration) {
        let native = self.native.iter().map(async |socket| {
            assert_eq!(socket.closed_within(limit).await, code);
        });
        let doors = self.doors.iter_mut().map(async |door| {
            let closed = timeout(limit, door.closed()).await;
            assert_eq!(closed.expect("a dialect's socket is closed in time"), 1008);
        });
        let service = self.service.iter().map(async |socket| {
            assert!(socket.closed(limit).await, "it is told not to come back");
        });
        join(join_all(native), join(join_all(doors), join_all(service))).await;
    }
}

async fn pair(site: &Site) -> (User, User) {
    (User::register(site, 0).await, User::register(site, 1).await)
}

async fn a_revoked_session_is_cut_off_everywhere(site: Site) {
    let (ali, sara) = pair(&site).await;
    let room = ali.private_room(&[&sara]).await.room.id;
    let phone = sara.sign_in(0).await;
    let kept = sara.connect_to(0, []).await;
    let mut cut = Sockets::open(&phone, room).await;
    let sessions: Vec<Session> = phone.get("/v1/auth/sessions").await.expect(200).items();
    let target = sessions.iter().find(|session| session.current).unwrap();
    let path = format!("/v1/auth/sessions/{}", target.id);
    sara.delete(&path).await.expect(204);
    cut.expect_end(4003, AT_ONCE).await;
    kept.ok(json!({"op": "ping"})).await;
}

async fn who_is_removed_or_banned_from_a_room_is_cut_off_everywhere(site: Site) {
    for is_ban in [false, true] {
        let (ali, sara) = pair(&site).await;
        let room = ali.private_room(&[&sara]).await.room.id;
        let fence = ali.private_room(&[&sara]).await.room.id;
        let mut cut = Sockets::open(&sara, room).await;
        if is_ban {
            ali.ban(room, &sara).await;
        } else {
            ali.remove(room, &sara).await;
        }
        let doors = cut.doors.iter_mut().map(async |door| {
            let closed = timeout(AT_ONCE, door.closed()).await;
            assert_eq!(closed.expect("the room's socket is closed in time"), 1008);
        });
        let told = cut.native.iter().map(async |socket| {
            let told = timeout(AT_ONCE, left(socket, 0, room)).await;
            told.expect("room.left comes in time");
        });
        join(join_all(doors), join_all(told)).await;
        // Whoever was to hear it had it before the word that all of them hear.
        let secret = ali.send(room, "راز").await;
        let word = ali.send(fence, "حصار").await;
        for socket in &cut.native {
            socket.expect_seq(fence, word.seq, DEADLINE).await;
            let heard = socket.changes(room);
            assert!(
                heard.iter().all(|event| event.seq < Some(secret.seq)),
                "{heard:?}"
            );
        }
        for socket in &cut.service {
            let is_fence = |data: &serde_json::Value| data["message"]["content"] == "حصار";
            socket.expect("chat_response", is_fence).await;
            let heard = socket.all("chat_response");
            assert!(
                heard.iter().all(|data| data["message"]["content"] != "راز"),
                "{heard:?}"
            );
        }
    }
}

async fn an_expired_token_cuts_off_everywhere(site: Site) {
    let (ali, sara) = pair(&site).await;
    let room = ali.private_room(&[&sara]).await.room.id;
    sara.refresh().await;
    let issued = Instant::now();
    let mut cut = Sockets::open(&sara, room).await;
    let left = (Duration::from_secs(6) + AT_ONCE).saturating_sub(issued.elapsed());
    cut.expect_end(4002, left).await;
}

/// The operator's command is a process of its own: what it does reaches the nodes through the broker too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_ban_cuts_off_everywhere() {
    let site = Site::start(CLUSTER, Place::Tasks, &[]).await;
    bounded(async {
        let (ali, eve) = pair(&site).await;
        let room = ali.private_room(&[&eve]).await.room.id;
        let mut cut = Sockets::open(&eve, room).await;
        let kept = ali.connect().await;
        // The link to Redis is proven a moment after it is made.
        eventually(DEADLINE, "every node is ready", async || {
            for rest in [site.gateway(0), site.gateway(1)] {
                if rest.get("/readyz").await.status != 200 {
                    return None;
                }
            }
            Some(())
        })
        .await;
        site.admin(&["ban-user", &eve.username]).await;
        cut.expect_end(4003, AT_ONCE).await;
        kept.ok(json!({"op": "ping"})).await;
    })
    .await;
    site.stop().await;
}
