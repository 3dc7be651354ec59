//! Socket.IO packets as text, as they follow Engine.IO's mark of a message (`4`).
//!
//! There is one namespace, `/`, whose name is never written. What clients send is read by the library's parser
//! ([`super::handler`]); what is sent is composed here, once for all who get it.

use serde::Serialize;

use chapar_shared::Code;

/// The end of the namespace, by the server: clients do not come back by themselves.
pub(super) const DISCONNECT: &str = "1";

/// `["name", data]` for the client.
pub(super) fn event(name: &str, data: &impl Serialize) -> String {
    format!("2{}", json(&(name, data)))
}

/// What the callback of the client's event `id` is called with.
pub(super) fn ack(id: i64, data: &impl Serialize) -> String {
    format!("3{id}{}", json(&(data,)))
}

/// The answer to a good CONNECT.
pub(super) fn connected(socket: &str) -> String {
    #[derive(Serialize)]
    struct Connected<'a> {
        sid: &'a str,
    }
    format!("0{}", json(&Connected { sid: socket }))
}

/// The answer to any other. `data.code` is the same stable word as in other answers.
pub(super) fn connect_error(message: &str, code: Option<Code>) -> String {
    #[derive(Serialize)]
    struct Refused<'a> {
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<Data>,
    }
    #[derive(Serialize)]
    struct Data {
        code: Code,
    }
    let data = code.map(|code| Data { code });
    format!("4{}", json(&Refused { message, data }))
}

/// The answer to a CONNECT to another namespace.
pub(super) fn no_such_namespace(name: &str) -> String {
    #[derive(Serialize)]
    struct Refused {
        message: &'static str,
    }
    let message = "Invalid namespace";
    format!("4{name},{}", json(&Refused { message }))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("packets hold no map keys or floats that JSON lacks")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn packets_have_the_form_of_the_protocol() {
        assert_eq!(
            event("chat_response", &json!({"a": "سلام\n"})),
            r#"2["chat_response",{"a":"سلام\n"}]"#
        );
        assert_eq!(ack(7, &["x"]), r#"37[["x"]]"#);
        assert_eq!(connected("s"), r#"0{"sid":"s"}"#);
        assert_eq!(
            connect_error("no", Some(Code::Unauthenticated)),
            r#"4{"message":"no","data":{"code":"unauthenticated"}}"#
        );
        assert_eq!(
            no_such_namespace("/admin"),
            r#"4/admin,{"message":"Invalid namespace"}"#
        );
    }
}
