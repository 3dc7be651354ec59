//! The fixtures that scenarios stand on: nodes as tasks and as processes, their ends and restarts.

#![cfg(feature = "testing")]

use std::time::Duration;

use chapar::testing::{Deployment, Place, Shape, Which};

async fn is_ready(deployment: &Deployment) -> bool {
    let answer = reqwest::get(format!("{}/readyz", deployment.api_url(0))).await;
    answer.is_ok_and(|answer| answer.status() == 200)
}

/// A node of a cluster is ready once its link to Redis is proven, a moment after its start.
async fn until_ready(deployment: &Deployment) {
    let proven = async {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        while !is_ready(deployment).await {
            pace.tick().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), proven).await;
    in_time.expect("the first api node is ready within 30 s");
}

#[tokio::test]
async fn a_single_node_is_api_and_gateway_under_one_address() {
    let deployment = Deployment::single().await.unwrap();
    until_ready(&deployment).await;
    assert_eq!(deployment.api_url(0), deployment.api_url(1));
    let sockets = deployment.ws_url(1).replace("ws://", "http://");
    assert_eq!(sockets, format!("{}/v1/ws", deployment.public_url()));
    deployment.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_cluster_has_a_migrated_database_and_nodes_of_its_own() {
    let cluster = Deployment::cluster().await.unwrap();
    until_ready(&cluster).await;
    let urls = [0, 1, 2].map(|number| cluster.api_url(number));
    assert_ne!(urls[0], urls[1]);
    assert_eq!(urls[0], urls[2], "numbers go round");
    assert_ne!(cluster.ws_url(0), cluster.ws_url(1));
    let other = Deployment::cluster().await.unwrap();
    for name in ["STORE__URL", "BROKER__PREFIX", "INTERNAL__SECRET"] {
        assert_ne!(
            cluster.settings().get(name),
            other.settings().get(name),
            "{name}"
        );
    }
    cluster.shut_down().await.unwrap();
    other.shut_down().await.unwrap();
}

#[tokio::test]
async fn processes_are_stopped_killed_and_started_again() {
    let limit = [("CHAPAR_LIMITS__MAX_CONTENT", "5")];
    let mut deployment = Deployment::start(Shape::Single, Place::Processes, &limit)
        .await
        .unwrap();
    until_ready(&deployment).await;
    deployment.kill(Which::Api(0)).await.unwrap();
    assert!(!is_ready(&deployment).await);
    deployment.restart(Which::Api(0)).await.unwrap();
    until_ready(&deployment).await;
    deployment.stop(Which::Gateway(0)).await.unwrap();
    assert!(!is_ready(&deployment).await);
    assert!(deployment.stop(Which::Api(0)).await.is_err());
    deployment.shut_down().await.unwrap();
}

#[tokio::test]
async fn a_node_that_does_not_start_says_why() {
    let wrong = [("CHAPAR_LIMITS__MAX_CONTENT", "0")];
    for place in [Place::Tasks, Place::Processes] {
        let started = Deployment::start(Shape::Single, place, &wrong).await;
        let error = format!("{:#}", started.unwrap_err());
        assert!(error.contains("limits.max_content"), "{place:?}: {error}");
    }
}
