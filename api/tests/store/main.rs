//! The contract of the store: every test runs against SQLite and Postgres.
#![expect(
    clippy::unwrap_used,
    reason = "the modules are all tests, which clippy sees of marked functions alone"
)]

mod accounts;
mod feed;
mod files;
mod history;
mod messages;
mod notices;
mod room_lists;
mod rooms;
mod sends;
mod world;

macro_rules! contract {
    ($($module:ident: $($test:ident),+ $(,)?;)+) => {
        mod sqlite {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $module::$test(world::World::sqlite().await).await;
                }
            )+)+
        }

        mod postgres {
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    $module::$test(world::World::postgres().await).await;
                }
            )+)+
        }
    };
}

/// Each of many processes may be the one that makes the file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_on_a_new_file_share_it() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("chapar.db").display());
        let starts = (0..8).map(|_| {
            let store = world::open_store(&url);
            async move {
                store.migrate().await.unwrap();
                store.epoch().await.unwrap()
            }
        });
        let epochs = futures_util::future::join_all(starts).await;
        assert!(epochs.iter().all(|epoch| *epoch == epochs[0]));
    }
}

contract! {
    accounts:
        usernames_and_emails_share_one_namespace,
        one_of_many_gets_a_name,
        users_are_found_by_arabic_and_persian_letters,
        a_profile_is_changed_and_a_new_password_ends_other_sessions,
        an_avatar_is_an_image_of_ones_own,
        a_ban_ends_sessions_and_is_told_once,
        a_deleted_user_leaves_a_name_and_nothing_else,
        a_session_is_renewed_kept_or_revoked_under_lock,
        two_renewals_at_once_see_each_other,
        sessions_end_one_all_or_all_but_one;
    files:
        a_user_keeps_within_their_space,
        unused_files_are_removed_and_avatars_and_attachments_stay,
        files_promised_at_their_address_stay_as_long;
    rooms:
        a_room_begins_with_its_members,
        a_generated_slug_that_is_taken_gets_a_number,
        names_and_slugs_are_unique_and_free_again_after_the_end,
        rooms_are_limited_for_each_user,
        two_users_who_write_to_each_other_at_once_get_one_room,
        a_hidden_direct_room_comes_back,
        members_come_go_and_change_roles,
        the_oldest_admin_else_the_oldest_member_succeeds,
        a_ban_removes_and_keeps_out,
        a_patch_that_changes_nothing_takes_no_position,
        the_end_of_a_room_is_told_to_all_and_then_purged,
        what_is_refused_leaves_no_trace,
        read_marks_go_forward_only;
    room_lists:
        persian_rooms_are_found_by_arabic_letters,
        lists_page_by_key,
        only_who_shares_a_room_is_acquainted,
        companions_share_a_room_that_is_not_too_large,
        rosters_tell_the_first_members_of_each_room,
        named_rooms_that_one_may_know_of_are_listed,
        rooms_are_found_by_name_and_by_peer;
    sends:
        concurrent_sends_give_a_dense_sequence,
        one_nonce_makes_one_message,
        a_nonce_with_another_body_is_refused,
        repeats_do_not_disturb_their_neighbours,
        a_refused_message_does_not_disturb_its_neighbours,
        replies_and_files_are_checked_under_the_lock,
        a_batch_over_many_rooms_answers_in_order,
        writes_of_all_kinds_that_meet_do_not_deadlock;
    messages:
        edits_take_a_position_and_repeats_do_not,
        a_deleted_message_is_a_tombstone,
        reactions_are_counted_and_marked_for_the_viewer,
        a_file_is_added_later_by_its_owner_only,
        history_pages_by_number,
        the_latest_of_each_room_is_not_a_deleted_one,
        direct_messages_of_all_rooms_are_one_list;
    notices:
        a_direct_message_notifies_the_other,
        mentions_notify_members_who_did_not_mute,
        reading_a_room_reads_its_notifications,
        a_long_text_is_cut,
        one_transaction_raises_a_version_once,
        a_notice_is_in_a_room_of_both_or_to_oneself,
        notifications_are_listed_read_and_purged;
    feed:
        heads_and_recent_changes_are_told,
        a_users_state_is_one_snapshot,
        the_epoch_stays_until_it_is_renewed,
        an_unknown_room_has_no_feed,
        a_later_page_is_told_for_where_the_reader_set_out;
    history:
        changes_since_any_position_lead_to_the_same_state;
}
