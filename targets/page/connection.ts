// Talks to the node that served this page: requests with the token, and the stream of events, opened again whenever it breaks.

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

/** The token: from the link that was opened (and taken out of it, so that it is not copied by accident), else as kept by this browser. */
export function token(): string | undefined {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    keepToken(given);
    history.replaceState(null, '', location.pathname);
  }
  try { return given ?? localStorage.getItem(KEPT) ?? undefined; } catch { return given ?? held; }
}

let held: string | undefined;

/** Keeps a token for the next visit; where the browser keeps nothing, for this one. */
export function keepToken(value: string): void {
  held = value;
  try { localStorage.setItem(KEPT, value); } catch { /* storage is switched off */ }
}

async function ask(path: string, headers: { [name: string]: string }, signal?: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { authorization: `Bearer ${token() ?? ''}`, ...headers }, ...(signal ? { signal } : {}) });
  } catch (error) {
    throw new Refusal(0, 'unreachable', signal?.aborted ? 'stopped' : `The node does not answer (${error instanceof Error ? error.message : String(error)}).`);
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => undefined) as { error?: { code?: string; message?: string } } | undefined;
  throw new Refusal(response.status, answer?.error?.code ?? 'http', answer?.error?.message ?? `The node answered ${response.status}.`);
}

/** Asks for a JSON document. Throws a `Refusal`. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await (await ask(path, {}, signal)).json() as T;
}

/** A message of a server-sent stream. */
interface Message { event: string; data: string }

/**
 * Follows a server-sent stream until `signal`, with the token in a header (which the browser's own EventSource cannot send), going on after each break where the last one ended.
 * `tell` gets each message; `state` hears whether it is connected.
 */
export async function follow(path: string, tell: (message: Message) => void, state: (connected: boolean) => void, signal: AbortSignal): Promise<void> {
  let last = '', wait = FIRST_WAIT;
  while (!signal.aborted) {
    try {
      const response = await ask(path, { accept: 'text/event-stream', ...(last ? { 'last-event-id': last } : {}) }, signal);
      state(true);
      wait = FIRST_WAIT;
      await read(response.body!, (id, message) => {
        if (id !== undefined) last = id;
        if (message) tell(message);
      });
    } catch (error) {
      // A wrong token or cursor will not become right by asking again.
      if (error instanceof Refusal && error.status === 401) return;
      if (error instanceof Refusal && error.status === 400) last = '';
    }
    state(false);
    if (signal.aborted) return;
    await new Promise((resolve) => { setTimeout(resolve, wait); });
    wait = Math.min(wait * 2, LAST_WAIT);
  }
}

async function read(body: ReadableStream<Uint8Array>, tell: (id: string | undefined, message: Message | undefined) => void): Promise<void> {
  const reader = body.getReader(), decoder = new TextDecoder();
  let rest = '';
  for (;;) {
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
}
