//! Traces as a collector gets them: one message is one trace, over all the nodes it passes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use chapar::testing::{Place, Shape};
use chapar_shared::protocol::{Event, EventBody};
use chapar_tests::site::{CLUSTER, bounded};
use chapar_tests::user::PASSWORD;
use chapar_tests::{Site, User};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

/// What must not be in a span.
const TEXT: &str = "راز-در-پیام";

/// Messages sent at once, which share batches and transactions.
const MORE: usize = 10;

/// A span, and which node made it.
#[derive(Clone, Debug)]
struct Span {
    service: String,
    instance: String,
    name: String,
    kind: SpanKind,
    trace: String,
    id: String,
    parent: String,
    attributes: BTreeMap<String, String>,
}

/// A real receiver of OTLP over HTTP.
struct Collector {
    endpoint: String,
    received: Arc<Mutex<Vec<Bytes>>>,
}

impl Collector {
    async fn start() -> Self {
        let received = Arc::default();
        let router = Router::new()
            .route("/v1/traces", post(receive))
            .with_state(Arc::clone(&received));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        // It ends with the test's runtime.
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, received }
    }

    /// Everything that was sent so far.
    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let requests = received.iter().map(|body| {
            ExportTraceServiceRequest::decode(body.as_ref()).expect("it is what OTLP says")
        });
        let resources = requests.flat_map(|request| request.resource_spans);
        let mut spans = Vec::new();
        for resource in resources {
            let about = texts(&resource.resource.unwrap().attributes);
            for span in resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                assert!(
                    span.end_time_unix_nano >= span.start_time_unix_nano,
                    "{span:?}"
                );
                spans.push(Span {
                    service: about["service.name"].clone(),
                    instance: about["service.instance.id"].clone(),
                    kind: span.kind(),
                    name: span.name,
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    attributes: texts(&span.attributes),
                });
            }
        }
        spans
    }

    /// The bodies of everything that was sent, for what must be nowhere.
    fn holds(&self, text: &str) -> bool {
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let text = text.as_bytes();
        received
            .iter()
            .any(|body| body.windows(text.len()).any(|window| window == text))
    }
}

async fn receive(State(received): State<Arc<Mutex<Vec<Bytes>>>>, body: Bytes) -> StatusCode {
    received
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(body);
    StatusCode::OK
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes it");
        text
    })
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes
        .iter()
        .map(|pair| {
            let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
            (pair.key.clone(), value.map(text).unwrap_or_default())
        })
        .collect()
}

/// Each span of a trace as a line: service, kind, name, and the name above it.
fn shape(spans: &[Span]) -> Vec<String> {
    let names: BTreeMap<&str, &str> = spans.iter().map(|span| (&*span.id, &*span.name)).collect();
    let mut lines: Vec<_> = spans
        .iter()
        .map(|span| {
            let above = names.get(&*span.parent).copied().unwrap_or("-");
            format!("{} {:?} {} < {above}", span.service, span.kind, span.name)
        })
        .collect();
    lines.sort();
    lines
}

fn of_trace(spans: &[Span], trace: &str) -> Vec<Span> {
    spans
        .iter()
        .filter(|span| span.trace == trace)
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_one_trace_from_its_frame_to_each_nodes_fan_out() {
    let collector = Collector::start().await;
    let settings = [
        ("telemetry.otlp_endpoint", collector.endpoint.as_str()),
        ("telemetry.sampling", "1"),
        // What is traced does not depend on what is logged; `info` is what tests read addresses from.
        ("telemetry.level", "chapar=info"),
    ];
    let site = Site::start(CLUSTER, Place::Processes, &settings).await;
    let callers = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let unsampled = "00-1af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let token = bounded(async {
        let (ali, sara) = (
            User::register(&site, 0).await,
            User::register(&site, 1).await,
        );
        let room = ali.private_room(&[&sara]).await.room.id;
        let (sends, listens) = (ali.connect().await, sara.connect().await);
        let sent = sends.say(room, TEXT).await;
        let heard = async |text: &str| {
            let is_it = |event: &_| message_says(event, text);
            listens.expect_event(text, is_it).await;
            sends.expect_event(text, is_it).await;
        };
        heard(TEXT).await;
        let path = format!("/v1/rooms/{room}/messages");
        for (traceparent, text) in [(callers, "از REST"), (unsampled, "بی‌رد")] {
            let request = ali.rest().request(reqwest::Method::POST, &path);
            let request = request.header("traceparent", traceparent);
            let request = request.json(&json!({"content": text}));
            ali.rest().run(request).await.expect(201);
            heard(text).await;
        }
        let edited = ali.edit(room, sent.id, "دوباره").await;
        assert_eq!(edited.id, sent.id);
        ali.token()
    })
    .await;
    // Nothing waits for a batch to be full: what is held is sent when a node ends.
    site.stop().await;
    let spans = collector.spans();

    let root: Vec<_> = spans.iter().filter(|span| span.name == "send").collect();
    let [root] = root[..] else {
        panic!("one message, one beginning: {root:#?}")
    };
    let trace = of_trace(&spans, &root.trace);
    let expected = [
        "chapar-api Internal commit < execute",
        "chapar-api Internal execute < submit",
        "chapar-api Producer publish < execute",
        "chapar-api Server POST /internal/v1/submit < submit",
        "chapar-gateway Client submit < send",
        "chapar-gateway Consumer fan_out < publish",
        "chapar-gateway Consumer fan_out < publish",
        "chapar-gateway Server send < -",
    ];
    assert_eq!(shape(&trace), expected, "{trace:#?}");
    let fan_outs: Vec<_> = trace.iter().filter(|span| span.name == "fan_out").collect();
    let nodes: BTreeSet<_> = fan_outs.iter().map(|span| &span.instance).collect();
    assert!(
        nodes.len() == 2 && nodes.contains(&root.instance),
        "{fan_outs:#?}"
    );
    assert!(
        fan_outs
            .iter()
            .all(|span| span.attributes["sockets"] == "1"),
        "{fan_outs:#?}"
    );
    assert_eq!(root.attributes["outcome"], "ok");

    let rest = of_trace(&spans, "0af7651916cd43dd8448eb211c80319c");
    let expected = [
        "chapar-api Internal commit < POST /v1/rooms/{room_id}/messages",
        "chapar-api Producer publish < POST /v1/rooms/{room_id}/messages",
        "chapar-api Server POST /v1/rooms/{room_id}/messages < -",
        "chapar-gateway Consumer fan_out < publish",
        "chapar-gateway Consumer fan_out < publish",
    ];
    assert_eq!(shape(&rest), expected, "{rest:#?}");
    let first = rest
        .iter()
        .find(|span| span.kind == SpanKind::Server)
        .unwrap();
    assert_eq!(first.parent, "b7ad6b7169203331");
    assert_eq!(first.attributes["http.response.status_code"], "201");
    assert!(of_trace(&spans, "1af7651916cd43dd8448eb211c80319c").is_empty());

    // Opening a connection is a trace of its own; comparisons of heads, probes and scrapes are none.
    assert!(spans.iter().any(|span| span.name == "open"));
    let is_quiet = |span: &Span| span.name.contains("/readyz") || span.name.contains("/metrics");
    assert!(!spans.iter().any(is_quiet));
    for secret in [TEXT, PASSWORD, "دوباره", &token] {
        assert!(!collector.holds(secret), "{secret} is in a span");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sampled_is_not_sent_and_one_process_traces_alike() {
    for (sampling, expected) in [
        ("0", &[] as &[&str]),
        (
            "1",
            &[
                "chapar Client submit < send",
                "chapar Consumer fan_out < publish",
                "chapar Internal commit < execute",
                "chapar Internal execute < submit",
                "chapar Producer publish < execute",
                "chapar Server send < -",
            ],
        ),
    ] {
        let collector = Collector::start().await;
        let settings = [
            ("telemetry.otlp_endpoint", collector.endpoint.as_str()),
            ("telemetry.sampling", sampling),
        ];
        let site = Site::start(Shape::Single, Place::Processes, &settings).await;
        bounded(async {
            let ali = User::register(&site, 0).await;
            let room = ali.private_room(&[]).await.room.id;
            let socket = ali.connect().await;
            socket.say(room, TEXT).await;
            let more =
                (0..MORE).map(|at| json!({"op": "send", "room": room, "content": at.to_string()}));
            socket.pipeline(more).await;
            let last = (MORE - 1).to_string();
            let is_it = |event: &_| message_says(event, &last);
            socket.expect_event("the last", is_it).await;
            // A caller does not decide what is kept here.
            let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
            let request = ali.rest().request(reqwest::Method::GET, "/v1/rooms");
            let request = request.header("traceparent", traceparent);
            ali.rest().run(request).await.expect(200);
        })
        .await;
        site.stop().await;
        let spans = collector.spans();
        if expected.is_empty() {
            assert!(spans.is_empty(), "{spans:#?}");
            continue;
        }
        // Those that shared a batch and a transaction too: each trace is whole without the others.
        let roots: Vec<_> = spans.iter().filter(|span| span.name == "send").collect();
        assert_eq!(roots.len(), 1 + MORE, "{roots:#?}");
        for root in roots {
            let trace = of_trace(&spans, &root.trace);
            assert_eq!(shape(&trace), expected, "{trace:#?}");
        }
    }
}

fn message_says(event: &Event, text: &str) -> bool {
    matches!(&event.body, EventBody::MessageCreated(message) if message.content == text)
}
