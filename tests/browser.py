"""A real Chromium without a window, driven through its own protocol over a pair of pipes."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE: Final = 30
"""Seconds that an answer may take on a machine that runs other tests."""

_FLAGS: Final = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--no-first-run", "--disable-extensions", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--hide-scrollbars", "--mute-audio"),
    # Pages are kept from the network by their own policy, and by this where that failed.
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)
# The protocol speaks on descriptors 3 and 4. A plain shell copies none above 9, but can open it.
_ON_3_AND_4: Final = 'in=/dev/fd/$1 out=/dev/fd/$2; shift 2; exec "$@" 3<"$in" 4>"$out"'


class Browser:
    """A running browser."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._unread = b""
        self._last = 0
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - of the protocol
        """Send a command and return its result; what is told meanwhile is kept in `events`."""
        self._last += 1
        command: dict[str, Any] = {"id": self._last, "method": method, "params": params}
        if session:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        while (message := self._receive()).get("id") != self._last:
            self.events.append(message)
        assert "error" not in message, f"{method}: {message['error']}"
        result: dict[str, Any] = message["result"]
        return result

    def wait_for(self, method: str, session: str) -> None:
        """Wait until an event has come since the last command."""
        while not any(self._is(event, method, session) for event in self.events):
            self.events.append(self._receive())

    @staticmethod
    def _is(event: dict[str, Any], method: str, session: str) -> bool:
        return event.get("method") == method and event.get("sessionId") == session

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._answers], [], [], PATIENCE)
            assert ready, "the browser does not answer"
            piece = os.read(self._answers, 1 << 20)
            assert piece, "the browser has ended"
            self._unread += piece
        message, _, self._unread = self._unread.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    def page(self, *, scripts: bool = True, width: int = 1280, height: int = 900) -> Page:
        """Open a tab of its own."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable", session)
        page = Page(self, session)
        page.resize(width, height)
        if not scripts:
            self.call("Emulation.setScriptExecutionDisabled", session, value=True)
        return page


class Page:
    """A tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self.browser = browser
        self.session = session

    def call(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401 - of the protocol
        return self.browser.call(method, self.session, **params)

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a file and wait until it has run what it runs."""
        self.browser.events.clear()
        self.call("Page.navigate", url=path.as_uri() + fragment)
        self.browser.wait_for("Page.loadEventFired", self.session)

    def resize(self, width: int, height: int) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def prefer(self, scheme: str) -> None:
        """Say that the system is `dark` or `light`."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def run(self, script: str) -> Any:  # noqa: ANN401 - whatever the script gives
        """Return what an expression gives, a promise's value too."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not self.run(script):
            assert time.monotonic() < end, f"never true: {script}"
            # Two frames: what the page has put off until it is drawn is done then.
            self.run("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")

    def press(self, *keys: str) -> None:
        """Press keys, each by its name or the letter it types."""
        for key in keys:
            typed = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
            code = {"Enter": 13, "Escape": 27, "Tab": 9}.get(key, 0)
            self.call(
                "Input.dispatchKeyEvent",
                type="keyDown",
                key=key,
                text=typed,
                windowsVirtualKeyCode=code,
            )
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def screenshot(self, path: Path) -> None:
        picture = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(picture))

    def complaints(self) -> list[str]:
        """Return what the page had to say to its developers, and dialogs that it opened."""
        kinds = {
            "Log.entryAdded",
            "Runtime.consoleAPICalled",
            "Runtime.exceptionThrown",
            "Page.javascriptDialogOpening",
        }
        return [
            json.dumps(event["params"])
            for event in self.browser.events
            if event.get("method") in kinds and event.get("sessionId") == self.session
        ]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since a file was opened, that file's too.

        What the policy of a page stopped was not asked for.
        """
        events = [event for event in self.browser.events if event.get("sessionId") == self.session]
        stopped = {
            event["params"]["requestId"]
            for event in events
            if event["params"].get("blockedReason") == "csp"
        }
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
            and event["params"]["requestId"] not in stopped
        ]


def _pipe() -> tuple[int, int]:
    """Return both ends of a pipe, away from the descriptors on which the protocol speaks."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """Start a browser that keeps what it must in `profile`, and end it."""
    assert CHROMIUM is not None
    commands_out, commands_in = _pipe()
    answers_out, answers_in = _pipe()
    arguments = [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(
        ["/bin/sh", "-c", _ON_3_AND_4, "sh", str(commands_out), str(answers_in), *arguments],
        pass_fds=(commands_out, answers_in),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(profile), "TZ": "UTC"},
    )
    os.close(commands_out)
    os.close(answers_in)
    running = Browser(commands_in, answers_out)
    try:
        yield running
        running.call("Browser.close")
    finally:
        os.close(commands_in)
        os.close(answers_out)
        try:
            process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
