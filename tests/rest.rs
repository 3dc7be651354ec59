//! A client of the REST surface.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Calls one node, perhaps with a token. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rest {
    http: Client,
    base: String,
    token: Option<String>,
    language: Option<&'static str>,
}

impl Rest {
    /// Of the node at `base`, without a token.
    pub fn new(http: Client, base: &str) -> Self {
        Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            token: None,
            language: None,
        }
    }

    /// The HTTP client that a scenario's calls share.
    pub fn client() -> Client {
        Client::builder()
            .timeout(Duration::from_mins(1))
            .no_proxy()
            .build()
            .expect("a client without special settings can be built")
    }

    /// The same with this token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The same asking for texts in a language.
    #[must_use]
    pub fn in_language(mut self, language: &'static str) -> Self {
        self.language = Some(language);
        self
    }

    /// A request to be completed and given to [`Rest::run`]. `path` begins with a slash, or is a whole URL of
    /// which path and query are taken: links of one node must be good on every other.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let path = match path.split_once("://") {
            Some((_, rest)) => &rest[rest.find('/').unwrap_or(rest.len())..],
            None => path,
        };
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(language) = self.language {
            request = request.header("accept-language", language);
        }
        request
    }

    /// Sends a request and reads the answer.
    pub async fn run(&self, request: reqwest::RequestBuilder) -> Answer {
        self.attempt(request)
            .await
            .unwrap_or_else(|error| panic!("no answer: {error:?}"))
    }

    /// As [`Rest::run`], for nodes that may be gone.
    ///
    /// # Errors
    /// There was no answer.
    pub async fn attempt(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, reqwest::Error> {
        let request = request.build()?;
        let what = format!("{} {}", request.method(), request.url());
        let response = self.http.execute(request).await?;
        Ok(Answer {
            what,
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: response.bytes().await?,
        })
    }

    /// A call with a JSON body, or none.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.run(request).await
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(&body)).await
    }

    /// `PUT` of JSON.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(&body)).await
    }

    /// `PATCH` of JSON.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(&body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// `POST` of bytes as they are, with a content type.
    pub async fn post_raw(&self, path: &str, content_type: &str, body: impl Into<Bytes>) -> Answer {
        let body: Bytes = body.into();
        let request = self
            .request(Method::POST, path)
            .header("content-type", content_type)
            .body(body);
        self.run(request).await
    }

    /// Uploads a file under a claimed name and type.
    pub async fn upload(&self, name: &str, content_type: &str, bytes: Vec<u8>) -> Answer {
        let part = reqwest::multipart::Part::bytes(bytes)
            .file_name(name.to_owned())
            .mime_str(content_type)
            .expect("scenarios name content types that can be read");
        let form = reqwest::multipart::Form::new().part("file", part);
        self.run(self.request(Method::POST, "/v1/uploads").multipart(form))
            .await
    }
}

/// What was answered.
#[derive(Clone)]
pub struct Answer {
    what: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whatever it is.
    pub body: Bytes,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        let body: String = body.chars().take(500).collect();
        write!(f, "{} -> {} {body}", self.what, self.status)
    }
}

impl Answer {
    /// Holds the server to a status.
    #[track_caller]
    #[expect(clippy::return_self_not_must_use, reason = "most calls only assert")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// Holds the server to a problem: its status, its code, and the form of RFC 9457.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        let kind = self.header("content-type");
        assert!(
            kind.starts_with("application/problem+json"),
            "{kind}: {self:?}"
        );
        let problem = self.value();
        assert_eq!(problem["code"], code, "{self:?}");
        assert_eq!(problem["status"], status, "{self:?}");
        for field in ["type", "title", "detail"] {
            assert!(problem[field].is_string(), "no {field}: {self:?}");
        }
        match status {
            401 => assert!(!self.header("www-authenticate").is_empty(), "{self:?}"),
            429 | 503 => assert!(!self.header("retry-after").is_empty(), "{self:?}"),
            _ => {}
        }
        problem
    }

    /// The body as JSON.
    #[track_caller]
    pub fn value(&self) -> Value {
        self.read()
    }

    /// The body as an object of the protocol.
    #[track_caller]
    pub fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `items` of a list.
    #[track_caller]
    pub fn items<T: DeserializeOwned>(&self) -> Vec<T> {
        serde_json::from_value(self.value()["items"].take())
            .unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The `items` of a list as they are; none where the body holds no list.
    pub fn items_or_empty(&self) -> Vec<Value> {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["items"].as_array().cloned().unwrap_or_default()
    }

    /// The problem's code; empty where the body holds none.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header's text; empty where it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}
