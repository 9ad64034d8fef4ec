"""From a tap on Buy to the invoice: how long the shop takes beside the Bot API, and how often it asks it.

    python -m bench.buying [buyers]

The page opens the invoice as soon as the answer to its one request is there. Here the Bot API takes 100 ms
for a link; whatever the answer takes beyond that is ours. To reach: 30 ms, and one call.
"""

import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from bench import stock
from tests.kit import arrange
from tests.kit.factories import SECRET_KEY
from tests.kit.processes import TOKEN, Shopper, Stage
from webapp.domain.people import sessions
from webapp.domain.people.keys import KeyRing

BUYERS = 60
LATENCY_SECONDS = 0.1
MOST_MILLISECONDS = 30
PRODUCT = stock.items()[0].slug


def main() -> int:
    """Print the figures; the exit code says whether they are reached."""
    buyers = range(10**9, 10**9 + (int(sys.argv[1]) if len(sys.argv) > 1 else BUYERS))
    with tempfile.TemporaryDirectory() as folder:
        stage = stock.open_shop(Path(folder))
        try:
            with stage.inside():
                for buyer in buyers:
                    arrange.meet(buyer)
            stage.control("PUT", "troubles", api={"createInvoiceLink": {"latency_seconds": LATENCY_SECONDS}})
            before = len(stage.control("GET", "calls"))
            own = statistics.median(order(stage, buyer) for buyer in buyers)
            calls = (len(stage.control("GET", "calls")) - before) / len(buyers)
        finally:
            stage.close()
    print(
        f"{own:.1f} ms beside the Bot API (at most {MOST_MILLISECONDS}), {calls:.2f} calls of it (at most 1)"
    )
    return 0 if own <= MOST_MILLISECONDS and calls <= 1 else 1


def order(stage: Stage, buyer: int) -> float:
    """Have somebody tap on Buy, and return the milliseconds until the invoice that are not the Bot API's."""
    now = datetime.now(UTC)
    shopper = Shopper(stage, buyer)
    bot_id = int(TOKEN.partition(":")[0])
    shopper.token = sessions.mint(buyer, 0, bot_id=bot_id, auth_at=now, keys=KeyRing.of(SECRET_KEY), now=now)
    begun = time.perf_counter()
    assert shopper.order(PRODUCT)["link"]
    return (time.perf_counter() - begun - LATENCY_SECONDS) * 1000


if __name__ == "__main__":
    sys.exit(main())
