"""Photos and documents: from the bot and to it, changed, and downloaded again."""

import base64
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tests.kit.images import GIF, JPEG, PICTURE, WEBP, png
from tests.kit.played import ALICE
from tests.kit.processes import TOKEN, Stage
from tests.sandbox.conftest import Bot, control

KEYBOARD = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


@pytest.fixture
def alice(telegram) -> int:
    telegram.control("PATCH", f"people/{ALICE}", started=True)
    return ALICE


def upload(bot: Bot, method: str, files: dict[str, Any], **params: Any) -> dict[str, Any]:
    """Call a method with files beside what it says, and return the whole answer."""
    address = f"{bot.stage.sandbox}/bot{TOKEN}/{method}"
    told: dict[str, Any] = bot.stage.http.post(address, data=params, files=files).json()
    return told


def sent(bot: Bot, method: str, files: dict[str, Any], **params: Any) -> dict[str, Any]:
    told = upload(bot, method, files, **params)
    assert told["ok"], told
    message: dict[str, Any] = told["result"]
    return message


@pytest.fixture
def photo(bot, alice) -> dict[str, Any]:
    return sent(bot, "sendPhoto", {"photo": ("a.png", PICTURE)}, chat_id=alice, caption="Old")


@pytest.mark.parametrize("content", [PICTURE, JPEG, GIF, WEBP], ids=["png", "jpeg", "gif", "webp"])
def test_41_a_photo_is_sent_and_known_by_its_id(bot, alice, content):
    told = {"chat_id": alice, "caption": "<b>Sky</b>", "parse_mode": "HTML"}
    message = sent(bot, "sendPhoto", {"photo": ("sky.png", content)}, **told)
    [size] = message["photo"]
    assert (size["width"], size["height"], size["file_size"]) == (40, 30, len(content))
    assert (message["caption"], message["caption_entities"][0]["type"]) == ("Sky", "bold")
    again = bot.call("sendPhoto", chat_id=alice, photo=size["file_id"])
    assert again["photo"] == message["photo"]


def test_41_a_document_keeps_its_name_and_type(bot, alice):
    files = {"document": ("terms.pdf", b"%PDF-1.7", "application/pdf")}
    document = sent(bot, "sendDocument", files, chat_id=alice)["document"]
    assert (document["file_name"], document["mime_type"], document["file_size"]) == (
        "terms.pdf",
        "application/pdf",
        8,
    )


def test_41_a_file_comes_back_as_it_was_sent(bot, alice, photo):
    found = bot.call("getFile", file_id=photo["photo"][-1]["file_id"])
    address = f"{bot.stage.sandbox}/file/bot{TOKEN}/{found['file_path']}"
    assert bot.stage.http.get(address).content == PICTURE
    wrong = bot.stage.http.get(address.replace(TOKEN, "7000000002:wrong"))
    assert (wrong.status_code, wrong.json()["description"]) == (404, "Not Found")
    assert bot.stage.http.get(f"{address}x").status_code == 404


class _Shelf(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.send_response(200 if self.path == "/a.png" else 404)
        self.end_headers()
        self.wfile.write(PICTURE)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def shelf() -> Iterator[str]:
    """A server that has one picture."""
    server = HTTPServer(("127.0.0.1", 0), _Shelf)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_41_a_photo_is_fetched_from_its_address(bot, alice, shelf):
    message = bot.call("sendPhoto", chat_id=alice, photo=f"{shelf}/a.png")
    assert message["photo"][-1]["file_size"] == len(PICTURE)
    refused = bot.refusal("sendPhoto", chat_id=alice, photo=f"{shelf}/b.png")
    assert refused == "Bad Request: failed to get HTTP URL content"


@pytest.mark.parametrize(
    ("method", "files", "params", "words"),
    [
        ("sendPhoto", {}, {}, "there is no photo in the request"),
        ("sendDocument", {}, {}, "there is no document in the request"),
        ("sendPhoto", {}, {"photo": "AgACnothing"}, "wrong file identifier/HTTP URL specified"),
        ("sendPhoto", {}, {"photo": "attach://x"}, "there is no photo in the request"),
        ("sendPhoto", {}, {"photo": "http://127.0.0.1:1/a.png"}, "failed to get HTTP URL content"),
        ("sendPhoto", {"photo": ("a.png", b"")}, {}, "file must be non-empty"),
        ("sendPhoto", {"photo": ("a.png", b"no picture")}, {}, "IMAGE_PROCESS_FAILED"),
        ("sendPhoto", {"photo": ("a.png", PICTURE[:18])}, {}, "IMAGE_PROCESS_FAILED"),
        ("sendPhoto", {"photo": ("a.png", png(400, 2))}, {}, "PHOTO_INVALID_DIMENSIONS"),
        ("sendPhoto", {"photo": ("a.png", PICTURE)}, {"caption": "x" * 1025}, "message caption is too long"),
    ],
    ids=str,
)  # fmt: skip
def test_41_a_file_that_cannot_be_had_is_refused(telegram, bot, alice, method, files, params, words):
    told = upload(bot, method, files, chat_id=alice, **params)
    assert (told["ok"], told.get("description")) == (False, f"Bad Request: {words}")
    assert telegram.messages(alice) == []


def test_41_a_document_is_no_photo(bot, alice):
    document = sent(bot, "sendDocument", {"document": ("a.txt", b"words")}, chat_id=alice)["document"]
    refused = bot.refusal("sendPhoto", chat_id=alice, photo=document["file_id"])
    assert refused == "Bad Request: can't use file of type Document as Photo"


def test_41_a_caption_is_changed(bot, alice, photo):
    told = {"chat_id": alice, "message_id": photo["message_id"]}
    changed = bot.call(
        "editMessageCaption", **told, caption="*New*", parse_mode="MarkdownV2", reply_markup=KEYBOARD
    )
    assert (changed["caption"], changed["reply_markup"]) == ("New", KEYBOARD)
    assert changed["caption_entities"] == [{"type": "bold", "offset": 0, "length": 3}]
    assert "caption" not in bot.call("editMessageCaption", **told)


def test_41_a_text_has_no_caption_and_a_photo_no_text(bot, alice, photo):
    words = bot.call("sendMessage", chat_id=alice, text="Words")["message_id"]
    told = {"chat_id": alice, "message_id": words, "caption": "x"}
    assert (
        bot.refusal("editMessageCaption", **told) == "Bad Request: there is no caption in the message to edit"
    )
    told = {"chat_id": alice, "message_id": photo["message_id"], "text": "x"}
    assert bot.refusal("editMessageText", **told) == "Bad Request: there is no text in the message to edit"


def test_41_a_photo_becomes_another_one_or_a_document(telegram, bot, alice, photo):
    told = {"chat_id": alice, "message_id": photo["message_id"]}
    media = '{"type": "document", "media": "attach://other", "caption": "_New_", "parse_mode": "Markdown"}'
    changed = sent(bot, "editMessageMedia", {"other": ("b.txt", b"words")}, **told, media=media)
    assert (changed["document"]["file_name"], changed["caption"]) == ("b.txt", "New")
    assert "photo" not in changed
    back = {"type": "photo", "media": photo["photo"][-1]["file_id"]}
    assert bot.call("editMessageMedia", **told, media=back)["photo"] == photo["photo"]
    [kept] = telegram.messages(alice)
    assert not kept.keys() & {"document", "caption", "caption_entities"}


def test_41_a_text_becomes_a_photo(bot, alice, photo):
    words = bot.call("sendMessage", chat_id=alice, text="Words")["message_id"]
    media = {"type": "photo", "media": photo["photo"][-1]["file_id"]}
    changed = bot.call("editMessageMedia", chat_id=alice, message_id=words, media=media)
    assert changed["photo"]
    assert "text" not in changed


@pytest.mark.parametrize(
    "media", [None, "words", {"type": "video", "media": "x"}, {"type": "photo"}, {}], ids=str
)
def test_41_a_change_to_no_media_is_refused(bot, alice, photo, media):
    told = {"chat_id": alice, "message_id": photo["message_id"], "media": media}
    assert bot.refusal("editMessageMedia", **told).startswith("Bad Request: ")


def test_41_an_unknown_file_is_not_to_be_had(bot):
    refused = bot.refusal("getFile", file_id="nothing")
    assert refused == "Bad Request: wrong file_id or the file is temporarily unavailable"


def test_41_a_person_sends_a_photo_and_a_document(telegram, bot, alice):
    content = base64.b64encode(PICTURE).decode()
    telegram.control("POST", f"people/{alice}/photos", name="a.png", content=content, caption="/look here")
    telegram.control("POST", f"people/{alice}/documents", name="a.txt", type="text/plain", content="d29yZHM=")
    photo, document = bot.updates("message")
    assert (photo["caption"], photo["caption_entities"][0]["type"]) == ("/look here", "bot_command")
    assert (document["document"]["file_name"], document["document"]["file_size"]) == ("a.txt", 5)
    found = bot.call("getFile", file_id=photo["photo"][-1]["file_id"])
    assert bot.stage.http.get(f"{bot.stage.sandbox}/file/bot{TOKEN}/{found['file_path']}").content == PICTURE


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"content": ""},
        {"content": "no base64!"},
        {"content": "d29yZHM="},
        {"content": 7},
        {"contents": "d29yZHM="},
    ],
    ids=str,
)
def test_41_a_photo_that_is_none_cannot_be_sent(telegram, alice, body):
    assert control(telegram, "POST", f"people/{alice}/photos", body).status_code == 400
    assert telegram.messages(alice) == []


def test_41_a_page_that_somebody_sends_is_handed_out_and_not_opened(telegram, bot, alice):
    document = sent(bot, "sendDocument", {"document": ("a.html", b"<script>", "text/html")}, chat_id=alice)[
        "document"
    ]
    answer = telegram.http.get(f"{telegram.sandbox}/sandbox/files/{document['file_id']}")
    assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a.html"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_41_what_was_sent_outlives_a_restart(tmp_path):
    stage = Stage(tmp_path, "sqlite:///unused.db")
    try:
        keep = ("--state", str(tmp_path / "state.json"))
        bot = Bot(stage.play(*keep))
        stage.control("PATCH", f"people/{ALICE}", started=True)
        message = sent(bot, "sendPhoto", {"photo": ("a.png", PICTURE)}, chat_id=ALICE)
        stage.stop("sandbox")
        stage.play(*keep)
        found = bot.call("getFile", file_id=message["photo"][-1]["file_id"])
        assert stage.http.get(f"{stage.sandbox}/file/bot{TOKEN}/{found['file_path']}").content == PICTURE
    finally:
        stage.close()
