"""How long it takes to believe a launch, next to other libraries and to its bare HMAC.

The libraries are no dependencies of the shop: give them an environment of their own.

    uv venv var/bench && uv pip install --python var/bench -r pyproject.toml --group bench
    var/bench/bin/python bench/init_data.py
"""

import hmac
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from platform import python_version
from urllib.parse import quote

import aiogram.utils.web_app
import init_data_py
import telegram_webapp_auth.auth

sys.path.insert(0, str(Path(__file__).parents[1]))

from webapp.domain.people import init_data  # noqa: E402

TOKEN = "7342037359:AAF9x2Lq8Rk4ZbN6hYc1JmPf3GsUe5aVtWo"
BYTES = 600
ROUNDS, CALLS = 301, 50
MOST_TIMES = {"bare hmac.digest": 20, "telegram-webapp-auth": 1, "aiogram": 0.5}


def launch(now: datetime) -> str:
    """Return a launch of exactly 600 bytes as clients send it."""
    user = (
        '{"id":279058397,"first_name":"Alice","last_name":"Example","username":"alice","language_code":"en",'
        '"is_premium":true,"allows_write_to_pm":true,"photo_url":"https:\\/\\/t.me\\/i\\/userpic\\/320\\/a.svg"}'
    )
    fields = {
        "user": user,
        "chat_instance": "8134722200314281151",
        "chat_type": "private",
        "auth_date": str(int(now.timestamp())),
        "signature": "x" * 85 + "A",
        "start_param": "",
    }
    spelled = "&".join(f"{key}={quote(value, safe='')}" for key, value in fields.items())
    padding = "x" * (BYTES - len(f"{spelled}&hash=") - 64)
    fields["start_param"] = padding
    check = "\n".join(f"{key}={value}" for key, value in sorted(fields.items())).encode()
    digest = hmac.digest(init_data.secret_of(TOKEN), check, sha256).hex()
    raw = f"{spelled}{padding}&hash={digest}"
    assert len(raw) == BYTES, len(raw)
    return raw


def main() -> int:
    now = datetime.now(UTC)
    raw = launch(now)
    secret = init_data.secret_of(TOKEN)
    whole = raw.encode()
    authenticator = telegram_webapp_auth.auth.TelegramAuthenticator(
        telegram_webapp_auth.auth.generate_secret_key(TOKEN)
    )
    contenders: dict[str, Callable[[], object]] = {
        "bare hmac.digest": lambda: hmac.digest(secret, whole, sha256),
        "starfront": lambda: init_data.verify(raw, secret, now=now),
        "telegram-webapp-auth": lambda: authenticator.validate(raw),
        "aiogram": lambda: aiogram.utils.web_app.safe_parse_webapp_init_data(TOKEN, raw),
        "init-data-py": lambda: init_data_py.validate_by_hash(raw, TOKEN),
    }
    medians = measure(contenders)
    bare, ours = medians["bare hmac.digest"], medians["starfront"]
    print(f"Python {python_version()}, a launch of {BYTES} bytes, {ROUNDS} interleaved rounds of {CALLS}")
    print(f"{'':22}{'median us':>10}{'x bare':>9}{'x ours':>9}")
    for name, median in medians.items():
        print(f"{name:22}{median:10.2f}{median / bare:9.2f}{median / ours:9.2f}")
    return 0 if all(ours <= most * medians[name] for name, most in MOST_TIMES.items()) else 1


def measure(contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median microseconds of one call; rounds take turns, so that all share the weather."""
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, call in contenders.items():
            begun = time.perf_counter_ns()
            for _ in range(CALLS):
                call()
            samples[name].append((time.perf_counter_ns() - begun) / CALLS / 1000)
    return {name: statistics.median(taken) for name, taken in samples.items()}


if __name__ == "__main__":
    sys.exit(main())
