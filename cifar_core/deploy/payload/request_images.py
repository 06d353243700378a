"""Ask TensorFlow Serving about images as arrays; needs only `pip install requests numpy pillow`."""

import sys

import numpy as np
import requests
from PIL import Image, ImageOps

class_names = list("{class_names}")
side = int("{side}")


def as_the_app_sees_it(path: str) -> np.ndarray:
    """Return the middle of a picture and all of it, upright, over white: uint8 [2, side, side, 3]."""
    picture: Image.Image = Image.open(path)
    picture.draft(None, (512, 512))  # of a large JPEG, no more than will be seen
    factor, notes = max(1, min(picture.size) // 512), picture.info
    plain = picture.mode in ("1", "L", "RGB") and "transparency" not in notes
    if not plain and picture.mode not in ("LA", "P", "RGBA"):
        sys.exit("Pillow alone does not read such a picture as the app does; ask about the file instead.")
    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        picture = Image.new("RGB", picture.size, "white")
        picture.paste(colours, mask=colours)
    picture = picture.convert("RGB").reduce(factor)
    picture.info = {"exif": notes.get("exif", b"")}
    picture = ImageOps.exif_transpose(picture)
    square = min(picture.size)
    left, top = ((length - square) // 2 for length in picture.size)
    looks: list[Image.Image] = [picture.crop((left, top, left + square, top + square)), picture]
    soft, sharp = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC
    methods = [soft if max(look.size) > side else sharp for look in looks]
    small = [look.resize((side, side), how) for look, how in zip(looks, methods, strict=True)]
    return np.stack([np.asarray(look) for look in small])


x = as_the_app_sees_it(sys.argv[1]) / 255  # 0 to 1
answer = requests.post(
    "{url}/v1/models/{model}:predict",
    json={"signature_name": "serving_default", "instances": x.tolist()},
    timeout=30,
)
answer.raise_for_status()
mean = np.exp(np.log(np.maximum(answer.json()["predictions"], 1e-8)).mean(axis=0))
print(class_names[mean.argmax()], round(float(mean.max() / mean.sum()), 6))
