// How the node is: its name and health at the top, alarms, inputs, disk and clock.

import { bytes, clock, grouped, span } from './format.ts';
import type { Report } from '../program/database.ts';

/** The head of the page. `stale`: the node does not answer now, and why. */
export function Head({ report, stale }: { report: Report; stale: string | undefined }) {
  const bad = report.worries.some(({ kind }) => kind === 'bad');
  return <header>
    <div class="who"><h1>{report.name}</h1><p class="quiet" title={report.node}>{report.node.slice(0, 12)}… of fleet {report.fleetName}, up {span(report.uptimeMs)}</p></div>
    <div role="status" class={`health ${stale !== undefined ? 'gone' : bad ? 'bad' : report.worries.length > 0 ? 'odd' : 'good'}`}>
      {stale ?? (report.worries.length === 0 ? 'healthy' : report.worries.map(({ text }) => text).join(', '))}
    </div>
  </header>;
}

/** What calls for somebody: alarms, quarantine, damage. Nothing when there is none. */
export function Alarms({ report }: { report: Report }) {
  if (report.alarms.length + report.quarantine.length + report.damage.length === 0) return null;
  return <section class="alarms" aria-labelledby="alarms">
    <h2 id="alarms">Needs attention</h2>
    <ul>
      {report.damage.map((text) => <li key={text} class="bad"><b>damaged</b> {text}</li>)}
      {report.alarms.map((each) => <li key={each.text} class="bad"><b>{each.code}</b> {each.text}</li>)}
      {report.quarantine.map((each) => <li key={each.node} class="odd"><b>quarantine</b> {grouped(each.segments)} segments ({bytes(each.bytes)}) of {each.name}, which is revoked or not admitted. <code>holdfast release {each.node.slice(0, 12)}</code> admits them.</li>)}
    </ul>
  </section>;
}

/** The inputs, with samples of what they refused. */
export function Inputs({ report }: { report: Report }) {
  if (report.inputs.length === 0) return null;
  return <section aria-labelledby="inputs">
    <h2 id="inputs">Inputs</h2>
    <ul class="inputs">{report.inputs.map((each) => <li key={each.name} class={each.ok ? 'good' : 'bad'}>
      <p><span class="dot" aria-hidden="true" /><b>{each.name}</b> <span class="quiet">{each.kind}</span> {each.words}</p>
      <p class="quiet">{grouped(each.recorded)} recorded, {grouped(each.unchanged)} unchanged, {grouped(each.refused)} refused{each.lost > 0 ? <span class="bad">, {grouped(each.lost)} lost</span> : ''}</p>
      {each.samples.length > 0 && <details><summary>What was refused last, and why</summary>
        <ul>{each.samples.map((sample, i) => <li key={i}><time>{clock(sample.at)}</time> {sample.reason}<code>{sample.text}{sample.cut ? '…' : ''}</code></li>)}</ul>
      </details>}
    </li>)}</ul>
  </section>;
}

/** Disk and clock. */
export function Machine({ report }: { report: Report }) {
  const { used, free } = report.disk;
  return <section aria-labelledby="machine">
    <h2 id="machine">This machine</h2>
    <dl>
      <dt>Disk</dt><dd><meter min={0} max={1} low={0.8} high={0.95} optimum={0} value={used / Math.max(1, used + free)}>{bytes(used)}</meter>{bytes(used)} used, {bytes(free)} free</dd>
      <dt>Clock</dt><dd class={report.clock.quality === 'none' ? 'odd' : ''}>{report.clock.quality === 'none' ? 'not trusted' : report.clock.quality} <span class="quiet">{report.clock.because}</span></dd>
      <dt>History</dt><dd>{report.holes === 0 ? 'no gaps' : `${grouped(report.holes)} gaps below what is held`}{report.void > 0 ? `, ${grouped(report.void)} void segments` : ''}{report.unknown > 0 ? `, ${grouped(report.unknown)} segments of later versions` : ''}</dd>
      <dt>Directory</dt><dd><code>{report.dir}</code> <span class="quiet">process {report.pid}</span></dd>
    </dl>
  </section>;
}
