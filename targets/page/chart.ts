// The chart of one field over time, drawn by uPlot. Loaded only when a history is looked at.

import uPlot from 'uplot';

/** What a chart is made with. */
export interface ChartWish {
  /** Draws and reads times in UTC instead of the zone of whoever looks. */
  utc: boolean;
  height: number;
  /** It says yes or no: drawn in steps. */
  flag: boolean;
  /** A span that was drawn with a finger or the mouse, ms since 1970. */
  zoom(since: number, until: number): void;
}

/** A chart that stands. */
export interface Chart {
  /** `x`: seconds since 1970, ascending; `y`: null breaks the line; `range`: what is shown, ms since 1970. */
  show(x: readonly number[], y: readonly (number | null | undefined)[], range: { since: number; until: number }): void;
  end(): void;
}

/** Above so many points the line alone is drawn: dots would cover it. */
const DOTS = 150;

/** The colours of the style sheet, as they are now. */
function colours(element: HTMLElement): { line: string; under: string; grid: string; text: string } {
  const style = getComputedStyle(element), of = (name: string): string => style.getPropertyValue(name).trim();
  return { line: of('--mark'), under: of('--mark-soft'), grid: of('--line'), text: of('--quiet') };
}

/** Begins a chart in an element, as wide as that is; it follows its width, and the change from day to night. Charts on one page share their cursor. */
export function createChart(element: HTMLElement, { utc, height, flag, zoom }: ChartWish): Chart {
  let shown: { x: readonly number[]; y: readonly (number | null | undefined)[]; range: { since: number; until: number } } = { x: [], y: [], range: { since: 0, until: 1 } };
  let plot: uPlot | undefined;
  const data = (): uPlot.AlignedData => [shown.x as number[], shown.y as (number | null | undefined)[]];
  const draw = (): void => {
    plot?.destroy();
    const { line, under, grid, text } = colours(element), font = '12px system-ui, sans-serif';
    plot = new uPlot({
      width: Math.max(200, element.clientWidth), height, legend: { show: false }, padding: [8, 32, 0, 0],
      ...(utc ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') } : {}),
      cursor: { sync: { key: 'history' }, drag: { x: true, y: false, setScale: false }, points: { size: 7, fill: line } },
      scales: { x: { time: true, range: () => span(shown.range) }, y: { range: (_, low, high) => (flag ? [-0.15, 1.15] : around(low, high)) } },
      axes: [
        { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 }, size: 36, values: times(utc) },
        { stroke: text, font, grid: { stroke: grid, width: 1 }, ticks: { show: false }, size: 46, ...(flag ? { splits: () => [0, 1] } : {}), values: (_, values) => values.map((each) => (each === null ? '' : flag ? each === 1 ? 'yes' : 'no' : label(each))) },
      ],
      series: [{}, { stroke: line, width: 1.5, fill: under, fillTo: (_, __, low) => (flag ? 0 : low), points: { show: (its) => its.data[0].length <= DOTS, size: 5, fill: line, stroke: line }, spanGaps: false, ...(flag ? { paths: uPlot.paths.stepped!({ align: 1 }) } : {}) } as uPlot.Series],
      hooks: {
        setSelect: [(its) => {
          const { left, width } = its.select;
          if (width < 6) return;
          zoom(its.posToVal(left, 'x') * 1000, its.posToVal(left + width, 'x') * 1000);
          its.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        }],
      },
    }, data(), element);
    // What it says is in the table beside it, and in words.
    plot.root.setAttribute('aria-hidden', 'true');
  };
  const size = new ResizeObserver(() => { if (plot !== undefined && element.clientWidth > 0 && Math.abs(plot.width - element.clientWidth) > 1) plot.setSize({ width: element.clientWidth, height }); });
  const night = matchMedia('(prefers-color-scheme: dark)');
  size.observe(element);
  night.addEventListener('change', draw);
  draw();
  return {
    show(x, y, range) {
      shown = { x, y, range };
      plot?.setData(data());
    },
    end() {
      size.disconnect();
      night.removeEventListener('change', draw);
      plot?.destroy();
    },
  };
}

/** What is shown of time, in seconds: a moment alone stands in the middle of a minute. */
function span({ since, until }: { since: number; until: number }): [number, number] {
  return until > since ? [since / 1000, until / 1000] : [since / 1000 - 30, since / 1000 + 30];
}

/** A range that a line does not touch the edges of. */
function around(low: number | null, high: number | null): [number, number] {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
  // What is never below nothing is drawn from nothing, when it comes near it.
  return [low >= 0 && low - room < 0 ? 0 : low - room, high + room];
}

function label(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9) return `${Number((value / 1e9).toPrecision(4))}G`;
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`;
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`;
  return String(Number(value.toPrecision(6)));
}

/** Times at the axis: of the day, with the date where a day begins; whole dates over long spans. */
function times(utc: boolean): uPlot.Axis.DynamicValues {
  const two = (n: number): string => String(n).padStart(2, '0');
  return (_, splits, __, ___, step) => {
    let before = '';
    return splits.map((each) => {
      const at = new Date(each * 1000), iso = at.toISOString();
      const date = utc ? iso.slice(0, 10) : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
      const time = utc ? iso.slice(11, 19) : `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
      const fresh = date !== before;
      before = date;
      if (step >= 86_400) return date;
      const short = step < 60 ? time : time.slice(0, 5);
      return fresh ? `${short}\n${date}` : short;
    });
  };
}
