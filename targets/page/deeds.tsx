// What can be done about a node, each asked first: download a bundle for it, revoke it, release what is in quarantine of it.

import { useState } from 'preact/hooks';
import { post } from './connection.ts';
import { Dialog, Field, Refused, useDeed } from './dialog.tsx';
import { bytes, counted, span } from './format.ts';
import { Icon } from './icons.tsx';
import type { Known } from './known.ts';
import { usePart, type Watched } from './watched.ts';

/** What was asked for. */
export interface Asked { deed: 'bundle' | 'revoke' | 'release'; node: string }

/** Has the browser save what a path of the API answers. The token stays in a header: what stands in the address is a ticket that is good once. */
export async function save(path: string): Promise<void> {
  const { url } = await post<{ url: string }>('/api/tickets', { path });
  const link = document.createElement('a');
  link.href = url;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
}

/** The dialog for what was asked. */
export function Ask({ known, asked, close }: { known: Watched<Known>; asked: Asked; close(): void }) {
  const row = usePart(known, (value) => value.nodes.get(asked.node));
  const name = row?.name ?? asked.node.slice(0, 12);
  if (asked.deed === 'bundle') return <BundleFor known={known} node={asked.node} name={name} close={close} />;
  return asked.deed === 'revoke' ? <Revoke node={asked.node} name={name} self={row?.self ?? false} close={close} /> : <Release known={known} node={asked.node} name={name} close={close} />;
}

function BundleFor({ known, node, name, close }: { known: Watched<Known>; node: string; name: string; close(): void }) {
  const lacks = usePart(known, (value) => value.nodes.get(node)?.lacks ?? null);
  const deed = useDeed(async () => { await save(`/api/nodes/${node}/bundle`); return true; });
  return <Dialog title={`A bundle for ${name}`} close={close}>
    <p>{lacks === null ? 'What this node holds is not known yet; the bundle has what it may lack.' : lacks.events === 0 ? 'It is known to hold all that is here: the bundle would have little more in it than greetings.' : <>It lacks about <b>{counted(lacks.events, 'event')}</b>, {bytes(lacks.bytes)}{lacks.drainMs === null ? '' : `; its link would need ${span(lacks.drainMs)} for them`}.</>}</p>
    <p class="quiet">Put the file on a stick and carry it there: <code>holdfast import</code> takes it in, in any order, any number of times. It is encrypted; who finds it can read nothing.</p>
    <Refused refusal={deed.refusal} />
    {deed.done === true && <p class="well" role="status">The browser saves it as a file now.</p>}
    <div class="buttons"><button type="button" onClick={close}>{deed.done ? 'Close' : 'Cancel'}</button><button type="button" class="main" autofocus disabled={deed.busy} onClick={deed.run}><Icon name="down" />{deed.busy ? 'Making it …' : 'Download'}</button></div>
  </Dialog>;
}

function Revoke({ node, name, self, close }: { node: string; name: string; self: boolean; close(): void }) {
  const [why, say] = useState('');
  const deed = useDeed(() => post<{ name: string }>(`/api/nodes/${node}/revoke`, self ? { why: why.trim(), self } : { why: why.trim() }));
  if (deed.done !== undefined) return <Dialog title={`${name} is revoked`} close={close}>
    <p role="status">Each node shuts it out as soon as it hears of this. New keys are made; what it records from now on goes into quarantine.</p>
    <div class="buttons"><button type="button" class="main" onClick={close}>Close</button></div>
  </Dialog>;
  return <Dialog title={`Revoke ${name}?`} close={close}>
    <p><b>It is shut out of the fleet</b>, everywhere, as the word goes round. What is known of its history up to now stays valid; all else that it writes or has written is quarantined, and it gets no new keys.</p>
    <p>It cannot be undone: to let it back in, invite it again{self ? '. This is the node that shows you this page: you lock yourself out' : ''}.</p>
    <form onSubmit={(event) => { event.preventDefault(); if (why.trim() !== '') deed.run(); }}>
      <Field name="why" label="Why" hint="All nodes keep this with the revocation, for whoever looks into it later."><input id="why" autofocus aria-describedby="why-hint" value={why} required maxLength={200} placeholder="stolen from the van" onInput={(event) => say(event.currentTarget.value)} /></Field>
      <Refused refusal={deed.refusal} />
      <div class="buttons"><button type="button" onClick={close}>Cancel</button><button type="submit" class="main danger" disabled={deed.busy || why.trim() === ''}>{deed.busy ? 'Revoking …' : `Revoke ${name}`}</button></div>
    </form>
  </Dialog>;
}

function Release({ known, node, name, close }: { known: Watched<Known>; node: string; name: string; close(): void }) {
  const held = usePart(known, (value) => value.nodes.get(node)?.quarantine ?? null);
  const deed = useDeed(() => post<{ name: string }>(`/api/nodes/${node}/release`, {}));
  if (deed.done !== undefined) return <Dialog title="Released" close={close}>
    <p role="status">What is in quarantine of {name} counts from now on, on every node that holds it.</p>
    <div class="buttons"><button type="button" class="main" onClick={close}>Close</button></div>
  </Dialog>;
  return <Dialog title={`Release what ${name} wrote?`} close={close}>
    <p>{held === null ? 'What is in quarantine of it' : <><b>{counted(held.segments, 'segment')}</b> ({bytes(held.bytes)}) of it</>} will count as if it had been allowed to write them: they go into views, and to all nodes. The node itself stays as it is.</p>
    <p class="quiet">Do this when you know that they are honest: a device that was revoked by mistake, or before its last readings came.</p>
    <Refused refusal={deed.refusal} />
    <div class="buttons"><button type="button" onClick={close}>Cancel</button><button type="button" class="main" autofocus disabled={deed.busy} onClick={deed.run}>{deed.busy ? 'Releasing …' : 'Release'}</button></div>
  </Dialog>;
}
