// Taking in bundles: files are chosen, or dropped anywhere on the page, and sent to the node with the progress shown.

import { useEffect, useRef, useState } from 'preact/hooks';
import { asRefusal, bearer, Refusal, refusalOf } from './connection.ts';
import type { Imported } from './contract.ts';
import { Refused } from './dialog.tsx';
import { bytes, counted } from './format.ts';
import { Icon } from './icons.tsx';
import { go } from './route.ts';
import { usePart, watched } from './watched.ts';

/** Files that were dropped on the page and are not taken in yet. */
const dropped = watched<readonly File[]>([]);

/** Lets files be dropped anywhere on the page. Returns how to end it. */
export function takeDrops(): () => void {
  const over = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    document.documentElement.classList.add('dropping');
  };
  const leave = (event: DragEvent): void => { if (event.relatedTarget === null) document.documentElement.classList.remove('dropping'); };
  const drop = (event: DragEvent): void => {
    document.documentElement.classList.remove('dropping');
    const files = [...event.dataTransfer?.files ?? []];
    if (files.length === 0) return;
    event.preventDefault();
    dropped.set(files);
    go('access');
  };
  addEventListener('dragover', over);
  addEventListener('dragleave', leave);
  addEventListener('drop', drop);
  return () => {
    removeEventListener('dragover', over);
    removeEventListener('dragleave', leave);
    removeEventListener('drop', drop);
  };
}

/** Sends files as one body. Only the older kind of request tells how far it is. */
function send(files: readonly File[], progress: (share: number) => void, signal: AbortSignal): Promise<Imported> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/api/bundles');
    request.setRequestHeader('authorization', bearer().authorization);
    request.setRequestHeader('content-type', 'application/octet-stream');
    request.upload.onprogress = ({ loaded, total }) => progress(total > 0 ? loaded / total : 0);
    request.onload = () => {
      if (request.status < 200 || request.status > 299) return reject(refusalOf(request.status, request.responseText));
      try { resolve(JSON.parse(request.responseText) as Imported); } catch { reject(new Refusal(request.status, 'http', 'The node answered something else than a report.')); }
    };
    request.onerror = () => reject(new Refusal(0, 'unreachable', 'The node did not answer, or the line broke. What had arrived whole is kept; send the files again for the rest.'));
    request.onabort = () => reject(new Refusal(0, 'closed', 'Stopped. What had arrived whole is kept.'));
    signal.addEventListener('abort', () => request.abort());
    request.send(new Blob([...files]));
  });
}

/** What an import brought, in sentences. */
function Report({ report }: { report: Imported }) {
  const damaged = report.volumes.reduce((sum, { damaged: blocks }) => sum + blocks.length, 0), short = report.volumes.some(({ complete }) => !complete);
  return <div class="well" role="status">
    <p><b>{report.events === 0 ? 'Nothing new: all of it was here already.' : `Took in ${counted(report.events, 'event')}.`}</b> {report.segments.held > 0 && report.events > 0 && `${counted(report.segments.held, 'segment')} were here already. `}{report.segments.refused > 0 && <span class="odd">{counted(report.segments.refused, 'segment')} were refused. </span>}</p>
    {(damaged > 0 || short || report.missing.length > 0 || report.lost.length > 0 || report.unknownBytes > 0) && <p class="odd">{damaged > 0 && `${counted(damaged, 'block')} could not be read. `}{(short || report.missing.length > 0) && 'Parts of the bundle are missing: send its other files too, in any order. '}{report.unknownBytes > 0 && `${bytes(report.unknownBytes)} are no part of a bundle of this fleet.`}</p>}
  </div>;
}

/** Chooses and sends. */
export function Carry() {
  const waiting = usePart(dropped, (value) => value), chooser = useRef<HTMLInputElement>(null);
  const [state, set] = useState<{ files: readonly File[]; share: number | undefined; report: Imported | undefined; refusal: Refusal | undefined; end: AbortController | undefined }>({ files: [], share: undefined, report: undefined, refusal: undefined, end: undefined });
  const begin = (files: readonly File[]): void => {
    if (files.length === 0 || state.end !== undefined) return;
    const end = new AbortController();
    set({ files, share: 0, report: undefined, refusal: undefined, end });
    send(files, (share) => set((old) => ({ ...old, share })), end.signal).then(
      (report) => set((old) => ({ ...old, share: undefined, report, end: undefined })),
      (error: unknown) => set((old) => ({ ...old, share: undefined, refusal: asRefusal(error), end: undefined })));
  };
  useEffect(() => {
    if (waiting.length === 0) return;
    dropped.set([]);
    begin(waiting);
  }, [waiting]);
  const size = state.files.reduce((sum, file) => sum + file.size, 0);
  return <div class="carry">
    <input ref={chooser} id="bundles" type="file" multiple class="hidden" aria-label="Files of bundles" disabled={state.end !== undefined} onChange={(event) => { begin([...event.currentTarget.files ?? []]); event.currentTarget.value = ''; }} />
    {state.end === undefined ? <p class="choose"><label for="bundles" class="button main"><Icon name="up" />Choose files</label> <span class="quiet">or drop them anywhere on this page, in any order, any number of times: everything in them is checked.</span></p>
      : <p role="status"><progress max={1} value={state.share} aria-label="Sending" /> {state.share === 1 ? 'The node takes it in …' : `${counted(state.files.length, 'file')}, ${bytes(size * (state.share ?? 0))} of ${bytes(size)} sent`} <button type="button" onClick={() => state.end?.abort()}>Stop</button></p>}
    <Refused refusal={state.refusal} />
    {state.report !== undefined && <Report report={state.report} />}
  </div>;
}
