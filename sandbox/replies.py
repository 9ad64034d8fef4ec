"""What a message of the bot replies to."""

from typing import Any

from sandbox.errors import bad_request
from sandbox.people import Person
from sandbox.reading import fields, flag, number


def read(person: Person, params: dict[str, Any]) -> dict[str, Any]:
    """Return what a message has because it replies: nothing, if it does not.

    :raise ApiError: there is no such message, and the bot does not want to send without it
    """
    told = fields(params, "reply_parameters", "reply parameters")
    if told is None:
        told = {
            "message_id": number(params, "reply_to_message_id", 0),
            "allow_sending_without_reply": flag(params, "allow_sending_without_reply"),
        }
    wanted = number(told, "message_id", 0)
    elsewhere = told.get("chat_id") not in (None, "", person.id, str(person.id))
    replied = None if elsewhere else person.find(wanted)
    if replied is not None:
        return {"reply_to_message_id": wanted, **_quote(told, replied)}
    if (wanted or elsewhere) and not flag(told, "allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return {}


def _quote(told: dict[str, Any], replied: dict[str, Any]) -> dict[str, Any]:
    quote = str(told.get("quote") or "")
    if not quote:
        return {}
    whole = str(replied.get("text") or replied.get("caption") or "")
    if quote not in whole:
        raise bad_request("QUOTE_TEXT_INVALID")
    # Bot API: TextQuote counts UTF-16 code units, as entities do.
    position = len(whole[: whole.index(quote)].encode("utf-16-le")) // 2
    return {"quote": {"text": quote, "position": position, "is_manual": True}}
