"""How long one office's page takes to write, how large it is, and how soon it is usable in Chromium, from a file.

The alerts are made up, about as long as those of a real night. Usable: the document stands, its script has run, and a
first filter has been drawn.

    python benchmarks/page.py [--alerts 300] [--loads 7]
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

# Beside this script lie files named as rooms are.
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]

from playwright.sync_api import sync_playwright

from alerts.page import write_office_page
from tests.alerts import cards
from tests.alerts.drawn import AS_OF

USABLE = """() => new Promise(done => {
    const loaded = performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd, begun = performance.now();
    document.querySelector('button[data-lane=risk]').click();
    requestAnimationFrame(() => setTimeout(() => done([loaded, performance.now() - begun])));
})"""


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--alerts", type=int, default=300)
    told.add_argument("--loads", type=int, default=7)
    asked = told.parse_args()
    frames = cards.office(asked.alerts)
    begun = time.perf_counter()
    page = write_office_page(*frames, cards.HERE, AS_OF, cards.TEXTS)
    seconds = time.perf_counter() - begun
    loaded, filtered = seen_by_chromium(page, asked.loads)
    print(
        json.dumps(
            {
                "benchmark": "page",
                "alerts": asked.alerts,
                "bytes": len(page),
                "written_s": round(seconds, 2),
                "loaded_ms": round(loaded),
                "filtered_ms": round(filtered),
            }
        )
    )


def seen_by_chromium(page: bytes, loads: int) -> tuple[float, float]:
    """Medians, in milliseconds: until the document stands, and from the click until the filter is drawn."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("no Chromium on this machine (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "index.html"
        file.write_bytes(page)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        seen = []
        for _ in range(loads):
            tab = browser.new_page(viewport={"width": 1366, "height": 768})
            tab.goto(file.as_uri())
            seen.append(tab.evaluate(USABLE))
            tab.close()
        browser.close()
    loaded, filtered = zip(*seen, strict=True)
    return statistics.median(loaded), statistics.median(filtered)


if __name__ == "__main__":
    main()
