"""A rehearsal from its first line to its last: Telegram played, everything else as on a platform."""

import asyncio
import json
import os
import shlex
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from sandbox import folder, terminal
from sandbox.folder import CannotStart, Hold, Running, Secrets
from sandbox.processes import Ended, Processes
from sandbox.settings import command_of, settings_told, shop_environment

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_SECONDS = 120
HEARTBEAT_SECONDS = 4.0
LOOK_EVERY_SECONDS = 0.05
CHANGES_EVERY_SECONDS = 2.0
USUAL_PORTS = {"SANDBOX_PORT": 8081, "PORT": 8080}
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what is here is behind no proxy


def main() -> int:
    """Run everything until interrupted, or until something ends by itself, and return the exit code."""
    try:
        return asyncio.run(Rehearsal().run())
    except CannotStart as reason:
        sys.stderr.write(f"{reason}\n")
        return 1


class Rehearsal:
    """One run."""

    def __init__(self) -> None:
        """Take the folder and the ports.

        :raise CannotStart: something is in the way
        """
        self.hold = Hold()
        self.secrets = folder.secrets_of_this_folder()
        ports = _ports()
        self.running = Running(os.getpid(), ports["SANDBOX_PORT"], ports["PORT"], settings_told(), {})
        self.hold.note(self.running)
        self.environment = shop_environment(self.running, self.secrets)
        self.processes: Processes

    async def run(self) -> int:
        """Start all, say where it is, and stay until the end."""
        self.processes = Processes(self.hold.fd)
        work = asyncio.create_task(self._work())
        for number in ENDING:
            asyncio.get_running_loop().add_signal_handler(number, self._interrupt, work)
        try:
            await work
        except asyncio.CancelledError:
            return await self._stop("Stopped. What was bought stays; make run goes on from here.", 0)
        except Ended as end:
            return await self._stop(_obituary(end), 1)
        except CannotStart as reason:
            return await self._stop(str(reason), 1)
        return 0

    async def _work(self) -> None:
        await self._open()
        await self._stay()

    def _interrupt(self, work: "asyncio.Task[None]") -> None:
        if work.cancelling() or work.done():
            # Asked twice: at once.
            self.processes.kill()
            os._exit(0)
        work.cancel()

    async def _stop(self, last_words: str, code: int) -> int:
        await self.processes.stop()
        # From here on a signal could only spoil the ending.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
        for number in ENDING:
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)
        terminal.say_last(last_words)
        return code

    async def _open(self) -> None:
        # Of what was released last time, only Telegram forgets: then nothing has to wait for the release.
        is_released = folder.is_released(self.environment["DATABASE_URL"])
        terminal.say(f"Opening the shop. This takes about {5 if is_released else 10} seconds.")
        await self._start("sandbox", _sandbox(self.running, self.secrets), dict(os.environ))
        if is_released:
            await self._start("web")
        await self._until("the sandbox", self._sandbox_answers)
        if is_released:
            await self._start("bot")
        await self._release()
        for name in ("web", "bot"):
            if name not in self.processes.all:
                await self._start(name)
        await self._until(f"the shop at http://127.0.0.1:{self.running.web_port}", self._shop_answers)
        await self._until("the bot", self._bot_listens)
        folder.note_release()
        await self._announce()

    async def _start(self, name: str, command: str = "", environment: dict[str, str] | None = None) -> None:
        await self.processes.start(name, command or command_of(name), environment or self.environment)
        pids = {name: process.child.pid for name, process in self.processes.all.items()}
        self.running = replace(self.running, processes=pids)
        self.hold.note(self.running)

    async def _release(self) -> None:
        watch = asyncio.create_task(self.processes.watch(*self.processes.all))
        release = self.processes.run("release", command_of("release"), self.environment)
        await _first_of(asyncio.create_task(release), watch, "the release")

    async def _until(self, what: str, is_there: Callable[[], Awaitable[bool]]) -> None:
        async def look() -> None:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not await is_there():
                if time.monotonic() > deadline:
                    raise CannotStart(
                        f"{what.capitalize()} does not answer after {PATIENCE_SECONDS} seconds."
                    )
                await asyncio.sleep(LOOK_EVERY_SECONDS)

        watch = asyncio.create_task(self.processes.watch(*self.processes.all))
        await _first_of(asyncio.create_task(look()), watch, what)

    async def _sandbox_answers(self) -> bool:
        return await _answers(f"{self.running.address}/sandbox/state") is not None

    async def _shop_answers(self) -> bool:
        return await _answers(f"http://127.0.0.1:{self.running.web_port}/healthz") is not None

    async def _bot_listens(self) -> bool:
        state = json.loads(await _answers(f"{self.running.address}/sandbox/state") or "{}")
        return bool(state.get("polling")) or self.environment.get("BOT_MODE") == "webhook"

    async def _announce(self) -> None:
        state = json.loads(await _answers(f"{self.running.address}/sandbox/state") or "{}")
        script = state.get("client_script", {"is_stand_in": False})
        lines = [
            "Starfront is open. Telegram is pretended, everything else is real.",
            "",
            f"    {self.running.address}",
            "",
            "Open the chat with the bot, then its shop. Ctrl-C ends it.",
        ]
        if script["is_stand_in"]:
            lines += ["", *_wrapped(script["said"])]
        terminal.box(*lines)

    async def _stay(self) -> None:
        watch = asyncio.create_task(self.processes.watch(*self.processes.all))
        changes = asyncio.create_task(_tell_changes())
        try:
            await watch
        finally:
            changes.cancel()
            watch.cancel()


async def _first_of(work: "asyncio.Task[None]", watch: "asyncio.Task[None]", what: str) -> None:
    """Wait for work, saying what for whenever nobody says anything; what ends meanwhile ends the wait."""
    began = time.monotonic()
    try:
        while not work.done():
            quiet = max(0.0, HEARTBEAT_SECONDS - terminal.quiet_seconds())
            await asyncio.wait({work, watch}, timeout=quiet, return_when=asyncio.FIRST_COMPLETED)
            if watch.done() and not work.done():
                watch.result()
            if not work.done() and terminal.quiet_seconds() >= HEARTBEAT_SECONDS:
                terminal.say(f"Still waiting for {what}: {time.monotonic() - began:.0f} s so far.")
        work.result()
    finally:
        work.cancel()
        watch.cancel()


async def _answers(address: str) -> bytes | None:
    def ask() -> bytes | None:
        try:
            with DIRECT.open(address, timeout=1) as answer:
                body: bytes = answer.read()
                return body
        except (OSError, ValueError):
            return None

    return await asyncio.to_thread(ask)


async def _tell_changes() -> None:
    """Say once when the files are no longer those that run, as after a git pull."""
    before = await asyncio.to_thread(_looks)
    while True:
        await asyncio.sleep(CHANGES_EVERY_SECONDS)
        if await asyncio.to_thread(_looks) != before:
            terminal.say(
                "The shop's files have changed. What runs stays as it was; Ctrl-C and make run opens the new."
            )
            return


def _looks() -> dict[Path, tuple[int, int]]:
    looks = {}
    for file in folder.code_files():
        try:
            told = file.stat()
            looks[file] = (told.st_mtime_ns, told.st_size)
        except OSError:
            continue
    return looks


def _obituary(end: Ended) -> str:
    process = end.process
    code = process.child.returncode or 0
    how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended by itself with status {code}"
    lines = [f"{process.name} {how}, so everything is stopped."]
    if process.said:
        lines += ["It said last:", *(f"    {line}" for line in process.said)]
    return "\n".join(lines)


def _sandbox(running: Running, secret: Secrets) -> str:
    return shlex.join(
        [
            *(sys.executable, "-m", "sandbox", "--quiet", "--port", str(running.sandbox_port)),
            *("--token", secret.bot_token, "--seed", secret.launch_seed),
            *("--web-app", f"http://localhost:{running.web_port}", "--state", str(folder.STATE)),
        ]
    )


def _ports() -> dict[str, int]:
    """Return where to listen: where the person said or, where nothing was said, at any port that is free.

    :raise CannotStart: a port makes no sense, or is taken
    """
    chosen: dict[str, int] = {}
    for name, usual in USUAL_PORTS.items():
        asked = os.environ.get(name, "").strip()
        if asked:
            chosen[name] = _asked_port(name, asked, chosen)
        else:
            chosen[name] = _free_port(usual, chosen)
            if chosen[name] != usual:
                terminal.say(f"Port {usual} is taken, so {chosen[name]} is used.")
    return chosen


def _asked_port(name: str, asked: str, chosen: dict[str, int]) -> int:
    if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked) <= 65535):
        raise CannotStart(f"{name} must be a whole number from 1 to 65535, not {asked!r}.")
    port = int(asked)
    if port in chosen.values():
        raise CannotStart("PORT and SANDBOX_PORT must differ: the shop and the sandbox are two servers.")
    problem = _why_not(port)
    if problem:
        free = _free_port(port + 100 if port < 65000 else 8080, chosen)
        raise CannotStart(f"Port {port} {problem}. Choose another: make run {name}={free}")
    return port


def _free_port(first: int, chosen: dict[str, int]) -> int:
    for port in range(first, first + 200):
        if port not in chosen.values() and port <= 65535 and not _why_not(port):
            return port
    raise CannotStart(f"No port from {first} on is free. Name one: make run PORT=… SANDBOX_PORT=…")


def _why_not(port: int) -> str:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return "is for the system's own servers"
        except OSError:
            return "is taken"
    return ""


def _wrapped(sentence: str) -> list[str]:
    before, colon, after = sentence.partition(": ")
    return [f"{before}{colon.strip()}", after] if after else [sentence]
