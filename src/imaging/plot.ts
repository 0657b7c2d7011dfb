/** Line plots as pictures: training curves with axes, a grid and a legend. */
import { drawText, fillRectangle, LINE_HEIGHT, textWidth } from './font.js';
import { blankImage, type Colour, type Image } from './image.js';

export interface PlotLine {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

const SIZE = { width: 900, height: 520 } as const;
const FIELD = { left: 84, top: 44, right: 24, bottom: 44 } as const;
const PAPER: Colour = [250, 250, 250];
const INK: Colour = [40, 42, 48];
const GRID: Colour = [222, 224, 228];
/** Distinguishable for colour-blind readers; source: Okabe and Ito 2008. */
const COLOURS: readonly Colour[] = [
  [0, 114, 178],
  [213, 94, 0],
  [0, 158, 115],
  [204, 121, 167],
  [230, 159, 0],
  [86, 180, 233],
];

interface Range {
  readonly low: number;
  readonly high: number;
}

/** Draws lines over a common x; y is logarithmic when all values are positive and span more than a decade. */
export function plotLines(title: string, lines: readonly PlotLine[]): Image {
  const image = blankImage(SIZE.width, SIZE.height, PAPER);
  const finite = lines.map(({ name, points }) => ({
    name,
    points: points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y)),
  }));
  const all = finite.flatMap(({ points }) => points);
  drawText(image, title, FIELD.left, 14, INK, 2);
  if (all.length === 0) {
    drawText(image, 'no data yet', FIELD.left, FIELD.top + 20, INK, 2);
    return image;
  }
  const xs = rangeOf(all.map(({ x }) => x));
  const raw = rangeOf(all.map(({ y }) => y));
  const logarithmic = raw.low > 0 && raw.high / raw.low > 10;
  const scale = logarithmic ? Math.log10 : (y: number): number => y;
  const ys = { low: scale(raw.low), high: scale(raw.high) };
  const right = SIZE.width - FIELD.right;
  const bottom = SIZE.height - FIELD.bottom;
  const toX = (x: number): number => FIELD.left + share(xs, x) * (right - FIELD.left);
  const toY = (y: number): number => bottom - share(ys, scale(y)) * (bottom - FIELD.top);

  for (const tick of ticks(xs)) {
    const x = Math.round(toX(tick));
    fillRectangle(image, x, FIELD.top, 1, bottom - FIELD.top, GRID);
    const text = short(tick);
    drawText(image, text, Math.round(x - textWidth(text) / 2), bottom + 8, INK);
  }
  for (const tick of logarithmic ? decades(raw) : ticks(raw)) {
    const y = Math.round(toY(tick));
    fillRectangle(image, FIELD.left, y, right - FIELD.left, 1, GRID);
    const text = short(tick);
    drawText(image, text, FIELD.left - 8 - textWidth(text), y - 3, INK);
  }
  finite.forEach(({ name, points }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    points.forEach(({ x, y }, k) => {
      const from = points[Math.max(0, k - 1)]!;
      drawLine(image, toX(from.x), toY(from.y), toX(x), toY(y), colour);
    });
    const legendY = FIELD.top + 10 + i * 2 * LINE_HEIGHT;
    const legendX = right - 16 - textWidth(name, 2);
    fillRectangle(image, legendX - 28, legendY + 5, 20, 4, colour);
    drawText(image, name, legendX, legendY, INK, 2);
  });
  return image;
}

function rangeOf(values: readonly number[]): Range {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}

const share = ({ low, high }: Range, value: number): number => (value - low) / (high - low);

/** Round numbers within the range, about six. */
function ticks({ low, high }: Range): number[] {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

/** 1, 2 and 5 of each decade within the range. */
function decades({ low, high }: Range): number[] {
  const marks: number[] = [];
  for (let power = 10 ** Math.floor(Math.log10(low)); power <= high; power *= 10) {
    for (const factor of [1, 2, 5])
      if (factor * power >= low && factor * power <= high) marks.push(factor * power);
  }
  return marks;
}

const short = (value: number): string => String(Number(value.toPrecision(3)));

/** Two pixels thick, by steps of one pixel. */
function drawLine(image: Image, x0: number, y0: number, x1: number, y1: number, colour: Colour): void {
  const steps = Math.max(1, Math.ceil(Math.max(Math.abs(x1 - x0), Math.abs(y1 - y0))));
  for (let i = 0; i <= steps; i++) {
    const t = i / steps;
    fillRectangle(image, Math.round(x0 + t * (x1 - x0)), Math.round(y0 + t * (y1 - y0)), 2, 2, colour);
  }
}
