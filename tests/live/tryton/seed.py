"""Fills a Tryton (see server.py) through its own client, as a Danish shop would set it up: a company in DKK, a till whose
prices include tax, one product per SKU, a user that may price products and ring up sales, and a cashier who only sells.

    TRYTON_CONFIG=FILE TRYTON_DATABASE=NAME python seed.py FILTER-250=4995 FILTER-1000=14900 OLD=-9900

Prices are integer minor units and become gross prices. A minus makes a product that has only a list price, as in shops
that had none but that before they got tills. Prints one JSON line {"company", "login", "cashier", "password", ...}.
"""

import datetime
import json
import os
import re
import sys
from decimal import Decimal

from proteus import Model, Wizard, config

LOGIN = "omniprice"
CASHIER = "cashier"
PASSWORD = "twelve-kettles-9"


def wanted(arguments):
    for argument in arguments:
        parts = re.fullmatch(r"(.+)=(-?)(\d+)", argument)
        if not parts:
            sys.exit(f"{argument}: expected SKU=PRICE_MINOR")
        yield parts[1], Decimal(parts[3]) / 100, not parts[2]


def only(model, *domain):
    (found,) = Model.get(model).find(list(domain))
    return found


def company():
    krone = Model.get("currency.currency")(
        name="Danish krone", symbol="kr", code="DKK", numeric_code="208", rounding=Decimal("0.01"), digits=2
    )
    krone.save()
    krone.rates.new(date=datetime.date(2020, 1, 1), rate=Decimal(1))
    krone.save()
    party = Model.get("party.party")(name="Test shop")
    party.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = party
    wizard.form.currency = krone
    wizard.execute("add")
    return only("company.company")


def till(own):
    sequence = Model.get("ir.sequence.strict")(name="Till", company=own)
    sequence.sequence_type = only("ir.sequence.type", ("name", "=", "POS"))
    sequence.save()
    journals = Model.get("account.journal").find([("type", "=", "revenue")])
    point = Model.get("sale.point")(name="Till 1", company=own, sequence=sequence, journal=journals[0])
    point.storage_location = only("stock.location", ("code", "=", "STO"))
    point.customer_location = only("stock.location", ("code", "=", "CUS"))
    point.save()
    return point


def product(sku, price, gross, unit):
    made = Model.get("product.template")(name=sku.capitalize(), default_uom=unit, type="goods", salable=True)
    made.list_price = price
    if gross:
        made.gross_price = price
    made.products[0].suffix_code = sku
    made.save()
    return {"template": made.id, "product": made.products[0].id}


def user(login, *groups):
    made = Model.get("res.user")(name=login, login=login, password=PASSWORD)
    # Read anew, since the client lets a record be in one list only.
    own = only("company.company")
    made.companies.append(own)
    made.company = own
    for group in groups:
        made.groups.append(only("res.group", ("name", "=", group)))
    made.save()


def main():
    rows = list(wanted(sys.argv[1:])) or sys.exit("usage: seed.py SKU=PRICE_MINOR ...")
    settings = os.environ["TRYTON_CONFIG"]
    from trytond.config import config as server

    # The client takes the server's address from here and not from its own argument.
    server.update_etc(settings)
    own_config = config.set_trytond(os.environ["TRYTON_DATABASE"], config_file=settings)
    own = company()
    own_config._context = Model.get("res.user").get_preferences(True, {})
    point = till(own)
    unit = only("product.uom", ("name", "=", "Unit"))
    products = {sku: product(sku, price, gross, unit) for sku, price, gross in rows}
    # What the documentation tells a merchant to give, and the till for reading a price as a cashier.
    user(LOGIN, "Product Administration", "POS")
    user(CASHIER, "POS")
    print(json.dumps({"company": own.id, "login": LOGIN, "cashier": CASHIER, "password": PASSWORD, "point": point.id, "products": products}))


main()
