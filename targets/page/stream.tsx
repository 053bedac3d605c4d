// One stream: how much is in it, and the latest event of each of its keys.

import { useEffect, useState } from 'preact/hooks';
import { asRefusal, get, type Refusal } from './connection.ts';
import type { Entry } from './contract.ts';
import { save } from './deeds.tsx';
import { Refused, useDeed } from './dialog.tsx';
import { bytes, counted, grouped, rate, summary } from './format.ts';
import { Heading, Section } from './frame.tsx';
import { Icon } from './icons.tsx';
import type { Known } from './known.ts';
import { Ago } from './moment.tsx';
import { href } from './route.ts';
import { lately } from './spark.ts';
import { Spark } from './streams.tsx';
import { usePart, type Watched } from './watched.ts';

/** Keys of a page, how often the first page is asked for again, ms, and rows that are drawn. */
const PAGE = 1_000, AGAIN = 4_000, DRAWN = 200;

interface Latest { latest: Entry[]; next?: string }

/** The latest events of a stream's keys: the first page again and again, others when they are asked for. */
function useLatest(stream: string): { entries: readonly Entry[]; next: string | undefined; refusal: Refusal | undefined; come: boolean; more(): void } {
  const [state, set] = useState<{ stream: string; pages: Latest[]; refusal: Refusal | undefined }>({ stream, pages: [], refusal: undefined });
  const path = `/api/streams/${encodeURIComponent(stream)}/latest?limit=${PAGE}`;
  useEffect(() => {
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      try {
        if (document.visibilityState === 'visible') {
          const page = await get<Latest>(path, end.signal);
          set((old) => ({ stream, pages: [page, ...(old.stream === stream ? old.pages.slice(1) : [])], refusal: undefined }));
        }
      } catch (error) {
        if (!end.signal.aborted) set((old) => ({ stream, pages: old.stream === stream ? old.pages : [], refusal: asRefusal(error) }));
      }
      if (!end.signal.aborted) timer = setTimeout(() => void ask(), AGAIN);
    };
    void ask();
    return () => { end.abort(); clearTimeout(timer); };
  }, [stream]);
  const pages = state.stream === stream ? state.pages : [], next = pages.at(-1)?.next;
  return {
    entries: pages.flatMap(({ latest }) => latest), next, refusal: state.stream === stream ? state.refusal : undefined, come: pages.length > 0,
    more() {
      if (next === undefined) return;
      get<Latest>(`${path}&cursor=${encodeURIComponent(next)}`).then((page) => set((old) => ({ ...old, pages: [...old.pages, page] })), (error: unknown) => set((old) => ({ ...old, refusal: asRefusal(error) })));
    },
  };
}

/** The view of one stream. */
export function StreamView({ known, stream }: { known: Watched<Known>; stream: string }) {
  const row = usePart(known, (value) => value.head!.streams.find((each) => each.stream === stream)), sampleMs = usePart(known, (value) => value.head!.sampleMs);
  const { entries, next, refusal, come, more } = useLatest(stream);
  const [find, look] = useState(''), [drawn, draw] = useState(DRAWN);
  const csv = useDeed(() => save(`/api/streams/${encodeURIComponent(stream)}/events?format=csv`));
  const fitting = entries.filter(({ key, type }) => `${key} ${type}`.toLowerCase().includes(find.toLowerCase()));
  return <>
    <Heading sub={row === undefined ? 'nothing of it is held here' : <>{counted(row.events, 'event')} in {counted(row.logs, 'log')}{row.bytes !== undefined && `, ${bytes(row.bytes)} as stored`}, {rate(lately(row.rate, sampleMs / 1000))} now</>}>{stream}</Heading>
    {row !== undefined && <figure class="broad"><Spark counts={row.rate} seconds={sampleMs / 1000} /><figcaption>the last {counted(Math.max(1, Math.round(row.rate.length * sampleMs / 60_000)), 'minute')}, up to {rate(Math.max(0, ...row.rate) * 1000 / sampleMs)}</figcaption></figure>}
    <Refused refusal={refusal} />
    <Section name="latest" title={<>Latest of each key {come && <span class="count">{grouped(entries.length)}{next === undefined ? '' : '+'}</span>}</>} tools={<button type="button" disabled={csv.busy} onClick={csv.run}><Icon name="down" />Save all as CSV</button>}>
      <Refused refusal={csv.refusal} />
      {entries.length > 8 && <label class="find"><span class="hidden">Find keys</span><input type="search" placeholder={`Find in ${grouped(entries.length)} keys`} value={find} onInput={(event) => look(event.currentTarget.value)} /></label>}
      {!come ? refusal === undefined && <p class="quiet">…</p> : entries.length === 0 ? <p class="none">No keys.</p> : <table class="latest">
        <thead><tr><th scope="col">Key</th><th scope="col">Latest</th><th scope="col">By</th><th scope="col" class="number">When</th></tr></thead>
        <tbody>{fitting.slice(0, drawn).map((each) => <tr key={each.key}>
          <th scope="row"><a href={href('streams', stream, each.key)}>{each.key}</a><small>{each.type}</small></th>
          <td class="body">{summary(each.body)}</td>
          <td class="by"><a href={href('nodes', each.node)}>{known.value.nodes.get(each.node)?.name ?? each.node.slice(0, 8)}</a></td>
          <td class="number"><Ago at={each.time} /></td>
        </tr>)}</tbody>
      </table>}
      {fitting.length > drawn ? <p><button type="button" onClick={() => draw(drawn + 500)}>Show more keys</button></p> : next !== undefined && <p><button type="button" onClick={more}>Ask for more keys</button></p>}
    </Section>
  </>;
}
