"""Ask TensorFlow Serving what is on a picture; needs only `pip install requests`."""

import base64
import sys
from pathlib import Path

import requests

picture = Path(sys.argv[1]).read_bytes()  # a JPEG or PNG of any size
answer = requests.post(
    "{url}/v1/models/{model}:predict",
    json={"signature_name": "classify_bytes", "instances": [{"b64": base64.b64encode(picture).decode()}]},
    timeout=30,
)
answer.raise_for_status()
for prediction in answer.json()["predictions"]:
    print(prediction["class"], max(prediction["probabilities"]), prediction["none_of_these"])
