// The page: asks for the token, learns the fleet, and shows the view that the address names.

import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { Access } from './access.tsx';
import { Alarms } from './alarms.tsx';
import { takeDrops } from './carry.tsx';
import { dropToken, keepToken, token } from './connection.ts';
import { Events } from './events.tsx';
import { Frame } from './frame.tsx';
import { Here } from './here.tsx';
import { KeyView } from './history.tsx';
import { keepKnown, nothingKnown, type Known } from './known.ts';
import { NodeView } from './node.tsx';
import { Overview } from './overview.tsx';
import { useRoute, watchPlaces, type Route } from './route.ts';
import { StreamView } from './stream.tsx';
import { Streams } from './streams.tsx';
import { Topology } from './topology.tsx';
import { usePart, type Watched } from './watched.ts';

function TokenForm({ wrong, given }: { wrong: boolean; given(): void }) {
  const [text, setText] = useState('');
  return <main class="token">
    <span class="logo" aria-hidden="true" />
    <h1>Holdfast</h1>
    <p>{wrong ? 'That token is not the one of this node, or it was taken back.' : 'This page shows what the node knows to whoever has a token.'} On the machine itself, <code>holdfast page</code> prints a link that has one.</p>
    <form onSubmit={(event) => { event.preventDefault(); if (text.trim() === '') return; keepToken(text.trim()); given(); }}>
      <label for="token">Token</label>
      <input id="token" type="password" autocomplete="current-password" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit" class="main">Open</button>
    </form>
  </main>;
}

function View({ known, route: [first, second, third] }: { known: Watched<Known>; route: Route }) {
  const one = usePart(known, (value) => value.session!.view === 'node');
  switch (first) {
    case 'nodes': return second === undefined || second === '' ? <Overview known={known} plain /> : <NodeView known={known} id={second} key={second} />;
    case 'streams': return second === undefined || second === '' ? <Streams known={known} /> : third === undefined ? <StreamView known={known} stream={second} key={second} /> : <KeyView known={known} stream={second} name={third} key={`${second} ${third}`} />;
    case 'events': return <Events known={known} by={second} />;
    case 'links': case 'topology': return <Topology known={known} />;
    case 'alarms': return <Alarms known={known} />;
    case 'access': return <Access known={known} />;
    default: return one ? <Here known={known} /> : <Overview known={known} plain={false} />;
  }
}

function Open({ known, leave }: { known: Watched<Known>; leave(): void }) {
  const there = usePart(known, (value) => value.head !== undefined && value.session !== undefined), refusal = usePart(known, (value) => value.refusal), may = usePart(known, (value) => value.session?.may.bundles ?? false);
  const route = useRoute();
  useEffect(() => (may ? takeDrops() : undefined), [may]);
  if (!there) return <p class="quiet opening" role="status">{refusal?.message ?? 'Opening …'}</p>;
  return <Frame known={known} route={route} leave={leave}><View known={known} route={route} /></Frame>;
}

function Page() {
  const [tries, again] = useState(0), [has, set] = useState(() => token() !== undefined);
  const known = useMemo(nothingKnown, [tries]);
  const refused = usePart(known, (value) => value.refusal?.status === 401);
  useEffect(() => {
    if (!has) return undefined;
    const end = new AbortController();
    void keepKnown(known, end.signal);
    return () => end.abort();
  }, [known, has]);
  if (!has || refused) return <TokenForm wrong={refused} given={() => { set(true); again(tries + 1); }} />;
  return <Open known={known} leave={() => { dropToken(); set(false); again(tries + 1); }} />;
}

watchPlaces();
const place = document.getElementById('page')!;
place.textContent = '';
render(<Page />, place);
