//! Who is online after a gateway died.

use std::time::{Duration, Instant};

use anyhow::Result;
use chapar::testing::Which;
use chapar_shared::UserId;
use chapar_shared::protocol::EventBody;
use chapar_tests::{Socket, User, eventually};
use rand::RngExt as _;
use serde_json::json;
use tokio::time::sleep;

use super::{SECOND, Scene};

/// By when the users of a dead gateway are offline.
const GHOSTS: Duration = Duration::from_secs(45);

/// By when a client is back without anybody's noticing.
const BACK: Duration = Duration::from_secs(10);

/// People on both gateways who stay, watched from both: nothing is to be told of them.
#[derive(Debug)]
pub(super) struct Watch {
    watchers: Vec<(Socket, usize)>,
    stay: Vec<(User, Socket)>,
}

impl Watch {
    pub(super) async fn begin(scene: &Scene) -> Self {
        let site = scene.stage.site();
        let watcher = User::register(site, 0).await;
        let people = [User::register(site, 0).await, User::register(site, 1).await];
        watcher.private_room(&people.each_ref()).await;
        let ids: Vec<UserId> = people.iter().map(|user| user.id).collect();
        let mut stay = Vec::new();
        for (node, user) in people.into_iter().enumerate() {
            let socket = user.connect_to(node, []).await;
            stay.push((user, socket));
        }
        let mut watchers = Vec::new();
        for node in 0..2 {
            let socket = watcher.connect_to(node, []).await;
            eventually(BACK, "all are online", async || {
                (watch(&socket, &ids).await.len() == ids.len()).then_some(())
            })
            .await;
            let mark = socket.mark();
            watchers.push((socket, mark));
        }
        Self { watchers, stay }
    }

    pub(super) fn judge(self, scene: &mut Scene) {
        for (socket, mark) in &self.watchers {
            for event in &socket.events()[*mark..] {
                if let EventBody::Presence(told) = &event.body {
                    scene.complain(format!("somebody who stayed flickered: {told:?}"));
                }
            }
            if socket.is_closed() {
                scene.complain("a socket of a gateway that lived was closed");
            }
        }
        drop(self.stay);
    }
}

/// Some users of the dead gateway never come back, some do within 10 s: the former are offline within 45 s and
/// stay so, the latter are never told offline.
pub(super) async fn vanish(scene: &mut Scene) -> Result<()> {
    let stage = scene.stage.clone();
    let site = stage.site();
    let dying = scene.chance.random_range(0..2);
    let staying = 1 - dying;
    let watcher = User::register(site, 0).await;
    let mut gone = Vec::new();
    let mut back = Vec::new();
    for _ in 0..3 {
        gone.push(User::register(site, 0).await);
        back.push(User::register(site, 1).await);
    }
    let everybody: Vec<&User> = gone.iter().chain(&back).collect();
    watcher.private_room(&everybody).await;
    let ids: Vec<UserId> = everybody.iter().map(|user| user.id).collect();
    let socket = watcher.connect_to(staying, []).await;
    let mut sockets = Vec::new();
    for user in &everybody {
        sockets.push(user.connect_to(dying, []).await);
    }
    eventually(BACK, "all are online", async || {
        (watch(&socket, &ids).await.len() == ids.len()).then_some(())
    })
    .await;
    let mark = socket.mark();
    let died = Instant::now();
    site.kill(Which::Gateway(dying)).await;
    drop(sockets);
    let mut returned = Vec::new();
    for user in &back {
        // Each within the time, the last one late in it.
        sleep(scene.chance.random_range(2..=3) * SECOND).await;
        returned.push(user.connect_to(staying, []).await);
    }
    for user in &gone {
        let what = format!("user {} is told offline", user.id);
        let left = GHOSTS.saturating_sub(died.elapsed());
        socket
            .expect_event_after(mark, &what, left, |event| {
                matches!(&event.body, EventBody::Presence(told) if told.user == user.id && !told.online)
            })
            .await;
    }
    eprintln!("   offline {:?} after the gateway died", died.elapsed());
    // Beyond the end of every lease of the dead node.
    sleep(GHOSTS.saturating_sub(died.elapsed())).await;
    let mut online = watch(&socket, &ids).await;
    online.sort_unstable();
    let mut expected: Vec<UserId> = back.iter().map(|user| user.id).collect();
    expected.sort_unstable();
    if online != expected {
        scene.complain(format!("online are {online:?} in place of {expected:?}"));
    }
    for event in &socket.events()[mark..] {
        if let EventBody::Presence(told) = &event.body {
            if back.iter().any(|user| user.id == told.user) {
                scene.complain(format!("user {} flickered: {told:?}", told.user));
            }
            if told.online && gone.iter().any(|user| user.id == told.user) {
                scene.complain(format!("user {} is a ghost: {told:?}", told.user));
            }
        }
    }
    drop(returned);
    site.restart(Which::Gateway(dying)).await;
    Ok(())
}

async fn watch(socket: &Socket, users: &[UserId]) -> Vec<UserId> {
    let ok = socket.ok(json!({"op": "watch", "users": users})).await;
    serde_json::from_value(ok["online"].clone()).unwrap_or_default()
}
