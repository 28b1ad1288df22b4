"""A real Tryton server on loopback for the tests of the tryton channel: its own JSON-RPC, nothing in front of it.

Environment: PORT, TRYTON_CONFIG (a configuration file that names the database server), TRYTON_DATABASE (a database
with the module sale_point). Prints one JSON line {"ready": true, ...} once it answers.
"""

import json
import logging
import os
import threading
import time

from trytond.config import config

config.update_etc(os.environ["TRYTON_CONFIG"])

# The server reads its configuration when it is imported.
from trytond.pool import Pool
from trytond.wsgi import app
from werkzeug.serving import make_server


def end_with_the_parent(parent):
    # Without this a test process that is killed would leave its server behind.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main():
    threading.Thread(target=end_with_the_parent, args=(os.getppid(),), daemon=True).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    Pool.start()
    Pool(os.environ["TRYTON_DATABASE"]).init()
    app.dev = False
    port = int(os.environ["PORT"])
    server = make_server("127.0.0.1", port, app, threaded=True)
    print(json.dumps({"ready": True, "port": port}), flush=True)
    server.serve_forever()


main()
