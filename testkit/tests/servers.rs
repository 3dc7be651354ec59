//! Each server starts, answers, and comes back after it was ended.

use std::time::Duration;

use chapar_testkit::{
    Durability, Nginx, Persistence, Postgres, PostgresOptions, Redis, RedisCluster, RedisOptions,
    Sentinel, shared_postgres, shared_redis,
};

#[tokio::test]
async fn postgres_keeps_what_was_committed_over_kill_and_restart() {
    let postgres = Postgres::start().await.unwrap();
    let url = postgres.url();
    assert_eq!(postgres.sql("SHOW fsync").await.unwrap().trim(), "on");
    postgres
        .sql("CREATE TABLE t AS SELECT 'سلام' AS text")
        .await
        .unwrap();
    postgres.kill().await.unwrap();
    postgres.sql("SELECT 1").await.unwrap_err();
    postgres.restart().await.unwrap();
    assert_eq!(postgres.sql("TABLE t").await.unwrap().trim(), "سلام");
    postgres.stop().await.unwrap();
    postgres.restart().await.unwrap();
    assert_eq!(postgres.sql("TABLE t").await.unwrap().trim(), "سلام");
    assert_eq!(postgres.url(), url);
}

#[tokio::test]
async fn shared_postgres_is_one_server_with_a_database_for_each_test() {
    let first = shared_postgres().await.unwrap();
    let second = shared_postgres().await.unwrap();
    assert_eq!(first.port(), second.port());
    assert_eq!(first.sql("SHOW fsync").await.unwrap().trim(), "off");
    let urls = [
        first.create_database("same").await.unwrap(),
        second.create_database("same").await.unwrap(),
    ];
    assert_ne!(urls[0], urls[1]);
}

#[tokio::test]
async fn shared_redis_is_one_server() {
    let first = shared_redis().await.unwrap();
    first.cli(&["set", "key", "1"]).await.unwrap();
    let second = shared_redis().await.unwrap();
    assert_eq!(second.cli(&["get", "key"]).await.unwrap(), "1");
}

#[tokio::test]
async fn settings_reach_postgres() {
    let postgres = Postgres::start_with(PostgresOptions {
        durability: Durability::Off,
        max_connections: 17,
        settings: vec![("work_mem".to_owned(), "5MB".to_owned())],
    })
    .await
    .unwrap();
    assert_eq!(
        postgres.sql("SHOW max_connections").await.unwrap().trim(),
        "17"
    );
    assert_eq!(postgres.sql("SHOW work_mem").await.unwrap().trim(), "5MB");
}

#[tokio::test]
async fn redis_forgets_unless_it_is_told_to_persist() {
    for (persistence, expected) in [(Persistence::None, ""), (Persistence::AppendOnly, "1")] {
        let redis = Redis::start(RedisOptions {
            persistence,
            settings: vec![("appendfsync".to_owned(), "always".to_owned())],
            ..RedisOptions::default()
        })
        .await
        .unwrap();
        redis.cli(&["set", "key", "1"]).await.unwrap();
        redis.kill().await.unwrap();
        redis.restart().await.unwrap();
        assert_eq!(redis.cli(&["get", "key"]).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_paused_redis_answers_when_it_is_resumed() {
    let redis = Redis::start(RedisOptions::default()).await.unwrap();
    redis.pause().unwrap();
    let other = redis.clone();
    let mut ping = Box::pin(async move { other.cli(&["ping"]).await });
    tokio::time::timeout(Duration::from_millis(300), &mut ping)
        .await
        .expect_err("a stopped process does not answer");
    redis.resume().unwrap();
    assert_eq!(ping.await.unwrap(), "PONG");
}

#[tokio::test]
async fn cluster_is_whole_and_sees_a_dead_master() {
    let cluster = RedisCluster::start(3, 0).await.unwrap();
    let nodes = cluster.nodes();
    let seen = cluster.describe(&nodes[0]).await.unwrap();
    assert_eq!(seen.iter().filter(|node| node.is_master).count(), 3);
    nodes[2].kill().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let seen = cluster.describe(&nodes[0]).await.unwrap();
            if seen
                .iter()
                .any(|node| node.port == nodes[2].port() && node.has_failed)
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    nodes[2].restart().await.unwrap();
    cluster.wait_until_ok().await.unwrap();
}

#[tokio::test]
async fn sentinels_replace_a_dead_master() {
    let sentinel = Sentinel::start().await.unwrap();
    sentinel.master().kill().await.unwrap();
    sentinel
        .wait_for_master(sentinel.replica().port())
        .await
        .unwrap();
}

#[tokio::test]
async fn nginx_serves_its_configuration() {
    let nginx = Nginx::start(
        "events {}
         http {
           access_log off;
           client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
           uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
           server { listen 127.0.0.1:{port}; return 200 'served'; }
         }",
    )
    .await
    .unwrap();
    let port = nginx.port();
    let answer = tokio::task::spawn_blocking(move || {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap();
    assert!(answer.ends_with("served"), "{answer}");
    let error = Nginx::start("nonsense on;").await.unwrap_err();
    assert!(format!("{error:#}").contains("nonsense"), "{error:#}");
}
