"""The threads that answer questions: many at once, those of one payer one after another."""

import logging
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from webapp.bot.questions import Questions
from webapp.db.models import InboxItem

log = logging.getLogger(__name__)

AT_ONCE = 32  # one at a time, a burst of 200 buyers leaves half past Telegram's 10 s


class QuestionExecutor:
    """The threads of one process, and a slot for each payer whose questions they answer."""

    def __init__(self, questions: Questions) -> None:
        self.questions = questions
        self.executor = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="pre-checkout")
        self.slots = threading.BoundedSemaphore(AT_ONCE)
        self.lines = Lines()

    def answer_waiting(self) -> None:
        """Begin to answer the questions that wait; returns when each has a thread, or a place in a line."""
        for item in self.questions.claim(AT_ONCE):
            if self.lines.join(item):
                # No free slot, no further claims: a question that only queues here would outlast its lease.
                self.slots.acquire()
                self.executor.submit(self._answer, item)

    def shutdown(self) -> None:
        """Take no more questions; those that were taken are answered."""
        self.executor.shutdown(wait=False)

    def _answer(self, item: InboxItem | None) -> None:
        while item:
            try:
                self.questions.answer(item)
            except Exception:
                log.exception("a pre-checkout was not answered")
            item = self.lines.next_after(item)
        self.slots.release()


class Lines:
    """Questions in hand, one payer's one after another: what Telegram said to the first decides the next.

    After an outage they come together, and all but the last have been given up.
    """

    def __init__(self) -> None:
        self._waiting: dict[int | None, deque[InboxItem]] = {}
        self._lock = threading.Lock()

    def join(self, item: InboxItem) -> bool:
        """Add a question to its payer's line, and tell whether it is the first."""
        with self._lock:
            waiting = self._waiting.get(item.telegram_id)
            if waiting is None:
                self._waiting[item.telegram_id] = deque()
                return True
            waiting.append(item)
            return False

    def next_after(self, item: InboxItem) -> InboxItem | None:
        """Return the next question of the same payer, or end the line."""
        with self._lock:
            waiting = self._waiting[item.telegram_id]
            if waiting:
                return waiting.popleft()
            del self._waiting[item.telegram_id]
            return None
