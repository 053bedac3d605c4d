// The first connection of a process, while the client library is still being loaded: it breaks as any other does, and is dialled again.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createServer, type AddressInfo } from 'node:net';
import { mqttBroker } from '../../src/io/mqtt.ts';

const test = suite('first connection');

// The only test of its file: another one would have loaded the library before.
test('a broker that hangs up at once the first time is dialled again', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections++;
    socket.on('error', () => {}).resume().end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const broker = mqttBroker(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}?version=5`, { clientId: 'first', random: () => 0 });
  const reasons: string[] = [];
  broker.onDown = (reason) => reasons.push(reason);
  for (const end = performance.now() + 20_000; reasons.length < 2 && performance.now() < end;) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(reasons.length >= 2, `${connections} connections, ${reasons.length} of them seen to end`);
  assert.match(reasons[0]!, /closed the connection/);
  await broker.close();
  await new Promise((resolve) => server.close(resolve));
});

test.run();
