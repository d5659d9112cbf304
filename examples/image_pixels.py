"""A picture as a model of cnn-train wants it, with the scaling of the training. Needs Pillow and NumPy."""

import numpy
from PIL import Image, ImageOps


def image_pixels(picture, about):
    """float32 [1, channels, height, width], from 0 to 1.

    picture: a file. about: what the model's metadata says as "image": channels, height, width, and the rule: "stretch",
    "fit" (the largest size inside, the rest black), "crop" (the smallest size that covers, or the "short_side" of the
    model, cut at the center) or "none" (the picture has that size). A "background" lies under transparent parts, whose hidden color is used without one.
    """
    if about.get("depth", 8) != 8:
        raise ValueError("the model takes 16-bit values, which Pillow cannot resize; feed (value - low) / (high - low)")
    image = ImageOps.exif_transpose(Image.open(picture))
    if "background" in about:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (*about["background"], 255)), image)
        image = image.convert("RGB")
    image = image.convert("L" if about["channels"] == 1 else "RGB")
    size = target = about["width"], about["height"]
    if about["resize"] == "none" and image.size != target:
        raise ValueError(f"{picture}: has {image.size} pixels, but the model takes {target}")
    if about["resize"] in ("fit", "crop"):
        pick = min if about["resize"] == "fit" else max
        to, of = pick(zip(target, image.size), key=lambda sides: sides[0] / sides[1])
        size = [max(1, int(side * to / of + 0.5)) for side in image.size]
    middle = int
    if "short_side" in about:  # torchvision's Resize and CenterCrop
        size, middle = [about["short_side"] * side // min(image.size) for side in image.size], round
    left, top = middle((size[0] - target[0]) / 2), middle((size[1] - target[1]) / 2)
    image = image.resize(size, Image.BILINEAR).crop((left, top, left + target[0], top + target[1]))
    pixels = numpy.asarray(image, numpy.float32).reshape(target[1], target[0], -1)
    return pixels.transpose(2, 0, 1)[None] / 255
