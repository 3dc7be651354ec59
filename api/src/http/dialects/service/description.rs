//! The description of the dialect's REST side, at `/openapi.json` as its users expect it.

use utoipa::OpenApi;
use utoipa::openapi::security::{Flow, OAuth2, Password, Scopes, SecurityScheme};

/// The dialect's routes, by the spellings that its documents use.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chat Service API",
        description = "The REST side of the Socket.IO dialect. Every path is served with and without a trailing slash. \
                       Errors are `{\"detail\": …}`: a sentence, or for invalid input (422) a list of \
                       `{\"type\", \"loc\", \"msg\", \"input\"}`.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        super::auth::signup,
        super::auth::login,
        super::auth::token,
        super::auth::me,
        super::private_chats::list,
        super::private_chats::begin,
        super::chat_rooms::list,
        super::chat_rooms::create,
        super::chat_rooms::one,
        super::messages::list,
        super::messages::send,
        super::media::upload,
    )
)]
struct Described;

/// The document.
pub fn description() -> utoipa::openapi::OpenApi {
    let mut openapi = Described::openapi();
    env!("CARGO_PKG_VERSION").clone_into(&mut openapi.info.version);
    let login = Flow::Password(Password::new("/auth/login", Scopes::new()));
    openapi
        .components
        .get_or_insert_default()
        .add_security_scheme("bearer", SecurityScheme::OAuth2(OAuth2::new([login])));
    openapi
}
