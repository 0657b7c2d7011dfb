/** Line plots as pictures and as SVG text: loss curves, success over time. */
import { drawText, fillRectangle, textWidth } from './font.js';
import type { Colour, Image } from './image.js';
import { blankImage } from './image.js';
import type { Curve, PlotLayout, PlotOptions } from './plotLayout.js';
import { layOut } from './plotLayout.js';

export type { Curve, PlotOptions } from './plotLayout.js';

const PAPER: Colour = [255, 255, 255];
const INK: Colour = [50, 54, 62];
const GRID: Colour = [228, 230, 234];
const MARK: Colour = [150, 80, 160];
/** Told apart also by people who see few colours; source: Okabe and Ito's palette. */
const PALETTE: readonly Colour[] = [
  [0, 114, 178],
  [213, 94, 0],
  [0, 158, 115],
  [204, 121, 167],
  [230, 159, 0],
  [86, 180, 233],
];
const LINE_WIDTH = 2;

const colourOf = (curve: number): Colour => PALETTE[curve % PALETTE.length] ?? INK;

/** Draws the curves over a common pair of axes, with a legend. */
export function plotLines(title: string, curves: readonly Curve[], options: PlotOptions = {}): Image {
  const layout = layOut(curves, options);
  const { left, right, top, bottom } = layout;
  const image = blankImage(layout.width, layout.height, PAPER);
  for (const { at, text } of layout.xTicks) {
    fillRectangle(image, Math.round(at), top, 1, bottom - top, GRID);
    drawText(image, text, Math.round(at - textWidth(text) / 2), bottom + 8, INK);
  }
  for (const { at, text } of layout.yTicks) {
    fillRectangle(image, left, Math.round(at), right - left, 1, GRID);
    drawText(image, text, left - 8 - textWidth(text), Math.round(at) - 3, INK);
  }
  for (const { at, text } of layout.marks) {
    fillRectangle(image, Math.round(at), top, 1, bottom - top, MARK);
    drawText(image, text, Math.min(Math.round(at) + 3, right - textWidth(text)), top + 2, MARK);
  }
  fillRectangle(image, left, top, 1, bottom - top, INK);
  fillRectangle(image, left, bottom, right - left + 1, 1, INK);
  drawText(image, title, left, 12, INK, 2);
  if (options.yLabel !== undefined) drawText(image, options.yLabel, 8, top - 14, INK);
  if (options.xLabel !== undefined) {
    drawText(image, options.xLabel, right - textWidth(options.xLabel), bottom + 26, INK);
  }
  layout.lines.forEach((runs, curve) => {
    for (const run of runs) drawPolyline(image, run, colourOf(curve));
  });
  for (const { name, curve, at } of legend(layout, curves)) {
    fillRectangle(image, at, bottom + 28, 14, 3, colourOf(curve));
    drawText(image, name, at + 20, bottom + 26, INK);
  }
  return image;
}

/**
 * The same plot as an SVG document, with bands and marks. Elements have classes (`paper`, `ink`, `grid`, `curve0`, `area0`, ...), so
 * that a page can give them its own colours.
 */
export function plotSvg(title: string, curves: readonly Curve[], options: PlotOptions = {}): string {
  const layout = layOut(curves, options);
  const { width, height, left, right, top, bottom } = layout;
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" class="ink" fill="${css(INK)}" role="img" aria-label="${escaped(title)}">`,
    `<rect class="paper" width="${width}" height="${height}" fill="${css(PAPER)}"/>`,
    `<text x="${left}" y="26" font-size="18">${escaped(title)}</text>`,
  ];
  const grid = `class="grid" stroke="${css(GRID)}"`;
  for (const { at, text } of layout.xTicks) {
    parts.push(
      `<path d="M${px(at)} ${top}V${bottom}" ${grid}/><text x="${px(at)}" y="${bottom + 18}" text-anchor="middle">${text}</text>`,
    );
  }
  for (const { at, text } of layout.yTicks) {
    parts.push(
      `<path d="M${left} ${px(at)}H${right}" ${grid}/><text x="${left - 8}" y="${px(at + 4)}" text-anchor="end">${text}</text>`,
    );
  }
  for (const { at, text } of layout.marks) {
    parts.push(
      `<path d="M${px(at)} ${top}V${bottom}" stroke="${css(MARK)}"/><text x="${px(at + 3)}" y="${top + 12}" fill="${css(MARK)}">${escaped(text)}</text>`,
    );
  }
  parts.push(`<path class="axis" d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="${css(INK)}"/>`);
  if (options.yLabel !== undefined)
    parts.push(`<text x="8" y="${top - 8}">${escaped(options.yLabel)}</text>`);
  if (options.xLabel !== undefined) {
    parts.push(`<text x="${right}" y="${bottom + 36}" text-anchor="end">${escaped(options.xLabel)}</text>`);
  }
  layout.bands.forEach((band, curve) => {
    if (band.length > 0)
      parts.push(`<path ${area(curve)} d="M${path(band)}Z" fill-opacity="0.18" stroke="none"/>`);
  });
  layout.lines.forEach((runs, curve) => {
    const stroke = `class="curve${curve}" stroke="${css(colourOf(curve))}"`;
    const d = runs.map((run) => `M${path(run)}`).join('');
    parts.push(
      `<path ${stroke} d="${d}" fill="none" stroke-width="${LINE_WIDTH}" stroke-linejoin="round" stroke-linecap="round"/>`,
    );
    if (curves[curve]?.marked)
      for (const [x, y] of runs.flat())
        parts.push(`<circle ${area(curve)} cx="${px(x)}" cy="${px(y)}" r="${2 * LINE_WIDTH}"/>`);
  });
  for (const { name, curve, at } of legend(layout, curves)) {
    parts.push(
      `<rect ${area(curve)} x="${at}" y="${bottom + 28}" width="14" height="3"/><text x="${at + 20}" y="${bottom + 35}">${escaped(name)}</text>`,
    );
  }
  return `${parts.join('\n')}\n</svg>\n`;
}

const area = (curve: number): string => `class="area${curve}" fill="${css(colourOf(curve))}"`;
const path = (points: readonly (readonly [number, number])[]): string =>
  points.map(([x, y]) => `${px(x)} ${px(y)}`).join('L');

/** Names of the curves side by side below the axes. */
function legend(layout: PlotLayout, curves: readonly Curve[]): { name: string; curve: number; at: number }[] {
  let at = layout.left;
  return curves.map(({ name }, curve) => {
    const entry = { name, curve, at };
    at += 40 + textWidth(name);
    return entry;
  });
}

/** Draws a line through the points; pixels at its edge are covered in part. */
function drawPolyline(image: Image, points: readonly (readonly [number, number])[], colour: Colour): void {
  points.forEach(([x, y], i) => {
    const [fromX, fromY] = points[Math.max(0, i - 1)] ?? [x, y];
    drawSegment(image, fromX, fromY, x, y, colour);
  });
}

/** Covers each pixel by how near its centre is to the segment. */
function drawSegment(image: Image, x0: number, y0: number, x1: number, y1: number, colour: Colour): void {
  const reach = LINE_WIDTH / 2 + 0.5;
  const length2 = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  const endRow = Math.min(image.height - 1, Math.ceil(Math.max(y0, y1) + reach));
  const endColumn = Math.min(image.width - 1, Math.ceil(Math.max(x0, x1) + reach));
  for (let row = Math.max(0, Math.floor(Math.min(y0, y1) - reach)); row <= endRow; row++) {
    for (let column = Math.max(0, Math.floor(Math.min(x0, x1) - reach)); column <= endColumn; column++) {
      const dx = column + 0.5 - x0;
      const dy = row + 0.5 - y0;
      const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, (dx * (x1 - x0) + dy * (y1 - y0)) / length2));
      const distance = Math.hypot(dx - along * (x1 - x0), dy - along * (y1 - y0));
      const cover = Math.min(1, reach - distance);
      if (cover <= 0) continue;
      const at = 3 * (row * image.width + column);
      for (let k = 0; k < 3; k++) {
        const old = image.rgb[at + k] ?? 0;
        image.rgb[at + k] = Math.round(old + cover * ((colour[k] ?? 0) - old));
      }
    }
  }
}

const css = ([red, green, blue]: Colour): string => `rgb(${red},${green},${blue})`;
const px = (value: number): string => value.toFixed(1);
const escaped = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
