//! The REST surface through a real listener, on both databases.
#![expect(
    clippy::unwrap_used,
    reason = "the modules are all tests, which clippy sees of marked functions alone"
)]

mod accounts;
mod admin;
mod chatrooms;
mod conversations;
mod cookies;
mod dialects;
mod files;
mod forms;
mod group_pages;
mod groups;
mod people;
mod service;
mod service_chat;
mod tokens;
mod world;

macro_rules! on_both {
    ($($module:ident: $($test:ident),+ $(,)?;)+) => {
        mod sqlite {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $module::$test(world::Database::Sqlite).await;
                }
            )+)+
        }

        mod postgres {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $module::$test(world::Database::Postgres).await;
                }
            )+)+
        }
    };
}

on_both! {
    accounts:
        one_registers_signs_in_and_out,
        names_are_unique_in_every_spelling,
        what_is_not_acceptable_is_told_by_field,
        a_wrong_login_tells_nothing,
        guesses_are_limited_by_account_and_address,
        registrations_are_limited_by_the_address_behind_trusted_proxies,
        a_flood_of_logins_holds_up_nothing_else;
    tokens:
        a_refresh_token_is_used_once,
        a_lost_answer_is_given_again,
        a_stolen_refresh_token_ends_the_session,
        forged_and_foreign_tokens_are_refused,
        sessions_are_listed_and_ended,
        a_new_password_ends_other_sessions;
    cookies:
        a_cookie_signs_in_wherever_a_token_does,
        a_cookie_changes_nothing_for_pages_elsewhere;
    people:
        one_changes_oneself,
        users_are_searched_page_by_page,
        presence_is_of_acquaintances;
    files:
        an_image_is_kept_measured_and_shown,
        content_counts_and_not_what_is_claimed,
        what_is_too_large_leaves_nothing,
        bad_uploads_are_refused,
        addresses_are_signed_and_expire,
        unused_uploads_are_removed;
    forms:
        problems_are_in_the_language_of_the_request,
        what_cannot_be_read_is_refused,
        unknown_paths_and_methods_are_problems,
        the_description_is_served_and_complete;
    admin:
        the_administrator_keeps_accounts,
        a_deleted_user_leaves_their_rooms;
    chatrooms:
        one_registers_and_signs_in_however_it_is_written,
        what_is_wrong_with_an_account_is_told_by_field,
        tokens_live_a_day_and_are_renewed,
        rooms_are_public_and_listed_to_all,
        public_rooms_are_joined_by_name,
        messages_are_of_their_tokens_user,
        direct_messages_are_between_two;
    groups:
        accounts_are_made_and_signed_in_to,
        a_cookie_is_a_session_until_it_is_signed_out,
        a_cookie_given_over_https_is_for_https_alone,
        groups_are_made_found_and_deleted,
        members_are_added_and_public_groups_let_in,
        messages_of_groups_are_text_and_files,
        private_chats_are_between_two,
        a_profile_keeps_names_and_an_image_apart;
    group_pages:
        a_browser_needs_forms_alone,
        who_is_not_signed_in_is_led_to_where_one_does,
        what_is_wrong_is_told_on_the_page,
        forms_of_other_sites_change_nothing;
    conversations:
        two_people_have_one_conversation,
        more_people_have_a_room_and_one_may_leave,
        a_conversation_of_two_is_hidden_until_its_next_message,
        who_cannot_be_named_is_told,
        messages_are_changed_by_their_authors_alone,
        messages_are_listed_newest_last,
        what_is_not_ones_own_is_not_there,
        files_are_added_to_ones_own_messages,
        tokens_are_made_renewed_and_verified,
        refusals_have_the_form_of_django_rest;
    service:
        one_signs_up_and_in,
        a_sign_up_is_refused_in_the_words_of_the_original,
        refusals_have_the_form_of_fastapi,
        its_description_is_served;
    service_chat:
        private_chats_tell_who_is_online,
        chat_rooms_are_their_members_alone,
        a_chat_room_that_cannot_be_made_is_told_why,
        messages_of_a_chat_room_are_of_all_systems,
        an_uploads_address_is_good_as_long_as_it_says,
        nodes_tell_each_other_who_by_all_names;
}
