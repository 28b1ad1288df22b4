"""Fills an empty shop (see server.py): one product and one stock record per SKU, in DKK, and the tokens of a staff
user and of one who may only look.

    OSCAR_DATABASE=FILE python seed.py FILTER-250=4995 FILTER-1000=14900

Prices are integer minor units. Prints one JSON line {"token", "reader", "partner", "products": {SKU: {"id", "slug"}}}.
"""

import json
import os
import re
import sys
from decimal import Decimal

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"

import django

django.setup()

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction
from oscar.core.loading import get_model
from rest_framework.authtoken.models import Token


def wanted(arguments):
    for argument in arguments:
        parts = re.fullmatch(r"(.+)=(\d+)", argument)
        if not parts:
            sys.exit(f"{argument}: expected SKU=PRICE_MINOR")
        yield parts[1], Decimal(parts[2]) / 100


def product(sku, price, kind, partners):
    made = get_model("catalogue", "Product").objects.create(
        upc=sku, title=sku.capitalize(), slug=sku.lower(), product_class=kind
    )
    own, other = partners
    records = get_model("partner", "StockRecord").objects
    records.create(product=made, partner=own, partner_sku=sku, price_currency="DKK", price=price)
    # Somebody else's stock record, which our writes must leave alone.
    records.create(product=made, partner=other, partner_sku=f"X-{sku}", price_currency="DKK", price=price * 2)
    return {"id": made.id, "slug": made.slug}


@transaction.atomic
def main():
    rows = list(wanted(sys.argv[1:])) or sys.exit("usage: seed.py SKU=PRICE_MINOR ...")
    user = get_user_model().objects.create(username="omniprice", is_staff=True, is_superuser=True)
    token = Token.objects.create(user=user)
    reader = get_user_model().objects.create(username="reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_product"))
    looks = Token.objects.create(user=reader)
    kind = get_model("catalogue", "ProductClass").objects.create(
        name="Things", requires_shipping=False, track_stock=False
    )
    partners = [get_model("partner", "Partner").objects.create(name=name) for name in ("Own stock", "Other stock")]
    products = {sku: product(sku, price, kind, partners) for sku, price in rows}
    print(json.dumps({"token": token.key, "reader": looks.key, "partner": partners[0].id, "products": products}))


main()
