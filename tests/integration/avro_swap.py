"""Avro files with one text in place of another: what a hostile writer makes of a manifest."""
import zlib


def number(value):
    """Zig-zag, as lengths are kept."""
    value, out = value << 1, b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def read_number(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at


def header(data):
    """*where the first block begins*, the codec, the sync marker."""
    assert data[:4] == b"Obj\x01"
    at, codec = 4, b"null"
    while True:
        count, at = read_number(data, at)
        if count == 0:
            return at + 16, codec, data[at:at + 16]
        if count < 0:
            count, (_, at) = -count, read_number(data, at)
        for _ in range(count):
            pair = []
            for _ in range(2):
                size, at = read_number(data, at)
                pair.append(data[at:at + size])
                at += size
            codec = pair[1] if pair[0] == b"avro.codec" else codec


def swapped(data, old, new):
    """Every text that begins with `old` begins with `new` instead."""
    at, codec, sync = header(data)
    out, changed = data[:at], 0
    while at < len(data):
        count, at = read_number(data, at)
        size, at = read_number(data, at)
        block = data[at:at + size]
        at += size + 16
        plain = zlib.decompress(block, -15) if codec == b"deflate" else block
        place = plain.find(old)
        while place >= 0:
            start = next(place - back for back in (3, 2, 1) if place >= back and read_number(plain, place - back)[1] == place)
            length, _ = read_number(plain, start)
            text = new + plain[place + len(old):place + length]
            plain = plain[:start] + number(len(text)) + text + plain[place + length:]
            changed += 1
            place = plain.find(old, start + len(number(len(text))) + len(text))
        if codec == b"deflate":
            packer = zlib.compressobj(6, zlib.DEFLATED, -15)
            plain = packer.compress(plain) + packer.flush()
        out += number(count) + number(len(plain)) + plain + sync
    assert changed, "nothing to change"
    return out
