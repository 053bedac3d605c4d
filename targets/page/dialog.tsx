// Questions that are asked before something is done: one dialog at a time, above the page, closed by Escape, with the focus given back where it was.

import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { asRefusal, type Refusal } from './connection.ts';

/** A dialog; the browser itself keeps the focus in it and the page behind it out of reach. */
export function Dialog({ title, close, children }: { title: string; close(): void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);
  return <dialog ref={dialog} aria-labelledby="dialog" onCancel={(event) => { event.preventDefault(); close(); }} onMouseDown={(event) => { if (event.target === dialog.current) close(); }}>
    <div class="sheet"><div class="title"><h2 id="dialog">{title}</h2><button type="button" class="plain close" aria-label="Close" onClick={close}>×</button></div>{children}</div>
  </dialog>;
}

/** Something that is being done: `run` begins it, `busy` while it goes on, and how it ended. */
export interface Deed<T> { run(): void; busy: boolean; done: T | undefined; refusal: Refusal | undefined }

/** Does something when it is asked to, once at a time. */
export function useDeed<T>(act: () => Promise<T>): Deed<T> {
  const [state, set] = useState<Omit<Deed<T>, 'run'>>({ busy: false, done: undefined, refusal: undefined });
  const there = useRef(true);
  useEffect(() => () => { there.current = false; }, []);
  return {
    ...state,
    run() {
      if (state.busy) return;
      set({ busy: true, done: undefined, refusal: undefined });
      const end = (done: T | undefined, refusal: Refusal | undefined): void => { if (there.current) set({ busy: false, done, refusal }); };
      void (async () => {
        try { end(await act(), undefined); } catch (error) { end(undefined, asRefusal(error)); }
      })();
    },
  };
}

/** Why something was not done, in the node's words. */
export function Refused({ refusal }: { refusal: Refusal | undefined }) {
  return refusal === undefined ? null : <p class="refused" role="alert"><b>Not done.</b> {refusal.message} <code>{refusal.code}</code></p>;
}

/** A field with its label, and what it is for. */
export function Field({ name, label, hint, children }: { name: string; label: string; hint?: string; children: ComponentChildren }) {
  return <div class="field"><label for={name}>{label}</label>{children}{hint !== undefined && <p class="quiet" id={`${name}-hint`}>{hint}</p>}</div>;
}

/** Text that is copied with a button. */
export function Copied({ text, label }: { text: string; label: string }) {
  const [done, set] = useState(false), id = useId(), field = useRef<HTMLTextAreaElement>(null);
  const copy = (): void => {
    field.current?.select();
    // Only pages that came over a trusted line have a clipboard; the older way works everywhere.
    const older = (): void => set(document.execCommand('copy'));
    if (navigator.clipboard === undefined) older(); else navigator.clipboard.writeText(text).then(() => set(true), older);
  };
  return <div class="copied"><label class="hidden" for={id}>{label}</label><textarea id={id} ref={field} readOnly rows={4} value={text} onFocus={(event) => event.currentTarget.select()} spellcheck={false} />
    <button type="button" class="main" onClick={copy}>{done ? 'Copied' : 'Copy'}</button></div>;
}
