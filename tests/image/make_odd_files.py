#!/usr/bin/env python3
"""Files that are odd but decodable, with the pixels that Pillow gives, and files that must be refused.

    python3 make_odd_files.py            writes odd_files.gz, which odd_files.cpp reads
    python3 make_odd_files.py --check    decodes the files in odd_files.gz again: exit 1 if Pillow gives other pixels,
                                         77 without Pillow and numpy

Every kind of oddity is made on purpose, by own edits of files that Pillow wrote and by two small writers below: one of
PNG (any depth, filter, interlacing and order of chunks), one of JPEG (any sampling, order of scans and tables, from
coefficients). Deterministic: the only random numbers are those of `noise`.

The pixels are Pillow's for the file itself (source "pillow"), or, where Pillow refuses the file, for the file before the
edit ("before"); transparency and 16 bits, of which Pillow has its own idea, are computed from the samples ("formula") and
compared with Pillow where it agrees. Tolerances: PNG 0, or 1 where colours are blended; JPEG see `TOLERANCE`.
"""

import gzip
import io
import os
import struct
import sys
import zlib

try:
    import numpy as np
    from PIL import Image, ImageOps
except ImportError as reason:
    print(f"SKIPPED: {reason}")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
ARCHIVE = os.path.join(HERE, "odd_files.gz")

# Largest difference of a byte from libjpeg-turbo: the inverse DCT of stb_image rounds in another way, by 1, and the colour
# matrix multiplies that. Upsampling and the colour matrix are the same.
TOLERANCE = {"gray": 1, "colour": 2}

cases = []


def noise(count, seed):
    """The upper bytes of a linear congruential generator: the same numbers with any version of numpy."""
    out, state = [], seed * 2654435761 + 12345
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append(state >> 48)
    return np.array(out, dtype=np.int64)


def pillow(data):
    """What Pillow gives for a file, as RGB or gray, turned upright; None where it refuses it."""
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):
            return (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))
    except Exception:
        return None


def add(name, data, before=None, pixels=None, kind="png", error=None, source=None, bits=16, background=(255, 255, 255)):
    """A file with its pixels, or with a part of the message that refuses it."""
    if error is None and pixels is None:
        pixels, source = pillow(data), "pillow"
        if pixels is None:
            assert before is not None, f"{name}: Pillow refuses it"
            pixels, source = pillow(before), "before"
        elif before is not None:
            assert np.array_equal(pixels, pillow(before)), f"{name}: the edit changes the pixels"
    assert not any(c["name"] == name for c in cases), name
    tolerance = 0 if kind == "png" else 1 if kind == "blended" else TOLERANCE[kind] if pixels is not None else 0
    cases.append(dict(name=name, data=bytes(data), pixels=pixels, error=error, source=source or "formula",
                      tolerance=tolerance, bits=bits, background=background))


# ---- PNG ----------------------------------------------------------------------------------------------------------

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(kind, body=b"", crc=None):
    inner = kind + bytes(body)
    return struct.pack(">I", len(body)) + inner + struct.pack(">I", zlib.crc32(inner) if crc is None else crc)


def picture(width, height, channels, top, seed=1):
    """A smooth ramp with some noise, as samples up to `top`."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    ramp = (x * 5 + y * 3 + c * 17) % 64 / 63
    some = noise(height * width * channels, seed).reshape(height, width, channels) % 16 / 96
    return np.minimum(top, (ramp * 0.85 + some) * top).astype(np.int64)


def filtered(rows, pixel, choice):
    """Rows of bytes with their filter bytes; `choice(y)` is the filter of row y."""
    out, above = b"", bytes(len(rows[0])) if rows else b""
    for y, row in enumerate(rows):
        kind, left = choice(y), bytes(pixel) + row[:-pixel] if len(row) > pixel else bytes(len(row))
        corner = bytes(pixel) + above[:-pixel] if len(row) > pixel else bytes(len(row))

        def paeth(a, b, c):
            p = a + b - c
            return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]

        predicted = [(0, a, b, (a + b) // 2, paeth(a, b, c))[kind] for a, b, c in zip(left, above, corner)]
        out += bytes([kind]) + bytes((v - p) % 256 for v, p in zip(row, predicted))
        above = row
    return out


def packed(samples, depth):
    """One row of samples as bytes."""
    flat = samples.reshape(-1)
    if depth == 16:
        return flat.astype(">u2").tobytes()
    if depth == 8:
        return flat.astype(np.uint8).tobytes()
    bits = "".join(format(int(v), f"0{depth}b") for v in flat)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def png_data(samples, depth, interlaced=False, choice=lambda y: 0):
    pixel = max(1, samples.shape[2] * depth // 8)
    if not interlaced:
        return filtered([packed(row, depth) for row in samples], pixel, choice)
    parts = [samples[y0::dy, x0::dx] for x0, y0, dx, dy in PASSES]
    return b"".join(filtered([packed(row, depth) for row in p], pixel, choice) for p in parts if p.size)


def header(samples, color, depth, interlaced=False):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], depth, color, 0, 0, interlaced))


def png(samples, color, depth, interlaced=False, choice=lambda y: y % 5, before=b"", after=b"", palette=None, trns=None,
        data=None, level=6):
    raw = png_data(samples, depth, interlaced, choice) if data is None else data
    out = SIGNATURE + header(samples, color, depth, interlaced) + before
    if palette is not None:
        out += chunk(b"PLTE", palette)
    if trns is not None:
        out += chunk(b"tRNS", trns)
    return out + chunk(b"IDAT", zlib.compress(raw, level)) + after + chunk(b"IEND")


def colours(count):
    return bytes(v for i in range(count) for v in (i * 37 % 256, 255 - i * 11 % 256, i * 91 % 256))


def over(rgb, alpha, background):
    rgb, alpha = rgb.astype(np.int64), alpha.astype(np.int64)[..., None]
    return ((alpha * rgb + (255 - alpha) * np.array(background) + 127) // 255).astype(np.uint8)


def scaled(samples, depth):
    return samples >> 8 if depth == 16 else samples * 255 // (2**depth - 1)


def as_rgb(samples, color, depth, palette=None):
    if color == 3:
        table = np.zeros((256, 3), dtype=np.int64)
        table[:len(palette) // 3] = np.frombuffer(palette, dtype=np.uint8).reshape(-1, 3)
        return table[samples[..., 0]]
    eight = scaled(samples, depth)
    return eight[..., :3] if color in (2, 6) else np.repeat(eight[..., :1], 3, axis=2)


def valid_pngs():
    """Every colour type and depth, interlaced or not, every filter, sizes that leave passes empty."""
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    for color, list_of_depths in depths.items():
        for depth in list_of_depths:
            for interlaced in (False, True):
                samples = picture(19, 13, SAMPLES[color], 2**depth - 1, color * 16 + depth)
                palette = colours(2**depth) if color == 3 else None
                data = png(samples, color, depth, interlaced, palette=palette)
                rgb = as_rgb(samples, color, depth, palette)
                blended = color in (4, 6)
                if blended:
                    rgb = over(rgb, scaled(samples[..., -1], depth), (255, 255, 255))
                else:
                    theirs = pillow(data)
                    theirs = np.repeat(theirs[..., None], 3, 2) if theirs.ndim == 2 else theirs
                    # Pillow reads gray of 2 and 4 bits as any gray, and RGB of 16 bits as its upper bytes
                    assert np.array_equal(theirs, rgb), (color, depth, interlaced)
                add(f"png/type{color}_{depth}bit{'_interlaced' if interlaced else ''}", data, pixels=rgb.astype(np.uint8),
                    kind="blended" if blended else "png", source="formula" if blended else "pillow")
    for width, height in ((1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (4, 4), (5, 3), (8, 8), (33, 2)):
        add(f"png/interlaced_{width}x{height}", png(picture(width, height, 3, 255), 2, 8, True))
    for kind in range(5):
        add(f"png/filter{kind}", png(picture(21, 9, 3, 255), 2, 8, choice=lambda y: kind))
        add(f"png/filter{kind}_1bit", png(picture(21, 9, 1, 1), 0, 1, choice=lambda y: kind))
        add(f"png/filter{kind}_16bit", png(picture(21, 9, 1, 65535), 0, 16, choice=lambda y: kind))
    for level in (0, 1, 9):
        add(f"png/level{level}", png(picture(40, 30, 3, 255), 2, 8, level=level))


def odd_pngs():
    samples = picture(17, 11, 3, 255, 3)
    good = png(samples, 2, 8)
    raw = png_data(samples, 8, choice=lambda y: y % 5)
    head, stream, end = SIGNATURE + header(samples, 2, 8), zlib.compress(raw), chunk(b"IEND")
    idat = chunk(b"IDAT", stream)

    add("png/surplus_40_bytes_of_rows", head + chunk(b"IDAT", zlib.compress(raw + bytes(40))) + end, good)
    add("png/surplus_200000_bytes_of_rows", head + chunk(b"IDAT", zlib.compress(raw + bytes(200000))) + end, good)
    add("png/surplus_after_the_stream", head + chunk(b"IDAT", stream + b"surplus") + end, good)
    add("png/surplus_idat_after_the_stream", head + idat + chunk(b"IDAT", b"more") + end, good)
    add("png/wrong_adler", head + chunk(b"IDAT", stream[:-4] + b"\0\0\0\0") + end, good)
    add("png/no_adler", head + chunk(b"IDAT", stream[:-4]) + end, good)
    add("png/half_an_adler", head + chunk(b"IDAT", stream[:-2]) + end, good)
    add("png/no_iend", head + idat, good)
    add("png/iend_without_crc", head + idat + end[:-4], good)
    add("png/iend_with_wrong_crc", head + idat + chunk(b"IEND", crc=7), good)
    add("png/iend_with_data", head + idat + chunk(b"IEND", b"abc"), good)
    add("png/last_crc_missing", head + idat[:-4], good)
    add("png/last_crc_cut", head + idat[:-2], good)
    add("png/bytes_after_iend", good + b"\0" * 100, good)
    add("png/zip_after_iend", good + b"PK\x03\x04" + bytes(60), good)
    add("png/chunks_after_iend", good + chunk(b"tEXt", b"a\0b") + chunk(b"JUNK", b"ab"), good)
    add("png/png_after_iend", good + good, good)
    add("png/garbage_after_the_data", head + idat + b"\xff" * 30, good)
    add("png/unknown_critical_after_the_data", head + idat + chunk(b"QRST", b"1") + end, good)
    for size in (1, 2, 3, 7, 64):
        parts = b"".join(chunk(b"IDAT", stream[i:i + size]) for i in range(0, len(stream), size))
        add(f"png/idat_of_{size}", head + parts + end, good)
    add("png/empty_idats", head + chunk(b"IDAT") + chunk(b"IDAT", stream[:9]) + chunk(b"IDAT") +
        chunk(b"IDAT", stream[9:]) + chunk(b"IDAT") + end, good)
    add("png/other_chunks_between_idats", head + chunk(b"IDAT", stream[:30]) + chunk(b"tEXt", b"a\0b") +
        chunk(b"IDAT", stream[30:]) + end, good)
    for kind, body in ((b"tEXt", b"Software\0x"), (b"zTXt", b"a\0\0broken"), (b"iTXt", b"x"), (b"gAMA", b"\0\0\xb1\x8f"),
                       (b"cHRM", bytes(31)), (b"sRGB", b"\x09"), (b"iCCP", b"name\0\0not zlib"), (b"pHYs", bytes(3)),
                       (b"tIME", bytes(40)), (b"bKGD", bytes(5)), (b"hIST", bytes(3)), (b"sBIT", bytes(1)),
                       (b"sPLT", b"\0"), (b"acTL", bytes(3)), (b"fcTL", bytes(26)), (b"eXIf", b"II"),
                       (b"vpAg", b"\1\2"), (b"prVW", bytes(99))):
        name = kind.decode()
        add(f"png/{name}_wrong_crc", head + chunk(kind, body, 1) + idat + end, good)
        add(f"png/{name}_odd_body", head + chunk(kind, body) + idat + end, good)
        add(f"png/{name}_after_the_data", head + idat + chunk(kind, body, 1) + end, good)
    add("png/chunk_with_length_beyond_the_file_after_the_data", head + idat + struct.pack(">I", 2**31) + b"tEXtab", good)
    add("png/suggested_palette_of_odd_length", head + chunk(b"PLTE", bytes(7)) + idat + end, good)
    add("png/suggested_palette_twice", head + chunk(b"PLTE", bytes(9)) * 2 + idat + end, good)
    add("png/suggested_palette_after_the_data", head + idat + chunk(b"PLTE", bytes(9)) + end, good)
    add("png/trns_after_the_data", head + idat + chunk(b"tRNS", bytes(6)) + end, good)
    add("png/trns_of_odd_length", head + chunk(b"tRNS", bytes(5)) + idat + end, pixels=pillow(good), source="before")
    add("png/trns_with_wrong_crc", head + chunk(b"tRNS", struct.pack(">HHH", *samples[0, 0]), 3) + idat + end,
        pixels=pillow(good), source="before")
    for window in range(8):
        flags = window << 4 | 8
        add(f"png/zlib_window_{8 << window}", head + chunk(b"IDAT", bytes([flags << 0, 31 - flags * 256 % 31]) + stream[2:]) +
            end, good)
    small = picture(15, 7, 1, 15, 4)
    add("png/short_palette", png(small, 3, 4, palette=colours(5)),
        pixels=as_rgb(small, 3, 4, colours(5)).astype(np.uint8))
    add("png/long_palette", png(small % 4, 3, 2, palette=colours(200)),
        pixels=as_rgb(small % 4, 3, 2, colours(200)).astype(np.uint8))
    add("png/wide_20000", png(np.zeros((2, 14000, 1), dtype=np.int64) + 1, 0, 1))


def transparent_pngs():
    white = (255, 255, 255)
    for background in (white, (0, 0, 0), (10, 200, 90), None):
        word = {white: "white", None: "dropped"}.get(background, "black" if background == (0, 0, 0) else "green")
        for color, depth in ((4, 8), (6, 8), (4, 16), (6, 16)):
            samples = picture(14, 10, SAMPLES[color], 2**depth - 1, 5)
            rgb = as_rgb(samples, color, depth)
            if background:
                rgb = over(rgb, scaled(samples[..., -1], depth), background)
            add(f"png/alpha{color}_{depth}bit_{word}", png(samples, color, depth), pixels=rgb.astype(np.uint8),
                kind="blended" if background else "png", background=background)
        samples = picture(14, 10, 1, 15, 6)
        alpha = np.full(256, 255)
        alpha[:6] = (0, 30, 128, 200, 255, 1)
        rgb = as_rgb(samples, 3, 4, colours(16))
        if background:
            rgb = over(rgb, alpha[samples[..., 0]], background)
        add(f"png/palette_alpha_{word}", png(samples, 3, 4, palette=colours(16), trns=bytes(alpha[:6].tolist())),
            pixels=rgb.astype(np.uint8), kind="blended" if background else "png", background=background)
    for color, depth in ((0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16)):
        samples = picture(14, 10, SAMPLES[color], 2**depth - 1, 7)
        samples[3:5, 2:9] = samples[0, 0]
        key = samples[0, 0]
        alpha = np.where((samples == key).all(axis=2), 0, 255)
        add(f"png/key{color}_{depth}bit", png(samples, color, depth, trns=struct.pack(f">{len(key)}H", *key)),
            pixels=over(as_rgb(samples, color, depth), alpha, white))


def deep_pngs():
    for bits in (8, 9, 10, 12, 14, 16, 0):
        top = 4095 if bits in (0, 12) else 2**bits - 1
        for color in (0, 2):
            samples = picture(12, 9, SAMPLES[color], top, bits)
            if bits == 0:
                largest = samples.max()
                out = (samples * 255 + largest // 2) // largest
            else:
                out = np.minimum(255, samples >> (bits - 8))
            out = out if color == 2 else np.repeat(out, 3, axis=2)
            add(f"png/{'stretched' if bits == 0 else f'{bits}_significant_bits'}_type{color}", png(samples, color, 16),
                pixels=out.astype(np.uint8), bits=bits)


def exif(orientation, order="<", kind=3, entries=1):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(order + {1: "B3x", 3: "H2x", 4: "I", 8: "h2x", 9: "i"}[kind], orientation)
    filler = struct.pack(order + "HHII", 0x010F, 2, 4, 0x41414141) * (entries - 1)
    return (mark + struct.pack(order + "I", 8) + struct.pack(order + "H", entries) + filler +
            struct.pack(order + "HHI", 0x0112, kind, 1) + value + bytes(4))


def turned(array, orientation):
    flips = {1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
             5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1), 7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
             8: lambda a: np.rot90(a)}
    return np.ascontiguousarray(flips[orientation](array))


def bad_pngs():
    samples = picture(17, 11, 3, 255, 3)
    raw = png_data(samples, 8)
    head, stream, end = SIGNATURE + header(samples, 2, 8), zlib.compress(raw), chunk(b"IEND")
    idat = chunk(b"IDAT", stream)

    def bad(name, data, error):
        add("png/bad_" + name, data, error=error)

    bad("crc_of_idat", head + chunk(b"IDAT", stream, 5) + end, "the checksum of the chunk IDAT is wrong")
    bad("crc_of_ihdr", SIGNATURE + head[8:-1] + b"x" + idat + end, "the checksum of the chunk IHDR is wrong")
    bad("filter", head + chunk(b"IDAT", zlib.compress(raw[:52 * 3] + b"\7" + raw[52 * 3 + 1:])) + end,
        "filter of row 3: expected 0 to 4, got 7")
    bad("rows_missing", head + chunk(b"IDAT", zlib.compress(raw[:-1])) + end, "the image data have 571 bytes, expected 572")
    bad("cut", head + idat[:100], " of 572 bytes of the rows are there")
    bad("without_data", head + end, "the file ends early: it has no image data")
    bad("critical", head + chunk(b"QRST") + idat + end, "the critical chunk QRST is unknown")
    bad("iphone", SIGNATURE + chunk(b"CgBI", bytes(4)) + head[8:] + idat + end, "IHDR must come first")
    bad("palette_missing", png(samples[..., :1] % 16, 3, 4), "the palette is missing")
    bad("bomb", SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 8192, 8192, 16, 6, 0, 0, 0)) + idat + end,
        "the image data have less than")
    broken = bytearray(stream)
    broken[2] |= 6
    bad("deflate", head + chunk(b"IDAT", broken) + end, "@44: deflate: invalid block type 3")
    bad("deflate_in_pieces", head + chunk(b"IDAT", broken[:1]) + chunk(b"IDAT", broken[1:]) + end, "@56: deflate")


# ---- JPEG ---------------------------------------------------------------------------------------------------------

ZIGZAG_SIZE = 64


def saved(array, **options):
    out = io.BytesIO()
    Image.fromarray(array, options.pop("mode", None)).save(out, "JPEG", **options)
    return out.getvalue()


def segments(data):
    """The segments of a JPEG as (marker, body), with the coded data after each scan header as (None, data)."""
    out, at = [], 2
    while at < len(data):
        marker = data[at + 1]
        if marker == 0xD9:
            break
        length = struct.unpack(">H", data[at + 2:at + 4])[0]
        out.append((marker, data[at + 4:at + 2 + length]))
        at += 2 + length
        if marker == 0xDA:
            start = at
            while not (data[at] == 0xFF and data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7):
                at += 1
            out.append((None, data[start:at]))
    return out


def segment(marker, body, fill=0, zeros=0):
    if marker is None:
        return bytes(body)
    return bytes(zeros) + b"\xff" * (1 + fill) + bytes([marker]) + struct.pack(">H", len(body) + 2) + bytes(body)


def joined(parts, end=b"\xff\xd9", **padding):
    return b"\xff\xd8" + b"".join(segment(m, b, **padding) for m, b in parts) + end


DC = [bytes([0, 1, 5, 1, 1, 1, 1, 1, 1] + [0] * 7) + bytes(range(12)),
      bytes([0, 3] + [1] * 9 + [0] * 5) + bytes(range(12))]


def standard_tables():
    tables = {}
    for marker, body in segments(saved(np.zeros((8, 8, 3), np.uint8))):
        while marker == 0xC4 and body:
            count = sum(body[1:17])
            tables[body[0]] = body[1:17 + count]
            body = body[17 + count:]
    return tables


def codes_of(table):
    code, at, codes = 0, 16, {}
    for length in range(1, 17):
        for _ in range(table[length - 1]):
            codes[table[at]] = format(code, f"0{length}b")
            code += 1
            at += 1
        code <<= 1
    return codes


class Encoder:
    """A JPEG from coefficients: components are (number, across, down, quantization table)."""

    def __init__(self, width, height, components, seed=1):
        self.width, self.height, self.components = width, height, components
        self.most_across = max(c[1] for c in components)
        self.most_down = max(c[2] for c in components)
        self.tables = standard_tables()
        self.codes = {k: codes_of(t) for k, t in self.tables.items()}
        self.mcus = (-(-width // (8 * self.most_across)), -(-height // (8 * self.most_down)))
        self.blocks = []
        for k, (_, across, down, _) in enumerate(components):
            shape = (self.mcus[1] * down, self.mcus[0] * across, 64)
            block = np.zeros(shape, dtype=np.int64)
            some = noise(shape[0] * shape[1] * 8, seed * 10 + k).reshape(shape[0], shape[1], 8)
            block[..., 0] = some[..., 0] % 61 - 30
            for i, where in enumerate((1, 2, 3, 5, 9, 20)):
                block[..., where] = (some[..., 1 + i] % 9 - 4) * (some[..., 7] >> i & 1)
            self.blocks.append(block)

    @staticmethod
    def number(value):
        size = int(abs(value)).bit_length()
        return size, format(value if value > 0 else value + 2**size - 1, f"0{size}b") if size else ""

    def block(self, coefficients, prediction, dc, ac, first, last):
        bits = ""
        if first == 0:
            size, number = self.number(int(coefficients[0] - prediction))
            bits += self.codes[dc][size] + number
        run = 0
        if last > 0:
            for k in range(max(1, first), last + 1):
                if coefficients[k] == 0:
                    run += 1
                    continue
                while run > 15:
                    bits += self.codes[0x10 | ac][0xF0]
                    run -= 16
                size, number = self.number(int(coefficients[k]))
                bits += self.codes[0x10 | ac][run << 4 | size] + number
                run = 0
            if run:
                bits += self.codes[0x10 | ac][0]
        return bits

    def scan(self, which, restart=0, first=0, last=63, table=lambda k: min(k, 1)):
        """The coded data of a scan of these components."""
        if len(which) == 1:
            _, across, down, _ = self.components[which[0]]
            wide = -(-(-(-self.width * across // self.most_across)) // 8)
            high = -(-(-(-self.height * down // self.most_down)) // 8)
            mcus = [[(0, y, x)] for y in range(high) for x in range(wide)]
        else:
            mcus = [[(i, y * self.components[k][2] + v, x * self.components[k][1] + h) for i, k in enumerate(which)
                     for v in range(self.components[k][2]) for h in range(self.components[k][1])]
                    for y in range(self.mcus[1]) for x in range(self.mcus[0])]
        out, bits, prediction = b"", "", [0] * len(which)

        def flush(bits):
            bits += "1" * (-len(bits) % 8)
            return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)).replace(b"\xff", b"\xff\0")

        for n, mcu in enumerate(mcus):
            if restart and n and n % restart == 0:
                out += flush(bits) + bytes([0xFF, 0xD0 + (n // restart - 1) % 8])
                bits, prediction = "", [0] * len(which)
            for i, y, x in mcu:
                k = which[i]
                bits += self.block(self.blocks[k][y, x], prediction[i], table(k), table(k), first, last)
                prediction[i] = self.blocks[k][y, x, 0]
        return out + flush(bits)

    def frame(self, marker=0xC0, precision=8):
        body = struct.pack(">BHHB", precision, self.height, self.width, len(self.components))
        return marker, body + bytes(v for n, a, d, q in self.components for v in (n, a << 4 | d, q))

    def scan_header(self, which, first=0, last=63, bits=0, table=lambda k: min(k, 1)):
        return 0xDA, bytes([len(which)]) + bytes(v for k in which for v in (self.components[k][0], table(k) * 17)) + bytes(
            [first, last, bits])

    def quantization(self, which=(0, 1), wide=False):
        return [(0xDB, bytes([t | (16 if wide else 0)]) + b"".join(
            struct.pack(">H" if wide else "B", 3 + t + i // 8) for i in range(64))) for t in which]

    def huffman(self, which=(0, 1, 0x10, 0x11)):
        return [(0xC4, bytes([t]) + self.tables[t]) for t in which]

    def parts(self, scans=None, marker=0xC0, restart=0, front=()):
        scans = scans or [list(range(len(self.components)))]
        out = list(front) + self.quantization() + self.huffman() + [self.frame(marker)]
        if restart:
            out.append((0xDD, struct.pack(">H", restart)))
        for which in scans:
            out += [self.scan_header(which), (None, self.scan(which, restart))]
        return out


JFIF = (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")


def adobe(transform):
    return 0xEE, b"Adobe\0\x64\0\0\0\0" + bytes([transform])


def photo(width=27, height=21, channels=3, seed=9):
    array = picture(width, height, channels, 255, seed).astype(np.uint8)
    return array if channels > 1 else array[..., 0]


def edited_jpegs():
    """Edits that leave the picture as it is, of a gray file, of one in colour, and of a progressive one."""
    kinds = {"gray": (saved(photo(channels=1), quality=85), "gray"),
             "colour": (saved(photo(), quality=90, subsampling=0), "colour"),
             "progressive": (saved(photo(), quality=90, subsampling=0, progressive=True), "colour")}
    for word, (good, kind) in kinds.items():
        parts = segments(good)
        body = parts[1:]  # without JFIF

        def odd(name, data, before=good):
            add(f"jpeg/{word}_{name}", data, before, kind=kind)

        odd("as_it_is", good)
        odd("fill_bytes", joined(parts, fill=3))
        odd("zero_bytes", joined(parts, zeros=7))
        odd("zero_and_fill_bytes", joined(parts, zeros=2, fill=1, end=b"\0\0\xff\xff\xff\xd9"))
        odd("no_end", good[:-2])
        odd("half_an_end", good[:-1])
        odd("zeros_instead_of_an_end", good[:-2] + bytes(50))
        odd("surplus", good + b"surplus \xff\xd8\xff\xda" * 9)
        odd("second_image", good + good)
        odd("second_image_without_an_end", good[:-2] + good)
        odd("comment_of_no_bytes", joined([(0xFE, b"")] + parts))
        odd("unknown_application", joined([parts[0], (0xE5, bytes(700)), (0xEF, b"\xff\xd8\xff\xd9")] + body))
        odd("xmp_and_profile", joined([parts[0], (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), (0xE2, b"ICC_PROFILE\0\1\1bad")]
                                      + body))
        odd("empty_exif", joined([parts[0], (0xE1, b"Exif\0\0")] + body))
        odd("exif_thumbnail", joined([parts[0], (0xE1, b"Exif\0\0" + exif(1) + good)] + body))
        odd("tem_marker", good[:2] + b"\xff\x01" + good[2:])
        odd("no_jfif", joined(body))
        odd("jfif_last", joined([p for p in body if p[0] not in (None, 0xDA)] + [parts[0]] +
                                body[[p[0] for p in body].index(0xDA):]) if word != "progressive" else joined(parts))
        odd("dri_of_zero", joined([parts[0], (0xDD, b"\0\0")] + body))
        odd("stuffed_byte_between_segments", joined(parts[:1], end=b"") + b"\xff\0abc" + joined(body)[2:])
        odd("restart_marker_between_segments", joined(parts[:1], end=b"") + b"\xff\xd3" + joined(body)[2:])
    parts = segments(kinds["colour"][0])
    tables = [p for p in parts if p[0] in (0xDB, 0xC4)]
    frame, rest = [p for p in parts if p[0] == 0xC0], parts[[p[0] for p in parts].index(0xDA):]
    good = kinds["colour"][0]

    def same(name, parts, **padding):
        add("jpeg/colour_" + name, joined(parts, **padding), good, kind="colour")

    same("tables_reversed", [JFIF] + tables[::-1] + frame + rest)
    same("frame_first", frame + [JFIF] + tables + rest)
    same("quantization_after_huffman", [JFIF] + tables[len(tables) // 2:] + frame + tables[:len(tables) // 2] + rest)
    for marker in (0xDB, 0xC4):
        one = (marker, b"".join(b for m, b in tables if m == marker))
        same(f"one_segment_{marker:x}", [JFIF, one] + [t for t in tables if t[0] != marker] + frame + rest)
    same("tables_twice", [JFIF] + tables + tables + frame + rest)
    same("wrong_tables_first", [JFIF, (0xDB, b"\0" + b"\1" * 64), (0xC4, b"\0" + bytes([1] + [0] * 15) + b"\5")] + tables +
         frame + rest)
    same("unused_table_that_is_damaged", [JFIF, (0xC4, b"\3" + bytes([9] + [0] * 15) + bytes(9))] + tables + frame + rest)
    scan = rest[0][1]
    for first, last, bits in ((0, 0, 0), (0, 64, 0), (0, 255, 0), (1, 63, 0), (5, 5, 0), (63, 0, 0), (0, 63, 1), (0, 63, 0x10),
                              (0, 63, 0xFF), (255, 255, 255)):
        same(f"scan_{first}_{last}_{bits:02x}", [JFIF] + tables + frame + [(0xDA, scan[:-3] + bytes([first, last, bits]))] +
             rest[1:])
    for padding in (b"\0", b"\0" * 60, b"\xff\0", b"\xff\0" * 9, b"\x7f\xff\0\x55" * 5):
        same(f"surplus_data_{padding[:4].hex()}_{len(padding)}", [JFIF] + tables + frame + [rest[0], (None, rest[1][1] + padding)])
    same("fill_bytes_before_a_stuffed_byte", [JFIF] + tables + frame + [rest[0], (None, rest[1][1].replace(b"\xff\0", b"\xff\xff\0"))])
    same("number_of_lines", [JFIF] + tables + frame + rest + [(0xDC, struct.pack(">H", 21))])
    same("extended", [JFIF] + tables + [(0xC1, frame[0][1])] + rest)
    same("segments_after_the_scan", [JFIF] + tables + frame + rest + [(0xFE, b"later"), (0xE1, bytes(9))])
    same("cut_segment_after_the_scan", [JFIF] + tables + frame + rest, end=b"\xff\xfe\x44\x44abc")


def composed_jpegs():
    """Every sampling, order of scans, restart interval, number of components and kind of colours."""
    def make(name, encoder, kind, **options):
        add("jpeg/" + name, joined(encoder.parts(**options)), kind=kind)

    def three(luma, blue=(1, 1), red=(1, 1), numbers=(1, 2, 3), size=(37, 29), seed=1):
        return Encoder(*size, [(numbers[0], *luma, 0), (numbers[1], *blue, 1), (numbers[2], *red, 1)], seed)

    for luma in ((1, 1), (2, 1), (1, 2), (2, 2), (4, 1), (1, 4), (4, 2), (2, 4)):
        for word, options in (("", {}), ("_three_scans", dict(scans=[[0], [1], [2]])),
                              ("_two_scans", dict(scans=[[0], [1, 2]])), ("_restart", dict(restart=2))):
            make(f"sampling_{luma[0]}x{luma[1]}{word}", three(luma, seed=luma[0]), "colour", **options)
    make("sampling_of_chroma_only", three((1, 1), (2, 2), (2, 2)), "colour")
    make("sampling_different_chroma", three((2, 2), (2, 1), (1, 2)), "colour")
    make("sampling_all_2x2", three((2, 2), (2, 2), (2, 2)), "colour", scans=[[0], [1], [2]])
    make("scans_backwards", three((2, 1)), "colour", scans=[[2], [1], [0]])
    for across, down in ((1, 1), (2, 2), (4, 1), (3, 3), (1, 2)):
        for restart in (0, 1, 3):
            make(f"gray_{across}x{down}_restart{restart}", Encoder(37, 29, [(1, across, down, 0)], 5), "gray", restart=restart)
    for restart in (1, 4, 5, 60, 65535):
        make(f"restart_{restart}", three((2, 2)), "colour", restart=restart)
    encoder = three((2, 1), seed=4)
    for word, surplus in (("one_byte", b"\x5a"), ("a_stuffed_byte", b"\xff\0"),
                          ("64_bytes", bytes(range(64))), ("zeros", bytes(9)),
                          ("65_bytes", bytes(range(1, 66))),
                          ("2047_bytes", bytes(int(v) % 255 for v in noise(2047, 9))),
                          ("2047_zeros", bytes(2047))):
        parts, plain = encoder.parts(restart=2), joined(encoder.parts(restart=2))
        data = parts[-1][1]
        for n in range(8):
            data = data.replace(bytes([0xFF, 0xD0 + n]), surplus + bytes([0xFF, 0xD0 + n]))
        add(f"jpeg/restart_after_{word}", joined(parts[:-1] + [(None, data)]), plain, kind="colour")
    for numbers in ((0, 1, 2), (1, 1, 1), (0, 0, 0), (7, 200, 3), (34, 35, 36), (3, 2, 1)):
        make(f"numbers_{'_'.join(map(str, numbers))}", three((1, 1), numbers=numbers), "colour")
    letters = tuple(b"RGB")
    make("rgb_letters", three((1, 1), numbers=letters), "colour")
    make("rgb_letters_jfif", three((1, 1), numbers=letters), "colour", front=[JFIF])
    for transform in (0, 1, 2):
        make(f"adobe_{transform}", three((1, 1)), "colour", front=[adobe(transform)])
        make(f"adobe_{transform}_jfif", three((1, 1)), "colour", front=[JFIF, adobe(transform)])
        make(f"adobe_{transform}_letters", three((1, 1), numbers=letters), "colour", front=[adobe(transform)])
        four = Encoder(37, 29, [(k + 1, 1, 1, 0) for k in range(4)], 3)
        make(f"four_components_adobe_{transform}", four, "colour", front=[adobe(transform)])
    make("four_components", Encoder(37, 29, [(k + 1, 1, 1, 0) for k in range(4)], 4), "colour")
    make("four_components_subsampled", Encoder(37, 29, [(1, 2, 2, 0), (2, 1, 1, 1), (3, 1, 1, 1), (4, 2, 2, 0)], 4),
         "colour", front=[adobe(2)])
    add("jpeg/cmyk_by_pillow", saved(photo(channels=4), mode="CMYK", quality=90), kind="colour")
    add("jpeg/rgb_by_pillow", saved(photo(), keep_rgb=True, quality=90), kind="colour")
    for size in ((1, 1), (1, 40), (40, 1), (8, 8), (9, 17), (16, 16), (65, 3)):
        make(f"size_{size[0]}x{size[1]}", three((2, 2), size=size), "colour")
        make(f"size_{size[0]}x{size[1]}_scans", three((2, 1), size=size), "colour", scans=[[0], [1], [2]])
    e = three((1, 1))
    add("jpeg/quantization_of_16_bits", joined(e.quantization(wide=True) + e.huffman() + [e.frame(0xC1)] +
        [e.scan_header([0, 1, 2]), (None, e.scan([0, 1, 2]))]), kind="colour")
    plain = joined(e.parts())
    add("jpeg/motion_jpeg_without_tables", joined([p for p in e.parts() if p[0] != 0xC4]), plain, kind="colour")
    add("jpeg/only_two_tables", joined([p for p in e.parts() if p[0] != 0xC4 or p[1][0] in (0, 0x10)]), plain, kind="colour")
    two = e.quantization() + e.huffman() + [e.frame()]
    for k in range(3):  # tables between the scans; the second definition must not reach back
        two += [e.scan_header([k]), (None, e.scan([k]))] + ([(0xDB, b"\0" + b"\x63" * 64)] if k == 0 else [])
    add("jpeg/tables_between_scans", joined(two), plain, kind="colour")
    other = e.quantization() + e.huffman((0, 0x10)) + [e.frame()]
    for k in range(3):  # one number for all tables, defined again before each scan
        other += [(0xC4, bytes([t]) + e.tables[t | min(k, 1)]) for t in (0, 0x10)]
        other += [e.scan_header([k], table=lambda k: 0), (None, e.scan([k]))]
    add("jpeg/one_table_number", joined(other), plain, kind="colour")
    changing = e.quantization() + e.huffman() + [e.frame()]
    for k, restart in enumerate((3, 0, 1)):
        changing += [(0xDD, struct.pack(">H", restart)), e.scan_header([k]), (None, e.scan([k], restart))]
    add("jpeg/restart_interval_between_scans", joined(changing), plain, kind="colour")
    for word, bands in (("dc_only", ()), ("two_bands", ((1, 5), (6, 63))), ("one_band", ((1, 63),)),
                        ("bands_backwards", ((6, 63), (1, 5))), ("many_bands", tuple((k, k) for k in range(1, 21)))):
        parts = e.quantization() + e.huffman() + [e.frame(0xC2)]
        parts += [e.scan_header([0, 1, 2], 0, 0), (None, e.scan([0, 1, 2], 0, 0, 0))]
        for first, last in bands:
            for k in range(3):
                parts += [e.scan_header([k], first, last), (None, e.scan([k], 0, first, last))]
        # Pillow smooths pictures of which only the lowest coefficients are there: the same ones in a sequential file
        least = Encoder(37, 29, e.components)
        for block in least.blocks:
            for k in range(1, 64):
                if not any(first <= k <= last for first, last in bands):
                    block[..., k] = 0
        if word == "two_bands":
            # a selector of a table that the scan does not use: of AC in a scan of DC coefficients, and the reverse
            def with_unused(b):  # b: a scan header; its selectors are every second byte of the middle
                bits = 0x0F if b[-3] == 0 else 0xF0
                return b[:1] + bytes(v | bits if i % 2 else v for i, v in enumerate(b[1:-3])) + b[-3:]

            unused = [(m, with_unused(b) if m == 0xDA else b) for m, b in parts]
            assert unused != parts and pillow(joined(unused)) is not None
            add("jpeg/progressive_unused_table_numbers", joined(unused), pixels=pillow(joined(least.parts())),
                kind="colour", source="before")
        add(f"jpeg/progressive_{word}", joined(parts), pixels=pillow(joined(least.parts())), kind="colour", source="before")
    for subsampling in (0, 1, 2):
        for restart in (0, 3):
            add(f"jpeg/progressive_subsampling{subsampling}_restart{restart}",
                saved(photo(45, 35), quality=92, subsampling=subsampling, progressive=True, restart_marker_blocks=restart),
                kind="colour")
    whole = saved(photo(45, 35, 1), quality=92, progressive=True)
    parts = segments(whole)
    scans = [i for i, p in enumerate(parts) if p[0] is None]
    for n, last in list(enumerate(scans[:-1]))[3:]:  # Pillow smooths pictures of fewer scans
        add(f"jpeg/progressive_{n + 1}_of_{len(scans)}_scans", joined(parts[:last + 1]), kind="gray")
    wide = np.zeros((8, 20000), np.uint8) + 77
    add("jpeg/wide_20000", saved(wide[:, :14000], quality=50), kind="gray")


def turned_files():
    array = photo(22, 13)
    good = saved(array, quality=92, subsampling=0)
    upright = pillow(good)
    body = segments(good)[1:]
    for orientation in range(1, 9):
        for order, word in (("<", "little"), (">", "big")):
            data = joined([JFIF, (0xE1, b"Exif\0\0" + exif(orientation, order, entries=1 + orientation % 3))] + body)
            pixels = turned(upright, orientation)
            assert np.array_equal(pillow(data), pixels), orientation
            add(f"exif/jpeg_{orientation}_{word}", data, pixels=pixels, kind="colour", source="pillow")
        flat = picture(9, 6, 3, 255, 2)
        data = png(flat, 2, 8, before=chunk(b"eXIf", exif(orientation)))
        assert np.array_equal(pillow(data), turned(flat, orientation)), orientation
        add(f"exif/png_{orientation}", data, pixels=turned(flat, orientation).astype(np.uint8), source="pillow")
        later = png(flat, 2, 8, after=chunk(b"eXIf", exif(orientation, ">")))
        add(f"exif/png_{orientation}_after_the_data", later, pixels=turned(flat, orientation).astype(np.uint8))
    for word, tiff in (("byte", exif(6, "<", 1)), ("long", exif(6, ">", 4)), ("sshort", exif(6, ">", 8)),
                       ("slong", exif(6, "<", 9))):
        add(f"exif/jpeg_6_as_{word}", joined([JFIF, (0xE1, b"Exif\0\0" + tiff)] + body), pixels=turned(upright, 6),
            kind="colour")
    ordinary = exif(6)
    for word, tiff in (("0", exif(0)), ("9", exif(9)), ("65535", exif(65535)), ("no_tag", ordinary.replace(b"\x12\1", b"\x13\1")),
                       ("cut", ordinary[:15]), ("no_directory", ordinary[:6]), ("far", ordinary[:4] + b"\xff\xff\xff\xff"),
                       ("order", b"IM" + ordinary[2:]), ("magic", b"II+\0" + ordinary[4:]),
                       ("many", ordinary[:8] + b"\xff\xff" + ordinary[10:14].replace(b"\x12\1", b"\x0f\1"))):
        add(f"exif/jpeg_damaged_{word}", joined([JFIF, (0xE1, b"Exif\0\0" + tiff)] + body), pixels=upright, kind="colour",
            source="before")


def bad_jpegs():
    e = Encoder(37, 29, [(1, 2, 2, 0), (2, 1, 1, 1), (3, 1, 1, 1)])
    parts = e.parts()

    def bad(name, data, error):
        add("jpeg/bad_" + name, data, error=error)

    def with_frame(marker, precision=8):
        return joined([e.frame(marker, precision) if p[0] == 0xC0 else p for p in parts])

    for marker in (0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF):
        bad(f"arithmetic_{marker:x}", with_frame(marker), "arithmetic coding is not supported, only Huffman coding")
    for marker in (0xC5, 0xC6, 0xC7):
        bad(f"hierarchical_{marker:x}", with_frame(marker), "hierarchical coding is not supported")
    bad("lossless", with_frame(0xC3), "lossless coding is not supported")
    bad("jpeg_ls", with_frame(0xF7), "JPEG-LS is not supported")
    bad("12_bits", with_frame(0xC1, 12), "12 bits per sample are not supported, only 8")
    whole = joined(parts)
    start = len(joined(parts[:-1], end=b""))
    bad("cut_in_the_scan", whole[:start + 40], "the file ends early: scan 1 has ")
    bad("cut_in_the_tables", whole[:300], "the file ends early, in a segment")
    bad("cut_before_the_scan", whole[:start - 14], "the file ends early, before its image data")
    flat = saved(photo(45, 35, 1), quality=92, progressive=True)
    p = segments(flat)
    scans = [i for i, s in enumerate(p) if s[0] is None]
    bad("progressive_without_its_last_scan", joined(p[:scans[-2] + 1], end=b""), "is not complete")
    bad("progressive_cut", flat[:-40], "the file ends early: scan ")
    two = Encoder(16, 16, [(1, 1, 1, 0), (2, 1, 1, 0)])
    bad("two_components", joined(two.parts()), "components: expected 1 (gray), 3 (colour) or 4 (CMYK), got 2")
    third = Encoder(48, 48, [(1, 3, 1, 0), (2, 2, 1, 0), (3, 1, 1, 0)])
    bad("sampling_3_to_2", joined(third.parts()), "sampling factors whose ratio is no integer")
    bad("no_quantization", joined([s for s in parts if s[0] != 0xDB]), "a scan needs a table that is missing")
    bad("damaged_table", joined([(m, b"\0" + bytes([3] + [0] * 15) + bytes(3)) if m == 0xC4 and b[0] == 0 else (m, b)
                                 for m, b in parts]), "a Huffman table that is damaged")
    extreme = Encoder(8, 8, [(1, 1, 1, 0)])
    extreme.blocks[0][..., 0] = 1023
    bad("extreme_coefficients", joined([(0xDB, b"\0" + bytes([255] * 64)) if m == 0xDB and b[0] == 0 else (m, b)
                                        for m, b in extreme.parts()]), "scan 1: sum of the absolute coefficients of a block: ")
    bad("component_without_scan", joined(e.parts(scans=[[0], [2]])), "no scan has component 2")


def write():
    valid_pngs()
    odd_pngs()
    transparent_pngs()
    deep_pngs()
    edited_jpegs()
    composed_jpegs()
    turned_files()
    bad_pngs()
    bad_jpegs()
    out, places = io.BytesIO(), {}
    for case in cases:
        pixels, shared = b"", -1
        if case["error"] is None:
            array = np.ascontiguousarray(case["pixels"], dtype=np.uint8)
            case["pixels"] = array if array.ndim == 3 else array[..., None]
            height, width, channels = case["pixels"].shape
            key = (case["pixels"].tobytes(), height, width, channels)
            shared = places.get(key, -1)
            pixels = key[0] if shared < 0 else b""
            places.setdefault(key, len(places))
        else:
            height = width = channels = 0
        error = (case["error"] or "").encode()
        background = case["background"] or (-1, -1, -1)
        fields = [case["name"], case["source"], len(case["data"]), len(error), len(pixels), shared, height, width, channels,
                  case["tolerance"], case["bits"], *background]
        out.write(" ".join(map(str, fields)).encode() + b"\n" + case["data"] + error + pixels)
    with open(ARCHIVE, "wb") as file:
        file.write(gzip.compress(out.getvalue(), 9, mtime=0))
    refused = sum(c["error"] is not None for c in cases)
    count = {s: sum(c["source"] == s and c["error"] is None for c in cases) for s in ("pillow", "before", "formula")}
    print(f"{len(cases) - refused} files with pixels {count}, {refused} to be refused, {len(out.getvalue())} bytes, "
          f"{os.path.getsize(ARCHIVE)} compressed")


def read():
    data, at, arrays = gzip.decompress(open(ARCHIVE, "rb").read()), 0, []
    while at < len(data):
        end = data.index(b"\n", at)
        name, source, *numbers = data[at:end].decode().split(" ")
        size, error, pixels, shared, height, width, channels = map(int, numbers[:7])
        file = data[end + 1:end + 1 + size]
        at = end + 1 + size + error + pixels
        if pixels:
            arrays.append(np.frombuffer(data[at - pixels:at], dtype=np.uint8).reshape(height, width, channels))
        if not error:
            yield name, source, file, arrays[shared]


def check():
    """Pillow gives the stored pixels. Other versions of libjpeg may differ by 1 in gray, by 2 in colour."""
    wrong = seen = 0
    for name, source, file, pixels in read():
        if source != "pillow":
            continue
        seen += 1
        now = pillow(file)
        now = now[..., None] if now is not None and now.ndim == 2 else now
        if now is not None and now.shape[2] == 1 and pixels.shape[2] == 3:
            now = np.repeat(now, 3, axis=2)
        allowed = 0 if "png" in name else 2
        if now is None or now.shape != pixels.shape or np.abs(now.astype(int) - pixels).max() > allowed:
            wrong += 1
            print(f"{name}: Pillow {Image.__version__} gives other pixels")
    print(f"{seen} files, {wrong} of them differ")
    return wrong == 0 and seen > 200


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(0 if check() else 1)
    write()
