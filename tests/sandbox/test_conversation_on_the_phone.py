"""The chat on the phone: the bot's keyboards, what can be attached, replies, and buttons of every kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.kit.images import PICTURE
from tests.kit.played import ALICE
from tests.kit.processes import Stage, eventually
from tests.sandbox.conftest import Bot


class Phone:
    """Alice's phone, showing her chat with the bot."""

    def __init__(self, page: Page, telegram: Stage) -> None:
        self.page = page
        self.telegram = telegram
        self.bot = Bot(telegram)

    def open(self) -> "Phone":
        query = urlencode({"person": ALICE, "theme": "light", "bare": "1"})
        self.page.goto(f"{self.telegram.sandbox}/?{query}")
        self.page.wait_for_selector("html[data-ready]")
        return self

    def look(self, test: str) -> Locator:
        return self.page.locator(f"[data-test={test}]")

    def says(self, text: str, **more: Any) -> dict[str, Any]:
        """Have the bot write, and wait until the phone shows it."""
        message: dict[str, Any] = self.bot.call("sendMessage", chat_id=ALICE, text=text, **more)
        expect(self.page.locator(f"[data-message='{message['message_id']}']")).to_be_visible()
        return message

    def heard(self) -> dict[str, Any]:
        """Return the last message that the bot has heard."""
        messages = eventually(lambda: self.bot.updates("message"))
        return dict(messages[-1])


@pytest.fixture
def phone(browser: Browser, telegram: Stage) -> Iterator[Phone]:
    telegram.control("POST", f"people/{ALICE}/messages", text="/start")
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield Phone(page, telegram).open()
    assert problems == []
    context.close()


def test_38_a_key_sends_its_text(phone):
    phone.says(
        "Choose", reply_markup={"keyboard": [["Catalogue", {"text": "Help"}]], "resize_keyboard": True}
    )
    phone.page.get_by_role("button", name="Help", exact=True).click()
    eventually(lambda: phone.heard().get("text") == "Help")
    expect(phone.look("reply-key")).to_have_count(2)


def test_38_a_keyboard_for_one_time_folds_away_and_comes_back(phone):
    keyboard = {
        "keyboard": [["Yes", "No"]],
        "one_time_keyboard": True,
        "input_field_placeholder": "Yes or no?",
    }
    phone.says("Sure?", reply_markup=keyboard)
    expect(phone.page.get_by_placeholder("Yes or no?")).to_be_visible()
    phone.page.get_by_role("button", name="Yes", exact=True).click()
    expect(phone.look("reply-key").first).to_be_hidden()
    phone.look("keyboard").click()
    expect(phone.look("reply-key").first).to_be_visible()


def test_38_a_keyboard_can_be_taken_away(phone):
    phone.says("Choose", reply_markup={"keyboard": [["Catalogue"]]})
    expect(phone.look("reply-key")).to_be_visible()
    phone.says("Done", reply_markup={"remove_keyboard": True})
    expect(phone.look("reply-key")).to_be_hidden()
    expect(phone.look("keyboard")).to_be_hidden()


def test_38_a_number_and_a_place_are_shared_only_if_the_person_agrees(phone):
    keys = [
        [{"text": "My number", "request_contact": True}],
        [{"text": "My place", "request_location": True}],
    ]
    phone.says("Who and where?", reply_markup={"keyboard": keys})
    phone.page.get_by_role("button", name="My number").click()
    phone.look("dialog-button-cancel").click()
    assert "contact" not in phone.heard()
    for key, told in (("My number", "contact"), ("My place", "location")):
        phone.page.get_by_role("button", name=key).click()
        phone.look("dialog-button-yes").click()
        eventually(lambda told=told: told in phone.heard())
    assert phone.heard()["location"]["latitude"] == pytest.approx(51.4779)


def test_38_a_keyboards_mini_app_is_launched_without_a_word_on_who_it_is(phone):
    app = {"text": "Open", "web_app": {"url": "http://127.0.0.1:9/app"}}
    phone.says("Look", reply_markup={"keyboard": [[app]]})
    with phone.page.expect_response("**/launch") as answer:
        phone.page.get_by_role("button", name="Open", exact=True).click()
    assert answer.value.json()["init_data"] == ""


def test_38_a_question_is_replied_to(phone):
    asked = phone.says("Your name?", reply_markup={"force_reply": True, "input_field_placeholder": "Name"})
    expect(phone.look("answering")).to_contain_text("Your name?")
    phone.page.get_by_placeholder("Name").fill("Alice")
    phone.look("send").click()
    eventually(lambda: phone.heard().get("text") == "Alice")
    assert phone.heard()["reply_to_message"]["message_id"] == asked["message_id"]
    expect(phone.look("answering")).to_be_hidden()


def test_41_a_photo_and_a_file_are_attached(phone, tmp_path):
    for name, content in (("sky.png", PICTURE), ("list.txt", b"words")):
        (tmp_path / name).write_bytes(content)
    phone.page.get_by_label("Message", exact=True).fill("Look at this")
    _choose(phone, "photo", "photos", tmp_path / "sky.png")
    eventually(lambda: phone.heard().get("caption") == "Look at this")
    expect(phone.page.get_by_role("img", name="Photo")).to_be_visible()
    _choose(phone, "file", "documents", tmp_path / "list.txt")
    eventually(lambda: phone.heard().get("document", {}).get("file_name") == "list.txt")
    with phone.page.expect_download() as download:
        phone.look("file").click()
    assert Path(download.value.path()).read_bytes() == b"words"


def _choose(phone: Phone, item: str, kind: str, file: Path) -> None:
    phone.look("attach").click()
    with phone.page.expect_file_chooser() as chooser:
        phone.look(f"attach-{item}").click()
    chooser.value.set_files(str(file))
    assert phone.look(f"pick-{kind}").count() == 1


def test_41_a_file_that_is_no_picture_is_refused_in_words(phone, tmp_path):
    (tmp_path / "sky.png").write_bytes(b"no picture")
    _choose(phone, "photo", "photos", tmp_path / "sky.png")
    expect(phone.look("dialog")).to_contain_text("IMAGE_PROCESS_FAILED")


def test_41_a_place_and_a_contact_are_attached(phone):
    for item, told in (("pin", "location"), ("person", "contact")):
        phone.look("attach").click()
        phone.look(f"attach-{item}").click()
        phone.look("dialog-button-yes").click()
        eventually(lambda told=told: told in phone.heard())
    expect(phone.look("contact")).to_contain_text("Alice")


def test_41_a_message_is_replied_to_with_two_taps(phone):
    asked = phone.says("Which one?")
    phone.page.get_by_role("log").get_by_text("Which one?").dblclick()
    expect(phone.look("answering")).to_contain_text("Which one?")
    phone.page.get_by_label("Message", exact=True).fill("That one")
    phone.look("send").click()
    eventually(lambda: phone.heard().get("reply_to_message", {}).get("message_id") == asked["message_id"])


def test_41_a_button_writes_a_search_into_the_field(phone):
    button = {"text": "Search", "switch_inline_query_current_chat": "stars"}
    phone.says("Look", reply_markup={"inline_keyboard": [[button]]})
    phone.page.get_by_role("button", name="Search").click()
    expect(phone.page.get_by_label("Message", exact=True)).to_have_value("@starfront_demo_bot stars")


def test_41_a_button_of_inline_mode_says_that_it_is_not_played(phone):
    phone.says("Look", reply_markup={"inline_keyboard": [[{"text": "Share", "switch_inline_query": "x"}]]})
    phone.page.get_by_role("button", name="Share").click()
    expect(phone.look("toast")).to_contain_text("not part of this sandbox")


def test_40_marked_up_text_is_shown_as_telegram_shows_it(phone):
    source = (
        "<b>Bold</b> <code>code</code> <blockquote expandable>A\nB\nC\nD\nE</blockquote>"
        '<tg-time unix="1647531900" format="D">then</tg-time>'
    )
    message = phone.says(source, parse_mode="HTML")
    shown = phone.page.locator(f"[data-message='{message['message_id']}']")
    expect(shown.locator("b")).to_have_text("Bold")
    expect(shown.locator("time.moment")).to_have_text("17 March 2022")
    quote = shown.locator("blockquote")
    before = quote.bounding_box()
    shown.get_by_label("Show or hide the rest").click()
    assert quote.bounding_box()["height"] > before["height"]
