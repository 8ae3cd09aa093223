#!/usr/bin/python3
"""Caption texts as CLIP4Cir's rules give them, in Python's own string methods.

Run in this folder: writes ../resources/org/rafclip/data/fashioniq/captions.json
"""

import json
import pathlib

PAIRS = [
    ["is blue", "has no collar"],
    ["Is Longer.", "Has a V-Neck, and buttons."],
    [" , is red?", "more Formal...  "],
    ["THE SKIRT IS A-LINE", "IT HAS POLKA DOTS!"],
    ["2 pockets", "\u00e9vas\u00e9e, Plus Claire"],
    ["no. 5 print", "a.b"],
    ["x", "Y"],
    ["?!", "is it green?"],
]


def clean(text):
    return text.strip(".?, ")


cases = [
    {
        "captions": [a, b],
        "joined": f"{clean(a).capitalize()} and {clean(b)}",
        "swapped": f"{clean(b).capitalize()} and {clean(a)}",
        "single": [clean(a).capitalize(), clean(b).capitalize()],
    }
    for a, b in PAIRS
]
target = pathlib.Path(__file__).parent / "../resources/org/rafclip/data/fashioniq/captions.json"
target.write_text(json.dumps(cases, indent=1) + "\n")
