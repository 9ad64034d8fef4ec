"""The pauses that Telegram asks for: of a chat first, and of everybody once two chats are told to wait."""

import threading

from webapp import clock

# Two chats that are told to wait in so short a time show that the bot as a whole is.
FLOOD_SECONDS = 10.0


class FloodControl:
    """The pauses that Telegram asked this process for, each of one method (MTProto: FLOOD_WAIT).

    One that a call to a chat was told is the chat's own, so that nobody who writes too fast silences the
    bot for others. When a second chat is told the same, the pause is everybody's.
    """

    def __init__(self) -> None:
        self._until: dict[tuple[str, int | None], float] = {}  # a method's and a chat's, by our ticks
        self._told_last: dict[str, tuple[int, float]] = {}  # which chat a method's pause was told, and when
        self._lock = threading.Lock()

    def seconds_left(self, method: str, chat: int | None = None) -> float:
        """Return for how long Telegram wants to hear nothing of a method, in a chat if one is named."""
        until = max(self._until.get((method, None), 0.0), self._until.get((method, chat), 0.0))
        return max(0.0, until - clock.ticks())

    def note(self, method: str, seconds: float, chat: int | None = None) -> None:
        """Keep a pause, or the rest of a longer one."""
        with self._lock:
            ticks = clock.ticks()
            self._until = {key: until for key, until in self._until.items() if until > ticks}
            keys = {(method, chat)}
            if chat is not None and self._another_was_told(method, chat, ticks):
                keys.add((method, None))
            for key in keys:
                self._until[key] = max(ticks + seconds, self._until.get(key, 0.0))

    def forget(self) -> None:
        """Keep no pause any more."""
        with self._lock:
            self._until.clear()
            self._told_last.clear()

    def _another_was_told(self, method: str, chat: int, ticks: float) -> bool:
        other, at = self._told_last.get(method, (chat, 0.0))
        self._told_last[method] = chat, ticks
        return other != chat and ticks - at <= FLOOD_SECONDS
