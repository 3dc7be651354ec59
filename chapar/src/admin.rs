//! `chapar admin …`: what an operator does on the machine that holds the configuration.

use chapar_api::admin::Admin;
use chapar_api::domain::accounts::Registration;
use chapar_api::store::users::UserRecord;
use chapar_shared::{Language, UserId};
use secrecy::{ExposeSecret, SecretString};

use crate::cli::AdminCommand;
use crate::compose;
use crate::config::Config;

/// Users asked for at once.
const PAGE: u32 = 200;

/// Runs one command against the store of `config`. Nodes that run meanwhile hear of it: through the broker at
/// once, or from the store within seconds.
///
/// # Errors
/// When the store cannot be reached or the command is refused.
pub async fn run(config: &Config, command: AdminCommand) -> anyhow::Result<()> {
    // Read before connecting: nothing is held open while somebody types.
    let password = match &command {
        AdminCommand::CreateUser { password, .. }
        | AdminCommand::ResetPassword { password, .. } => Some(password.read()?),
        _ => None,
    };
    let office = compose::office(config).await?;
    let result = execute(office.admin(), command, password).await;
    office.close().await;
    result.map_err(in_words)
}

async fn execute(
    admin: &Admin,
    command: AdminCommand,
    password: Option<SecretString>,
) -> Result<(), chapar_api::Error> {
    let password = password.as_ref().map_or("", ExposeSecret::expose_secret);
    match command {
        AdminCommand::CreateUser {
            username,
            email,
            display_name,
            ..
        } => {
            let registration = Registration {
                username,
                password: password.to_owned(),
                email,
                display_name,
            };
            let user = admin.create_user(registration).await?;
            println!("{}", line(&user));
        }
        AdminCommand::ResetPassword { login, .. } => admin.reset_password(&login, password).await?,
        AdminCommand::ListUsers { query } => list(admin, query.as_deref()).await?,
        AdminCommand::RevokeSessions { login } => {
            let had_some = admin.revoke_sessions(&login).await?;
            println!(
                "{}",
                if had_some {
                    "signed out"
                } else {
                    "was not signed in"
                }
            );
        }
        AdminCommand::BanUser { login } => admin.set_banned(&login, true).await?,
        AdminCommand::UnbanUser { login } => admin.set_banned(&login, false).await?,
        AdminCommand::DeleteUser { login } => admin.delete_user(&login).await?,
        AdminCommand::NewEpoch => println!("{}", admin.new_epoch().await?),
    }
    Ok(())
}

async fn list(admin: &Admin, query: Option<&str>) -> Result<(), chapar_api::Error> {
    let begins = |text: &str| {
        let key = chapar_shared::text::search_key;
        query.is_none_or(|query| key(text).starts_with(&key(query)))
    };
    let mut after: Option<UserId> = None;
    loop {
        let page = admin.list_users(after, PAGE).await?;
        for user in &page.items {
            if begins(&user.person.username) || begins(&user.person.display_name) {
                println!("{}", line(user));
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Id, username, e-mail, state and time of registration, separated by tabs.
fn line(user: &UserRecord) -> String {
    let state = match user {
        UserRecord {
            is_deleted: true, ..
        } => "deleted",
        UserRecord {
            is_banned: true, ..
        } => "banned",
        _ => "active",
    };
    let person = &user.person;
    let email = person.email.as_deref().unwrap_or("-");
    format!(
        "{}\t{}\t{email}\t{state}\t{}",
        person.id, person.username, user.created_at
    )
}

/// A refusal as a sentence, with what is wrong with which argument.
fn in_words(error: chapar_api::Error) -> anyhow::Error {
    let chapar_api::Error::Refused(problem) = error else {
        return error.into();
    };
    let fields = problem.field_texts(Language::En).into_iter();
    let fields: Vec<String> = fields
        .map(|(field, texts)| format!("{field}: {}", texts.join(", ")))
        .collect();
    anyhow::anyhow!("{} {}", problem.detail(Language::En), fields.join("; "))
}
