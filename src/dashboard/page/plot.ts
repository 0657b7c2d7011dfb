/** Small plots on a canvas: axes, lines, bands, bars, sharp on any screen and in the page's colours. */

export interface Range {
  readonly from: number;
  readonly to: number;
}

/** All values with a little room around them; at least `span` wide. */
export function rangeOf(values: readonly number[], span: number): Range {
  const [low, high] = values.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  );
  if (low > high) return { from: -span / 2, to: span / 2 };
  const half = Math.max(span, (high - low) * 1.25) / 2;
  return { from: (low + high) / 2 - half, to: (low + high) / 2 + half };
}

const MARGIN = { left: 40, right: 20, top: 6, bottom: 18 } as const;
const FONT = '11px system-ui, sans-serif';

/** Colours of the style sheet hold light-dark(), which a canvas understands only once they are computed. */
const computed = new Map<string, string>();
const probe = document.createElement('i');
/** A colour of the style sheet, such as `--good`, for a canvas. */
export function ink(name: string): string {
  const known = computed.get(name);
  if (known !== undefined) return known;
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  computed.set(name, value);
  return value;
}
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  computed.clear();
});

export class Plot {
  readonly #canvas: HTMLCanvasElement;
  readonly #height: number;
  #context: CanvasRenderingContext2D | undefined;
  #x: Range = { from: 0, to: 1 };
  #y: Range = { from: 0, to: 1 };

  constructor(element: HTMLCanvasElement) {
    this.#canvas = element;
    this.#height = element.height;
    element.style.height = `${element.height}px`;
  }

  /** Clears it and draws the axes. Ticks are labelled as given. */
  begin(
    x: Range,
    y: Range,
    ticks: { readonly x?: readonly [number, string][]; readonly y?: readonly [number, string][] },
  ): void {
    const scale = devicePixelRatio;
    const width = this.#canvas.clientWidth;
    const wanted = [Math.round(width * scale), Math.round(this.#height * scale)] as const;
    if (this.#canvas.width !== wanted[0]) this.#canvas.width = wanted[0];
    if (this.#canvas.height !== wanted[1]) this.#canvas.height = wanted[1];
    const context = this.#canvas.getContext('2d')!;
    this.#context = context;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, this.#height);
    this.#x = x;
    this.#y = y;
    context.font = FONT;
    context.fillStyle = ink('--faint');
    context.strokeStyle = ink('--rule');
    context.lineWidth = 1;
    for (const [value, label] of ticks.y ?? []) {
      const at = this.#py(value);
      context.beginPath();
      context.moveTo(MARGIN.left, at);
      context.lineTo(width - MARGIN.right, at);
      context.stroke();
      context.textAlign = 'right';
      context.fillText(label, MARGIN.left - 5, at + 4);
    }
    context.textAlign = 'center';
    for (const [value, label] of ticks.x ?? []) context.fillText(label, this.#px(value), this.#height - 4);
  }

  line(points: Iterable<readonly [number, number]>, stroke: string, width = 1.5, opacity = 1): void {
    const context = this.#context!;
    context.globalAlpha = opacity;
    context.strokeStyle = stroke;
    context.lineWidth = width;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(this.#px(x), this.#py(y));
    context.stroke();
    context.globalAlpha = 1;
  }

  /** A filled rectangle in the plot's own units. */
  bar(x: Range, y: Range, fill: string, opacity = 1): void {
    const context = this.#context!;
    context.globalAlpha = opacity;
    context.fillStyle = fill;
    const [left, top] = [this.#px(x.from), this.#py(y.to)];
    context.fillRect(left, top, Math.max(1, this.#px(x.to) - left), Math.max(0, this.#py(y.from) - top));
    context.globalAlpha = 1;
  }

  text(text: string, x: number, y: number): void {
    const context = this.#context!;
    context.fillStyle = ink('--faint');
    context.textAlign = 'left';
    context.fillText(text, this.#px(x), this.#py(y));
  }

  #px(x: number): number {
    const width = this.#canvas.clientWidth - MARGIN.left - MARGIN.right;
    return MARGIN.left + ((x - this.#x.from) / (this.#x.to - this.#x.from)) * width;
  }

  #py(y: number): number {
    const height = this.#height - MARGIN.top - MARGIN.bottom;
    return MARGIN.top + (1 - (y - this.#y.from) / (this.#y.to - this.#y.from)) * height;
  }
}
