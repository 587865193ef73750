"""What a browser and a plain client make of a page: weight, requests, scripts, and when it is there to read."""

import contextlib
import gzip
import http.client
import statistics
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession

from tests.kit import browsers

KIB = 1024
LOADS = 5
PAINTED = """() => new Promise((told) => new PerformanceObserver((list) => told(list.getEntries().at(-1).startTime))
  .observe({type: "largest-contentful-paint", buffered: true}))"""


class Visitor(NamedTuple):
    """Who looks: an address, and the cookies of a session there."""

    url: str
    cookies: Mapping[str, str]

    def get(self, connection: http.client.HTTPConnection, path: str) -> bytes:
        """HTML of a page; `SystemExit` where there is none."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request("GET", path, headers={"Cookie": cookies} if cookies else {})
        answer = connection.getresponse()
        html = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{self.url}{path} answered {answer.status}: {html[:200]!r}")
        return html


def weighed(visitor: Visitor, pages: Mapping[str, str], asked: int) -> dict[str, float]:
    """`html_kib_gzip` of each page, and `idle_server_ms_p95` of `asked` reads over one connection."""
    found: dict[str, float] = {}
    with contextlib.closing(http.client.HTTPConnection(urlsplit(visitor.url).netloc, timeout=60)) as connection:
        for name, path in pages.items():
            found[f"{name}.html_kib_gzip"] = round(len(gzip.compress(visitor.get(connection, path))) / KIB, 1)
            times = []
            for _ in range(asked):
                began = time.perf_counter()
                visitor.get(connection, path)
                times.append((time.perf_counter() - began) * 1_000)
            found[f"{name}.idle_server_ms_p95"] = p95(times)
    return found


def looked_at(visitor: Visitor, pages: Mapping[str, str]) -> dict[str, float]:
    """Requests, scripts and largest paint of each page, every load with an empty cache; medians of `LOADS`."""
    found: dict[str, float] = {}
    with browsers.running() as browser:
        for name, path in pages.items():
            loads = [_load(browser, visitor, path) for _ in range(LOADS)]
            found |= {f"{name}.{key}": round(statistics.median(load[key] for load in loads), 1) for key in loads[0]}
    return found


def _load(browser: Browser, visitor: Visitor, path: str) -> dict[str, float]:
    context = browsers.opened(browser)
    context.add_cookies([{"name": n, "value": v, "url": visitor.url} for n, v in visitor.cookies.items()])
    page, asked = context.new_page(), list[str]()
    protocol = context.new_cdp_session(page)
    protocol.send("Performance.enable")
    page.on("request", lambda r: asked.append(r.url))
    page.goto(f"{visitor.url}{path}", wait_until="load")
    painted_ms, script_ms = page.evaluate(PAINTED), _script_ms(protocol)
    context.close()
    elsewhere = [url for url in asked if not url.startswith((visitor.url, "data:"))]
    return {
        "requests": len(asked),
        "offhost_requests": len(elsewhere),
        "script_ms": script_ms,
        "lcp_ms": painted_ms,
    }


def _script_ms(protocol: CDPSession) -> float:
    """Time in scripts since the page began (Chrome DevTools Protocol, `Performance.getMetrics`)."""
    metrics = {m["name"]: m["value"] for m in protocol.send("Performance.getMetrics")["metrics"]}
    return float(metrics["ScriptDuration"]) * 1_000


def p95(values: Sequence[float]) -> float:
    """Milliseconds of the slowest twentieth."""
    return round(statistics.quantiles(values, n=20)[18], 1)
