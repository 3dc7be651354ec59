//! Logs on standard error, traces to a collector where one is configured, and metrics for Prometheus.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use tracing::Metadata;
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use uuid::Uuid;

use crate::config::{LogFormat, Roles, TelemetryConfig};

pub mod metrics;
pub mod requests;

/// How long the last traces may take on their way out.
const FLUSH: Duration = Duration::from_secs(5);

/// Logging and tracing of this process; ended by [`Telemetry::shutdown`].
#[derive(Debug)]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
}

impl Telemetry {
    /// Starts logging for the whole process; once, and outside of an async runtime: the exporter has a
    /// blocking client, which may not be made inside one.
    ///
    /// # Errors
    /// For directives or an endpoint that cannot be read.
    pub fn start(config: &TelemetryConfig, roles: Roles) -> anyhow::Result<Self> {
        let traces = config
            .otlp_endpoint
            .as_deref()
            .map(|endpoint| traces(endpoint, config.sampling, roles))
            .transpose()?;
        // What is traced does not depend on what is logged, and no span shows where in the code it was made.
        let layer = traces.as_ref().map(|provider| {
            let wanted = |metadata: &Metadata<'_>| {
                !chapar_trace::is_log(metadata) || requests::is_span(metadata)
            };
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("chapar"))
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_level(false)
                .with_tracked_inactivity(false)
                .with_filter(filter_fn(wanted).with_max_level_hint(LevelFilter::INFO))
        });
        let logged = filter_fn(chapar_trace::is_log).with_max_level_hint(LevelFilter::TRACE);
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = match config.format {
            LogFormat::Text => lines.with_ansi(false).boxed(),
            LogFormat::Json => lines
                .json()
                .flatten_event(true)
                .with_span_list(false)
                .boxed(),
        };
        let lines = lines.with_filter(logged.and(EnvFilter::try_new(&config.level)?));
        let subscriber = tracing_subscriber::registry().with(lines);
        // An absent layer would want everything, and each place be asked each time.
        match layer {
            Some(layer) => subscriber.with(layer).try_init()?,
            None => subscriber.try_init()?,
        }
        Ok(Self { traces })
    }

    /// Sends what is still held. Blocks for a few seconds at most; outside of an async runtime.
    pub fn shutdown(self) {
        if let Some(traces) = self.traces
            && let Err(error) = traces.shutdown_with_timeout(FLUSH)
        {
            tracing::warn!(error = %error, "the last traces could not be sent");
        }
    }
}

fn traces(endpoint: &str, sampling: f64, roles: Roles) -> anyhow::Result<SdkTracerProvider> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
        .with_timeout(FLUSH)
        .build()?;
    let service = match roles {
        Roles::All => "chapar",
        Roles::Api => "chapar-api",
        Roles::Gateway => "chapar-gateway",
    };
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attribute(KeyValue::new(
            "service.instance.id",
            Uuid::new_v4().to_string(),
        ))
        .build();
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sampling)));
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build())
}

/// Whether text is a filter that [`Telemetry::start`] takes.
///
/// # Errors
/// Why it is not.
pub fn check_filter(text: &str) -> Result<(), tracing_subscriber::filter::ParseError> {
    EnvFilter::try_new(text).map(drop)
}
