// Links and peers: who can be reached, over what, and who holds what this node holds.

import { ago, bytes, grouped, span } from './format.ts';
import type { Report } from '../program/database.ts';

function Link({ peer }: { peer: Report['peers'][number] }) {
  // That no stick is in is as it should be.
  const noStick = peer.state === 'waiting' && peer.url.startsWith('file:');
  return <li class={`link ${noStick ? 'listening' : peer.state}`}>
    <span class="dot" aria-hidden="true" />
    <span class="url">{peer.url}</span>
    <span class="how">{peer.resting ? `${peer.name ?? ''} standing by` : peer.state === 'connected' ? peer.name ?? 'connected' : peer.state === 'connecting' ? 'connecting …' : noStick ? 'no stick' : 'out of reach'}</span>
    <span class="quiet">{peer.state === 'connected' && peer.reason === undefined ? `in ${bytes(peer.in)}, out ${bytes(peer.out)}` : peer.reason ?? ''}</span>
    {peer.broker !== undefined && <ul class="members">{peer.broker.members.map((each) => <li key={`${each.node}${each.instance}`}>{each.name} <span class="quiet">{each.refuses !== undefined ? `refuses this node: ${each.refuses}` : `${each.equal ? 'held the same' : 'differed'} ${span(each.heardMs)} ago`}</span></li>)}</ul>}
  </li>;
}

/** What a member is known to hold of what this node holds. */
function Held({ lacks, now }: { lacks: Report['members'][number]['lacks']; now: number }) {
  if (lacks === undefined || (lacks.at === null && lacks.events > 0)) return <span class="quiet">never heard of</span>;
  const heard = lacks.at === null ? '' : `, heard ${ago(lacks.at, now)}`;
  if (lacks.events === 0) return <>all of it{heard}</>;
  return <span class="odd">lacks about {grouped(lacks.events)} events ({bytes(lacks.bytes)}){heard}{lacks.drainMs === undefined ? '' : `; its link needs ${span(lacks.drainMs)}`}</span>;
}

/** The links, the members of the fleet, and what each has confirmed to hold. */
export function Links({ report, now }: { report: Report; now: number }) {
  const others = report.members.filter(({ node }) => node !== report.node);
  return <>
    <section aria-labelledby="links">
      <h2 id="links">Links</h2>
      <ul class="links">
        {report.listening.map((url) => <li class="link listening" key={url}><span class="dot" aria-hidden="true" /><span class="url">{url}</span><span class="how">listening</span></li>)}
        {report.peers.map((peer) => <Link peer={peer} key={peer.url} />)}
      </ul>
      {report.peers.length === 0 && <p class="quiet">No peer is connected and none is configured: what is recorded here is nowhere else.</p>}
    </section>
    <section aria-labelledby="fleet">
      <h2 id="fleet">Fleet <em>{report.fleetName}</em></h2>
      <table class="fleet">
        <thead><tr><th scope="col">node</th><th scope="col">holds what this node holds</th></tr></thead>
        <tbody>
          <tr><th scope="row">{report.name}<small>{report.node.slice(0, 12)}</small></th><td>this node</td></tr>
          {others.slice(0, 200).map((each) => <tr key={each.node} class={each.state}>
              <th scope="row">{each.name}<small>{each.node.slice(0, 12)}{each.admin ? ' · administrator' : ''}{each.state === 'revoked' ? ' · revoked' : ''}</small></th>
              <td>{each.state !== 'revoked' && <Held lacks={each.lacks} now={now} />}</td>
            </tr>)}
        </tbody>
      </table>
      {others.length > 200 && <p class="quiet">and {grouped(others.length - 200)} more</p>}
    </section>
    {report.bundles.length > 0 && <section aria-labelledby="bundles">
      <h2 id="bundles">Bundles</h2>
      <table><tbody>{report.bundles.slice(0, 8).map((each) => <tr key={each.bundle}>
        <th scope="row">{each.bundle.slice(0, 8)}<small>{grouped(each.events)} events, {bytes(each.bytes)}, made {ago(each.at, now)}</small></th>
        <td>{each.arrived.length === 0 ? <span class="quiet">no word of it yet</span> : `taken in by ${each.arrived.map(({ name }) => name).join(', ')}`}</td>
      </tr>)}</tbody></table>
    </section>}
  </>;
}
