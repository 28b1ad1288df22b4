"""The peer of benches/extract.rs: extruct and price-parser on the same bytes, one round per line on standard input.

Each page is copied right before its time is taken, as in benches/extract.rs; --cold behind the manifest leaves that out.

pip install extruct==0.18.0 price-parser==0.5.1
"""
import gzip
import json
import logging
import sys
import time
import warnings
from pathlib import Path

import extruct
from price_parser import Price

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)


def load(manifest):
    entries = []
    for line in manifest.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        raw = (manifest.parent / entry["file"]).read_bytes()
        body = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        markup = any(kind in ("jsonld", "microdata", "og") for kind in entry["structured"])
        entries.append((body, entry["charset"], entry["url"], markup and entry["expect"].get("price") is not None))
    return entries


def products(value):
    """Every object that carries offers, at any depth."""
    if isinstance(value, list):
        for item in value:
            yield from products(item)
    elif isinstance(value, dict):
        if value.get("offers"):
            yield value
        for item in value.values():
            yield from products(item)


def read(body, charset, url):
    try:
        data = extruct.extract(body.decode(charset, "replace"), base_url=url, uniform=True, syntaxes=["json-ld", "microdata", "opengraph"], errors="ignore")
    except Exception:
        return None
    for syntax in ("json-ld", "microdata"):
        for product in products(data.get(syntax) or []):
            offer = product["offers"]
            offer = offer[0] if isinstance(offer, list) else offer
            if isinstance(offer, dict) and (offer.get("price") or offer.get("lowPrice")):
                return Price.fromstring(str(offer.get("price") or offer.get("lowPrice")), currency_hint=str(offer.get("priceCurrency")))
    for tags in data.get("opengraph") or []:
        if tags.get("product:price:amount"):
            return Price.fromstring(str(tags["product:price:amount"]))
    return None


def main():
    entries = load(Path(sys.argv[1]))
    cold = "--cold" in sys.argv[2:]
    for _ in sys.stdin:
        structured = total = 0
        for body, charset, url, answered in entries:
            page = body if cold else bytes(bytearray(body))
            start = time.perf_counter_ns()
            read(page, charset, url)
            taken = time.perf_counter_ns() - start
            total += taken
            structured += taken if answered else 0
        print(structured, total, flush=True)


main()
