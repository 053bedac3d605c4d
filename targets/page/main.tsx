// The page of one node: what it holds and how it is, live.

import { render } from 'preact';
import { useState } from 'preact/hooks';
import type { Report } from '../program/database.ts';
import { keepToken, token } from './connection.ts';
import { Latest, Live, type LatestShown } from './events.tsx';
import { Links } from './links.tsx';
import { useLive, usePolled } from './shown.ts';
import { Alarms, Head, Inputs, Machine } from './state.tsx';
import { Streams, type StreamShown } from './streams.tsx';

/** How often the status is asked for, and the latest values, ms. */
const STATUS_MS = 2_000, LATEST_MS = 3_000;

function TokenForm({ wrong, given }: { wrong: boolean; given(): void }) {
  const [text, setText] = useState('');
  return <main class="token">
    <h1>Holdfast</h1>
    <p>{wrong ? 'That token is not the one of this node.' : 'This page shows what the node holds to whoever has its token.'} On the machine itself, <code>holdfast page</code> prints a link that has it.</p>
    <form onSubmit={(event) => { event.preventDefault(); if (text.trim() === '') return; keepToken(text.trim()); given(); }}>
      <label for="token">Token</label>
      <input id="token" type="password" autocomplete="current-password" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit">Open</button>
    </form>
  </main>;
}

function Page() {
  const [known, setKnown] = useState({ tries: 0, has: token() !== undefined });
  const status = usePolled<Report>(known.has ? `/api/status?try=${known.tries}` : undefined, STATUS_MS);
  const refused = status.refusal?.status === 401;
  if (!known.has || refused) return <TokenForm wrong={refused} given={() => setKnown({ tries: known.tries + 1, has: true })} />;
  if (status.value === undefined) return <p class="quiet opening">{status.refusal?.message ?? 'Opening …'}</p>;
  return <Open report={status.value} stale={status.stale ? status.refusal?.message ?? 'The node does not answer.' : undefined} />;
}

function Open({ report, stale }: { report: Report; stale: string | undefined }) {
  const [chosen, choose] = useState<string>();
  const [paused, pause] = useState(false);
  const held = usePolled<{ streams: StreamShown[]; sampleMs: number }>('/api/streams', STATUS_MS).value;
  const streams: readonly StreamShown[] = held?.streams ?? report.streams;
  // Of what is not chosen the largest is most likely what is looked for.
  const shownStream = chosen ?? streams.reduce<StreamShown | undefined>((most, each) => (most === undefined || each.events > most.events ? each : most), undefined)?.stream;
  const latest = usePolled<{ latest: LatestShown[] }>(shownStream === undefined ? undefined : `/api/streams/${encodeURIComponent(shownStream)}/latest`, LATEST_MS).value?.latest;
  const live = useLive(`/api/follow${chosen === undefined ? '' : `?streams=${encodeURIComponent(chosen)}`}`, paused);
  const names = new Map(report.members.map((each) => [each.node, each.name]));
  const now = Date.now();
  document.title = `${report.worries.some(({ kind }) => kind === 'bad') ? '⚠ ' : ''}${report.name} · Holdfast`;
  return <>
    <Head report={report} stale={stale} />
    <main>
      <div class="column">
        <Alarms report={report} />
        <Streams streams={streams} sampleMs={held?.sampleMs ?? 10_000} chosen={chosen} choose={choose} />
        {shownStream !== undefined && <Latest stream={shownStream} latest={latest} now={now} key={shownStream} />}
        <Live entries={live.entries} names={names} stream={chosen} paused={paused} pause={pause} waiting={live.waiting} connected={live.connected} />
      </div>
      <div class="column">
        <Links report={report} now={now} />
        <Inputs report={report} />
        <Machine report={report} />
      </div>
    </main>
  </>;
}

render(<Page />, document.getElementById('page')!);
