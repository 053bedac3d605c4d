// What the page knows of the fleet: asked for once, then kept up to date by the changes that the node sends.

import { follow, get, Refusal, asRefusal, type Message } from './connection.ts';
import type { FleetHead, FleetPage, FleetPatch, Session } from './contract.ts';
import { addPage, addPatch, type Held } from './merge.ts';
import { now, setClock } from './now.ts';
import { watched, type Watched } from './watched.ts';

/** How it stands with the connection: `live`, or since when it is not, by this browser's clock; `words`: why, where the node said so. */
export interface Standing { live: boolean; since: number; words?: string | undefined }

/** Everything that views show of the fleet. */
export interface Known extends Held {
  session: Session | undefined;
  /** Whether all pages of nodes have come. */
  whole: boolean;
  standing: Standing;
  /** Why nothing is known at all. */
  refusal: Refusal | undefined;
}

/** Nodes of the first page, which is drawn before the others are asked for, and of the others. */
const FIRST = 200, MORE = 1_000;
/** Waits before what failed at the start is tried again, ms. */
const AGAIN = 2_000;
/** Changes that come within this are drawn together, ms. */
const TOGETHER = 60;

/** Nothing known yet. */
export function nothingKnown(): Watched<Known> {
  return watched<Known>({ session: undefined, head: undefined, nodes: new Map(), turn: 0, whole: false, standing: { live: false, since: Date.now() }, heard: 0, refusal: undefined }, TOGETHER);
}

/** Keeps `known` up to date until `signal`. Resolves early, with `refusal`, when the token is not taken. */
export async function keepKnown(known: Watched<Known>, signal: AbortSignal): Promise<void> {
  const change = (part: Partial<Known>): void => known.set({ ...known.value, ...part });
  let beat = 0;
  const lost = (words?: string): void => {
    const { standing, heard } = known.value;
    // Where nothing changed, nothing was said: what is shown was right until the last sign of life.
    if (standing.live || words !== standing.words) change({ standing: { live: false, since: standing.live ? Date.now() : standing.since, words }, heard: Math.max(heard, beat) });
  };
  while (!signal.aborted) {
    try {
      const { version } = await begin(known, signal);
      const again = new AbortController(), end = (): void => again.abort();
      signal.addEventListener('abort', end);
      let refused: Refusal | undefined;
      await follow(`/api/fleet/follow?from=${encodeURIComponent(version)}`, {
        state: (live) => { if (live) change({ standing: { live, since: Date.now() } }); else lost(); },
        tell: (message) => { if (!take(known, message)) end(); },
        beat: () => { beat = now(); },
        refused: (refusal) => { refused = refusal; lost(refusal.status === 0 ? undefined : refusal.message); },
      }, again.signal);
      signal.removeEventListener('abort', end);
      if (refused?.status === 401) throw refused;
    } catch (error) {
      if (signal.aborted) return;
      const refusal = asRefusal(error);
      change({ refusal });
      if (refusal.status === 401) return;
      lost(refusal.message);
      await new Promise((resolve) => { setTimeout(resolve, AGAIN); });
    }
  }
}

/** Asks for everything. The first time it is shown as it comes; later the whole takes the place of the whole, so that nothing jumps. */
async function begin(known: Watched<Known>, signal: AbortSignal): Promise<FleetHead> {
  const [session, page] = await Promise.all([get<Session>('/api/session', signal), get<FleetPage>(`/api/fleet?limit=${FIRST}`, signal)]);
  setClock(page.now);
  const first = known.value.head === undefined, later: FleetPage[] = [];
  if (first) known.set({ ...addPage(known.value, page, true), session, refusal: undefined, whole: page.next === undefined });
  for (let next = page.next; next !== undefined;) {
    const more: FleetPage = await get<FleetPage>(`/api/fleet?limit=${MORE}&after=${encodeURIComponent(next)}`, signal);
    next = more.next;
    if (first) known.set({ ...addPage(known.value, more, false), whole: next === undefined });
    else later.push(more);
  }
  if (!first) {
    known.value.nodes.clear();
    known.set({ ...later.reduce((held, more) => addPage(held, more, false), addPage(known.value, page, true)), session, refusal: undefined, whole: true });
  }
  return page;
}

/** Whether what came could be used; if not, everything is asked for again. */
function take(known: Watched<Known>, { event, data }: Message): boolean {
  if (event === 'reload') return false;
  if (event !== 'message') return true;
  try {
    const patch = JSON.parse(data) as FleetPatch;
    setClock(patch.now);
    known.set(addPatch(known.value, patch));
  } catch { return false; }
  return true;
}
