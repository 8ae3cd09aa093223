"""Reads a TensorBoard log folder independently of the project's own code, by the published formats alone.

Prints one JSON list of the folder's events in TensorBoard's order (files by name), checksums verified. Where TensorBoard
itself is installed, its accumulator has to see the same curves. Standard library only otherwise.
Usage: python3 read_events.py FOLDER
"""
import json
import os
import struct
import sys


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    with open(path, "rb") as file:
        content = file.read()
    at = 0
    while at < len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        assert struct.unpack_from("<I", content, at + 8)[0] == masked(content[at:at + 8]), "length checksum"
        data = content[at + 12:at + 12 + length]
        assert struct.unpack_from("<I", content, at + 12 + length)[0] == masked(data), "data checksum"
        yield data
        at += 16 + length


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 1:
            (value,), at = struct.unpack_from("<d", data, at), at + 8
        elif kind == 5:
            (value,), at = struct.unpack_from("<f", data, at), at + 4
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
        else:
            raise ValueError(f"wire type {kind}")
        yield key >> 3, value


def event(data):
    result = {}
    for number, value in fields(data):
        if number == 1:
            result["time"] = value
        elif number == 2:
            result["step"] = value
        elif number == 3:
            result["version"] = value.decode()
        elif number == 5:
            points = [dict(fields(point)) for _, point in fields(value)]
            result["scalars"] = {point[1].decode(): point[2] for point in points}
        elif number == 7:
            result["session"] = dict(fields(value))[1]
    return result


def compare_with_tensorboard(folder, events):
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        return
    expected = {}
    for each in events:
        if each.get("session") == 1:
            for points in expected.values():
                points[:] = [point for point in points if point[0] < each["step"]]
        for tag, value in each.get("scalars", {}).items():
            expected.setdefault(tag, []).append((each.get("step", 0), value))
    seen = EventAccumulator(folder, size_guidance={"scalars": 0, "tensors": 0})
    seen.Reload()
    assert sorted(seen.Tags()["scalars"]) == sorted(expected), seen.Tags()
    for tag, points in expected.items():
        assert repr([(p.step, p.value) for p in seen.Scalars(tag)]) == repr(points), (tag, seen.Scalars(tag), points)


folder = sys.argv[1]
events = [event(data) for name in sorted(os.listdir(folder)) for data in records(os.path.join(folder, name))]
compare_with_tensorboard(folder, events)
for each in events:
    for tag, value in each.get("scalars", {}).items():
        each["scalars"][tag] = "NaN" if value != value else value
json.dump(events, sys.stdout)
