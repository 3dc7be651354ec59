//! Lua scripts, many calls in one pipeline.

use std::sync::OnceLock;
use std::time::Duration;

use fred::bytes_utils::Str;
use fred::clients::Client;
use fred::error::Error;
use fred::interfaces::{ClientLike as _, LuaInterface as _};
use fred::types::{ClusterHash, CustomCommand, Value};

use super::connection::{unreachable, within};
use crate::BrokerError;

/// A script, called by its hash; its text goes along only where a server does not know it (any more).
#[derive(Debug)]
pub(super) struct Script {
    text: &'static str,
    /// As the first server said that was given the text.
    hash: OnceLock<String>,
}

/// One call. All its keys lie in one slot.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) keys: Vec<Str>,
    pub(super) args: Vec<Value>,
}

impl Script {
    pub(super) const fn new(text: &'static str) -> Self {
        Self {
            text,
            hash: OnceLock::new(),
        }
    }

    /// Runs the calls in order in one round trip; an answer for each.
    ///
    /// # Errors
    /// When none was answered in time: any of them may have run.
    pub(super) async fn run(
        &self,
        client: &Client,
        calls: &[Call],
        limit: Duration,
    ) -> Result<Vec<Result<Value, Error>>, BrokerError> {
        let hash = if let Some(hash) = self.hash.get() {
            hash
        } else {
            let hash: String = within(limit, client.script_load(self.text)).await?;
            self.hash.get_or_init(|| hash)
        };
        let mut answers = send(client, "EVALSHA", hash, calls.iter(), limit).await?;
        let unknown: Vec<usize> = answers
            .iter()
            .enumerate()
            .filter(|(_, answer)| {
                answer
                    .as_ref()
                    .is_err_and(|error| error.details().starts_with("NOSCRIPT"))
            })
            .map(|(index, _)| index)
            .collect();
        if !unknown.is_empty() {
            let again = unknown.iter().map(|&index| &calls[index]);
            let second = send(client, "EVAL", self.text, again, limit).await?;
            for (index, answer) in unknown.into_iter().zip(second) {
                answers[index] = answer;
            }
        }
        Ok(answers)
    }
}

async fn send<'a>(
    client: &Client,
    command: &'static str,
    script: &str,
    calls: impl Iterator<Item = &'a Call>,
    limit: Duration,
) -> Result<Vec<Result<Value, Error>>, BrokerError> {
    let pipeline = client.pipeline();
    let mut count = 0;
    for call in calls {
        let slot = call.keys.first().map(|key| slot(key));
        let mut args: Vec<Value> = vec![script.into(), number(call.keys.len())];
        args.extend(call.keys.iter().cloned().map(Value::from));
        args.extend(call.args.iter().cloned());
        let command = CustomCommand::new_static(command, ClusterHash::from(slot), false);
        pipeline.custom::<(), _>(command, args).await?;
        count += 1;
    }
    let mut answers = within(limit, async { Ok(pipeline.try_all::<Value>().await) }).await?;
    if answers.len() != count {
        // One error stands for a pipeline that was not sent.
        return Err(match answers.pop() {
            Some(Err(error)) => error.into(),
            _ => unreachable("answers are missing"),
        });
    }
    Ok(answers)
}

/// A number as an argument.
pub(super) fn number(number: impl TryInto<i64>) -> Value {
    Value::Integer(number.try_into().unwrap_or(i64::MAX))
}

/// The slot of a key in Redis Cluster.
pub(super) fn slot(key: &str) -> u16 {
    fred::util::redis_keyslot(key.as_bytes())
}
