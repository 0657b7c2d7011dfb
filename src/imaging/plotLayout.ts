/** Where the parts of a line plot lie: axes with round numbers, and the curves in pixels. */

/** One line of a plot. Points whose y is not finite are left out; the line is broken there. */
export interface Curve {
  readonly name: string;
  readonly points: readonly CurvePoint[];
  /** Marks each point; for curves of few. */
  readonly marked?: boolean;
}

export interface CurvePoint {
  readonly x: number;
  readonly y: number;
  /** Ends of an interval around y, drawn as a band. */
  readonly low?: number;
  readonly high?: number;
}

export interface PlotOptions {
  readonly width?: number;
  readonly height?: number;
  /** Logarithmic y axis; values that are not positive are left out. */
  readonly logarithmic?: boolean;
  /** The y axis shows at least these. */
  readonly yRange?: readonly [low: number, high: number];
  readonly xLabel?: string;
  readonly yLabel?: string;
  /** Places on the x axis that are marked by a line from top to bottom, with a word at its top. */
  readonly marks?: readonly { readonly x: number; readonly text: string }[];
}

export interface Tick {
  /** Position along its axis [px]. */
  readonly at: number;
  readonly text: string;
}

export interface PlotLayout {
  readonly width: number;
  readonly height: number;
  /** The rectangle that the axes enclose [px]. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly xTicks: readonly Tick[];
  readonly yTicks: readonly Tick[];
  /** Those of the marks that lie within the axes. */
  readonly marks: readonly Tick[];
  /** For each curve, its unbroken runs of points [px]. */
  readonly lines: readonly (readonly (readonly [x: number, y: number])[])[][];
  /** For each curve, the outline of its band, empty without one [px]. */
  readonly bands: readonly (readonly (readonly [x: number, y: number])[])[];
}

const MARGIN = { left: 72, right: 20, top: 44, bottom: 44 } as const;

/** Computes the layout; curves without a single drawable point give empty axes from 0 to 1. */
export function layOut(curves: readonly Curve[], options: PlotOptions = {}): PlotLayout {
  const { width = 800, height = 480, logarithmic = false } = options;
  const [left, right, top, bottom] = [MARGIN.left, width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
  const toAxis = (y: number): number => (logarithmic ? Math.log10(y) : y);
  const runs = curves.map(({ points }) => unbroken(points.map(({ x, y }) => [x, toAxis(y)] as const)));
  const bands = curves.map(({ points }) =>
    points.flatMap(({ x, low, high }) =>
      low === undefined || high === undefined ? [] : [{ x, low: toAxis(low), high: toAxis(high) }],
    ),
  );
  const all = runs.flat(2);
  const xs = extent(
    all.map(([x]) => x),
    0,
  );
  const ys = extent(
    [
      ...all.map(([, y]) => y),
      ...bands.flat().flatMap(({ low, high }) => [low, high]),
      ...(options.yRange ?? []).map(toAxis),
    ],
    0.05,
  );
  const column = (x: number): number => left + ((x - xs.low) / (xs.high - xs.low)) * (right - left);
  const row = (y: number): number => bottom - ((y - ys.low) / (ys.high - ys.low)) * (bottom - top);
  return {
    width,
    height,
    left,
    top,
    right,
    bottom,
    xTicks: roundNumbers(xs, 8).map((x) => ({ at: column(x), text: shortNumber(x) })),
    yTicks: roundNumbers(ys, 6).map((y) => ({ at: row(y), text: shortNumber(logarithmic ? 10 ** y : y) })),
    marks: (options.marks ?? [])
      .filter(({ x }) => x >= xs.low && x <= xs.high)
      .map(({ x, text }) => ({ at: column(x), text })),
    lines: runs.map((curve) => curve.map((run) => run.map(([x, y]) => [column(x), row(y)] as const))),
    bands: bands.map((band) => [
      ...band.map(({ x, high }) => [column(x), row(high)] as const),
      ...band.toReversed().map(({ x, low }) => [column(x), row(low)] as const),
    ]),
  };
}

interface Range {
  readonly low: number;
  readonly high: number;
}

/** Splits at points that are not finite. */
function unbroken(points: readonly (readonly [number, number])[]): (readonly [number, number])[][] {
  const runs: (readonly [number, number])[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point[0]) && Number.isFinite(point[1])) runs.at(-1)?.push(point);
    else runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

/** Least and greatest value, widened by a share of their distance; never empty. */
function extent(values: readonly number[], padding: number): Range {
  if (values.length === 0) return { low: 0, high: 1 };
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  if (low === high) return { low: low - (Math.abs(low) || 1) / 2, high: high + (Math.abs(high) || 1) / 2 };
  const pad = (high - low) * padding;
  return { low: low - pad, high: high + pad };
}

/** Multiples of 1, 2 or 5 times a power of ten within the range, about `count` of them. */
function roundNumbers({ low, high }: Range, count: number): number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((candidate) => candidate >= rough) ?? rough;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step);
  return ticks;
}

/** At most four digits, thousands as k and millions as M. */
function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trimmed(value / 1e6)}M`;
  if (size >= 1e4) return `${trimmed(value / 1e3)}k`;
  if (size !== 0 && size < 1e-3) return value.toExponential(1).replace('e+', 'e');
  return trimmed(value);
}

const trimmed = (value: number): string => String(Number(value.toPrecision(4)));
