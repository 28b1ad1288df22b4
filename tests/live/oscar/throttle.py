"""The REST framework's own throttle, its 429 and its Retry-After, over windows shorter than its rates can name."""

from rest_framework.throttling import UserRateThrottle


class PerSeconds(UserRateThrottle):
    """Takes `REQUESTS/SECONDS`."""

    def parse_rate(self, rate):
        requests, seconds = rate.split("/")
        return int(requests), int(seconds)
