// `sync` and `listen`: one exchange with another node, and waiting for others to come.

import { isLoopback, parseAddress } from '../../src/io/address.ts';
import { asWritten, type Command } from './command.ts';
import { checkListenUrl, checkUrl, schemeOf, shownUrl } from './link-url.ts';
import { openDatabase } from './open.ts';
import { byteText, counted } from './output.ts';

/** Aborts at the first Ctrl-C or SIGTERM; the second one ends the process as usual. */
function interrupt(): AbortController {
  const end = new AbortController();
  const stop = () => end.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  return end;
}

export const syncCommand: Command = {
  name: 'sync',
  positionals: ['URL'],
  summary: 'exchange events with another node once, until both hold the same',
  about: [
    'Both nodes must belong to one fleet. What arrives is on stable storage as it arrives: an exchange that breaks off is continued by the next one, over any link.',
    'With --json: {"sent","received","bytesOut","bytesIn","ms"}: events, and bytes on the wire.',
  ],
  flags: {},
  examples: [['holdfast sync tcp://pump-house:7700', 'bring both up to date'], ['holdfast sync mqtts://user@broker.example?password-file=/etc/holdfast/broker', 'with all members at a broker'], ['holdfast sync serial:/dev/ttyUSB0?baud=9600', 'over a serial line, with whoever is at its other end'], ['holdfast sync file:/media/usb', 'with whoever gets the stick: read it, then write it'], ['holdfast sync tcp://[fd00::7]:7700 --json', 'an IPv6 address stands in brackets']],
  async run({ command, dir, positionals, out }) {
    const url = positionals[0]!;
    await asWritten(command, () => checkUrl(url));
    const database = await openDatabase({ dir, out });
    const end = interrupt();
    try {
      out.progress(`connecting to ${shownUrl(url)}`);
      const { sent, received, bytesOut, bytesIn, ms } = await database.sync(url, end.signal, (sent, received) => out.progress(`sent ${byteText(sent)}, received ${byteText(received)}`));
      out.progress('');
      await out.result({ sent, received, bytesOut, bytesIn, ms }, () =>
        `sent ${counted(sent, 'event')} (${byteText(bytesOut)}), received ${counted(received, 'event')} (${byteText(bytesIn)}) in ${(ms / 1000).toFixed(1)} s; ${schemeOf(url) === 'file' ? 'safe to remove' : 'both sides hold the same'}`);
    } finally {
      out.progress('');
      await database.close();
    }
  },
};

export const listenCommand: Command = {
  name: 'listen',
  positionals: ['URL'],
  summary: 'wait for other nodes at a link, until Ctrl-C',
  about: [
    'Prints `listening on URL` when it is ready, with the port that the system chose if the URL says 0. Only members of the fleet get further than the handshake.',
    '`holdfast run` does the same and more; this command serves one link in the foreground.',
  ],
  flags: {},
  examples: [
    ['holdfast listen tcp://0.0.0.0:7700', 'wait on every address of this machine'],
    ['holdfast listen tcp://127.0.0.1:0', 'on this machine only, at any free port'],
    ['holdfast listen serial:/dev/ttyS1?baud=115200', 'at a serial port'],
  ],
  async run({ command, dir, positionals, out }) {
    const url = positionals[0]!;
    await asWritten(command, () => checkListenUrl(url));
    const local = schemeOf(url) === 'tcp' && isLoopback(parseAddress(url).host);
    const database = await openDatabase({ dir, out }, { serve: true });
    const end = interrupt();
    out.onGone = () => {};
    try {
      for await (const news of database.listen(url, end.signal)) {
        if (news.kind === 'listening') {
          await out.result({ listening: news.url }, () => `listening on ${news.url}`);
          if (local && process.stderr.isTTY) out.note('Only programs on this machine can connect; tcp://0.0.0.0:PORT lets the network in.');
        } else if (news.kind === 'connected') {
          if (!out.json) await out.line(`connected: ${news.peer}`);
        } else {
          const { sent, received } = news.exchange;
          if (!out.json) await out.line(`ended: ${news.peer}: sent ${counted(sent, 'event')}, received ${counted(received, 'event')} (${news.reason})`);
          else await out.line(JSON.stringify({ peer: news.peer, ...news.exchange, reason: news.reason }));
        }
        await out.flush();
      }
    } finally {
      await database.close();
    }
  },
};
