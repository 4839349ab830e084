"""Python's subprocess, measured on request.

Reads lines `COUNT PROGRAM [ARGUMENT...]`, runs the program so often, one after another, keeps what it writes, and answers with the
seconds that all of it took.
"""
import subprocess
import sys
import time


def main():
    for line in iter(sys.stdin.readline, ""):
        count, *command = line.split()
        start = time.perf_counter()
        for _ in range(int(count)):
            subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=True, env={})
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
