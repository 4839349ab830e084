"""Python's pools of one process, measured on request.

Reads lines `POOL TASK COUNT` and answers each with a line of JSON, as {"tasks_per_s": 8700.1}, or {"missing": "python3-joblib"}.
POOL is ppe (concurrent.futures) or loky (joblib's), with _chunks behind it for a hundred items at once; TASK is empty or 1_KiB.
The tasks are functions of C that both sides find by name, so that nothing but the pool takes time.
"""
import concurrent.futures
import json
import operator
import sys
import time
import zlib

TASKS = {"empty": (operator.neg, range), "1_KiB": (zlib.adler32, lambda count: [b"x" * 1024] * count)}
CHUNK = 100


def start(pool):
    """A pool with one worker; ImportError where it is not installed."""
    if pool == "ppe":
        return concurrent.futures.ProcessPoolExecutor(1)
    from joblib.externals.loky import ProcessPoolExecutor
    return ProcessPoolExecutor(1)


def tasks_per_second(executor, task, count, chunk):
    function, items = TASKS[task]
    items = items(count)
    expected = list(map(function, items))
    start = time.perf_counter()
    got = list(executor.map(function, items, chunksize=chunk))
    took = time.perf_counter() - start
    assert got == expected
    return count / took


def main():
    pools = {}
    for line in iter(sys.stdin.readline, ""):
        name, task, count = line.split()
        pool = name.removesuffix("_chunks")
        try:
            if pool not in pools:
                pools[pool] = start(pool)
            answer = {"tasks_per_s": tasks_per_second(pools[pool], task, int(count), 1 if pool == name else CHUNK)}
        except ImportError:
            answer = {"missing": "python3-joblib"}
        print(json.dumps(answer), flush=True)
    for pool in pools.values():
        pool.shutdown()


if __name__ == "__main__":
    main()
