"""Opening the Mini App: launch data signed as Telegram signs it, and the address that carries it."""

import base64
import hashlib
import hmac
import json
import secrets
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sandbox.people import Person

LIGHT = {
    "bg_color": "#ffffff",
    "text_color": "#000000",
    "hint_color": "#707579",
    "link_color": "#3390ec",
    "button_color": "#3390ec",
    "button_text_color": "#ffffff",
    "secondary_bg_color": "#f4f4f5",
}


class Signer:
    """Signs launch data with the bot's token, and with a key pair of the sandbox's own."""

    def __init__(self, token: str, seed: bytes) -> None:
        self.bot_id = token.partition(":")[0]
        self.secret = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
        self.key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> str:
        """Return the Ed25519 public key in hexadecimal."""
        return self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, pairs: dict[str, str]) -> str:
        """Return pairs as a query string with ``signature`` and ``hash`` (Mini Apps: validating data)."""
        third_party = f"{self.bot_id}:WebAppData\n{_lines(pairs)}".encode()
        signature = base64.urlsafe_b64encode(self.key.sign(third_party)).rstrip(b"=").decode()
        signed = {**pairs, "signature": signature}
        digest = hmac.new(self.secret, _lines(signed).encode(), hashlib.sha256).hexdigest()
        return urlencode({**signed, "hash": digest}, quote_via=quote, safe="")


def init_data(signer: Signer, person: Person, options: dict[str, Any], now: int) -> str:
    """Return what Telegram hands to the page; nothing for a reply keyboard's button."""
    origin = options.get("from") or "menu"
    if origin == "keyboard":
        return ""
    pairs = {"user": _user(person)}
    if origin in {"menu", "inline"}:
        pairs["query_id"] = f"AA{secrets.token_urlsafe(12)}"
    else:
        pairs |= {"chat_instance": str(secrets.randbits(62)), "chat_type": "private"}
    if options.get("start_param"):
        pairs["start_param"] = str(options["start_param"])
    return signer.sign({**pairs, "auth_date": str(options.get("auth_date") or now)})


def url(web_app: str, data: str, options: dict[str, Any]) -> str:
    """Return the address that a client opens: start parameter in the query, the rest in the fragment."""
    parts = urlsplit(str(options.get("url") or web_app))
    start = options.get("start_param")
    query = "&".join(filter(None, [parts.query, urlencode({"tgWebAppStartParam": start}) if start else ""]))
    theme = options.get("theme") if isinstance(options.get("theme"), dict) else LIGHT
    fragment = {
        "tgWebAppData": data,
        "tgWebAppVersion": str(options.get("version") or "9.1"),
        "tgWebAppPlatform": str(options.get("platform") or "weba"),
        "tgWebAppThemeParams": json.dumps(theme, separators=(",", ":")),
    }
    encoded = urlencode({key: value for key, value in fragment.items() if value}, quote_via=quote, safe="")
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", query, encoded))


def _user(person: Person) -> str:
    user = {key: value for key, value in person.as_user().items() if key != "is_bot"}
    user["allows_write_to_pm"] = person.started or person.write_access
    user["photo_url"] = f"https://t.me/i/userpic/320/{person.id}.svg"
    # Telegram escapes slashes inside its JSON.
    return json.dumps(user, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")


def _lines(pairs: dict[str, str]) -> str:
    return "\n".join(f"{key}={pairs[key]}" for key in sorted(pairs))
