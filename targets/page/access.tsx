// Letting in and taking in: invitations for nodes, bundles that were carried here, and tokens for this API.

import { useEffect, useState } from 'preact/hooks';
import { ask, asRefusal, get, post, type Refusal } from './connection.ts';
import { Copied, Field, Refused, useDeed } from './dialog.tsx';
import { Heading, Section } from './frame.tsx';
import { Carry } from './carry.tsx';
import type { Known } from './known.ts';
import { Ago } from './moment.tsx';
import { usePart, type Watched } from './watched.ts';

/** What is typed as a list: words divided by spaces, commas or lines. */
function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((each) => each !== '');
}

function Invite({ known }: { known: Watched<Known> }) {
  const listening = usePart(known, (value) => value.head!.listening);
  const [name, setName] = useState(''), [admin, setAdmin] = useState(false), [relay, setRelay] = useState(false), [write, setWrite] = useState(''), [addresses, setAddresses] = useState<string>();
  const shown = addresses ?? listening.filter((url) => !/\/\/(127\.|localhost|\[::1\]|0\.0\.0\.0)/.test(url)).join('\n');
  const deed = useDeed(() => post<{ token: string; addresses: string[] }>('/api/invitations', {
    ...(name.trim() === '' ? {} : { name: name.trim() }), ...(admin ? { admin } : {}), ...(relay ? { read: [] } : {}), ...(words(write).length === 0 ? {} : { write: words(write) }), ...(words(shown).length === 0 ? {} : { addresses: words(shown) }),
  }));
  const [done, set] = useState(false);
  if (deed.done !== undefined && !done) return <div class="shown" role="status">
    <p><b>Whoever has this token can join the fleet, once.</b> It is shown now and never again: copy it to the new device by a way that you trust.</p>
    <Copied text={deed.done.token} label="Token of the invitation" />
    <p class="quiet">There, no connection is needed: <code>holdfast join - --dir data</code> and the token on stdin; with the installer, <code>install.sh --join TOKEN</code>.{deed.done.addresses.length > 0 && <> It will look for the fleet at {deed.done.addresses.map((each, i) => <>{i > 0 && ', '}<code>{each}</code></>)}.</>}</p>
    <p><button type="button" onClick={() => set(true)}>I have it</button></p>
  </div>;
  return <form onSubmit={(event) => { event.preventDefault(); set(false); deed.run(); }}>
    <Field name="invite-name" label="Name of the new node" hint="May be left out: then it names itself."><input id="invite-name" aria-describedby="invite-name-hint" value={name} maxLength={64} onInput={(event) => setName(event.currentTarget.value)} /></Field>
    <details><summary>Rights and addresses</summary>
      <label class="check"><input type="checkbox" checked={admin} onChange={(event) => setAdmin(event.currentTarget.checked)} /><span>Administrator: may invite and revoke others</span></label>
      <label class="check"><input type="checkbox" checked={relay} onChange={(event) => setRelay(event.currentTarget.checked)} /><span>Relay: carries everything, can read nothing</span></label>
      <Field name="invite-write" label="Streams that it may write" hint="Divided by spaces; all if it is left empty."><input id="invite-write" aria-describedby="invite-write-hint" value={write} placeholder="all" onInput={(event) => setWrite(event.currentTarget.value)} /></Field>
      <Field name="invite-at" label="Where it finds the fleet" hint="One address a line, as it can be reached from there, such as tcp://hq.example:7700."><textarea id="invite-at" aria-describedby="invite-at-hint" rows={2} value={shown} onInput={(event) => setAddresses(event.currentTarget.value)} /></Field>
    </details>
    <Refused refusal={deed.refusal} />
    <p><button type="submit" class="main" disabled={deed.busy}>{deed.busy ? 'Making it …' : 'Make an invitation'}</button></p>
  </form>;
}

interface TokenRow { name: string; scope: string; at: number; used: number | null }
const SCOPES: { readonly [scope: string]: string } = { read: 'sees everything that this node can read', append: 'also records events and carries bundles', admin: 'also invites, revokes and makes tokens' };

function Tokens() {
  const [tokens, set] = useState<readonly TokenRow[]>(), [refusal, refuse] = useState<Refusal>(), [turn, again] = useState(0);
  const [name, setName] = useState(''), [scope, setScope] = useState('read'), [sure, ask_] = useState<string>();
  useEffect(() => {
    const end = new AbortController();
    get<{ tokens: TokenRow[] }>('/api/tokens', end.signal).then((answer) => { set(answer.tokens); refuse(undefined); }, (error: unknown) => { if (!end.signal.aborted) refuse(asRefusal(error)); });
    return () => end.abort();
  }, [turn]);
  const made = useDeed(async () => {
    const answer = await post<{ name: string; scope: string; token: string }>('/api/tokens', { name: name.trim(), scope });
    again(turn + 1);
    setName('');
    return answer;
  });
  const drop = useDeed(async () => {
    await ask(`/api/tokens/${encodeURIComponent(sure!)}`, { method: 'DELETE' });
    ask_(undefined);
    again(turn + 1);
  });
  return <>
    {made.done !== undefined && <div class="shown" role="status"><p><b>The token “{made.done.name}”</b>, shown now and never again:</p><Copied text={made.done.token} label={`Token ${made.done.name}`} /></div>}
    <Refused refusal={refusal ?? drop.refusal} />
    {tokens !== undefined && tokens.length > 0 && <div class="scroll" role="region" aria-label="Tokens" tabIndex={0}><table class="tokens"><thead><tr><th scope="col">Token</th><th scope="col">May</th><th scope="col" class="wide">Made</th><th scope="col" class="wide">Last used</th><th scope="col"><span class="hidden">Take back</span></th></tr></thead>
      <tbody>{tokens.map((each) => <tr key={each.name}><th scope="row">{each.name}<small class="narrow">used <Ago at={each.used} /></small></th><td>{each.scope}</td><td class="wide"><Ago at={each.at} /></td><td class="wide"><Ago at={each.used} /></td>
        <td class="number">{sure === each.name ? <><button type="button" class="danger" disabled={drop.busy} onClick={drop.run}>Take it back</button> <button type="button" onClick={() => ask_(undefined)}>Keep it</button></> : <button type="button" onClick={() => ask_(each.name)}>Take back …<span class="hidden"> {each.name}</span></button>}</td></tr>)}</tbody></table></div>}
    <form class="row" onSubmit={(event) => { event.preventDefault(); if (name.trim() !== '') made.run(); }}>
      <Field name="token-name" label="Name of a new token" hint="Such as the program that will use it."><input id="token-name" value={name} required maxLength={64} placeholder="grafana" onInput={(event) => setName(event.currentTarget.value)} /></Field>
      <Field name="token-scope" label="What it may do" hint={SCOPES[scope]!}><select id="token-scope" aria-describedby="token-scope-hint" value={scope} onChange={(event) => setScope(event.currentTarget.value)}>{Object.keys(SCOPES).map((each) => <option key={each}>{each}</option>)}</select></Field>
      <p><button type="submit" disabled={made.busy || name.trim() === ''}>{made.busy ? 'Making it …' : 'Make a token'}</button></p>
    </form>
    <Refused refusal={made.refusal} />
  </>;
}

/** The view; what the token does not allow is not there. */
export function Access({ known }: { known: Watched<Known> }) {
  const may = usePart(known, (value) => value.session!.may), scope = usePart(known, (value) => value.session!.scope);
  return <>
    <Heading sub="Let nodes in, take bundles in, give out tokens.">Access</Heading>
    {may.bundles && <Section name="carry" title="Bundles that were carried here"><Carry /></Section>}
    {may.invite && <Section name="invite" title="Invite a node"><Invite known={known} /></Section>}
    {may.tokens && <Section name="tokens" title="Tokens of this API"><Tokens /></Section>}
    {!may.bundles && !may.invite && !may.tokens && <p class="none">The token that this page was opened with may only {scope}: there is nothing here that it may do.</p>}
  </>;
}
