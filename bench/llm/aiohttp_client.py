"""aiohttp on asyncio, one session: what a Python program would do. Prints seconds, processor seconds, MiB, and how many were answered."""
import asyncio
import json
import resource
import sys
import time

import aiohttp


async def main(url, count, in_flight):
    numbers = iter(range(count))
    answered = 0

    async def worker(session):
        nonlocal answered
        for number in numbers:
            body = {"model": "small", "messages": [{"role": "system", "content": "State the facts."},
                                                   {"role": "user", "content": f'<node n="{number}"/>'}]}
            async with session.post(url + "/chat/completions", json=body) as response:
                answered += response.status == 200 and bool(json.loads(await response.read())["choices"])

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight)) as session:
        started, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*(worker(session) for _ in range(in_flight)))
        print(time.perf_counter() - started, time.process_time() - used, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, answered)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
