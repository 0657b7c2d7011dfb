/** The compiled drawing kernel, and the memory that it and its host share. */
import { readFileSync } from 'node:fs';

/** Exports of kernel/rasterizer.as.ts; pointers are byte offsets into `memory`. */
interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly heapBase: { readonly value: number };
  setTarget(depth: number, colour: number, width: number, height: number): void;
  clearTarget(): void;
  drawInstances(
    instances: number,
    count: number,
    camera: number,
    lights: number,
    lightCount: number,
    screen: number,
    colours: number,
    marks: number,
    list: number,
    inView: number,
  ): void;
  drawSky(camera: number, faces: number, size: number): void;
  castShadows(
    instances: number,
    count: number,
    light: number,
    screen: number,
    marks: number,
    list: number,
    map: number,
    size: number,
  ): void;
  applyShadows(camera: number, light: number, map: number, size: number, bias: number): void;
  packRgb(colour: number, rgb: number, pixels: number): void;
  packHalved(colour: number, rgb: number, width: number, height: number): void;
}

/** The part of the WebAssembly interface used here; Node's types leave it to the DOM library. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: KernelExports };
};

/** Compiled once per thread: instances share the machine code, not the memory. */
let compiled: object | undefined;

const PAGE_BYTES = 65536;

/** One instance of the kernel. Blocks of its memory are handed out once and never returned. */
export class Kernel {
  readonly call: KernelExports;
  #end: number;

  constructor() {
    compiled ??= new WebAssembly.Module(readFileSync(new URL('./rasterizer.wasm', import.meta.url)));
    const instance = new WebAssembly.Instance(compiled, {
      env: {
        abort: () => {
          throw new Error('the drawing kernel stopped; this is a defect in alohad');
        },
      },
    });
    this.call = instance.exports;
    this.#end = this.call.heapBase.value;
  }

  /** A new 16-byte aligned block [byte offset]. Growing detaches every view taken before: take views when used. */
  allocate(bytes: number): number {
    const start = (this.#end + 15) & ~15;
    this.#end = start + bytes;
    const missing = this.#end - this.call.memory.buffer.byteLength;
    if (missing > 0) this.call.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return start;
  }

  floats(at: number, length: number): Float32Array {
    return new Float32Array(this.call.memory.buffer, at, length);
  }

  words(at: number, length: number): Uint32Array {
    return new Uint32Array(this.call.memory.buffer, at, length);
  }

  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.call.memory.buffer, at, length);
  }
}
