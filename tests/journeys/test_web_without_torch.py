"""After every journey through a served shop, no web process has libtorch in its memory map."""

from pathlib import Path

import httpx
import psutil
import pytest

from tests.worlds import Shop


@pytest.mark.timeout(280)
def test_no_web_process_loads_torch(live_shop: Shop) -> None:
    product = httpx.get(f"{live_shop.url}/api/v1/products/", timeout=30).json()["results"][0]["id"]
    for path in ("/", f"/api/v1/products/{product}/similar/", "/api/v1/search/?q=red+dress", "/health/ready"):
        assert httpx.get(f"{live_shop.url}{path}", timeout=30, follow_redirects=True).status_code == 200, path
    web = next(process for process in live_shop.processes if "granian" in " ".join(map(str, process.args)))
    family = [psutil.Process(web.pid), *psutil.Process(web.pid).children(recursive=True)]
    maps = "".join(Path(f"/proc/{process.pid}/maps").read_text() for process in family)
    assert "libonnxruntime" in maps or "onnxruntime" in maps  # the models are there
    assert "libtorch" not in maps
