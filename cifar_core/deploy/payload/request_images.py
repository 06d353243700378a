"""Ask TensorFlow Serving about images as arrays; needs only `pip install requests numpy pillow`."""

import sys

import numpy as np
import requests
from PIL import Image

class_names = list("{class_names}")
side = int("{side}")
picture = Image.open(sys.argv[1]).convert("RGB").resize((side, side))
x = np.asarray(picture)[None] / 255  # [1, side, side, 3], 0 to 1
answer = requests.post(
    "{url}/v1/models/{model}:predict",
    json={"signature_name": "serving_default", "instances": x.tolist()},
    timeout=30,
)
answer.raise_for_status()
for probabilities in answer.json()["predictions"]:
    confidence, name = max(zip(probabilities, class_names, strict=True))
    print(name, confidence)
