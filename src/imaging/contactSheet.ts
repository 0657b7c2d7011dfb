/** Many pictures on one: a grid of labelled thumbnails, each framed green (solved) or red (not). */
import { drawText, fillRectangle, LINE_HEIGHT, textWidth } from './font.js';
import type { Colour, Image } from './image.js';
import { blankImage, paste, resize } from './image.js';

export interface Tile {
  readonly image: Image;
  readonly label: string;
  /** Colour of the frame: green when true, red when false, grey when it makes no sense. */
  readonly good?: boolean;
}

export interface SheetOptions {
  /** Thumbnails per row; by default as square as it gets, at most 8. */
  readonly columns?: number;
  /** Width of a thumbnail [px]; its height follows from its picture. */
  readonly tileWidth?: number;
  /** A line above the grid. */
  readonly title?: string;
}

const PAPER: Colour = [24, 26, 30];
const INK: Colour = [235, 235, 235];
const GOOD: Colour = [60, 180, 90];
const BAD: Colour = [215, 70, 60];
const NEUTRAL: Colour = [110, 115, 125];
const FRAME = 3;
const GAP = 8;

/** Lays the tiles out row by row. All tiles take the size of the first; long labels are cut. */
export function contactSheet(tiles: readonly Tile[], options: SheetOptions = {}): Image {
  const [first] = tiles;
  if (first === undefined) throw new RangeError('a contact sheet needs at least one picture');
  const columns = Math.min(options.columns ?? Math.min(8, Math.ceil(Math.sqrt(tiles.length))), tiles.length);
  const width = options.tileWidth ?? 240;
  const height = Math.round((width * first.image.height) / first.image.width);
  const cellWidth = width + 2 * FRAME + GAP;
  const cellHeight = height + 2 * FRAME + LINE_HEIGHT + 2 + GAP;
  const titleHeight = options.title === undefined ? 0 : 2 * LINE_HEIGHT + GAP;
  const sheet = blankImage(
    columns * cellWidth + GAP,
    Math.ceil(tiles.length / columns) * cellHeight + GAP + titleHeight,
    PAPER,
  );
  if (options.title !== undefined) drawText(sheet, options.title, GAP, GAP, INK, 2);
  tiles.forEach((tile, i) => {
    const left = GAP + (i % columns) * cellWidth;
    const top = GAP + titleHeight + Math.floor(i / columns) * cellHeight;
    const colour = tile.good === undefined ? NEUTRAL : tile.good ? GOOD : BAD;
    fillRectangle(sheet, left, top, width + 2 * FRAME, height + 2 * FRAME, colour);
    paste(sheet, resize(tile.image, width, height), left + FRAME, top + FRAME);
    drawText(sheet, fitted(tile.label, width), left + FRAME, top + height + 2 * FRAME + 3, INK);
  });
  return sheet;
}

/** The text, cut with `..` where it is wider than `width` pixels. */
function fitted(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let end = text.length;
  while (end > 0 && textWidth(`${text.slice(0, end)}..`) > width) end--;
  return `${text.slice(0, end)}..`;
}
