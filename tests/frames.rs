//! Records the frames of the suite's sockets, so that they can be compared with the AsyncAPI document.
//!
//! If the environment variable `CHAPAR_TEST_FRAMES` names a file, each frame that a client sends or gets is
//! appended to it as one line: `{"direction":"in"|"out","frame":{…}}`, `in` being to the server. What a
//! scenario sends malformed on purpose is left out, and tokens are masked.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::{Value, json};

static RECORD: LazyLock<Option<Mutex<File>>> = LazyLock::new(|| {
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch of the test run, not configuration of the product"
    )]
    let path = std::env::var("CHAPAR_TEST_FRAMES").ok()?;
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap_or_else(|error| panic!("cannot record frames in {path}: {error}"));
    Some(Mutex::new(file))
});

/// Records a frame that a client sends.
pub fn sent(frame: &Value) {
    record("in", frame);
}

/// Records a frame that a client got.
pub fn received(frame: &Value) {
    record("out", frame);
}

fn record(direction: &str, frame: &Value) {
    let Some(file) = &*RECORD else { return };
    let mut frame = frame.clone();
    if let Some(token) = frame.get_mut("token") {
        *token = json!("masked");
    }
    let mut line = json!({"direction": direction, "frame": frame}).to_string();
    line.push('\n');
    file.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .write_all(line.as_bytes())
        .expect("the record of frames can be written");
}
