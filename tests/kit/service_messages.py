"""What Telegram tells a chat about money."""

from typing import Any

from tests.kit.arrange import ALICE, NOW

DATE = int(NOW.timestamp())


def service_message(kind: str, payload: str, **changes: Any) -> dict[str, Any]:
    """Return an update that tells of a payment by Alice or of its end."""
    payment = {
        "currency": "XTR",
        "total_amount": 250,
        "invoice_payload": payload,
        "telegram_payment_charge_id": "charge-1",
        "provider_payment_charge_id": "",
    }
    person = {"id": ALICE, "is_bot": False, "first_name": "Alice"}
    chat = {"id": ALICE, "type": "private"}
    message = {"message_id": 1, "date": DATE, "from": person, "chat": chat, kind: payment}
    return {"update_id": 5, "message": {**message, **changes}}
