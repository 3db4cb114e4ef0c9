# SPDX-License-Identifier: MIT
"""A long way: bytes to 127.0.0.1:PORT and back arrive half a round trip late. It prints the port it
listens on. relay.py PORT ROUND-TRIP-MS"""
import asyncio
import sys


async def pump(reader, writer, delay_s):
    """What was read waits in order; reading goes on meanwhile."""
    loop = asyncio.get_running_loop()
    while True:
        data = await reader.read(65536)
        loop.call_later(delay_s, writer.write if data else lambda _: writer.close(), data)
        if not data:
            return


async def serve(port, delay_s):
    async def relay(reader, writer):
        await asyncio.sleep(delay_s)
        try:
            far_reader, far_writer = await asyncio.open_connection('127.0.0.1', port)
            await asyncio.gather(pump(reader, far_writer, delay_s),
                                 pump(far_reader, writer, delay_s))
        except OSError:
            writer.close()
    server = await asyncio.start_server(relay, '127.0.0.1', 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == '__main__':
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 2000))
