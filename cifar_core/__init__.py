"""The core: data, models, training, evaluation and deployment, without the pages.

Libraries that report home by default are told not to, here, because some decide when they are imported.
"""

import os

QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",  # else an id in the user's cache, and events sent to Microsoft
    "RAY_USAGE_STATS_ENABLED": "0",
}

for _name, _value in QUIET.items():
    os.environ.setdefault(_name, _value)
