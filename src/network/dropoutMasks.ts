/**
 * The masks of all places where activations are dropped, drawn by a kernel (`kernel/dropout.as.ts`) into a memory of
 * its own, which onnxruntime reads without a copy. A step needs millions of bits: a loop in JavaScript took ten times
 * as long, a quarter of a small model's step.
 */
import { readFileSync } from 'node:fs';
import type { RandomStream } from './random.js';

/** WebAssembly memory comes in pages. */
const PAGE_BYTES = 65536;

/** Where the generator's state lies, and the masks after it: the kernel has no data of its own beyond this. */
const STATE = 1024;
const FIRST_MASK = STATE + 16;

/** Masks are drawn 16 bytes at a time. */
const ALIGNMENT = 16;

export class DropoutMasks {
  /** uint8, 1 to keep and 0 to drop. They stay in place; `draw` changes what they hold. */
  readonly masks: readonly Uint8Array[];
  private readonly kernel: Kernel;
  private readonly state: Uint32Array;
  private readonly dropped: number;

  /** Masks of the given sizes, all 0, of which `dropped` / 256 will be dropped; 0 to 255. */
  constructor(sizes: readonly number[], dropped: number) {
    const starts: number[] = [];
    let end = FIRST_MASK;
    for (const size of sizes) {
      starts.push(end);
      end += Math.ceil(size / ALIGNMENT) * ALIGNMENT;
    }
    const memory = new WebAssembly.Memory({ initial: Math.ceil(end / PAGE_BYTES) });
    this.kernel = openKernel(memory);
    if (this.kernel.heapBase.value > STATE)
      throw new Error('dropout.wasm is of another build: run npm run build');
    this.state = new Uint32Array(memory.buffer, STATE, 4);
    this.masks = sizes.map((size, i) => new Uint8Array(memory.buffer, starts[i], size));
    this.dropped = dropped;
  }

  /** Draws all masks anew, four bytes from each word of `random`. */
  draw(random: RandomStream): void {
    this.state.set(random.state);
    for (const mask of this.masks)
      this.kernel.drawMask(STATE, mask.byteOffset, Math.ceil(mask.length / 4), this.dropped);
    random.state.set(this.state);
  }
}

/** What `kernel/dropout.as.ts` exports; addresses are byte offsets into the memory. */
interface Kernel {
  readonly heapBase: { readonly value: number };
  drawMask(state: number, mask: number, words: number, dropped: number): void;
}

/** The part of the WebAssembly interface used here; Node's types leave it to the DOM library. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (limits: { initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (module: object, imports: object) => { readonly exports: Kernel };
};

let compiled: object | undefined;

function openKernel(memory: object): Kernel {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./dropout.wasm', import.meta.url)));
  return new WebAssembly.Instance(compiled, { env: { memory } }).exports;
}
