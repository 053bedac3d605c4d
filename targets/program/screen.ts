// The terminal of a node that runs: news above, and below them its state, drawn anew each second. Loaded where there is a terminal; a service has none.

import { hostMetrics } from '../../src/io/host.ts';
import type { Database, Report } from './database.ts';
import { liveLines, painter, ratesBetween, terminalBlock } from './live.ts';

/** How often the status is redrawn. */
const DRAW_MS = 1_000;

/** A terminal in use. */
export interface Screen {
  /** Writes a line of news, with its time. */
  say(words: string): void;
  /** Begins to draw the state; `page`: where the page is. */
  show(database: Pick<Database, 'report'>, page: string | undefined): void;
  /** Stops drawing and leaves the last state where it is. */
  end(): void;
}

/** The screen on a terminal, coloured as its environment wants it. */
export function liveScreen(stdout: NodeJS.WriteStream, environment: { [name: string]: string | undefined }): Screen {
  const paint = painter(true, environment);
  const block = terminalBlock(stdout);
  let timer: NodeJS.Timeout | undefined;
  return {
    say: (words) => block.above(`${paint('dim', new Date().toISOString().slice(11, 19))} ${words}`),
    show(database, page) {
      let before: { at: number; report: Report } | undefined;
      let rates = new Map<string, number>();
      const draw = async () => {
        try {
          const report = await database.report();
          const at = performance.now();
          // Rates over some seconds, so that they can be read: as long as the default interval of the metrics, whose rate would flicker otherwise.
          if (before === undefined || at - before.at >= 10 * DRAW_MS) {
            rates = ratesBetween(before, at, report);
            before = { at, report };
          }
          const lines = liveLines(report, rates, paint, await hostMetrics(report.dir), page);
          if (timer !== undefined) block.draw(lines);
        } catch {
          // The store is closing, or met what stops the node: told elsewhere.
        }
        // A slow report makes it slower, never two at a time.
        timer?.refresh();
      };
      timer = setTimeout(() => void draw(), DRAW_MS);
    },
    end() {
      clearTimeout(timer);
      timer = undefined;
      block.end();
    },
  };
}
