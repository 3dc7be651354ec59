//! The HTTP backend against a small api.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Router, response::IntoResponse};
use secrecy::SecretString;
use tokio::net::TcpListener;

use chapar_gateway::backend::http::{HttpBackend, HttpConfig};
use chapar_gateway::backend::{Backend, BackendError};
use chapar_shared::internal::{HeadsRequest, HeadsResponse, SubmitRequest};
use chapar_shared::{Code, Problem, RoomId, UserId};

async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::task::spawn_local(async move { axum::serve(listener, router).await });
    url
}

fn backend(urls: Vec<String>) -> HttpBackend {
    let config = HttpConfig {
        urls,
        ..HttpConfig::default()
    };
    HttpBackend::new(&config, &SecretString::from("cluster secret")).unwrap()
}

async fn heads(headers: HeaderMap, Json(request): Json<HeadsRequest>) -> impl IntoResponse {
    if headers
        .get("authorization")
        .is_none_or(|it| it != "Bearer cluster secret")
    {
        return (
            StatusCode::UNAUTHORIZED,
            Json(Problem::from(Code::Unauthenticated)),
        )
            .into_response();
    }
    let answer = HeadsResponse {
        epoch: "e".into(),
        rooms: Vec::new(),
        users: request.users.into_iter().map(|user| (user, 1)).collect(),
    };
    Json(answer).into_response()
}

#[tokio::test]
async fn answers_refusals_and_dead_nodes() {
    let local = tokio::task::LocalSet::new();
    local
        .run_until(async {
            let submissions = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&submissions);
            let submit = move || async move {
                counted.fetch_add(1, Ordering::Relaxed);
                StatusCode::BAD_GATEWAY
            };
            let refuse = || async { (StatusCode::NOT_FOUND, Json(Problem::from(Code::RoomNotFound))) };
            let router = Router::new()
                .route("/internal/v1/heads", post(heads))
                .route("/internal/v1/submit", post(submit))
                .route("/internal/v1/changes", post(refuse));
            let url = serve(router).await;
            let dead = {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                format!("http://{}/", listener.local_addr().unwrap())
            };
            let backend = backend(vec![dead, url.clone(), url]);
            for _ in 0..6 {
                let request = HeadsRequest {
                    rooms: vec![RoomId(1)],
                    users: vec![UserId(2)],
                };
                assert_eq!(backend.heads(request).await.unwrap().users, [(UserId(2), 1)]);
            }
            let request = chapar_shared::internal::ChangesRequest {
                room: RoomId(1),
                since: 0,
                origin: None,
                limit: 1,
            };
            let refused = backend.changes(request).await.unwrap_err();
            assert!(matches!(refused, BackendError::Refused(problem) if problem.code == Code::RoomNotFound));
            let request = SubmitRequest { submissions: Vec::new() };
            let failed = backend.submit(request).await.unwrap_err();
            assert!(matches!(failed, BackendError::Unavailable(_)));
            assert_eq!(submissions.load(Ordering::Relaxed), 1, "what may have arrived is not sent elsewhere");
        })
        .await;
}

#[test]
fn secrets_must_fit_a_header() {
    let config = HttpConfig {
        urls: vec!["http://localhost".into()],
        ..HttpConfig::default()
    };
    assert!(HttpBackend::new(&config, &SecretString::from("a\nb")).is_err());
    assert!(HttpBackend::new(&HttpConfig::default(), &SecretString::from("a")).is_err());
}
