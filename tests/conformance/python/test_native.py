"""That the suite's own means work: people, rooms and messages by the native protocol."""


def test_people_meet_in_a_room(sara, ali):
    room = sara.room("public", None, ali)
    message = sara.say(room["id"], "سلام")
    page = ali.get(f"/v1/rooms/{room['id']}/messages")
    assert [item["id"] for item in page["items"]] == [message["id"]]
