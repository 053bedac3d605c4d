// Values that change while they are looked at: whoever shows a part of one is drawn again when that part changes, and nobody else.

import { useEffect, useState } from 'preact/hooks';
import type { Component, VNode } from 'preact';

/** A value with its watchers. */
export interface Watched<T> { value: T; watch(step: () => void): () => void; set(value: T): void }

/** Makes one. Watchers are told together, a short moment after `set`: changes that come at once are drawn at once. */
export function watched<T>(value: T, lateMs = 0): Watched<T> {
  const watchers = new Set<() => void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    value,
    watch(step) {
      watchers.add(step);
      return () => { watchers.delete(step); };
    },
    set(next) {
      this.value = next;
      timer ??= setTimeout(() => {
        timer = undefined;
        for (const step of watchers) step();
      }, lateMs);
    },
  };
}

/** A part of a watched value; drawn again when `pick` gives another one. */
export function usePart<T, P>(from: Watched<T>, pick: (value: T) => P): P {
  const part = pick(from.value);
  const [, set] = useState<{ part: P }>({ part });
  useEffect(() => {
    let shown = part;
    const look = (): void => {
      const next = pick(from.value);
      if (Object.is(next, shown)) return;
      shown = next;
      set({ part: next });
    };
    look();
    return from.watch(look);
  });
  return part;
}

/** A component that is drawn again only when one of its properties is another. */
export function steady<P extends object>(draw: (props: P) => VNode | null): (props: P) => VNode | null {
  return function steadily(this: Component<P>, props: P): VNode | null {
    this.shouldComponentUpdate ??= (next: P) => (Object.keys(next) as (keyof P)[]).some((name) => !Object.is(next[name], this.props[name]));
    return draw(props);
  };
}
