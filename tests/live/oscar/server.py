"""A real django-oscar shop on loopback for the tests of the oscar channel.

Environment: PORT and what settings.py names. With the argument `migrate` it makes the tables and ends.
Prints one JSON line {"ready": true, ...} once it answers.
"""

import json
import os
import sys
import threading
import time

os.environ["DJANGO_SETTINGS_MODULE"] = "settings"

import django

django.setup()

from django.core.management import call_command
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler, get_internal_wsgi_application


class Quiet(WSGIRequestHandler):
    """Answers like Django's own, and says nothing: the pipe is for the one line."""

    def log_message(self, *args):
        pass


def end_with_the_parent(parent):
    # Without this a test process that is killed would leave its shop behind.
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main():
    if sys.argv[1:] == ["migrate"]:
        call_command("migrate", verbosity=0)
        return
    threading.Thread(target=end_with_the_parent, args=(os.getppid(),), daemon=True).start()
    port = int(os.environ["PORT"])
    server = ThreadedWSGIServer(("127.0.0.1", port), Quiet, ipv6=False)
    server.daemon_threads = True
    server.set_app(get_internal_wsgi_application())
    print(json.dumps({"ready": True, "port": port}), flush=True)
    server.serve_forever()


main()
