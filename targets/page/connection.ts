// Talks to the node that served this page: requests with the token, and streams of news that are opened again whenever they break.

/** What the node answered instead of what was asked for: its stable code and its words. */
export class Refusal extends Error {
  readonly code: string;
  readonly status: number;

  /** `status`: that of HTTP; 0 when the node could not be reached at all. */
  constructor(status: number, code: string, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const KEPT = 'holdfast-token';
/** Waits before a broken stream is opened again, ms: doubling from the first to the last. */
const FIRST_WAIT = 500, LAST_WAIT = 15_000;
/** The node sends a sign of life each 15 s; a stream that is silent for longer than this is dead, whatever the browser believes, ms. */
const SILENCE = 40_000;
/** A page that nobody looks at lets its streams go after this, ms: a browser has few connections to one server, and a phone one battery. */
const HIDDEN = 30_000;

let held: string | undefined;

/** The token: from the link that was opened (and taken out of it, so that it is not copied by accident), else as kept by this browser. */
export function token(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    keepToken(given);
    history.replaceState(null, '', location.pathname);
  }
  try { return given ?? localStorage.getItem(KEPT) ?? held; } catch { return given ?? held; }
}

/** Keeps a token for the next visit; where the browser keeps nothing, for this one. */
export function keepToken(value: string): void {
  held = value;
  try { localStorage.setItem(KEPT, value); } catch { /* storage is switched off */ }
}

/** Forgets the token, here and for later visits. */
export function dropToken(): void {
  held = undefined;
  try { localStorage.removeItem(KEPT); } catch { /* storage is switched off */ }
}

/** The header that says who asks. */
export function bearer(): { authorization: string } {
  return { authorization: `Bearer ${token() ?? ''}` };
}

/** What a refused answer says. */
export function refusalOf(status: number, text: string): Refusal {
  try {
    const { error } = JSON.parse(text) as { error?: { code?: string; message?: string } };
    if (error?.message !== undefined) return new Refusal(status, error.code ?? 'http', error.message);
  } catch { /* not an answer of ours: a proxy's page, or nothing */ }
  return new Refusal(status, 'http', `The node answered ${status}.`);
}

/** Any thrown thing as a refusal. */
export function asRefusal(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal(0, 'internal', error instanceof Error ? error.message : String(error));
}

/** Asks the node. Throws a `Refusal` for every answer that is not a success. */
export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers: { ...bearer(), ...init.headers as { [name: string]: string } | undefined } });
  } catch (error) {
    throw new Refusal(0, 'unreachable', init.signal?.aborted ? 'stopped' : `The node does not answer (${error instanceof Error ? error.message : String(error)}).`);
  }
  if (response.ok) return response;
  throw refusalOf(response.status, await response.text().catch(() => ''));
}

/** Asks for a JSON document. Throws a `Refusal`. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await (await ask(path, signal ? { signal } : {})).json() as T;
}

/** Asks for something to be done. Throws a `Refusal`. */
export async function post<T>(path: string, body: unknown): Promise<T> {
  return await (await ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })).json() as T;
}

/** A message of a server-sent stream. */
export interface Message { event: string; data: string }

/** Who is told of a stream: its messages, whether it is connected, why it could not be opened, and of each sign of life. */
export interface Follower { tell(message: Message): void; state(connected: boolean): void; refused?(refusal: Refusal): void; beat?(): void }

/**
 * Follows a server-sent stream until `signal`, with the token in a header (which the browser's own EventSource cannot send), going on after each break where the last one ended.
 * While nobody looks at the page it rests.
 */
export async function follow(path: string, { tell, state, refused, beat }: Follower, signal: AbortSignal): Promise<void> {
  let last = '', wait = FIRST_WAIT;
  while (!signal.aborted) {
    await visible(signal);
    const cut = new AbortController(), end = (): void => cut.abort();
    signal.addEventListener('abort', end);
    const forget = whenHidden(end);
    try {
      const response = await ask(path, { headers: { accept: 'text/event-stream', ...(last ? { 'last-event-id': last } : {}) }, signal: cut.signal });
      state(true);
      wait = FIRST_WAIT;
      await read(response.body!, cut, (id, message) => {
        beat?.();
        if (id !== undefined) last = id;
        if (message) tell(message);
      });
    } catch (error) {
      if (!cut.signal.aborted) refused?.(asRefusal(error));
      // A wrong token or cursor will not become right by asking again.
      if (error instanceof Refusal && error.status === 401) { state(false); return; }
      if (error instanceof Refusal && error.status === 400) last = '';
    } finally {
      forget();
      signal.removeEventListener('abort', end);
    }
    state(false);
    if (signal.aborted) return;
    if (document.visibilityState === 'visible') await pause(wait, signal);
    wait = Math.min(wait * 2, LAST_WAIT);
  }
}

/** Waits; less when the network comes back or the page is looked at again. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}

function visible(signal: AbortSignal): Promise<void> {
  if (document.visibilityState === 'visible') return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.visibilityState !== 'visible' && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

function whenHidden(end: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    clearTimeout(timer);
    if (document.visibilityState !== 'visible') timer = setTimeout(end, HIDDEN);
  };
  look();
  document.addEventListener('visibilitychange', look);
  return () => { clearTimeout(timer); document.removeEventListener('visibilitychange', look); };
}

async function read(body: ReadableStream<Uint8Array>, cut: AbortController, tell: (id: string | undefined, message: Message | undefined) => void): Promise<void> {
  const reader = body.getReader(), decoder = new TextDecoder();
  let rest = '', timer: ReturnType<typeof setTimeout> | undefined;
  try {
    for (;;) {
      clearTimeout(timer);
      timer = setTimeout(() => cut.abort(), SILENCE);
      const { done, value } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop()!;
      for (const block of blocks) {
        let id: string | undefined, event = 'message';
        const data: string[] = [];
        for (const line of block.split(/\r?\n/)) {
          const [, name, text] = /^(\w+):? ?(.*)$/s.exec(line) ?? [];
          if (name === 'id') id = text;
          else if (name === 'event') event = text!;
          else if (name === 'data') data.push(text!);
        }
        tell(id, data.length ? { event, data: data.join('\n') } : undefined);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}
