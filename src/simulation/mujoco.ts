/**
 * MuJoCo's WebAssembly module of this thread. `npm ci` makes a copy of the package's file in which small functions are
 * inlined (binaryen's wasm-opt, see `build:physics` in package.json): 6 to 9 % more steps per second and bit-equal, as
 * no floating-point operation changes. Allocation and bindings are left alone: they would make one start-up function
 * so large that its compilation takes a second.
 */
import { existsSync, readFileSync } from 'node:fs';
import loadMujoco, { type MainModule } from '@mujoco/mujoco';

const INLINED = new URL('mujoco.wasm', import.meta.url);

/** Compiling takes 0.3 s: worlds of a thread share it. */
let ofThisThread: Promise<MainModule> | undefined;

export function mujocoOfThisThread(): Promise<MainModule> {
  ofThisThread ??= loadMujoco(existsSync(INLINED) ? { wasmBinary: readFileSync(INLINED) } : undefined);
  return ofThisThread;
}
