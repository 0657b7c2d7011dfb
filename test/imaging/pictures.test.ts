import { assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contactSheet } from '#alohad/imaging/contactSheet.js';
import { drawText, textWidth } from '#alohad/imaging/font.js';
import type { Image } from '#alohad/imaging/image.js';
import { blankImage, crop, paste, resize } from '#alohad/imaging/image.js';
import { plotLines, plotSvg } from '#alohad/imaging/plot.js';
import { layOut } from '#alohad/imaging/plotLayout.js';

const pixel = ({ width, rgb }: Image, column: number, row: number): number[] => [
  ...rgb.subarray(3 * (row * width + column)).subarray(0, 3),
];

describe('scaling and cutting', () => {
  test('halving averages 2 x 2 pixels', () => {
    const image = blankImage(4, 2);
    image.rgb.set([10, 0, 0, 20, 0, 0, 0, 8, 0, 0, 8, 0, 30, 0, 0, 40, 0, 0, 0, 8, 0, 0, 8, 0]);
    expect([...resize(image, 2, 1).rgb]).toEqual([25, 0, 0, 0, 8, 0]);
  });

  test('by whole numbers, every pixel is the rounded mean of the pixels it covers', () => {
    const size = integer({ min: 1, max: 6 });
    assert(
      property(size, size, size, size, integer(), (toWidth, toHeight, columns, rows, seed) => {
        const image = blankImage(toWidth * columns, toHeight * rows);
        for (let i = 0; i < image.rgb.length; i++) image.rgb[i] = Math.imul(i + 1, seed | 1) >>> 24;
        const scaled = resize(image, toWidth, toHeight);
        for (let y = 0; y < toHeight; y++) {
          for (let x = 0; x < toWidth; x++) {
            const { rgb } = crop(image, { x: x * columns, y: y * rows, width: columns, height: rows });
            const means = [0, 1, 2].map((colour) => {
              const values = [...rgb].filter((_, i) => i % 3 === colour);
              return Math.round(values.reduce((sum, value) => sum + value, 0) / values.length);
            });
            expect(pixel(scaled, x, y)).toEqual(means);
          }
        }
      }),
    );
  });

  test('keeps the mean brightness, whatever the sizes', () => {
    const size = integer({ min: 1, max: 24 });
    assert(
      property(size, size, size, size, integer(), (width, height, toWidth, toHeight, seed) => {
        const image = blankImage(width, height);
        for (let i = 0; i < image.rgb.length; i++) image.rgb[i] = Math.imul(i + 1, seed | 1) >>> 24;
        const mean = (rgb: Uint8Array): number => rgb.reduce((sum, value) => sum + value, 0) / rgb.length;
        const scaled = resize(image, toWidth, toHeight);
        expect(scaled.rgb).toHaveLength(toWidth * toHeight * 3);
        expect(Math.abs(mean(scaled.rgb) - mean(image.rgb))).toBeLessThanOrEqual(0.5);
      }),
    );
  });

  test('a crop is the pixels of its region; beyond the picture it is refused', () => {
    const image = blankImage(6, 5);
    image.rgb.forEach((_, i) => (image.rgb[i] = i));
    const part = crop(image, { x: 2, y: 1, width: 3, height: 2 });
    expect(pixel(part, 0, 0)).toEqual(pixel(image, 2, 1));
    expect(pixel(part, 2, 1)).toEqual(pixel(image, 4, 2));
    expect(() => crop(image, { x: 4, y: 0, width: 3, height: 2 })).toThrow(
      'region 3 x 2 at (4, 0) leaves the picture of 6 x 5',
    );
  });

  test('pasting cuts off what does not fit', () => {
    const target = blankImage(4, 4);
    paste(target, blankImage(3, 3, [9, 9, 9]), 2, 3);
    expect(pixel(target, 3, 3)).toEqual([9, 9, 9]);
    expect(target.rgb.filter((value) => value === 9)).toHaveLength(2 * 3);
  });
});

describe('labels', () => {
  const drawn = (text: string): string => {
    const image = blankImage(8, 10);
    drawText(image, text, 1, 1, [255, 255, 255]);
    return image.rgb.join();
  };

  test('all printable characters look different', () => {
    const characters = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i));
    expect(new Set(characters.map(drawn)).size).toBe(94);
  });

  test('unknown characters become a question mark', () => {
    expect(drawn('\u{e9}')).toBe(drawn('?'));
  });
});

describe('contact sheets', () => {
  const tile = blankImage(40, 30, [1, 2, 3]);

  test('frame solved trials green, others red', () => {
    const sheet = contactSheet(
      [
        { image: tile, label: 'a', good: true },
        { image: tile, label: 'b', good: false },
      ],
      { columns: 2, tileWidth: 40 },
    );
    const framed = (channel: number) => (column: number) => {
      const colour = pixel(sheet, column, 9);
      return colour[channel] === Math.max(...colour) && (colour[channel] ?? 0) > 100;
    };
    expect(framed(1)(10)).toBe(true);
    expect(framed(0)(10 + 40 + 6 + 8)).toBe(true);
    expect(pixel(sheet, 8 + 3 + 20, 8 + 3 + 15)).toEqual([1, 2, 3]);
  });

  test('grow by rows, and labels never reach the next tile', () => {
    const tiles = Array.from({ length: 5 }, () => ({ image: tile, label: 'a very long label indeed' }));
    const sheet = contactSheet(tiles, { columns: 3, tileWidth: 40 });
    expect(sheet.width).toBe(3 * (40 + 6 + 8) + 8);
    expect(textWidth('a ver..')).toBeLessThanOrEqual(41);
    const gap = Array.from({ length: sheet.height }, (_, row) => pixel(sheet, 8 + 46 + 4, row).join());
    expect(new Set(gap).size).toBe(1);
  });

  test('without pictures there is no sheet', () => {
    expect(() => contactSheet([])).toThrow('at least one picture');
  });
});

describe('plots', () => {
  const curve = { name: 'loss <l1> & kl', points: [0, 1, 2, 3, 4].map((x) => ({ x, y: 10 - 2 * x })) };

  test('map the ends of a curve to the ends of the axes', () => {
    const { lines, left, right, top, bottom } = layOut([curve]);
    const [run = []] = lines[0] ?? [];
    expect(run).toHaveLength(5);
    expect(run[0]?.[0]).toBe(left);
    expect(run[4]?.[0]).toBe(right);
    expect(run[0]?.[1]).toBeGreaterThan(top);
    expect(run[4]?.[1]).toBeLessThan(bottom);
  });

  test('have round numbers on their axes', () => {
    const points = [0, 20_000].map((x) => ({ x, y: x / 1e7 }));
    const { xTicks, yTicks } = layOut([{ name: 'a', points }]);
    expect(xTicks.map(({ text }) => text)).toEqual(['0', '5000', '10k', '15k', '20k']);
    expect(yTicks.map(({ text }) => text)).toContain('5.0e-4');
  });

  test('break a curve where a value is missing, and bear empty ones', () => {
    const broken = { name: 'b', points: [1, Number.NaN, 3, 4].map((y, x) => ({ x, y })) };
    expect(layOut([broken]).lines[0]?.map((run) => run.length)).toEqual([1, 2]);
    expect(layOut([{ name: 'none', points: [] }]).lines[0]).toEqual([]);
    expect(plotLines('none', []).width).toBe(800);
  });

  test('on a logarithmic axis, leave out what has no logarithm', () => {
    const points = [100, 0, -1, 1].map((y, x) => ({ x, y }));
    const { lines, yTicks } = layOut([{ name: 'a', points }], { logarithmic: true });
    expect(lines[0]?.flat()).toHaveLength(2);
    expect(yTicks.map(({ text }) => text)).toEqual(expect.arrayContaining(['1', '10', '100']));
  });

  test('show each curve in its colour', () => {
    const image = plotLines('t', [
      curve,
      { name: 'other', points: curve.points.map(({ x, y }) => ({ x, y: 10 - y })) },
    ]);
    const colours = new Set(
      Array.from({ length: image.rgb.length / 3 }, (_, i) => image.rgb.subarray(3 * i, 3 * i + 3).join()),
    );
    expect(colours.has('0,114,178')).toBe(true);
    expect(colours.has('213,94,0')).toBe(true);
  });

  test('as SVG are well formed, whatever the names', () => {
    const svg = plotSvg('a < b', [curve]);
    expect(svg).toContain('loss &lt;l1&gt; &amp; kl');
    expect(svg).not.toMatch(/NaN|undefined/);
    expect(svg.match(/<path/g)?.length).toBeGreaterThan(5);
  });
});
