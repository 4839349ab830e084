"""Python's re, a rule after another on each line: answers a line `RULES\tFOLDER\tBYTES` with MB/s."""
import os
import re
import sys
import time


def search(rules, folder, limit):
    patterns = []
    with open(rules) as lines:
        for line in lines:
            regex = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", line[1:].rstrip("\n"))
            patterns.append(re.compile(regex.encode(), re.IGNORECASE if line[0] == "1" else 0))
    names = sorted(os.path.join(place, name) for place, _, files in os.walk(folder) for name in files)
    done = found = 0
    started = time.perf_counter()
    for name in names:
        if done >= limit:
            break
        with open(name, "rb") as lines:
            for line in lines:
                done += len(line)
                line = line.rstrip(b"\r\n")
                for pattern in patterns:
                    match = pattern.search(line)
                    if match:
                        found += len(match.groups()) >= 0
    return done / 1e6 / (time.perf_counter() - started)


for question in sys.stdin:
    print(search(*(part if i < 2 else int(part) for i, part in enumerate(question.rstrip("\n").split("\t")))), flush=True)
