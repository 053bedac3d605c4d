// TCP links of a node that runs: peers are dialled again and again, exchanges end, listeners tell their news; the conversation itself is made up here.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf, Fault } from '../../src/fault.ts';
import type { Link } from '../../src/ports.ts';
import type { Exchange, ListenNews } from '../../targets/program/database.ts';
import type { LinkEvents } from '../../targets/program/links.ts';
import { tcpLinks, type Conversation } from '../../targets/program/tcp-links.ts';
import { framing } from '../../src/carry/frame.ts';

const test = suite('tcp links');
const DONE: Exchange = { sent: 1, received: 2, bytesOut: 3, bytesIn: 4, ms: 5 };

/** Says hello and, as the side that opened, ends once greeted; each side tells the other its name. */
function converse(name: string, patience = { once: true }) {
  return (link: Link, role: 'open' | 'accept', once: boolean): Conversation => {
    let end!: (exchange: Exchange) => void, fail!: (fault: Fault) => void;
    const done = new Promise<Exchange>((resolve, reject) => { end = resolve; fail = reject; });
    let peer: Conversation['peer'];
    link.onFrame = (frame) => {
      peer = { node: 'n', name: Buffer.from(frame).toString(), known: true };
      if (peer.name === 'enemy') { fail(new Fault('other-fleet', 'another fleet')); link.close(); }
      if (role === 'open' && once && patience.once) { end(DONE); link.close(); }
    };
    link.onClose = (reason) => fail(new Fault('link-closed', reason));
    link.send(Buffer.from(name));
    return { get peer() { return peer; }, resting: false, done, close: () => link.close('closed') };
  };
}
const quiet: LinkEvents = { connected: () => {}, ended: () => {} };
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('one exchange: its figures, or its fault with the URL in it', async () => {
  const server = tcpLinks(framing, converse('server'), quiet, Math.random);
  const client = tcpLinks(framing, converse('client'), quiet, Math.random);
  const { url } = await server.listen('tcp://127.0.0.1:0');
  assert.equal(await client.once(url, new AbortController().signal, () => {}), DONE);
  assert.equal(client.peers(), []);
  const stranger = tcpLinks(framing, converse('enemy'), quiet, Math.random);
  const enemyUrl = (await stranger.listen('tcp://127.0.0.1:0')).url;
  const fault = await client.once(enemyUrl, new AbortController().signal, () => {}).catch((error: unknown) => error as Fault);
  assert.is(codeOf(fault), 'other-fleet');
  assert.ok((fault as Fault).message.includes(enemyUrl));
  await Promise.all([server.close(), client.close(), stranger.close()]);
  assert.is(codeOf(await client.once(url, new AbortController().signal, () => {}).catch((error: unknown) => error)), 'link-failed');
});

test('an exchange that is given up ends as closed', async () => {
  const server = tcpLinks(framing, converse('server'), quiet, Math.random);
  const client = tcpLinks(framing, converse('client', { once: false }), quiet, Math.random);
  const { url } = await server.listen('tcp://127.0.0.1:0');
  const given = new AbortController();
  const exchange = client.once(url, given.signal, () => {}).catch(codeOf);
  await until(() => client.peers()[0]?.state === 'connected');
  given.abort();
  assert.is(await exchange, 'closed');
  await Promise.all([server.close(), client.close()]);
});

test('a peer is dialled until it is there, told once, and again after it went', async () => {
  const told: string[] = [];
  const events: LinkEvents = { connected: (_, peer) => void told.push(`connected ${peer.name}`), ended: (_, __, ___, retry) => void told.push(`ended ${retry !== undefined}`) };
  const first = tcpLinks(framing, converse('server'), quiet, Math.random);
  const { url } = await first.listen('tcp://127.0.0.1:0');
  await first.close();
  // No randomness and the shortest wait: half a second.
  const client = tcpLinks(framing, converse('client'), events, () => 0);
  client.keep({ url });
  await until(() => client.peers()[0]?.state === 'waiting');
  assert.match(client.peers()[0]!.reason ?? '', 'refused');
  const second = tcpLinks(framing, converse('server'), quiet, Math.random);
  await second.listen(url);
  await until(() => client.peers()[0]?.state === 'connected' && told.includes('connected server'));
  assert.equal([client.peers()[0]!.name, second.peers()[0]?.state], ['server', 'connected']);
  await second.close();
  await until(() => client.peers()[0]?.state === 'waiting');
  await client.close();
  assert.ok(told.filter((each) => each === 'connected server').length === 1 && told.at(-1) === 'ended true', told.join());
});

test('a listener tells its news and ends with its signal', async () => {
  const server = tcpLinks(framing, converse('server'), quiet, Math.random);
  const client = tcpLinks(framing, converse('client'), quiet, Math.random);
  const news: ListenNews[] = [];
  const end = new AbortController();
  const { url } = await server.listen('tcp://127.0.0.1:0', end.signal, (each) => void news.push(each));
  await client.once(url, new AbortController().signal, () => {});
  await until(() => news.length === 3);
  assert.equal(news.map(({ kind }) => kind), ['listening', 'connected', 'ended']);
  assert.equal(server.listening(), [url]);
  end.abort();
  assert.equal(server.listening(), []);
  await until(() => server.peers().length === 0);
  assert.is(codeOf(await client.once(url, new AbortController().signal, () => {}).catch((error: unknown) => error)), 'link-failed');
  await Promise.all([server.close(), client.close()]);
});

test('a link that leads back to this node is noticed on both ends, and nothing is said over it', async () => {
  let spoken = 0;
  const links = tcpLinks(framing, (link, role, once) => { if (role === 'open') spoken++; return converse('me')(link, role, once); }, quiet, () => 0);
  const { url } = await links.listen('tcp://127.0.0.1:0');
  assert.is(await links.once(url, new AbortController().signal, () => {}).catch(codeOf), 'bad-argument');
  links.keep({ url });
  await until(() => links.peers().some(({ state }) => state === 'waiting'));
  assert.match(links.peers().find(({ state }) => state === 'waiting')!.reason ?? '', 'leads back to this node itself');
  assert.ok(links.peers().every(({ state }) => state !== 'connected'));
  assert.ok(spoken <= 2);
  await links.close();
});

test.run();
