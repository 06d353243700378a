"""Ask TensorFlow Serving about images as arrays; needs only `pip install requests numpy pillow`."""

import sys

import numpy as np
import requests
from PIL import Image

picture = Image.open(sys.argv[1]).convert("RGB").resize((32, 32))
x = np.asarray(picture)[None] / 255  # [1, 32, 32, 3], 0 to 1
answer = requests.post(
    "{url}/v1/models/{model}:predict",
    json={"signature_name": "serving_default", "instances": x.tolist()},
    timeout=30,
)
answer.raise_for_status()
print(answer.json()["predictions"])  # for each image ten probabilities, airplane to truck
