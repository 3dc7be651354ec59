//! What tests of the dialects do alike.

use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use crate::world::{Answer, User, World, answer};

/// A user and the world they act in.
#[derive(Clone, Copy)]
pub(crate) struct Client<'a> {
    pub(crate) world: &'a World,
    pub(crate) user: &'a User,
}

impl<'a> Client<'a> {
    pub(crate) fn new(world: &'a World, user: &'a User) -> Self {
        Self { world, user }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.world.request(method, path);
        request.bearer_auth(&self.user.access)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::POST, path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn form(&self, path: &str, body: &str) -> Answer {
        answer(form(self.request(Method::POST, path), body)).await
    }

    pub(crate) async fn upload(&self, path: &str, name: &str, bytes: Vec<u8>) -> Answer {
        let part = Part::bytes(bytes).file_name(name.to_owned());
        let form = Form::new().text("caption", "متن").part("file", part);
        answer(self.request(Method::POST, path).multipart(form)).await
    }
}

/// With a form as body.
pub(crate) fn form(request: RequestBuilder, body: &str) -> RequestBuilder {
    let kind = "application/x-www-form-urlencoded";
    request.header("content-type", kind).body(body.to_owned())
}

/// The names of an object's fields.
pub(crate) fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

/// The bytes at an absolute address, fetched without a token.
pub(crate) async fn fetch(world: &World, url: &str) -> (u16, Vec<u8>) {
    assert!(url.starts_with(&world.base), "{url}");
    let response = world.client.get(url).send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.bytes().await.unwrap().to_vec())
}

/// Waits until the storage holds so many files: what is left of a refused upload is removed after its answer.
pub(crate) async fn holds(world: &World, files: usize) {
    let settled = async {
        while world.objects() != files {
            tokio::task::yield_now().await;
        }
    };
    let settled = tokio::time::timeout(Duration::from_mins(1), settled).await;
    assert!(settled.is_ok(), "{} files", world.objects());
}
