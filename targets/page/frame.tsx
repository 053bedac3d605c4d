// The frame of every view: whose page it is, how it stands with the connection, the ways to the views, and what is said aloud to those who do not see it.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { full, grouped, span } from './format.ts';
import { Icon } from './icons.tsx';
import type { Session } from './contract.ts';
import type { Known } from './known.ts';
import { Since, useNow } from './moment.tsx';
import { clockAhead } from './now.ts';
import { href, type Route } from './route.ts';
import { usePart, type Watched } from './watched.ts';

/** The page's heading of a view. */
export function Heading({ children, sub }: { children: ComponentChildren; sub?: ComponentChildren }) {
  return <div class="heading"><h1 tabIndex={-1}>{children}</h1>{sub !== undefined && <p class="quiet">{sub}</p>}</div>;
}

function Standing({ known }: { known: Watched<Known> }) {
  const standing = usePart(known, (value) => value.standing), heard = usePart(known, (value) => (value.standing.live ? 0 : value.heard));
  if (standing.live) return <p class="standing live"><span class="pulse" aria-hidden="true" />live</p>;
  return <p class="standing lost">{heard === 0 ? 'connecting …' : <>no connection for <Since at={standing.since + clockAhead()} /></>}</p>;
}

function Stale({ known }: { known: Watched<Known> }) {
  const standing = usePart(known, (value) => value.standing), heard = usePart(known, (value) => (value.standing.live ? 0 : value.heard));
  // A break of a moment is no news: the next connection has what was missed.
  const old = useNow((current) => !standing.live && heard > 0 && current - heard > 3_000);
  if (!old) return null;
  return <div class="stale"><p><b>Out of date.</b> The node does not answer{standing.words === undefined ? '' : ` (${standing.words.replace(/\.$/, '')})`}; what stands here is from {full(heard)}, <Since at={heard} /> ago. It goes on by itself when the node is back.</p></div>;
}

/** Says aloud, to screen readers, which alarms are new and that the connection was lost or came back. Politely: what is being read is read to its end. */
function Aloud({ known }: { known: Watched<Known> }) {
  const alarms = usePart(known, (value) => value.head?.alarms), live = usePart(known, (value) => value.standing.live);
  const [text, say] = useState('');
  const before = useRef<Set<string>>(undefined), was = useRef<boolean>(undefined);
  useEffect(() => {
    if (alarms === undefined) return;
    const all = new Set(alarms.map((each) => `${each.kind} ${each.node} ${each.code}`));
    const fresh = before.current === undefined ? [] : alarms.filter((each) => !before.current!.has(`${each.kind} ${each.node} ${each.code}`));
    before.current = all;
    if (fresh.length > 0) say(fresh.length > 3 ? `${fresh.length} new alarms` : fresh.map((each) => `New alarm: ${each.text}`).join(' '));
  }, [alarms]);
  useEffect(() => {
    if (was.current !== undefined && was.current !== live) say(live ? 'Connected again.' : 'The connection is lost.');
    if (live || was.current !== undefined) was.current = live;
  }, [live]);
  return <div class="hidden" role="status" aria-live="polite">{text}</div>;
}

const VIEWS = [['node', 'Node'], ['fleet', 'Fleet'], ['streams', 'Streams'], ['events', 'Events'], ['links', 'Links'], ['alarms', 'Alarms'], ['access', 'Access']] as const;

/** Which view an address leads to: on one node's page the first is the node, else the fleet. */
export function viewOf(route: Route, one: boolean): typeof VIEWS[number][0] {
  const first = route[0];
  if (first === 'nodes') return 'fleet';
  return VIEWS.find(([name]) => name === first && name !== 'node')?.[0] ?? (one ? 'node' : 'fleet');
}

/** What the page was opened with, and how to have it forgotten: beside the views, or at the end of a phone's page. */
function Leave({ session, leave }: { session: Session | undefined; leave(): void }) {
  return <p class="leave quiet">{session !== undefined && <><span>Holdfast {session.version}</span><span>{{ read: 'may read', append: 'may read and append', admin: 'may do everything' }[session.scope]}</span></>}<button type="button" class="plain" onClick={leave}>Forget the token</button></p>;
}

/** The frame. */
export function Frame({ known, route, leave, children }: { known: Watched<Known>; route: Route; leave(): void; children: ComponentChildren }) {
  const session = usePart(known, (value) => value.session), fleetName = usePart(known, (value) => value.head?.fleetName), name = usePart(known, (value) => value.head?.name);
  const alarms = usePart(known, (value) => value.head?.counts.alarms ?? 0), bad = usePart(known, (value) => value.head?.alarms.some(({ level }) => level === 'bad') ?? false);
  const fresh = usePart(known, (value) => value.standing.live);
  const one = session?.view === 'node', view = viewOf(route, one);
  const views = VIEWS.filter(([each]) => (each !== 'node' || one) && (each !== 'access' || session?.may.tokens || session?.may.invite || session?.may.bundles));
  const title = `${bad ? '⚠ ' : ''}${one ? name : fleetName} · Holdfast`;
  useEffect(() => { document.title = title; }, [title]);
  return <div class={fresh ? 'frame' : 'frame old'}>
    <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.querySelector<HTMLElement>('main h1')?.focus(); }}>Skip to the content</a>
    <header class="top">
      <a class="brand" href={href()} aria-label={one ? `${name}, node of fleet ${fleetName}` : `Fleet ${fleetName}, seen from ${name}`}><span class="logo" aria-hidden="true" /><span class="whose"><b>{one ? name : fleetName}</b><small>{one ? `node of fleet ${fleetName}` : `fleet, seen from ${name}`}</small></span></a>
      <Standing known={known} />
    </header>
    <nav aria-label="Views">
      <ul>{views.map(([each, label]) => <li key={each}><a href={each === 'node' || (each === 'fleet' && !one) ? href() : href(each === 'fleet' ? 'nodes' : each)} aria-current={each === view ? 'page' : undefined}>
        <Icon name={each} /><span class="label">{label}</span>{each === 'alarms' && alarms > 0 && <span class={`badge ${bad ? 'bad' : 'odd'}`}><span class="hidden">, </span>{alarms > 99 ? '99+' : grouped(alarms)}</span>}
      </a></li>)}</ul>
      <Leave session={session} leave={leave} />
    </nav>
    <main id="main">
      <Stale known={known} />
      {children}
      <Leave session={session} leave={leave} />
    </main>
    <Aloud known={known} />
  </div>;
}

/** A section with its heading. */
export function Section({ title, children, name, tools }: { title: ComponentChildren; children: ComponentChildren; name: string; tools?: ComponentChildren }) {
  return <section aria-labelledby={name} class={name}><div class="title"><h2 id={name}>{title}</h2>{tools}</div>{children}</section>;
}

/** How long something takes or took, or that it is not known. */
export function spanOr(ms: number | null | undefined, none: string): string {
  return ms === null || ms === undefined ? none : span(ms);
}
