#!/usr/bin/env python3
"""Makes the small image files in this folder, and what Pillow reads in them (expected.txt, resized.txt).

Run it with Pillow 9.4, jpegtran of libjpeg-turbo, heif-enc of libheif and tiffcp of libtiff: `python3 make_images.py`;
with `--scan FOLDER OUT` it writes what Pillow says about every file below a folder instead (hostile.txt was made like
that).

expected.txt, a line a file: name, channels, height, width, largest difference allowed, the pixels [C][H][W] in hex.
resized.txt, a line a case: mode, stored height and width, target height and width, the pixels in hex. The image is
the one of pattern(), which the test makes itself.
"""
import io
import os
import struct
import subprocess
import sys
import tempfile
import zlib

from PIL import Image, ImageOps

WIDTH, HEIGHT = 5, 4


def pattern(height, width):
    """Grey values without any regularity: a linear congruential generator, row by row."""
    state, values = 1, []
    for _ in range(height * width):
        state = (state * 1103515245 + 12345) % 2**31
        values.append(state >> 16 & 255)
    return values


def planes(image):
    """[C][H][W] of a grey or RGB image."""
    data = image.tobytes()
    n = len(image.getbands())
    return b"".join(data[c::n] for c in range(n))


def color_image(height=HEIGHT, width=WIDTH):
    values = pattern(height * 3, width)
    return Image.frombytes("RGB", (width, height), bytes(values))


def grey_image(height=HEIGHT, width=WIDTH):
    return Image.frombytes("L", (width, height), bytes(pattern(height, width)))


def png(width, height, depth, color, rows, extra=b""):
    """A PNG by hand: kinds that Pillow cannot write. rows: packed bytes without filter bytes."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def exif(orientation, little):
    order = "<" if little else ">"
    entries = struct.pack(order + "HHII", 0x010F, 2, 4, 0) + (
        struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0))
    return b"Exif\0\0" + (b"II" if little else b"MM") + struct.pack(order + "HI", 42, 8) + (
        struct.pack(order + "H", 2) + entries + struct.pack(order + "I", 0))


def make_files():
    lines = []

    def keep(name, content, tolerance=0, expected=None):
        with open(name, "wb") as f:
            f.write(content)
        image = expected
        if image is None:
            image = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
            grey = image.mode in ("1", "L", "LA")
            image = image.convert("L" if grey else "RGB")
        lines.append(f"{name} {len(image.getbands())} {image.height} {image.width} {tolerance} {planes(image).hex()}")

    def saved(image, form, **options):
        out = io.BytesIO()
        image.save(out, form, **options)
        return out.getvalue()

    color, grey = color_image(), grey_image()
    alpha = Image.frombytes("L", (WIDTH, HEIGHT), bytes(reversed(pattern(HEIGHT, WIDTH))))
    palette = color.quantize(7)
    keep("grey.png", saved(grey, "PNG"))
    keep("color.png", saved(color, "PNG"))
    keep("bilevel.png", saved(grey.point(lambda v: 255 * (v > 99), "1"), "PNG"))
    keep("grey_alpha.png", saved(Image.merge("LA", (grey, alpha)), "PNG"))
    keep("color_alpha.png", saved(Image.merge("RGBA", (*color.split(), alpha)), "PNG"))
    keep("palette.png", saved(palette, "PNG"))
    keep("palette_transparent.png", saved(palette, "PNG", transparency=2))
    # 16 bits: the upper 8 are what is kept.
    wide = [struct.pack(">H", v * 257 // 2 + 77) for v in pattern(HEIGHT, WIDTH * 3)]
    high = bytes(v[0] for v in wide)
    row = lambda n: [b"".join(wide[y * n:y * n + n]) for y in range(HEIGHT)]
    keep("grey16.png", png(WIDTH, HEIGHT, 16, 0, row(WIDTH)),
         expected=Image.frombytes("L", (WIDTH, HEIGHT), high[:WIDTH * HEIGHT]))
    keep("color16.png", png(WIDTH, HEIGHT, 16, 2, row(WIDTH * 3)),
         expected=Image.frombytes("RGB", (WIDTH, HEIGHT), high))
    # A palette of 3 colors, and pixels that name a fourth.
    colors = struct.pack(">I", 9) + b"PLTE" + bytes(range(100, 109))
    colors += struct.pack(">I", zlib.crc32(colors[4:]))
    keep("short_palette.png", png(4, 1, 2, 3, [b"\x1b"], colors))
    keep("transparent.gif", saved(palette, "GIF", transparency=palette.getpixel((1, 1))))
    frames = [palette, palette.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]
    keep("animated.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    # Rows in four passes. Pillow interlaces what has at least 16 rows and columns.
    keep("interlaced.gif", saved(color_image(21, 17).quantize(9), "GIF", interlace=1))
    keep("color.bmp", saved(color, "BMP"))
    keep("palette.bmp", saved(palette, "BMP"))
    keep("grey.bmp", saved(grey, "BMP"))
    keep("bilevel.bmp", saved(grey.point(lambda v: 255 * (v > 99), "1"), "BMP"),
         expected=grey.point(lambda v: 255 * (v > 99), "1").convert("RGB"))
    keep("alpha.bmp", saved(Image.merge("RGBA", (*color.split(), alpha)), "BMP"))
    keep("color.tga", saved(color, "TGA"))
    keep("packed.tga", saved(color, "TGA", compression="tga_rle"))
    keep("grey.tga", saved(grey, "TGA"))
    keep("color.ppm", saved(color, "PPM"))
    keep("grey.pgm", saved(grey, "PPM"))
    keep("bilevel.pbm", saved(grey.point(lambda v: 255 * (v > 99), "1"), "PPM"))
    keep("plain.pbm", b"P1\n# a comment\n3 2\n1 0 1\n0101", expected=Image.frombytes(
        "L", (3, 2), bytes([0, 255, 0, 255, 0, 255])))
    keep("plain.pgm", b"P2 # a comment\n3 # another\n1\n9\n0 3\n9 ", expected=Image.frombytes(
        "L", (3, 1), bytes([0, 85, 255])))
    keep("plain.ppm", b"P3 1 2 255 1 2 3 # end\n4 5 6", expected=Image.frombytes("RGB", (1, 2), bytes(range(1, 7))))
    keep("wide.pgm", b"P5 2 1 65535\n" + struct.pack(">HH", 0x8000, 0xffff), expected=Image.frombytes(
        "L", (2, 1), bytes([128, 255])))
    keep("grey.jpg", saved(grey_image(8, 16).resize((16, 8)), "JPEG", quality=95))
    smooth = color_image(2, 3).resize((24, 16), Image.Resampling.BICUBIC)
    keep("color.jpg", saved(smooth, "JPEG", quality=95, subsampling=0))
    keep("half_width.jpg", saved(smooth, "JPEG", quality=95, subsampling=1))
    keep("progressive.jpg", saved(smooth, "JPEG", quality=90, progressive=True))
    keep("narrow.jpg", saved(smooth.crop((0, 0, 3, 9)), "JPEG", quality=90, subsampling=2))
    keep("arithmetic.jpg", subprocess.run(["jpegtran", "-arithmetic"], check=True, capture_output=True,
                                          input=saved(smooth, "JPEG", quality=90)).stdout)
    # Pillow writes inks as they are. Another transform in the Adobe segment, and the same numbers are YCCK.
    inks = saved(Image.merge("CMYK", (*smooth.split(), smooth.getchannel(1).transpose(
        Image.Transpose.FLIP_LEFT_RIGHT))), "JPEG", quality=95)
    transform = inks.index(b"Adobe") + 11
    keep("cmyk.jpg", inks)
    keep("ycck.jpg", inks[:transform] + b"\2" + inks[transform + 1:])
    upright = grey_image(2, 3).resize((12, 8), Image.Resampling.BICUBIC)
    for orientation in range(1, 9):
        keep(f"orientation{orientation}.jpg",
             saved(upright, "JPEG", quality=95, exif=exif(orientation, orientation % 2 == 0)))
    keep("orientation6.png", saved(grey, "PNG", exif=exif(6, True)))
    keep("lossy.webp", saved(smooth, "WEBP", quality=80))
    keep("lossless.webp", saved(color, "WEBP", lossless=True, exif=exif(6, False)[6:]))
    keep("animated.webp", saved(color, "WEBP", lossless=True, save_all=True, append_images=[color.transpose(Image.Transpose.FLIP_LEFT_RIGHT)]))
    keep("color.tif", saved(color, "TIFF"))
    keep("packed.tif", saved(smooth, "TIFF", compression="tiff_lzw"))
    keep("palette.tif", saved(palette, "TIFF"))
    keep("bilevel.tif", saved(grey.point(lambda v: 255 * (v > 99), "1"), "TIFF", compression="group4"))
    keep("alpha.tif", saved(Image.merge("RGBA", (*color.split(), alpha)), "TIFF"))
    keep("grey16.tif", saved(Image.frombytes("I;16", (WIDTH, HEIGHT), b"".join(v[::-1] for v in wide[:WIDTH * HEIGHT])),
                             "TIFF"), expected=Image.frombytes("L", (WIDTH, HEIGHT), high[:WIDTH * HEIGHT]))
    keep("cmyk.tif", saved(Image.merge("CMYK", (*color.split(), grey)), "TIFF"), 1)
    with tempfile.TemporaryDirectory() as folder:
        color_image(21, 37).save(f"{folder}/in.tif")
        for name, options in (("planar.tif", ["-p", "separate"]), ("tiled.tif", ["-t", "-w", "16", "-l", "16"]),
                              ("planar_tiled.tif", ["-p", "separate", "-t", "-w", "16", "-l", "16"])):
            subprocess.run(["tiffcp", *options, "-c", "zip", f"{folder}/in.tif", f"{folder}/out.tif"], check=True)
            with open(f"{folder}/out.tif", "rb") as f:
                keep(name, f.read())
    for kind, options in ("heic", []), ("avif", ["--avif"]):
        with tempfile.TemporaryDirectory() as folder:
            smooth.resize((64, 64)).save(f"{folder}/in.png")
            subprocess.run(["heif-enc", *options, "-q", "95", "-o", f"{folder}/out", f"{folder}/in.png"], check=True,
                           capture_output=True)
            with open(f"{folder}/out", "rb") as f:
                keep(f"color.{kind}", f.read(), 20, smooth.resize((64, 64)))
    with open("expected.txt", "w") as f:
        f.write("\n".join(lines) + "\n")


def make_resized():
    sizes = [((7, 5), (4, 3)), ((5, 7), (9, 12)), ((64, 48), (28, 28)), ((30, 30), (28, 28)), ((3, 90), (6, 6)),
             ((1, 1), (4, 4)), ((17, 31), (17, 9)), ((40, 6), (40, 13)), ((300, 2), (3, 3)), ((9, 9), (9, 9))]
    lines = []
    for (h, w), (out_h, out_w) in sizes:
        image = Image.frombytes("L", (w, h), bytes(pattern(h, w)))
        resized = image.resize((out_w, out_h), Image.Resampling.BILINEAR)
        lines.append(f"stretch {h} {w} {out_h} {out_w} {resized.tobytes().hex()}")
        # The side that touches keeps its size; the other is rounded half up, at least 1.
        for mode in "fit", "crop":
            by_width = (w * out_h > h * out_w) == (mode == "fit")
            scaled_w = out_w if by_width else max(1, (2 * w * out_h + h) // (2 * h))
            scaled_h = out_h if not by_width else max(1, (2 * h * out_w + w) // (2 * w))
            scaled = image.resize((scaled_w, scaled_h), Image.Resampling.BILINEAR)
            left, top = abs(scaled_w - out_w) // 2, abs(scaled_h - out_h) // 2
            if mode == "fit":
                shown = Image.new("L", (out_w, out_h))
                shown.paste(scaled, (left, top))
            else:
                shown = scaled.crop((left, top, left + out_w, top + out_h))
            lines.append(f"{mode} {h} {w} {out_h} {out_w} {shown.tobytes().hex()}")
    with open("resized.txt", "w") as f:
        f.write("\n".join(lines) + "\n")


def scan(folder, out):
    """A line a file: channels (0: Pillow cannot read it), height, width, checksum, sums of the channels, name.

    The checksum is zlib.crc32 of the pixels [C][H][W]."""
    lines = []
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            relative = os.path.relpath(path, folder)
            try:
                image = ImageOps.exif_transpose(Image.open(path))
                if image.width * image.height > 10**8:
                    raise ValueError("too large")
                if image.mode.startswith("I"):
                    # Pillow gives 16 bits as numbers: the upper 8, or scaled, as the format asks.
                    scaled = (lambda v: (v * 510 + 65535) // 131070) if name.endswith("m") else (lambda v: v >> 8)
                    grey = bytes(scaled(v) for v in image.getdata())
                    image = Image.frombytes("L", image.size, grey)
                image = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
                data = planes(image)
                size = image.width * image.height
                sums = " ".join(str(sum(data[c:c + size])) for c in range(0, len(data), size))
                shape = f"{len(image.getbands())} {image.height} {image.width}"
                lines.append((relative, f"{shape} {zlib.crc32(data)} {sums} {relative}"))
            except Exception:
                lines.append((relative, f"0 0 0 0 {relative}"))
    with open(out, "w") as f:
        f.writelines(line + "\n" for _, line in sorted(lines))


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--scan":
        scan(sys.argv[2], sys.argv[3])
    else:
        os.chdir(os.path.dirname(os.path.abspath(__file__)))
        make_files()
        make_resized()
